/**
 * Radix sort: a stable counting sort per byte of the key, lowest first. One tile sorts a row in its scratch; few long
 * rows are cut into blocks, which count and move their entries in turns.
 */
import type { Variable } from "../block.js";
import type { Ref } from "../lane-code.js";
import type { Frame, WorkPhase } from "./frame.js";
import type { Entries } from "./sort-entries.js";

/** Shorter rows are merged: clearing and summing the counts costs as much as sorting them. */
export const radixFrom = 512;

const buckets = 256;
/** Bytes of one table of counts. */
export const tableBytes: number = 4 * buckets;

/** Where the entries of a row come from and where the sorted ones go. */
export interface Row {
  readonly entries: Entries;
  /** The entry of element `l`. */
  first(l: Ref): readonly Ref[];
  /** Takes an entry that belongs at `rank`. */
  last(rank: Ref, entry: readonly Ref[]): void;
}

/** Bytes of scratch for a row sorted by one tile: two areas of entries, then a table of counts per byte of the key. */
export const radixBytes = (length: number, bytes: number, digits: number): number =>
  2 * areaOf(length, bytes) + tableBytes * digits;

/** Bytes of an area of entries. */
export const areaOf = (length: number, bytes: number): number =>
  Math.ceil((bytes * (length + 1)) / 64) * 64;

/** Zeroes a table. */
export const clear = (f: Frame, at: Ref, bytes: number): void => {
  f.code.loop(f.constant(0), f.constant(bytes), 16, (i) => {
    f.code.store("v128.store", f.add(at, i), f.four.constant("i32", 0));
  });
};

/** Adds one to the count of a digit; returns what it was. */
export const count = (f: Frame, table: Ref, digit: Ref, offset = 0): Ref => {
  const at = f.at(table, digit, 4);
  const before = f.code.load("i32.load", at, offset, true);
  f.code.pin(before);
  f.code.store("i32.store", at, f.add(before, f.constant(1)), offset);
  return before;
};

/** Counts become the places where their buckets begin. */
const begin = (f: Frame, table: Ref): void => {
  const { code } = f;
  const next = code.variable(f.constant(0));
  code.loop(f.constant(0), f.constant(tableBytes), 4, (i) => {
    const at = f.add(table, i);
    const start = code.get(next);
    const after = f.add(start, code.load("i32.load", at, 0, true));
    code.pin(after);
    code.store("i32.store", at, start);
    code.set(next, after);
  });
};

/** Sorts a row of `length` by the bytes `digits` of its keys, in scratch. */
export const radixSort = (f: Frame, row: Row, length: number, digits: readonly number[]): void => {
  const { code } = f;
  const { entries } = row;
  const { bytes } = entries;
  const area = areaOf(length, bytes);
  const areas = [f.scratch, f.add(f.scratch, f.constant(area))] as const;
  const tables = f.add(f.scratch, f.constant(2 * area));
  const [zero, end] = [f.constant(0), f.constant(length)];
  clear(f, tables, tableBytes * digits.length);
  code.loop(zero, end, 1, (l) => {
    const entry = row.first(l);
    entries.store(f.at(areas[0], l, bytes), entry);
    digits.forEach((digit, n) => {
      count(f, tables, entries.digit(entry, digit), tableBytes * n);
    });
  });
  digits.forEach((digit, n) => {
    const [from, to] = n % 2 === 0 ? areas : [areas[1], areas[0]];
    const table = f.add(tables, f.constant(tableBytes * n));
    begin(f, table);
    code.loop(zero, end, 1, (l) => {
      const entry = entries.load(f.at(from, l, bytes));
      for (const part of entry) code.pin(part);
      const rank = count(f, table, entries.digit(entry, digit));
      if (n === digits.length - 1) row.last(rank, entry);
      else entries.store(f.at(to, rank, bytes), entry);
    });
  });
};

/** The blocks that rows are cut into, and what lies where in the memory that phases share. */
export interface Blocks {
  readonly rows: number;
  readonly length: number;
  readonly block: number;
  readonly blocks: number;
  /** Bytes of an entry. */
  readonly bytes: number;
  readonly digits: readonly number[];
}

const fewRows = 8;
const blockFrom = 32_768;
const blockElements = 32_768;
const mostBlocks = 64;

/** How to cut rows into blocks, or null where each is one tile's work. */
export const blocksOf = (
  rows: number,
  length: number,
  bytes: number,
  digits: readonly number[],
): Blocks | null => {
  if (rows > fewRows || length < blockFrom) return null;
  const blocks = Math.min(mostBlocks, Math.max(2, Math.round(length / blockElements)));
  return { rows, length, block: Math.ceil(length / blocks), blocks, bytes, digits };
};

/** Bytes of two areas of entries and of all tables of a row, and of a word per digit: the area its entries are in. */
const rowBytes = ({ length, bytes, blocks }: Blocks): number =>
  2 * areaOf(length, bytes) + tableBytes * blocks + 64;

export const blockBytes = (b: Blocks): number => b.rows * rowBytes(b);

/** Bytes of scratch of a tile: where each bucket begins for it, and counts of every second entry. */
export const blockScratch: number = 2 * tableBytes;

/** Words of a row's words that tell where the group of place kth begins and ends. */
const rangeWord = 10;

/** The work of one block on digit `n`. */
export class BlockTile {
  readonly #f: Frame;
  readonly #b: Blocks;
  readonly #row: Row;
  readonly #block: Ref;
  readonly #areas: Ref;
  readonly #n: number;
  /** The area that holds the entries. */
  readonly #from: Ref;

  /** `tiles` of them belong to a row. */
  constructor(f: Frame, b: Blocks, n: number, tiles: number, rowOf: (f: Frame, row: Ref) => Row) {
    const [row, block] = f.divmod(f.tile, tiles);
    this.#f = f;
    this.#b = b;
    this.#n = n;
    this.#row = rowOf(f, row);
    this.#block = block;
    this.#areas = f.at(f.shared, row, rowBytes(b));
    this.#from = n === 0 ? f.constant(0) : f.code.load("i32.load", this.#word(n));
  }

  get #area(): number {
    return areaOf(this.#b.length, this.#b.bytes);
  }

  get #tables(): Ref {
    return this.#f.add(this.#areas, this.#f.constant(2 * this.#area));
  }

  #word(n: number): Ref {
    const offset = 2 * this.#area + tableBytes * this.#b.blocks + 4 * n;
    return this.#f.add(this.#areas, this.#f.constant(offset));
  }

  /** Calls `body` with the entries of this block. */
  #each(body: (entry: readonly Ref[], i: Ref) => void): void {
    const f = this.#f;
    const { block, length, bytes } = this.#b;
    const lo = f.times(this.#block, block);
    const hi = f.min(f.add(lo, f.constant(block)), f.constant(length));
    const source = f.at(this.#areas, this.#from, this.#area);
    f.code.loop(lo, hi, 1, (l) => {
      const entry =
        this.#n === 0 ? this.#row.first(l) : this.#row.entries.load(f.at(source, l, bytes));
      for (const part of entry) f.code.pin(part);
      body(entry, l);
    });
  }

  #digit(entry: readonly Ref[]): Ref {
    return this.#row.entries.digit(entry, this.#b.digits[this.#n] ?? 0);
  }

  /** Counts the digits of this block. Equal neighbours would wait for each other's counts: there are two. */
  count(): void {
    const f = this.#f;
    const { code } = f;
    clear(f, f.scratch, 2 * tableBytes);
    this.#each((entry, l) => {
      const odd = code.op("i32.and", l, f.constant(1));
      count(f, f.at(f.scratch, odd, tableBytes), this.#digit(entry));
    });
    const table = f.at(this.#tables, this.#block, tableBytes);
    code.loop(f.constant(0), f.constant(tableBytes), 16, (i) => {
      const from = f.add(f.scratch, i);
      const [a, b] = [0, tableBytes].map((at) => code.load("v128.load", from, at, true));
      code.store("v128.store", f.add(table, i), code.op("i32x4.add", a ?? 0, b ?? 0));
    });
  }

  /**
   * Leaves in scratch where this block's entries of each digit begin; tells whether all have the same digit, or
   * with `kth` notes the range of the group that holds that place.
   */
  #begin(kth: number | null): Variable {
    const f = this.#f;
    const { code } = f;
    const none = f.four.constant("i32", 0);
    code.loop(f.constant(0), f.constant(tableBytes), 16, (i) => {
      const sum = (from: Ref, to: Ref): Ref => {
        const all = code.variable(none);
        code.loop(from, to, 1, (b) => {
          const at = f.add(f.at(this.#tables, b, tableBytes), i);
          code.set(all, code.op("i32x4.add", code.get(all), code.load("v128.load", at, 0, true)));
        });
        const total = code.get(all);
        code.pin(total);
        return total;
      };
      const before = sum(f.constant(0), this.#block);
      const rest = sum(this.#block, f.constant(this.#b.blocks));
      code.store("v128.store", f.add(f.scratch, i), before);
      code.store("v128.store", f.add(f.scratch, i), code.op("i32x4.add", before, rest), tableBytes);
    });
    const next = code.variable(f.constant(0));
    const told = code.variable(f.constant(0));
    code.loop(f.constant(0), f.constant(tableBytes), 4, (i) => {
      const at = f.add(f.scratch, i);
      const total = code.load("i32.load", at, tableBytes, true);
      const start = code.get(next);
      const after = f.add(start, total);
      const own = f.add(start, code.load("i32.load", at, 0, true));
      for (const v of [start, after, own]) code.pin(v);
      code.store("i32.store", at, own);
      code.set(next, after);
      if (kth === null) {
        const all = code.op("i32.eq", total, f.constant(this.#b.length));
        code.set(told, code.op("i32.or", code.get(told), all));
        return;
      }
      code.if(holds(f, start, after, kth), () => {
        code.if(code.op("i32.eqz", this.#block), () => {
          code.store("i32.store", this.#word(rangeWord), start);
          code.store("i32.store", this.#word(rangeWord + 1), after);
        });
      });
    });
    return told;
  }

  /** Moves all entries to the first area, grouped. Telling the group of place `kth` apart here would be guesswork for branches. */
  group(kth: number): void {
    const f = this.#f;
    this.#begin(kth);
    this.#each((entry) => {
      const rank = count(f, f.scratch, this.#digit(entry));
      this.#row.entries.store(f.at(this.#areas, rank, this.#b.bytes), entry);
    });
  }

  /** Brings the entries of this block's places to the result, except for the group of place `kth`. */
  others(): void {
    const f = this.#f;
    const { code } = f;
    const { block, length, bytes } = this.#b;
    const { lo, hi } = this.grouped();
    const from = f.times(this.#block, block);
    const to = f.min(f.add(from, f.constant(block)), f.constant(length));
    const later = code.select(code.op("i32.gt_s", hi, from), hi, from);
    for (const [start, end] of [
      [from, f.min(to, lo)],
      [later, to],
    ] as const)
      code.loop(start, end, 1, (l) => {
        const entry = this.#row.entries.load(f.at(this.#areas, l, bytes));
        for (const part of entry) code.pin(part);
        this.#row.last(l, entry);
      });
  }

  /** What `group` left: its range, and the areas, of which the first has the entries. */
  grouped(): Grouped {
    const f = this.#f;
    const [lo, hi] = [0, 1].map((i) => f.code.load("i32.load", this.#word(rangeWord + i)));
    const other = f.add(this.#areas, f.constant(this.#area));
    return { lo: lo ?? 0, hi: hi ?? 0, areas: [this.#areas, other] };
  }

  /** Moves the entries of this block to where this digit puts them. */
  move(): void {
    const f = this.#f;
    const { code } = f;
    const { bytes, digits } = this.#b;
    const n = this.#n;
    const single = this.#begin(null);
    if (n === digits.length - 1) {
      this.#each((entry) => {
        this.#row.last(count(f, f.scratch, this.#digit(entry)), entry);
      });
      return;
    }
    // The first byte also makes entries of elements; the others are skipped where they tell nothing apart.
    const moves = n === 0 ? f.constant(1) : code.op("i32.eqz", code.get(single));
    code.pin(moves);
    const to = n === 0 ? f.constant(0) : code.op("i32.xor", this.#from, moves);
    code.pin(to);
    code.if(code.op("i32.eqz", this.#block), () => {
      code.store("i32.store", this.#word(n + 1), to);
    });
    code.if(moves, () => {
      const target = f.at(this.#areas, to, this.#area);
      this.#each((entry) => {
        const rank = count(f, f.scratch, this.#digit(entry));
        this.#row.entries.store(f.at(target, rank, bytes), entry);
      });
    });
  }
}

/** A group of entries, from place `lo` up to `hi`, in the first of two areas. */
export interface Grouped {
  readonly lo: Ref;
  readonly hi: Ref;
  readonly areas: readonly [Ref, Ref];
}

/** Whether the places from `start` up to `after` hold place `kth`. */
export const holds = (f: Frame, start: Ref, after: Ref, kth: number): Ref => {
  const begun = f.code.op("i32.le_s", start, f.constant(kth));
  return f.code.op("i32.and", begun, f.code.op("i32.gt_s", after, f.constant(kth)));
};

/** The phases that sort rows in blocks: for each digit one that counts and one that moves. */
export const blockPhases = (b: Blocks, rowOf: (f: Frame, row: Ref) => Row): WorkPhase[] =>
  b.digits.flatMap((_, n) => [
    {
      tiles: b.rows * b.blocks,
      tileCost: 0.6 * b.block,
      write: (f: Frame) => new BlockTile(f, b, n, b.blocks, rowOf).count(),
    },
    {
      tiles: b.rows * b.blocks,
      tileCost: 1.5 * b.block,
      write: (f: Frame) => new BlockTile(f, b, n, b.blocks, rowOf).move(),
    },
  ]);

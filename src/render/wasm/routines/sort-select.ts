/**
 * Selection: rows are grouped by the bytes of their keys, highest first, and only the group that holds place `kth` is
 * grouped any further; all others are where they belong.
 */
import type { Ref } from "../lane-code.js";
import type { Frame, WorkPhase } from "./frame.js";
import {
  areaOf,
  type Blocks,
  BlockTile,
  clear,
  count,
  type Grouped,
  holds,
  type Row,
  tableBytes,
} from "./sort-radix.js";

/** Groups the entries of a group by `digits`; a row's elements become entries first where there are none yet. */
const narrow = (
  f: Frame,
  row: Row,
  kth: number,
  digits: readonly number[],
  group: Grouped,
  table: Ref,
  madeBefore: boolean,
): void => {
  const { code } = f;
  const { entries } = row;
  const { bytes } = entries;
  const [lo, hi] = [code.variable(group.lo), code.variable(group.hi)];
  const [from, to] = [code.variable(group.areas[0]), code.variable(group.areas[1])];
  const chosen = code.variable(f.constant(0));
  digits.forEach((digit, n) => {
    const made = madeBefore || n > 0;
    const [begin, end] = [code.get(lo), code.get(hi)];
    for (const v of [begin, end]) code.pin(v);
    const each = (body: (entry: readonly Ref[], digit: Ref) => void): void =>
      code.loop(begin, end, 1, (l) => {
        const entry = made ? entries.load(f.at(code.get(from), l, bytes)) : row.first(l);
        for (const part of entry) code.pin(part);
        body(entry, entries.digit(entry, digit));
      });
    clear(f, table, tableBytes);
    each((_, d) => count(f, table, d));
    const next = code.variable(begin);
    code.loop(f.constant(0), f.constant(tableBytes), 4, (i) => {
      const at = f.add(table, i);
      const start = code.get(next);
      const after = f.add(start, code.load("i32.load", at, 0, true));
      for (const v of [start, after]) code.pin(v);
      code.store("i32.store", at, start);
      code.set(next, after);
      code.if(holds(f, start, after, kth), () => {
        code.set(chosen, code.op("i32.shr_u", i, f.constant(2)));
        code.set(lo, start);
        code.set(hi, after);
      });
    });
    const bucket = code.get(chosen);
    code.pin(bucket);
    if (n === digits.length - 1) {
      each((entry, d) => row.last(count(f, table, d), entry));
      return;
    }
    const move = (): void => {
      each((entry, d) => {
        const rank = count(f, table, d);
        code.if(
          code.op("i32.eq", d, bucket),
          () => entries.store(f.at(code.get(made ? to : from), rank, bytes), entry),
          () => row.last(rank, entry),
        );
      });
      if (!made) return;
      const [a, b] = [code.get(from), code.get(to)];
      for (const v of [a, b]) code.pin(v);
      code.set(from, b);
      code.set(to, a);
    };
    // Where the byte tells nothing apart, nothing moves.
    const kept = code.op("i32.sub", code.get(hi), code.get(lo));
    if (made) code.if(code.op("i32.ne", kept, f.sub(end, begin)), move);
    else move();
  });
};

/** Brings the element of place `kth` of a row there, none before it greater and none after it smaller, in scratch. */
export const radixSelect = (
  f: Frame,
  row: Row,
  length: number,
  kth: number,
  digits: readonly number[],
): void => {
  const area = areaOf(length, row.entries.bytes);
  const second = f.add(f.scratch, f.constant(area));
  const group = { lo: f.constant(0), hi: f.constant(length), areas: [f.scratch, second] } as const;
  narrow(f, row, kth, digits, group, f.add(second, f.constant(area)), false);
};

/** The phases that do it in blocks: counting, grouping by the highest byte, other groups, and the rest of each row as one tile. */
export const selectPhases = (
  b: Blocks,
  kth: number,
  rowOf: (f: Frame, row: Ref) => Row,
): WorkPhase[] => {
  const phase = (tiles: number, tileCost: number, write: (f: Frame) => void): WorkPhase => ({
    tiles,
    tileCost,
    write,
  });
  const tiles = b.rows * b.blocks;
  return [
    phase(tiles, 0.6 * b.block, (f) => new BlockTile(f, b, 0, b.blocks, rowOf).count()),
    phase(tiles, 1.5 * b.block, (f) => new BlockTile(f, b, 0, b.blocks, rowOf).group(kth)),
    phase(tiles, b.block, (f) => new BlockTile(f, b, 0, b.blocks, rowOf).others()),
    phase(b.rows, b.length, (f) => {
      const group = new BlockTile(f, b, 0, 1, rowOf).grouped();
      narrow(f, rowOf(f, f.tile), kth, b.digits.slice(1), group, f.scratch, true);
    }),
  ];
};

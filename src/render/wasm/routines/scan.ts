/**
 * Scans: running sums, products and extrema; float32 and narrower floats accumulate in doubles, rounding at each store.
 * Where there are few rows they are cut into blocks: one phase combines each, the next scans it from what came before.
 */
import { float32 } from "../../../core/dtype.js";
import { InternalError } from "../../../core/errors.js";
import type { Ref } from "../lane-code.js";
import { chosen, combinePairs, loadPair, type Pair, storePair } from "./complex.js";
import type { Frame, Work, WorkPhase } from "./frame.js";
import type { Scan } from "./scan-carry.js";
import { ColumnScan } from "./scan-columns.js";
import { RowScan } from "./scan-row.js";

/** Most columns of one tile where columns lie side by side: their carries stay in the first-level cache. */
const mostColumns = 1024;
/** Few columns make short runs of memory; more tiles than these are not needed. */
const leastColumns = 128;
const enoughTiles = 16;
/** Elements of a block, and the most blocks of a row. */
const blockElements = 16384;
const mostBlocks = 256;

/** Complex sums are real sums of twice as many columns. */
const simplified = (r: Scan): Scan =>
  r.dtype.kind === "complex" && r.how === "sum" ? { ...r, dtype: float32, inner: 2 * r.inner } : r;

const scanComplexColumn = (f: Frame, r: Scan, source: Ref, target: Ref): void => {
  const { code } = f;
  const start = r.how === "prod" ? 1 : r.how === "max" ? -Infinity : Infinity;
  const re = code.variable(code.f64(start));
  const im = code.variable(code.f64(r.how === "prod" ? 0 : start));
  const bytes = r.inner * r.dtype.size;
  code.loop(f.constant(0), f.constant(r.length), 1, (step) => {
    const l = r.reverse ? f.sub(f.constant(r.length - 1), step) : step;
    const offset = f.times(l, bytes);
    const value = loadPair(f, f.add(source, offset));
    const before: Pair = { re: code.get(re), im: code.get(im) };
    const combined = combinePairs(f, r.how, before, value);
    const first = code.op("i32.eqz", step);
    const after = r.exclusive ? combined : chosen(f, first, value, combined);
    code.pin(after.re);
    code.pin(after.im);
    storePair(f, f.add(target, offset), r.exclusive ? before : after);
    code.set(re, after.re);
    code.set(im, after.im);
  });
};

/** How the elements are cut: columns side by side per tile, and blocks along the scanned axis. */
interface Cut {
  readonly chunk: number;
  readonly chunks: number;
  /** Positions of a block. */
  readonly block: number;
  readonly blocks: number;
}

const cutOf = ({ outer, length, inner }: Scan): Cut => {
  const wanted = Math.ceil(inner / Math.ceil(enoughTiles / Math.max(outer, 1)) / 16) * 16;
  const chunk = Math.min(inner, mostColumns, Math.max(leastColumns, wanted));
  const chunks = Math.ceil(inner / chunk);
  const least = Math.max(4, Math.ceil(blockElements / chunk), Math.ceil(length / mostBlocks));
  const block = Math.ceil(least / 4) * 4;
  const few = outer * chunks < enoughTiles && length > block;
  return { chunk, chunks, ...(few ? { block, blocks: Math.ceil(length / block) } : whole(length)) };
};

const whole = (length: number): Pick<Cut, "block" | "blocks"> => ({ block: length, blocks: 1 });

/** One tile: a block of some columns of a plane. */
interface Tile {
  readonly source: Ref;
  readonly target: Ref;
  /** Columns. */
  readonly count: Ref;
  readonly from: Ref;
  readonly to: Ref;
  /** The first carry of the block, and of the first block of these columns. */
  readonly carries: Ref;
  readonly first: Ref;
  /** The number of the block. */
  readonly block: Ref;
}

/** Bytes kept per carry. */
const carryBytes = 8;

const tileOf = (f: Frame, r: Scan, cut: Cut): Tile => {
  const { length, inner, dtype } = r;
  const [plane, rest] = f.divmod(f.tile, cut.chunks * cut.blocks);
  const [block, part] = f.divmod(rest, cut.chunks);
  const column = f.times(part, cut.chunk);
  const offset = f.add(f.times(plane, length * inner * dtype.size), f.times(column, dtype.size));
  const from = f.times(block, cut.block);
  const single = cut.blocks === 1;
  const first = f.at(f.at(f.shared, plane, cut.blocks * inner * carryBytes), column, carryBytes);
  return {
    source: f.add(f.buffer(0), offset),
    target: f.add(f.buffer(1), offset),
    count: f.min(f.sub(f.constant(inner), column), f.constant(cut.chunk)),
    from: single ? f.constant(0) : from,
    to: single ? f.constant(length) : f.min(f.add(from, f.constant(cut.block)), f.constant(length)),
    carries: f.at(first, block, inner * carryBytes),
    first,
    block,
  };
};

/** Combines the elements of a block. */
const collect = (f: Frame, r: Scan, t: Tile): void => {
  if (r.inner === 1) {
    const row = new RowScan(f, r);
    row.storeCarry(t.carries, row.total(t.source, t.from, t.to));
    return;
  }
  const columns = new ColumnScan(f, r, t.count);
  columns.start(t.carries);
  columns.walk(t.carries, t.source, null, t.from, t.to);
};

/** Scans a block, with the combination of all blocks before it. */
const spread = (f: Frame, r: Scan, t: Tile, blocks: number): void => {
  const { code } = f;
  const zero = f.constant(0);
  if (r.inner === 1) {
    const row = new RowScan(f, r);
    const carry = code.variable(row.start());
    if (blocks > 1) {
      code.loop(zero, t.block, 1, (b) => {
        const part = row.loadCarry(f.at(t.first, b, carryBytes));
        code.set(carry, row.combine(code.get(carry), part));
      });
    }
    const before = code.get(carry);
    code.pin(before);
    row.scan(t.source, t.target, t.from, t.to, before);
    return;
  }
  const columns = new ColumnScan(f, r, t.count);
  columns.start(f.scratch);
  if (blocks > 1) {
    code.loop(zero, t.block, 1, (b) =>
      columns.join(f.scratch, f.at(t.first, b, r.inner * carryBytes)),
    );
  }
  columns.walk(f.scratch, t.source, t.target, t.from, t.to);
};

const complexWork = (r: Scan): Work => {
  const { outer, length, inner, dtype } = r;
  if (r.how === "sum") throw new InternalError("[scan] complex sums are real sums");
  const write = (f: Frame): void => {
    const [plane, column] = f.divmod(f.tile, inner);
    const bytes = length * inner * dtype.size;
    const offset = f.add(f.times(plane, bytes), f.times(column, dtype.size));
    scanComplexColumn(f, r, f.add(f.buffer(0), offset), f.add(f.buffer(1), offset));
  };
  const tiles = length === 0 ? 0 : outer * inner;
  return { scratchBytes: 0, phases: [{ tiles, tileCost: 3 * length, write }] };
};

export const scanWork = (routine: Scan): Work => {
  const r = simplified(routine);
  if (r.dtype.kind === "complex") return complexWork(r);
  const cut = cutOf(r);
  const { blocks } = cut;
  const tiles = r.length === 0 ? 0 : r.outer * blocks * cut.chunks;
  const elements = cut.block * cut.chunk;
  const scan: WorkPhase = {
    tiles,
    tileCost: elements * 0.6,
    write: (f) => spread(f, r, tileOf(f, r, cut), blocks),
  };
  const scratchBytes = r.inner === 1 ? 0 : carryBytes * cut.chunk + 16;
  if (blocks === 1) return { scratchBytes, phases: [scan] };
  const combine: WorkPhase = {
    tiles,
    tileCost: elements * (r.inner === 1 ? 0.15 : 0.4),
    write: (f) => collect(f, r, tileOf(f, r, cut)),
  };
  const sharedBytes = carryBytes * r.outer * blocks * r.inner + 64;
  return { scratchBytes, sharedBytes, phases: [combine, scan] };
};

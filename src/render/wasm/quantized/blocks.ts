/** Products of many rows: blocks of the quantized matrix are decoded into scratch, where register tiles read them. */
import type { QuantizedSizes } from "../../../core/routine.js";
import type { Features } from "../../contract.js";
import { countsOf, Layout, panelOf, panelsOf, pitchOf } from "../attention/blocks.js";
import { packRows, panelColumns, panelLine } from "../attention/pack.js";
import { cost, type Int, Steps, type TilePhase, type Tiles } from "../attention/steps.js";
import { sweepsOf } from "../attention/sweep.js";
import { rowTile } from "../contract/micro.js";
import type { Module } from "../encoder.js";
import { codesOf } from "./chunk.js";
import { emitDecode, groupsOf, type QuantizedRows, wordBytes } from "./decode.js";
import { emitColumns, emitScatter, emitSpread } from "./finish.js";

/** The most rows, columns and steps of a block: what a register tile reads again stays in the L1 cache, all in the L2. */
const most = { rows: 120, columns: 256, depth: 384 } as const;
/** Nanoseconds of a decoded number. */
const decoding = 0.35;

/** Equal parts of at most `limit`, each a multiple of `unit`. */
const even = (size: number, limit: number, unit: number): number =>
  Math.ceil(Math.ceil(size / Math.max(1, Math.floor(Math.ceil(size / limit)))) / unit) * unit;

/** What the quantized matrix of a product is called by: rows of it, one behind the other. */
export const rowsOf = (s: QuantizedSizes): QuantizedRows => ({
  format: s.format,
  scales: s.scales,
  length: s.transpose ? s.depth : s.columns,
});

/** Where the buffers behind the scales are. */
export const buffersOf = (s: QuantizedSizes): { readonly picks: number; readonly out: number } => {
  const next = s.format.mode === "affine" ? 4 : 3;
  return { picks: next, out: s.picks ? next + 1 : next };
};

/** The number of the first row of the matrix that takes part in a product, among all rows. */
export const firstRow = (x: Steps, s: QuantizedSizes, product: Int): Int => {
  const rows = s.transpose ? s.columns : s.depth;
  if (!s.picks) return x.keep(x.times(product, rows));
  const own = (): void => {
    x.place(buffersOf(s).picks, product, 4)();
    x.f.op("i32.load", 0);
  };
  const outer = x.times(x.quotient(product, s.count), s.matrices);
  return x.keep(x.times(x.add(outer, own), rows));
};

/** Calls a function (words, scales, biases, …) on rows from `row` and groups from `group` on. */
export const callRows = (
  x: Steps,
  s: QuantizedSizes,
  row: Int,
  group: Int,
): readonly [words: Int, scales: Int, biases: Int] => {
  const rows = rowsOf(s);
  const { groupSize, bits } = s.format;
  const at = (buffer: number): Int =>
    x.place(buffer, x.add(x.times(row, groupsOf(rows)), group), s.scales.size);
  const words = x.add(x.place(1, row, wordBytes(rows)), x.times(group, (groupSize * bits) / 8));
  return [words, at(2), s.format.mode === "affine" ? at(3) : x.constant(0)];
};

/** Rows of the decoded matrix meet panels of x, so that nothing decoded is moved again; the result is turned at last. */
const acrossRows = (module: Module, s: QuantizedSizes, features: Features): Tiles => {
  const { format, depth, rows, columns } = s;
  const quantized = rowsOf(s);
  const block = {
    columns: even(columns, most.rows, rowTile),
    rows: even(rows, most.columns, panelColumns),
    depth: even(depth, most.depth, format.groupSize),
  };
  const codes = codesOf(format);
  const pitch = { a: pitchOf(block.depth), b: panelOf(depth), c: pitchOf(block.rows) };
  const panels = panelsOf(rows);
  const layout = new Layout();
  const a = layout.take(block.columns * pitch.a);
  const c = layout.take(block.columns * pitch.c);

  const spread = emitSpread(module, features, s);
  const decode = emitDecode(module, features, quantized, {
    row: pitch.a,
    chunk: 16 * codes,
    vector: (j) => 16 * j,
  });
  const sweep = sweepsOf(module, features)(
    { aRow: pitch.a, aStep: 4, bPanel: pitch.b, cRow: pitch.c },
    countsOf(columns, block.columns),
  );
  const finish = emitColumns(module, features, s, pitch.c);

  const packing = new Steps(module.func(["i32", "i32", "i32"]));
  {
    const x = packing;
    const product = x.keep(x.quotient(x.tile, panels));
    const first = x.keep(x.times(x.rest(x.tile, panels), panelColumns));
    const from = x.place(0, x.add(x.times(product, rows), first), depth * s.dtype.size);
    const count = x.least(x.constant(panelColumns), x.sub(x.constant(rows), first));
    x.call(spread, from, x.add(x.shared, x.times(x.tile, pitch.b)), count);
  }
  const x = new Steps(module.func(["i32", "i32", "i32"]));
  const [down, across] = [Math.ceil(rows / block.rows), Math.ceil(columns / block.columns)];
  const product = x.keep(x.quotient(x.tile, down * across));
  const own = x.keep(x.rest(x.tile, down * across));
  const n = x.keep(x.times(x.quotient(own, down), block.columns));
  const m = x.keep(x.times(x.rest(own, down), block.rows));
  const width = x.keep(x.least(x.constant(block.columns), x.sub(x.constant(columns), n)));
  const height = x.keep(x.least(x.constant(block.rows), x.sub(x.constant(rows), m)));
  const first = x.keep(x.add(firstRow(x, s, product), n));
  const panel = x.keep(x.add(x.times(product, panels), x.quotient(m, panelColumns)));
  const count = x.keep(x.quotient(x.add(height, x.constant(panelColumns - 1)), panelColumns));
  const [aAt, cAt] = [x.scratch(a), x.scratch(c)];
  x.blocks(x.constant(0), x.constant(depth), block.depth, (k, steps) => {
    const group = x.keep(x.quotient(k, format.groupSize));
    const groups = x.quotient(steps, format.groupSize);
    x.call(decode, ...callRows(x, s, first, group), aAt, width, groups);
    const b = x.add(x.add(x.shared, x.times(panel, pitch.b)), x.times(k, panelLine));
    const fresh: Int = () => {
      k();
      x.f.op("i32.eqz");
    };
    x.call(sweep, aAt, b, cAt, width, steps, count, fresh);
  });
  const out = x.add(
    x.place(buffersOf(s).out, x.add(x.times(product, rows), m), columns * s.dtype.size),
    x.times(n, s.dtype.size),
  );
  x.call(finish, cAt, out, width, height);

  const products = s.outer * s.count;
  const tileCost =
    Math.min(columns, block.columns) *
    depth *
    (decoding + Math.min(rows, block.rows) * cost.product);
  const phases: readonly [TilePhase, TilePhase] = [
    { tile: packing.f, tiles: products * panels, tileCost: panelColumns * depth * 0.5 },
    { tile: x.f, tiles: products * down * across, tileCost },
  ];
  return { phases, scratchBytes: layout.total, sharedBytes: products * panels * pitch.b };
};

/** Rows of x meet panels of the decoded matrix, whose columns are put in order when rows are finished. */
const alongRows = (module: Module, s: QuantizedSizes, features: Features): Tiles => {
  const { format, depth, rows, columns, dtype } = s;
  const quantized = rowsOf(s);
  const block = {
    columns: even(columns, most.columns, format.groupSize),
    rows: even(rows, 2 * most.rows, rowTile),
    depth: even(depth, most.depth, 1),
  };
  const codes = codesOf(format);
  const pitch = { b: panelOf(block.depth), c: pitchOf(block.columns) };
  const layout = new Layout();
  const b = layout.take(panelsOf(block.columns) * pitch.b);
  const c = layout.take(block.rows * pitch.c);
  const copied = dtype.size !== 4;

  const decode = emitDecode(module, features, quantized, {
    row: panelLine,
    chunk: (codes / 2) * pitch.b,
    vector: (j) => Math.floor(j / 2) * pitch.b + (j % 2) * 16,
  });
  const sweep = sweepsOf(module, features)(
    { aRow: 4 * depth, aStep: 4, bPanel: pitch.b, cRow: pitch.c },
    countsOf(rows, block.rows),
  );
  const finish = emitScatter(module, features, s, pitch.c);

  const x = new Steps(module.func(["i32", "i32", "i32"]));
  const [down, across] = [Math.ceil(rows / block.rows), Math.ceil(columns / block.columns)];
  const product = x.keep(x.quotient(x.tile, down * across));
  const own = x.keep(x.rest(x.tile, down * across));
  const n = x.keep(x.times(x.quotient(own, down), block.columns));
  const m = x.keep(x.times(x.rest(own, down), block.rows));
  const width = x.keep(x.least(x.constant(block.columns), x.sub(x.constant(columns), n)));
  const height = x.keep(x.least(x.constant(block.rows), x.sub(x.constant(rows), m)));
  const first = firstRow(x, s, product);
  const group = x.keep(x.quotient(n, format.groupSize));
  const groups = x.keep(x.quotient(width, format.groupSize));
  const row = x.keep(x.add(x.times(product, rows), m));
  const [bAt, cAt] = [x.scratch(b), x.scratch(c)];
  x.blocks(x.constant(0), x.constant(depth), block.depth, (k, steps) => {
    x.call(decode, ...callRows(x, s, x.keep(x.add(first, k)), group), bAt, steps, groups);
    const base = copied ? x.add(x.shared, x.times(row, 4 * depth)) : x.place(0, row, 4 * depth);
    const fresh: Int = () => {
      k();
      x.f.op("i32.eqz");
    };
    const panels = x.quotient(width, panelColumns);
    x.call(sweep, x.add(base, x.times(k, 4)), bAt, cAt, height, steps, panels, fresh);
  });
  const out = x.add(x.place(buffersOf(s).out, row, columns * dtype.size), x.times(n, dtype.size));
  x.call(finish, cAt, out, height, x.quotient(width, 4 * codes));

  const products = s.outer * s.count;
  const tileCost =
    Math.min(columns, block.columns) *
    depth *
    (decoding + Math.max(2, Math.min(rows, block.rows)) * cost.product);
  const main = { tile: x.f, tiles: products * down * across, tileCost };
  const scratchBytes = layout.total;
  if (!copied) return { phases: [main], scratchBytes, sharedBytes: 0 };
  const copy = packRows(module, features, { dtype, columns: depth }, 4 * depth, 1);
  const copying = new Steps(module.func(["i32", "i32", "i32"]));
  {
    const y = copying;
    const from = y.place(0, y.tile, depth * dtype.size);
    y.call(copy, from, y.add(y.shared, y.times(y.tile, 4 * depth)), y.constant(1));
  }
  const first0 = { tile: copying.f, tiles: products * rows, tileCost: depth * 0.3 };
  return { phases: [first0, main], scratchBytes, sharedBytes: products * rows * depth * 4 };
};

export const blockTiles = (module: Module, s: QuantizedSizes, features: Features): Tiles =>
  s.transpose ? acrossRows(module, s, features) : alongRows(module, s, features);

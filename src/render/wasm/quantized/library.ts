/** Products of many rows by a library of the system: it reads blocks of the quantized matrix that are decoded into scratch. */
import type { QuantizedSizes } from "../../../core/routine.js";
import type { Features } from "../../contract.js";
import { Layout, pitchOf } from "../attention/blocks.js";
import { packRows } from "../attention/pack.js";
import { type Int, Steps, type TilePhase, type Tiles } from "../attention/steps.js";
import type { Import, Module } from "../encoder.js";
import { buffersOf, callRows, firstRow, rowsOf } from "./blocks.js";
import { codesOf } from "./chunk.js";
import { emitDecode } from "./decode.js";
import { emitOrder, emitScatter, emitStoreRows } from "./finish.js";

/** So few rows that decoding would cost more than a library saves. */
const fewestRows = 16;
/** The most rows of x and columns of the result in one tile. */
const most = { rows: 512, columns: 128 } as const;
/** Nanoseconds of a multiply-add, and of a decoded number. */
const cost = { product: 0.02, code: 0.35 } as const;

/** Whether the system's library is there and pays for this product. */
export const hasLibrary = (s: QuantizedSizes, { library }: Features): boolean => {
  if (library === undefined || s.rows < fewestRows) return false;
  const found = library();
  if (found === null || Math.min(s.rows, s.columns) < found.leastSide) return false;
  return s.rows * s.columns * s.depth >= found.leastWork;
};

/** `gemm` is the library's product of float32, see `Library`. */
export const libraryTiles = (
  module: Module,
  s: QuantizedSizes,
  features: Features,
  gemm: Import,
): Tiles => {
  const { format, transpose, depth, rows, columns, dtype } = s;
  const { groupSize } = format;
  const unit = transpose ? 1 : groupSize;
  const block = {
    rows: Math.min(rows, most.rows),
    columns: Math.min(columns, Math.max(unit, most.columns)),
  };
  const codes = codesOf(format);
  const pitch = { w: pitchOf(transpose ? depth : block.columns), c: pitchOf(block.columns) };
  // Without packing or rounding the library reads and writes arrays where they are.
  const copied = transpose || dtype.size !== 4;
  const direct = transpose && dtype.size === 4;
  const layout = new Layout();
  const w = layout.take((transpose ? block.columns : depth) * pitch.w);
  const c = direct ? 0 : layout.take(block.rows * pitch.c);
  const decode = emitDecode(module, features, rowsOf(s), {
    row: pitch.w,
    chunk: 16 * codes,
    vector: (j) => 16 * j,
  });
  const finish = direct
    ? null
    : (transpose ? emitStoreRows : emitScatter)(module, features, s, pitch.c);

  const x = new Steps(module.func(["i32", "i32", "i32"]));
  const [down, across] = [Math.ceil(rows / block.rows), Math.ceil(columns / block.columns)];
  const product = x.keep(x.quotient(x.tile, down * across));
  const own = x.keep(x.rest(x.tile, down * across));
  const n = x.keep(x.times(x.quotient(own, down), block.columns));
  const m = x.keep(x.times(x.rest(own, down), block.rows));
  const width = x.keep(x.least(x.constant(block.columns), x.sub(x.constant(columns), n)));
  const height = x.keep(x.least(x.constant(block.rows), x.sub(x.constant(rows), m)));
  const row = x.keep(x.add(x.times(product, rows), m));
  const [wAt, cAt] = [x.scratch(w), x.scratch(c)];
  const start = firstRow(x, s, product);
  const first = transpose ? x.keep(x.add(start, n)) : start;
  const group = transpose ? x.constant(0) : x.keep(x.quotient(n, groupSize));
  const count = transpose ? width : x.constant(depth);
  const groups = transpose ? x.constant(depth / groupSize) : x.quotient(width, groupSize);
  x.call(decode, ...callRows(x, s, first, group), wAt, count, groups);
  const out = x.keep(
    x.add(x.place(buffersOf(s).out, row, columns * dtype.size), x.times(n, dtype.size)),
  );
  const from = copied ? x.add(x.shared, x.times(row, 4 * depth)) : x.place(0, row, 4 * depth);
  const operands: readonly Int[] = [
    x.constant(0),
    x.constant(transpose ? 1 : 0),
    height,
    width,
    x.constant(depth),
    from,
    x.constant(depth),
    wAt,
    x.constant(pitch.w / 4),
    direct ? out : cAt,
    x.constant(direct ? columns : pitch.c / 4),
  ];
  for (const operand of operands) operand();
  x.f.call(gemm);
  if (finish !== null) {
    const last = transpose ? width : x.quotient(width, 4 * codes);
    x.call(finish, cAt, out, height, last);
  }

  const products = s.outer * s.count;
  const size = Math.min(columns, block.columns) * depth;
  const tileCost = size * (cost.code + block.rows * cost.product);
  const main: TilePhase = { tile: x.f, tiles: products * down * across, tileCost };
  const scratchBytes = layout.total;
  if (!copied) return { phases: [main], scratchBytes, sharedBytes: 0 };
  const copy = transpose
    ? emitOrder(module, features, s, null)
    : packRows(module, features, { dtype, columns: depth }, 4 * depth, 1);
  const y = new Steps(module.func(["i32", "i32", "i32"]));
  const to = y.add(y.shared, y.times(y.tile, 4 * depth));
  y.call(copy, y.place(0, y.tile, depth * dtype.size), to, y.constant(1));
  const packing = { tile: y.f, tiles: products * rows, tileCost: depth * 0.6 };
  return {
    phases: [packing, main],
    scratchBytes,
    sharedBytes: products * rows * depth * 4,
  };
};

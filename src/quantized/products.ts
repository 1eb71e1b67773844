/** Matrix products with quantized matrices: `quantizedMatmul` and `gatherQmm`, and the node-level forms of both. */
import { float64, int32, isInteger } from "../core/dtype.js";
import { DTypeError, ShapeError } from "../core/errors.js";
import { readPositional } from "../core/options.js";
import { promote } from "../core/promotion.js";
import { broadcastPair, showShape } from "../core/shape.js";
import type { NDArray } from "../graph/array.js";
import { type Node, type Shape, sameShape, sizeOf } from "../graph/node.js";
import { pickMatrices } from "../ops/batched-products.js";
import { castTo, nodeOf, type Operand, spread, wrap } from "../ops/operand.js";
import { takeNode } from "../ops/take.js";
import * as p from "../primitives/index.js";
import { type Format, type QuantizationFormat, readFormat } from "./format.js";
import { optionalNode, readPacked } from "./quantize.js";

export interface QuantizedMatmulOptions extends QuantizationFormat {
  /** Needed in mode "affine" only. */
  readonly biases?: Operand | null;
  /** Multiplies by the transpose of `w`: true by default. */
  readonly transpose?: boolean;
}

const productOptions = ["biases", "transpose", "groupSize", "bits", "mode"] as const;

/** `x` in the dtype of the product: promoted with the scales of affine groups, its own one otherwise. */
const readFactor = (op: string, x: Node, packed: p.Packed): Node => {
  const dtype = packed.biases === null ? x.dtype : promote(x.dtype, packed.scales.dtype);
  if (dtype.kind !== "float") {
    throw new DTypeError(
      `[${op}] expected a real floating array, got ${x.dtype.name}: cast with x.astype(mx.float32)`,
    );
  }
  return castTo(x, dtype);
};

export interface Way {
  readonly format: Format;
  readonly transpose: boolean;
}

/** A stack with all of its leading axes as one. */
const stacked = (n: Node): Node =>
  p.reshape(n, [sizeOf(n.shape.slice(0, -2)), ...n.shape.slice(-2)]);

const stackedAll = ({ words, scales, biases }: p.Packed): p.Packed => ({
  words: stacked(words),
  scales: stacked(scales),
  biases: biases === null ? null : stacked(biases),
});

/** x [products, rows, depth] with the matrices of a stack, or those that `picks` say: the kernel has no doubles. */
const multiply = (x: Node, packed: p.Packed, picks: Node | null, way: Way): Node => {
  const fused = x.dtype !== float64 && sizeOf(x.shape) > 0 && sizeOf(packed.scales.shape) > 0;
  return (fused ? p.quantizedProduct : p.composedQuantizedProduct)(x, packed, picks, way);
};

/** The product of `x`, a vector or a stack of matrices, with packed matrices; leading axes broadcast. */
export const multiplied = (op: string, x: Node, packed: p.Packed, way: Way): Node => {
  const lead = packed.scales.shape.slice(0, -2);
  const columns = way.transpose
    ? (packed.scales.shape.at(-2) ?? 0)
    : (packed.scales.shape.at(-1) ?? 0) * way.format.groupSize;
  const rows = x.shape.length === 1 ? [] : x.shape.slice(-2, -1);
  const common = broadcastPair(op, x.shape.slice(0, -2), lead);
  const matrix = [sizeOf(rows), x.shape.at(-1) ?? 0];
  const result = [...common, ...rows, columns];
  const all = stackedAll(packed);
  if (sizeOf(lead) === 1) {
    const flat = p.reshape(x, [1, sizeOf(x.shape.slice(0, -1)), x.shape.at(-1) ?? 0]);
    return p.reshape(multiply(flat, all, null, way), result);
  }
  const count = sizeOf(common);
  const left = p.reshape(
    spread(p.reshape(x, [...x.shape.slice(0, -2), ...matrix]), [...common, ...matrix]),
    [count, ...matrix],
  );
  const picks = sameShape(lead, common) ? null : everyMatrix(lead, common);
  return p.reshape(multiply(left, all, picks, way), result);
};

/** Numbers of the matrices of a stack with leading axes `lead`, repeated over `common`. */
const everyMatrix = (lead: Shape, common: Shape): Node => {
  const numbers = p.reshape(p.iota([sizeOf(lead)], 0, int32), lead);
  return p.reshape(spread(numbers, common), [sizeOf(common)]);
};

const requireDepth = (
  op: string,
  x: Node,
  w: p.Packed,
  format: Format,
  transpose: boolean,
): void => {
  const columns = (w.scales.shape.at(-1) ?? 0) * format.groupSize;
  const rows = w.scales.shape.at(-2) ?? 0;
  const depth = transpose ? columns : rows;
  if (x.shape.length > 0 && x.shape.at(-1) === depth) return;
  throw new ShapeError(
    `[${op}] expected the last axis of x of length ${depth} for a quantized matrix of shape ${showShape([rows, columns])} with transpose ${transpose}, got shape ${showShape(x.shape)}`,
  );
};

/**
 * Matrix product with a quantized matrix: x @ wᵀ for `w` of shape [N, K] before packing, or x @ w for [K, N] with
 * `transpose: false`. Leading axes of both broadcast. The dtype is that of `x` promoted with the scales in mode "affine",
 * else that of `x`. Differentiable by `x`, and in mode "affine" by scales and biases.
 *
 * @param biases also in one options object, `{ biases, transpose, groupSize, bits, mode }`
 * @throws ArgumentError for an unknown format, or for biases that are missing or too much, DTypeError for dtypes and
 *   ShapeError for shapes that do not fit
 * @example
 * const [words, scales, biases] = mx.quantize(mx.ones([3, 64]));
 * mx.quantizedMatmul(mx.ones([1, 64]), words, scales, biases).tolist(); // [[64, 64, 64]]
 * @see mlx.core.quantized_matmul
 */
export function quantizedMatmul(
  x: Operand,
  w: Operand,
  scales: Operand,
  biases?: Operand | null | QuantizedMatmulOptions,
  options?: QuantizedMatmulOptions,
): NDArray {
  const op = "quantizedMatmul";
  const o = readPositional<QuantizedMatmulOptions>(op, "biases", biases, options, productOptions);
  return wrap(product(op, nodeOf(op, x), nodeOf(op, w), nodeOf(op, scales), o));
}

const product = (
  op: string,
  x: Node,
  w: Node,
  scales: Node,
  o: Partial<QuantizedMatmulOptions>,
): Node => {
  const format = readFormat(op, o);
  const transpose = o.transpose ?? true;
  const packed = readPacked(op, format, w, scales, optionalNode(op, o.biases));
  const left = readFactor(op, x, packed);
  requireDepth(op, left, packed, format, transpose);
  return multiplied(op, left, packed, { format, transpose });
};

const requireIndices = (op: string, indices: Node): void => {
  if (isInteger(indices.dtype)) return;
  throw new DTypeError(
    `[${op}] expected integer indices, got ${indices.dtype.name}: cast with x.astype(mx.uint32)`,
  );
};

/** Which matrices of either side meet; null means each in order. */
export interface Picks {
  readonly lhs: Node | null;
  readonly rhs: Node | null;
}

/** The products of the matrices of `x` with the packed ones that picks choose, in the shape of the picks. */
export const gathered = (
  op: string,
  x: Node,
  packed: p.Packed,
  { lhs, rhs }: Picks,
  way: Way,
): Node => {
  const lead = packed.words.shape.slice(0, -2);
  const chosen = broadcastPair(op, lhs?.shape ?? x.shape.slice(0, -2), rhs?.shape ?? lead);
  const rows = pickMatrices(op, x, lhs, chosen);
  let numbers: Node | null = null;
  if (rhs !== null) {
    requireIndices(op, rhs);
    // Reading a list of numbers makes negative ones count from the end, and refuses those out of range.
    const found = takeNode(p.iota([sizeOf(lead)], 0, int32), rhs, 0);
    numbers = p.reshape(spread(found, chosen), [sizeOf(chosen)]);
  } else if (!sameShape(lead, chosen)) numbers = everyMatrix(lead, chosen);
  const y = multiply(stacked(rows), stackedAll(packed), numbers, way);
  return p.reshape(y, [...chosen, ...y.shape.slice(-2)]);
};

export interface GatherQmmOptions extends QuantizedMatmulOptions {
  /** Which matrix of `x` takes part, counted over its leading axes; by default each in order. */
  readonly lhsIndices?: NDArray | null;
  /** Which quantized matrix takes part. */
  readonly rhsIndices?: NDArray | null;
  /** A promise that the indices ascend. */
  readonly sortedIndices?: boolean;
}

/**
 * Products of chosen matrices of which the right ones are quantized: see {@link gatherMm} for the choice and
 * {@link quantizedMatmul} for the rest. Only chosen matrices are unpacked.
 *
 * @param biases also in one options object, `{ biases, lhsIndices, rhsIndices, transpose, groupSize, bits, mode, sortedIndices }`
 * @throws ArgumentError, DTypeError and ShapeError as {@link quantizedMatmul}; DTypeError for indices that are not integers
 * @example
 * const [words, scales, biases] = mx.quantize(mx.ones([4, 3, 64]));
 * const rhsIndices = mx.array([2, 0], mx.uint32);
 * mx.gatherQmm(mx.ones([1, 64]), words, scales, biases, { rhsIndices }).shape; // [2, 1, 3]
 * @see mlx.core.gather_qmm
 */
export function gatherQmm(
  x: Operand,
  w: Operand,
  scales: Operand,
  biases?: Operand | null | GatherQmmOptions,
  options?: GatherQmmOptions,
): NDArray {
  const op = "gatherQmm";
  const o = readPositional<GatherQmmOptions>(op, "biases", biases, options, [
    ...productOptions,
    "lhsIndices",
    "rhsIndices",
    "sortedIndices",
  ]);
  const [n, words, s] = [nodeOf(op, x), nodeOf(op, w), nodeOf(op, scales)];
  const lhs = optionalNode(op, o.lhsIndices);
  const rhs = optionalNode(op, o.rhsIndices);
  if (lhs === null && rhs === null) return wrap(product(op, n, words, s, o));
  if (n.shape.length < 2) {
    throw new ShapeError(
      `[${op}] expected x with at least two axes, got shape ${showShape(n.shape)}`,
    );
  }
  const format = readFormat(op, o);
  const transpose = o.transpose ?? true;
  const packed = readPacked(op, format, words, s, optionalNode(op, o.biases));
  const left = readFactor(op, n, packed);
  requireDepth(op, left, packed, format, transpose);
  return wrap(gathered(op, left, packed, { lhs, rhs }, { format, transpose }));
}

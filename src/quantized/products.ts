/** Matrix products with quantized matrices: `quantizedMatmul`, `gatherQmm` and `qqmm`. */
import { float32, float64, int32, isInteger, uint32 } from "../core/dtype.js";
import { ArgumentError, DTypeError, ShapeError } from "../core/errors.js";
import { readPositional } from "../core/options.js";
import { promote } from "../core/promotion.js";
import { broadcastPair, showShape } from "../core/shape.js";
import type { NDArray } from "../graph/array.js";
import { Node, type Shape, sameShape, sizeOf } from "../graph/node.js";
import { pickMatrices } from "../ops/batched-products.js";
import { matmulNodes } from "../ops/matmul.js";
import { castTo, nodeOf, type Operand, spread, wrap } from "../ops/operand.js";
import { takeNode } from "../ops/take.js";
import * as p from "../primitives/index.js";
import {
  type Format,
  type QuantizationFormat,
  readFormat,
  readGlobalScale,
  requireGroups,
} from "./format.js";
import { optionalNode, quantizeNode, readPacked } from "./quantize.js";

export interface QuantizedMatmulOptions extends QuantizationFormat {
  /** Needed in mode "affine" only. */
  readonly biases?: Operand | null;
  /** Multiplies by the transpose of `w`: true by default. */
  readonly transpose?: boolean;
}

const productOptions = ["biases", "transpose", "groupSize", "bits", "mode"] as const;

const swapLast = (n: Node): Node => {
  const last = n.shape.length - 1;
  return p.permute(n, [...n.shape.keys()].slice(0, -2).concat(last, last - 1));
};

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

interface Way {
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
const multiplied = (op: string, x: Node, packed: p.Packed, way: Way): Node => {
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
  const chosen = broadcastPair(
    op,
    lhs?.shape ?? n.shape.slice(0, -2),
    rhs?.shape ?? words.shape.slice(0, -2),
  );
  const lead = packed.words.shape.slice(0, -2);
  const rows = pickMatrices(op, left, lhs, chosen);
  let picks: Node | null = null;
  if (rhs !== null) {
    requireIndices(op, rhs);
    // Reading a list of numbers makes negative ones count from the end, and refuses those out of range.
    const numbers = takeNode(p.iota([sizeOf(lead)], 0, int32), rhs, 0);
    picks = p.reshape(spread(numbers, chosen), [sizeOf(chosen)]);
  } else if (!sameShape(lead, chosen)) picks = everyMatrix(lead, chosen);
  const y = multiply(stacked(rows), stackedAll(packed), picks, { format, transpose });
  return wrap(p.reshape(y, [...chosen, ...y.shape.slice(-2)]));
}

export interface QqmmOptions extends QuantizationFormat {
  /** Needed for a quantized `w` only. */
  readonly scales?: Operand | null;
  /** For nvfp4, both or neither: see the option `globalScale` of {@link quantize}. */
  readonly globalScaleX?: Operand | null;
  readonly globalScaleW?: Operand | null;
}

/** What quantizing makes of `x`, with the derivative of `x` itself. */
const throughQuantization = (x: Node, format: Format, factor: Node | null): Node => {
  const fixed = p.stopGradient(x);
  const coarse = castTo(
    p.dequantized(quantizeNode(fixed, format, factor), format, factor),
    x.dtype,
  );
  // The difference is zero, and carries the derivative.
  return p.add(coarse, p.subtract(x, fixed));
};

/**
 * Matrix product x @ wᵀ of two quantized arrays: `x` of shape [..., K] is quantized on the way, `w` is a matrix of shape
 * [N, K], quantized on the way as well when it is floating. The dtype is that of `x`. The derivatives by `x` and by a
 * floating `w` are those of the product of the quantized values.
 *
 * @param scales of a packed `w`; also in one options object, `{ scales, groupSize, bits, mode, globalScaleX, globalScaleW }`.
 *   The mode is "nvfp4" by default; "mxfp8" and "mxfp4" are the others
 * @throws ArgumentError for another mode or missing scales, DTypeError for `x` that is not floating or float64, ShapeError
 *   for shapes that do not fit
 * @example mx.qqmm(mx.full([2, 32], 1.75), mx.full([3, 32], 1.75), { mode: "mxfp8" }).tolist() // [[98, 98, 98], [98, 98, 98]]
 * @see mlx.core.qqmm
 */
export function qqmm(
  x: Operand,
  w: Operand,
  scales?: Operand | null | QqmmOptions,
  options?: QqmmOptions,
): NDArray {
  const op = "qqmm";
  const o = readPositional<QqmmOptions>(op, "scales", scales, options, [
    "scales",
    "groupSize",
    "bits",
    "mode",
    "globalScaleX",
    "globalScaleW",
  ]);
  const format = readFormat(op, o, "nvfp4");
  if (format.mode === "affine") {
    throw new ArgumentError(
      `[${op}] expected mode nvfp4, mxfp8 or mxfp4, got affine: use quantizedMatmul`,
    );
  }
  const factorX = readGlobalScale(op, format, o.globalScaleX);
  const factorW = readGlobalScale(op, format, o.globalScaleW);
  if ((factorX === null) !== (factorW === null)) {
    throw new ArgumentError(
      `[${op}] expected both globalScaleX and globalScaleW or neither, got one: pass the other`,
    );
  }
  const [left, right] = [nodeOf(op, x), nodeOf(op, w)];
  if (left.dtype === float64)
    throw new DTypeError(`[${op}] expected a dtype up to float32, got float64: cast it`);
  requireGroups(op, left, format);
  if (right.shape.length !== 2) {
    throw new ShapeError(
      `[${op}] expected w with two axes, got shape ${showShape(right.shape)}: use quantizedMatmul`,
    );
  }
  let depth: number | undefined;
  let matrix: Node | p.Packed;
  if (right.dtype === uint32) {
    const s = optionalNode(op, o.scales);
    if (s === null) {
      throw new ArgumentError(
        `[${op}] expected the scales of a quantized w, got none: pass what quantize gave`,
      );
    }
    matrix = readPacked(op, format, right, s, null);
    depth = (s.shape.at(-1) ?? 0) * format.groupSize;
  } else {
    requireGroups(op, right, format);
    if (right.dtype === float64)
      throw new DTypeError(`[${op}] expected a dtype up to float32, got float64: cast it`);
    matrix = throughQuantization(right, format, factorW);
    depth = matrix.shape.at(-1);
  }
  if (depth !== left.shape.at(-1)) {
    throw new ShapeError(
      `[${op}] expected the last axis of x as long as that of w, ${depth}, got shape ${showShape(left.shape)}`,
    );
  }
  const coarse = throughQuantization(left, format, factorX);
  if (matrix instanceof Node) {
    return wrap(matmulNodes(op, coarse, castTo(swapLast(matrix), left.dtype)));
  }
  const way = { format, transpose: true };
  if (factorW === null) return wrap(multiplied(op, coarse, matrix, way));
  // The factor on the scales is taken off at last, before numbers are rounded to a half.
  const y = multiplied(op, castTo(coarse, float32), matrix, way);
  return wrap(castTo(p.divide(y, spread(factorW, y.shape)), left.dtype));
}

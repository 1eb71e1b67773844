/** Matrix products with quantized matrices: `quantizedMatmul`, `gatherQmm` and `qqmm`. */
import { float64, uint32 } from "../core/dtype.js";
import { ArgumentError, DTypeError, ShapeError } from "../core/errors.js";
import { readPositional } from "../core/options.js";
import { promote } from "../core/promotion.js";
import { broadcastPair, showShape } from "../core/shape.js";
import type { NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import { pickMatrices } from "../ops/batched-products.js";
import { matmulNodes } from "../ops/matmul.js";
import { castTo, nodeOf, type Operand, wrap } from "../ops/operand.js";
import * as p from "../primitives/index.js";
import {
  type Format,
  type QuantizationFormat,
  readFormat,
  readGlobalScale,
  requireGroups,
} from "./format.js";
import { dequantizeNode, optionalNode, type Packed, quantizeNode, readPacked } from "./quantize.js";

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
const readFactor = (op: string, x: Node, packed: Packed): Node => {
  const dtype = packed.biases === null ? x.dtype : promote(x.dtype, packed.scales.dtype);
  if (dtype.kind !== "float") {
    throw new DTypeError(
      `[${op}] expected a real floating array, got ${x.dtype.name}: cast with x.astype(mx.float32)`,
    );
  }
  return castTo(x, dtype);
};

/** The matrix that packed rows stand for, as the right side of a product in the dtype of `x`. */
const rightMatrix = (packed: Packed, format: Format, transpose: boolean, x: Node): Node => {
  const w = castTo(dequantizeNode(packed, format, null), x.dtype);
  return transpose ? swapLast(w) : w;
};

const requireDepth = (op: string, x: Node, w: Packed, format: Format, transpose: boolean): void => {
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
  return matmulNodes(op, left, rightMatrix(packed, format, transpose, left));
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
  const right: Packed = {
    words: pickMatrices(op, packed.words, rhs, chosen),
    scales: pickMatrices(op, packed.scales, rhs, chosen),
    biases: packed.biases === null ? null : pickMatrices(op, packed.biases, rhs, chosen),
  };
  return wrap(
    p.matmul(pickMatrices(op, left, lhs, chosen), rightMatrix(right, format, transpose, left)),
  );
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
    dequantizeNode(quantizeNode(fixed, format, factor), format, factor),
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
  let matrix: Node;
  if (right.dtype === uint32) {
    const s = optionalNode(op, o.scales);
    if (s === null) {
      throw new ArgumentError(
        `[${op}] expected the scales of a quantized w, got none: pass what quantize gave`,
      );
    }
    matrix = dequantizeNode(readPacked(op, format, right, s, null), format, factorW);
  } else {
    requireGroups(op, right, format);
    if (right.dtype === float64)
      throw new DTypeError(`[${op}] expected a dtype up to float32, got float64: cast it`);
    matrix = throughQuantization(right, format, factorW);
  }
  const [depth, given] = [matrix.shape.at(-1), left.shape.at(-1)];
  if (depth !== given) {
    throw new ShapeError(
      `[${op}] expected the last axis of x as long as that of w, ${depth}, got shape ${showShape(left.shape)}`,
    );
  }
  const coarse = throughQuantization(left, format, factorX);
  return wrap(matmulNodes(op, coarse, castTo(swapLast(matrix), left.dtype)));
}

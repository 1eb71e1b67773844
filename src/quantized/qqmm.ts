/** Matrix products of which both sides are quantized: `qqmm`, and `gatherQqmm` for chosen matrices. */
import { type DType, float32, float64, uint32 } from "../core/dtype.js";
import { ArgumentError, DTypeError, ShapeError } from "../core/errors.js";
import { readPositional } from "../core/options.js";
import { broadcastPair, showShape } from "../core/shape.js";
import type { NDArray } from "../graph/array.js";
import { Node } from "../graph/node.js";
import { pickMatrices } from "../ops/batched-products.js";
import { matmulNodes } from "../ops/matmul.js";
import { castTo, nodeOf, type Operand, spread, wrap } from "../ops/operand.js";
import * as p from "../primitives/index.js";
import {
  type Format,
  type QuantizationFormat,
  readFormat,
  readGlobalScale,
  requireGroups,
} from "./format.js";
import { gathered, multiplied } from "./products.js";
import { optionalNode, quantizeNode, readPacked } from "./quantize.js";

export interface QqmmOptions extends QuantizationFormat {
  /** Needed for a quantized `w` only. */
  readonly scales?: Operand | null;
  /** For nvfp4, both or neither: see the option `globalScale` of {@link quantize}. */
  readonly globalScaleX?: Operand | null;
  readonly globalScaleW?: Operand | null;
}

const qqmmOptions = [
  "scales",
  "groupSize",
  "bits",
  "mode",
  "globalScaleX",
  "globalScaleW",
] as const;

const swapLast = (n: Node): Node => {
  const last = n.shape.length - 1;
  return p.permute(n, [...n.shape.keys()].slice(0, -2).concat(last, last - 1));
};

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

/** Both sides of a product: `x` after quantizing, `w` packed or, when it was floating, after quantizing. */
interface Sides {
  readonly format: Format;
  readonly x: Node;
  readonly w: Node | p.Packed;
  readonly factorW: Node | null;
}

const requireNarrow = (op: string, dtype: DType): void => {
  if (dtype !== float64) return;
  throw new DTypeError(`[${op}] expected a dtype up to float32, got float64: cast it`);
};

const readSides = (op: string, x: Node, w: Node, o: Partial<QqmmOptions>): Sides => {
  const format = readFormat(op, o, "nvfp4");
  if (format.mode === "affine") {
    const cure = op === "qqmm" ? "quantizedMatmul" : "gatherQmm";
    throw new ArgumentError(`[${op}] expected mode nvfp4, mxfp8 or mxfp4, got affine: use ${cure}`);
  }
  const factorX = readGlobalScale(op, format, o.globalScaleX);
  const factorW = readGlobalScale(op, format, o.globalScaleW);
  if ((factorX === null) !== (factorW === null)) {
    throw new ArgumentError(
      `[${op}] expected both globalScaleX and globalScaleW or neither, got one: pass the other`,
    );
  }
  requireNarrow(op, x.dtype);
  requireGroups(op, x, format);
  let depth: number | undefined;
  let matrix: Node | p.Packed;
  if (w.dtype === uint32) {
    const s = optionalNode(op, o.scales);
    if (s === null) {
      throw new ArgumentError(
        `[${op}] expected the scales of a quantized w, got none: pass what quantize gave`,
      );
    }
    matrix = readPacked(op, format, w, s, null);
    depth = (s.shape.at(-1) ?? 0) * format.groupSize;
  } else {
    requireGroups(op, w, format);
    requireNarrow(op, w.dtype);
    matrix = throughQuantization(w, format, factorW);
    depth = matrix.shape.at(-1);
  }
  if (depth !== x.shape.at(-1)) {
    throw new ShapeError(
      `[${op}] expected the last axis of x as long as that of w, ${depth}, got shape ${showShape(x.shape)}`,
    );
  }
  return { format, x: throughQuantization(x, format, factorX), w: matrix, factorW };
};

/** A product by packed matrices whose scales may carry a factor. */
const withFactor = (x: Node, factor: Node | null, product: (x: Node) => Node): Node => {
  if (factor === null) return product(x);
  // The factor on the scales is taken off at last, before numbers are rounded to a half.
  const y = product(castTo(x, float32));
  return castTo(p.divide(y, spread(factor, y.shape)), x.dtype);
};

const productOfSides = (op: string, { format, x, w, factorW }: Sides): Node =>
  w instanceof Node
    ? matmulNodes(op, x, castTo(swapLast(w), x.dtype))
    : withFactor(x, factorW, (x) => multiplied(op, x, w, { format, transpose: true }));

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
  const o = readPositional<QqmmOptions>(op, "scales", scales, options, qqmmOptions);
  const [left, right] = [nodeOf(op, x), nodeOf(op, w)];
  if (right.shape.length !== 2) {
    throw new ShapeError(
      `[${op}] expected w with two axes, got shape ${showShape(right.shape)}: use ${right.shape.length > 2 ? "gatherQqmm" : "quantizedMatmul"}`,
    );
  }
  return wrap(productOfSides(op, readSides(op, left, right, o)));
}

export interface GatherQqmmOptions extends QqmmOptions {
  /** Which matrix of `x` takes part, counted over its leading axes; by default each in order. */
  readonly lhsIndices?: NDArray | null;
  /** Which matrix of `w` takes part. */
  readonly rhsIndices?: NDArray | null;
  /** A promise that the indices ascend. */
  readonly sortedIndices?: boolean;
}

/**
 * Products of chosen matrices, both sides quantized: `x` is a stack [..., M, K] that is quantized on the way, `w` a stack
 * [..., N, K], packed or quantized on the way. See {@link gatherMm} for the choice and {@link qqmm} for the rest, its
 * derivatives included: without indices the leading axes broadcast, with them the result has the indices' shape, then M and N.
 * Of packed matrices only chosen ones are unpacked.
 *
 * @param scales of a packed `w`; also in one options object, `{ scales, lhsIndices, rhsIndices, groupSize, bits, mode,
 *   globalScaleX, globalScaleW, sortedIndices }`. A global scale is one number for all matrices of its side
 * @throws ArgumentError, DTypeError and ShapeError as {@link qqmm}; DTypeError for indices that are not integers, ShapeError
 *   for `x` or `w` with fewer than two axes
 * @example
 * const [words, scales] = mx.quantize(mx.full([4, 3, 32], 1.75), { mode: "mxfp8" });
 * const rhsIndices = mx.array([2, 0], mx.uint32);
 * mx.gatherQqmm(mx.full([1, 32], 1.75), words, scales, { rhsIndices, mode: "mxfp8" }).shape; // [2, 1, 3]
 * @see mlx.core.gather_qqmm
 */
export function gatherQqmm(
  x: Operand,
  w: Operand,
  scales?: Operand | null | GatherQqmmOptions,
  options?: GatherQqmmOptions,
): NDArray {
  const op = "gatherQqmm";
  const o = readPositional<GatherQqmmOptions>(op, "scales", scales, options, [
    ...qqmmOptions,
    "lhsIndices",
    "rhsIndices",
    "sortedIndices",
  ]);
  const [left, right] = [nodeOf(op, x), nodeOf(op, w)];
  if (left.shape.length < 2 || right.shape.length < 2) {
    throw new ShapeError(
      `[${op}] expected x and w with at least two axes, got shapes ${showShape(left.shape)} and ${showShape(right.shape)}`,
    );
  }
  const sides = readSides(op, left, right, o);
  const lhs = optionalNode(op, o.lhsIndices);
  const rhs = optionalNode(op, o.rhsIndices);
  if (lhs === null && rhs === null) return wrap(productOfSides(op, sides));
  const { format, x: coarse, w: matrix, factorW } = sides;
  if (!(matrix instanceof Node)) {
    const way = { format, transpose: true };
    return wrap(withFactor(coarse, factorW, (x) => gathered(op, x, matrix, { lhs, rhs }, way)));
  }
  const chosen = broadcastPair(
    op,
    lhs?.shape ?? coarse.shape.slice(0, -2),
    rhs?.shape ?? matrix.shape.slice(0, -2),
  );
  const columns = castTo(swapLast(pickMatrices(op, matrix, rhs, chosen)), coarse.dtype);
  return wrap(p.matmul(pickMatrices(op, coarse, lhs, chosen), columns));
}

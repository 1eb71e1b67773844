/** `quantize` and `dequantize`, and the node-level forms that products use. */
import { bfloat16, type DType, float32, uint8, uint32 } from "../core/dtype.js";
import { ArgumentError, DTypeError, ShapeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readPositional } from "../core/options.js";
import { isDType, promote } from "../core/promotion.js";
import { showShape } from "../core/shape.js";
import type { NDArray } from "../graph/array.js";
import { type Node, sameShape } from "../graph/node.js";
import { castTo, nodeOf, type Operand, wrap } from "../ops/operand.js";
import * as p from "../primitives/index.js";
import { encodeAffine } from "./affine.js";
import { encodeFloats } from "./float-groups.js";
import {
  type Format,
  type QuantizationFormat,
  type QuantizationMode,
  readFormat,
  readGlobalScale,
  requireGroups,
} from "./format.js";

/** Node-level {@link quantize} of rows that {@link requireGroups} has let pass. */
export const quantizeNode = (n: Node, format: Format, factor: Node | null): p.Packed => {
  const groups = p.grouped(n, format.groupSize);
  const { codes, scales, biases } =
    format.mode === "affine"
      ? encodeAffine(groups, format.bits)
      : encodeFloats(groups, format, factor);
  return { words: p.packCodes(p.ungrouped(codes), format.bits), scales, biases };
};

/** Checks packed rows against their format; affine scales and biases come out in one dtype. */
export const readPacked = (
  op: string,
  format: Format,
  words: Node,
  scales: Node,
  biases: Node | null,
): p.Packed => {
  if (words.dtype !== uint32) {
    throw new DTypeError(
      `[${op}] expected quantized words of uint32, got ${words.dtype.name}: pass what quantize gave`,
    );
  }
  if (words.shape.length < 2) {
    throw new ShapeError(
      `[${op}] expected quantized words with at least two axes, got shape ${showShape(words.shape)}`,
    );
  }
  const bits = (words.shape.at(-1) ?? 0) * 32;
  const length = bits / format.bits;
  const want = [...words.shape.slice(0, -1), length / format.groupSize];
  if (!sameShape(scales.shape, want)) {
    throw new ShapeError(
      `[${op}] expected scales of shape ${showShape(want)} for words of shape ${showShape(words.shape)} with groupSize ${format.groupSize} and bits ${format.bits}, got ${showShape(scales.shape)}`,
    );
  }
  if (format.mode !== "affine") {
    if (biases !== null) {
      throw new ArgumentError(
        `[${op}] expected no biases with mode ${format.mode}, got some: leave them out`,
      );
    }
    if (scales.dtype !== uint8) {
      throw new DTypeError(
        `[${op}] expected scales of uint8 with mode ${format.mode}, got ${scales.dtype.name}: pass what quantize gave`,
      );
    }
    return { words, scales, biases };
  }
  if (biases === null)
    throw new ArgumentError(`[${op}] expected biases with mode affine, got none: pass them`);
  if (!sameShape(biases.shape, want)) {
    throw new ShapeError(
      `[${op}] expected biases in the shape of the scales, ${showShape(want)}, got ${showShape(biases.shape)}`,
    );
  }
  const dtype = promote(scales.dtype, biases.dtype);
  if (dtype.kind !== "float") {
    throw new DTypeError(
      `[${op}] expected floating scales and biases, got ${scales.dtype.name} and ${biases.dtype.name}`,
    );
  }
  return { words, scales: castTo(scales, dtype), biases: castTo(biases, dtype) };
};

/** An optional operand's node, null without one. */
export const optionalNode = (op: string, x: Operand | null | undefined): Node | null =>
  x === null || x === undefined ? null : nodeOf(op, x);

export interface QuantizeOptions extends QuantizationFormat {
  /** For nvfp4: a float32 number, the largest magnitude of the whole array, that the scales are relative to. */
  readonly globalScale?: Operand | null;
}

type FloatMode = Exclude<QuantizationMode, "affine">;

/**
 * Numbers in a few bits each. Groups of `groupSize` neighbours on the last axis share a scale, and in mode "affine" a bias;
 * codes are packed into uint32 words, little end first.
 *
 * | mode | groupSize | bits | scales | elements |
 * | --- | --- | --- | --- | --- |
 * | affine | 64, 32, 128 | 4, 1, 2, 3, 5, 6, 8 | dtype of `w` | scale · code + bias |
 * | mxfp4 | 32 | 4 | uint8, powers of two | 4-bit floats |
 * | mxfp8 | 32 | 8 | uint8, powers of two | 8-bit floats |
 * | nvfp4 | 16 | 4 | uint8, 8-bit floats | 4-bit floats |
 *
 * For `w` of shape [..., K] the words have shape [..., K · bits / 32], scales and biases [..., K / groupSize].
 * Gradients reach scales and biases; the codes have none.
 *
 * @param groupSize also in one options object, `{ groupSize, bits, mode, globalScale }`; the first of the table by default
 * @returns words, scales and biases; without biases in the other modes
 * @throws ArgumentError for a mode, group size or number of bits outside the table, DTypeError for an array that is not
 *   floating, ShapeError for fewer than two axes or a last axis that is no multiple of the group size
 * @example
 * const w = mx.arange(64).astype(mx.float32).reshape([1, 64]);
 * const [words, scales, biases] = mx.quantize(w, { bits: 8 });
 * words.shape; // [1, 16]
 * mx.dequantize(words, scales, biases, { bits: 8 }).get(0, 63).item(); // 63
 * @see mlx.core.quantize
 */
export function quantize(
  w: Operand,
  groupSize: number | null,
  options: QuantizeOptions & { readonly mode: FloatMode },
): [words: NDArray, scales: NDArray];
export function quantize(
  w: Operand,
  options: QuantizeOptions & { readonly mode: FloatMode },
): [words: NDArray, scales: NDArray];
export function quantize(
  w: Operand,
  groupSize?: number | null | (QuantizeOptions & { readonly mode?: "affine" }),
  options?: QuantizeOptions & { readonly mode?: "affine" },
): [words: NDArray, scales: NDArray, biases: NDArray];
export function quantize(
  w: Operand,
  groupSize?: number | null | QuantizeOptions,
  options?: QuantizeOptions,
): NDArray[];
export function quantize(
  w: Operand,
  groupSize?: number | null | QuantizeOptions,
  options?: QuantizeOptions,
): NDArray[] {
  const op = "quantize";
  const o = readPositional<QuantizeOptions>(op, "groupSize", groupSize, options, [
    "groupSize",
    "bits",
    "mode",
    "globalScale",
  ]);
  const format = readFormat(op, o);
  const n = nodeOf(op, w);
  const factor = readGlobalScale(op, format, o.globalScale);
  requireGroups(op, n, format);
  if (n.shape.length < 2) {
    throw new ShapeError(
      `[${op}] expected an array with at least two axes, got shape ${showShape(n.shape)}: reshape it to one row`,
    );
  }
  const { words, scales, biases } = quantizeNode(n, format, factor);
  return [words, scales, ...(biases === null ? [] : [biases])].map(wrap);
}

export interface DequantizeOptions extends QuantizeOptions {
  /** Needed in mode "affine" only. */
  readonly biases?: Operand | null;
  /** The dtype of the scales in mode "affine", else bfloat16, with a global scale float32. */
  readonly dtype?: DType | null;
}

/**
 * The numbers that {@link quantize} has packed, of shape [..., K] from words of shape [..., K · bits / 32].
 * Differentiable by scales and biases in mode "affine".
 *
 * @param biases also in one options object, `{ biases, groupSize, bits, mode, globalScale, dtype }`
 * @throws ArgumentError for an unknown format, or for biases that are missing or too much, DTypeError for operands of other
 *   dtypes than `quantize` gives, ShapeError for scales or biases that do not fit the words
 * @example
 * const [words, scales] = mx.quantize(mx.full([2, 32], 1.75), { mode: "mxfp8" });
 * mx.dequantize(words, scales, { mode: "mxfp8", dtype: mx.float32 }).get(1, 31).item(); // 1.75
 * @see mlx.core.dequantize
 */
export function dequantize(
  w: Operand,
  scales: Operand,
  biases?: Operand | null | DequantizeOptions,
  options?: DequantizeOptions,
): NDArray {
  const op = "dequantize";
  const o = readPositional<DequantizeOptions>(op, "biases", biases, options, [
    "biases",
    "groupSize",
    "bits",
    "mode",
    "globalScale",
    "dtype",
  ]);
  const format = readFormat(op, o);
  const factor = readGlobalScale(op, format, o.globalScale);
  const packed = readPacked(
    op,
    format,
    nodeOf(op, w),
    nodeOf(op, scales),
    optionalNode(op, o.biases),
  );
  const narrow = factor === null ? bfloat16 : float32;
  const to = o.dtype ?? (format.mode === "affine" ? packed.scales.dtype : narrow);
  if (!isDType(to) || to.kind !== "float")
    throw new DTypeError(`[${op}] expected a floating dtype, got ${describe(to)}`);
  return wrap(castTo(p.dequantized(packed, format, factor), to));
}

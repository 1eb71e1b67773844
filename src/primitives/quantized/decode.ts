/** What quantized codes stand for, by primitives: affine groups, and groups of four- and eight-bit floats. */
import { float32, uint32 } from "../../core/dtype.js";
import type { QuantizedFormat } from "../../core/routine.js";
import type { Node } from "../../graph/node.js";
import { add, divide, minimum, multiply, negative, subtract } from "../arithmetic.js";
import { bitcast } from "../bitcast.js";
import { bitwiseAnd, bitwiseOr, leftShift, rightShift } from "../bits.js";
import { broadcast } from "../broadcast-sum.js";
import { cast } from "../cast.js";
import { equal, greater, less, select } from "../compare-select.js";
import { constantLike } from "../constant.js";
import { grouped, repeatLast, ungrouped, unpackCodes } from "./codes.js";

/** Packed rows with the scales, and for affine groups the biases, of their groups. */
export interface Packed {
  readonly words: Node;
  readonly scales: Node;
  readonly biases: Node | null;
}

const by = (f: (a: Node, b: Node) => Node, n: Node, value: number): Node =>
  f(n, constantLike(n, value));

/** Float32 of eight-bit floats in uint8. */
export const fromFp8 = (x: Node): Node => {
  const code = cast(x, uint32);
  const size = by(bitwiseAnd, code, 0x7f);
  const wide = by(add, by(leftShift, size, 20), 120 * 2 ** 23);
  const tiny = by(multiply, cast(size, float32), 2 ** -9);
  const magnitude = select(by(less, size, 8), tiny, bitcast(wide, float32));
  return select(by(greater, code, 0x7f), negative(magnitude), magnitude);
};

/** Float32 of four-bit floats: one exponent step for every two codes, as whole halves until the end. */
const fromFp4 = (code: Node): Node => {
  const exponent = bitwiseAnd(rightShift(code, constantLike(code, 1)), constantLike(code, 3));
  const lead = minimum(exponent, constantLike(code, 1));
  const digits = bitwiseOr(
    bitwiseAnd(code, constantLike(code, 1)),
    leftShift(lead, constantLike(code, 1)),
  );
  const halves = cast(leftShift(digits, subtract(exponent, lead)), float32);
  const negative = greater(code, constantLike(code, 7));
  return multiply(halves, select(negative, constantLike(halves, -0.5), constantLike(halves, 0.5)));
};

/** 2^(code - 127) in float32, infinite for code 255. */
export const powerOfTwo = (code: Node): Node => {
  const bits = leftShift(code, constantLike(code, 23));
  const least = equal(code, constantLike(code, 0));
  // 2^-127 is below the normal numbers: a single bit of the fraction.
  return bitcast(select(least, constantLike(bits, 2 ** 22), bits), float32);
};

/** Decodes codes of shape [..., groups, groupSize], computing in the dtype of scales and biases. */
const decodeAffine = (codes: Node, scales: Node, biases: Node): Node => {
  const length = codes.shape.at(-1) ?? 0;
  const scaled = multiply(cast(codes, scales.dtype), repeatLast(scales, length));
  return add(scaled, repeatLast(biases, length));
};

/** Float32 of codes of shape [..., groups, groupSize]. */
const decodeFloats = (
  codes: Node,
  scales: Node,
  format: QuantizedFormat,
  factor: Node | null,
): Node => {
  const length = codes.shape.at(-1) ?? 0;
  const elements = format.bits === 4 ? fromFp4(codes) : fromFp8(codes);
  const scale = format.mode === "nvfp4" ? fromFp8(scales) : powerOfTwo(cast(scales, uint32));
  const whole = factor === null ? scale : divide(scale, broadcast(factor, scale.shape, []));
  return multiply(elements, repeatLast(whole, length));
};

/**
 * What packed rows stand for, in the dtype of affine scales, else in float32. `factor`, a scalar, divides the scales of
 * nvfp4.
 */
export const dequantized = (packed: Packed, format: QuantizedFormat, factor: Node | null): Node => {
  const { words, scales, biases } = packed;
  const codes = grouped(unpackCodes(words, format.bits), format.groupSize);
  return ungrouped(
    biases === null
      ? decodeFloats(codes, scales, format, factor)
      : decodeAffine(codes, scales, biases),
  );
};

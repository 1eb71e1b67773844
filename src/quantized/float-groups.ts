/** Groups of four- or eight-bit floats under a scale of eight bits: the modes mxfp4, mxfp8 and nvfp4. */
import { type DType, float32, uint8, uint32 } from "../core/dtype.js";
import type { Node } from "../graph/node.js";
import { toFp8Node } from "../ops/fp8.js";
import { castTo, like, spread } from "../ops/operand.js";
import * as p from "../primitives/index.js";
import type { Encoded } from "./affine.js";
import type { Format } from "./format.js";

/** The middles between 0, 0.5, 1, 1.5, 2, 3, 4 and 6, the numbers of codes 0 to 7. */
const fp4Middles = [0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5];

/** The nearest four-bit float, the smaller code in the middle; negative zero has code 0. */
const toFp4 = (x: Node): Node => {
  const size = p.abs(x);
  const [first = 0, ...others] = fp4Middles;
  const above = (middle: number): Node => castTo(p.greater(size, like(size, middle)), uint32);
  const code = others.reduce((sum, middle) => p.add(sum, above(middle)), above(first));
  const negative = p.bitwiseAnd(p.less(x, like(x, 0)), p.greater(code, like(code, 0)));
  return p.bitwiseOr(code, p.leftShift(castTo(negative, uint32), like(code, 3)));
};

/** A float32 value as a value of `dtype` would be, still in float32. */
const rounded = (x: Node, dtype: DType): Node => castTo(castTo(x, dtype), float32);

const largest = (format: Format): number => (format.bits === 4 ? 6 : 448);

const toElements = (x: Node, format: Format): Node =>
  format.bits === 4 ? toFp4(x) : castTo(toFp8Node(castTo(x, float32)), uint32);

/** Encodes groups along the last axis; `factor` multiplies the scales of nvfp4. */
export const encodeFloats = (groups: Node, format: Format, factor: Node | null): Encoded => {
  const last = groups.shape.length - 1;
  const length = groups.shape[last] ?? 0;
  const top = castTo(p.max(p.abs(groups), [last]), float32);
  const dtype = groups.dtype;
  // Rounded to the dtype of the array: it decides which scale is chosen.
  const ideal = rounded(p.divide(top, like(top, largest(format))), dtype);
  if (format.mode === "nvfp4") return encodeScaled(groups, ideal, format, factor);
  const none = p.equal(ideal, like(ideal, 0));
  const safe = p.select(none, like(ideal, 1), ideal);
  // The nearest power of two, so that the largest element may saturate.
  const exponent = p.round(p.log2(safe));
  const bounded = p.minimum(p.maximum(exponent, like(exponent, -127)), like(exponent, 127));
  const scale = castTo(p.shift(bounded, 127), uint32);
  // Powers of two divide exactly.
  const x = p.divide(castTo(groups, float32), p.repeatLast(p.powerOfTwo(scale), length));
  return { codes: toElements(x, format), scales: castTo(scale, uint8), biases: null };
};

const encodeScaled = (groups: Node, ideal: Node, format: Format, factor: Node | null): Encoded => {
  const scales = toFp8Node(
    factor === null ? ideal : p.multiply(ideal, spread(factor, ideal.shape)),
  );
  const stored = p.repeatLast(scales, groups.shape.at(-1) ?? 0);
  const some = p.greater(stored, like(stored, 0));
  const scale = p.fromFp8(stored);
  const wide = castTo(groups, float32);
  const quotient = rounded(p.divide(wide, p.select(some, scale, like(scale, 1))), groups.dtype);
  const x = factor === null ? quotient : p.multiply(quotient, spread(factor, quotient.shape));
  const codes = toElements(x, format);
  return { codes: p.select(some, codes, like(codes, 0)), scales, biases: null };
};

/** Eight-bit floats of four exponent and three mantissa bits, kept in uint8. */
import { bfloat16, type DType, float32, uint8, uint32 } from "../core/dtype.js";
import { ArgumentError, DTypeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readPositional } from "../core/options.js";
import { isDType } from "../core/promotion.js";
import type { NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import * as p from "../primitives/index.js";
import { castTo, like, nodeOf, type Operand, wrap } from "./operand.js";

const by = (f: (a: Node, b: Node) => Node, n: Node, value: number): Node => f(n, like(n, value));

/** The code of the largest number, 448. */
const largest = 0x7e;

/** Node-level {@link toFp8} of a float32 node. */
export const toFp8Node = (x: Node): Node => {
  const bits = p.bitcast(x, uint32);
  const size = by(p.bitwiseAnd, bits, 0x7fffffff);
  // Round half to even at bit 20, then move the exponent's origin.
  const odd = by(p.bitwiseAnd, by(p.rightShift, size, 20), 1);
  const rounded = by(p.rightShift, p.add(by(p.add, size, 0x7ffff), odd), 20);
  const normal = by(p.subtract, rounded, 120 << 3);
  // Below 2^-6 numbers are multiples of 2^-9.
  const tiny = by(p.less, size, 121 << 23);
  const magnitude = p.select(tiny, p.abs(x), like(x, 0));
  const multiple = castTo(p.round(by(p.multiply, magnitude, 512)), uint32);
  const code = by(p.minimum, p.select(tiny, multiple, normal), largest);
  const sign = by(p.leftShift, by(p.rightShift, bits, 31), 7);
  return castTo(p.bitwiseOr(code, sign), uint8);
};

/**
 * Numbers as 8-bit floats, in uint8: rounded half to even, saturating at ±448, which also stands for infinities and NaN.
 * Not differentiable.
 *
 * @throws DTypeError for an array that is not floating
 * @example mx.toFp8(mx.array([1, 1000])).tolist() // [56, 126]
 * @see mlx.core.to_fp8
 */
export function toFp8(x: Operand): NDArray {
  const n = nodeOf("toFp8", x);
  if (n.dtype.kind !== "float")
    throw new DTypeError(`[toFp8] expected a floating array, got ${n.dtype.name}: cast it`);
  return wrap(toFp8Node(castTo(n, float32)));
}

export interface FromFp8Options {
  /** bfloat16 by default. */
  readonly dtype?: DType;
}

/**
 * Numbers from 8-bit floats in uint8. The code 0x7f, which {@link toFp8} never gives, is 480. Not differentiable.
 *
 * @param dtype also in one options object, `{ dtype }`; bfloat16 by default
 * @throws DTypeError for an array that is not uint8, ArgumentError when `dtype` is not a floating dtype
 * @example mx.fromFp8(mx.array([56], mx.uint8), mx.float32).tolist() // [1]
 * @see mlx.core.from_fp8
 */
export function fromFp8(x: Operand, dtype?: DType | FromFp8Options): NDArray {
  const o = readPositional<FromFp8Options>("fromFp8", "dtype", dtype, undefined, ["dtype"]);
  const to = o.dtype ?? bfloat16;
  if (!isDType(to) || to.kind !== "float")
    throw new ArgumentError(`[fromFp8] expected a floating dtype, got ${describe(to)}`);
  const n = nodeOf("fromFp8", x);
  if (n.dtype !== uint8)
    throw new DTypeError(`[fromFp8] expected a uint8 array, got ${n.dtype.name}`);
  return wrap(castTo(p.fromFp8(n), to));
}

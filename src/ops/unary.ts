/** Elementwise functions of one array that keep its dtype: sign, rounding, parts of complex numbers. */
import { bool, complex64, type DType, float32, isInexact } from "../core/dtype.js";
import { DTypeError } from "../core/errors.js";
import { readPositional } from "../core/options.js";
import type { NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import * as p from "../primitives/index.js";
import { castTo, floatOf, like, nodeOf, type Operand, rejectComplex, wrap } from "./operand.js";

/**
 * Elementwise absolute value; of complex numbers the magnitude, as float32. The gradient at 0 is 0.
 *
 * @example mx.abs(mx.array([-1, 2])).tolist() // [1, 2]
 * @see mlx.core.abs
 */
export function abs(a: Operand): NDArray {
  const n = nodeOf("abs", a);
  return wrap(n.dtype.kind === "bool" || n.dtype.kind === "uint" ? n : p.abs(n));
}

/**
 * Elementwise negation; unsigned integers wrap.
 *
 * @throws DTypeError for bool: use logicalNot
 * @example mx.negative(mx.array([1, -2])).tolist() // [-1, 2]
 * @see mlx.core.negative
 */
export function negative(a: Operand): NDArray {
  const n = nodeOf("negative", a);
  if (n.dtype === bool) {
    throw new DTypeError("[negative] expected numbers, got bool: use mx.logicalNot(x)");
  }
  return wrap(p.negative(n));
}

/**
 * The array itself.
 *
 * @example mx.positive(mx.array([-1])).tolist() // [-1]
 * @see mlx.core.positive
 */
export function positive(a: Operand): NDArray {
  return wrap(nodeOf("positive", a));
}

/**
 * Elementwise sign: -1, 0 or 1; of NaN 0; of complex numbers z / |z|.
 *
 * @example mx.sign(mx.array([-3, 0, 2])).tolist() // [-1, 0, 1]
 * @see mlx.core.sign
 */
export function sign(a: Operand): NDArray {
  const n = nodeOf("sign", a);
  return wrap(n.dtype === bool ? n : p.sign(n));
}

/**
 * Elementwise square; keeps integer and bool dtypes.
 *
 * @example mx.square(mx.array([3])).tolist() // [9]
 * @see mlx.core.square
 */
export function square(a: Operand): NDArray {
  const n = nodeOf("square", a);
  return wrap(p.multiply(n, n));
}

const rounding = (op: string, a: Operand, build: (n: Node) => Node): NDArray => {
  const n = rejectComplex(op, nodeOf(op, a));
  return wrap(isInexact(n.dtype) ? build(n) : n);
};

/**
 * Elementwise floor; integers and booleans stay as they are. Zero gradient.
 *
 * @throws DTypeError for complex64
 * @example mx.floor(mx.array([1.5, -1.5])).tolist() // [1, -2]
 * @see mlx.core.floor
 */
export function floor(a: Operand): NDArray {
  return rounding("floor", a, p.floor);
}

/**
 * Elementwise ceiling; integers and booleans stay as they are. Zero gradient.
 *
 * @throws DTypeError for complex64
 * @example mx.ceil(mx.array([1.5, -1.5])).tolist() // [2, -1]
 * @see mlx.core.ceil
 */
export function ceil(a: Operand): NDArray {
  return rounding("ceil", a, p.ceil);
}

/**
 * Elementwise rounding toward zero; integers and booleans stay as they are. Zero gradient.
 *
 * @throws DTypeError for complex64
 * @example mx.trunc(mx.array([1.5, -1.5])).tolist() // [1, -1]
 * @see mlx.core.trunc
 */
export function trunc(a: Operand): NDArray {
  return rounding("trunc", a, p.trunc);
}

export interface RoundOptions {
  /** Decimal places; negative ones round to tens, hundreds, …. */
  readonly decimals?: number;
}

const roundNode = (n: Node): Node => {
  if (n.dtype !== complex64) return p.round(n);
  return p.complex(p.round(p.real(n)), p.round(p.imag(n)));
};

/**
 * Elementwise rounding, half to even, to `decimals` places. Integers keep their dtype, complex parts are rounded each.
 *
 * @example mx.round(mx.array([0.5, 1.5, 2.345]), 2).tolist() // [0.5, 1.5, 2.34…]
 * @see mlx.core.round
 */
export function round(
  a: Operand,
  decimals?: number | RoundOptions,
  options?: RoundOptions,
): NDArray {
  const n = nodeOf("round", a);
  if (decimals === undefined && options === undefined)
    return wrap(isInexact(n.dtype) ? roundNode(n) : n);
  const { decimals: d = 0 } = readPositional<RoundOptions>("round", "decimals", decimals, options, [
    "decimals",
  ]);
  if (d === 0 && !isInexact(n.dtype)) return wrap(n);
  if (d === 0) return wrap(roundNode(n));
  const f: DType = isInexact(n.dtype) ? n.dtype : float32;
  const x = castTo(n, f);
  // Dividing by a whole power of ten is exact where multiplying by its reciprocal is not.
  const power = like(x, 10 ** Math.abs(d));
  const scaled = d > 0 ? p.multiply(x, power) : p.divide(x, power);
  const rounded = roundNode(scaled);
  return wrap(castTo(d > 0 ? p.divide(rounded, power) : p.multiply(rounded, power), n.dtype));
}

/**
 * Elementwise real part; real arrays stay as they are.
 *
 * @example mx.real(mx.array({ re: 1, im: 2 })).item() // 1
 * @see mlx.core.real
 */
export function real(a: Operand): NDArray {
  const n = nodeOf("real", a);
  return wrap(n.dtype === complex64 ? p.real(n) : n);
}

/**
 * Elementwise imaginary part; zeros for real arrays.
 *
 * @example mx.imag(mx.array({ re: 1, im: 2 })).item() // 2
 * @see mlx.core.imag
 */
export function imag(a: Operand): NDArray {
  const n = nodeOf("imag", a);
  return wrap(n.dtype === complex64 ? p.imag(n) : like(n, 0));
}

/**
 * Elementwise complex conjugate; real arrays stay as they are.
 *
 * @example mx.conjugate(mx.array({ re: 1, im: 2 })).item() // { re: 1, im: -2 }
 * @see mlx.core.conjugate
 */
export function conjugate(a: Operand): NDArray {
  const n = nodeOf("conjugate", a);
  return wrap(n.dtype === complex64 ? p.conjugate(n) : n);
}

/** @see conjugate */
export const conj: typeof conjugate = conjugate;

/**
 * Elementwise 1 / a; integers and booleans become float32.
 *
 * @example mx.reciprocal(mx.array([2, 4])).tolist() // [0.5, 0.25]
 * @see mlx.core.reciprocal
 */
export function reciprocal(a: Operand): NDArray {
  const n = floatOf("reciprocal", a);
  return wrap(p.divide(like(n, 1), n));
}

/**
 * Identity in value; a wall for reverse differentiation and zero for forward.
 *
 * @example mx.grad((x: mx.NDArray) => mx.stopGradient(x).multiply(x))(mx.array(3)).item() // 3
 * @see mlx.core.stop_gradient
 */
export function stopGradient(a: Operand): NDArray {
  return wrap(p.stopGradient(nodeOf("stopGradient", a)));
}

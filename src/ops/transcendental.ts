/** Elementwise transcendental functions: at least float32, within 2 ulp. */
import type { NDArray } from "../graph/array.js";
import * as p from "../primitives/index.js";
import { floatOf, like, type Operand, realFloatOf, wrap } from "./operand.js";

/**
 * Elementwise square root; NaN for negative numbers. The gradient at 0 is infinite. Integers and booleans become float32.
 *
 * @example mx.sqrt(mx.array([4, 9])).tolist() // [2, 3]
 * @see mlx.core.sqrt
 */
export function sqrt(a: Operand): NDArray {
  return wrap(p.sqrt(floatOf("sqrt", a)));
}

/**
 * Elementwise reciprocal square root. Integers and booleans become float32.
 *
 * @example mx.rsqrt(mx.array([4])).tolist() // [0.5]
 * @see mlx.core.rsqrt
 */
export function rsqrt(a: Operand): NDArray {
  return wrap(p.rsqrt(floatOf("rsqrt", a)));
}

/**
 * Elementwise exponential. Integers and booleans become float32.
 *
 * @example mx.exp(mx.array([0])).tolist() // [1]
 * @see mlx.core.exp
 */
export function exp(a: Operand): NDArray {
  return wrap(p.exp(floatOf("exp", a)));
}

/**
 * Elementwise exp(a) - 1, accurate near 0. Integers and booleans become float32.
 *
 * @throws DTypeError for complex64
 * @example mx.expm1(mx.array([0])).tolist() // [0]
 * @see mlx.core.expm1
 */
export function expm1(a: Operand): NDArray {
  return wrap(p.expm1(realFloatOf("expm1", a)));
}

/**
 * Elementwise natural logarithm; -Infinity at 0, NaN below. Integers and booleans become float32.
 *
 * @example mx.log(mx.array([1])).tolist() // [0]
 * @see mlx.core.log
 */
export function log(a: Operand): NDArray {
  return wrap(p.log(floatOf("log", a)));
}

/**
 * Elementwise logarithm to base 2. Integers and booleans become float32.
 *
 * @example mx.log2(mx.array([8])).tolist() // [3]
 * @see mlx.core.log2
 */
export function log2(a: Operand): NDArray {
  return wrap(p.log2(floatOf("log2", a)));
}

/**
 * Elementwise logarithm to base 10. Integers and booleans become float32.
 *
 * @example mx.log10(mx.array([100])).tolist() // [2]
 * @see mlx.core.log10
 */
export function log10(a: Operand): NDArray {
  return wrap(p.log10(floatOf("log10", a)));
}

/**
 * Elementwise log(1 + a), accurate near 0. Integers and booleans become float32.
 *
 * @example mx.log1p(mx.array([0])).tolist() // [0]
 * @see mlx.core.log1p
 */
export function log1p(a: Operand): NDArray {
  return wrap(p.log1p(floatOf("log1p", a)));
}

/**
 * Elementwise sine of an angle in radians. Integers and booleans become float32.
 *
 * @example mx.sin(mx.array([0])).tolist() // [0]
 * @see mlx.core.sin
 */
export function sin(a: Operand): NDArray {
  return wrap(p.sin(floatOf("sin", a)));
}

/**
 * Elementwise cosine of an angle in radians. Integers and booleans become float32.
 *
 * @example mx.cos(mx.array([0])).tolist() // [1]
 * @see mlx.core.cos
 */
export function cos(a: Operand): NDArray {
  return wrap(p.cos(floatOf("cos", a)));
}

/**
 * Elementwise tangent of an angle in radians. Integers and booleans become float32.
 *
 * @example mx.tan(mx.array([0])).tolist() // [0]
 * @see mlx.core.tan
 */
export function tan(a: Operand): NDArray {
  return wrap(p.tan(floatOf("tan", a)));
}

/**
 * Elementwise inverse sine. Integers and booleans become float32.
 *
 * @example mx.arcsin(mx.array([0])).tolist() // [0]
 * @see mlx.core.arcsin
 */
export function arcsin(a: Operand): NDArray {
  return wrap(p.arcsin(floatOf("arcsin", a)));
}

/**
 * Elementwise inverse cosine. Integers and booleans become float32.
 *
 * @example mx.arccos(mx.array([1])).tolist() // [0]
 * @see mlx.core.arccos
 */
export function arccos(a: Operand): NDArray {
  return wrap(p.arccos(floatOf("arccos", a)));
}

/**
 * Elementwise inverse tangent. Integers and booleans become float32.
 *
 * @example mx.arctan(mx.array([0])).tolist() // [0]
 * @see mlx.core.arctan
 */
export function arctan(a: Operand): NDArray {
  return wrap(p.arctan(floatOf("arctan", a)));
}

/**
 * Elementwise hyperbolic sine. Integers and booleans become float32.
 *
 * @example mx.sinh(mx.array([0])).tolist() // [0]
 * @see mlx.core.sinh
 */
export function sinh(a: Operand): NDArray {
  return wrap(p.sinh(floatOf("sinh", a)));
}

/**
 * Elementwise hyperbolic cosine. Integers and booleans become float32.
 *
 * @example mx.cosh(mx.array([0])).tolist() // [1]
 * @see mlx.core.cosh
 */
export function cosh(a: Operand): NDArray {
  return wrap(p.cosh(floatOf("cosh", a)));
}

/**
 * Elementwise hyperbolic tangent. Integers and booleans become float32.
 *
 * @example mx.tanh(mx.array([0])).tolist() // [0]
 * @see mlx.core.tanh
 */
export function tanh(a: Operand): NDArray {
  return wrap(p.tanh(floatOf("tanh", a)));
}

/**
 * Elementwise inverse hyperbolic sine. Integers and booleans become float32.
 *
 * @example mx.arcsinh(mx.array([0])).tolist() // [0]
 * @see mlx.core.arcsinh
 */
export function arcsinh(a: Operand): NDArray {
  return wrap(p.arcsinh(floatOf("arcsinh", a)));
}

/**
 * Elementwise inverse hyperbolic cosine. Integers and booleans become float32.
 *
 * @example mx.arccosh(mx.array([1])).tolist() // [0]
 * @see mlx.core.arccosh
 */
export function arccosh(a: Operand): NDArray {
  return wrap(p.arccosh(floatOf("arccosh", a)));
}

/**
 * Elementwise inverse hyperbolic tangent. Integers and booleans become float32.
 *
 * @example mx.arctanh(mx.array([0])).tolist() // [0]
 * @see mlx.core.arctanh
 */
export function arctanh(a: Operand): NDArray {
  return wrap(p.arctanh(floatOf("arctanh", a)));
}

/**
 * Elementwise logistic function 1 / (1 + exp(-a)). Integers and booleans become float32.
 *
 * @throws DTypeError for complex64
 * @example mx.sigmoid(mx.array([0])).tolist() // [0.5]
 * @see mlx.core.sigmoid
 */
export function sigmoid(a: Operand): NDArray {
  return wrap(p.sigmoid(realFloatOf("sigmoid", a)));
}

/**
 * Elementwise error function. Integers and booleans become float32.
 *
 * @throws DTypeError for complex64
 * @example mx.erf(mx.array([0])).tolist() // [0]
 * @see mlx.core.erf
 */
export function erf(a: Operand): NDArray {
  return wrap(p.erf(realFloatOf("erf", a)));
}

/**
 * Elementwise inverse error function; infinite at -1 and 1. Integers and booleans become float32.
 *
 * @throws DTypeError for complex64
 * @example mx.erfinv(mx.array([0])).tolist() // [0]
 * @see mlx.core.erfinv
 */
export function erfinv(a: Operand): NDArray {
  return wrap(p.erfinv(realFloatOf("erfinv", a)));
}

/**
 * Elementwise angle in degrees of an angle in radians. Integers and booleans become float32.
 *
 * @example mx.degrees(mx.array([Math.PI])).tolist() // [180]
 * @see mlx.core.degrees
 */
export function degrees(a: Operand): NDArray {
  const n = floatOf("degrees", a);
  return wrap(p.multiply(n, like(n, 180 / Math.PI)));
}

/**
 * Elementwise angle in radians of an angle in degrees. Integers and booleans become float32.
 *
 * @example mx.radians(mx.array([0])).tolist() // [0]
 * @see mlx.core.radians
 */
export function radians(a: Operand): NDArray {
  const n = floatOf("radians", a);
  return wrap(p.multiply(n, like(n, Math.PI / 180)));
}

/** @see arcsin */
export const asin: typeof arcsin = arcsin;

/** @see arccos */
export const acos: typeof arccos = arccos;

/** @see arctan */
export const atan: typeof arctan = arctan;

/** @see arcsinh */
export const asinh: typeof arcsinh = arcsinh;

/** @see arccosh */
export const acosh: typeof arccosh = arccosh;

/** @see arctanh */
export const atanh: typeof arctanh = arctanh;

/** Comparisons and logical operations: results are bool, gradients zero. */
import { bool, complex64, isInexact } from "../core/dtype.js";
import { readOptions, readPositional } from "../core/options.js";
import { NDArray } from "../graph/array.js";
import { type Node, sameShape } from "../graph/node.js";
import * as p from "../primitives/index.js";
import {
  binary,
  castTo,
  constant,
  floatOf,
  like,
  nodeOf,
  type Operand,
  pair,
  pairNodes,
  wrap,
} from "./operand.js";
import { all } from "./reduce.js";

/**
 * Elementwise a = b; NaN equals nothing. Result is bool.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @example mx.equal(mx.array([1, 2]), 2).tolist() // [false, true]
 * @see mlx.core.equal
 */
export function equal(a: Operand, b: Operand): NDArray {
  return binary("equal", p.equal, a, b);
}

/**
 * Elementwise a ≠ b. Result is bool.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @example mx.notEqual(mx.array([1, 2]), 2).tolist() // [true, false]
 * @see mlx.core.not_equal
 */
export function notEqual(a: Operand, b: Operand): NDArray {
  return binary("notEqual", p.notEqual, a, b);
}

/**
 * Elementwise a < b. Result is bool. Complex numbers compare by real, then imaginary part.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @example mx.less(mx.array([1, 2]), 2).tolist() // [true, false]
 * @see mlx.core.less
 */
export function less(a: Operand, b: Operand): NDArray {
  return binary("less", p.less, a, b);
}

/**
 * Elementwise a ≤ b. Result is bool. Complex numbers compare by real, then imaginary part.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @example mx.lessEqual(mx.array([1, 2]), 2).tolist() // [true, true]
 * @see mlx.core.less_equal
 */
export function lessEqual(a: Operand, b: Operand): NDArray {
  return binary("lessEqual", p.lessEqual, a, b);
}

/**
 * Elementwise a > b. Result is bool. Complex numbers compare by real, then imaginary part.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @example mx.greater(mx.array([1, 2]), 2).tolist() // [false, false]
 * @see mlx.core.greater
 */
export function greater(a: Operand, b: Operand): NDArray {
  return binary("greater", p.greater, a, b);
}

/**
 * Elementwise a ≥ b. Result is bool. Complex numbers compare by real, then imaginary part.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @example mx.greaterEqual(mx.array([1, 2]), 2).tolist() // [false, true]
 * @see mlx.core.greater_equal
 */
export function greaterEqual(a: Operand, b: Operand): NDArray {
  return binary("greaterEqual", p.greaterEqual, a, b);
}

/**
 * Elementwise logical and; anything nonzero counts as true.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @example mx.logicalAnd(mx.array([true, false]), true).tolist() // [true, false]
 * @see mlx.core.logical_and
 */
export function logicalAnd(a: Operand, b: Operand): NDArray {
  const [x, y] = pair("logicalAnd", truth("logicalAnd", a), truth("logicalAnd", b));
  return wrap(p.bitwiseAnd(x, y));
}

/**
 * Elementwise logical or; anything nonzero counts as true.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @example mx.logicalOr(mx.array([true, false]), true).tolist() // [true, true]
 * @see mlx.core.logical_or
 */
export function logicalOr(a: Operand, b: Operand): NDArray {
  const [x, y] = pair("logicalOr", truth("logicalOr", a), truth("logicalOr", b));
  return wrap(p.bitwiseOr(x, y));
}

/**
 * Elementwise logical exclusive or; anything nonzero counts as true.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @example mx.logicalXor(mx.array([true, false]), true).tolist() // [false, true]
 * @see mlx.core.logical_xor
 */
export function logicalXor(a: Operand, b: Operand): NDArray {
  const [x, y] = pair("logicalXor", truth("logicalXor", a), truth("logicalXor", b));
  return wrap(p.bitwiseXor(x, y));
}

const truth = (op: string, a: Operand): NDArray => {
  const n = nodeOf(op, a);
  return n.dtype === bool && a instanceof NDArray ? a : wrap(castTo(n, bool));
};

/**
 * Elementwise logical not; anything nonzero counts as true.
 *
 * @example mx.logicalNot(mx.array([true, false])).tolist() // [false, true]
 * @see mlx.core.logical_not
 */
export function logicalNot(a: Operand): NDArray {
  return wrap(p.bitwiseInvert(castTo(nodeOf("logicalNot", a), bool)));
}

/** |x| = Infinity, where the dtype has infinities. */
const infinite = (n: Node): Node => {
  if (n.dtype === complex64) return p.bitwiseOr(infinite(p.real(n)), infinite(p.imag(n)));
  return p.equal(p.abs(n), like(n, Number.POSITIVE_INFINITY));
};

const notNumber = (n: Node): Node => p.notEqual(n, n);

const never = (n: Node): Node => constant(false, bool, n.shape);

/**
 * Elementwise test whether a value is NaN; complex numbers by either part, integers never are special.
 *
 * @example mx.isnan(mx.array([NaN, Infinity, 1])).tolist() // [true, false, false]
 * @see mlx.core.isnan
 */
export function isnan(a: Operand): NDArray {
  const n = nodeOf("isnan", a);
  return wrap(isInexact(n.dtype) ? notNumber(n) : never(n));
}

/**
 * Elementwise test whether a value is infinite; complex numbers by either part, integers never are special.
 *
 * @example mx.isinf(mx.array([NaN, Infinity, 1])).tolist() // [false, true, false]
 * @see mlx.core.isinf
 */
export function isinf(a: Operand): NDArray {
  const n = nodeOf("isinf", a);
  return wrap(isInexact(n.dtype) ? infinite(n) : never(n));
}

/**
 * Elementwise test whether a value is neither NaN nor infinite; complex numbers by either part, integers never are special.
 *
 * @example mx.isfinite(mx.array([NaN, Infinity, 1])).tolist() // [false, false, true]
 * @see mlx.core.isfinite
 */
export function isfinite(a: Operand): NDArray {
  const n = nodeOf("isfinite", a);
  if (!isInexact(n.dtype)) return wrap(constant(true, bool, n.shape));
  return wrap(p.bitwiseInvert(p.bitwiseOr(infinite(n), notNumber(n))));
}

/**
 * Elementwise test whether a value is positive infinity; complex numbers by either part, integers never are special.
 *
 * @example mx.isposinf(mx.array([NaN, Infinity, 1])).tolist() // [false, true, false]
 * @see mlx.core.isposinf
 */
export function isposinf(a: Operand): NDArray {
  const n = nodeOf("isposinf", a);
  return wrap(isInexact(n.dtype) ? p.equal(n, like(n, Number.POSITIVE_INFINITY)) : never(n));
}

/**
 * Elementwise test whether a value is negative infinity; complex numbers by either part, integers never are special.
 *
 * @example mx.isneginf(mx.array([NaN, Infinity, 1])).tolist() // [false, false, false]
 * @see mlx.core.isneginf
 */
export function isneginf(a: Operand): NDArray {
  const n = nodeOf("isneginf", a);
  return wrap(isInexact(n.dtype) ? p.equal(n, like(n, Number.NEGATIVE_INFINITY)) : never(n));
}

export interface CloseOptions {
  /** Relative tolerance, of |b|. */
  readonly rtol?: number;
  /** Absolute tolerance. */
  readonly atol?: number;
  /** Whether NaN is close to NaN. */
  readonly equalNan?: boolean;
}

/**
 * Elementwise |a - b| ≤ atol + rtol·|b|; equal infinities are close.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @example mx.isclose(mx.array([1, 2]), mx.array([1.000001, 3])).tolist() // [true, false]
 * @see mlx.core.isclose
 */
export function isclose(
  a: Operand,
  b: Operand,
  rtol?: number | CloseOptions,
  options?: CloseOptions,
): NDArray {
  const o = readPositional<CloseOptions>("isclose", "rtol", rtol, options, [
    "rtol",
    "atol",
    "equalNan",
  ]);
  const x = floatOf("isclose", a);
  const [u, v] = pairNodes("isclose", x, floatOf("isclose", b));
  const size = p.abs(v);
  const limit = p.add(like(size, o.atol ?? 1e-8), p.multiply(like(size, o.rtol ?? 1e-5), size));
  const near = p.lessEqual(p.abs(p.subtract(u, v)), limit);
  const anyInfinite = p.bitwiseOr(infinite(u), infinite(v));
  const finiteClose = p.bitwiseAnd(near, p.bitwiseInvert(anyInfinite));
  let close = p.bitwiseOr(finiteClose, p.bitwiseAnd(anyInfinite, p.equal(u, v)));
  if (o.equalNan === true) close = p.bitwiseOr(close, p.bitwiseAnd(notNumber(u), notNumber(v)));
  return wrap(close);
}

/**
 * Whether all elements are close: a 0-d bool array.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @example mx.allclose(mx.array([1, 2]), mx.array([1, 2])).item() // true
 * @see mlx.core.allclose
 */
export function allclose(
  a: Operand,
  b: Operand,
  rtol?: number | CloseOptions,
  options?: CloseOptions,
): NDArray {
  return all(isclose(a, b, rtol, options));
}

export interface ArrayEqualOptions {
  /** Whether NaN equals NaN. */
  readonly equalNan?: boolean;
}

/**
 * Whether two arrays have the same shape and the same values: a 0-d bool array.
 *
 * @example mx.arrayEqual(mx.array([1, 2]), mx.array([1, 2])).item() // true
 * @see mlx.core.array_equal
 */
export function arrayEqual(a: Operand, b: Operand, options?: ArrayEqualOptions): NDArray {
  const { equalNan = false } = readOptions<ArrayEqualOptions>("arrayEqual", options, ["equalNan"]);
  if (!sameShape(nodeOf("arrayEqual", a).shape, nodeOf("arrayEqual", b).shape)) {
    return wrap(constant(false, bool));
  }
  const [x, y] = pair("arrayEqual", a, b);
  let same = p.equal(x, y);
  if (equalNan && isInexact(x.dtype))
    same = p.bitwiseOr(same, p.bitwiseAnd(notNumber(x), notNumber(y)));
  return all(wrap(same));
}

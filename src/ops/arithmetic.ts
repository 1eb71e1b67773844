/** Elementwise arithmetic of two operands, with broadcasting and promotion. */
import { bool, isInteger, uint8 } from "../core/dtype.js";
import { atLeastFloat } from "../core/promotion.js";
import type { NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import * as p from "../primitives/index.js";
import { binary, type Operand, pair, rejectComplex, wrap } from "./operand.js";

/** Booleans divide as the numbers 0 and 1. */
const throughInt = (build: (a: Node, b: Node) => Node, x: Node, y: Node): Node =>
  p.cast(build(p.cast(x, uint8), p.cast(y, uint8)), bool);

/**
 * Elementwise a + b. Overflow wraps; bool + bool is logical or.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @example mx.add(mx.array([1, 2]), 3).tolist() // [4, 5]
 * @see mlx.core.add
 */
export function add(a: Operand, b: Operand): NDArray {
  return binary("add", p.add, a, b);
}

/**
 * Elementwise a - b; unsigned integers wrap, bool stays bool.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @example mx.subtract(mx.array([1, 2]), 3).tolist() // [-2, -1]
 * @see mlx.core.subtract
 */
export function subtract(a: Operand, b: Operand): NDArray {
  return binary("subtract", p.subtract, a, b);
}

/**
 * Elementwise a · b.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @example mx.multiply(mx.array([1, 2]), 3).tolist() // [3, 6]
 * @see mlx.core.multiply
 */
export function multiply(a: Operand, b: Operand): NDArray {
  return binary("multiply", p.multiply, a, b);
}

/**
 * Elementwise a / b, always in at least float32: integers give float32.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @example mx.divide(mx.array([1, 2]), 2).tolist() // [0.5, 1]
 * @see mlx.core.divide
 */
export function divide(a: Operand, b: Operand): NDArray {
  return binary("divide", p.divide, a, b, atLeastFloat);
}

/**
 * Elementwise division: floor(a / b) for floats, truncated toward zero for integers, where division by zero gives 0. Zero gradient.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @throws DTypeError for complex64
 * @example mx.floorDivide(mx.array([7, -7]), 2).tolist() // [3, -4]
 * @see mlx.core.floor_divide
 */
export function floorDivide(a: Operand, b: Operand): NDArray {
  const [x, y] = pair("floorDivide", a, b);
  rejectComplex("floorDivide", x);
  if (x.dtype === bool) return wrap(throughInt(p.divide, x, y));
  if (isInteger(x.dtype)) return wrap(p.stopGradient(p.divide(x, y)));
  return wrap(p.floor(p.divide(x, y)));
}

/**
 * Elementwise remainder with the sign of the divisor; by integer zero it gives 0.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @throws DTypeError for complex64
 * @example mx.remainder(mx.array([7, -7]), 3).tolist() // [1, 2]
 * @see mlx.core.remainder
 */
export function remainder(a: Operand, b: Operand): NDArray {
  const [x, y] = pair("remainder", a, b);
  rejectComplex("remainder", x);
  if (x.dtype === bool) return wrap(throughInt(p.remainder, x, y));
  return wrap(p.remainder(x, y));
}

/**
 * Quotient and remainder with a = q·b + r: q is floored, for integers as well.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @throws DTypeError for complex64
 * @example mx.divmod(mx.array([-7]), 2).map((x) => x.item()) // [-4, 1]
 * @see mlx.core.divmod
 */
export function divmod(a: Operand, b: Operand): [NDArray, NDArray] {
  const [x, y] = pair("divmod", a, b);
  rejectComplex("divmod", x);
  if (x.dtype === bool) return [floorDivide(wrap(x), wrap(y)), remainder(wrap(x), wrap(y))];
  const r = p.remainder(x, y);
  if (!isInteger(x.dtype)) return [wrap(p.floor(p.divide(x, y))), wrap(r)];
  // The truncated quotient, less one where the remainder took the divisor's sign: no sum that could overflow.
  const zero = p.constant(0, x.dtype, x.shape);
  const crossed = p.notEqual(p.less(x, zero), p.less(y, zero));
  const floored = p.multiply(p.cast(crossed, x.dtype), p.cast(p.notEqual(r, zero), x.dtype));
  return [wrap(p.subtract(p.divide(x, y), floored)), wrap(r)];
}

/**
 * Elementwise a to the power b; integers stay integers, with a negative exponent 0.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @example mx.power(mx.array([2, 3]), 2).tolist() // [4, 9]
 * @see mlx.core.power
 */
export function power(a: Operand, b: Operand): NDArray {
  return binary("power", p.power, a, b);
}

/** @see power */
export const pow: typeof power = power;

/**
 * Elementwise maximum; NaN propagates. At a tie the gradient goes to b.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @example mx.maximum(mx.array([1, 4]), 2).tolist() // [2, 4]
 * @see mlx.core.maximum
 */
export function maximum(a: Operand, b: Operand): NDArray {
  return binary("maximum", p.maximum, a, b);
}

/**
 * Elementwise minimum; NaN propagates. At a tie the gradient goes to b.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @example mx.minimum(mx.array([1, 4]), 2).tolist() // [1, 2]
 * @see mlx.core.minimum
 */
export function minimum(a: Operand, b: Operand): NDArray {
  return binary("minimum", p.minimum, a, b);
}

/**
 * Angle of the point (b, a), in at least float32.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @throws DTypeError for complex64
 * @example mx.arctan2(mx.array([0]), mx.array([1])).tolist() // [0]
 * @see mlx.core.arctan2
 */
export function arctan2(a: Operand, b: Operand): NDArray {
  const [x, y] = pair("arctan2", a, b, atLeastFloat);
  return wrap(p.arctan2(rejectComplex("arctan2", x), y));
}

/** @see arctan2 */
export const atan2: typeof arctan2 = arctan2;

/**
 * Elementwise log(exp(a) + exp(b)), without overflow, in at least float32.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @example mx.logaddexp(mx.array([0]), 0).item() // 0.693…
 * @see mlx.core.logaddexp
 */
export function logaddexp(a: Operand, b: Operand): NDArray {
  const [x, y] = pair("logaddexp", a, b, atLeastFloat);
  return wrap(p.logaddexp(x, y));
}

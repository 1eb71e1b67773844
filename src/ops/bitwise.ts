/** Elementwise bitwise and shift operations on integers and booleans. */
import { bool, type DType, isInexact, uint8 } from "../core/dtype.js";
import { DTypeError } from "../core/errors.js";
import type { NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import * as p from "../primitives/index.js";
import { castTo, nodeOf, type Operand, pair, wrap } from "./operand.js";

const bitwise = (
  op: string,
  build: (a: Node, b: Node) => Node,
  a: Operand,
  b: Operand,
): NDArray => {
  const [x, y] = pair(op, a, b);
  requireBits(op, x.dtype);
  return wrap(build(x, y));
};

const requireBits = (op: string, d: DType): void => {
  if (isInexact(d)) {
    throw new DTypeError(
      `[${op}] expected integers or booleans, got ${d.name}: cast with x.astype(mx.int32)`,
    );
  }
};

/**
 * Elementwise bitwise and; logical on booleans.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @throws DTypeError for inexact operands
 * @example mx.bitwiseAnd(mx.array([6], mx.int32), 3).tolist() // [2]
 * @see mlx.core.bitwise_and
 */
export function bitwiseAnd(a: Operand, b: Operand): NDArray {
  return bitwise("bitwiseAnd", p.bitwiseAnd, a, b);
}

/**
 * Elementwise bitwise or; logical on booleans.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @throws DTypeError for inexact operands
 * @example mx.bitwiseOr(mx.array([6], mx.int32), 3).tolist() // [7]
 * @see mlx.core.bitwise_or
 */
export function bitwiseOr(a: Operand, b: Operand): NDArray {
  return bitwise("bitwiseOr", p.bitwiseOr, a, b);
}

/**
 * Elementwise bitwise exclusive or; logical on booleans.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @throws DTypeError for inexact operands
 * @example mx.bitwiseXor(mx.array([6], mx.int32), 3).tolist() // [5]
 * @see mlx.core.bitwise_xor
 */
export function bitwiseXor(a: Operand, b: Operand): NDArray {
  return bitwise("bitwiseXor", p.bitwiseXor, a, b);
}

/**
 * Elementwise bitwise complement; logical not on booleans.
 *
 * @throws DTypeError for inexact operands
 * @example mx.bitwiseInvert(mx.array([5], mx.int32)).tolist() // [-6]
 * @see mlx.core.bitwise_invert
 */
export function bitwiseInvert(a: Operand): NDArray {
  const n = nodeOf("bitwiseInvert", a);
  requireBits("bitwiseInvert", n.dtype);
  return wrap(p.bitwiseInvert(n));
}

const shift = (op: string, build: (a: Node, b: Node) => Node, a: Operand, b: Operand): NDArray => {
  const [x, y] = pair(op, a, b);
  requireBits(op, x.dtype);
  if (x.dtype === bool) return wrap(build(castTo(x, uint8), castTo(y, uint8)));
  return wrap(build(x, y));
};

/**
 * Elementwise a shifted left by b bits; booleans become uint8.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @throws DTypeError for inexact operands
 * @example mx.leftShift(mx.array([1], mx.int32), 3).tolist() // [8]
 * @see mlx.core.left_shift
 */
export function leftShift(a: Operand, b: Operand): NDArray {
  return shift("leftShift", p.leftShift, a, b);
}

/**
 * Elementwise a shifted right by b bits, keeping the sign of signed integers; booleans become uint8.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @throws DTypeError for inexact operands
 * @example mx.rightShift(mx.array([-8], mx.int32), 1).tolist() // [-4]
 * @see mlx.core.right_shift
 */
export function rightShift(a: Operand, b: Operand): NDArray {
  return shift("rightShift", p.rightShift, a, b);
}

/** @see leftShift */
export const bitwiseLeftShift: typeof leftShift = leftShift;

/** @see rightShift */
export const bitwiseRightShift: typeof rightShift = rightShift;

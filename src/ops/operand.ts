/** Operands of public ops: arrays or weak scalars, brought to one dtype and one shape. */
import { complex64, type DType, float32 } from "../core/dtype.js";
import { ArgumentError, DTypeError } from "../core/errors.js";
import { describe, isComplex, isScalar, type Scalar } from "../core/guards.js";
import {
  atLeastFloat,
  checkScalarFits,
  promote,
  scalarDtype,
  weakDtype,
} from "../core/promotion.js";
import { broadcastPair } from "../core/shape.js";
import { NDArray } from "../graph/array.js";
import { type Node, type Shape, sameShape } from "../graph/node.js";
import * as p from "../primitives/index.js";

/** What elementwise ops take: an array, or a number, boolean, BigInt or complex number that takes the array's dtype. */
export type Operand = NDArray | Scalar;

const noShape: Shape = [];

/** A handle on `n`. */
export const wrap = (n: Node): NDArray => new NDArray(n);

/** The dtype a weak scalar takes next to an array of `dtype`, when it fits. */
const weak = (op: string, x: Scalar, dtype: DType): DType => {
  const d = weakDtype(x, dtype);
  checkScalarFits(op, x, d);
  return d;
};

const reject = (op: string, x: unknown): ArgumentError =>
  new ArgumentError(
    `[${op}] expected an array or a number, got ${describe(x)}: make it one with mx.array(…)`,
  );

/** A scalar as a constant of `dtype`, repeated over `shape`. */
export const constant = (x: Scalar, dtype: DType, shape: Shape = noShape): Node =>
  p.constant(isComplex(x) && dtype.kind !== "complex" ? x.re : x, dtype, shape);

/** The node of an operand; a scalar alone has the dtype that `array` gives it. */
export const nodeOf = (op: string, x: Operand): Node => {
  if (x instanceof NDArray) return x.node;
  if (!isScalar(x)) throw reject(op, x);
  return constant(x, scalarDtype(x));
};

/** The node of what has to be an array. */
export const arrayOf = (op: string, x: unknown): Node => {
  if (x instanceof NDArray) return x.node;
  throw reject(op, x);
};

/** @throws ArgumentError for what cannot stand for one element */
export const requireScalar = (op: string, x: unknown): void => {
  if (!isScalar(x)) throw reject(op, x);
};

export const castTo = (n: Node, dtype: DType): Node => p.cast(n, dtype);

/** NumPy's broadcasting of `n` to `shape`, which must be possible. */
export const spread = (n: Node, shape: Shape): Node => {
  if (sameShape(n.shape, shape)) return n;
  const lead = shape.length - n.shape.length;
  return p.broadcast(
    n,
    shape,
    n.shape.map((_, i) => i + lead),
  );
};

/** The node of an operand, as float32 when it is an integer or a boolean. */
export const floatOf = (op: string, x: Operand): Node => {
  if (x instanceof NDArray) {
    const n = x.node;
    return castTo(n, atLeastFloat(n.dtype));
  }
  if (!isScalar(x)) throw reject(op, x);
  return constant(x, isComplex(x) ? complex64 : float32);
};

/** Real operands only. */
export const realFloatOf = (op: string, x: Operand): Node => {
  const n = floatOf(op, x);
  return rejectComplex(op, n);
};

export const rejectComplex = (op: string, n: Node): Node => {
  if (n.dtype === complex64) {
    throw new DTypeError(
      `[${op}] expected a real array, got complex64: take mx.real(x), mx.imag(x) or mx.abs(x)`,
    );
  }
  return n;
};

/** Two operands promoted and broadcast together. */
export type Pair = readonly [Node, Node];

const fitPair = (op: string, x: Node, y: Node, dtype: DType): Pair => {
  const a = castTo(x, dtype);
  const b = castTo(y, dtype);
  if (sameShape(a.shape, b.shape)) return [a, b];
  const shape = broadcastPair(op, a.shape, b.shape);
  return [spread(a, shape), spread(b, shape)];
};

/** The common dtype of two operands under MLX's rules for weak scalars. */
export const commonDType = (op: string, a: Operand, b: Operand): DType => {
  if (a instanceof NDArray) {
    if (b instanceof NDArray) return promote(a.node.dtype, b.node.dtype);
    if (!isScalar(b)) throw reject(op, b);
    return promote(a.node.dtype, weak(op, b, a.node.dtype));
  }
  if (!isScalar(a)) throw reject(op, a);
  if (b instanceof NDArray) return promote(weak(op, a, b.node.dtype), b.node.dtype);
  if (!isScalar(b)) throw reject(op, b);
  return promote(scalarDtype(a), scalarDtype(b));
};

/** Both operands in dtype `to(common dtype)` and in their common shape. */
export const pair = (op: string, a: Operand, b: Operand, to?: (d: DType) => DType): Pair => {
  const common = commonDType(op, a, b);
  const dtype = to === undefined ? common : to(common);
  if (a instanceof NDArray) {
    if (b instanceof NDArray) return fitPair(op, a.node, b.node, dtype);
    return [castTo(a.node, dtype), constant(b, dtype, a.node.shape)];
  }
  if (b instanceof NDArray) return [constant(a, dtype, b.node.shape), castTo(b.node, dtype)];
  return [constant(a, dtype), constant(b, dtype)];
};

/** Nodes promoted and broadcast together. */
export const pairNodes = (op: string, a: Node, b: Node): Pair =>
  fitPair(op, a, b, promote(a.dtype, b.dtype));

/**
 * Applies `build` to two operands. The first branch is the path of arrays that already agree: no options, no copies.
 */
export const binary = (
  op: string,
  build: (a: Node, b: Node) => Node,
  a: Operand,
  b: Operand,
  to?: (d: DType) => DType,
): NDArray => {
  if (to === undefined && a instanceof NDArray && b instanceof NDArray) {
    const x = a.node;
    const y = b.node;
    if (x.dtype === y.dtype && sameShape(x.shape, y.shape)) return new NDArray(build(x, y));
  }
  const [x, y] = pair(op, a, b, to);
  return new NDArray(build(x, y));
};

/** A constant like `n`: same dtype, same shape. */
export const like = (n: Node, value: Scalar): Node => constant(value, n.dtype, n.shape);

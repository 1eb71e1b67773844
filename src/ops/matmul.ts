/** Matrix products and their relatives: matmul, addmm, inner, outer, vecdot, tensordot, kron. */

import { type DType, isInexact } from "../core/dtype.js";
import { ArgumentError, DTypeError, ShapeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readPositional } from "../core/options.js";
import { promote } from "../core/promotion.js";
import { requireIntegers } from "../core/require.js";
import { broadcastPair, normalizeAxis, showShape } from "../core/shape.js";
import type { NDArray } from "../graph/array.js";
import { type Node, type Shape, sizeOf } from "../graph/node.js";
import * as p from "../primitives/index.js";
import { castTo, like, nodeOf, type Operand, pairNodes, spread, wrap } from "./operand.js";
import { accumulator } from "./reduce.js";

const requireInexact = (op: string, a: DType, b: DType, d: DType): void => {
  if (!isInexact(d)) {
    throw new DTypeError(
      `[${op}] expected floating or complex arrays, got ${a.name} and ${b.name}: cast with x.astype(mx.float32)`,
    );
  }
};

const mismatch = (op: string, a: Shape, b: Shape): ShapeError =>
  new ShapeError(
    `[${op}] expected the last axis of the first as long as the second-to-last of the second, got shapes ${showShape(a)} and ${showShape(b)}`,
  );

/** Node-level matmul with NumPy's rules for vectors and batch axes. */
export const matmulNodes = (op: string, a: Node, b: Node): Node => {
  const dtype = promote(a.dtype, b.dtype);
  requireInexact(op, a.dtype, b.dtype, dtype);
  if (a.shape.length === 0 || b.shape.length === 0) {
    throw new ShapeError(
      `[${op}] expected arrays with at least one axis, got a 0-d array: use multiply`,
    );
  }
  if (a.shape.length === 2 && b.shape.length === 2 && a.dtype === b.dtype) {
    if (a.shape[1] !== b.shape[0]) throw mismatch(op, a.shape, b.shape);
    return p.matmul(a, b);
  }
  const vectorA = a.shape.length === 1;
  const vectorB = b.shape.length === 1;
  let x = castTo(a, dtype);
  let y = castTo(b, dtype);
  if (vectorA) x = p.reshape(x, [1, ...x.shape]);
  if (vectorB) y = p.reshape(y, [...y.shape, 1]);
  const m = x.shape.at(-2) ?? 0;
  const k = x.shape.at(-1) ?? 0;
  const n = y.shape.at(-1) ?? 0;
  if (k !== y.shape.at(-2)) throw mismatch(op, a.shape, b.shape);
  let batch: Shape = x.shape.slice(0, -2);
  let out: Node;
  if (batch.length > 0 && y.shape.length === 2) {
    // One large product instead of many: the gradient by the right matrix is then one product as well.
    out = p.matmul(p.reshape(x, [sizeOf(batch) * m, k]), y);
  } else {
    batch = broadcastPair(op, batch, y.shape.slice(0, -2));
    out = p.matmul(spread(x, [...batch, m, k]), spread(y, [...batch, k, n]));
  }
  return p.reshape(out, [...batch, ...(vectorA ? [] : [m]), ...(vectorB ? [] : [n])]);
};

/**
 * Matrix product, with NumPy's rules: vectors get an axis of length 1 that is dropped again, batch axes broadcast.
 *
 * @throws DTypeError for integers, ShapeError for 0-d arrays or shapes that do not fit
 * @example mx.matmul(mx.array([[1, 2]]), mx.array([[3], [4]])).tolist() // [[11]]
 * @see mlx.core.matmul
 */
export function matmul(a: Operand, b: Operand): NDArray {
  return wrap(matmulNodes("matmul", nodeOf("matmul", a), nodeOf("matmul", b)));
}

export interface AddmmOptions {
  readonly alpha?: number;
  readonly beta?: number;
}

/**
 * beta · c + alpha · (a @ b).
 *
 * @throws DTypeError for integers, ShapeError for shapes that do not fit
 * @example mx.addmm(mx.array([[1]]), mx.array([[2]]), mx.array([[3]])).tolist() // [[7]]
 * @see mlx.core.addmm
 */
export function addmm(
  c: Operand,
  a: Operand,
  b: Operand,
  alpha?: number | AddmmOptions,
  options?: AddmmOptions,
): NDArray {
  const o = readPositional<AddmmOptions>("addmm", "alpha", alpha, options, ["alpha", "beta"]);
  const nc = nodeOf("addmm", c);
  const na = nodeOf("addmm", a);
  const nb = nodeOf("addmm", b);
  const dtype = promote(promote(nc.dtype, na.dtype), nb.dtype);
  requireInexact("addmm", na.dtype, nb.dtype, dtype);
  let product = matmulNodes("addmm", castTo(na, dtype), castTo(nb, dtype));
  let offset = spreadTo("addmm", castTo(nc, dtype), product.shape);
  if (o.alpha !== undefined && o.alpha !== 1) product = p.multiply(product, like(product, o.alpha));
  if (o.beta !== undefined && o.beta !== 1) offset = p.multiply(offset, like(offset, o.beta));
  return wrap(p.add(product, offset));
}

const spreadTo = (op: string, n: Node, shape: Shape): Node => {
  const common = broadcastPair(op, n.shape, shape);
  if (common.length !== shape.length || common.some((x, d) => x !== shape[d])) {
    throw new ShapeError(
      `[${op}] expected c to broadcast to ${showShape(shape)}, got ${showShape(n.shape)}`,
    );
  }
  return spread(n, shape);
};

/**
 * Sum of products over the last axes of both.
 *
 * @throws DTypeError for integers, ShapeError when the last axes differ
 * @example mx.inner(mx.array([1, 2]), mx.array([3, 4])).item() // 11
 * @see mlx.core.inner
 */
export function inner(a: Operand, b: Operand): NDArray {
  const x = nodeOf("inner", a);
  const y = nodeOf("inner", b);
  if (x.shape.length === 0 || y.shape.length === 0) {
    const [u, v] = pairNodes("inner", x, y);
    return wrap(p.multiply(u, v));
  }
  if (x.shape.at(-1) !== y.shape.at(-1)) {
    throw new ShapeError(
      `[inner] expected last axes of one length, got shapes ${showShape(x.shape)} and ${showShape(y.shape)}`,
    );
  }
  return wrap(contract("inner", x, y, [x.shape.length - 1], [y.shape.length - 1]));
}

/**
 * All products of elements of the flattened arrays.
 *
 * @example mx.outer(mx.array([1, 2]), mx.array([3, 4])).tolist() // [[3, 4], [6, 8]]
 * @see mlx.core.outer
 */
export function outer(a: Operand, b: Operand): NDArray {
  const x = nodeOf("outer", a);
  const y = nodeOf("outer", b);
  const [u, v] = pairNodes(
    "outer",
    p.reshape(x, [sizeOf(x.shape), 1]),
    p.reshape(y, [1, sizeOf(y.shape)]),
  );
  return wrap(p.multiply(u, v));
}

export interface VecdotOptions {
  readonly axis?: number;
}

/**
 * Sum of conj(a) · b along an axis, the others broadcasting.
 *
 * @throws ShapeError when the shapes do not fit
 * @example mx.vecdot(mx.array([1, 2]), mx.array([3, 4])).item() // 11
 * @see mlx.core.vecdot
 */
export function vecdot(a: Operand, b: Operand, axis?: number | VecdotOptions): NDArray {
  const o = readPositional<VecdotOptions>("vecdot", "axis", axis, undefined, ["axis"]);
  const x = nodeOf("vecdot", a);
  const y = nodeOf("vecdot", b);
  const at = o.axis ?? -1;
  const u = p.moveAxis(x, normalizeAxis("vecdot", at, x.shape.length), x.shape.length - 1);
  const v = p.moveAxis(y, normalizeAxis("vecdot", at, y.shape.length), y.shape.length - 1);
  if (u.shape.at(-1) !== v.shape.at(-1)) {
    throw new ShapeError(
      `[vecdot] expected axes of one length, got shapes ${showShape(x.shape)} and ${showShape(y.shape)}`,
    );
  }
  const [s, t] = pairNodes("vecdot", u, v);
  const product = p.multiply(p.conjugate(s), t);
  return wrap(p.sum(castTo(product, accumulator(product.dtype)), [product.shape.length - 1]));
}

/** Sums products over pairs of axes: remaining axes of `a`, then those of `b`. */
const contract = (
  op: string,
  a: Node,
  b: Node,
  axesA: readonly number[],
  axesB: readonly number[],
): Node => {
  const dtype = promote(a.dtype, b.dtype);
  const restA = p.otherAxes(a.shape.length, axesA);
  const restB = p.otherAxes(b.shape.length, axesB);
  const length = (n: Node, axes: readonly number[]): number[] => axes.map((d) => n.shape[d] ?? 1);
  const shape = [...length(a, restA), ...length(b, restB)];
  const k = sizeOf(length(a, axesA));
  const x = p.reshape(castTo(p.permute(a, [...restA, ...axesA]), dtype), [
    sizeOf(length(a, restA)),
    k,
  ]);
  const y = p.reshape(castTo(p.permute(b, [...axesB, ...restB]), dtype), [
    k,
    sizeOf(length(b, restB)),
  ]);
  if (axesA.length === 0) {
    const [u, v] = pairNodes(op, x, y);
    return p.reshape(p.multiply(u, v), shape);
  }
  requireInexact(op, a.dtype, b.dtype, dtype);
  return p.reshape(p.matmul(x, y), shape);
};

export interface TensordotOptions {
  /** How many last axes of a meet the first of b, or the two lists of axes. */
  readonly axes?: number | readonly [readonly number[], readonly number[]];
}

/**
 * Sum of products over pairs of axes: the last `axes` of a with the first of b, or two lists of axes.
 *
 * @throws ShapeError when paired axes differ in length, DTypeError for integers
 * @example mx.tensordot(mx.ones([2, 3]), mx.ones([3, 4]), 1).shape // [2, 4]
 * @see mlx.core.tensordot
 */
export function tensordot(
  a: Operand,
  b: Operand,
  axes?: number | readonly [readonly number[], readonly number[]] | TensordotOptions,
): NDArray {
  const o = readPositional<TensordotOptions>("tensordot", "axes", axes, undefined, ["axes"]);
  const x = nodeOf("tensordot", a);
  const y = nodeOf("tensordot", b);
  const given = o.axes ?? 2;
  let axesA: number[];
  let axesB: number[];
  if (typeof given === "number") {
    if (!Number.isInteger(given) || given < 0 || given > Math.min(x.shape.length, y.shape.length)) {
      throw new ShapeError(
        `[tensordot] expected a number of axes that both arrays have, got ${describe(given)} for shapes ${showShape(x.shape)} and ${showShape(y.shape)}`,
      );
    }
    axesA = Array.from({ length: given }, (_, i) => x.shape.length - given + i);
    axesB = Array.from({ length: given }, (_, i) => i);
  } else {
    const listOf = (side: 0 | 1): readonly number[] =>
      requireIntegers(
        "tensordot",
        "axes of either array",
        Array.isArray(given) ? given[side] : given,
      );
    axesA = listOf(0).map((d) => normalizeAxis("tensordot", d, x.shape.length));
    axesB = listOf(1).map((d) => normalizeAxis("tensordot", d, y.shape.length));
    if (axesA.length !== axesB.length) {
      throw new ArgumentError(
        `[tensordot] expected as many axes of a as of b, got ${axesA.length} and ${axesB.length}`,
      );
    }
  }
  if (axesA.some((d, i) => x.shape[d] !== y.shape[axesB[i] ?? 0])) {
    throw new ShapeError(
      `[tensordot] expected paired axes of one length, got axes ${showShape(axesA)} of ${showShape(x.shape)} and ${showShape(axesB)} of ${showShape(y.shape)}`,
    );
  }
  return wrap(contract("tensordot", x, y, axesA, axesB));
}

/**
 * Kronecker product: each element of a times the whole of b.
 *
 * @throws ShapeError for an empty array
 * @example mx.kron(mx.array([1, 2]), mx.array([1, 1])).tolist() // [1, 1, 2, 2]
 * @see mlx.core.kron
 */
export function kron(a: Operand, b: Operand): NDArray {
  const x = nodeOf("kron", a);
  const y = nodeOf("kron", b);
  if (x.shape.includes(0) || y.shape.includes(0)) {
    throw new ShapeError(
      `[kron] expected arrays with elements, got shapes ${showShape(x.shape)} and ${showShape(y.shape)}`,
    );
  }
  const ndim = Math.max(x.shape.length, y.shape.length);
  const filled = (s: Shape): number[] => [...new Array<number>(ndim - s.length).fill(1), ...s];
  const sa = filled(x.shape);
  const sb = filled(y.shape);
  const [u, v] = pairNodes(
    "kron",
    p.reshape(
      x,
      sa.flatMap((n) => [n, 1]),
    ),
    p.reshape(
      y,
      sb.flatMap((n) => [1, n]),
    ),
  );
  return wrap(
    p.reshape(
      p.multiply(u, v),
      sa.map((n, d) => n * (sb[d] ?? 1)),
    ),
  );
}

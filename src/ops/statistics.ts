/** Means, variances, log-sum-exp and softmax along axes. */
import { float32, isInexact } from "../core/dtype.js";
import { IndexError } from "../core/errors.js";
import { readPositional } from "../core/options.js";
import { atLeastFloat } from "../core/promotion.js";
import { normalizeAxes, reducedShape } from "../core/shape.js";
import type { NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import * as p from "../primitives/index.js";
import { maxNode } from "./extremum.js";
import { castTo, floatOf, like, nodeOf, type Operand, spread, wrap } from "./operand.js";
import {
  type Axes,
  type ReduceOptions,
  readReduce,
  reduceNode,
  requireElements,
} from "./reduce.js";

/** Node-level mean of an inexact node. */
export const meanNode = (n: Node, axes: readonly number[], keepdims: boolean): Node => {
  const total = reduceNode(p.sum, n, axes, keepdims);
  return p.multiply(total, p.countLike(total, { of: n, axes, less: 0, reciprocal: true }));
};

/**
 * Mean over axes, in at least float32; over nothing NaN.
 *
 * @throws IndexError for an axis out of range, ShapeError for one given twice
 * @example mx.mean(mx.array([1, 2, 3])).item() // 2
 * @see mlx.core.mean
 */
export function mean(a: Operand, axis?: Axes | ReduceOptions, options?: ReduceOptions): NDArray {
  const n = floatOf("mean", a);
  const { axes, keepdims } = readReduce("mean", n.shape.length, axis, options);
  return wrap(meanNode(n, axes, keepdims));
}

export interface VarOptions extends ReduceOptions {
  /** Delta degrees of freedom: the divisor is the count less this. */
  readonly ddof?: number;
}

/** Node-level variance of an inexact node; real for complex ones. */
export const varianceNode = (
  n: Node,
  axes: readonly number[],
  keepdims: boolean,
  ddof: number,
): Node => {
  const centre = spread(meanNode(n, axes, true), n.shape);
  const gap = p.subtract(n, centre);
  const square =
    n.dtype.kind === "complex" ? p.real(p.multiply(gap, p.conjugate(gap))) : p.multiply(gap, gap);
  const total = reduceNode(p.sum, square, axes, keepdims);
  return p.divide(total, p.countLike(total, { of: n, axes, less: ddof, reciprocal: false }));
};

const readVariance = (
  op: string,
  n: Node,
  axis: Axes | VarOptions | undefined,
  options: VarOptions | undefined,
): Node => {
  const o = readPositional<VarOptions>(op, "axis", axis, options, ["axis", "keepdims", "ddof"]);
  return varianceNode(
    n,
    normalizeAxes(op, o.axis, n.shape.length),
    o.keepdims ?? false,
    o.ddof ?? 0,
  );
};

/**
 * Variance over axes, in at least float32; real for complex arrays.
 *
 * @throws IndexError for an axis out of range, ShapeError for one given twice
 * @example mx.var(mx.array([1, 2, 3, 4])).item() // 1.25
 * @see mlx.core.var
 */
export function variance(a: Operand, axis?: Axes | VarOptions, options?: VarOptions): NDArray {
  return wrap(readVariance("var", floatOf("var", a), axis, options));
}

/**
 * Standard deviation over axes, in at least float32. Its gradient is NaN where it is 0.
 *
 * @throws IndexError for an axis out of range, ShapeError for one given twice
 * @example mx.std(mx.array([1, 1])).item() // 0
 * @see mlx.core.std
 */
export function std(a: Operand, axis?: Axes | VarOptions, options?: VarOptions): NDArray {
  return wrap(p.sqrt(readVariance("std", floatOf("std", a), axis, options)));
}

/** Node-level log-sum-exp of an inexact node. */
export const logsumexpNode = (n: Node, axes: readonly number[], keepdims: boolean): Node => {
  const top = p.stopGradient(reduceNode(maxNode, n, axes, true));
  // An infinite maximum would make the difference NaN.
  const size = p.abs(top);
  const infinite = p.equal(size, like(size, Number.POSITIVE_INFINITY));
  const centre = p.select(infinite, like(top, 0), top);
  const total = reduceNode(p.sum, p.exp(p.subtract(n, spread(centre, n.shape))), axes, true);
  const result = p.add(p.log(total), centre);
  return keepdims ? result : p.reshape(result, reducedShape(n.shape, axes, false));
};

/**
 * log(sum(exp(a))) over axes, without overflow, in at least float32. All -Infinity gives -Infinity.
 *
 * @throws ShapeError over nothing, IndexError for an axis out of range
 * @example mx.logsumexp(mx.array([0, 0])).item() // 0.693…
 * @see mlx.core.logsumexp
 */
export function logsumexp(
  a: Operand,
  axis?: Axes | ReduceOptions,
  options?: ReduceOptions,
): NDArray {
  const n = floatOf("logsumexp", a);
  const { axes, keepdims } = readReduce("logsumexp", n.shape.length, axis, options);
  requireElements("logsumexp", n, axes);
  return wrap(logsumexpNode(n, axes, keepdims));
}

export interface SoftmaxOptions {
  /** Axes over which the result sums to 1: a number, a list, or null for all. */
  readonly axis?: Axes;
  /** Whether half dtypes accumulate in float32. */
  readonly precise?: boolean;
}

/** Node-level softmax of an inexact node. */
export const softmaxNode = (n: Node, axes: readonly number[]): Node => {
  if (n.dtype.kind === "float" && axes.length > 0) return p.softmax(n, axes);
  const top = p.stopGradient(reduceNode(maxNode, n, axes, true));
  const e = p.exp(p.subtract(n, spread(top, n.shape)));
  // One division per row: multiplying by the reciprocal is what MLX does, and divisions are dear.
  const total = reduceNode(p.sum, e, axes, true);
  return p.multiply(e, spread(p.divide(p.onesLike(total), total), n.shape));
};

/**
 * Softmax over axes, by default over all of them. Integers give float32 over the last axis, else their own dtype, as in MLX.
 *
 * @throws IndexError for an axis out of range, ShapeError for one given twice
 * @example mx.softmax(mx.array([0, 0]), -1).tolist() // [0.5, 0.5]
 * @see mlx.core.softmax
 */
export function softmax(
  a: Operand,
  axis?: Axes | SoftmaxOptions,
  options?: SoftmaxOptions,
): NDArray {
  const n = nodeOf("softmax", a);
  const o = readPositional<SoftmaxOptions>("softmax", "axis", axis, options, ["axis", "precise"]);
  const ndim = n.shape.length;
  const axes = normalizeAxes("softmax", o.axis, ndim, IndexError);
  if (n.shape.includes(0)) return wrap(castTo(n, atLeastFloat(n.dtype)));
  const lastOnly = axes.length === 1 && axes[0] === ndim - 1;
  const half = o.precise === true && n.dtype.kind === "float" && n.dtype.size === 2;
  const x = half ? castTo(n, float32) : castTo(n, atLeastFloat(n.dtype));
  const result = softmaxNode(x, axes);
  return wrap(isInexact(n.dtype) || !lastOnly ? castTo(result, n.dtype) : result);
}

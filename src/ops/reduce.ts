/** Reductions along axes: sums, products, extrema and their positions, logical all and any, log-sum-exp. */
import { bool, type DType, int32, uint32 } from "../core/dtype.js";
import { IndexError, ShapeError } from "../core/errors.js";
import { readPositional } from "../core/options.js";
import { normalizeAxes, normalizeAxis, reducedShape, showShape } from "../core/shape.js";
import type { NDArray } from "../graph/array.js";
import { type Node, sizeOf } from "../graph/node.js";
import * as p from "../primitives/index.js";
import { argmaxNode, argminNode, maxNode, minNode } from "./extremum.js";
import { castTo, nodeOf, type Operand, wrap } from "./operand.js";

/** One axis, several, or null for all. */
export type Axes = number | readonly number[] | null;

export interface ReduceOptions {
  /** Axes to reduce: a number, a list, or null for all. An empty list reduces nothing. */
  readonly axis?: Axes;
  /** Whether reduced axes stay, with length 1. */
  readonly keepdims?: boolean;
}

const names: readonly (keyof ReduceOptions)[] = ["axis", "keepdims"];

/** The axes and keepdims of a call `op(a, axis?, options?)`. */
export const readReduce = (
  op: string,
  ndim: number,
  axis: Axes | ReduceOptions | undefined,
  options: ReduceOptions | undefined,
): { readonly axes: readonly number[]; readonly keepdims: boolean } => {
  if (axis === undefined && options === undefined) {
    return { axes: normalizeAxes(op, null, ndim), keepdims: false };
  }
  const o = readPositional<ReduceOptions>(op, "axis", axis, options, names);
  return { axes: normalizeAxes(op, o.axis, ndim), keepdims: o.keepdims ?? false };
};

/** Applies a reducing builder, which drops the axes, and puts them back with length 1 if they are to stay. */
export const reduceNode = (
  build: (n: Node, axes: readonly number[]) => Node,
  n: Node,
  axes: readonly number[],
  keepdims: boolean,
): Node => {
  if (axes.length === 0) return n;
  const reduced = build(n, axes);
  return keepdims ? p.reshape(reduced, reducedShape(n.shape, axes, true)) : reduced;
};

/** What sums and products accumulate in: narrow integers widen to 32 bits. */
export const accumulator = (d: DType): DType => {
  if (d === bool || (d.kind === "int" && d.size < 4)) return int32;
  return d.kind === "uint" && d.size < 4 ? uint32 : d;
};

export const requireElements = (op: string, n: Node, axes: readonly number[]): void => {
  if (axes.some((d) => n.shape[d] === 0)) {
    throw new ShapeError(
      `[${op}] expected at least one element to reduce, got shape ${showShape(n.shape)}: it has no ${op} of nothing`,
    );
  }
};

/**
 * Sum over axes. bool and narrow integers accumulate in 32 bits; other dtypes stay, and
 * all where no axis is reduced. Over nothing it is 0.
 *
 * @throws IndexError for an axis out of range, ShapeError for one given twice
 * @example mx.sum(mx.array([[1, 2], [3, 4]]), 0).tolist() // [4, 6]
 * @see mlx.core.sum
 */
export function sum(a: Operand, axis?: Axes | ReduceOptions, options?: ReduceOptions): NDArray {
  const n = nodeOf("sum", a);
  const { axes, keepdims } = readReduce("sum", n.shape.length, axis, options);
  return wrap(
    reduceNode((x, over) => p.sum(castTo(x, accumulator(x.dtype)), over), n, axes, keepdims),
  );
}

/**
 * Product over axes, with the dtypes of {@link sum}. Over nothing it is 1. Gradients are exact where factors are zero.
 *
 * @throws IndexError for an axis out of range, ShapeError for one given twice
 * @example mx.prod(mx.array([2, 3, 4])).item() // 24
 * @see mlx.core.prod
 */
export function prod(a: Operand, axis?: Axes | ReduceOptions, options?: ReduceOptions): NDArray {
  const n = nodeOf("prod", a);
  const { axes, keepdims } = readReduce("prod", n.shape.length, axis, options);
  return wrap(
    reduceNode((x, over) => p.prod(castTo(x, accumulator(x.dtype)), over), n, axes, keepdims),
  );
}

/**
 * Maximum over axes; NaN propagates. The gradient is shared equally among ties.
 *
 * @throws ShapeError over nothing, IndexError for an axis out of range
 * @example mx.max(mx.array([1, 3, 2])).item() // 3
 * @see mlx.core.max
 */
export function max(a: Operand, axis?: Axes | ReduceOptions, options?: ReduceOptions): NDArray {
  const n = nodeOf("max", a);
  const { axes, keepdims } = readReduce("max", n.shape.length, axis, options);
  requireElements("max", n, axes);
  return wrap(reduceNode(maxNode, n, axes, keepdims));
}

/**
 * Minimum over axes; NaN propagates. The gradient is shared equally among ties.
 *
 * @throws ShapeError over nothing, IndexError for an axis out of range
 * @example mx.min(mx.array([1, 3, 2])).item() // 1
 * @see mlx.core.min
 */
export function min(a: Operand, axis?: Axes | ReduceOptions, options?: ReduceOptions): NDArray {
  const n = nodeOf("min", a);
  const { axes, keepdims } = readReduce("min", n.shape.length, axis, options);
  requireElements("min", n, axes);
  return wrap(reduceNode(minNode, n, axes, keepdims));
}

/**
 * Whether all elements along axes are nonzero; over nothing true. Result is bool.
 *
 * @throws IndexError for an axis out of range, ShapeError for one given twice
 * @example mx.all(mx.array([true, false])).item() // false
 * @see mlx.core.all
 */
export function all(a: Operand, axis?: Axes | ReduceOptions, options?: ReduceOptions): NDArray {
  const n = castTo(nodeOf("all", a), bool);
  const { axes, keepdims } = readReduce("all", n.shape.length, axis, options);
  return wrap(reduceNode(p.min, n, axes, keepdims));
}

/**
 * Whether any element along axes is nonzero; over nothing false. Result is bool.
 *
 * @throws IndexError for an axis out of range, ShapeError for one given twice
 * @example mx.any(mx.array([true, false])).item() // true
 * @see mlx.core.any
 */
export function any(a: Operand, axis?: Axes | ReduceOptions, options?: ReduceOptions): NDArray {
  const n = castTo(nodeOf("any", a), bool);
  const { axes, keepdims } = readReduce("any", n.shape.length, axis, options);
  return wrap(reduceNode(p.max, n, axes, keepdims));
}

/**
 * Number of nonzero elements along axes, as int32.
 *
 * @throws IndexError for an axis out of range, ShapeError for one given twice
 * @example mx.countNonzero(mx.array([0, 1, 2])).item() // 2
 * @see mlx.core.count_nonzero
 */
export function countNonzero(
  a: Operand,
  axis?: Axes | ReduceOptions,
  options?: ReduceOptions,
): NDArray {
  const n = nodeOf("countNonzero", a);
  const { axes, keepdims } = readReduce("countNonzero", n.shape.length, axis, options);
  const counts = castTo(p.stopGradient(castTo(n, bool)), int32);
  return wrap(reduceNode(p.sum, counts, axes, keepdims));
}

export interface ArgOptions {
  /** The axis, or null for the flattened array. */
  readonly axis?: number | null;
  /** Whether the reduced axis stays, with length 1. */
  readonly keepdims?: boolean;
}

const argReduce = (
  op: string,
  build: (n: Node, axis: number) => Node,
  a: Operand,
  axis: number | null | ArgOptions | undefined,
  options: ArgOptions | undefined,
): NDArray => {
  const n = nodeOf(op, a);
  const { axis: at = null, keepdims = false } = readPositional<ArgOptions>(
    op,
    "axis",
    axis,
    options,
    ["axis", "keepdims"],
  );
  if (at === null) {
    requireElements(
      op,
      n,
      n.shape.map((_, d) => d),
    );
    const flat = build(p.reshape(n, [sizeOf(n.shape)]), 0);
    return wrap(
      keepdims
        ? p.reshape(
            flat,
            n.shape.map(() => 1),
          )
        : flat,
    );
  }
  const d = normalizeAxis(op, at, n.shape.length, IndexError);
  requireElements(op, n, [d]);
  return wrap(reduceNode((x) => build(x, d), n, [d], keepdims));
};

/**
 * Position of the first maximum along an axis, as uint32. NaN is skipped unless it comes first.
 *
 * @throws ShapeError over nothing, IndexError for an axis out of range
 * @example mx.argmax(mx.array([1, 3, 2])).item() // 1
 * @see mlx.core.argmax
 */
export function argmax(
  a: Operand,
  axis?: number | null | ArgOptions,
  options?: ArgOptions,
): NDArray {
  return argReduce("argmax", argmaxNode, a, axis, options);
}

/**
 * Position of the first minimum along an axis, as uint32. NaN is skipped unless it comes first.
 *
 * @throws ShapeError over nothing, IndexError for an axis out of range
 * @example mx.argmin(mx.array([3, 1, 2])).item() // 1
 * @see mlx.core.argmin
 */
export function argmin(
  a: Operand,
  axis?: number | null | ArgOptions,
  options?: ArgOptions,
): NDArray {
  return argReduce("argmin", argminNode, a, axis, options);
}

/** Sorting and searching along an axis. */
import { ArgumentError, ShapeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readPositional } from "../core/options.js";
import { normalizeAxes, normalizeAxis, showShape } from "../core/shape.js";
import type { NDArray } from "../graph/array.js";
import { type Node, sizeOf } from "../graph/node.js";
import * as p from "../primitives/index.js";
import { castTo, floatOf, like, nodeOf, type Operand, pairNodes, wrap } from "./operand.js";
import { type Axes, type ReduceOptions, requireElements } from "./reduce.js";

export interface SortOptions {
  /** The axis, or null for the flattened array. */
  readonly axis?: number | null;
}

/** The array and axis of a call; flattened for a null axis. */
const along = (
  op: string,
  a: Operand,
  axis: number | null | SortOptions | undefined,
): [Node, number] => {
  const n = nodeOf(op, a);
  const o = readPositional<SortOptions>(op, "axis", axis, undefined, ["axis"]);
  if (o.axis === null) return [p.reshape(n, [sizeOf(n.shape)]), 0];
  return [n, normalizeAxis(op, o.axis ?? -1, n.shape.length)];
};

/**
 * Sorted along an axis (the last by default), stable, NaN last.
 *
 * @throws ShapeError for an axis out of range
 * @example mx.sort(mx.array([3, 1, 2])).tolist() // [1, 2, 3]
 * @see mlx.core.sort
 */
export function sort(a: Operand, axis?: number | null | SortOptions): NDArray {
  const [n, d] = along("sort", a, axis);
  return wrap(p.sort(n, d)[0]);
}

/**
 * The positions that sort along an axis (the last by default), as uint32; stable, NaN last.
 *
 * @throws ShapeError for an axis out of range
 * @example mx.argsort(mx.array([3, 1, 2])).tolist() // [1, 2, 0]
 * @see mlx.core.argsort
 */
export function argsort(a: Operand, axis?: number | null | SortOptions): NDArray {
  const [n, d] = along("argsort", a, axis);
  return wrap(p.sort(n, d)[1]);
}

/** The place that `kth` names. */
const placeOf = (op: string, kth: number, length: number): number => {
  const at = kth < 0 ? kth + length : kth;
  if (!Number.isInteger(kth) || at < 0 || at >= length) {
    throw new ShapeError(
      `[${op}] expected kth within an axis of length ${length}, got ${describe(kth)}: use ${-length} to ${length - 1}`,
    );
  }
  return at;
};

/**
 * Rearranged so that the element at place `kth` is where sorting puts it, smaller ones before it and larger ones after.
 *
 * @throws ShapeError for kth or axis out of range
 * @example mx.partition(mx.array([3, 1, 2]), 1).get(1).item() // 2
 * @see mlx.core.partition
 */
export function partition(a: Operand, kth: number, axis?: number | null | SortOptions): NDArray {
  const [n, d] = along("partition", a, axis);
  return wrap(p.sort(n, d, placeOf("partition", kth, n.shape[d] ?? 0))[0]);
}

/**
 * The positions of {@link partition}, as uint32.
 *
 * @throws ShapeError for kth or axis out of range
 * @example mx.argpartition(mx.array([3, 1, 2]), 1).get(1).item() // 2
 * @see mlx.core.argpartition
 */
export function argpartition(a: Operand, kth: number, axis?: number | null | SortOptions): NDArray {
  const [n, d] = along("argpartition", a, axis);
  return wrap(p.sort(n, d, placeOf("argpartition", kth, n.shape[d] ?? 0))[1]);
}

/**
 * The k largest elements along an axis (the last by default), in ascending order.
 *
 * @throws ShapeError when k is negative or longer than the axis
 * @example mx.topk(mx.array([3, 1, 2]), 2).tolist() // [2, 3]
 * @see mlx.core.topk
 */
export function topk(a: Operand, k: number, axis?: number | null | SortOptions): NDArray {
  const [n, d] = along("topk", a, axis);
  const length = n.shape[d] ?? 0;
  if (!Number.isInteger(k) || k < 0 || k > length) {
    throw new ShapeError(`[topk] expected k from 0 to ${length}, got ${describe(k)}`);
  }
  if (k === length) return wrap(n);
  if (k === 0) return wrap(p.sliceAxis(n, d, 0, 0));
  const largest = p.sliceAxis(p.sort(n, d, length - k)[0], d, length - k, length);
  return wrap(p.sort(largest, d)[0]);
}

export interface SearchsortedOptions {
  /** "left": before equal elements; "right": behind them. */
  readonly side?: "left" | "right";
}

/**
 * Where values belong in a sorted vector, as uint32.
 *
 * @throws ShapeError when the sequence is not a vector, ArgumentError for another side
 * @example mx.searchsorted(mx.array([1, 3]), mx.array([2])).tolist() // [1]
 * @see mlx.core.searchsorted
 */
export function searchsorted(
  sortedSequence: Operand,
  values: Operand,
  side?: "left" | "right" | SearchsortedOptions,
): NDArray {
  const o = readPositional<SearchsortedOptions>("searchsorted", "side", side, undefined, ["side"]);
  const how = o.side ?? "left";
  if (how !== "left" && how !== "right") {
    throw new ArgumentError(`[searchsorted] expected side "left" or "right", got ${describe(how)}`);
  }
  const s = nodeOf("searchsorted", sortedSequence);
  const v = nodeOf("searchsorted", values);
  if (s.shape.length !== 1) {
    throw new ShapeError(
      `[searchsorted] expected a vector to search in, got shape ${showShape(s.shape)}`,
    );
  }
  const flat = p.reshape(v, [sizeOf(v.shape)]);
  if (s.dtype === v.dtype)
    return wrap(p.reshape(p.searchSorted(s, flat, how === "right"), v.shape));
  const [x] = pairNodes("searchsorted", p.slice(s, [0], [0]), p.slice(flat, [0], [0]));
  const found = p.searchSorted(castTo(s, x.dtype), castTo(flat, x.dtype), how === "right");
  return wrap(p.reshape(found, v.shape));
}

/**
 * Median over axes, in at least float32; of an even count the mean of the middle two. NaN propagates.
 *
 * @throws ShapeError over nothing, IndexError for an axis out of range
 * @example mx.median(mx.array([3, 1, 2])).item() // 2
 * @see mlx.core.median
 */
export function median(a: Operand, axis?: Axes | ReduceOptions, options?: ReduceOptions): NDArray {
  const n = floatOf("median", a);
  const o = readPositional<ReduceOptions>("median", "axis", axis, options, ["axis", "keepdims"]);
  const axes = normalizeAxes("median", o.axis, n.shape.length);
  requireElements("median", n, axes);
  if (axes.length === 0) return wrap(n);
  const rest = p.otherAxes(n.shape.length, axes);
  const outer = rest.map((d) => n.shape[d] ?? 1);
  const count = axes.reduce((x, d) => x * (n.shape[d] ?? 1), 1);
  const rows = p.reshape(p.permute(n, [...rest, ...axes]), [...outer, count]);
  const sorted = p.sort(rows, outer.length)[0];
  const pick = (i: number): Node => p.reshape(p.sliceAxis(sorted, outer.length, i, i + 1), outer);
  const half = Math.floor(count / 2);
  const odd = count % 2 === 1;
  const middle = odd
    ? pick(half)
    : p.multiply(p.add(pick(half - 1), pick(half)), like(pick(half), 0.5));
  // NaN sorts last, so the last element tells.
  const last = pick(count - 1);
  const value = p.select(p.notEqual(last, last), like(last, Number.NaN), middle);
  const kept = n.shape.map((x, d) => (axes.includes(d) ? 1 : x));
  return wrap(o.keepdims === true ? p.reshape(value, kept) : value);
}

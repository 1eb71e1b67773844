/** Indexing by functions: take, takeAlongAxis, putAlongAxis, slice and sliceUpdate with starts known at run time. */

import { int32, isInteger } from "../core/dtype.js";
import { ArgumentError, DTypeError, IndexError, ShapeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readPositional } from "../core/options.js";
import { requireIntegers } from "../core/require.js";
import { broadcastPair, normalizeAxis, showShape } from "../core/shape.js";
import { isTypedArray, type TypedArrayInput } from "../core/typed.js";
import { NDArray } from "../graph/array.js";
import { type Node, type Shape, sizeOf } from "../graph/node.js";
import * as p from "../primitives/index.js";
import { array } from "./creation-host.js";
import { type IndexList, Slice } from "./index-language.js";
import { castTo, constant, nodeOf, type Operand, spread, wrap } from "./operand.js";
import { broadcastNode } from "./shape.js";

/** Integer positions: an array, a number or a list. */
export type Indices = NDArray | number | TypedArrayInput | IndexList;

const indexNode = (op: string, indices: Indices): Node => {
  let n: Node;
  if (indices instanceof NDArray) n = indices.node;
  else n = (isTypedArray(indices) ? array(indices) : array(indices, int32)).node;
  if (!isInteger(n.dtype)) {
    throw new DTypeError(
      `[${op}] expected integer indices, got ${n.dtype.name}: cast with x.astype(mx.int32)`,
    );
  }
  return n;
};

/** Node-level take along axis `d`: the axes of the indices take the place of that axis. */
export const takeNode = (n: Node, indices: Node, d: number): Node => {
  const lead = n.shape.slice(0, d);
  const tail = n.shape.slice(d + 1);
  const count = indices.shape.length;
  if (n.shape[d] === 0 && sizeOf(indices.shape) > 0) {
    throw new IndexError(
      `[take] expected no indices into an axis of length 0, got ${sizeOf(indices.shape)}`,
    );
  }
  const found = p.gather(
    n,
    [indices],
    [d],
    n.shape.map((x, k) => (k === d ? 1 : x)),
  );
  const joined = p.reshape(found, [...indices.shape, ...lead, ...tail]);
  const order = [
    ...lead.map((_, k) => count + k),
    ...indices.shape.map((_, k) => k),
    ...tail.map((_, k) => count + lead.length + k),
  ];
  return p.permute(joined, order);
};

export interface TakeOptions {
  readonly axis?: number | null;
}

/**
 * Elements at positions along an axis, or of the flattened array without one. A number drops the axis. Negative positions
 * count from the end; out of range they are refused where they are known, else when computed.
 *
 * @throws ShapeError for an axis out of range, DTypeError for indices that are not integers, IndexError out of range
 * @example mx.take(mx.array([5, 6, 7]), mx.array([2, 0], mx.int32)).tolist() // [7, 5]
 * @see mlx.core.take
 */
export function take(a: Operand, indices: Indices, axis?: number | null | TakeOptions): NDArray {
  let n = nodeOf("take", a);
  const o = readPositional<TakeOptions>("take", "axis", axis, undefined, ["axis"]);
  if (o.axis === undefined || o.axis === null) n = p.reshape(n, [sizeOf(n.shape)]);
  const d = normalizeAxis("take", o.axis ?? 0, n.shape.length);
  if (typeof indices !== "number") return wrap(takeNode(n, indexNode("take", indices), d));
  const length = n.shape[d] ?? 0;
  const at = indices < 0 ? indices + length : indices;
  if (!Number.isInteger(at) || at < 0 || at >= length) {
    throw new IndexError(
      `[take] expected an index from ${-length} to ${length - 1} on axis ${d} of shape ${showShape(n.shape)}, got ${indices}`,
    );
  }
  return wrap(p.reshape(p.sliceAxis(n, d, at, at + 1), p.dropAxes(n.shape, [d])));
}

/** Array and indices with equal lengths off axis `d`. */
const fitAlong = (op: string, n: Node, index: Node, d: number): [Node, Node] => {
  if (n.shape.length !== index.shape.length) {
    throw new ShapeError(
      `[${op}] expected indices with ${n.shape.length} axes, got shape ${showShape(index.shape)}: reshape them`,
    );
  }
  const off = (s: Shape): number[] => s.map((x, k) => (k === d ? 1 : x));
  const common = broadcastPair(op, off(n.shape), off(index.shape));
  const to = (s: Shape): number[] => common.map((x, k) => (k === d ? (s[d] ?? 1) : x));
  return [spread(n, to(n.shape)), spread(index, to(index.shape))];
};

/**
 * Elements along an axis at positions given place by place. Without an axis both are flattened.
 *
 * @throws ShapeError when the shapes do not fit, DTypeError for indices that are not integers
 * @example mx.takeAlongAxis(mx.array([[5, 6]]), mx.array([[1]], mx.int32), 1).tolist() // [[6]]
 * @see mlx.core.take_along_axis
 */
export function takeAlongAxis(
  a: Operand,
  indices: Indices,
  axis?: number | null | TakeOptions,
): NDArray {
  let n = nodeOf("takeAlongAxis", a);
  let index = indexNode("takeAlongAxis", indices);
  const o = readPositional<TakeOptions>("takeAlongAxis", "axis", axis, undefined, ["axis"]);
  if (o.axis === undefined || o.axis === null) {
    n = p.reshape(n, [sizeOf(n.shape)]);
    index = p.reshape(index, [sizeOf(index.shape)]);
  }
  const d = normalizeAxis("takeAlongAxis", o.axis ?? 0, n.shape.length);
  [n, index] = fitAlong("takeAlongAxis", n, index, d);
  return wrap(p.takeAlong(n, index, d));
}

/**
 * A copy with values put along an axis at positions given place by place. With axis null the array is flattened meanwhile.
 *
 * @throws ShapeError when the shapes do not fit, DTypeError for indices that are not integers
 * @example mx.putAlongAxis(mx.array([5, 6]), mx.array([1], mx.int32), 9, 0).tolist() // [5, 9]
 * @see mlx.core.put_along_axis
 */
export function putAlongAxis(
  a: Operand,
  indices: Indices,
  values: Operand,
  axis: number | null | TakeOptions,
): NDArray {
  const whole = nodeOf("putAlongAxis", a);
  let n = whole;
  let index = indexNode("putAlongAxis", indices);
  const o = readPositional<TakeOptions>("putAlongAxis", "axis", axis, undefined, ["axis"]);
  if (o.axis === undefined || o.axis === null) {
    n = p.reshape(n, [sizeOf(n.shape)]);
    index = p.reshape(index, [sizeOf(index.shape)]);
  }
  const d = normalizeAxis("putAlongAxis", o.axis ?? 0, n.shape.length);
  const v = castTo(nodeOf("putAlongAxis", values), n.dtype);
  const [, wide] = fitAlong("putAlongAxis", n, index, d);
  const out = p.putAlong(n, wide, broadcastNode("putAlongAxis", v, wide.shape), d, "replace");
  return wrap(p.reshape(out, whole.shape));
}

/** Start positions as scalars, one per listed axis. */
const readStarts = (
  op: string,
  starts: Indices,
  axes: readonly number[],
  ndim: number,
): [Node[], number[]] => {
  const n = indexNode(op, starts);
  const places = requireIntegers(op, "axes", axes).map((d) => normalizeAxis(op, d, ndim));
  if (
    n.shape.length > 1 ||
    sizeOf(n.shape) !== places.length ||
    new Set(places).size !== places.length
  ) {
    throw new ShapeError(
      `[${op}] expected one start per axis, got starts of shape ${showShape(n.shape)} for axes ${showShape(axes)}`,
    );
  }
  const flat = p.reshape(n, [places.length]);
  return [places.map((_, k) => p.reshape(p.sliceAxis(flat, 0, k, k + 1), [])), places];
};

/**
 * With an array first: the block of `sliceSize` whose corner is at `startIndices` along `axes`, known only at run time.
 * Otherwise an index for `get`, `set` and `at`, like Python's `slice`: `slice()`, `slice(stop)`, `slice(start, stop, step)`.
 *
 * @throws ShapeError when starts, axes and sizes do not fit, DTypeError for starts that are not integers
 * @example
 * mx.slice(mx.arange(5), mx.array([1], mx.int32), [0], [2]).tolist(); // [1, 2]
 * mx.arange(5).get(mx.slice(1, null, 2)).tolist();                    // [1, 3]
 * @see mlx.core.slice
 */
export function slice(
  a: NDArray,
  startIndices: Indices,
  axes: readonly number[],
  sliceSize: Shape,
): NDArray;
export function slice(stop?: number | null): Slice;
export function slice(start: number | null, stop: number | null, step?: number | null): Slice;
export function slice(
  first?: NDArray | number | null,
  second?: Indices | null,
  third?: readonly number[] | number | null,
  sizes?: Shape,
): NDArray | Slice {
  if (!(first instanceof NDArray)) {
    if (second === undefined) return new Slice(null, first ?? null, null);
    if ((second !== null && typeof second !== "number") || (typeof third !== "number" && third)) {
      throw new ArgumentError(
        `[slice] expected start, stop and step, got ${describe(second)} and ${describe(third)}`,
      );
    }
    return new Slice(first ?? null, second, typeof third === "number" ? third : null);
  }
  const n = first.node;
  if (
    second === undefined ||
    second === null ||
    typeof third !== "object" ||
    third === null ||
    sizes === undefined
  ) {
    throw new ArgumentError("[slice] expected an array, startIndices, axes and sliceSize");
  }
  const [starts, axes] = readStarts("slice", second, third, n.shape.length);
  if (sizes.length !== n.shape.length || sizes.some((x, d) => x < 0 || x > (n.shape[d] ?? 0))) {
    throw new ShapeError(
      `[slice] expected a size per axis within shape ${showShape(n.shape)}, got ${showShape(sizes)}`,
    );
  }
  const zeros = n.shape.map(() => 0);
  if (starts.length === 0) return wrap(p.slice(n, zeros, sizes));
  return wrap(p.gather(n, starts, axes, sizes));
}

/**
 * A copy with `update` put at a corner known only at run time.
 *
 * @throws ShapeError when starts and axes do not fit, DTypeError for starts that are not integers
 * @example mx.sliceUpdate(mx.zeros([3]), mx.ones([1]), mx.array([1], mx.int32), [0]).tolist() // [0, 1, 0]
 * @see mlx.core.slice_update
 */
export function sliceUpdate(
  a: Operand,
  update: Operand,
  startIndices: Indices,
  axes: readonly number[],
): NDArray {
  const n = nodeOf("sliceUpdate", a);
  let u = castTo(nodeOf("sliceUpdate", update), n.dtype);
  const [starts, places] = readStarts("sliceUpdate", startIndices, axes, n.shape.length);
  const missing = n.shape.length - u.shape.length;
  if (missing > 0) {
    const lead = n.shape.slice(0, missing).map((x, d) => (places.includes(d) ? 1 : x));
    u = spread(u, [...lead, ...u.shape]);
  }
  if (missing < 0 || u.shape.some((x, d) => x > (n.shape[d] ?? 0))) {
    throw new ShapeError(
      `[sliceUpdate] expected an update within shape ${showShape(n.shape)}, got ${showShape(u.shape)}`,
    );
  }
  const inside = starts.length === 0 ? [constant(0, int32)] : starts;
  return wrap(p.scatter(n, inside, u, starts.length === 0 ? [0] : places, u.shape, "replace"));
}

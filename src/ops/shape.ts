/** Ops that rearrange axes without moving values: reshape, transpose, squeeze, broadcast and their relatives. */

import { ArgumentError, IndexError, ShapeError } from "../core/errors.js";
import { readPositional } from "../core/options.js";
import { requireIntegers } from "../core/require.js";
import {
  broadcastShapes as broadcastAll,
  broadcastsTo,
  inferShape,
  normalizeAxes,
  normalizeAxis,
  readShape,
  showShape,
} from "../core/shape.js";
import type { NDArray } from "../graph/array.js";
import type { Node, Shape } from "../graph/node.js";
import * as p from "../primitives/index.js";
import { nodeOf, type Operand, spread, wrap } from "./operand.js";

/**
 * The same elements in another shape; one length may be -1, which is worked out.
 *
 * @throws ShapeError when the number of elements differs, or -1 is ambiguous
 * @example mx.reshape(mx.arange(6), [2, -1]).shape // [2, 3]
 * @see mlx.core.reshape
 */
export function reshape(a: Operand, shape: number | Shape): NDArray {
  const n = nodeOf("reshape", a);
  return wrap(
    p.reshape(n, inferShape("reshape", n.shape, typeof shape === "number" ? [shape] : shape)),
  );
}

export interface FlattenOptions {
  readonly startAxis?: number;
  readonly endAxis?: number;
}

/**
 * Axes `startAxis` to `endAxis` (all by default) joined into one. A 0-d array gets shape [1].
 *
 * @throws ShapeError when startAxis comes after endAxis
 * @example mx.flatten(mx.zeros([2, 3, 4]), 1).shape // [2, 12]
 * @see mlx.core.flatten
 */
export function flatten(
  a: Operand,
  startAxis?: number | FlattenOptions,
  endAxis?: number | FlattenOptions,
): NDArray {
  const n = nodeOf("flatten", a);
  const rest = typeof endAxis === "number" ? { endAxis } : endAxis;
  const o = readPositional<FlattenOptions>("flatten", "startAxis", startAxis, rest, [
    "startAxis",
    "endAxis",
  ]);
  const { shape } = n;
  if (shape.length === 0) return wrap(p.reshape(n, [1]));
  const wrapAxis = (axis: number): number => (axis < 0 ? axis + shape.length : axis);
  const from = Math.max(wrapAxis(o.startAxis ?? 0), 0);
  const to = Math.min(wrapAxis(o.endAxis ?? -1), shape.length - 1);
  if (from > to) {
    throw new ShapeError(
      `[flatten] expected startAxis before endAxis, got ${from} and ${to} for shape ${showShape(shape)}`,
    );
  }
  const joined = shape.slice(from, to + 1).reduce((x, y) => x * y, 1);
  return wrap(p.reshape(n, [...shape.slice(0, from), joined, ...shape.slice(to + 1)]));
}

/**
 * One axis split into several; one length may be -1.
 *
 * @throws ShapeError when the lengths do not multiply to that of the axis
 * @example mx.unflatten(mx.zeros([6]), 0, [2, -1]).shape // [2, 3]
 * @see mlx.core.unflatten
 */
export function unflatten(a: Operand, axis: number, shape: Shape): NDArray {
  const n = nodeOf("unflatten", a);
  const d = normalizeAxis("unflatten", axis, n.shape.length);
  if (shape.length === 0) {
    throw new ShapeError(
      "[unflatten] expected at least one length, got []: squeeze the axis instead",
    );
  }
  const parts = inferShape("unflatten", [n.shape[d] ?? 1], shape);
  return wrap(p.reshape(n, [...n.shape.slice(0, d), ...parts, ...n.shape.slice(d + 1)]));
}

export interface AxisOptions {
  readonly axis?: number | readonly number[] | null;
}

/**
 * Without axes of length 1: all of them, or those given.
 *
 * @throws ShapeError for an axis of another length, out of range or given twice
 * @example mx.squeeze(mx.zeros([1, 2, 1])).shape // [2]
 * @see mlx.core.squeeze
 */
export function squeeze(
  a: Operand,
  axis?: number | readonly number[] | null | AxisOptions,
): NDArray {
  const n = nodeOf("squeeze", a);
  const o = readPositional<AxisOptions>("squeeze", "axis", axis, undefined, ["axis"]);
  const { shape } = n;
  if (o.axis === undefined || o.axis === null)
    return wrap(
      p.reshape(
        n,
        shape.filter((x) => x !== 1),
      ),
    );
  const axes = normalizeAxes("squeeze", o.axis, shape.length, ShapeError);
  for (const d of axes) {
    if (shape[d] !== 1) {
      throw new ShapeError(
        `[squeeze] expected axis ${d} to have length 1, got shape ${showShape(shape)}: leave it out`,
      );
    }
  }
  return wrap(
    p.reshape(
      n,
      shape.filter((_, d) => !axes.includes(d)),
    ),
  );
}

/**
 * With new axes of length 1 at the given places of the result.
 *
 * @throws ShapeError for a place out of range or given twice
 * @example mx.expandDims(mx.zeros([2]), 0).shape // [1, 2]
 * @see mlx.core.expand_dims
 */
export function expandDims(a: Operand, axis: number | readonly number[] | AxisOptions): NDArray {
  const n = nodeOf("expandDims", a);
  const o = readPositional<AxisOptions>("expandDims", "axis", axis, undefined, ["axis"]);
  if (o.axis === undefined || o.axis === null) {
    throw new ArgumentError(
      "[expandDims] expected an axis or a list of axes, got none: say where the new one goes",
    );
  }
  const places = o.axis;
  const count = typeof places === "number" ? 1 : places.length;
  const axes = normalizeAxes("expandDims", places, n.shape.length + count, ShapeError);
  return wrap(p.reshape(n, insertOnes(n.shape, axes)));
}

/** `shape` with length 1 inserted at `axes` (ascending) of the result. */
export const insertOnes = (shape: Shape, axes: readonly number[]): number[] => {
  const out = [...shape];
  for (const d of axes) out.splice(d, 0, 1);
  return out;
};

export interface TransposeOptions {
  readonly axes?: readonly number[] | null;
}

/**
 * Axes in another order; by default reversed.
 *
 * @throws ShapeError when `axes` is not a permutation
 * @example mx.transpose(mx.zeros([2, 3])).shape // [3, 2]
 * @see mlx.core.transpose
 */
export function transpose(a: Operand, axes?: readonly number[] | null | TransposeOptions): NDArray {
  const n = nodeOf("transpose", a);
  const ndim = n.shape.length;
  const o = readPositional<TransposeOptions>("transpose", "axes", axes, undefined, ["axes"]);
  if (o.axes === undefined || o.axes === null) {
    return wrap(
      p.permute(
        n,
        n.shape.map((_, d) => ndim - 1 - d),
      ),
    );
  }
  const given = requireIntegers("transpose", "axes", o.axes);
  const order = given.map((axis) => normalizeAxis("transpose", axis, ndim));
  if (order.length !== ndim || new Set(order).size !== ndim) {
    throw new ShapeError(
      `[transpose] expected each of ${ndim} axes once, got ${showShape(o.axes)}: pass a permutation`,
    );
  }
  return wrap(p.permute(n, order));
}

/** @see transpose */
export const permuteDims: typeof transpose = transpose;

/** @see transpose */
export const matrixTranspose: typeof transpose = transpose;

/**
 * Two axes exchanged.
 *
 * @throws IndexError for an axis out of range
 * @example mx.swapaxes(mx.zeros([2, 3, 4]), 0, 2).shape // [4, 3, 2]
 * @see mlx.core.swapaxes
 */
export function swapaxes(a: Operand, axis1: number, axis2: number): NDArray {
  const n = nodeOf("swapaxes", a);
  const x = normalizeAxis("swapaxes", axis1, n.shape.length, IndexError);
  const y = normalizeAxis("swapaxes", axis2, n.shape.length, IndexError);
  return wrap(
    p.permute(
      n,
      n.shape.map((_, d) => (d === x ? y : d === y ? x : d)),
    ),
  );
}

/**
 * One axis moved to another place, the others staying in order.
 *
 * @throws IndexError for an axis out of range
 * @example mx.moveaxis(mx.zeros([2, 3, 4]), 0, 2).shape // [3, 4, 2]
 * @see mlx.core.moveaxis
 */
export function moveaxis(a: Operand, source: number, destination: number): NDArray {
  const n = nodeOf("moveaxis", a);
  const from = normalizeAxis("moveaxis", source, n.shape.length, IndexError);
  return wrap(
    p.moveAxis(n, from, normalizeAxis("moveaxis", destination, n.shape.length, IndexError)),
  );
}

/**
 * Repeated along axes of length 1, and along new leading ones, to a shape.
 *
 * @throws ShapeError when the shape does not allow it
 * @example mx.broadcastTo(mx.array([1, 2]), [2, 2]).tolist() // [[1, 2], [1, 2]]
 * @see mlx.core.broadcast_to
 */
export function broadcastTo(a: Operand, shape: number | Shape): NDArray {
  const n = nodeOf("broadcastTo", a);
  return wrap(broadcastNode("broadcastTo", n, readShape("broadcastTo", shape)));
}

/** {@link spread} for a shape that may not fit. */
export const broadcastNode = (op: string, n: Node, shape: Shape): Node => {
  if (!broadcastsTo(n.shape, shape)) {
    throw new ShapeError(
      `[${op}] expected a shape that broadcasts to ${showShape(shape)}, got ${showShape(n.shape)}: lengths must be equal or 1`,
    );
  }
  return spread(n, shape);
};

/**
 * Arrays broadcast to their common shape.
 *
 * @throws ShapeError when there is none
 * @example mx.broadcastArrays(mx.zeros([2, 1]), mx.zeros([3])).map((x) => x.shape) // [[2, 3], [2, 3]]
 * @see mlx.core.broadcast_arrays
 */
export function broadcastArrays(...arrays: readonly Operand[]): NDArray[] {
  const nodes = arrays.map((a) => nodeOf("broadcastArrays", a));
  const shape = broadcastAll("broadcastArrays", ...nodes.map((n) => n.shape));
  return nodes.map((n) => wrap(spread(n, shape)));
}

/**
 * The shape that shapes broadcast to.
 *
 * @throws ShapeError when there is none
 * @example mx.broadcastShapes([2, 1], [3]) // [2, 3]
 * @see mlx.core.broadcast_shapes
 */
export function broadcastShapes(...shapes: readonly Shape[]): Shape {
  return broadcastAll(
    "broadcastShapes",
    ...shapes.map((shape) => requireIntegers("broadcastShapes", "each shape", shape)),
  );
}

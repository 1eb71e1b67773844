/** Ops that join, repeat, roll, flip and pad arrays along axes. */

import { ArgumentError, ShapeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readPositional } from "../core/options.js";
import { promote } from "../core/promotion.js";
import { requireIntegers } from "../core/require.js";
import { normalizeAxes, normalizeAxis, showShape } from "../core/shape.js";
import type { NDArray } from "../graph/array.js";
import { type Node, sameShape, sizeOf } from "../graph/node.js";
import * as p from "../primitives/index.js";
import { castTo, nodeOf, type Operand, spread, wrap } from "./operand.js";
import { insertOnes } from "./shape.js";

export interface JoinOptions {
  readonly axis?: number | null;
}

const promoted = (op: string, arrays: readonly Operand[]): Node[] => {
  if (!Array.isArray(arrays) || arrays.length === 0) {
    throw new ArgumentError(
      `[${op}] expected a list of at least one array, got ${describe(arrays)}`,
    );
  }
  const nodes = arrays.map((a) => nodeOf(op, a));
  const dtype = nodes.map((n) => n.dtype).reduce(promote);
  return nodes.map((n) => castTo(n, dtype));
};

/**
 * Arrays laid one after another along an axis (0 by default; null flattens them first); dtypes promote.
 *
 * @throws ArgumentError for an empty list, ShapeError when other axes differ or the axis is out of range
 * @example mx.concatenate([mx.array([1]), mx.array([2, 3])]).tolist() // [1, 2, 3]
 * @see mlx.core.concatenate
 */
export function concatenate(
  arrays: readonly Operand[],
  axis?: number | null | JoinOptions,
): NDArray {
  let nodes = promoted("concatenate", arrays);
  const o = readPositional<JoinOptions>("concatenate", "axis", axis, undefined, ["axis"]);
  if (o.axis === null) nodes = nodes.map((n) => p.reshape(n, [sizeOf(n.shape)]));
  const [first] = nodes;
  if (first === undefined)
    throw new ArgumentError("[concatenate] expected at least one array, got none");
  if (nodes.length === 1) return wrap(first);
  const d = normalizeAxis("concatenate", o.axis ?? 0, first.shape.length);
  for (const n of nodes) {
    if (
      n.shape.length !== first.shape.length ||
      n.shape.some((x, k) => k !== d && x !== first.shape[k])
    ) {
      throw new ShapeError(
        `[concatenate] expected shapes that agree but for axis ${d}, got ${showShape(first.shape)} and ${showShape(n.shape)}`,
      );
    }
  }
  return wrap(p.concatenate(nodes, d));
}

/** @see concatenate */
export const concat: typeof concatenate = concatenate;

/**
 * Arrays of one shape laid along a new axis (0 by default); dtypes promote.
 *
 * @throws ArgumentError for an empty list, ShapeError when shapes differ or the axis is out of range
 * @example mx.stack([mx.array([1, 2]), mx.array([3, 4])]).tolist() // [[1, 2], [3, 4]]
 * @see mlx.core.stack
 */
export function stack(arrays: readonly Operand[], axis?: number | JoinOptions): NDArray {
  const nodes = promoted("stack", arrays);
  const o = readPositional<JoinOptions>("stack", "axis", axis, undefined, ["axis"]);
  const shape = nodes[0]?.shape ?? [];
  const odd = nodes.find((n) => !sameShape(n.shape, shape));
  if (odd !== undefined) {
    throw new ShapeError(
      `[stack] expected arrays of one shape, got ${showShape(shape)} and ${showShape(odd.shape)}`,
    );
  }
  const d = normalizeAxis("stack", o.axis ?? 0, shape.length + 1);
  const wide = insertOnes(shape, [d]);
  return wrap(
    p.concatenate(
      nodes.map((n) => p.reshape(n, wide)),
      d,
    ),
  );
}

export interface RepeatOptions {
  readonly axis?: number | null;
}

/**
 * Each element repeated along an axis; without one, of the flattened array.
 *
 * @throws ArgumentError for a negative count, ShapeError when the axis is out of range
 * @example mx.repeat(mx.array([1, 2]), 2).tolist() // [1, 1, 2, 2]
 * @see mlx.core.repeat
 */
export function repeat(a: Operand, repeats: number, axis?: number | null | RepeatOptions): NDArray {
  let n = nodeOf("repeat", a);
  const o = readPositional<RepeatOptions>("repeat", "axis", axis, undefined, ["axis"]);
  if (!Number.isInteger(repeats) || repeats < 0) {
    throw new ArgumentError(`[repeat] expected a count from 0, got ${describe(repeats)}`);
  }
  if (o.axis === undefined || o.axis === null) n = p.reshape(n, [sizeOf(n.shape)]);
  const d = normalizeAxis("repeat", o.axis ?? 0, n.shape.length);
  const wide = insertOnes(n.shape, [d + 1]);
  const tall = wide.map((x, k) => (k === d + 1 ? repeats : x));
  const shape = n.shape.map((x, k) => (k === d ? x * repeats : x));
  return wrap(p.reshape(spread(p.reshape(n, wide), tall), shape));
}

/**
 * The whole array repeated along each axis.
 *
 * @throws ArgumentError for a negative count
 * @example mx.tile(mx.array([1, 2]), 2).tolist() // [1, 2, 1, 2]
 * @see mlx.core.tile
 */
export function tile(a: Operand, reps: number | readonly number[]): NDArray {
  const n = nodeOf("tile", a);
  const list = typeof reps === "number" ? [reps] : requireIntegers("tile", "counts", reps);
  if (list.some((r) => !Number.isInteger(r) || r < 0)) {
    throw new ArgumentError(`[tile] expected counts from 0, got ${showShape(list)}`);
  }
  const ndim = Math.max(list.length, n.shape.length);
  const shape = [...new Array<number>(ndim - n.shape.length).fill(1), ...n.shape];
  const times = [...new Array<number>(ndim - list.length).fill(1), ...list];
  const wide = shape.flatMap((x) => [1, x]);
  const tall = shape.flatMap((x, d) => [times[d] ?? 1, x]);
  return wrap(
    p.reshape(
      spread(p.reshape(n, wide), tall),
      shape.map((x, d) => x * (times[d] ?? 1)),
    ),
  );
}

/** Node-level reversal along axes. */
export const flipNode = (n: Node, axes: readonly number[]): Node => {
  return p.flip(
    n,
    n.shape.map((_, d) => axes.includes(d)),
  );
};

export interface FlipOptions {
  readonly axis?: number | readonly number[] | null;
}

/**
 * Reversed along axes, by default along all.
 *
 * @throws ShapeError when an axis is out of range or given twice
 * @example mx.flip(mx.array([1, 2, 3])).tolist() // [3, 2, 1]
 * @see mlx.core.flip
 */
export function flip(a: Operand, axis?: number | readonly number[] | null | FlipOptions): NDArray {
  const n = nodeOf("flip", a);
  const o = readPositional<FlipOptions>("flip", "axis", axis, undefined, ["axis"]);
  return wrap(flipNode(n, normalizeAxes("flip", o.axis, n.shape.length, ShapeError)));
}

const rollNode = (n: Node, shift: number, d: number): Node => {
  const length = n.shape[d] ?? 0;
  if (length === 0) return n;
  const by = ((shift % length) + length) % length;
  if (by === 0) return n;
  return p.concatenate(
    [p.sliceAxis(n, d, length - by, length), p.sliceAxis(n, d, 0, length - by)],
    d,
  );
};

export interface RollOptions {
  readonly axis?: number | readonly number[] | null;
}

/**
 * Shifted along axes, what falls off one end coming in at the other. Without axes the flattened array is rolled.
 *
 * @throws ShapeError when an axis is out of range, ArgumentError when shifts and axes differ in number
 * @example mx.roll(mx.array([1, 2, 3]), 1).tolist() // [3, 1, 2]
 * @see mlx.core.roll
 */
export function roll(
  a: Operand,
  shift: number | readonly number[],
  axis?: number | readonly number[] | null | RollOptions,
): NDArray {
  const n = nodeOf("roll", a);
  const o = readPositional<RollOptions>("roll", "axis", axis, undefined, ["axis"]);
  const shifts = requireIntegers("roll", "shifts", typeof shift === "number" ? [shift] : shift);
  const total = shifts.reduce((x, y) => x + y, 0);
  if (o.axis === undefined || o.axis === null) {
    return wrap(p.reshape(rollNode(p.reshape(n, [sizeOf(n.shape)]), total, 0), n.shape));
  }
  const axes = typeof o.axis === "number" ? [o.axis] : requireIntegers("roll", "axes", o.axis);
  const places = axes.map((d) => normalizeAxis("roll", d, n.shape.length));
  if (typeof o.axis === "number") return wrap(rollNode(n, total, places[0] ?? 0));
  if (shifts.length !== 1 && shifts.length !== places.length) {
    throw new ArgumentError(
      `[roll] expected one shift per axis, got ${shifts.length} shifts for ${places.length} axes`,
    );
  }
  let out = n;
  places.forEach((d, k) => {
    out = rollNode(out, shifts[shifts.length === 1 ? 0 : k] ?? 0, d);
  });
  return wrap(out);
}

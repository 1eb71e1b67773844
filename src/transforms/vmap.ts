/** Vectorization: a function of single items becomes one of batches, by replaying its graph with one more axis. */

import { ArgumentError, TransformError } from "../core/errors.js";
import { describe, isPlainObject } from "../core/guards.js";
import { readOptions } from "../core/options.js";
import { requireFunction } from "../core/require.js";
import { isNDArray, NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import { rejectPromise, withTrace } from "../graph/trace.js";
import { type MapLeaves, rebuild, strictLeaves } from "../graph/tree.js";
import { moveAxis } from "../primitives/index.js";
import { hole, pick } from "./leaves.js";
import { repeat, replayBatched } from "./replay.js";

/** An axis for every leaf below: a number, null for "not mapped", or a list or object of these that fits the tree. */
export type Axes = number | null | readonly Axes[] | { readonly [key: string]: Axes };

export interface VmapOptions {
  /** Axis to map over, per argument or for all. Default 0. A list of axes fits the arguments in order. */
  readonly inAxes?: Axes;
  /** Where the mapped axis goes in the results. Default 0; null puts it last. */
  readonly outAxes?: Axes;
}

/**
 * `fun` mapped over an axis of its arguments, all at once: there is no loop, and values cannot be looked at inside.
 *
 * Arguments and results are trees of arrays. Results that do not depend on a mapped argument are repeated.
 *
 * @param inAxes also in one options object, `{ inAxes, outAxes }`
 * @throws TransformError for axes out of range, of different lengths or all null
 * @example
 * const perRow = mx.vmap((row: mx.NDArray) => row.sum());
 * perRow(mx.ones([3, 4])).shape; // [3]
 * @see mlx.core.vmap
 */
export function vmap<A extends readonly unknown[], R>(
  fun: (...args: A) => R,
  inAxes?: number | readonly Axes[] | VmapOptions,
  outAxes?: number | readonly Axes[],
): (...args: A) => MapLeaves<R, NDArray, NDArray> {
  requireFunction("vmap", fun);
  const options: Given = isPositional(inAxes)
    ? { inAxes, outAxes }
    : readOptions<VmapOptions>("vmap", inAxes, ["inAxes", "outAxes"]);
  const into = options.inAxes === undefined ? 0 : options.inAxes;
  const out = options.outAxes === undefined ? 0 : options.outAxes;
  for (const [name, axes] of [
    ["inAxes", into],
    ["outAxes", out],
  ] as const) {
    if (axes === null) {
      throw new ArgumentError(
        `[vmap] expected ${name} to be an axis or a tree of axes, got null: use null for single arguments only`,
      );
    }
    if (!isPlainObject(axes) && !Array.isArray(axes) && !Number.isInteger(axes)) {
      throw new ArgumentError(
        `[vmap] expected ${name} to be an axis or a tree of axes, got ${describe(axes)}: give a whole number`,
      );
    }
  }
  return (...args) => mapped(fun, args, into, out);
}

interface Given {
  readonly inAxes?: Axes | undefined;
  readonly outAxes?: Axes | undefined;
}

const isPositional = (
  x: Axes | VmapOptions | undefined,
): x is number | readonly Axes[] | undefined => !isPlainObject(x);

const misfit = (what: string, axes: unknown): TransformError =>
  new TransformError(
    `[vmap] expected axes that fit the structure of the ${what}, got ${describe(axes)}: give a number, null, or the same nesting`,
  );

/** The axis of each leaf of `tree`, in order. */
const spreadAxes = (what: string, axes: unknown, tree: unknown, out: (number | null)[]): void => {
  if (axes === null || typeof axes === "number") {
    if (axes !== null && !Number.isInteger(axes)) throw misfit(what, axes);
    for (const _ of strictLeaves("vmap", what, tree, isNDArray)) out.push(axes);
  } else if (Array.isArray(axes)) {
    if (!Array.isArray(tree) || tree.length !== axes.length) throw misfit(what, axes);
    for (const [i, item] of tree.entries()) spreadAxes(what, axes[i], item, out);
  } else if (isPlainObject(axes)) {
    if (!isPlainObject(tree) || Object.keys(tree).some((k) => !(k in axes)))
      throw misfit(what, axes);
    for (const key in tree) spreadAxes(what, axes[key], tree[key], out);
  } else throw misfit(what, axes);
};

/** A single argument is matched by `inAxes` itself, as in MLX; a list of one entry may also stand for the arguments. */
const argumentAxes = (inAxes: Axes, args: readonly unknown[]): (number | null)[] => {
  const out: (number | null)[] = [];
  const [only] = args;
  const itself =
    args.length === 1 && !(Array.isArray(inAxes) && inAxes.length === 1 && !Array.isArray(only));
  if (typeof inAxes === "number" || !itself) spreadAxes("arguments", inAxes, args, out);
  else spreadAxes("argument", inAxes, only, out);
  return out;
};

const wrongAxis = (what: string, axis: number, shape: readonly number[]): TransformError =>
  new TransformError(
    `[vmap] expected an axis of ${what} of shape [${shape.join(", ")}], got ${axis}: ` +
      (shape.length === 0
        ? "a 0-d array cannot be mapped, use null"
        : `use ${-shape.length} to ${shape.length - 1}`),
  );

/** `axis` of an array with `shape` as a number from 0. */
const normalize = (what: string, axis: number, shape: readonly number[]): number => {
  const at = axis < 0 ? axis + shape.length : axis;
  if (at < 0 || at >= shape.length) throw wrongAxis(what, axis, shape);
  return at;
};

const mapped = <A extends readonly unknown[], R>(
  fun: (...args: A) => R,
  args: A,
  inAxes: Axes,
  outAxes: Axes,
): MapLeaves<R, NDArray, NDArray> => {
  const leaves = strictLeaves("vmap", "arguments", args, isNDArray).map((a) => a.node);
  const axes = argumentAxes(inAxes, args).map((axis, i) => {
    return axis === null ? null : normalize("an argument", axis, pick(leaves, i).shape);
  });
  const sizes = new Set(
    axes.flatMap((axis, i) => (axis === null ? [] : [pick(leaves, i).shape[axis]])),
  );
  const [size] = sizes;
  if (size === undefined) {
    throw new TransformError(
      "[vmap] expected at least one mapped argument, got none: give one an axis",
    );
  }
  if (sizes.size > 1) {
    throw new TransformError(
      `[vmap] expected mapped axes of one length, got ${[...sizes].join(" and ")}: slice or repeat the arguments`,
    );
  }
  return withTrace((traceId) => {
    const holes: Node[] = [];
    const values: Node[] = [];
    const items = leaves.map((n, i) => {
      const axis = axes[i] ?? null;
      if (axis === null) return new NDArray(n);
      const x = hole({ shape: n.shape.filter((_, d) => d !== axis), dtype: n.dtype }, traceId);
      holes.push(x);
      values.push(moveAxis(n, axis, 0));
      return new NDArray(x);
    });
    // The rebuilt tree has the structure of `args`, with arrays of lower rank at its leaves.
    const result = fun(...(rebuild(args, isNDArray, items) as unknown as A));
    rejectPromise("vmap", result);
    const outs = strictLeaves("vmap", "result", result, isNDArray).map((a) => a.node);
    const where: (number | null)[] = [];
    spreadAxes("result", outAxes, result, where);
    const batched = replayBatched(outs, holes, values, size).map((y, i) => {
      const whole = y ?? repeat(pick(outs, i), size);
      const axis = normalize("a result", where[i] ?? -1, whole.shape);
      return new NDArray(moveAxis(whole, 0, axis));
    });
    return rebuild(result, isNDArray, batched);
  });
};

/** Loops over slices that hand a value on: traced once, and run as one loop, whatever their length. */

import { ArgumentError, TransformError } from "../../core/errors.js";
import { describe } from "../../core/guards.js";
import { readOptions } from "../../core/options.js";
import { requireFunction } from "../../core/require.js";
import { isNDArray, type NDArray } from "../../graph/array.js";
import type { Node } from "../../graph/node.js";
import { type MapLeaves, rebuild } from "../../graph/tree.js";
import { handle } from "../check.js";
import { arraysOf, requireSame, traceOn } from "./body.js";
import { makeScan } from "./scan-graph.js";
import { scanRules } from "./scan-rules.js";

export interface LoopOptions {
  /** How many rounds there are; needed where there are no stacks to tell it. */
  readonly length?: number;
  /** Begins with the last slices; results still stand where the slices they were made from stood. */
  readonly reverse?: boolean;
}

/** The tree of stacks of the arrays in `Y`. */
type Stacked<Y> = MapLeaves<Y, NDArray, NDArray>;

const lengthOf = (op: string, stacks: readonly Node[], given: number | undefined): number => {
  if (given !== undefined && (!Number.isInteger(given) || given < 0)) {
    throw new ArgumentError(
      `[${op}] expected length to be a whole number of at least 0, got ${given}: leave it out where there are arrays`,
    );
  }
  let length = given;
  for (const [i, x] of stacks.entries()) {
    const [own] = x.shape;
    if (own === undefined) {
      throw new TransformError(
        `[${op}] expected arrays with an axis to go along, got a 0-d array as leaf ${i} of xs: let the function reach it by closure`,
      );
    }
    length ??= own;
    if (own !== length) {
      throw new TransformError(
        `[${op}] expected arrays of length ${length} along axis 0, got ${own} for leaf ${i} of xs: slice or pad them`,
      );
    }
  }
  if (length === undefined) {
    throw new ArgumentError(
      `[${op}] expected arrays to go along or a length, got neither: pass { length }`,
    );
  }
  return length;
};

/** Traces `fn` on a round and puts the loop into the graph. */
export const runScan = (
  op: string,
  fn: (carry: unknown, x: unknown) => unknown,
  init: unknown,
  xs: unknown,
  { length: given, reverse = false }: Partial<LoopOptions>,
): [carry: unknown, ys: unknown] => {
  const initial = arraysOf(op, "init", init);
  const stacks = arraysOf(op, "xs", xs);
  const length = lengthOf(op, stacks, given);
  const items = stacks.map(({ shape, dtype }) => ({ shape: shape.slice(1), dtype }));
  const { holes, result } = traceOn(op, [...initial, ...items], (arrays) => {
    const carry: unknown = rebuild(init, isNDArray, arrays.slice(0, initial.length));
    const x: unknown = rebuild(xs, isNDArray, arrays.slice(initial.length));
    return fn(carry, x);
  });
  if (!Array.isArray(result) || result.length !== 2) {
    throw new TransformError(
      `[${op}] expected the function to return [carry, y], got ${describe(result)}: return null for what there is none of`,
    );
  }
  const [carry, y]: unknown[] = result;
  const cure = "the carry must keep its structure, shapes and dtypes, so cast it or change init";
  requireSame(op, "the carry", init, carry, cure);
  const outs = arraysOf(op, "y", y);
  const { carries, slices } = makeScan(
    {
      leaves: {
        constants: [],
        carries: holes.slice(0, initial.length),
        slices: holes.slice(initial.length),
      },
      roots: { carries: arraysOf(op, "the carry", carry), slices: outs },
      values: { constants: [], carries: initial, slices: stacks },
      length,
      reverse,
    },
    scanRules,
  );
  return [
    rebuild(carry, isNDArray, carries.map(handle)),
    rebuild(y, isNDArray, slices.map(handle)),
  ];
};

/**
 * Runs `fn` along axis 0 of `xs`, handing a value from each round to the next: `[carry, y] = fn(carry, xs[i])`. Gives the
 * last carry, and all `y` stacked along a new axis 0.
 *
 * Carry, `xs` and `y` are trees of arrays; `xs` and `y` may be null. `fn` is traced once and its graph run as one loop,
 * however long, also inside of `compile`. It can be differentiated both ways and mapped; gradients also reach arrays that
 * `fn` uses from outside. Like in `vmap`, values cannot be looked at inside; random numbers drawn without a key are the
 * same in every round.
 *
 * @throws TransformError when the carry changes its structure, a shape or a dtype, or lengths differ; ArgumentError when
 *   there is nothing to tell the length
 * @example
 * const [total, sums] = mx.scan(
 *   (carry, x) => [carry.add(x), carry.add(x)],
 *   mx.array(0),
 *   mx.array([1, 2, 3, 4]),
 * );
 * total; // 10
 * sums;  // [1, 3, 6, 10]
 */
export function scan<C, X, Y>(
  fn: (carry: C, x: X) => readonly [carry: C, y: Y],
  init: C,
  xs: X,
  options?: LoopOptions,
): [carry: C, ys: Stacked<Y>] {
  const read = readOptions<LoopOptions>("scan", options, ["length", "reverse"]);
  requireFunction("scan", fn);
  // The trees have the structure of what the caller's types describe.
  const run = fn as (carry: unknown, x: unknown) => unknown;
  return runScan("scan", run, init, xs, read) as [C, Stacked<Y>];
}

/**
 * `fn` applied to every slice of `xs` along axis 0, one after the other; results are stacked. Where all at once would take
 * too much memory for `vmap`, or a slice decides by `cond` what is done.
 *
 * @throws TransformError when lengths differ
 * @example
 * mx.map((x: mx.NDArray) => x.multiply(x), mx.array([1, 2, 3])); // [1, 4, 9]
 */
export function map<X, Y>(fn: (x: X) => Y, xs: X): Stacked<Y> {
  requireFunction("map", fn);
  const run = (_: unknown, x: unknown): unknown => [null, fn(x as X)];
  return runScan("map", run, null, xs, {})[1] as Stacked<Y>;
}

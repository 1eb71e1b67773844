/** Loops that go on as long as a test says: traced once, and run as one loop. */

import { bool } from "../../core/dtype.js";
import { TransformError } from "../../core/errors.js";
import { describe } from "../../core/guards.js";
import { requireFunction } from "../../core/require.js";
import type { NDArray } from "../../graph/array.js";
import { isNDArray } from "../../graph/array.js";
import type { Node } from "../../graph/node.js";
import { rebuild } from "../../graph/tree.js";
import { cast } from "../../primitives/index.js";
import { handle } from "../check.js";
import { pick } from "../leaves.js";
import { arraysOf, requireSame, traceOn } from "./body.js";
import { makeWhile } from "./while-graph.js";
import { whileRules } from "./while-rules.js";

/** The condition that `x` is, as a bool without axes; numbers are true unless they are zero. */
export const conditionOf = (op: string, what: string, x: unknown): Node => {
  if (!isNDArray(x) || x.ndim !== 0) {
    const got = isNDArray(x) ? `shape [${x.shape.join(", ")}]` : describe(x);
    throw new TransformError(
      `[${op}] expected ${what} to be a scalar array, got ${got}: reduce it with all or any, or map over it`,
    );
  }
  return cast(x.node, bool);
};

/**
 * Runs `body` on a value again and again as long as `test` of it is true: `while (test(v)) v = body(v)`. Gives the last
 * value, `init` itself where the test is false at once.
 *
 * The value is a tree of arrays. Both functions are traced once and run as one loop inside WebAssembly, also inside of
 * `compile`; as in `vmap`, they cannot look at values. It can be mapped, each item then stopping on its own, and
 * differentiated in forward mode; in reverse mode use {@link scan}, which has a known number of rounds.
 *
 * @throws TransformError when the value changes its structure, a shape or a dtype, the test gives no scalar, or for
 *   reverse mode
 * @example
 * // Halves a number until it is at most one, and counts how often.
 * const [left, count] = mx.whileLoop<[mx.NDArray, mx.NDArray]>(
 *   ([x]) => x.greater(1),
 *   ([x, n]) => [x.divide(2), n.add(1)],
 *   [mx.array(20), mx.array(0, mx.int32)],
 * );
 * left;  // 0.625
 * count; // 5
 */
export function whileLoop<V>(test: (value: V) => NDArray, body: (value: V) => V, init: V): V {
  requireFunction("whileLoop", test);
  requireFunction("whileLoop", body);
  const initial = arraysOf("whileLoop", "init", init);
  const given = (arrays: readonly NDArray[]): V =>
    // The same tree with placeholders at its leaves.
    rebuild(init, isNDArray, arrays) as V;
  const testing = traceOn("whileLoop", initial, (arrays) => test(given(arrays)));
  const running = traceOn("whileLoop", initial, (arrays) => body(given(arrays)));
  const condition = conditionOf("whileLoop", "the test", testing.result);
  const cure = "the body must keep its structure, shapes and dtypes, so cast it or change init";
  requireSame("whileLoop", "the value", init, running.result, cure);
  const results = makeWhile(
    {
      test: { leaves: testing.holes, roots: [condition] },
      body: {
        leaves: running.holes,
        roots: arraysOf("whileLoop", "the value", running.result),
      },
      values: initial,
      carries: initial.length,
    },
    whileRules,
  );
  return rebuild(
    running.result,
    isNDArray,
    initial.map((_, i) => handle(pick(results, i))),
  ) as V;
}

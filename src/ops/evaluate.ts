/** Computing arrays now, or while the event loop goes on, and giving their memory back. */

import { TransformError } from "../core/errors.js";
import { requireFunction } from "../core/require.js";
import { isNDArray, type NDArray } from "../graph/array.js";
import { evaluator } from "../graph/evaluator.js";
import { isHole } from "../graph/hole.js";
import type { Node } from "../graph/node.js";
import { closeScope, inScope, lasting, leaveScope } from "../graph/scope.js";
import { activeTrace, isTracing } from "../graph/trace.js";
import { forEachLeaf, leavesOf } from "../graph/tree.js";

/** Nodes of all arrays in `trees` that have no data yet. */
const pending = (trees: readonly unknown[]): Node[] =>
  leavesOf<NDArray>(trees, isNDArray)
    .map((a) => a.node)
    .filter((n) => n.data === null);

/**
 * Computes all arrays in trees now. What is not an array is ignored.
 *
 * @throws TransformError for placeholders of `vmap` and `compile`
 * @example
 * const x = mx.ones([2]).add(1);
 * mx.eval(x, { y: x });
 * @see mlx.core.eval
 */
export function evaluate(...trees: readonly unknown[]): void {
  const nodes = pending(trees);
  if (nodes.length > 0) evaluator().evaluate(nodes);
}

/**
 * Computes all arrays in trees while the event loop goes on; the promise settles when they are there.
 *
 * @throws TransformError inside transforms
 * @example await mx.asyncEval(mx.ones([2]).add(1));
 * @see mlx.core.async_eval
 */
export async function asyncEval(...trees: readonly unknown[]): Promise<void> {
  const nodes = pending(trees);
  if (nodes.some((n) => activeTrace(n) !== 0)) {
    throw new TransformError(
      "[asyncEval] expected arrays outside transforms, got one that is being traced: use mx.eval inside",
    );
  }
  if (nodes.length > 0) await evaluator().evaluateAsync(nodes);
}

/**
 * Gives the memory of all arrays in a tree back at once. They cannot be used afterwards.
 *
 * @example mx.dispose([mx.ones([2])]);
 */
export function dispose(tree: unknown): void {
  forEachLeaf<NDArray>(tree, isNDArray, (a) => a.dispose());
}

const isPromise = (x: unknown): x is Promise<unknown> => x instanceof Promise;

/**
 * Calls `fun`, computes the arrays in the tree that it returns, and gives the memory of all other arrays made meanwhile back
 * at once. Arrays that were there before live on, also when `fun` wrote to them, and so do the parameters and the state that
 * an optimizer updates. An array that `fun` puts away elsewhere cannot be used afterwards. Inside transforms nothing is
 * freed, because gradients may need it; nor is anything when `fun` throws.
 *
 * Of an asynchronous function nothing is freed that anyone can still reach: when its promise settles, memory that has become
 * unreachable is looked for and given back, where the platform can do that (Node), and by the runtime in its own time elsewhere.
 *
 * @example
 * const total = mx.tidy(() => {
 *   const big = mx.ones([1000, 1000]);
 *   return big.multiply(2).sum();
 * });
 * total.item(); // 2000000
 */
export function tidy<T>(fun: () => T): T {
  requireFunction("tidy", fun);
  const [result, scope] = inScope(fun);
  if (isPromise(result)) {
    const settled = result.then(async (value) => {
      await asyncEval(value);
      evaluator().collect();
      return value;
    });
    // The same type: a promise of what `fun` promises.
    return settled as T;
  }
  if (isTracing()) {
    leaveScope(scope);
    return result;
  }
  const alive = new Set([...leavesOf<NDArray>(result, isNDArray), ...lasting(scope)]);
  const nodes = [...alive].map((a) => a.node).filter((n) => n.data === null && !isHole(n));
  if (nodes.length > 0) evaluator().evaluate(nodes);
  closeScope(scope, alive);
  return result;
}

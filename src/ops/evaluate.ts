/** Computing arrays now, or while the event loop goes on, and giving their memory back. */
import { TransformError } from "../core/errors.js";
import { isNDArray, type NDArray } from "../graph/array.js";
import { evaluator } from "../graph/evaluator.js";
import type { Node } from "../graph/node.js";
import { activeTrace } from "../graph/trace.js";
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

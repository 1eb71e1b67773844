/** Bounding the norm of gradients. */

import { float16, float32 } from "../core/dtype.js";
import { ArgumentError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { requireNumbers } from "../core/require.js";
import { isNDArray, type NDArray } from "../graph/array.js";
import { leavesOf, type MapLeaves, mapLeaves } from "../graph/tree.js";
import { add, divide, minimum } from "../ops/arithmetic.js";
import { full } from "../ops/create.js";
import { sum } from "../ops/reduce.js";
import { sqrt } from "../ops/transcendental.js";
import { square } from "../ops/unary.js";

/**
 * Gradients scaled down together so that their norm is at most `maxNorm`, and the norm they had.
 *
 * @throws ArgumentError for a negative maxNorm
 * @example optim.clipGradNorm({ w: mx.array([3, 4]) }, 10)[1].item() // 5
 * @see mlx.optimizers.clip_grad_norm
 */
export function clipGradNorm<T>(
  grads: T,
  maxNorm: number,
): [MapLeaves<T, NDArray, NDArray>, NDArray] {
  requireNumbers("clipGradNorm", { maxNorm });
  if (typeof grads !== "object" || grads === null) {
    throw new ArgumentError(
      `[clipGradNorm] expected a tree of arrays, got ${describe(grads)}: pass gradients`,
    );
  }
  if (!(maxNorm >= 0)) {
    throw new ArgumentError(`[clipGradNorm] expected a norm from 0, got ${maxNorm}`);
  }
  // Squares of float16 would overflow.
  const squares = leavesOf<NDArray>(grads, isNDArray).map((g) =>
    sum(square(g.dtype === float16 ? g.astype(float32) : g)),
  );
  const norm = sqrt(squares.reduce((x, y) => add(x, y), full([], 0)));
  const factor = minimum(divide(maxNorm, add(norm, 1e-6)), 1);
  const scale = (g: NDArray): NDArray => {
    const scaled = g.multiply(factor);
    return g.dtype.kind === "float" ? scaled.astype(g.dtype) : scaled;
  };
  return [mapLeaves<T, NDArray, NDArray>(grads, isNDArray, scale), norm];
}

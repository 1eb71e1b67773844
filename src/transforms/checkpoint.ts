/** Checkpoints: the reverse pass computes a function again instead of keeping what is inside it. */
import { requireFunction } from "../core/require.js";
import { isNDArray } from "../graph/array.js";
import { type Node, nextEpoch, nextId } from "../graph/node.js";
import type { Tangents } from "../graph/primitive.js";
import { activeTrace, isTracing, rejectPromise, withTrace } from "../graph/trace.js";
import { leavesOf, rebuild } from "../graph/tree.js";
import { type CallAttrs, call, depends } from "../primitives/index.js";
import { handle } from "./check.js";
import { liftCall } from "./custom.js";
import { pick, traced } from "./leaves.js";
import { substitute } from "./replay.js";
import { reverse } from "./reverse.js";

/**
 * `fun`, whose intermediate values are computed again when gradients are taken, so that they need not be kept meanwhile.
 *
 * `fun` itself runs once per call; what is computed again is the graph it made, with the same random numbers. Gradients
 * of arrays it captures come out right. Arguments and results may be trees with other values in them.
 *
 * @example
 * const block = mx.checkpoint((x: mx.NDArray) => mx.tanh(mx.sin(x)));
 * mx.grad((x: mx.NDArray) => block(x).sum())(mx.array([1, 2]));
 * @see mlx.core.checkpoint
 */
export function checkpoint<A extends readonly unknown[], R>(
  fun: (...args: A) => R,
): (...args: A) => R {
  requireFunction("checkpoint", fun);
  return (...args) => {
    if (!isTracing()) return fun(...args);
    const given = leavesOf(args, isNDArray).map((a) => a.node);
    return withTrace((traceId) => {
      const first = nextId();
      const own = given.map((n) => traced(n, traceId));
      // Same structure, fresh handles in the places of arrays.
      const result = fun(...(rebuild(args, isNDArray, own.map(handle)) as unknown as A));
      rejectPromise("checkpoint", result);
      const outs = leavesOf(result, isNDArray).map((a) => a.node);
      const leaves = [...own, ...captured(outs, own, first)];
      const results = call(leaves, outs, attrsOf(leaves, outs));
      return rebuild(result, isNDArray, results.map(handle)) as R;
    });
  };
}

/** Older values that belong to a running transform: a gradient may be wanted for what they depend on. */
const captured = (outs: readonly Node[], own: readonly Node[], first: number): Node[] => {
  const epoch = nextEpoch();
  for (const n of own) n.mark = epoch;
  const found: Node[] = [];
  const stack = [...outs];
  for (let n = stack.pop(); n !== undefined; n = stack.pop()) {
    if (n.mark === epoch) continue;
    n.mark = epoch;
    if (n.id < first) {
      if (activeTrace(n) !== 0) found.push(n);
    } else stack.push(...n.ins);
  }
  return found;
};

const attrsOf = (leaves: readonly Node[], outs: readonly Node[]): CallAttrs => {
  const attrs: CallAttrs = {
    repeats: true,
    args: leaves.length,
    jvp: null,
    batch: null,
    pull(cts: Tangents, args: readonly Node[]): Tangents {
      const wanted = outs.map((_, i) => i).filter((i) => (cts[i] ?? null) !== null);
      const roots = wanted.map((i) => pick(outs, i));
      const present = cts.filter((c) => c !== null);
      const fresh = depends(args, present);
      return reverse(substitute(roots, leaves, fresh), present, fresh);
    },
    lift: (size) => liftCall(attrs, size),
  };
  return attrs;
};

/** Branches: both functions are traced, one of them is run. */
import { requireFunction } from "../../core/require.js";
import { isNDArray, type NDArray } from "../../graph/array.js";
import { rebuild } from "../../graph/tree.js";
import { handle } from "../check.js";
import { pick } from "../leaves.js";
import { arraysOf, requireSame, traceOn } from "./body.js";
import { makeCond } from "./cond-graph.js";
import { condRules } from "./cond-rules.js";
import { conditionOf } from "./while.js";

/**
 * `whenTrue(...operands)` where `condition` holds, else `whenFalse(...operands)`; only one of them is computed.
 *
 * The condition is a scalar array, which need not be known yet, so that this also works inside of `compile`, `scan` and
 * `vmap`; numbers are true unless they are zero. For `true` and `false` themselves the function is simply called. Operands and
 * results are trees of arrays, of equal structure, shapes and dtypes on both sides. It can be differentiated both ways,
 * by arrays that the functions use from outside too. Mapped over the condition, both sides are computed, and each item takes
 * its own.
 *
 * @throws TransformError when the condition is no scalar, or the results of the two functions differ in type
 * @example
 * const safe = (x: mx.NDArray) =>
 *   mx.cond(x.greater(0), (a) => mx.log(a), (a) => mx.zerosLike(a), x);
 * safe(mx.array(-1)); // 0
 */
export function cond<A extends readonly unknown[], R>(
  condition: NDArray | boolean,
  whenTrue: (...operands: A) => R,
  whenFalse: (...operands: A) => R,
  ...operands: A
): R {
  requireFunction("cond", whenTrue);
  requireFunction("cond", whenFalse);
  if (typeof condition === "boolean") return (condition ? whenTrue : whenFalse)(...operands);
  const decision = conditionOf("cond", "the condition", condition);
  const values = arraysOf("cond", "operands", operands);
  const trace = (fun: (...operands: A) => R): ReturnType<typeof traceOn> =>
    traceOn("cond", values, (arrays) =>
      // The same trees with placeholders at their leaves.
      fun(...(rebuild(operands, isNDArray, arrays) as unknown as A)),
    );
  const first = trace(whenTrue);
  const second = trace(whenFalse);
  const cure = "both functions must return the same types, so cast or broadcast one of them";
  requireSame("cond", "the result", first.result, second.result, cure);
  const results = makeCond(
    {
      condition: decision,
      sides: [
        { leaves: first.holes, roots: arraysOf("cond", "the result", first.result) },
        { leaves: second.holes, roots: arraysOf("cond", "the result", second.result) },
      ],
      values,
    },
    condRules,
  );
  let next = 0;
  const made = arraysOf("cond", "the result", first.result).map(() =>
    handle(pick(results, next++)),
  );
  return rebuild(first.result, isNDArray, made) as R;
}

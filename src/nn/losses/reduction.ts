/** What losses share: reductions, weights, checks of shapes. */
import { ArgumentError, ShapeError } from "../../core/errors.js";
import { describe } from "../../core/guards.js";
import { showShape } from "../../core/shape.js";
import { isNDArray, type NDArray } from "../../graph/array.js";
import { sameShape } from "../../graph/node.js";
import { multiply } from "../../ops/arithmetic.js";
import { sum } from "../../ops/reduce.js";
import { expandDims, squeeze } from "../../ops/shape.js";
import { mean } from "../../ops/statistics.js";
import { takeAlongAxis } from "../../ops/take.js";

export type Reduction = "none" | "mean" | "sum";

export interface LossOptions {
  readonly reduction?: Reduction;
}

/** The loss as it is, its mean or its sum. */
export const reduce = (op: string, loss: NDArray, reduction: Reduction): NDArray => {
  if (reduction === "mean") return mean(loss);
  if (reduction === "sum") return sum(loss);
  if (reduction === "none") return loss;
  throw new ArgumentError(
    `[${op}] expected reduction "none", "mean" or "sum", got ${describe(reduction)}`,
  );
};

/** Refuses what is no array. */
export const requireArrays = (op: string, ...given: readonly unknown[]): void => {
  for (const a of given) {
    if (isNDArray(a)) continue;
    throw new ArgumentError(
      `[${op}] expected arrays, got ${describe(a)}: make it one with mx.array(…)`,
    );
  }
};

/** Refuses arrays of different shapes. */
export const requireSame = (op: string, first: NDArray, ...others: readonly NDArray[]): void => {
  requireArrays(op, first, ...others);
  for (const a of others) {
    if (!sameShape(first.shape, a.shape)) {
      throw new ShapeError(
        `[${op}] expected arrays of one shape, got ${showShape(first.shape)} and ${showShape(a.shape)}`,
      );
    }
  }
};

/** The loss times a factor per item, if there is one. */
export const weighted = (
  op: string,
  loss: NDArray,
  weights: NDArray | null | undefined,
): NDArray => {
  if (weights === null || weights === undefined) return loss;
  requireSame(op, loss, weights);
  return multiply(loss, weights);
};

/** Elements along an axis at one position each. */
export const pick = (a: NDArray, at: NDArray, axis: number): NDArray =>
  squeeze(takeAlongAxis(a, expandDims(at, axis), axis), axis);

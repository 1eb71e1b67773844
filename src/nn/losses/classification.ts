/** Losses of predicted classes, probabilities and rankings. */
import { ArgumentError, ShapeError } from "../../core/errors.js";
import { readOptions } from "../../core/options.js";
import { normalizeAxis, showShape } from "../../core/shape.js";
import type { NDArray } from "../../graph/array.js";
import { type Shape, sameShape } from "../../graph/node.js";
import { add, logaddexp, maximum, multiply, subtract } from "../../ops/arithmetic.js";
import { max, sum } from "../../ops/reduce.js";
import { clip } from "../../ops/select.js";
import { mean } from "../../ops/statistics.js";
import { exp, log } from "../../ops/transcendental.js";
import { negative, stopGradient } from "../../ops/unary.js";
import {
  type LossOptions,
  pick,
  reduce,
  requireArrays,
  requireSame,
  weighted,
} from "./reduction.js";

export interface CrossEntropyOptions extends LossOptions {
  /** A factor per item. */
  readonly weights?: NDArray | null;
  /** The axis of classes, the last by default. */
  readonly axis?: number;
  /** In [0, 1). */
  readonly labelSmoothing?: number;
}

/**
 * Cross entropy of logits and targets, which are class numbers (one axis fewer) or probabilities (the same shape).
 *
 * @throws ShapeError when the shapes do not fit, ArgumentError for smoothing outside [0, 1)
 * @example nn.losses.crossEntropy(mx.array([[0, 0]]), mx.array([1], mx.int32)).item() // 0.693…
 * @see mlx.nn.losses.cross_entropy
 */
export function crossEntropy(
  logits: NDArray,
  targets: NDArray,
  options?: CrossEntropyOptions,
): NDArray {
  const op = "crossEntropy";
  const o = readOptions<CrossEntropyOptions>(op, options, [
    "weights",
    "axis",
    "labelSmoothing",
    "reduction",
  ]);
  const { labelSmoothing: smoothing = 0 } = o;
  if (!(smoothing >= 0 && smoothing < 1)) {
    throw new ArgumentError(`[${op}] expected labelSmoothing in [0, 1), got ${smoothing}`);
  }
  requireArrays(op, logits, targets);
  const axis = normalizeAxis(op, o.axis ?? -1, logits.ndim);
  const asProbabilities = targets.ndim === logits.ndim;
  const wanted: Shape = asProbabilities ? logits.shape : logits.shape.filter((_, d) => d !== axis);
  if (!sameShape(targets.shape, wanted)) {
    throw new ShapeError(
      `[${op}] expected targets of shape ${showShape(wanted)}, got ${showShape(targets.shape)} for logits of ${showShape(logits.shape)}`,
    );
  }
  const peak = stopGradient(max(logits, axis, { keepdims: true }));
  const shifted = subtract(logits, peak);
  // What is picked is read where it lies, not from a shifted copy of all logits.
  const score = asProbabilities
    ? sum(multiply(shifted, targets), axis)
    : subtract(pick(logits, targets, axis), peak.squeeze(axis));
  const total = log(sum(exp(shifted), axis));
  let loss = subtract(total, smoothing > 0 ? multiply(score, 1 - smoothing) : score);
  if (smoothing > 0) loss = subtract(loss, multiply(mean(shifted, axis), smoothing));
  return reduce(op, weighted(op, loss, o.weights), o.reduction ?? "none");
}

export interface BinaryCrossEntropyOptions extends LossOptions {
  /** A factor per item. */
  readonly weights?: NDArray | null;
  /** Whether inputs are logits (the default) or probabilities. */
  readonly withLogits?: boolean;
}

/**
 * Binary cross entropy of logits or probabilities and targets; the mean by default.
 *
 * @throws ShapeError when the shapes differ
 * @example nn.losses.binaryCrossEntropy(mx.array([0]), mx.array([1])).item() // 0.693…
 * @see mlx.nn.losses.binary_cross_entropy
 */
export function binaryCrossEntropy(
  inputs: NDArray,
  targets: NDArray,
  options?: BinaryCrossEntropyOptions,
): NDArray {
  const op = "binaryCrossEntropy";
  const o = readOptions<BinaryCrossEntropyOptions>(op, options, [
    "weights",
    "withLogits",
    "reduction",
  ]);
  requireSame(op, inputs, targets);
  let loss: NDArray;
  if (o.withLogits ?? true) loss = subtract(logaddexp(0, inputs), multiply(inputs, targets));
  else {
    const yes = clip(log(inputs), -100, null);
    const no = clip(log(subtract(1, inputs)), -100, null);
    loss = negative(add(multiply(targets, yes), multiply(subtract(1, targets), no)));
  }
  return reduce(op, weighted(op, loss, o.weights), o.reduction ?? "mean");
}

export interface AxisLossOptions extends LossOptions {
  readonly axis?: number;
}

/**
 * Minus the log-probabilities of the target classes.
 *
 * @example nn.losses.nllLoss(mx.array([[-1, -2]]), mx.array([1], mx.int32)).tolist() // [2]
 * @see mlx.nn.losses.nll_loss
 */
export function nllLoss(inputs: NDArray, targets: NDArray, options?: AxisLossOptions): NDArray {
  const o = readOptions<AxisLossOptions>("nllLoss", options, ["axis", "reduction"]);
  requireArrays("nllLoss", inputs, targets);
  const axis = normalizeAxis("nllLoss", o.axis ?? -1, inputs.ndim);
  return reduce("nllLoss", negative(pick(inputs, targets, axis)), o.reduction ?? "none");
}

/**
 * Kullback-Leibler divergence of two arrays of log-probabilities, summed over an axis.
 *
 * @example nn.losses.klDivLoss(mx.array([[0, 0]]), mx.array([[0, 0]])).tolist() // [0]
 * @see mlx.nn.losses.kl_div_loss
 */
export function klDivLoss(inputs: NDArray, targets: NDArray, options?: AxisLossOptions): NDArray {
  const o = readOptions<AxisLossOptions>("klDivLoss", options, ["axis", "reduction"]);
  const loss = sum(multiply(exp(targets), subtract(targets, inputs)), o.axis ?? -1);
  return reduce("klDivLoss", loss, o.reduction ?? "none");
}

/**
 * max(1 - inputs · targets, 0).
 *
 * @example nn.losses.hingeLoss(mx.array([0.5]), mx.array([1])).tolist() // [0.5]
 * @see mlx.nn.losses.hinge_loss
 */
export function hingeLoss(inputs: NDArray, targets: NDArray, options?: LossOptions): NDArray {
  const o = readOptions<LossOptions>("hingeLoss", options, ["reduction"]);
  const loss = maximum(subtract(1, multiply(inputs, targets)), 0);
  return reduce("hingeLoss", loss, o.reduction ?? "none");
}

export interface MarginRankingOptions extends LossOptions {
  readonly margin?: number;
}

/**
 * max(0, -targets · (inputs1 - inputs2) + margin).
 *
 * @throws ShapeError when the shapes differ
 * @example nn.losses.marginRankingLoss(mx.array([1]), mx.array([3]), mx.array([1])).tolist() // [2]
 * @see mlx.nn.losses.margin_ranking_loss
 */
export function marginRankingLoss(
  inputs1: NDArray,
  inputs2: NDArray,
  targets: NDArray,
  options?: MarginRankingOptions,
): NDArray {
  const op = "marginRankingLoss";
  const o = readOptions<MarginRankingOptions>(op, options, ["margin", "reduction"]);
  requireSame(op, inputs1, inputs2, targets);
  const gap = multiply(negative(targets), subtract(inputs1, inputs2));
  return reduce(op, maximum(0, add(gap, o.margin ?? 0)), o.reduction ?? "none");
}

/** Losses: from predictions and targets to one value per item, their mean or their sum. */
import { ArgumentError, ShapeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readOptions } from "../core/options.js";
import { normalizeAxis, showShape } from "../core/shape.js";
import type { NDArray } from "../graph/array.js";
import { type Shape, sameShape } from "../graph/node.js";
import {
  add,
  divide,
  logaddexp,
  maximum,
  minimum,
  multiply,
  power,
  subtract,
} from "../ops/arithmetic.js";
import { less } from "../ops/compare.js";
import { max, sum } from "../ops/reduce.js";
import { clip, where } from "../ops/select.js";
import { expandDims, squeeze } from "../ops/shape.js";
import { logsumexp, mean } from "../ops/statistics.js";
import { takeAlongAxis } from "../ops/take.js";
import { exp, log, sqrt } from "../ops/transcendental.js";
import { abs, negative, square, stopGradient } from "../ops/unary.js";

export type Reduction = "none" | "mean" | "sum";

export interface LossOptions {
  readonly reduction?: Reduction;
}

const reduce = (op: string, loss: NDArray, reduction: Reduction): NDArray => {
  if (reduction === "mean") return mean(loss);
  if (reduction === "sum") return sum(loss);
  if (reduction === "none") return loss;
  throw new ArgumentError(
    `[${op}] expected reduction "none", "mean" or "sum", got ${describe(reduction)}`,
  );
};

const requireSame = (op: string, first: NDArray, ...others: readonly NDArray[]): void => {
  for (const a of others) {
    if (!sameShape(first.shape, a.shape)) {
      throw new ShapeError(
        `[${op}] expected arrays of one shape, got ${showShape(first.shape)} and ${showShape(a.shape)}`,
      );
    }
  }
};

const weighted = (op: string, loss: NDArray, weights: NDArray | null | undefined): NDArray => {
  if (weights === null || weights === undefined) return loss;
  requireSame(op, loss, weights);
  return multiply(loss, weights);
};

/** Elements along an axis at one position each. */
const pick = (a: NDArray, at: NDArray, axis: number): NDArray =>
  squeeze(takeAlongAxis(a, expandDims(at, axis), axis), axis);

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
  const axis = normalizeAxis(op, o.axis ?? -1, logits.ndim);
  const asProbabilities = targets.ndim === logits.ndim;
  const wanted: Shape = asProbabilities ? logits.shape : logits.shape.filter((_, d) => d !== axis);
  if (!sameShape(targets.shape, wanted)) {
    throw new ShapeError(
      `[${op}] expected targets of shape ${showShape(wanted)}, got ${showShape(targets.shape)} for logits of ${showShape(logits.shape)}`,
    );
  }
  const shifted = subtract(logits, stopGradient(max(logits, axis, { keepdims: true })));
  const score = asProbabilities
    ? sum(multiply(shifted, targets), axis)
    : pick(shifted, targets, axis);
  const total = logsumexp(shifted, axis);
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

/**
 * |predictions - targets|; the mean by default.
 *
 * @throws ShapeError when the shapes differ
 * @example nn.losses.l1Loss(mx.array([1]), mx.array([3])).item() // 2
 * @see mlx.nn.losses.l1_loss
 */
export function l1Loss(predictions: NDArray, targets: NDArray, options?: LossOptions): NDArray {
  const o = readOptions<LossOptions>("l1Loss", options, ["reduction"]);
  requireSame("l1Loss", predictions, targets);
  return reduce("l1Loss", abs(subtract(predictions, targets)), o.reduction ?? "mean");
}

/**
 * (predictions - targets)²; the mean by default.
 *
 * @throws ShapeError when the shapes differ
 * @example nn.losses.mseLoss(mx.array([1]), mx.array([3])).item() // 4
 * @see mlx.nn.losses.mse_loss
 */
export function mseLoss(predictions: NDArray, targets: NDArray, options?: LossOptions): NDArray {
  const o = readOptions<LossOptions>("mseLoss", options, ["reduction"]);
  requireSame("mseLoss", predictions, targets);
  return reduce("mseLoss", square(subtract(predictions, targets)), o.reduction ?? "mean");
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
  const axis = normalizeAxis("nllLoss", o.axis ?? -1, inputs.ndim);
  return reduce("nllLoss", negative(pick(inputs, targets, axis)), o.reduction ?? "none");
}

export interface GaussianNllOptions extends LossOptions {
  /** Whether to add the constant ½ log 2π. */
  readonly full?: boolean;
  /** Lower bound of the variances. */
  readonly eps?: number;
}

/**
 * Negative log-likelihood of targets under normal distributions with means `inputs` and variances `vars`; the mean by
 * default.
 *
 * @throws ShapeError when the shapes differ
 * @example nn.losses.gaussianNllLoss(mx.array([0]), mx.array([2]), mx.array([1])).item() // 2
 * @see mlx.nn.losses.gaussian_nll_loss
 */
export function gaussianNllLoss(
  inputs: NDArray,
  targets: NDArray,
  vars: NDArray,
  options?: GaussianNllOptions,
): NDArray {
  const op = "gaussianNllLoss";
  const o = readOptions<GaussianNllOptions>(op, options, ["full", "eps", "reduction"]);
  requireSame(op, inputs, targets, vars);
  const v = maximum(vars, o.eps ?? 1e-6);
  let loss = multiply(add(log(v), divide(square(subtract(targets, inputs)), v)), 0.5);
  if (o.full === true) loss = add(loss, 0.5 * Math.log(2 * Math.PI));
  return reduce(op, loss, o.reduction ?? "mean");
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

export interface SmoothL1Options extends LossOptions {
  /** Where the square turns into the absolute value. */
  readonly beta?: number;
}

/**
 * Squared below beta (1 by default), absolute above; the mean by default.
 *
 * @throws ShapeError when the shapes differ
 * @example nn.losses.smoothL1Loss(mx.array([1]), mx.array([3])).item() // 1.5
 * @see mlx.nn.losses.smooth_l1_loss
 */
export function smoothL1Loss(
  predictions: NDArray,
  targets: NDArray,
  options?: SmoothL1Options,
): NDArray {
  const o = readOptions<SmoothL1Options>("smoothL1Loss", options, ["beta", "reduction"]);
  requireSame("smoothL1Loss", predictions, targets);
  const beta = o.beta ?? 1;
  const gap = abs(subtract(predictions, targets));
  const inner = divide(multiply(square(gap), 0.5), beta);
  const loss = where(less(gap, beta), inner, subtract(abs(gap), 0.5 * beta));
  return reduce("smoothL1Loss", loss, o.reduction ?? "mean");
}

export interface TripletOptions extends AxisLossOptions {
  /** The norm's degree. */
  readonly p?: number;
  readonly margin?: number;
  /** Added to the sum of powers before the root. */
  readonly eps?: number;
}

/**
 * max(|anchors - positives| - |anchors - negatives| + margin, 0), with p-norms along an axis.
 *
 * @example nn.losses.tripletLoss(mx.array([[0]]), mx.array([[0]]), mx.array([[9]])).tolist() // [0]
 * @see mlx.nn.losses.triplet_loss
 */
export function tripletLoss(
  anchors: NDArray,
  positives: NDArray,
  negatives: NDArray,
  options?: TripletOptions,
): NDArray {
  const o = readOptions<TripletOptions>("tripletLoss", options, [
    "axis",
    "p",
    "margin",
    "eps",
    "reduction",
  ]);
  const { axis = -1, p = 2, margin = 1, eps = 1e-6 } = o;
  const distance = (to: NDArray): NDArray =>
    power(add(sum(power(abs(subtract(anchors, to)), p), axis), eps), 1 / p);
  const loss = maximum(add(subtract(distance(positives), distance(negatives)), margin), 0);
  return reduce("tripletLoss", loss, o.reduction ?? "none");
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

export interface HuberOptions extends LossOptions {
  /** Where the square turns into the absolute value. */
  readonly delta?: number;
}

/**
 * Squared below delta (1 by default), linear above.
 *
 * @example nn.losses.huberLoss(mx.array([1]), mx.array([3])).tolist() // [1.5]
 * @see mlx.nn.losses.huber_loss
 */
export function huberLoss(inputs: NDArray, targets: NDArray, options?: HuberOptions): NDArray {
  const o = readOptions<HuberOptions>("huberLoss", options, ["delta", "reduction"]);
  const delta = o.delta ?? 1;
  const size = abs(subtract(inputs, targets));
  const inner = minimum(size, delta);
  const loss = add(multiply(square(inner), 0.5), multiply(subtract(size, inner), delta));
  return reduce("huberLoss", loss, o.reduction ?? "none");
}

/**
 * log(cosh(inputs - targets)).
 *
 * @example nn.losses.logCoshLoss(mx.array([1]), mx.array([1])).tolist() // [0]
 * @see mlx.nn.losses.log_cosh_loss
 */
export function logCoshLoss(inputs: NDArray, targets: NDArray, options?: LossOptions): NDArray {
  const o = readOptions<LossOptions>("logCoshLoss", options, ["reduction"]);
  const gap = subtract(inputs, targets);
  const loss = subtract(logaddexp(gap, negative(gap)), Math.LN2);
  return reduce("logCoshLoss", loss, o.reduction ?? "none");
}

export interface CosineSimilarityOptions extends AxisLossOptions {
  /** Lower bound of the product of norms. */
  readonly eps?: number;
}

/**
 * The cosine of the angle between vectors along an axis (1 by default): the similarity itself, as in MLX.
 *
 * @example nn.losses.cosineSimilarityLoss(mx.array([[1, 0]]), mx.array([[1, 0]])).tolist() // [1]
 * @see mlx.nn.losses.cosine_similarity_loss
 */
export function cosineSimilarityLoss(
  x1: NDArray,
  x2: NDArray,
  options?: CosineSimilarityOptions,
): NDArray {
  const o = readOptions<CosineSimilarityOptions>("cosineSimilarityLoss", options, [
    "axis",
    "eps",
    "reduction",
  ]);
  const { axis = 1, eps = 1e-8 } = o;
  const norm = (x: NDArray): NDArray => sqrt(sum(square(x), axis));
  const loss = divide(sum(multiply(x1, x2), axis), maximum(multiply(norm(x1), norm(x2)), eps));
  return reduce("cosineSimilarityLoss", loss, o.reduction ?? "none");
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

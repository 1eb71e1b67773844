/** Losses of predicted values: distances between predictions and targets. */
import { readOptions } from "../../core/options.js";
import type { NDArray } from "../../graph/array.js";
import {
  add,
  divide,
  logaddexp,
  maximum,
  minimum,
  multiply,
  power,
  subtract,
} from "../../ops/arithmetic.js";
import { less } from "../../ops/compare.js";
import { sum } from "../../ops/reduce.js";
import { where } from "../../ops/select.js";
import { log, sqrt } from "../../ops/transcendental.js";
import { abs, negative, square } from "../../ops/unary.js";
import type { AxisLossOptions } from "./classification.js";
import { type LossOptions, reduce, requireSame } from "./reduction.js";

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

/** Activation functions: elementwise, or along one axis. */
import { int32 } from "../core/dtype.js";
import { readPositional } from "../core/options.js";
import type { NDArray } from "../graph/array.js";
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
import { greater, greaterEqual } from "../ops/compare.js";
import { array } from "../ops/creation-host.js";
import { max } from "../ops/reduce.js";
import { where } from "../ops/select.js";
import { split } from "../ops/split.js";
import { logsumexp, softmax as softmaxOf } from "../ops/statistics.js";
import { erf, exp, sigmoid as sigmoidOf, tanh as tanhOf } from "../ops/transcendental.js";
import { abs, negative, sign, square, stopGradient } from "../ops/unary.js";

/**
 * The logistic function.
 *
 * @example nn.sigmoid(mx.array([0])).tolist() // [0.5]
 * @see mlx.nn.sigmoid
 */
export function sigmoid(x: NDArray): NDArray {
  return sigmoidOf(x);
}

/**
 * Hyperbolic tangent.
 *
 * @example nn.tanh(mx.array([0])).tolist() // [0]
 * @see mlx.nn.tanh
 */
export function tanh(x: NDArray): NDArray {
  return tanhOf(x);
}

/**
 * max(x, 0); its derivative at 0 is 0.
 *
 * @example nn.relu(mx.array([-1, 2])).tolist() // [0, 2]
 * @see mlx.nn.relu
 */
export function relu(x: NDArray): NDArray {
  return maximum(x, 0);
}

/**
 * max(x, 0)².
 *
 * @example nn.relu2(mx.array([-1, 2])).tolist() // [0, 4]
 * @see mlx.nn.relu2
 */
export function relu2(x: NDArray): NDArray {
  return square(maximum(x, 0));
}

/**
 * min(max(x, 0), 6).
 *
 * @example nn.relu6(mx.array([-1, 8])).tolist() // [0, 6]
 * @see mlx.nn.relu6
 */
export function relu6(x: NDArray): NDArray {
  return minimum(maximum(x, 0), 6);
}

export interface NegativeSlopeOptions {
  readonly negativeSlope?: number;
}

/**
 * max(negativeSlope · x, x), with a slope of 0.01 by default.
 *
 * @example nn.leakyRelu(mx.array([-1, 2]), 0.5).tolist() // [-0.5, 2]
 * @see mlx.nn.leaky_relu
 */
export function leakyRelu(x: NDArray, negativeSlope?: number | NegativeSlopeOptions): NDArray {
  const o = readPositional<NegativeSlopeOptions>(
    "leakyRelu",
    "negativeSlope",
    negativeSlope,
    undefined,
    ["negativeSlope"],
  );
  return maximum(multiply(x, o.negativeSlope ?? 0.01), x);
}

export interface SoftmaxAxisOptions {
  readonly axis?: number;
}

const readAxis = (op: string, axis: number | SoftmaxAxisOptions | undefined): number =>
  readPositional<SoftmaxAxisOptions>(op, "axis", axis, undefined, ["axis"]).axis ?? -1;

/**
 * Softmax along one axis, the last by default.
 *
 * @example nn.softmax(mx.array([0, 0])).tolist() // [0.5, 0.5]
 * @see mlx.nn.softmax
 */
export function softmax(x: NDArray, axis?: number | SoftmaxAxisOptions): NDArray {
  return softmaxOf(x, readAxis("softmax", axis));
}

/**
 * Softmax of -x along one axis, the last by default.
 *
 * @example nn.softmin(mx.array([0, 0])).tolist() // [0.5, 0.5]
 * @see mlx.nn.softmin
 */
export function softmin(x: NDArray, axis?: number | SoftmaxAxisOptions): NDArray {
  return softmaxOf(negative(x), readAxis("softmin", axis));
}

/**
 * Logarithm of softmax along one axis, the last by default.
 *
 * @example nn.logSoftmax(mx.array([0, 0])).shape // [2]
 * @see mlx.nn.log_softmax
 */
export function logSoftmax(x: NDArray, axis?: number | SoftmaxAxisOptions): NDArray {
  const d = readAxis("logSoftmax", axis);
  // Shifted first: a large maximum would swallow the normaliser.
  const shifted = subtract(x, stopGradient(max(x, d, { keepdims: true })));
  return subtract(shifted, logsumexp(shifted, d, { keepdims: true }));
}

export interface AlphaOptions {
  readonly alpha?: number;
}

const readAlpha = (op: string, alpha: number | AlphaOptions | undefined): number =>
  readPositional<AlphaOptions>(op, "alpha", alpha, undefined, ["alpha"]).alpha ?? 1;

/**
 * x above 0, alpha · (exp(x) - 1) below; alpha is 1 by default.
 *
 * @example nn.elu(mx.array([0, 2])).tolist() // [0, 2]
 * @see mlx.nn.elu
 */
export function elu(x: NDArray, alpha?: number | AlphaOptions): NDArray {
  return where(greater(x, 0), x, multiply(subtract(exp(x), 1), readAlpha("elu", alpha)));
}

/**
 * max(x, 0) + alpha · (exp(min(x, 0) / alpha) - 1); alpha is 1 by default.
 *
 * @example nn.celu(mx.array([0, 2])).tolist() // [0, 2]
 * @see mlx.nn.celu
 */
export function celu(x: NDArray, alpha?: number | AlphaOptions): NDArray {
  const a = readAlpha("celu", alpha);
  const below = subtract(exp(divide(minimum(x, 0), a)), 1);
  return add(maximum(x, 0), multiply(below, a));
}

/**
 * Scaled elu: 1.0507 · elu(x, 1.67326).
 *
 * @example nn.selu(mx.array([0])).tolist() // [0]
 * @see mlx.nn.selu
 */
export function selu(x: NDArray): NDArray {
  return multiply(elu(x, 1.67326), 1.0507);
}

/**
 * log(1 + exp(x)), without overflow.
 *
 * @example nn.softplus(mx.array([0])).item() // 0.693…
 * @see mlx.nn.softplus
 */
export function softplus(x: NDArray): NDArray {
  return logaddexp(x, 0);
}

/**
 * x / (1 + |x|).
 *
 * @example nn.softsign(mx.array([1])).tolist() // [0.5]
 * @see mlx.nn.softsign
 */
export function softsign(x: NDArray): NDArray {
  return divide(x, add(abs(x), 1));
}

export interface LambdOptions {
  readonly lambd?: number;
}

const readLambd = (op: string, lambd: number | LambdOptions | undefined): number =>
  readPositional<LambdOptions>(op, "lambd", lambd, undefined, ["lambd"]).lambd ?? 0.5;

/**
 * x moved toward 0 by lambd (0.5 by default), 0 within.
 *
 * @example nn.softshrink(mx.array([-1, 0.25, 2])).tolist() // [-0.5, 0, 1.5]
 * @see mlx.nn.softshrink
 */
export function softshrink(x: NDArray, lambd?: number | LambdOptions): NDArray {
  const limit = readLambd("softshrink", lambd);
  return where(greater(abs(x), limit), subtract(x, multiply(sign(x), limit)), 0);
}

/**
 * x, but 0 within lambd (0.5 by default) of 0.
 *
 * @example nn.hardShrink(mx.array([-1, 0.25, 2])).tolist() // [-1, 0, 2]
 * @see mlx.nn.hard_shrink
 */
export function hardShrink(x: NDArray, lambd?: number | LambdOptions): NDArray {
  return where(greater(abs(x), readLambd("hardShrink", lambd)), x, 0);
}

/**
 * x · sigmoid(x).
 *
 * @example nn.silu(mx.array([0])).tolist() // [0]
 * @see mlx.nn.silu
 */
export function silu(x: NDArray): NDArray {
  return multiply(x, sigmoidOf(x));
}

/**
 * log(sigmoid(x)), without underflow.
 *
 * @example nn.logSigmoid(mx.array([0])).item() // -0.693…
 * @see mlx.nn.log_sigmoid
 */
export function logSigmoid(x: NDArray): NDArray {
  return negative(softplus(negative(x)));
}

/**
 * x · Φ(x), with the error function.
 *
 * @example nn.gelu(mx.array([0])).tolist() // [0]
 * @see mlx.nn.gelu
 */
export function gelu(x: NDArray): NDArray {
  return divide(multiply(x, add(erf(divide(x, Math.SQRT2)), 1)), 2);
}

/**
 * gelu through tanh.
 *
 * @example nn.geluApprox(mx.array([0])).tolist() // [0]
 * @see mlx.nn.gelu_approx
 */
export function geluApprox(x: NDArray): NDArray {
  const inner = multiply(add(x, multiply(power(x, 3), 0.044715)), Math.sqrt(2 / Math.PI));
  return multiply(multiply(x, 0.5), add(tanhOf(inner), 1));
}

/**
 * gelu as x · sigmoid(1.702 · x).
 *
 * @example nn.geluFastApprox(mx.array([0])).tolist() // [0]
 * @see mlx.nn.gelu_fast_approx
 */
export function geluFastApprox(x: NDArray): NDArray {
  return multiply(x, sigmoidOf(multiply(x, 1.702)));
}

/**
 * The first half along an axis times the sigmoid of the second.
 *
 * @throws ShapeError when the axis has odd length
 * @example nn.glu(mx.array([1, 0])).tolist() // [0.5]
 * @see mlx.nn.glu
 */
export function glu(x: NDArray, axis?: number | SoftmaxAxisOptions): NDArray {
  const [a = x, b = x] = split(x, 2, readAxis("glu", axis));
  return multiply(a, sigmoidOf(b));
}

export interface StepOptions {
  readonly threshold?: number;
}

/**
 * 1 from the threshold (0 by default) on, else 0, as int32.
 *
 * @example nn.step(mx.array([-1, 0])).tolist() // [0, 1]
 * @see mlx.nn.step
 */
export function step(x: NDArray, threshold?: number | StepOptions): NDArray {
  const o = readPositional<StepOptions>("step", "threshold", threshold, undefined, ["threshold"]);
  return where(greaterEqual(x, o.threshold ?? 0), array(1, int32), 0);
}

/**
 * x above 0, alpha · x below, with alpha an array that broadcasts.
 *
 * @example nn.prelu(mx.array([-2, 2]), mx.array([0.5])).tolist() // [-1, 2]
 * @see mlx.nn.prelu
 */
export function prelu(x: NDArray, alpha: NDArray): NDArray {
  return add(maximum(0, x), multiply(alpha, minimum(0, x)));
}

/**
 * x · tanh(softplus(x)).
 *
 * @example nn.mish(mx.array([0])).tolist() // [0]
 * @see mlx.nn.mish
 */
export function mish(x: NDArray): NDArray {
  return multiply(x, tanhOf(softplus(x)));
}

/**
 * x · min(max(x + 3, 0), 6) / 6.
 *
 * @example nn.hardswish(mx.array([3])).tolist() // [3]
 * @see mlx.nn.hardswish
 */
export function hardswish(x: NDArray): NDArray {
  return divide(multiply(x, minimum(maximum(add(x, 3), 0), 6)), 6);
}

export interface HardTanhOptions {
  readonly minVal?: number;
  readonly maxVal?: number;
}

/**
 * x clipped to [minVal, maxVal], by default [-1, 1].
 *
 * @example nn.hardTanh(mx.array([-2, 0.5])).tolist() // [-1, 0.5]
 * @see mlx.nn.hard_tanh
 */
export function hardTanh(
  x: NDArray,
  minVal?: number | HardTanhOptions,
  options?: HardTanhOptions,
): NDArray {
  const o = readPositional<HardTanhOptions>("hardTanh", "minVal", minVal, options, [
    "minVal",
    "maxVal",
  ]);
  return minimum(maximum(x, o.minVal ?? -1), o.maxVal ?? 1);
}

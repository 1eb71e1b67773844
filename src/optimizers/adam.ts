/** Adam and AdamW: steps scaled by running averages of the gradient and its square. */

import { type DType, float32 } from "../core/dtype.js";
import { ArgumentError } from "../core/errors.js";
import { readOptions } from "../core/options.js";
import type { NDArray } from "../graph/array.js";
import { power, subtract } from "../ops/arithmetic.js";
import { zerosLike } from "../ops/create.js";
import { rsqrt, sqrt } from "../ops/transcendental.js";
import { square } from "../ops/unary.js";
import { type LeafState, Optimizer, type Schedulable } from "./optimizer.js";
import { asScalar, hostValue, rounded } from "./scalars.js";

export interface AdamOptions {
  /** Decay rates of the two running averages, each in [0, 1). */
  readonly betas?: readonly [number, number];
  /** Added to the denominator. */
  readonly eps?: number;
  /** Whether the averages' start from zero is made up for; MLX's default is not. */
  readonly biasCorrection?: boolean;
}

const names = ["betas", "eps", "biasCorrection"] as const;

/**
 * w ← w - lr · m / (√v + eps), with m and v running averages of g and g².
 *
 * @throws ArgumentError for betas outside [0, 1) or a negative eps
 * @example
 * const params = { w: mx.array([1]) };
 * new optim.Adam(0.1).applyGradients({ w: mx.array([1]) }, params).w.shape; // [1]
 * @see mlx.optimizers.Adam
 */
export class Adam extends Optimizer {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly biasCorrection: boolean;

  /** @param name the optimizer's, for messages */
  constructor(learningRate: Schedulable, options?: AdamOptions, name = "Adam") {
    super();
    const o = readOptions<AdamOptions>(name, options, names);
    this.betas = o.betas ?? [0.9, 0.999];
    this.eps = o.eps ?? 1e-8;
    this.biasCorrection = o.biasCorrection ?? false;
    for (const beta of this.betas) {
      if (!(beta >= 0 && beta < 1))
        throw new ArgumentError(`[${name}] expected betas in [0, 1), got ${beta}`);
    }
    if (!(this.eps >= 0)) throw new ArgumentError(`[${name}] expected eps from 0, got ${this.eps}`);
    this.schedule("learningRate", learningRate);
  }

  override initSingle(parameter: NDArray, state: LeafState): void {
    state.m = zerosLike(parameter);
    state.v = zerosLike(parameter);
  }

  override applySingle(gradient: NDArray, parameter: NDArray, state: LeafState): NDArray {
    const [b1, b2] = this.betas;
    const { m: m0 = zerosLike(parameter), v: v0 = zerosLike(parameter) } = state;
    const m = m0.multiply(b1).add(gradient.multiply(1 - b1));
    const v = v0.multiply(b2).add(square(gradient).multiply(1 - b2));
    state.m = m;
    state.v = v;
    if (!this.biasCorrection) {
      const lr = this.rate(gradient.dtype);
      return parameter.subtract(m.multiply(lr).divide(sqrt(v).add(this.eps)));
    }
    const [c1, c2] = this.#corrections(gradient.dtype);
    return parameter.subtract(m.multiply(c1).divide(sqrt(v).multiply(c2).add(this.eps)));
  }

  /** The learning rate in the dtype of a gradient. */
  protected rate(dtype: DType): NDArray | number {
    const known = hostValue(this.learningRate);
    return known === null ? this.learningRate.astype(dtype) : rounded(known, dtype);
  }

  /** lr / (1 - b1^step) and 1 / √(1 - b2^step), rounded as float32 arithmetic rounds them. */
  #corrections(dtype: DType): [NDArray, NDArray] {
    const [b1, b2] = this.betas;
    const lr = this.rate(dtype);
    const step = hostValue(this.step);
    if (step === null || typeof lr !== "number") {
      const left = (beta: number): NDArray =>
        subtract(1, power(asScalar(beta, float32), this.step.astype(float32)));
      return [asScalar(lr, dtype).divide(left(b1)).astype(dtype), rsqrt(left(b2)).astype(dtype)];
    }
    const left = (beta: number): number => Math.fround(1 - Math.fround(Math.fround(beta) ** step));
    return [
      asScalar(rounded(lr / left(b1), dtype), dtype),
      asScalar(rounded(1 / Math.sqrt(left(b2)), dtype), dtype),
    ];
  }
}

export interface AdamWOptions extends AdamOptions {
  readonly weightDecay?: number;
}

/**
 * Adam with decoupled weight decay: the parameter is first multiplied by 1 - lr · weightDecay (0.01 by default).
 *
 * @throws ArgumentError for betas outside [0, 1) or a negative eps
 * @example
 * const opt = new optim.AdamW(1e-3, { weightDecay: 0.1 });
 * opt.applyGradients({ w: mx.array([1]) }, { w: mx.array([1]) }).w.shape; // [1]
 * @see mlx.optimizers.AdamW
 */
export class AdamW extends Adam {
  readonly weightDecay: number;

  constructor(learningRate: Schedulable, options?: AdamWOptions) {
    const { weightDecay = 0.01, ...rest } = readOptions<AdamWOptions>("AdamW", options, [
      ...names,
      "weightDecay",
    ]);
    super(learningRate, rest, "AdamW");
    this.weightDecay = weightDecay;
  }

  override applySingle(gradient: NDArray, parameter: NDArray, state: LeafState): NDArray {
    const { dtype } = gradient;
    const lr = this.rate(dtype);
    const kept =
      typeof lr === "number"
        ? asScalar(rounded(1 - rounded(lr * this.weightDecay, dtype), dtype), dtype)
        : subtract(1, lr.multiply(this.weightDecay));
    return super.applySingle(gradient, parameter.multiply(kept), state);
  }
}

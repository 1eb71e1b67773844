/** RMSprop, Adagrad and AdaDelta: steps divided by the root of running squares of the gradient. */
import { ArgumentError } from "../core/errors.js";
import { readOptions } from "../core/options.js";
import type { NDArray } from "../graph/array.js";
import { zerosLike } from "../ops/create.js";
import { sqrt } from "../ops/transcendental.js";
import { square } from "../ops/unary.js";
import { type LeafState, Optimizer, type Schedulable } from "./optimizer.js";

const positiveEps = (name: string, eps: number): number => {
  if (eps > 0) return eps;
  throw new ArgumentError(`[${name}] expected eps above 0, got ${eps}: it keeps the step finite`);
};

const fromZero = (name: string, what: string, x: number): number => {
  if (x >= 0) return x;
  throw new ArgumentError(`[${name}] expected ${what} from 0, got ${x}`);
};

export interface RMSpropOptions {
  /** Decay rate of the running average, from 0. */
  readonly alpha?: number;
  /** Added to the denominator, above 0. */
  readonly eps?: number;
}

/**
 * w ← w - lr · g / (√v + eps) with v ← alpha · v + (1 - alpha) · g². State per parameter: `v`, in its shape and dtype.
 *
 * @throws ArgumentError for a negative alpha, or an eps that is not positive
 * @example
 * const opt = new optim.RMSprop(0.1, { alpha: 0.9 });
 * opt.applyGradients({ w: mx.array([1]) }, { w: mx.array([1]) }).w.shape; // [1]
 * @see mlx.optimizers.RMSprop
 */
export class RMSprop extends Optimizer {
  readonly alpha: number;
  readonly eps: number;

  constructor(learningRate: Schedulable, options?: RMSpropOptions) {
    super();
    const o = readOptions<RMSpropOptions>("RMSprop", options, ["alpha", "eps"]);
    this.alpha = fromZero("RMSprop", "alpha", o.alpha ?? 0.99);
    this.eps = positiveEps("RMSprop", o.eps ?? 1e-8);
    this.schedule("learningRate", learningRate);
  }

  override initSingle(parameter: NDArray, state: LeafState): void {
    state.v = zerosLike(parameter);
  }

  override applySingle(gradient: NDArray, parameter: NDArray, state: LeafState): NDArray {
    const lr = this.learningRate.astype(gradient.dtype);
    const kept = (state.v ?? zerosLike(parameter)).multiply(this.alpha);
    const v = kept.add(square(gradient).multiply(1 - this.alpha));
    state.v = v;
    return parameter.subtract(lr.multiply(gradient).divide(sqrt(v).add(this.eps)));
  }
}

export interface AdagradOptions {
  /** Added to the denominator, above 0. */
  readonly eps?: number;
}

/**
 * w ← w - lr · g / (√v + eps) with v ← v + g² (Duchi et al., 2011). State per parameter: `v`, in its shape and dtype.
 *
 * @throws ArgumentError for an eps that is not positive
 * @example
 * const opt = new optim.Adagrad(0.1);
 * opt.applyGradients({ w: mx.array([2]) }, { w: mx.array([1]) }).w.shape; // [1]
 * @see mlx.optimizers.Adagrad
 */
export class Adagrad extends Optimizer {
  readonly eps: number;

  constructor(learningRate: Schedulable, options?: AdagradOptions) {
    super();
    const o = readOptions<AdagradOptions>("Adagrad", options, ["eps"]);
    this.eps = positiveEps("Adagrad", o.eps ?? 1e-8);
    this.schedule("learningRate", learningRate);
  }

  override initSingle(parameter: NDArray, state: LeafState): void {
    state.v = zerosLike(parameter);
  }

  override applySingle(gradient: NDArray, parameter: NDArray, state: LeafState): NDArray {
    const lr = this.learningRate.astype(gradient.dtype);
    const v = (state.v ?? zerosLike(parameter)).add(square(gradient));
    state.v = v;
    return parameter.subtract(lr.multiply(gradient).divide(sqrt(v).add(this.eps)));
  }
}

export interface AdaDeltaOptions {
  /** Decay rate of both running averages, from 0. */
  readonly rho?: number;
  /** Added under both roots, above 0. */
  readonly eps?: number;
}

/**
 * w ← w - lr · d with d = √(u + eps) / √(v + eps) · g, where v and u are running averages of g² and d² (Zeiler, 2012).
 * State per parameter: `v` and `u`, in its shape and dtype.
 *
 * @throws ArgumentError for a negative rho, or an eps that is not positive
 * @example
 * const opt = new optim.AdaDelta(1, { rho: 0.95 });
 * opt.applyGradients({ w: mx.array([2]) }, { w: mx.array([1]) }).w.shape; // [1]
 * @see mlx.optimizers.AdaDelta
 */
export class AdaDelta extends Optimizer {
  readonly rho: number;
  readonly eps: number;

  constructor(learningRate: Schedulable, options?: AdaDeltaOptions) {
    super();
    const o = readOptions<AdaDeltaOptions>("AdaDelta", options, ["rho", "eps"]);
    this.rho = fromZero("AdaDelta", "rho", o.rho ?? 0.9);
    this.eps = positiveEps("AdaDelta", o.eps ?? 1e-6);
    this.schedule("learningRate", learningRate);
  }

  override initSingle(parameter: NDArray, state: LeafState): void {
    state.v = zerosLike(parameter);
    state.u = zerosLike(parameter);
  }

  override applySingle(gradient: NDArray, parameter: NDArray, state: LeafState): NDArray {
    const { rho, eps } = this;
    const lr = this.learningRate.astype(gradient.dtype);
    const { v: v0 = zerosLike(parameter), u: u0 = zerosLike(parameter) } = state;
    const v = v0.multiply(rho).add(square(gradient).multiply(1 - rho));
    const d = sqrt(u0.add(eps))
      .divide(sqrt(v.add(eps)))
      .multiply(gradient);
    state.v = v;
    state.u = u0.multiply(rho).add(square(d).multiply(1 - rho));
    return parameter.subtract(lr.multiply(d));
  }
}

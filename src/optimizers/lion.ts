/** Lion: steps of one size, in the direction of a running average's sign. */
import { ArgumentError } from "../core/errors.js";
import { readOptions } from "../core/options.js";
import type { NDArray } from "../graph/array.js";
import { subtract } from "../ops/arithmetic.js";
import { zerosLike } from "../ops/create.js";
import { sign } from "../ops/unary.js";
import { type LeafState, Optimizer, type Schedulable } from "./optimizer.js";

export interface LionOptions {
  /** Weights of the average in the direction, and of its own decay; each in [0, 1). */
  readonly betas?: readonly [number, number];
  /** Decoupled: the parameter is multiplied by 1 - lr · weightDecay. */
  readonly weightDecay?: number;
}

/**
 * w ← w - lr · (sign(β₁ · m + (1 - β₁) · g) + weightDecay · w) with m ← β₂ · m + (1 - β₂) · g (Chen et al., 2023). Wants a
 * smaller rate and a larger decay than AdamW, by about 3 to 10 times. State per parameter: `m`, in its shape and dtype.
 *
 * @throws ArgumentError for betas outside [0, 1)
 * @example
 * const opt = new optim.Lion(0.1);
 * opt.applyGradients({ w: mx.array([2]) }, { w: mx.array([1]) }).w.shape; // [1]
 * @see mlx.optimizers.Lion
 */
export class Lion extends Optimizer {
  readonly betas: readonly [number, number];
  readonly weightDecay: number;

  constructor(learningRate: Schedulable, options?: LionOptions) {
    super();
    const o = readOptions<LionOptions>("Lion", options, ["betas", "weightDecay"]);
    this.betas = o.betas ?? [0.9, 0.99];
    this.weightDecay = o.weightDecay ?? 0;
    for (const beta of this.betas) {
      if (!(beta >= 0 && beta < 1))
        throw new ArgumentError(`[Lion] expected betas in [0, 1), got ${beta}`);
    }
    this.schedule("learningRate", learningRate);
  }

  override initSingle(parameter: NDArray, state: LeafState): void {
    state.m = zerosLike(parameter);
  }

  override applySingle(gradient: NDArray, parameter: NDArray, state: LeafState): NDArray {
    const [b1, b2] = this.betas;
    const lr = this.learningRate.astype(gradient.dtype);
    const m = state.m ?? zerosLike(parameter);
    const c = m.multiply(b1).add(gradient.multiply(1 - b1));
    state.m = m.multiply(b2).add(gradient.multiply(1 - b2));
    const kept =
      this.weightDecay > 0
        ? subtract(1, lr.multiply(this.weightDecay)).multiply(parameter)
        : parameter;
    return kept.subtract(lr.multiply(sign(c)));
  }
}

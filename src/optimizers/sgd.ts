/** Stochastic gradient descent, with momentum. */
import { ArgumentError } from "../core/errors.js";
import { readOptions } from "../core/options.js";
import type { NDArray } from "../graph/array.js";
import { zerosLike } from "../ops/create.js";
import { type LeafState, Optimizer, type Schedulable } from "./optimizer.js";

export interface SGDOptions {
  readonly momentum?: number;
  readonly weightDecay?: number;
  readonly dampening?: number;
  readonly nesterov?: boolean;
}

/**
 * w ← w - lr · v with v ← momentum · v + (1 - dampening) · g.
 *
 * @throws ArgumentError for nesterov without momentum or with dampening
 * @example
 * const w = { w: mx.array([1]) };
 * new optim.SGD(0.1).applyGradients({ w: mx.array([1]) }, w).w.item(); // 0.899…
 * @see mlx.optimizers.SGD
 */
export class SGD extends Optimizer {
  readonly momentum: number;
  readonly weightDecay: number;
  readonly dampening: number;
  readonly nesterov: boolean;

  constructor(learningRate: Schedulable, options?: SGDOptions) {
    super();
    const o = readOptions<SGDOptions>("SGD", options, [
      "momentum",
      "weightDecay",
      "dampening",
      "nesterov",
    ]);
    this.momentum = o.momentum ?? 0;
    this.weightDecay = o.weightDecay ?? 0;
    this.dampening = o.dampening ?? 0;
    this.nesterov = o.nesterov ?? false;
    if (this.nesterov && (this.momentum <= 0 || this.dampening !== 0)) {
      throw new ArgumentError(
        "[SGD] expected momentum and no dampening with nesterov: set momentum",
      );
    }
    this.schedule("learningRate", learningRate);
  }

  override initSingle(parameter: NDArray, state: LeafState): void {
    state.v = zerosLike(parameter);
  }

  override applySingle(gradient: NDArray, parameter: NDArray, state: LeafState): NDArray {
    const lr = this.learningRate.astype(gradient.dtype);
    const g =
      this.weightDecay === 0 ? gradient : gradient.add(parameter.multiply(this.weightDecay));
    if (this.momentum <= 0) return parameter.subtract(lr.multiply(g));
    const kept = (state.v ?? zerosLike(parameter)).multiply(this.momentum);
    const v = kept.add(this.dampening > 0 ? g.multiply(1 - this.dampening) : g);
    state.v = v;
    const step = this.nesterov ? g.add(v.multiply(this.momentum)) : v;
    return parameter.subtract(lr.multiply(step));
  }
}

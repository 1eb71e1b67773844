/** Adamax: Adam with the largest gradient in place of the averaged square. */
import { readOptions } from "../core/options.js";
import type { NDArray } from "../graph/array.js";
import { maximum } from "../ops/arithmetic.js";
import { zerosLike } from "../ops/create.js";
import { abs } from "../ops/unary.js";
import { Adam, type AdamOptions } from "./adam.js";
import type { LeafState, Schedulable } from "./optimizer.js";

export type AdamaxOptions = Omit<AdamOptions, "biasCorrection">;

/**
 * w ← w - lr · m / (v + eps) with m a running average of g and v ← max(β₂ · v, |g|) (Kingma and Ba, 2015). State per
 * parameter: `m` and `v`, in its shape and dtype.
 *
 * @throws ArgumentError for betas outside [0, 1) or a negative eps
 * @example
 * const opt = new optim.Adamax(0.1);
 * opt.applyGradients({ w: mx.array([2]) }, { w: mx.array([1]) }).w.shape; // [1]
 * @see mlx.optimizers.Adamax
 */
export class Adamax extends Adam {
  constructor(learningRate: Schedulable, options?: AdamaxOptions) {
    super(learningRate, readOptions<AdamaxOptions>("Adamax", options, ["betas", "eps"]), "Adamax");
  }

  override applySingle(gradient: NDArray, parameter: NDArray, state: LeafState): NDArray {
    const [b1, b2] = this.betas;
    const { m: m0 = zerosLike(parameter), v: v0 = zerosLike(parameter) } = state;
    const m = m0.multiply(b1).add(gradient.multiply(1 - b1));
    const v = maximum(v0.multiply(b2), abs(gradient));
    state.m = m;
    state.v = v;
    return parameter.subtract(m.multiply(this.rate(gradient.dtype)).divide(v.add(this.eps)));
  }
}

/** Muon: momentum whose matrices are made orthogonal before the step. */
import { readOptions } from "../core/options.js";
import type { NDArray } from "../graph/array.js";
import { norm } from "../linalg/norm.js";
import { zerosLike } from "../ops/create.js";
import { addmm } from "../ops/matmul.js";
import { type LeafState, Optimizer, type Schedulable } from "./optimizer.js";

export interface MuonOptions {
  readonly momentum?: number;
  /** Added to the gradient, times the parameter. */
  readonly weightDecay?: number;
  readonly nesterov?: boolean;
  /** Steps of the Newton–Schulz iteration. */
  readonly nsSteps?: number;
}

/** A matrix with singular values near 1 and the singular vectors of `x`, by a quintic iteration. */
const orthogonal = (x: NDArray, steps: number): NDArray => {
  const [a, b, c] = [3.4445, -4.775, 2.0315];
  const [rows = 0, columns = 0] = x.shape;
  const tall = rows > columns;
  let y = tall ? x.transpose() : x;
  y = y.divide(norm(y, { keepdims: true }).add(1e-7));
  for (let i = 0; i < steps; i++) {
    const s = y.matmul(y.transpose());
    const t = addmm(s.multiply(b), s, s, { alpha: c, beta: 1 });
    y = addmm(y.multiply(a), t, y, { alpha: 1, beta: 1 });
  }
  return tall ? y.transpose() : y;
};

/**
 * w ← w - lr · √max(1, rows / columns) · orthogonal(v) with v ← momentum · v + (1 - momentum) · (g + weightDecay · w)
 * (Jordan et al., 2024). Parameters of more than two axes are flattened behind the first; those of fewer get the plain
 * momentum step, and are better left to another optimizer. State per parameter: `v`, in its shape and dtype.
 *
 * @example
 * const opt = new optim.Muon(0.02);
 * opt.applyGradients({ w: mx.ones([2, 3]) }, { w: mx.ones([2, 3]) }).w.shape; // [2, 3]
 * @see mlx.optimizers.Muon
 */
export class Muon extends Optimizer {
  readonly momentum: number;
  readonly weightDecay: number;
  readonly nesterov: boolean;
  readonly nsSteps: number;

  constructor(learningRate: Schedulable, options?: MuonOptions) {
    super();
    const o = readOptions<MuonOptions>("Muon", options, [
      "momentum",
      "weightDecay",
      "nesterov",
      "nsSteps",
    ]);
    this.momentum = o.momentum ?? 0.95;
    this.weightDecay = o.weightDecay ?? 0.01;
    this.nesterov = o.nesterov ?? true;
    this.nsSteps = o.nsSteps ?? 5;
    this.schedule("learningRate", learningRate);
  }

  override initSingle(parameter: NDArray, state: LeafState): void {
    state.v = zerosLike(parameter);
  }

  override applySingle(gradient: NDArray, parameter: NDArray, state: LeafState): NDArray {
    const { momentum } = this;
    const g =
      this.weightDecay === 0 ? gradient : gradient.add(parameter.multiply(this.weightDecay));
    const kept = (state.v ?? zerosLike(parameter)).multiply(momentum);
    const v = kept.add(g.multiply(1 - momentum));
    state.v = v;
    const update = this.nesterov ? g.multiply(1 - momentum).add(v.multiply(momentum)) : v;
    const lr = this.learningRate.astype(gradient.dtype);
    const { shape } = update;
    if (shape.length < 2) return parameter.subtract(lr.multiply(update));
    const step = orthogonal(update.flatten(1), this.nsSteps).reshape(shape);
    const [rows = 1, columns = 1] = shape.length > 2 ? shape.slice(-2) : shape;
    const scale = Math.sqrt(Math.max(1, rows / columns));
    return parameter.subtract(lr.multiply(scale).multiply(step));
  }
}

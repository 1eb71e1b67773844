/** Normalization over a batch, with running statistics. */
import { ArgumentError, ShapeError } from "../../core/errors.js";
import { readPositional } from "../../core/options.js";
import { showShape } from "../../core/shape.js";
import { type NDArray, rebind } from "../../graph/array.js";
import { add, multiply, subtract } from "../../ops/arithmetic.js";
import { ones, zeros } from "../../ops/create.js";
import { mean, variance } from "../../ops/statistics.js";
import { rsqrt } from "../../ops/transcendental.js";
import { stopGradient } from "../../ops/unary.js";
import { Module } from "../module/module.js";
import { requireCount, requireEps, shown } from "./arguments.js";
import { type InstanceNormOptions, scaled } from "./normalization.js";

/** Options of {@link BatchNorm}. */
export interface BatchNormOptions extends InstanceNormOptions {
  /** How much of the running statistics each batch replaces; 0.1 by default. */
  readonly momentum?: number;
  /** Whether there are running statistics, used outside of training; true by default. */
  readonly trackRunningStats?: boolean;
}

/**
 * Normalization of each channel over all other axes: of the batch in training mode, by running statistics otherwise. These are
 * parameters that are always frozen.
 *
 * @param eps 1e-5 by default; also in one options object, `{ eps, momentum, affine, trackRunningStats }`
 * @throws ArgumentError for an eps that is not positive, ShapeError in the call for other than two to four axes, or for one value
 *   per channel in training mode
 * @example new nn.BatchNorm(4).forward(mx.random.normal([8, 4])).shape // [8, 4]
 * @see mlx.nn.BatchNorm
 */
export class BatchNorm extends Module {
  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: number;
  readonly trackRunningStats: boolean;
  weight?: NDArray;
  bias?: NDArray;
  runningMean?: NDArray;
  runningVar?: NDArray;

  constructor(numFeatures: number, eps?: number | BatchNormOptions, options?: BatchNormOptions) {
    super();
    const op = "BatchNorm";
    const names = ["eps", "momentum", "affine", "trackRunningStats"] as const;
    const o = readPositional<BatchNormOptions>(op, "eps", eps, options, names);
    this.numFeatures = requireCount(op, "numFeatures", numFeatures);
    this.eps = requireEps(op, o.eps ?? 1e-5);
    this.momentum = o.momentum ?? 0.1;
    this.trackRunningStats = o.trackRunningStats ?? true;
    if (!(this.momentum >= 0 && this.momentum <= 1)) {
      throw new ArgumentError(`[${op}] expected a momentum from 0 to 1, got ${this.momentum}`);
    }
    if (o.affine ?? true) {
      this.weight = ones([numFeatures]);
      this.bias = zeros([numFeatures]);
    }
    if (!this.trackRunningStats) return;
    this.runningMean = zeros([numFeatures]);
    this.runningVar = ones([numFeatures]);
    this.freeze({ keys: this.alwaysFrozen(), recurse: false });
  }

  protected override alwaysFrozen(): readonly string[] {
    return ["runningMean", "runningVar"];
  }

  forward(x: NDArray): NDArray {
    if (x.ndim < 2 || x.ndim > 4) {
      throw new ShapeError(
        `[BatchNorm] expected an array with two to four axes, got shape ${showShape(x.shape)}: reshape it, channels last`,
      );
    }
    const { runningMean, runningVar } = this;
    if (!this.training && runningMean !== undefined && runningVar !== undefined)
      return this.#normalized(x, runningMean, runningVar);
    const axes = x.shape.map((_, d) => d).slice(0, -1);
    const count = x.size / (x.shape.at(-1) ?? 1);
    if (this.training && count === 1) {
      throw new ShapeError(
        `[BatchNorm] expected more than one value per channel in training mode, got shape ${showShape(x.shape)}: use a larger batch`,
      );
    }
    const mu = mean(x, axes);
    const sigma = variance(x, axes);
    if (this.training && runningMean !== undefined && runningVar !== undefined) {
      this.#follow(runningMean, mu);
      this.#follow(runningVar, multiply(sigma, count / (count - 1)));
    }
    return this.#normalized(x, mu, sigma);
  }

  /** Moves a running statistic toward that of a batch, in place. */
  #follow(running: NDArray, batch: NDArray): void {
    const { momentum } = this;
    const moved = add(multiply(running, 1 - momentum), multiply(stopGradient(batch), momentum));
    rebind(running, moved.node);
  }

  #normalized(x: NDArray, mu: NDArray, sigma: NDArray): NDArray {
    return scaled(multiply(subtract(x, mu), rsqrt(add(sigma, this.eps))), this);
  }

  protected override extraRepr(): string {
    const { numFeatures, eps, momentum, trackRunningStats } = this;
    return shown({
      numFeatures,
      eps,
      momentum,
      affine: this.weight !== undefined,
      trackRunningStats,
    });
  }
}

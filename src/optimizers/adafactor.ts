/** Adafactor: the averaged squares of a matrix kept as a row and a column. */
import { type DType, float32 } from "../core/dtype.js";
import { ArgumentError } from "../core/errors.js";
import { isPlainObject } from "../core/guards.js";
import { readOptions } from "../core/options.js";
import type { NDArray } from "../graph/array.js";
import { maximum, minimum, multiply, power, subtract } from "../ops/arithmetic.js";
import { zeros, zerosLike } from "../ops/create.js";
import { mean } from "../ops/statistics.js";
import { rsqrt, sqrt } from "../ops/transcendental.js";
import { square } from "../ops/unary.js";
import { type LeafState, Optimizer, type Schedulable } from "./optimizer.js";

export interface AdafactorOptions {
  /** Used when `relativeStep` is false. */
  readonly learningRate?: Schedulable | null;
  /** Added to the squared gradient; and the least scale of a parameter. */
  readonly eps?: readonly [number, number];
  /** The root mean square that an unscaled step may have. */
  readonly clipThreshold?: number;
  /** Exponent of the step in the averages' decay: β₂ = 1 - step^decayRate. */
  readonly decayRate?: number;
  /** Decay of a first moment; null: none is kept. */
  readonly beta1?: number | null;
  readonly weightDecay?: number;
  /** Whether steps are in proportion to the parameter's root mean square. */
  readonly scaleParameter?: boolean;
  /** Whether the rate is min(0.01, 1 / √step), whatever `learningRate` is. */
  readonly relativeStep?: boolean;
  /** With `relativeStep`: 10⁻⁶ · step in place of 0.01. */
  readonly warmupInit?: boolean;
}

const names = [
  "learningRate",
  "eps",
  "clipThreshold",
  "decayRate",
  "beta1",
  "weightDecay",
  "scaleParameter",
  "relativeStep",
  "warmupInit",
] as const;

/** The options alone, or the rate before them. */
const readArguments = (
  first: Schedulable | null | AdafactorOptions | undefined,
  options: AdafactorOptions | undefined,
): AdafactorOptions => {
  if (isPlainObject(first)) return readOptions<AdafactorOptions>("Adafactor", first, names);
  const rest = readOptions<AdafactorOptions>("Adafactor", options, names);
  const isRate = (x: unknown): x is Schedulable => x !== null && x !== undefined;
  return isRate(first) ? { ...rest, learningRate: first } : rest;
};

const rms = (x: NDArray): NDArray => sqrt(mean(square(x)));

/**
 * Steps divided by the root of averaged squares, which for parameters of two or more axes are kept as the averages over
 * their last and last but one axis (Shazeer and Stern, 2018). State per parameter: `expAvgSqRow` and `expAvgSqCol`, or
 * `expAvgSq` for fewer axes; `expAvg` with `beta1`.
 *
 * @throws ArgumentError without a rate when `relativeStep` is false
 * @example
 * const opt = new optim.Adafactor();
 * const params = { w: mx.ones([2, 3]) };
 * opt.applyGradients({ w: mx.ones([2, 3]) }, params).w.shape; // [2, 3]
 * @see mlx.optimizers.Adafactor
 */
export class Adafactor extends Optimizer {
  readonly eps: readonly [number, number];
  readonly clipThreshold: number;
  readonly decayRate: number;
  readonly beta1: number | null;
  readonly weightDecay: number;
  readonly scaleParameter: boolean;
  readonly relativeStep: boolean;
  readonly warmupInit: boolean;

  constructor(learningRate?: Schedulable | null, options?: AdafactorOptions);
  constructor(options: AdafactorOptions);
  constructor(first?: Schedulable | null | AdafactorOptions, options?: AdafactorOptions) {
    super();
    const o = readArguments(first, options);
    this.eps = o.eps ?? [1e-30, 1e-3];
    this.clipThreshold = o.clipThreshold ?? 1;
    this.decayRate = o.decayRate ?? -0.8;
    this.beta1 = o.beta1 ?? null;
    this.weightDecay = o.weightDecay ?? 0;
    this.scaleParameter = o.scaleParameter ?? true;
    this.relativeStep = o.relativeStep ?? true;
    this.warmupInit = o.warmupInit ?? false;
    const rate = o.learningRate ?? null;
    if (rate !== null) this.schedule("learningRate", rate);
    else if (!this.relativeStep)
      throw new ArgumentError(
        "[Adafactor] expected a learning rate when relativeStep is false, got none: pass it first",
      );
  }

  override initSingle(parameter: NDArray, state: LeafState): void {
    const { shape, dtype } = parameter;
    if (shape.length >= 2) {
      state.expAvgSqRow = zeros(shape.slice(0, -1), dtype);
      state.expAvgSqCol = zeros([...shape.slice(0, -2), ...shape.slice(-1)], dtype);
    } else state.expAvgSq = zerosLike(parameter);
    if (this.beta1 !== null) state.expAvg = zerosLike(parameter);
  }

  /** The rate of this step, in the dtype of the parameter. */
  #rate(scale: NDArray): NDArray {
    const step = this.step.astype(float32);
    const relative = this.relativeStep
      ? minimum(this.warmupInit ? multiply(1e-6, step) : 1e-2, rsqrt(step))
      : this.learningRate;
    const rate = relative.astype(scale.dtype);
    return this.scaleParameter ? maximum(this.eps[1], scale).multiply(rate) : rate;
  }

  #decay(dtype: DType): NDArray {
    return subtract(1, power(this.step.astype(float32), this.decayRate).astype(dtype));
  }

  /** 1 / √ of the averaged squares, from what is kept of them. */
  #inverseRoot(squares: NDArray, state: LeafState, b2: NDArray): NDArray {
    const averaged = (old: NDArray, now: NDArray): NDArray =>
      b2.multiply(old).add(subtract(1, b2).multiply(now));
    const { expAvgSqRow, expAvgSqCol, expAvgSq } = state;
    if (expAvgSqRow === undefined || expAvgSqCol === undefined) {
      const average = averaged(expAvgSq ?? zerosLike(squares), squares);
      state.expAvgSq = average;
      return rsqrt(average);
    }
    const row = averaged(expAvgSqRow, mean(squares, -1));
    const col = averaged(expAvgSqCol, mean(squares, -2));
    state.expAvgSqRow = row;
    state.expAvgSqCol = col;
    const r = rsqrt(row.divide(mean(row, -1, { keepdims: true })));
    return r.expandDims(-1).multiply(rsqrt(col).expandDims(-2));
  }

  override applySingle(gradient: NDArray, parameter: NDArray, state: LeafState): NDArray {
    const size = rms(parameter);
    const rate = this.#rate(size);
    const squares = square(gradient).add(this.eps[0]);
    const raw = this.#inverseRoot(squares, state, this.#decay(size.dtype)).multiply(gradient);
    const clipped = raw.divide(maximum(1, rms(raw).divide(this.clipThreshold)));
    let update = rate.multiply(clipped);
    if (this.beta1 !== null) {
      const old = (state.expAvg ?? zerosLike(parameter)).multiply(this.beta1);
      update = old.add(update.multiply(1 - this.beta1));
      state.expAvg = update;
    }
    if (this.weightDecay === 0) return parameter.subtract(update);
    const decayed = parameter.add(parameter.multiply(rate.multiply(-this.weightDecay)));
    return decayed.subtract(update);
  }
}

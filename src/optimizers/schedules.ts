/** Learning rates as functions of the step. */

import { float32 } from "../core/dtype.js";
import { ArgumentError } from "../core/errors.js";
import { readPositional } from "../core/options.js";
import { requireFunction, requireNumbers } from "../core/require.js";
import type { NDArray } from "../graph/array.js";
import { floorDivide, minimum, multiply, power, subtract } from "../ops/arithmetic.js";
import { greaterEqual } from "../ops/compare.js";
import { full } from "../ops/create.js";
import { where } from "../ops/select.js";
import { cos } from "../ops/transcendental.js";

/** From the step, an array, to a 0-d array. */
export type Schedule = (step: NDArray) => NDArray;

/**
 * init · decayRate^step.
 *
 * @example optim.exponentialDecay(0.1, 0.9)(mx.array(0)).shape // []
 * @see mlx.optimizers.exponential_decay
 */
export function exponentialDecay(init: number, decayRate: number): Schedule {
  requireNumbers("exponentialDecay", { init, decayRate });
  return (step) => multiply(init, power(full([], decayRate), step.astype(float32)));
}

/**
 * init · decayRate^⌊step / stepSize⌋.
 *
 * @example optim.stepDecay(0.1, 0.9, 10)(mx.array(0)).shape // []
 * @see mlx.optimizers.step_decay
 */
export function stepDecay(init: number, decayRate: number, stepSize: number): Schedule {
  requireNumbers("stepDecay", { init, decayRate, stepSize });
  return (step) =>
    multiply(init, power(full([], decayRate), floorDivide(step, stepSize).astype(float32)));
}

/**
 * Half a cosine from `init` to `end` over `decaySteps`, then constant.
 *
 * @throws ArgumentError for fewer than one step
 * @example optim.cosineDecay(0.1, 1000)(mx.array(0)).shape // []
 * @see mlx.optimizers.cosine_decay
 */
export function cosineDecay(
  init: number,
  decaySteps: number,
  end?: number | CosineOptions,
): Schedule {
  if (!(decaySteps >= 1)) {
    throw new ArgumentError(`[cosineDecay] expected at least one step, got ${decaySteps}`);
  }
  const { end: last = 0 } = readPositional<CosineOptions>("cosineDecay", "end", end, undefined, [
    "end",
  ]);
  requireNumbers("cosineDecay", { init, decaySteps, end: last });
  return (step) => {
    const at = minimum(step, decaySteps).astype(float32);
    const decay = multiply(0.5, cos(multiply(at, Math.PI / decaySteps)).add(1));
    return multiply(decay, init - last).add(last);
  };
}

export interface CosineOptions {
  readonly end?: number;
}

/**
 * A straight line from `init` to `end` over `steps`, then constant.
 *
 * @throws ArgumentError for fewer than one step
 * @example optim.linearSchedule(0, 0.1, 100)(mx.array(0)).item() // 0
 * @see mlx.optimizers.linear_schedule
 */
export function linearSchedule(init: number, end: number, steps: number): Schedule {
  if (!(steps >= 1)) {
    throw new ArgumentError(`[linearSchedule] expected at least one step, got ${steps}`);
  }
  requireNumbers("linearSchedule", { init, end, steps });
  return (step) => multiply(minimum(step, steps).astype(float32), (end - init) / steps).add(init);
}

/**
 * One schedule after another: each later one starts at its boundary and sees the steps since then.
 *
 * @throws ArgumentError without a schedule, or unless there is one boundary fewer than schedules
 * @example
 * const warmup = optim.linearSchedule(0, 0.1, 10);
 * optim.joinSchedules([warmup, optim.cosineDecay(0.1, 90)], [10])(mx.array(0)).item(); // 0
 * @see mlx.optimizers.join_schedules
 */
export function joinSchedules(
  schedules: readonly Schedule[],
  boundaries: readonly number[],
): Schedule {
  if (!Array.isArray(schedules) || !Array.isArray(boundaries)) {
    throw new ArgumentError("[joinSchedules] expected two lists: pass schedules and boundaries");
  }
  boundaries.forEach((boundary, i) => {
    requireNumbers("joinSchedules", { [`boundary ${i}`]: boundary });
  });
  for (const schedule of schedules) requireFunction("joinSchedules", schedule);
  const [first, ...later] = schedules;
  if (first === undefined) {
    throw new ArgumentError("[joinSchedules] expected at least one schedule, got none");
  }
  if (later.length !== boundaries.length) {
    throw new ArgumentError(
      `[joinSchedules] expected one boundary fewer than schedules, got ${boundaries.length} boundaries for ${schedules.length} schedules`,
    );
  }
  return (step) => {
    let out = first(step);
    later.forEach((schedule, i) => {
      const boundary = boundaries[i] ?? 0;
      out = where(greaterEqual(step, boundary), schedule(subtract(step, boundary)), out);
    });
    return out;
  };
}

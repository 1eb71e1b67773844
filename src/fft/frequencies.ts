/** Which frequencies belong to coefficients, and rolling the zero frequency to the middle and back. */

import { float32, int32 } from "../core/dtype.js";
import { ArgumentError, IndexError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readPositional } from "../core/options.js";
import { requireIntegers } from "../core/require.js";
import { normalizeAxis } from "../core/shape.js";
import type { NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import { roll } from "../ops/join.js";
import { castTo, constant, like, nodeOf, type Operand, wrap } from "../ops/operand.js";
import * as p from "../primitives/index.js";

export interface SpacingOptions {
  /** The distance of samples, 1 by default. */
  readonly d?: number;
}

/** The step between frequencies. */
const stepOf = (op: string, n: unknown, given: unknown): number => {
  const o = readPositional<SpacingOptions>(`fft.${op}`, "d", given, undefined, ["d"]);
  const d: unknown = o.d ?? 1;
  if (typeof n !== "number" || !Number.isInteger(n) || n < 1)
    throw new ArgumentError(
      `[fft.${op}] expected a whole number of points from 1, got ${describe(n)}: pass 8, say`,
    );
  if (typeof d !== "number" || d === 0 || Number.isNaN(d))
    throw new ArgumentError(
      `[fft.${op}] expected a distance of samples other than 0, got ${describe(d)}: pass 1, say`,
    );
  return 1 / (n * d);
};

const times = (k: Node, step: number): NDArray => {
  const x = castTo(k, float32);
  return wrap(p.multiply(x, like(x, step)));
};

/**
 * The frequencies of the `n` coefficients of `fft` for samples at distance `d`: 0, 1, …, then the negative ones, over n·d.
 *
 * @throws ArgumentError unless n is a whole number from 1 and d is not 0
 * @example mx.fft.fftfreq(4).tolist() // [0, 0.25, -0.5, -0.25]
 * @see mlx.core.fft.fftfreq
 */
export function fftfreq(n: number, d?: number | SpacingOptions): NDArray {
  const step = stepOf("fftfreq", n, d);
  const k = p.iota([n], 0, int32);
  const positive = p.less(k, constant(Math.ceil(n / 2), int32, [n]));
  return times(p.select(positive, k, p.subtract(k, constant(n, int32, [n]))), step);
}

/**
 * The frequencies of the ⌊n/2⌋ + 1 coefficients of `rfft` for samples at distance `d`.
 *
 * @throws ArgumentError unless n is a whole number from 1 and d is not 0
 * @example mx.fft.rfftfreq(4).tolist() // [0, 0.25, 0.5]
 * @see mlx.core.fft.rfftfreq
 */
export function rfftfreq(n: number, d?: number | SpacingOptions): NDArray {
  const step = stepOf("rfftfreq", n, d);
  return times(p.iota([Math.floor(n / 2) + 1], 0, int32), step);
}

export interface ShiftOptions {
  /** All axes by default. */
  readonly axes?: number | readonly number[] | null;
}

type ShiftAxes = number | readonly number[] | null | ShiftOptions;

const shifted = (
  op: string,
  a: Operand,
  given: ShiftAxes | undefined,
  by: (length: number) => number,
): NDArray => {
  const x = nodeOf(`fft.${op}`, a);
  const ndim = x.shape.length;
  const { axes } = readPositional<ShiftOptions>(`fft.${op}`, "axes", given, undefined, ["axes"]);
  const all = axes ?? x.shape.map((_, d) => d);
  const list = typeof all === "number" ? [all] : requireIntegers(`fft.${op}`, "axes", all);
  const places = list.map((d) => normalizeAxis(`fft.${op}`, d, ndim, IndexError));
  if (places.length === 0) return wrap(x);
  return roll(
    wrap(x),
    places.map((d) => by(x.shape[d] ?? 0)),
    places,
  );
};

/**
 * The zero frequency rolled from the front to the middle of the axes.
 *
 * @throws IndexError for an axis out of range
 * @example mx.fft.fftshift(mx.array([0, 1, 2, -2, -1])).tolist() // [-2, -1, 0, 1, 2]
 * @see mlx.core.fft.fftshift
 */
export function fftshift(a: Operand, axes?: ShiftAxes): NDArray {
  return shifted("fftshift", a, axes, (n) => Math.floor(n / 2));
}

/**
 * The inverse of {@link fftshift}.
 *
 * @throws IndexError for an axis out of range
 * @example mx.fft.ifftshift(mx.array([-2, -1, 0, 1, 2])).tolist() // [0, 1, 2, -2, -1]
 * @see mlx.core.fft.ifftshift
 */
export function ifftshift(a: Operand, axes?: ShiftAxes): NDArray {
  return shifted("ifftshift", a, axes, (n) => -Math.floor(n / 2));
}

/** Window functions for signals. */
import { float32 } from "../core/dtype.js";
import { ArgumentError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import type { NDArray } from "../graph/array.js";
import { hostNode } from "../graph/host.js";
import { wrap } from "./operand.js";

/** A window of `m` values of `at`, which is called with the position and the last position. */
const tabulate = (op: string, m: number, at: (i: number, last: number) => number): NDArray => {
  if (!Number.isInteger(m) || m >= 2 ** 31)
    throw new ArgumentError(`[${op}] expected a whole number, got ${describe(m)}`);
  const length = Math.max(m, 0);
  const values = Float32Array.from({ length }, (_, i) => (length === 1 ? 1 : at(i, length - 1)));
  return wrap(hostNode([length], float32, new Uint8Array(values.buffer)));
};

const turn = (i: number, last: number): number => Math.cos((2 * Math.PI * i) / last);

/**
 * Triangular window that is 0 at both ends, float32.
 *
 * @example mx.bartlett(3).tolist() // [0, 1, 0]
 * @see mlx.core.bartlett
 */
export function bartlett(m: number): NDArray {
  return tabulate("bartlett", m, (i, last) => 1 - Math.abs((2 * i) / last - 1));
}

/**
 * Blackman's window, float32.
 *
 * @example mx.blackman(3).shape // [3]
 * @see mlx.core.blackman
 */
export function blackman(m: number): NDArray {
  return tabulate(
    "blackman",
    m,
    (i, last) => 0.42 - 0.5 * turn(i, last) + 0.08 * turn(2 * i, last),
  );
}

/**
 * Hamming's window, float32.
 *
 * @example mx.hamming(3).shape // [3]
 * @see mlx.core.hamming
 */
export function hamming(m: number): NDArray {
  return tabulate("hamming", m, (i, last) => 0.54 - 0.46 * turn(i, last));
}

/**
 * Hann's window, float32.
 *
 * @example mx.hanning(3).tolist() // [0, 1, 0]
 * @see mlx.core.hanning
 */
export function hanning(m: number): NDArray {
  return tabulate("hanning", m, (i, last) => 0.5 - 0.5 * turn(i, last));
}

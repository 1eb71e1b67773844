/** Ops that add missing axes, and ops that take arrays apart. */

import { ArgumentError, ShapeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readOptions, readPositional } from "../core/options.js";
import { requireIntegers } from "../core/require.js";
import { normalizeAxis, showShape } from "../core/shape.js";
import type { NDArray } from "../graph/array.js";
import type { Shape } from "../graph/node.js";
import * as p from "../primitives/index.js";
import { nodeOf, type Operand, wrap } from "./operand.js";

const atleast = (
  op: string,
  arrays: readonly Operand[],
  to: (shape: Shape) => Shape,
): NDArray | NDArray[] => {
  const out = arrays.map((a) => {
    const n = nodeOf(op, a);
    return wrap(p.reshape(n, to(n.shape)));
  });
  const [only] = out;
  return out.length === 1 && only !== undefined ? only : out;
};

/**
 * With at least one axis. One array gives an array, several a list.
 *
 * @example mx.atleast1d(mx.array(1)).shape // [1]
 * @see mlx.core.atleast_1d
 */
export function atleast1d(a: Operand): NDArray;
export function atleast1d(...arrays: readonly Operand[]): NDArray | NDArray[];
export function atleast1d(...arrays: readonly Operand[]): NDArray | NDArray[] {
  return atleast("atleast1d", arrays, (s) => (s.length === 0 ? [1] : s));
}

/**
 * With at least two axes, new ones in front. One array gives an array, several a list.
 *
 * @example mx.atleast2d(mx.zeros([3])).shape // [1, 3]
 * @see mlx.core.atleast_2d
 */
export function atleast2d(a: Operand): NDArray;
export function atleast2d(...arrays: readonly Operand[]): NDArray | NDArray[];
export function atleast2d(...arrays: readonly Operand[]): NDArray | NDArray[] {
  return atleast("atleast2d", arrays, (s) => (s.length < 2 ? [1, s[0] ?? 1] : s));
}

/**
 * With at least three axes: [n] becomes [1, n, 1], [m, n] becomes [m, n, 1]. One array gives an array, several a list.
 *
 * @example mx.atleast3d(mx.zeros([3])).shape // [1, 3, 1]
 * @see mlx.core.atleast_3d
 */
export function atleast3d(a: Operand): NDArray;
export function atleast3d(...arrays: readonly Operand[]): NDArray | NDArray[];
export function atleast3d(...arrays: readonly Operand[]): NDArray | NDArray[] {
  return atleast("atleast3d", arrays, (s) => {
    if (s.length === 2) return [...s, 1];
    return s.length < 2 ? [1, s[0] ?? 1, 1] : s;
  });
}

export interface SplitOptions {
  readonly axis?: number;
}

/**
 * Pieces along an axis: as many as a number says, of equal length, or cut before each of the given positions.
 *
 * @throws ShapeError when the axis is out of range or does not divide
 * @example mx.split(mx.arange(6), 3).map((x) => x.tolist()) // [[0, 1], [2, 3], [4, 5]]
 * @see mlx.core.split
 */
export function split(
  a: Operand,
  indicesOrSections: number | readonly number[],
  axis?: number | SplitOptions,
): NDArray[] {
  const n = nodeOf("split", a);
  const o = readPositional<SplitOptions>("split", "axis", axis, undefined, ["axis"]);
  const d = normalizeAxis("split", o.axis ?? 0, n.shape.length);
  const length = n.shape[d] ?? 0;
  if (typeof indicesOrSections !== "number") {
    // Out-of-range positions clamp; a piece that would end before it starts is empty.
    const cuts = requireIntegers("split", "positions", indicesOrSections).map((i) =>
      Math.min(Math.max(i < 0 ? i + length : i, 0), length),
    );
    return [0, ...cuts].map((from, k) =>
      wrap(p.sliceAxis(n, d, from, Math.max(cuts[k] ?? length, from))),
    );
  }
  if (!Number.isInteger(indicesOrSections) || indicesOrSections <= 0) {
    throw new ArgumentError(
      `[split] expected a positive number of pieces, got ${describe(indicesOrSections)}`,
    );
  }
  if (length % indicesOrSections !== 0) {
    throw new ShapeError(
      `[split] expected axis ${d} of shape ${showShape(n.shape)} to divide into ${indicesOrSections} equal pieces: pass positions instead`,
    );
  }
  const size = length / indicesOrSections;
  return Array.from({ length: indicesOrSections }, (_, k) =>
    wrap(p.sliceAxis(n, d, k * size, (k + 1) * size)),
  );
}

/**
 * The arrays along an axis, without it.
 *
 * @throws ShapeError when the axis is out of range
 * @example mx.unstack(mx.array([[1, 2], [3, 4]])).map((x) => x.tolist()) // [[1, 2], [3, 4]]
 * @see mlx.core.unstack
 */
export function unstack(a: Operand, options?: SplitOptions): NDArray[] {
  const n = nodeOf("unstack", a);
  const { axis = 0 } = readOptions<SplitOptions>("unstack", options, ["axis"]);
  const d = normalizeAxis("unstack", axis, n.shape.length);
  const rest = n.shape.filter((_, k) => k !== d);
  return Array.from({ length: n.shape[d] ?? 0 }, (_, i) =>
    wrap(p.reshape(p.sliceAxis(n, d, i, i + 1), rest)),
  );
}

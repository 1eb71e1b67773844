/** What transforms take: lengths, axes and a norm, checked, and arrays cut or padded to lengths. */
import { ArgumentError, IndexError, ShapeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { normalizeAxis, showShape } from "../core/shape.js";
import type { Node } from "../graph/node.js";
import * as p from "../primitives/index.js";

/**
 * Which direction is divided by the number of points: the inverse ("backward"), the forward one, or both by its root
 * ("ortho").
 */
export type Norm = "backward" | "ortho" | "forward";

/** The power of the number of points by which a transform divides. */
export const powerOf = (op: string, norm: unknown, inverse: boolean): 0 | 0.5 | 1 => {
  switch (norm) {
    case undefined:
    case "backward":
      return inverse ? 1 : 0;
    case "forward":
      return inverse ? 0 : 1;
    case "ortho":
      return 0.5;
    default:
      throw new ArgumentError(
        `[fft.${op}] expected "backward", "ortho" or "forward" as norm, got ${describe(norm)}`,
      );
  }
};

/** A number of points from 1 on. */
export const readPoints = (op: string, n: unknown): number => {
  if (typeof n !== "number" || !Number.isInteger(n))
    throw new ArgumentError(
      `[fft.${op}] expected a whole number of points, got ${describe(n)}: pass 8, say`,
    );
  if (n < 1)
    throw new ShapeError(`[fft.${op}] expected one point or more along each axis, got ${n}`);
  return n;
};

/** Places along axes, as given: the last is that of real transforms. */
export const readAxes = (
  op: string,
  axes: readonly number[] | null | undefined,
  ndim: number,
): readonly number[] => {
  if (axes === null || axes === undefined) return Array.from({ length: ndim }, (_, d) => d);
  if (!Array.isArray(axes))
    throw new ArgumentError(
      `[fft.${op}] expected a list of axes, got ${describe(axes)}: pass [0, 1], say`,
    );
  const places = axes.map((axis) => normalizeAxis(`fft.${op}`, axis, ndim, IndexError));
  if (new Set(places).size !== places.length)
    throw new ShapeError(
      `[fft.${op}] expected each axis once, got ${showShape(axes)}: remove the second`,
    );
  return places;
};

/** One number of points per axis; null where there is none given. */
export const readLengths = (
  op: string,
  s: readonly number[] | null | undefined,
  axes: readonly number[],
): readonly (number | null)[] => {
  if (s === null || s === undefined) return axes.map(() => null);
  if (!Array.isArray(s) || s.length !== axes.length)
    throw new ArgumentError(
      `[fft.${op}] expected as many lengths as axes, got ${describe(s)} for ${axes.length} axes: pass one per axis`,
    );
  return s.map((n) => readPoints(op, n));
};

/** The first `length` elements along an axis, with zeros behind them where there are fewer. */
export const fitted = (x: Node, axis: number, length: number): Node => {
  const size = x.shape[axis] ?? 0;
  if (size > length) return p.sliceAxis(x, axis, 0, length);
  if (size === length) return x;
  const none = x.shape.map(() => 0);
  return p.padTo(
    x,
    none,
    none,
    x.shape.map((n, d) => (d === axis ? length : n)),
  );
};

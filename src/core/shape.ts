/** Arithmetic of shapes, axes and strides, with errors that name the operation. */
import { ArgumentError, type CotangentError, IndexError, ShapeError } from "./errors.js";
import { describe } from "./guards.js";
import { requireIntegers } from "./require.js";

type Shape = readonly number[];

/** `[2, 3]`, for messages. */
export const showShape = (shape: Shape): string =>
  Array.isArray(shape) ? `[${shape.join(", ")}]` : describe(shape);

/** Which error an axis out of range is: MLX has IndexError for reductions and a few more, else ShapeError. */
export type AxisError = new (message: string) => CotangentError;

/**
 * The shape that two shapes broadcast to.
 *
 * @throws ShapeError when two lengths differ and neither is 1
 */
export const broadcastPair = (op: string, a: Shape, b: Shape): Shape => {
  const ndim = Math.max(a.length, b.length);
  if (isSame(a, b)) return a;
  const out: number[] = [];
  for (let d = 0; d < ndim; d++) {
    const x = a[d - ndim + a.length] ?? 1;
    const y = b[d - ndim + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new ShapeError(
        `[${op}] expected shapes that broadcast, got ${showShape(a)} and ${showShape(b)}: ` +
          `axis ${d - ndim} has lengths ${x} and ${y}, make them equal or one of them 1`,
      );
    }
    out.push(x === 1 ? y : x);
  }
  return out;
};

const isSame = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((x, i) => x === b[i]);

/**
 * The shape that all shapes broadcast to; `[]` for none.
 *
 * @throws ShapeError when two lengths along an axis differ and neither is 1
 */
export const broadcastShapes = (op: string, ...shapes: readonly Shape[]): Shape => {
  let out: Shape = [];
  for (const shape of shapes) out = broadcastPair(op, out, shape);
  return out;
};

/** Whether `from` can be broadcast to exactly `to`. */
export const broadcastsTo = (from: Shape, to: Shape): boolean => {
  const skip = to.length - from.length;
  return skip >= 0 && from.every((x, d) => x === 1 || x === to[d + skip]);
};

/**
 * An axis as a number from 0 to ndim-1; negative ones count from the end.
 *
 * @throws ArgumentError when it is not a whole number, `Wrong` (default ShapeError) when it is out of range
 */
export const normalizeAxis = (
  op: string,
  axis: number,
  ndim: number,
  Wrong: AxisError = ShapeError,
): number => {
  const given: unknown = axis;
  if (typeof given !== "number" || !Number.isInteger(given)) {
    throw new ArgumentError(
      `[${op}] expected a whole number as axis, got ${describe(given)}: pass 0, say`,
    );
  }
  const at = given < 0 ? given + ndim : given;
  if (at >= 0 && at < ndim) return at;
  const cure = ndim === 0 ? "a 0-d array has no axes" : `use ${-ndim} to ${ndim - 1}`;
  throw new Wrong(
    `[${op}] expected an axis of an array with ${ndim} dimensions, got ${given}: ${cure}`,
  );
};

/**
 * Axes as ascending numbers; null and undefined give all of them. Reductions raise IndexError for an axis out of range.
 *
 * @throws ShapeError for an axis given twice, `Wrong` (default IndexError) for one out of range
 */
export const normalizeAxes = (
  op: string,
  axes: number | readonly number[] | null | undefined,
  ndim: number,
  Wrong: AxisError = IndexError,
): number[] => {
  if (axes === null || axes === undefined) return Array.from({ length: ndim }, (_, d) => d);
  const list = typeof axes === "number" ? [axes] : axes;
  if (!Array.isArray(list)) {
    throw new ArgumentError(
      `[${op}] expected an axis or a list of axes, got ${describe(axes)}: pass 0 or [0, 1], say`,
    );
  }
  const out = list.map((a) => normalizeAxis(op, a, ndim, Wrong)).sort((a, b) => a - b);
  for (let i = 1; i < out.length; i++) {
    if (out[i] === out[i - 1]) {
      throw new ShapeError(
        `[${op}] expected each axis once, got axis ${out[i]} twice in ${showShape(list)}: remove one`,
      );
    }
  }
  return out;
};

/**
 * A shape as given by a user: one length or a list of lengths, each a whole number from 0.
 *
 * @throws ArgumentError when it is something else, ShapeError for a negative length
 */
export const readShape = (op: string, shape: number | Shape): number[] => {
  const given: unknown = typeof shape === "number" ? [shape] : shape;
  if (!Array.isArray(given) || !given.every((n) => Number.isInteger(n))) {
    throw new ArgumentError(
      `[${op}] expected a shape, got ${describe(shape)}: pass a list of whole numbers like [2, 3]`,
    );
  }
  const list = given.map(Number);
  if (list.some((n) => n < 0)) {
    throw new ShapeError(
      `[${op}] expected lengths from 0, got shape ${showShape(list)}: remove the negative one`,
    );
  }
  return list;
};

/** Row-major strides in elements. */
export const stridesOf = (shape: Shape): number[] => {
  const strides: number[] = new Array(shape.length).fill(1);
  for (let d = shape.length - 2; d >= 0; d--)
    strides[d] = (strides[d + 1] ?? 1) * (shape[d + 1] ?? 1);
  return strides;
};

/** `shape` without `axes` (ascending), or with length 1 there. */
export const reducedShape = (
  shape: Shape,
  axes: readonly number[],
  keepdims: boolean,
): number[] => {
  const out: number[] = [];
  for (const [d, n] of shape.entries()) {
    if (!axes.includes(d)) out.push(n);
    else if (keepdims) out.push(1);
  }
  return out;
};

/**
 * A target shape of `reshape` with its one -1 worked out.
 *
 * @throws ShapeError when the sizes differ, or -1 is ambiguous or given twice
 */
export const inferShape = (op: string, from: Shape, to: Shape): number[] => {
  if (!Array.isArray(to)) requireIntegers(op, "a shape", to);
  const size = from.reduce((a, b) => a * b, 1);
  const fail = (why: string): ShapeError =>
    new ShapeError(
      `[${op}] expected a shape of ${size} elements, got ${showShape(to)} from ${showShape(from)}: ${why}`,
    );
  let known = 1;
  let hole = -1;
  for (const [d, n] of to.entries()) {
    if (!Number.isInteger(n) || n < -1) throw fail("lengths are whole numbers from 0, or -1 once");
    if (n !== -1) known *= n;
    else if (hole >= 0) throw fail("use -1 once");
    else hole = d;
  }
  const out = [...to];
  if (hole >= 0) {
    if (known === 0) throw fail("-1 is ambiguous next to a length of 0");
    if (size % known !== 0) throw fail(`${size} is not a multiple of ${known}`);
    out[hole] = size / known;
  } else if (known !== size) throw fail("the number of elements must stay the same");
  return out;
};

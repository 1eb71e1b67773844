/** Fourier transforms along one axis, two, or any. */
import { ArgumentError, ShapeError } from "../core/errors.js";
import { readPositional } from "../core/options.js";
import type { NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import { nodeOf, type Operand, wrap } from "../ops/operand.js";
import { type Norm, powerOf, readAxes, readLengths } from "./arguments.js";
import { complexNode, fromHalfNode, type Plan, realNode } from "./nodes.js";

export interface FftOptions {
  /** So many elements are transformed: the first ones, or all with zeros behind them. */
  readonly n?: number | null;
  /** The last one by default. */
  readonly axis?: number;
  readonly norm?: Norm;
}

export interface FftnOptions {
  /** How many elements along each of `axes`, which has to be given too where it has no default. */
  readonly s?: readonly number[] | null;
  readonly axes?: readonly number[] | null;
  readonly norm?: Norm;
}

type Points = number | null | FftOptions;
type Sizes = readonly number[] | null | FftnOptions;

const planOf = (
  op: string,
  x: Node,
  n: Points | undefined,
  rest: FftOptions | undefined,
  inverse: boolean,
): Plan => {
  const names = ["n", "axis", "norm"] as const;
  const o = readPositional<FftOptions>(`fft.${op}`, "n", n, rest, names);
  const power = powerOf(op, o.norm, inverse);
  const axes = readAxes(op, [o.axis ?? -1], x.shape.length);
  const lengths = readLengths(op, o.n === null || o.n === undefined ? null : [o.n], axes);
  return { op, axes, lengths, power };
};

const planOver = (
  op: string,
  x: Node,
  s: Sizes | undefined,
  rest: FftnOptions | undefined,
  inverse: boolean,
  usual: readonly number[] | null,
): Plan => {
  const names = ["s", "axes", "norm"] as const;
  const o = readPositional<FftnOptions>(`fft.${op}`, "s", s, rest, names);
  const power = powerOf(op, o.norm, inverse);
  if (x.shape.length === 0)
    throw new ShapeError(`[fft.${op}] expected at least one axis, got a 0-d array: reshape it`);
  const given = o.axes ?? usual;
  if (given === null && o.s !== undefined && o.s !== null)
    throw new ArgumentError(`[fft.${op}] expected axes beside s, got none: pass axes as well`);
  const axes = readAxes(op, given, x.shape.length);
  return { op, axes, lengths: readLengths(op, o.s, axes), power };
};

/**
 * The discrete Fourier transform along an axis, X_k = Σ over j of x_j · e^(−2πi·j·k/n), in complex64, of any number of points. Sums are
 * taken in double precision.
 *
 * @throws ShapeError for less than one point, IndexError for an axis out of range, ArgumentError for an unknown norm
 * @example mx.fft.fft(mx.array([1, 2])).tolist() // [{ re: 3, im: 0 }, { re: -1, im: 0 }]
 * @see mlx.core.fft.fft
 */
export function fft(a: Operand, n?: Points, options?: FftOptions): NDArray {
  const x = nodeOf("fft.fft", a);
  const plan = planOf("fft", x, n, options, false);
  return wrap(complexNode(x, plan, false));
}

/**
 * The inverse of {@link fft}: x_j = 1/n · Σ over k of X_k · e^(2πi·j·k/n), in complex64.
 *
 * @throws ShapeError for less than one point, IndexError for an axis out of range, ArgumentError for an unknown norm
 * @example mx.fft.ifft(mx.array([3, -1])).tolist() // [{ re: 1, im: 0 }, { re: 2, im: 0 }]
 * @see mlx.core.fft.ifft
 */
export function ifft(a: Operand, n?: Points, options?: FftOptions): NDArray {
  const x = nodeOf("fft.ifft", a);
  const plan = planOf("ifft", x, n, options, true);
  return wrap(complexNode(x, plan, true));
}

/**
 * The first ⌊n/2⌋ + 1 coefficients of the transform of real numbers, which determine the others: those are conjugates of
 * them. The imaginary part of complex input is dropped.
 *
 * @throws ShapeError for less than one point, IndexError for an axis out of range, ArgumentError for an unknown norm
 * @example mx.fft.rfft(mx.array([1, 2, 3, 4])).tolist() // [{ re: 10, im: 0 }, { re: -2, im: 2 }, { re: -2, im: 0 }]
 * @see mlx.core.fft.rfft
 */
export function rfft(a: Operand, n?: Points, options?: FftOptions): NDArray {
  const x = nodeOf("fft.rfft", a);
  const plan = planOf("rfft", x, n, options, false);
  return wrap(realNode(x, plan));
}

/**
 * The inverse of {@link rfft}: `n` real numbers (float32) from their first ⌊n/2⌋ + 1 coefficients; 2·(size − 1) of them by
 * default. The imaginary parts of the first coefficient and, where n is even, of the last do not count.
 *
 * @throws ShapeError for less than one point, IndexError for an axis out of range, ArgumentError for an unknown norm
 * @example mx.fft.irfft(mx.array([10, -2, -2])).tolist() // [1, 3, 3, 3]
 * @see mlx.core.fft.irfft
 */
export function irfft(a: Operand, n?: Points, options?: FftOptions): NDArray {
  const x = nodeOf("fft.irfft", a);
  const plan = planOf("irfft", x, n, options, true);
  return wrap(fromHalfNode(x, plan));
}

/**
 * {@link fft} along two axes, the last ones by default.
 *
 * @throws ShapeError for less than one point or an axis given twice, IndexError for an axis out of range, ArgumentError for an
 * unknown norm, or lengths that do not belong to axes
 * @example mx.real(mx.fft.fft2(mx.array([[1, 2], [3, 4]]))).tolist() // [[10, -2], [-4, 0]]
 * @see mlx.core.fft.fft2
 */
export function fft2(a: Operand, s?: Sizes, options?: FftnOptions): NDArray {
  const x = nodeOf("fft.fft2", a);
  const plan = planOver("fft2", x, s, options, false, [-2, -1]);
  return wrap(complexNode(x, plan, false));
}

/**
 * The inverse of {@link fft2}.
 *
 * @throws ShapeError for less than one point or an axis given twice, IndexError for an axis out of range, ArgumentError for an
 * unknown norm, or lengths that do not belong to axes
 * @example mx.real(mx.fft.ifft2(mx.array([[10, -2], [-4, 0]]))).tolist() // [[1, 2], [3, 4]]
 * @see mlx.core.fft.ifft2
 */
export function ifft2(a: Operand, s?: Sizes, options?: FftnOptions): NDArray {
  const x = nodeOf("fft.ifft2", a);
  const plan = planOver("ifft2", x, s, options, true, [-2, -1]);
  return wrap(complexNode(x, plan, true));
}

/**
 * {@link rfft} along the last of two axes and {@link fft} along the other; the last two by default.
 *
 * @throws ShapeError for less than one point or an axis given twice, IndexError for an axis out of range, ArgumentError for an
 * unknown norm, or lengths that do not belong to axes
 * @example mx.real(mx.fft.rfft2(mx.array([[1, 2], [3, 4]]))).tolist() // [[10, -2], [-4, 0]]
 * @see mlx.core.fft.rfft2
 */
export function rfft2(a: Operand, s?: Sizes, options?: FftnOptions): NDArray {
  const x = nodeOf("fft.rfft2", a);
  const plan = planOver("rfft2", x, s, options, false, [-2, -1]);
  return wrap(realNode(x, plan));
}

/**
 * The inverse of {@link rfft2}.
 *
 * @throws ShapeError for less than one point or an axis given twice, IndexError for an axis out of range, ArgumentError for an
 * unknown norm, or lengths that do not belong to axes
 * @example mx.fft.irfft2(mx.array([[10, -2], [-4, 0]])).tolist() // [[1, 2], [3, 4]]
 * @see mlx.core.fft.irfft2
 */
export function irfft2(a: Operand, s?: Sizes, options?: FftnOptions): NDArray {
  const x = nodeOf("fft.irfft2", a);
  const plan = planOver("irfft2", x, s, options, true, [-2, -1]);
  return wrap(fromHalfNode(x, plan));
}

/**
 * {@link fft} along all axes, or those given.
 *
 * @throws ShapeError for less than one point or an axis given twice, IndexError for an axis out of range, ArgumentError for an
 * unknown norm, or lengths that do not belong to axes
 * @example mx.fft.fftn(mx.ones([2, 2, 2])).size // 8
 * @see mlx.core.fft.fftn
 */
export function fftn(a: Operand, s?: Sizes, options?: FftnOptions): NDArray {
  const x = nodeOf("fft.fftn", a);
  const plan = planOver("fftn", x, s, options, false, null);
  return wrap(complexNode(x, plan, false));
}

/**
 * The inverse of {@link fftn}.
 *
 * @throws ShapeError for less than one point or an axis given twice, IndexError for an axis out of range, ArgumentError for an
 * unknown norm, or lengths that do not belong to axes
 * @example mx.real(mx.fft.ifftn(mx.ones([2, 2]))).tolist() // [[1, 0], [0, 0]]
 * @see mlx.core.fft.ifftn
 */
export function ifftn(a: Operand, s?: Sizes, options?: FftnOptions): NDArray {
  const x = nodeOf("fft.ifftn", a);
  const plan = planOver("ifftn", x, s, options, true, null);
  return wrap(complexNode(x, plan, true));
}

/**
 * {@link rfft} along the last axis, or the last of those given, and {@link fft} along the others.
 *
 * @throws ShapeError for less than one point or an axis given twice, IndexError for an axis out of range, ArgumentError for an
 * unknown norm, or lengths that do not belong to axes
 * @example mx.fft.rfftn(mx.ones([2, 3, 4])).shape // [2, 3, 3]
 * @see mlx.core.fft.rfftn
 */
export function rfftn(a: Operand, s?: Sizes, options?: FftnOptions): NDArray {
  const x = nodeOf("fft.rfftn", a);
  const plan = planOver("rfftn", x, s, options, false, null);
  return wrap(realNode(x, plan));
}

/**
 * The inverse of {@link rfftn}.
 *
 * @throws ShapeError for less than one point or an axis given twice, IndexError for an axis out of range, ArgumentError for an
 * unknown norm, or lengths that do not belong to axes
 * @example mx.fft.irfftn(mx.ones([2, 3, 3])).shape // [2, 3, 4]
 * @see mlx.core.fft.irfftn
 */
export function irfftn(a: Operand, s?: Sizes, options?: FftnOptions): NDArray {
  const x = nodeOf("fft.irfftn", a);
  const plan = planOver("irfftn", x, s, options, true, null);
  return wrap(fromHalfNode(x, plan));
}

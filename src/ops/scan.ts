/** Running sums, products and extrema, and differences, along an axis. */
import { bool, complex64, type DType, int32 } from "../core/dtype.js";
import { ArgumentError } from "../core/errors.js";
import { readPositional } from "../core/options.js";
import { atLeastFloat } from "../core/promotion.js";
import { normalizeAxis } from "../core/shape.js";
import type { NDArray } from "../graph/array.js";
import { type Node, sizeOf } from "../graph/node.js";
import * as p from "../primitives/index.js";
import { doubling } from "./extremum.js";
import { castTo, nodeOf, type Operand, wrap } from "./operand.js";

export interface ScanOptions {
  /** The axis, or null for the flattened array. */
  readonly axis?: number | null;
  /** From the end. */
  readonly reverse?: boolean;
  /** Whether the result at a place takes part of the element there. */
  readonly inclusive?: boolean;
}

export interface SumScanOptions extends ScanOptions {
  readonly dtype?: DType | null;
}

type Build = (n: Node, attrs: p.ScanAttrs) => Node;

const names = ["axis", "reverse", "inclusive"] as const;

const scan = (op: string, n: Node, o: Partial<ScanOptions>, build: Build): NDArray => {
  const flat = o.axis === undefined || o.axis === null;
  const x = flat ? p.reshape(n, [sizeOf(n.shape)]) : n;
  const axis = normalizeAxis(op, o.axis ?? 0, x.shape.length);
  return wrap(build(x, { axis, reverse: o.reverse ?? false, exclusive: o.inclusive === false }));
};

const sumScan = (
  op: string,
  a: Operand,
  axis: number | null | SumScanOptions | undefined,
  options: SumScanOptions | undefined,
  build: Build,
  own: (d: DType) => DType,
): NDArray => {
  const o = readPositional<SumScanOptions>(op, "axis", axis, options, [...names, "dtype"]);
  const n = nodeOf(op, a);
  return scan(op, castTo(n, o.dtype ?? own(n.dtype)), o, build);
};

const otherScan = (
  op: string,
  a: Operand,
  axis: number | null | ScanOptions | undefined,
  options: ScanOptions | undefined,
  build: Build,
): NDArray => {
  const o = readPositional<ScanOptions>(op, "axis", axis, options, names);
  return scan(op, nodeOf(op, a), o, build);
};

/**
 * Running sum along an axis, of the flattened array without one. Keeps the dtype, save bool, which gives int32.
 *
 * @throws ShapeError for an axis out of range
 * @example mx.cumsum(mx.array([1, 2, 3])).tolist() // [1, 3, 6]
 * @see mlx.core.cumsum
 */
export function cumsum(
  a: Operand,
  axis?: number | null | SumScanOptions,
  options?: SumScanOptions,
): NDArray {
  return sumScan("cumsum", a, axis, options, p.cumsum, (d) => (d === bool ? int32 : d));
}

/** @see cumsum */
export const cumulativeSum: typeof cumsum = cumsum;

/**
 * Running product along an axis, of the flattened array without one. Keeps the dtype.
 *
 * @throws ShapeError for an axis out of range
 * @example mx.cumprod(mx.array([1, 2, 3])).tolist() // [1, 2, 6]
 * @see mlx.core.cumprod
 */
export function cumprod(
  a: Operand,
  axis?: number | null | SumScanOptions,
  options?: SumScanOptions,
): NDArray {
  return sumScan("cumprod", a, axis, options, p.cumprod, (d) => d);
}

/** @see cumprod */
export const cumulativeProd: typeof cumprod = cumprod;

/**
 * Running maximum along an axis, of the flattened array without one; NaN propagates.
 *
 * @throws ShapeError for an axis out of range
 * @example mx.cummax(mx.array([1, 3, 2])).tolist() // [1, 3, 3]
 * @see mlx.core.cummax
 */
export function cummax(
  a: Operand,
  axis?: number | null | ScanOptions,
  options?: ScanOptions,
): NDArray {
  return otherScan("cummax", a, axis, options, (n, attrs) =>
    n.dtype === complex64 ? complexMax(n, attrs) : p.cummax(n, attrs),
  );
}

/**
 * Running minimum along an axis, of the flattened array without one; NaN propagates.
 *
 * @throws ShapeError for an axis out of range
 * @example mx.cummin(mx.array([3, 1, 2])).tolist() // [3, 1, 1]
 * @see mlx.core.cummin
 */
export function cummin(
  a: Operand,
  axis?: number | null | ScanOptions,
  options?: ScanOptions,
): NDArray {
  return otherScan("cummin", a, axis, options, (n, attrs) =>
    n.dtype === complex64 ? complexMin(n, attrs) : p.cummin(n, attrs),
  );
}

export interface DiffOptions {
  /** How often differences are taken. */
  readonly n?: number;
  readonly axis?: number;
}

/**
 * Differences of neighbours along an axis, `n` times over; the axis gets shorter by `n`.
 *
 * @throws ArgumentError for a negative n, ShapeError for an axis out of range
 * @example mx.diff(mx.array([1, 4, 9])).tolist() // [3, 5]
 * @see mlx.core.diff
 */
export function diff(a: Operand, n?: number | DiffOptions, options?: DiffOptions): NDArray {
  const o = readPositional<DiffOptions>("diff", "n", n, options, ["n", "axis"]);
  let x = nodeOf("diff", a);
  const times = o.n ?? 1;
  if (!Number.isInteger(times) || times < 0) {
    throw new ArgumentError(`[diff] expected a number of times from 0, got ${times}`);
  }
  const axis = normalizeAxis("diff", o.axis ?? -1, x.shape.length);
  for (let i = 0; i < times; i++) {
    const length = x.shape[axis] ?? 0;
    const high = p.sliceAxis(x, axis, Math.min(1, length), length);
    const low = p.sliceAxis(x, axis, 0, Math.max(length - 1, 0));
    x = x.dtype === bool ? p.bitwiseXor(high, low) : p.subtract(high, low);
  }
  return wrap(x);
}

/** Elements that are scanned by doubling; longer rows are cut into blocks of so many. */
const blockLength = 16;

/** A running combination: inside blocks by doubling, then of what comes before each block. */
const running = (
  x: Node,
  axis: number,
  combine: (a: Node, b: Node) => Node,
  start: p.ConstantValue,
): Node => {
  const length = x.shape[axis] ?? 0;
  if (length <= 4 * blockLength) return doubling(x, axis, combine);
  const blocks = Math.ceil(length / blockLength);
  const missing = p.constantLike(p.sliceAxis(x, axis, 0, blocks * blockLength - length), start);
  const [outer, inner] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  const shape = [...outer, blocks, blockLength, ...inner];
  const inside = doubling(p.reshape(p.concatenate([x, missing], axis), shape), axis + 1, combine);
  const last = p.sliceAxis(inside, axis + 1, blockLength - 1, blockLength);
  const totals = p.reshape(last, [...outer, blocks, ...inner]);
  const first = p.constantLike(p.sliceAxis(totals, axis, 0, 1), start);
  const shifted = p.concatenate([first, p.sliceAxis(totals, axis, 0, blocks - 1)], axis);
  const before = running(shifted, axis, combine, start);
  const dims = shape.map((_, d) => d).filter((d) => d !== axis + 1);
  const whole = combine(inside, p.broadcast(before, shape, dims));
  const flat = p.reshape(whole, [...outer, blocks * blockLength, ...inner]);
  return p.sliceAxis(flat, axis, 0, length);
};

/** A scan by doubling, for what has no routine: `start` is the combination of nothing. */
const doubled =
  (combine: (a: Node, b: Node) => Node, start: p.ConstantValue): Build =>
  (n, attrs) => {
    const { axis } = attrs;
    const length = n.shape[axis] ?? 0;
    const turned = n.shape.map((_, d) => attrs.reverse && d === axis);
    let x = p.flip(n, turned);
    if (attrs.exclusive && length > 0) {
      const first = p.constantLike(p.sliceAxis(x, axis, 0, 1), start);
      x = p.concatenate([first, p.sliceAxis(x, axis, 0, length - 1)], axis);
    }
    return p.flip(running(x, axis, combine, start), turned);
  };

const logScan = doubled(p.logaddexp, Number.NEGATIVE_INFINITY);
const low = Number.NEGATIVE_INFINITY;
const high = Number.POSITIVE_INFINITY;
const complexMax = doubled(p.maximum, { re: low, im: low });
const complexMin = doubled(p.minimum, { re: high, im: high });

/**
 * Running log(sum(exp(a))) along an axis, of the flattened array without one. Integers keep their dtype.
 *
 * @throws ShapeError for an axis out of range
 * @example mx.logcumsumexp(mx.array([0, 0])).shape // [2]
 * @see mlx.core.logcumsumexp
 */
export function logcumsumexp(
  a: Operand,
  axis?: number | null | ScanOptions,
  options?: ScanOptions,
): NDArray {
  return otherScan("logcumsumexp", a, axis, options, (n, attrs) =>
    p.cast(logScan(p.cast(n, atLeastFloat(n.dtype)), attrs), n.dtype),
  );
}

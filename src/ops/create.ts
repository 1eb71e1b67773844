/** Arrays made from nothing but numbers: constants, ranges, grids. */

import {
  bool,
  type DType,
  dtypes,
  float32,
  float64,
  int32,
  int64,
  isInteger,
} from "../core/dtype.js";
import { ArgumentError, DTypeError } from "../core/errors.js";
import { describe, isPlainObject, isScalar } from "../core/guards.js";
import { readOptions, readPositional } from "../core/options.js";
import { checkScalarFits, promote, scalarDtype, weakDtype } from "../core/promotion.js";
import { requireNumbers } from "../core/require.js";
import { readShape } from "../core/shape.js";
import { NDArray } from "../graph/array.js";
import { type Node, type Shape, sizeOf } from "../graph/node.js";
import * as p from "../primitives/index.js";
import {
  castTo,
  constant,
  like,
  nodeOf,
  type Operand,
  requireScalar,
  spread,
  wrap,
} from "./operand.js";
import { broadcastNode } from "./shape.js";

export interface DTypeOptions {
  readonly dtype?: DType | null;
}

const readDType = (op: string, dtype: DType | null | DTypeOptions | undefined): DType | null =>
  readPositional<DTypeOptions>(op, "dtype", dtype, undefined, ["dtype"]).dtype ?? null;

/**
 * Zeros; float32 by default.
 *
 * @throws ShapeError for a negative length
 * @example mx.zeros([2]).tolist() // [0, 0]
 * @see mlx.core.zeros
 */
export function zeros(shape: number | Shape, dtype?: DType | null | DTypeOptions): NDArray {
  return wrap(constant(0, readDType("zeros", dtype) ?? float32, readShape("zeros", shape)));
}

/** @see zeros */
export const empty: typeof zeros = zeros;

/**
 * Ones; float32 by default.
 *
 * @throws ShapeError for a negative length
 * @example mx.ones([2], mx.int32).tolist() // [1, 1]
 * @see mlx.core.ones
 */
export function ones(shape: number | Shape, dtype?: DType | null | DTypeOptions): NDArray {
  return wrap(constant(1, readDType("ones", dtype) ?? float32, readShape("ones", shape)));
}

/**
 * One value, or an array broadcast, in a shape. A number gives float32, a boolean bool. As in MLX, `dtype` is what a weak
 * scalar meets: a fraction next to an integer dtype gives float32, and an array keeps its own dtype.
 *
 * @throws ShapeError for a negative length, or an array that does not broadcast
 * @example mx.full([2], 7).tolist() // [7, 7]
 * @see mlx.core.full
 */
export function full(
  shape: number | Shape,
  vals: Operand,
  dtype?: DType | null | DTypeOptions,
): NDArray {
  const to = readShape("full", shape);
  const hint = readDType("full", dtype);
  if (vals instanceof NDArray) return wrap(broadcastNode("full", vals.node, to));
  requireScalar("full", vals);
  const d = hint === null ? scalarDtype(vals) : promote(weakDtype(vals, hint), hint);
  checkScalarFits("full", vals, d);
  return wrap(constant(vals, d, to));
}

/**
 * Zeros in the shape and dtype of an array.
 *
 * @example mx.zerosLike(mx.ones([2])).tolist() // [0, 0]
 * @see mlx.core.zeros_like
 */
export function zerosLike(a: Operand, dtype?: DType | null | DTypeOptions): NDArray {
  const n = nodeOf("zerosLike", a);
  return wrap(constant(0, readDType("zerosLike", dtype) ?? n.dtype, n.shape));
}

/** @see zerosLike */
export const emptyLike: typeof zerosLike = zerosLike;

/**
 * Ones in the shape and dtype of an array.
 *
 * @example mx.onesLike(mx.zeros([2])).tolist() // [1, 1]
 * @see mlx.core.ones_like
 */
export function onesLike(a: Operand, dtype?: DType | null | DTypeOptions): NDArray {
  const n = nodeOf("onesLike", a);
  return wrap(constant(1, readDType("onesLike", dtype) ?? n.dtype, n.shape));
}

/**
 * A value in the shape of an array, cast to its dtype or to `dtype`.
 *
 * @throws ShapeError for an array value that does not broadcast
 * @example mx.fullLike(mx.zeros([2]), 7).tolist() // [7, 7]
 * @see mlx.core.full_like
 */
export function fullLike(a: Operand, vals: Operand, dtype?: DType | null | DTypeOptions): NDArray {
  const n = nodeOf("fullLike", a);
  const d = readDType("fullLike", dtype) ?? n.dtype;
  if (vals instanceof NDArray)
    return wrap(castTo(broadcastNode("fullLike", vals.node, n.shape), d));
  requireScalar("fullLike", vals);
  return wrap(castTo(constant(vals, promote(weakDtype(vals, d), d), n.shape), d));
}

export interface ArangeOptions {
  readonly step?: number | bigint | null;
  readonly dtype?: DType | null;
}

type Num = number | bigint;
const isNum = (x: unknown): x is Num => typeof x === "number" || typeof x === "bigint";
const isDType = (x: unknown): x is DType => dtypes.some((d) => d === x);

/** The dtype of a range without one: whole numbers int32 (int64 where they do not fit), else float32. */
const rangeDType = (values: readonly Num[]): DType => {
  if (!values.every((v) => typeof v === "bigint" || Number.isInteger(v))) return float32;
  return values.every((v) => v >= -(2 ** 31) && v < 2 ** 31) ? int32 : int64;
};

/** Node-level start + i · step. */
const range = (length: number, start: Num, step: Num, dtype: DType): Node => {
  // Half floats step in float32 so that only the result is rounded.
  const work = isInteger(dtype) || dtype === float64 ? dtype : float32;
  const at = p.iota([length], 0, work);
  const scaled = step === 1 || step === 1n ? at : p.multiply(at, like(at, step));
  return castTo(start === 0 || start === 0n ? scaled : p.add(scaled, like(at, start)), dtype);
};

/**
 * start, start + step, … up to stop, which is excluded: `arange(stop)`, `arange(start, stop)`, `arange(start, stop, step)`.
 * int32 when all are whole numbers, else float32. Its length is max(ceil((stop - start) / step), 0).
 *
 * @throws ArgumentError for step 0 or a length that is not finite, DTypeError for bool
 * @example mx.arange(3).tolist() // [0, 1, 2]
 * @see mlx.core.arange
 */
export function arange(stop: Num, options?: ArangeOptions | DType): NDArray;
export function arange(start: Num, stop: Num, options?: ArangeOptions | DType): NDArray;
export function arange(
  start: Num,
  stop: Num,
  step: Num | null,
  options?: ArangeOptions | DType,
): NDArray;
export function arange(...args: readonly unknown[]): NDArray {
  const given = args.filter((x) => x !== undefined);
  const last = given.at(-1);
  const named = isPlainObject(last) || isDType(last);
  const o: Partial<ArangeOptions> = isDType(last)
    ? { dtype: last }
    : readOptions<ArangeOptions>("arange", named ? last : undefined, ["step", "dtype"]);
  const values = (named ? given.slice(0, -1) : given).filter((x) => x !== null);
  const numbers = values.filter(isNum);
  const [first, second, third] = numbers;
  if (first === undefined || numbers.length !== values.length || numbers.length > 3) {
    throw new ArgumentError(
      `[arange] expected a stop, a start and a stop, or both and a step, got ${values.map(describe).join(", ")}`,
    );
  }
  const start = second === undefined ? 0 : first;
  const stop = second ?? first;
  const step = third ?? o.step ?? 1;
  const dtype = o.dtype ?? rangeDType([start, stop, step]);
  if (dtype === bool)
    throw new DTypeError("[arange] expected a numeric dtype, got bool: use int32");
  if (Number(step) === 0) throw new ArgumentError("[arange] expected a step other than 0, got 0");
  const raw = Math.ceil((Number(stop) - Number(start)) / Number(step));
  if (Number.isNaN(raw) || raw === Number.POSITIVE_INFINITY) {
    throw new ArgumentError(
      `[arange] expected a finite length, got start ${start}, stop ${stop}, step ${step}`,
    );
  }
  if (!Number.isFinite(Number(step))) {
    const one = Number(step) > 0 === Number(stop) > Number(start) && stop !== start;
    return wrap(constant(start, dtype, [one ? 1 : 0]));
  }
  return wrap(range(Math.max(raw, 0), start, step, dtype));
}

export interface LinspaceOptions {
  readonly num?: number;
  /** Whether the last value is `stop`. */
  readonly endpoint?: boolean;
  readonly dtype?: DType | null;
}

/**
 * `num` (50 by default) evenly spaced values from start to stop, computed in float32.
 *
 * @throws ArgumentError for a negative number
 * @example mx.linspace(0, 1, 3).tolist() // [0, 0.5, 1]
 * @see mlx.core.linspace
 */
export function linspace(
  start: number,
  stop: number,
  num?: number | LinspaceOptions,
  options?: LinspaceOptions,
): NDArray {
  const o = readPositional<LinspaceOptions>("linspace", "num", num, options, [
    "num",
    "endpoint",
    "dtype",
  ]);
  requireNumbers("linspace", { start, stop });
  const { num: count = 50, endpoint = true } = o;
  const dtype = o.dtype ?? float32;
  if (!Number.isInteger(count) || count < 0) {
    throw new ArgumentError(
      `[linspace] expected a number of samples from 0, got ${describe(count)}`,
    );
  }
  if (count === 1) return wrap(constant(start, dtype, [1]));
  const at = p.iota([count], 0, dtype === float64 ? float64 : float32);
  const t = p.divide(at, like(at, endpoint ? count - 1 : count));
  const low = p.multiply(p.subtract(like(t, 1), t), like(t, start));
  return wrap(castTo(p.add(low, p.multiply(t, like(t, stop))), dtype));
}

export interface MeshgridOptions {
  /** Whether axes of length 1 stay unrepeated. */
  readonly sparse?: boolean;
  /** "xy": the first two axes are exchanged; "ij": they are not. */
  readonly indexing?: "xy" | "ij";
}

const isOperand = (x: unknown): x is Operand => x instanceof NDArray || isScalar(x);

/**
 * Coordinate arrays of a grid, one per given vector.
 *
 * @throws ArgumentError for another indexing than "xy" or "ij"
 * @example mx.meshgrid(mx.arange(2), mx.arange(3)).map((x) => x.shape) // [[3, 2], [3, 2]]
 * @see mlx.core.meshgrid
 */
export function meshgrid(...args: readonly (Operand | MeshgridOptions)[]): NDArray[] {
  const last = args.at(-1);
  const named = last !== undefined && !isOperand(last);
  const o = readOptions<MeshgridOptions>("meshgrid", named ? last : undefined, [
    "sparse",
    "indexing",
  ]);
  const { sparse = false, indexing = "xy" } = o;
  if (indexing !== "xy" && indexing !== "ij") {
    throw new ArgumentError(`[meshgrid] expected indexing "xy" or "ij", got ${describe(indexing)}`);
  }
  const nodes = (named ? args.slice(0, -1) : args).map((a) => {
    if (isOperand(a)) return nodeOf("meshgrid", a);
    throw new ArgumentError(`[meshgrid] expected arrays, got ${describe(a)}: pass vectors`);
  });
  const ndim = nodes.length;
  const place = (i: number): number => (indexing === "xy" && ndim > 1 && i < 2 ? 1 - i : i);
  const shape = new Array<number>(ndim).fill(1);
  nodes.forEach((n, i) => {
    shape[place(i)] = sizeOf(n.shape);
  });
  return nodes.map((n, i) => {
    const own = shape.map((x, d) => (d === place(i) ? x : 1));
    const flat = p.reshape(n, own);
    return wrap(sparse ? flat : spread(flat, shape));
  });
}

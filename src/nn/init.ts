/** `nn.init`: functions that give arrays like others fresh values, random or not. */
import { type DType, float32 } from "../core/dtype.js";
import { ArgumentError, ShapeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readOptions, readPositional } from "../core/options.js";
import { showShape } from "../core/shape.js";
import type { NDArray } from "../graph/array.js";
import { qr } from "../linalg/factor.js";
import { multiply } from "../ops/arithmetic.js";
import { astype } from "../ops/convert.js";
import { type DTypeOptions, full } from "../ops/create.js";
import { array } from "../ops/creation-host.js";
import { diag, eye } from "../ops/diagonal.js";
import { argsort } from "../ops/sort.js";
import { putAlongAxis } from "../ops/take.js";
import { sign } from "../ops/unary.js";
import { normal as normalOf } from "../random/distributions.js";
import { uniform as uniformOf } from "../random/uniform.js";
import { between } from "./parts.js";

/** Makes an array of the shape of another. */
export type Initializer = (a: NDArray) => NDArray;

/** Options of a call of {@link glorotNormal} and {@link glorotUniform}. */
export interface GlorotCallOptions {
  /** Multiplies the values, 1 by default. */
  readonly gain?: number;
}

/** Options of a call of {@link heNormal} and {@link heUniform}. */
export interface HeCallOptions extends GlorotCallOptions {
  /** Whether inputs or outputs are counted; inputs by default. */
  readonly mode?: "fan_in" | "fan_out";
}

const readDtype = (op: string, given: DType | DTypeOptions | undefined): DType =>
  readPositional<DTypeOptions>(op, "dtype", given, undefined, ["dtype"]).dtype ?? float32;

/**
 * Every element `value`.
 *
 * @param dtype float32 by default; also as `{ dtype }`
 * @example nn.init.constant(0.5)(mx.zeros([2])).tolist() // [0.5, 0.5]
 * @see mlx.nn.init.constant
 */
export function constant(value: number, dtype?: DType | DTypeOptions): Initializer {
  const d = readDtype("init.constant", dtype);
  return (a) => full(a.shape, value, d);
}

/** Options of {@link normal}. */
export interface InitNormalOptions extends DTypeOptions {
  readonly mean?: number;
  readonly std?: number;
}

/**
 * Normally distributed numbers.
 *
 * @param mean 0 by default; also in one options object, `{ mean, std, dtype }`, with std 1
 * @example nn.init.normal({ std: 0.02 })(mx.zeros([2, 3])).shape // [2, 3]
 * @see mlx.nn.init.normal
 */
export function normal(
  mean?: number | InitNormalOptions,
  options?: InitNormalOptions,
): Initializer {
  const names = ["mean", "std", "dtype"] as const;
  const o = readPositional<InitNormalOptions>("init.normal", "mean", mean, options, names);
  const { mean: loc = 0, std: scale = 1 } = o;
  const dtype = o.dtype ?? float32;
  return (a) => normalOf({ shape: a.shape, loc, scale, dtype });
}

/** Options of {@link uniform}. */
export interface InitUniformOptions extends DTypeOptions {
  readonly low?: number;
  readonly high?: number;
}

/**
 * Uniform numbers in [low, high).
 *
 * @param low 0 by default; also in one options object, `{ low, high, dtype }`, with high 1
 * @example nn.init.uniform({ low: -1 })(mx.zeros([2, 3])).shape // [2, 3]
 * @see mlx.nn.init.uniform
 */
export function uniform(
  low?: number | InitUniformOptions,
  options?: InitUniformOptions,
): Initializer {
  const names = ["low", "high", "dtype"] as const;
  const o = readPositional<InitUniformOptions>("init.uniform", "low", low, options, names);
  const bounds = { low: o.low ?? 0, high: o.high ?? 1 };
  const dtype = o.dtype ?? float32;
  return (a) => uniformOf({ ...bounds, shape: a.shape, dtype });
}

/**
 * The identity matrix.
 *
 * @throws ShapeError in the call, for an array that is no square matrix
 * @example nn.init.identity()(mx.zeros([2, 2])).tolist() // [[1, 0], [0, 1]]
 * @see mlx.nn.init.identity
 */
export function identity(dtype?: DType | DTypeOptions): Initializer {
  const d = readDtype("init.identity", dtype);
  return (a) => {
    const [rows, columns] = requireMatrix("init.identity", a);
    if (rows === columns) return eye(rows, { dtype: d });
    throw new ShapeError(
      `[init.identity] expected a square matrix, got shape ${showShape(a.shape)}: use another initializer`,
    );
  };
}

const requireMatrix = (op: string, a: NDArray): readonly [number, number] => {
  const [rows = 0, columns = 0] = a.shape;
  if (a.ndim === 2) return [rows, columns];
  throw new ShapeError(
    `[${op}] expected an array with two axes, got shape ${showShape(a.shape)}: reshape it`,
  );
};

/** Numbers of inputs and outputs of each unit: channels last times what lies in between. */
const fans = (op: string, a: NDArray): readonly [fanIn: number, fanOut: number] => {
  if (a.ndim < 2) {
    throw new ShapeError(
      `[${op}] expected an array with at least two axes, got shape ${showShape(a.shape)}: use init.normal or init.uniform`,
    );
  }
  const field = a.shape.slice(1, -1).reduce((n, d) => n * d, 1);
  return [(a.shape.at(-1) ?? 0) * field, (a.shape[0] ?? 0) * field];
};

const readGain = (op: string, options: number | GlorotCallOptions | undefined): number =>
  readPositional<GlorotCallOptions>(op, "gain", options, undefined, ["gain"]).gain ?? 1;

/**
 * Normal numbers with the standard deviation gain · √(2 / (inputs + outputs)). A call takes `{ gain }`, 1 by default.
 *
 * @throws ShapeError in the call, for fewer than two axes
 * @example nn.init.glorotNormal()(mx.zeros([2, 3]), { gain: 2 }).shape // [2, 3]
 * @see mlx.nn.init.glorot_normal
 */
export function glorotNormal(
  dtype?: DType | DTypeOptions,
): (a: NDArray, options?: number | GlorotCallOptions) => NDArray {
  const op = "init.glorotNormal";
  const d = readDtype(op, dtype);
  return (a, options) => {
    const [fanIn, fanOut] = fans(op, a);
    const scale = readGain(op, options) * Math.sqrt(2 / (fanIn + fanOut));
    return normalOf({ shape: a.shape, scale, dtype: d });
  };
}

/**
 * Uniform numbers within gain · √(6 / (inputs + outputs)) of 0. A call takes `{ gain }`, 1 by default.
 *
 * @throws ShapeError in the call, for fewer than two axes
 * @example nn.init.glorotUniform()(mx.zeros([2, 3])).shape // [2, 3]
 * @see mlx.nn.init.glorot_uniform
 */
export function glorotUniform(
  dtype?: DType | DTypeOptions,
): (a: NDArray, options?: number | GlorotCallOptions) => NDArray {
  const op = "init.glorotUniform";
  const d = readDtype(op, dtype);
  return (a, options) => {
    const [fanIn, fanOut] = fans(op, a);
    const high = readGain(op, options) * Math.sqrt(6 / (fanIn + fanOut));
    return uniformOf({ low: -high, high, shape: a.shape, dtype: d });
  };
}

/** gain / √fan, of the fan that the mode names. */
const heScale = (op: string, a: NDArray, options: HeCallOptions | undefined): number => {
  const o = readOptions<HeCallOptions>(op, options, ["mode", "gain"]);
  const { mode = "fan_in", gain = 1 } = o;
  const [fanIn, fanOut] = fans(op, a);
  if (mode === "fan_in") return gain / Math.sqrt(fanIn);
  if (mode === "fan_out") return gain / Math.sqrt(fanOut);
  throw new ArgumentError(
    `[${op}] expected mode "fan_in" or "fan_out", got ${describe(mode)}: pass one of these`,
  );
};

/**
 * Normal numbers with the standard deviation gain / √inputs. A call takes `{ mode, gain }`: mode "fan_out" counts outputs.
 *
 * @throws ShapeError in the call, for fewer than two axes
 * @example nn.init.heNormal()(mx.zeros([2, 3]), { mode: "fan_out" }).shape // [2, 3]
 * @see mlx.nn.init.he_normal
 */
export function heNormal(
  dtype?: DType | DTypeOptions,
): (a: NDArray, options?: HeCallOptions) => NDArray {
  const d = readDtype("init.heNormal", dtype);
  return (a, options) =>
    normalOf({ shape: a.shape, scale: heScale("init.heNormal", a, options), dtype: d });
}

/**
 * Uniform numbers within gain · √(3 / inputs) of 0. A call takes `{ mode, gain }`: mode "fan_out" counts outputs.
 *
 * @throws ShapeError in the call, for fewer than two axes
 * @example nn.init.heUniform()(mx.zeros([2, 3]), { gain: 2 }).shape // [2, 3]
 * @see mlx.nn.init.he_uniform
 */
export function heUniform(
  dtype?: DType | DTypeOptions,
): (a: NDArray, options?: HeCallOptions) => NDArray {
  const d = readDtype("init.heUniform", dtype);
  return (a, options) => {
    const high = heScale("init.heUniform", a, options) * Math.sqrt(3);
    return uniformOf({ low: -high, high, shape: a.shape, dtype: d });
  };
}

/**
 * Normal numbers, of which a part of each row is 0.
 *
 * @param sparsity the part, rounded up to whole elements
 * @param mean 0 by default; also in one options object, `{ mean, std, dtype }`, with std 1
 * @throws ArgumentError for a part outside [0, 1], ShapeError in the call for an array that is no matrix
 * @example nn.init.sparse(0.5)(mx.zeros([3, 4])).equal(0).sum().item() // 6
 * @see mlx.nn.init.sparse
 */
export function sparse(
  sparsity: number,
  mean?: number | InitNormalOptions,
  options?: InitNormalOptions,
): Initializer {
  const op = "init.sparse";
  if (!(sparsity >= 0 && sparsity <= 1)) {
    throw new ArgumentError(
      `[${op}] expected a part from 0 to 1, got ${describe(sparsity)}: pass the part of zeros`,
    );
  }
  const values = normal(mean, options);
  return (a) => {
    const [, columns] = requireMatrix(op, a);
    const zeros = Math.ceil(sparsity * columns);
    const order = argsort(uniformOf({ shape: a.shape }), 1);
    const filled = values(a);
    if (zeros === 0) return filled;
    const chosen = between(order, 1, 0, zeros);
    return putAlongAxis(filled, chosen, array(0, filled.dtype), 1);
  };
}

/** Options of {@link orthogonal}. */
export interface OrthogonalOptions extends DTypeOptions {
  /** Multiplies the values, 1 by default. */
  readonly gain?: number;
}

/**
 * A random matrix with orthonormal rows or columns, whichever there are fewer of.
 *
 * @param gain multiplies the values, 1 by default; also in one options object, `{ gain, dtype }`
 * @throws ShapeError in the call, for an array that is no matrix
 * @example
 * const q = nn.init.orthogonal()(mx.zeros([2, 4]));
 * q.matmul(q.transpose()).shape; // [2, 2]
 * @see mlx.nn.init.orthogonal
 */
export function orthogonal(
  gain?: number | OrthogonalOptions,
  options?: OrthogonalOptions,
): Initializer {
  const op = "init.orthogonal";
  const o = readPositional<OrthogonalOptions>(op, "gain", gain, options, ["gain", "dtype"]);
  const factor = o.gain ?? 1;
  const dtype = o.dtype ?? float32;
  return (a) => {
    const [rows, columns] = requireMatrix(op, a);
    const n = Math.max(rows, columns);
    const [q, r] = qr(normalOf({ shape: [n, n] }));
    // The signs make the distribution uniform over rotations and reflections.
    const fixed = multiply(q, sign(diag(r)));
    const part = between(between(fixed, 0, 0, rows), 1, 0, columns);
    return astype(multiply(part, factor), dtype);
  };
}

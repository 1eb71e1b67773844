/** Uniform numbers, and the booleans and integers made from them. */
import {
  bfloat16,
  type DType,
  float16,
  float32,
  int32,
  isInexact,
  isInteger,
} from "../core/dtype.js";
import { DTypeError, ShapeError } from "../core/errors.js";
import { broadcastsTo, readShape, showShape } from "../core/shape.js";
import type { NDArray } from "../graph/array.js";
import type { Node, Shape } from "../graph/node.js";
import { castTo, constant, like, nodeOf, type Operand, spread, wrap } from "../ops/operand.js";
import * as p from "../primitives/index.js";
import { readArguments } from "./arguments.js";
import { keyOr } from "./state.js";

export interface SampleOptions {
  readonly shape?: number | Shape;
  readonly dtype?: DType | null;
  readonly key?: NDArray | null;
}

/** The dtype of uniform samples, float32 by default. */
export const readFloat = (op: string, dtype: DType | null | undefined): DType => {
  const d = dtype ?? float32;
  if (d.kind !== "float" || d.size > 4) {
    throw new DTypeError(
      `[random.${op}] expected float16, bfloat16 or float32, got ${d.name}: cast the result`,
    );
  }
  return d;
};

/** The largest number below 1: what a value that rounds to 1 becomes. */
const belowOne = (d: DType): number => {
  if (d === float16) return 1 - 2 ** -11;
  return d === bfloat16 ? 1 - 2 ** -8 : 1 - 2 ** -24;
};

/** Random 32-bit words as float32. */
const wordsNode = (key: Node, shape: Shape): Node => castTo(p.randomBits(key, shape, 4), float32);

/** Node-level uniform numbers in [low, high) of a dtype; the bounds broadcast to the shape. */
export const uniformNode = (key: Node, low: Node, high: Node, shape: Shape, dtype: DType): Node => {
  const bits = wordsNode(key, shape);
  const u = p.multiply(bits, like(bits, 2 ** -32));
  const unit = castTo(p.minimum(u, like(u, belowOne(dtype))), dtype);
  const lo = spread(castTo(low, dtype), shape);
  const hi = spread(castTo(high, dtype), shape);
  return p.add(p.multiply(unit, p.subtract(hi, lo)), lo);
};

/** Node-level uniform numbers in [0, 1) of a dtype. */
export const unitNode = (key: Node, shape: Shape, dtype: DType): Node =>
  uniformNode(key, constant(0, dtype), constant(1, dtype), shape, dtype);

/** Node-level uniform numbers in the open interval (-1, 1), float32. */
export const symmetricNode = (key: Node, shape: Shape): Node =>
  uniformNode(key, constant(-1 + 2 ** -24, float32), constant(1, float32), shape, float32);

/** Refuses parameters that do not broadcast to the shape. */
export const requireFit = (op: string, n: Node, shape: Shape): Node => {
  if (!broadcastsTo(n.shape, shape)) {
    throw new ShapeError(
      `[random.${op}] expected parameters that broadcast to shape ${showShape(shape)}, got ${showShape(n.shape)}`,
    );
  }
  return n;
};

export interface UniformOptions extends SampleOptions {
  readonly low?: Operand;
  readonly high?: Operand;
}

/**
 * Uniform numbers in [low, high), by default [0, 1).
 *
 * @throws DTypeError for other dtypes than float16, bfloat16 and float32, ShapeError when the bounds do not fit the shape
 * @example mx.random.uniform({ shape: [2], key: mx.random.key(0) }).shape // [2]
 * @see mlx.core.random.uniform
 */
export function uniform(
  low?: Operand | UniformOptions,
  high?: Operand | UniformOptions,
  shape?: number | Shape | UniformOptions,
  dtype?: DType | UniformOptions,
  options?: UniformOptions,
): NDArray {
  const o = readArguments<UniformOptions>(
    "random.uniform",
    ["low", "high", "shape", "dtype", "key"],
    [low, high, shape, dtype, options],
  );
  const d = readFloat("uniform", o.dtype);
  const size = readShape("random.uniform", o.shape ?? []);
  const lo = requireFit("uniform", nodeOf("random.uniform", o.low ?? 0), size);
  const hi = requireFit("uniform", nodeOf("random.uniform", o.high ?? 1), size);
  return wrap(uniformNode(keyOr("uniform", o.key), lo, hi, size, d));
}

export interface BernoulliOptions {
  readonly p?: Operand;
  readonly shape?: number | Shape | null;
  readonly key?: NDArray | null;
}

/**
 * true with probability p, 0.5 by default; in the shape of p by default.
 *
 * @throws DTypeError for an integer array p, ShapeError when p does not fit the shape
 * @example mx.random.bernoulli(0.5, [4]).dtype === mx.bool // true
 * @see mlx.core.random.bernoulli
 */
export function bernoulli(
  prob?: Operand | BernoulliOptions,
  shape?: number | Shape | null | BernoulliOptions,
  options?: BernoulliOptions,
): NDArray {
  const o = readArguments<BernoulliOptions>(
    "random.bernoulli",
    ["p", "shape", "key"],
    [prob, shape, options],
  );
  const given = nodeOf("random.bernoulli", o.p ?? 0.5);
  if (!isInexact(given.dtype)) {
    throw new DTypeError(
      `[random.bernoulli] expected a floating p, got ${given.dtype.name}: cast it`,
    );
  }
  const size = readShape("random.bernoulli", o.shape ?? given.shape);
  requireFit("bernoulli", given, size);
  const limit = spread(castTo(given, float32), size);
  const bits = wordsNode(keyOr("bernoulli", o.key), size);
  return wrap(p.less(bits, p.multiply(limit, like(limit, 4294967808))));
}

export interface RandintOptions extends SampleOptions {}

/**
 * Whole numbers in [low, high), int32 by default. Drawn through float32, so wide ranges are coarse, as in MLX.
 *
 * @throws DTypeError for an inexact dtype, ShapeError when the bounds do not fit the shape
 * @example mx.random.randint(0, 10, [6], { key: mx.random.key(9) }).tolist() // [4, 2, 6, 4, 3, 4]
 * @see mlx.core.random.randint
 */
export function randint(
  low: Operand,
  high: Operand,
  shape?: number | Shape | RandintOptions,
  dtype?: DType | RandintOptions,
  options?: RandintOptions,
): NDArray {
  const o = readArguments<RandintOptions>(
    "random.randint",
    ["shape", "dtype", "key"],
    [shape, dtype, options],
  );
  const d = o.dtype ?? int32;
  if (!isInteger(d) && d.kind !== "bool") {
    throw new DTypeError(`[random.randint] expected an integer dtype or bool, got ${d.name}`);
  }
  const size = readShape("random.randint", o.shape ?? []);
  const lo = requireFit("randint", nodeOf("random.randint", low), size);
  const hi = requireFit("randint", nodeOf("random.randint", high), size);
  const u = uniformNode(keyOr("randint", o.key), lo, hi, size, float32);
  const x = castTo(p.floor(u), d);
  const top = castTo(p.subtract(hi, like(hi, 1)), d);
  const clamped = p.minimum(x, spread(top, size));
  return wrap(p.maximum(clamped, spread(castTo(lo, d), size)));
}

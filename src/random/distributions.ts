/** Numbers from distributions other than the uniform one, and samples of categories and permutations. */
import { complex64, type DType, float32, uint32 } from "../core/dtype.js";
import { ArgumentError, DTypeError, IndexError, ShapeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { promote } from "../core/promotion.js";
import { broadcastPair, normalizeAxis, readShape, showShape } from "../core/shape.js";
import { NDArray } from "../graph/array.js";
import { type Node, type Shape, sameShape, sizeOf } from "../graph/node.js";
import { castTo, constant, like, nodeOf, type Operand, spread, wrap } from "../ops/operand.js";
import { takeNode } from "../ops/take.js";
import * as p from "../primitives/index.js";
import { readArguments } from "./arguments.js";
import { keyOr } from "./state.js";
import {
  readFloat,
  requireFit,
  type SampleOptions,
  symmetricNode,
  uniformNode,
  unitNode,
} from "./uniform.js";

const requireReal = (op: string, d: DType): void => {
  if (d.kind !== "float") {
    throw new DTypeError(
      `[random.${op}] expected a floating dtype, got ${d.name}: cast the result`,
    );
  }
};

/** scale · x + loc, with parameters that broadcast to the shape. */
const affine = (
  op: string,
  x: Node,
  factor: number,
  scale: Operand | null | undefined,
  loc: Operand | null | undefined,
): Node => {
  const read = (v: Operand): Node =>
    castTo(requireFit(op, nodeOf(`random.${op}`, v), x.shape), x.dtype);
  let k: Node | null = factor === 1 ? null : constant(factor, x.dtype);
  if (scale !== null && scale !== undefined) {
    const s = read(scale);
    k = k === null ? s : p.multiply(spread(k, s.shape), s);
  }
  const scaled = k === null ? x : p.multiply(spread(k, x.shape), x);
  if (loc === null || loc === undefined) return scaled;
  return p.add(scaled, spread(read(loc), x.shape));
};

export interface NormalOptions extends SampleOptions {
  /** Mean, 0 by default. */
  readonly loc?: Operand | null;
  /** Standard deviation, 1 by default. */
  readonly scale?: Operand | null;
}

/**
 * Normally distributed numbers. Complex ones have independent parts of variance ½ each.
 *
 * @throws DTypeError for an integer dtype, ShapeError when loc or scale do not fit the shape
 * @example mx.random.normal([3, 4]).shape // [3, 4]
 * @see mlx.core.random.normal
 */
export function normal(
  shape?: number | Shape | NormalOptions,
  dtype?: DType | NormalOptions,
  loc?: Operand | NormalOptions,
  scale?: Operand | NormalOptions,
  options?: NormalOptions,
): NDArray {
  const o = readArguments<NormalOptions>(
    "random.normal",
    ["shape", "dtype", "loc", "scale", "key"],
    [shape, dtype, loc, scale, options],
  );
  const d = o.dtype ?? float32;
  const size = readShape("random.normal", o.shape ?? []);
  if (d === complex64) {
    const pairs = p.erfinv(symmetricNode(keyOr("normal", o.key), [...size, 2]));
    const part = (i: number): Node => p.reshape(p.sliceAxis(pairs, size.length, i, i + 1), size);
    return wrap(affine("normal", p.complex(part(0), part(1)), 1, o.scale, o.loc));
  }
  requireReal("normal", d);
  const x = castTo(p.erfinv(symmetricNode(keyOr("normal", o.key), size)), d);
  return wrap(affine("normal", x, Math.SQRT2, o.scale, o.loc));
}

/** Node-level Gumbel numbers. */
const gumbelNode = (key: Node, shape: Shape, dtype: DType): Node =>
  p.negative(p.log(p.negative(p.log(unitNode(key, shape, dtype)))));

/**
 * Numbers of the standard Gumbel distribution.
 *
 * @throws DTypeError for other dtypes than float16, bfloat16 and float32
 * @example mx.random.gumbel([3]).shape // [3]
 * @see mlx.core.random.gumbel
 */
export function gumbel(
  shape?: number | Shape | SampleOptions,
  dtype?: DType | SampleOptions,
  options?: SampleOptions,
): NDArray {
  const o = readArguments<SampleOptions>(
    "random.gumbel",
    ["shape", "dtype", "key"],
    [shape, dtype, options],
  );
  const d = readFloat("gumbel", o.dtype);
  return wrap(gumbelNode(keyOr("gumbel", o.key), readShape("random.gumbel", o.shape ?? []), d));
}

export interface LaplaceOptions extends SampleOptions {
  /** Mean, 0 by default. */
  readonly loc?: number;
  /** Scale, 1 by default. */
  readonly scale?: number;
}

/**
 * Numbers of a Laplace distribution.
 *
 * @throws DTypeError for an integer dtype
 * @example mx.random.laplace([3]).shape // [3]
 * @see mlx.core.random.laplace
 */
export function laplace(
  shape?: number | Shape | LaplaceOptions,
  dtype?: DType | LaplaceOptions,
  loc?: number | LaplaceOptions,
  scale?: number | LaplaceOptions,
  options?: LaplaceOptions,
): NDArray {
  const o = readArguments<LaplaceOptions>(
    "random.laplace",
    ["shape", "dtype", "loc", "scale", "key"],
    [shape, dtype, loc, scale, options],
  );
  const d = o.dtype ?? float32;
  requireReal("laplace", d);
  const u = symmetricNode(keyOr("laplace", o.key), readShape("random.laplace", o.shape ?? []));
  const x = castTo(p.multiply(p.sign(u), p.log1p(p.negative(p.abs(u)))), d);
  return wrap(affine("laplace", x, 1, o.scale === 1 ? null : o.scale, o.loc === 0 ? null : o.loc));
}

export interface TruncatedNormalOptions {
  readonly shape?: number | Shape | null;
  readonly dtype?: DType | null;
  readonly key?: NDArray | null;
}

/**
 * Standard normal numbers within [lower, upper]; in the common shape of the bounds by default.
 *
 * @throws DTypeError for an integer dtype, ShapeError when the bounds do not fit the shape
 * @example mx.random.truncatedNormal(-1, 1, [3]).shape // [3]
 * @see mlx.core.random.truncated_normal
 */
export function truncatedNormal(
  lower: Operand,
  upper: Operand,
  shape?: number | Shape | null | TruncatedNormalOptions,
  dtype?: DType | TruncatedNormalOptions,
  options?: TruncatedNormalOptions,
): NDArray {
  const o = readArguments<TruncatedNormalOptions>(
    "random.truncatedNormal",
    ["shape", "dtype", "key"],
    [shape, dtype, options],
  );
  const d = readFloat("truncatedNormal", o.dtype);
  const lo = castTo(nodeOf("random.truncatedNormal", lower), d);
  const hi = castTo(nodeOf("random.truncatedNormal", upper), d);
  const common = broadcastPair("random.truncatedNormal", lo.shape, hi.shape);
  const size = readShape("random.truncatedNormal", o.shape ?? common);
  const root = (n: Node): Node => like(n, Math.SQRT2);
  const a = p.erf(p.divide(requireFit("truncatedNormal", lo, size), root(lo)));
  const b = p.erf(p.divide(requireFit("truncatedNormal", hi, size), root(hi)));
  const u = uniformNode(keyOr("truncatedNormal", o.key), a, b, size, d);
  const x = p.multiply(root(u), p.erfinv(u));
  return wrap(p.maximum(p.minimum(x, spread(hi, size)), spread(lo, size)));
}

export interface PermutationOptions {
  readonly axis?: number;
  readonly key?: NDArray | null;
}

/**
 * The numbers from 0 to x - 1 in random order, as uint32, or an array shuffled along an axis.
 *
 * @throws IndexError for an axis out of range
 * @example mx.random.permutation(8, { key: mx.random.key(13) }).tolist() // [3, 1, 0, 7, 6, 2, 5, 4]
 * @see mlx.core.random.permutation
 */
export function permutation(
  x: number | NDArray,
  axis?: number | PermutationOptions,
  options?: PermutationOptions,
): NDArray {
  const o = readArguments<PermutationOptions>(
    "random.permutation",
    ["axis", "key"],
    [axis, options],
  );
  const order = (n: number): Node => {
    const bits = p.randomBits(keyOr("permutation", o.key), [n], 4);
    return p.sort(bits, 0)[1];
  };
  if (x instanceof NDArray) {
    const d = normalizeAxis("random.permutation", o.axis ?? 0, x.ndim, IndexError);
    return wrap(takeNode(x.node, order(x.shape[d] ?? 0), d));
  }
  if (!Number.isInteger(x) || x < 0) {
    throw new ArgumentError(
      `[random.permutation] expected an array or a whole number from 0, got ${describe(x)}`,
    );
  }
  return wrap(order(x));
}

export interface CategoricalOptions {
  readonly axis?: number;
  readonly shape?: number | Shape | null;
  readonly numSamples?: number | null;
  readonly key?: NDArray | null;
}

/** Samples of one distribution by inverting its cumulative sum. */
const inverseSamples = (key: Node, logits: Node, shape: Shape): Node => {
  const x = p.reshape(castTo(logits, promote(logits.dtype, float32)), [sizeOf(logits.shape)]);
  const top = spread(p.reshape(p.max(x, [0]), [1]), x.shape);
  const infinite = p.equal(p.abs(top), like(top, Number.POSITIVE_INFINITY));
  const atTop = castTo(p.equal(x, top), x.dtype);
  const w = p.select(infinite, atTop, p.exp(p.subtract(x, top)));
  const cdf = p.cumsum(w, { axis: 0, reverse: false, exclusive: true });
  const u = castTo(unitNode(key, shape, float32), x.dtype);
  const scaled = p.multiply(u, spread(p.reshape(p.sum(w, [0]), []), shape));
  const found = p.searchSorted(cdf, p.reshape(scaled, [sizeOf(shape)]), true);
  return p.reshape(p.subtract(found, constant(1, uint32, found.shape)), shape);
};

/** Samples as the position of the largest of logits plus Gumbel noise. */
const gumbelSamples = (key: Node, logits: Node, axis: number, shape: Shape): Node => {
  const at = axis + shape.length - logits.shape.length + 1;
  const full = [...shape.slice(0, at), logits.shape[axis] ?? 0, ...shape.slice(at)];
  const noise = gumbelNode(key, full, float32);
  return p.argmax(p.add(noise, spread(logits, full)), at);
};

/**
 * Categories drawn from unnormalised log-probabilities along an axis, as uint32. `shape` must broadcast from the other axes;
 * `numSamples` appends an axis.
 *
 * @throws ArgumentError for both shape and numSamples, ShapeError when the shape or the axis does not fit
 * @example mx.random.categorical(mx.zeros([2, 5])).shape // [2]
 * @see mlx.core.random.categorical
 */
export function categorical(
  logits: NDArray,
  axis?: number | CategoricalOptions,
  options?: CategoricalOptions,
): NDArray {
  const o = readArguments<CategoricalOptions>(
    "random.categorical",
    ["axis", "shape", "numSamples", "key"],
    [axis, options],
  );
  const n = nodeOf("random.categorical", logits);
  const d = normalizeAxis("random.categorical", o.axis ?? -1, n.shape.length);
  const reduced = p.dropAxes(n.shape, [d]);
  const samples = o.numSamples ?? null;
  const given = o.shape ?? null;
  if (samples !== null && given !== null) {
    throw new ArgumentError("[random.categorical] expected shape or numSamples, got both: use one");
  }
  const shape = given === null ? reduced : readShape("random.categorical", given);
  if (!sameShape(broadcastPair("random.categorical", shape, reduced), shape)) {
    throw new ShapeError(
      `[random.categorical] expected a shape that ${showShape(reduced)} broadcasts to, got ${showShape(shape)}`,
    );
  }
  const key = keyOr("categorical", o.key);
  const result = samples === null ? shape : [...reduced, samples];
  if (sizeOf(n.shape) === n.shape[d] && result.length > 0)
    return wrap(inverseSamples(key, n, result));
  if (samples === null) return wrap(gumbelSamples(key, n, d, result));
  return wrap(gumbelSamples(key, p.reshape(n, [...n.shape, 1]), d, result));
}

/** Norms of vectors and matrices, and the vector product. */
import { ArgumentError, DTypeError, ShapeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readPositional } from "../core/options.js";
import { broadcastPair, normalizeAxes, normalizeAxis, showShape } from "../core/shape.js";
import type { NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import { floatOf, nodeOf, type Operand, pairNodes, spread, wrap } from "../ops/operand.js";
import { reduceNode } from "../ops/reduce.js";
import * as p from "../primitives/index.js";

/** A number p for vectors; "fro", "nuc", ±1, ±2 and ±Infinity for matrices. */
export type Order = number | "fro" | "f" | "nuc" | null;

export interface NormOptions {
  readonly ord?: Order;
  /** One axis for norms of vectors, two for norms of matrices; all by default. */
  readonly axis?: number | readonly number[] | null;
  /** Whether the axes stay, with length 1. */
  readonly keepdims?: boolean;
}

const euclidean = (x: Node, axes: readonly number[], keepdims: boolean): Node => {
  const size = x.dtype.kind === "complex" ? p.abs(x) : x;
  return p.sqrt(reduceNode(p.sum, p.multiply(size, size), axes, keepdims));
};

const vectorNorm = (x: Node, ord: number, axes: readonly number[], keepdims: boolean): Node => {
  if (ord === 2) return euclidean(x, axes, keepdims);
  const size = p.abs(x);
  const reduced = (build: (n: Node, axes: readonly number[]) => Node, n: Node): Node =>
    reduceNode(build, n, axes, keepdims);
  if (ord === 0) {
    const counts = p.cast(p.notEqual(size, p.zerosLike(size)), size.dtype);
    return reduced(p.sum, counts);
  }
  if (ord === Infinity) return reduced(p.max, size);
  if (ord === -Infinity) return reduced(p.min, size);
  if (ord === 1) return reduced(p.sum, size);
  const sum = reduced(p.sum, p.power(size, p.constantLike(size, ord)));
  return p.power(sum, p.constantLike(sum, 1 / ord));
};

/** Singular values of the matrices in two axes, along a last axis that takes their place. */
const valuesOver = (op: string, x: Node, [row, column]: readonly [number, number]): Node => {
  if (x.dtype.size < 4)
    throw new DTypeError(
      `[${op}] expected float32, float64 or complex64 for norms by singular values, got ${x.dtype.name}: cast with astype`,
    );
  const rest = [...x.shape.keys()].filter((d) => d !== row && d !== column);
  return p.svdvals(p.permute(x, [...rest, row, column]));
};

const matrixNorm = (
  x: Node,
  ord: number | "nuc",
  axes: readonly [number, number],
  keepdims: boolean,
): Node => {
  const [row, column] = axes;
  const spectral = (build: (n: Node, axes: readonly number[]) => Node): Node => {
    const s = valuesOver("linalg.norm", x, axes);
    const y = build(s, [s.shape.length - 1]);
    return keepdims ? p.expandDims(y, [Math.min(row, column), Math.max(row, column)]) : y;
  };
  const sums = (
    over: number,
    then: number,
    build: (n: Node, axes: readonly number[]) => Node,
  ): Node => {
    const partial = reduceNode(p.sum, p.abs(x), [over], true);
    const y = reduceNode(build, partial, [then], true);
    return keepdims
      ? y
      : p.reshape(
          y,
          y.shape.filter((_, d) => d !== over && d !== then),
        );
  };
  switch (ord) {
    case "nuc":
      return spectral(p.sum);
    case 2:
      return spectral(p.max);
    case -2:
      return spectral(p.min);
    case 1:
      return sums(row, column, p.max);
    case -1:
      return sums(row, column, p.min);
    case Infinity:
      return sums(column, row, p.max);
    case -Infinity:
      return sums(column, row, p.min);
    default:
      throw new ArgumentError(
        `[linalg.norm] expected "fro", "nuc", ±1, ±2 or ±Infinity as ord over two axes, got ${describe(ord)}: give one axis for norms of vectors`,
      );
  }
};

/**
 * Norm over all axes, one, or two. Without `ord` it is the square root of the sum of squares of moduli. Over one axis `ord`
 * is any number p, for (Σ|x|ᵖ)^(1/p), ±Infinity for the largest and smallest modulus, 0 for the count of nonzero elements;
 * over two axes "fro", "nuc" (the sum of singular values), ±2 (the largest, the smallest), ±1 and ±Infinity (of the sums of
 * moduli of columns and rows). Integers become float32.
 *
 * @throws ArgumentError for an `ord` that does not go with the number of axes, IndexError for an axis out of range
 * @example
 * mx.linalg.norm(mx.array([3, 4])).item() // 5
 * mx.linalg.norm(mx.array([[1, -2], [3, 4]]), Infinity).item() // 7
 * mx.linalg.norm(mx.array([[1, -2], [3, 4]]), 1, { axis: 0 }).tolist() // [4, 6]
 * @see mlx.core.linalg.norm
 */
export function norm(a: Operand, ord?: Order | NormOptions, options?: NormOptions): NDArray {
  const o = readPositional<NormOptions>("linalg.norm", "ord", ord, options, [
    "ord",
    "axis",
    "keepdims",
  ]);
  const x = floatOf("linalg.norm", a);
  const { ord: kind = null, axis = null, keepdims = false } = o;
  const axes = axis === null ? [...x.shape.keys()] : orderedAxes(axis, x.shape.length);
  const [row, column] = axes;
  if (axes.length === 1 && (kind === null || typeof kind === "number"))
    return wrap(vectorNorm(x, kind ?? 2, axes, keepdims));
  if (kind === null) return wrap(euclidean(x, ascending(axes), keepdims));
  if (row === undefined || column === undefined || axes.length > 2)
    throw new ArgumentError(
      `[linalg.norm] expected ${typeof kind === "string" ? "two axes" : "one or two axes"} for ord ${describe(kind)}, got ${axes.length}: name them with axis`,
    );
  if (kind === "fro" || kind === "f") return wrap(euclidean(x, ascending(axes), keepdims));
  return wrap(matrixNorm(x, kind, [row, column], keepdims));
}

/** Axes in the order given: rows before columns. */
const orderedAxes = (axis: number | readonly number[], ndim: number): readonly number[] => {
  if (typeof axis === "number") return normalizeAxes("linalg.norm", axis, ndim);
  normalizeAxes("linalg.norm", axis, ndim);
  return axis.map((d) => normalizeAxis("linalg.norm", d, ndim));
};

const ascending = (axes: readonly number[]): readonly number[] => [...axes].sort((i, j) => i - j);

export interface CrossOptions {
  /** Where the vectors lie, the last axis by default. */
  readonly axis?: number;
}

/** The vectors in the last axis, of 2 or 3 elements. */
const vectors = (name: string, x: Node, axis: number): Node => {
  const d = normalizeAxis("linalg.cross", axis, x.shape.length);
  const length = x.shape[d];
  if (length !== 2 && length !== 3)
    throw new ShapeError(
      `[linalg.cross] expected 2 or 3 elements along axis ${axis} of ${name}, got shape ${showShape(x.shape)}: choose another axis`,
    );
  return p.moveAxis(x, d, x.shape.length - 1);
};

/**
 * The vector product of vectors of 3 elements, or of 2, whose third counts as zero. Other axes broadcast.
 *
 * @throws ShapeError unless the axis has 2 or 3 elements, IndexError for an axis out of range
 * @example
 * mx.linalg.cross(mx.array([1, 0, 0]), mx.array([0, 1, 0])).tolist() // [0, 0, 1]
 * mx.linalg.cross(mx.array([1, 2]), mx.array([3, 4])).tolist() // [0, 0, -2]
 * @see mlx.core.linalg.cross
 */
export function cross(a: Operand, b: Operand, axis?: number | CrossOptions): NDArray {
  const { axis: where = -1 } = readPositional<CrossOptions>(
    "linalg.cross",
    "axis",
    axis,
    undefined,
    ["axis"],
  );
  const left = vectors("a", nodeOf("linalg.cross", a), where);
  const right = vectors("b", nodeOf("linalg.cross", b), where);
  const batch = broadcastPair("linalg.cross", left.shape.slice(0, -1), right.shape.slice(0, -1));
  const [x, y] = pairNodes("linalg.cross", elementZero(left, batch), elementZero(right, batch));
  const part = (n: Node, i: number): Node => {
    const last = n.shape.length - 1;
    return p.reshape(p.sliceAxis(n, last, i, i + 1), n.shape.slice(0, last));
  };
  const across = (i: number, j: number): Node =>
    p.subtract(p.multiply(part(x, i), part(y, j)), p.multiply(part(x, j), part(y, i)));
  const parts = [across(1, 2), across(2, 0), across(0, 1)].map((n) =>
    p.expandDims(n, [n.shape.length]),
  );
  const out = p.concatenate(parts, batch.length);
  return wrap(p.moveAxis(out, batch.length, where < 0 ? where + out.shape.length : where));
}

/** `x` repeated over a batch, with a third element 0 where there is none. */
const elementZero = (x: Node, batch: readonly number[]): Node => {
  const length = x.shape.at(-1) ?? 0;
  const whole = spread(x, [...batch, length]);
  const none = whole.shape.map(() => 0);
  return p.padTo(whole, none, none, [...batch, 3]);
};

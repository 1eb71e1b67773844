/** Diagonals and triangles of matrices. */
import { type DType, float32, int32 } from "../core/dtype.js";
import { ArgumentError, IndexError, ShapeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readPositional } from "../core/options.js";
import { normalizeAxis, showShape } from "../core/shape.js";
import type { NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import * as p from "../primitives/index.js";
import { castTo, constant, like, nodeOf, type Operand, spread, wrap } from "./operand.js";
import { sum } from "./reduce.js";

/** Bool matrix: true where column - row compares to `k` as asked. */
const band = (
  rows: number,
  columns: number,
  k: number,
  build: (a: Node, b: Node) => Node,
): Node => {
  const shape = [rows, columns];
  const row = p.iota(shape, 0, int32);
  const column = p.iota(shape, 1, int32);
  return build(p.add(row, like(row, k)), column);
};

const requireSize = (op: string, n: unknown): number => {
  if (typeof n !== "number" || !Number.isInteger(n) || n < 0) {
    throw new ArgumentError(`[${op}] expected a whole number from 0, got ${describe(n)}`);
  }
  return n;
};

export interface EyeOptions {
  /** Columns; as many as rows by default. */
  readonly m?: number | null;
  /** Which diagonal: above the main one if positive. */
  readonly k?: number;
  readonly dtype?: DType;
}

const readEye = (
  op: string,
  n: number,
  m: number | null | EyeOptions | undefined,
  options: EyeOptions | undefined,
): { rows: number; columns: number; k: number; dtype: DType } => {
  const o = readPositional<EyeOptions>(op, "m", m, options, ["m", "k", "dtype"]);
  const rows = requireSize(op, n);
  return { rows, columns: requireSize(op, o.m ?? rows), k: o.k ?? 0, dtype: o.dtype ?? float32 };
};

/**
 * A matrix of zeros with ones on a diagonal.
 *
 * @throws ArgumentError for a negative size
 * @example mx.eye(2).tolist() // [[1, 0], [0, 1]]
 * @see mlx.core.eye
 */
export function eye(n: number, m?: number | null | EyeOptions, options?: EyeOptions): NDArray {
  const { rows, columns, k, dtype } = readEye("eye", n, m, options);
  return wrap(castTo(band(rows, columns, k, p.equal), dtype));
}

export interface IdentityOptions {
  readonly dtype?: DType;
}

/**
 * The identity matrix.
 *
 * @throws ArgumentError for a negative size
 * @example mx.identity(2).tolist() // [[1, 0], [0, 1]]
 * @see mlx.core.identity
 */
export function identity(n: number, dtype?: DType | IdentityOptions): NDArray {
  const o = readPositional<IdentityOptions>("identity", "dtype", dtype, undefined, ["dtype"]);
  return eye(n, n, { dtype: o.dtype ?? float32 });
}

/**
 * A matrix with ones on and below a diagonal, zeros above.
 *
 * @throws ArgumentError for a negative size
 * @example mx.tri(2).tolist() // [[1, 0], [1, 1]]
 * @see mlx.core.tri
 */
export function tri(n: number, m?: number | null | EyeOptions, options?: EyeOptions): NDArray {
  const { rows, columns, k, dtype } = readEye("tri", n, m, options);
  return wrap(castTo(band(rows, columns, k, p.greaterEqual), dtype));
}

export interface TriangleOptions {
  /** The diagonal up to which values are kept: above the main one if positive. */
  readonly k?: number;
}

const triangle = (
  op: string,
  a: Operand,
  k: number | TriangleOptions | undefined,
  lower: boolean,
): NDArray => {
  const n = nodeOf(op, a);
  const o = readPositional<TriangleOptions>(op, "k", k, undefined, ["k"]);
  const rows = n.shape.at(-2);
  const columns = n.shape.at(-1);
  if (rows === undefined || columns === undefined) {
    throw new ShapeError(`[${op}] expected at least two axes, got shape ${showShape(n.shape)}`);
  }
  const at = o.k ?? 0;
  const keep = lower
    ? band(rows, columns, at, p.greaterEqual)
    : band(rows, columns, at, p.lessEqual);
  return wrap(p.select(spread(keep, n.shape), n, like(n, 0)));
};

/**
 * The lower triangle of each matrix, zeros above diagonal `k`.
 *
 * @throws ShapeError for fewer than two axes
 * @example mx.tril(mx.ones([2, 2])).tolist() // [[1, 0], [1, 1]]
 * @see mlx.core.tril
 */
export function tril(x: Operand, k?: number | TriangleOptions): NDArray {
  return triangle("tril", x, k, true);
}

/**
 * The upper triangle of each matrix, zeros below diagonal `k`.
 *
 * @throws ShapeError for fewer than two axes
 * @example mx.triu(mx.ones([2, 2])).tolist() // [[1, 1], [0, 1]]
 * @see mlx.core.triu
 */
export function triu(x: Operand, k?: number | TriangleOptions): NDArray {
  return triangle("triu", x, k, false);
}

/** Node-level diagonal of the last two axes, as the last axis. */
const diagonalNode = (n: Node, offset: number): Node => {
  const rows = n.shape.at(-2) ?? 0;
  const columns = n.shape.at(-1) ?? 0;
  const lead = n.shape.slice(0, -2);
  const length = Math.max(
    0,
    offset >= 0 ? Math.min(rows, columns - offset) : Math.min(rows + offset, columns),
  );
  if (length === 0) return constant(0, n.dtype, [...lead, 0]);
  const first = offset >= 0 ? offset : -offset * columns;
  const flat = p.reshape(n, [...lead, rows * columns]);
  const zeros = lead.map(() => 0);
  return p.slice(flat, [...zeros, first], [...lead, length], [...lead.map(() => 1), columns + 1]);
};

export interface DiagonalOptions {
  readonly offset?: number;
  readonly axis1?: number;
  readonly axis2?: number;
}

const readDiagonal = (op: string, n: Node, o: Partial<DiagonalOptions>): Node => {
  const ndim = n.shape.length;
  if (ndim < 2) {
    throw new ShapeError(`[${op}] expected at least two axes, got shape ${showShape(n.shape)}`);
  }
  const x = normalizeAxis(op, o.axis1 ?? 0, ndim, IndexError);
  const y = normalizeAxis(op, o.axis2 ?? 1, ndim, IndexError);
  if (x === y) throw new ShapeError(`[${op}] expected two different axes, got ${x} twice`);
  const rest = n.shape.map((_, d) => d).filter((d) => d !== x && d !== y);
  return diagonalNode(p.permute(n, [...rest, x, y]), o.offset ?? 0);
};

/**
 * The diagonal of two axes, as the last axis of the result.
 *
 * @throws ShapeError for fewer than two axes, IndexError for an axis out of range
 * @example mx.diagonal(mx.array([[1, 2], [3, 4]])).tolist() // [1, 4]
 * @see mlx.core.diagonal
 */
export function diagonal(
  a: Operand,
  offset?: number | DiagonalOptions,
  options?: DiagonalOptions,
): NDArray {
  const o = readPositional<DiagonalOptions>("diagonal", "offset", offset, options, [
    "offset",
    "axis1",
    "axis2",
  ]);
  return wrap(readDiagonal("diagonal", nodeOf("diagonal", a), o));
}

/**
 * The diagonal of a matrix, or the matrix with a vector on its diagonal `k`.
 *
 * @throws ShapeError for other than one or two axes
 * @example mx.diag(mx.array([1, 2])).tolist() // [[1, 0], [0, 2]]
 * @see mlx.core.diag
 */
export function diag(a: Operand, k?: number | TriangleOptions): NDArray {
  const n = nodeOf("diag", a);
  const { k: at = 0 } = readPositional<TriangleOptions>("diag", "k", k, undefined, ["k"]);
  if (n.shape.length === 2) return wrap(diagonalNode(n, at));
  if (n.shape.length !== 1) {
    throw new ShapeError(`[diag] expected one or two axes, got shape ${showShape(n.shape)}`);
  }
  const length = n.shape[0] ?? 0;
  const side = length + Math.abs(at);
  if (length === 0) return wrap(constant(0, n.dtype, [side, side]));
  // On the diagonal, neighbours are side + 1 apart in row-major order.
  const low = at >= 0 ? at : -at * side;
  const high = side * side - low - ((length - 1) * (side + 1) + 1);
  return wrap(p.reshape(p.pad(n, [low], [high], [side]), [side, side]));
}

export interface TraceOptions extends DiagonalOptions {
  /** The dtype to sum in. */
  readonly dtype?: DType | null;
}

/**
 * Sum of the diagonal of two axes, with the dtypes of sum.
 *
 * @throws ShapeError for fewer than two axes, IndexError for an axis out of range
 * @example mx.trace(mx.array([[1, 2], [3, 4]])).item() // 5
 * @see mlx.core.trace
 */
export function trace(a: Operand, offset?: number | TraceOptions, options?: TraceOptions): NDArray {
  const o = readPositional<TraceOptions>("trace", "offset", offset, options, [
    "offset",
    "axis1",
    "axis2",
    "dtype",
  ]);
  const d = readDiagonal("trace", nodeOf("trace", a), o);
  const total = sum(wrap(o.dtype ? castTo(d, o.dtype) : d), -1);
  return o.dtype ? wrap(castTo(total.node, o.dtype)) : total;
}

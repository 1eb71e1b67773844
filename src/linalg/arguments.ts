/** What linear algebra takes: stacks of matrices of a floating dtype, checked before anything is computed. */
import { complex64, type DType, float32, float64 } from "../core/dtype.js";
import { DTypeError, ShapeError } from "../core/errors.js";
import { promote } from "../core/promotion.js";
import { broadcastPair, showShape } from "../core/shape.js";
import type { Node, Shape } from "../graph/node.js";
import { castTo, nodeOf, type Operand, spread } from "../ops/operand.js";
import * as p from "../primitives/index.js";

const factored = (d: DType): boolean => d === float32 || d === float64 || d === complex64;

const requireFactored = (op: string, d: DType): void => {
  if (!factored(d))
    throw new DTypeError(
      `[linalg.${op}] expected float32, float64 or complex64, got ${d.name}: cast with astype`,
    );
};

export const requireMatrix = (op: string, shape: Shape): void => {
  if (shape.length < 2)
    throw new ShapeError(
      `[linalg.${op}] expected at least two axes, got shape ${showShape(shape)}: the last two are rows and columns`,
    );
};

export const requireSquare = (op: string, shape: Shape): void => {
  requireMatrix(op, shape);
  if (shape.at(-1) !== shape.at(-2))
    throw new ShapeError(
      `[linalg.${op}] expected square matrices, got shape ${showShape(shape)}: rows and columns must be as many`,
    );
};

/** A stack of matrices. */
export const matrixOf = (op: string, a: Operand): Node => {
  const n = nodeOf(`linalg.${op}`, a);
  requireMatrix(op, n.shape);
  requireFactored(op, n.dtype);
  return n;
};

/** A stack of square matrices. */
export const squareOf = (op: string, a: Operand): Node => {
  const n = nodeOf(`linalg.${op}`, a);
  requireSquare(op, n.shape);
  requireFactored(op, n.dtype);
  return n;
};

export interface System {
  readonly a: Node;
  /** Right sides as columns. */
  readonly b: Node;
  /** Whether there is one right side, given as a vector. */
  readonly vector: boolean;
}

/** Square matrices and the right sides of as many systems, brought to one batch and one dtype. */
export const systemOf = (op: string, a: Operand, b: Operand): System => {
  const [x, y] = [nodeOf(`linalg.${op}`, a), nodeOf(`linalg.${op}`, b)];
  requireSquare(op, x.shape);
  const vector = y.shape.length === 1;
  const rows = vector ? y.shape[0] : y.shape.at(-2);
  if (rows !== x.shape.at(-1))
    throw new ShapeError(
      `[linalg.${op}] expected right sides of ${x.shape.at(-1)} rows, got shape ${showShape(y.shape)} for matrices of shape ${showShape(x.shape)}: give [..., n, k], or [n] for one`,
    );
  const dtype = promote(x.dtype, y.dtype);
  requireFactored(op, dtype);
  const columns = vector ? [y.shape[0] ?? 0, 1] : y.shape.slice(-2);
  const batch = broadcastPair(
    `linalg.${op}`,
    x.shape.slice(0, -2),
    vector ? [] : y.shape.slice(0, -2),
  );
  const right = castTo(y, dtype);
  return {
    a: spread(castTo(x, dtype), [...batch, ...x.shape.slice(-2)]),
    b: spread(vector ? p.expandDims(right, [1]) : right, [...batch, ...columns]),
    vector,
  };
};

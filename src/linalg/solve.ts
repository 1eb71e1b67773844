/** Systems of linear equations, inverses and determinants. */
import type { DType } from "../core/dtype.js";
import { float32, isInexact } from "../core/dtype.js";
import type { NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import { castTo, nodeOf, type Operand, wrap } from "../ops/operand.js";
import * as p from "../primitives/index.js";
import { matrixOf, requireSquare, type System, squareOf, systemOf } from "./arguments.js";
import { readUpper, type TriangleOptions } from "./factor.js";

const answer = (x: Node, { vector }: System): NDArray =>
  wrap(vector ? p.reshape(x, x.shape.slice(0, -1)) : x);

/**
 * The solution X of A·X = B, for square A [..., n, n] and right sides [..., n, k], or one of shape [n]. Batches broadcast.
 *
 * @throws ShapeError for shapes that do not belong together, DTypeError unless they promote to float32, float64 or
 * complex64; LinAlgError, when evaluated, for a singular matrix
 * @example mx.linalg.solve(mx.array([[2, 0], [0, 4]]), mx.array([2, 2])).tolist() // [1, 0.5]
 * @see mlx.core.linalg.solve
 */
export function solve(a: Operand, b: Operand): NDArray {
  const s = systemOf("solve", a, b);
  return answer(p.solve(s.a, s.b, true), s);
}

/**
 * The solution X of A·X = B where A is triangular: only its lower, or `upper`, triangle is read. A zero on its diagonal
 * gives infinities or NaN.
 *
 * @throws ShapeError for shapes that do not belong together, DTypeError unless they promote to float32, float64 or complex64
 * @example mx.linalg.solveTriangular(mx.array([[2, 0], [1, 4]]), mx.array([2, 9])).tolist() // [1, 2]
 * @see mlx.core.linalg.solve_triangular
 */
export function solveTriangular(
  a: Operand,
  b: Operand,
  upper?: boolean | TriangleOptions,
): NDArray {
  const s = systemOf("solveTriangular", a, b);
  return answer(p.triangularSolve(s.a, s.b, readUpper("solveTriangular", upper)), s);
}

/**
 * The inverse of square matrices [..., n, n].
 *
 * @throws ShapeError unless they are square, DTypeError for other dtypes than float32, float64 and complex64;
 * LinAlgError, when evaluated, for a singular matrix
 * @example mx.linalg.inv(mx.array([[2, 0], [0, 4]])).tolist() // [[0.5, 0], [0, 0.25]]
 * @see mlx.core.linalg.inv
 */
export function inv(a: Operand): NDArray {
  return wrap(p.inverse(squareOf("inv", a)));
}

const triangularInverse = (n: Node, upper: boolean): Node =>
  p.triangularSolve(n, p.unitDiagonal(p.zerosLike(n)), upper);

/**
 * The inverse of lower, or `upper`, triangular matrices [..., n, n], whose other triangle is not read.
 *
 * @throws ShapeError unless they are square, DTypeError for other dtypes than float32, float64 and complex64
 * @example mx.linalg.triInv(mx.array([[2, 0], [1, 1]])).tolist() // [[0.5, 0], [-0.5, 1]]
 * @see mlx.core.linalg.tri_inv
 */
export function triInv(a: Operand, upper?: boolean | TriangleOptions): NDArray {
  return wrap(triangularInverse(squareOf("triInv", a), readUpper("triInv", upper)));
}

/**
 * The inverse of the matrices whose {@link cholesky} factors are given: (L·Lᴴ)⁻¹, or (Uᴴ·U)⁻¹ with `upper`.
 *
 * @throws ShapeError unless they are square, DTypeError for other dtypes than float32, float64 and complex64
 * @example mx.linalg.choleskyInv(mx.array([[2, 0], [0, 1]])).tolist() // [[0.25, 0], [0, 1]]
 * @see mlx.core.linalg.cholesky_inv
 */
export function choleskyInv(a: Operand, upper?: boolean | TriangleOptions): NDArray {
  const isUpper = readUpper("choleskyInv", upper);
  const inverse = triangularInverse(squareOf("choleskyInv", a), isUpper);
  const other = p.adjoint(inverse);
  return wrap(isUpper ? p.matmul(inverse, other) : p.matmul(other, inverse));
}

/**
 * The pseudo-inverse [..., n, m] of matrices [..., m, n], by singular values; those below 10 · max(m, n) · eps times the
 * largest count as zero. Derivatives are those of matrices that keep their rank.
 *
 * @throws ShapeError below two axes, DTypeError for other dtypes than float32, float64 and complex64
 * @example mx.linalg.pinv(mx.array([[2, 0], [0, 0]])).tolist() // [[0.5, 0], [0, 0]]
 * @see mlx.core.linalg.pinv
 */
export function pinv(a: Operand): NDArray {
  return wrap(p.pseudoInverse(matrixOf("pinv", a)));
}

/** What determinants are computed in: halves and integers in float32. */
const wide = (d: DType): DType => (isInexact(d) && d.size >= 4 ? d : float32);

interface Determined {
  readonly node: Node;
  /** The dtype of the result. */
  readonly dtype: DType;
}

const determined = (op: string, a: Operand): Determined => {
  const n = nodeOf(`linalg.${op}`, a);
  requireSquare(op, n.shape);
  return { node: castTo(n, wide(n.dtype)), dtype: isInexact(n.dtype) ? n.dtype : float32 };
};

/** Element i, j of every matrix. */
const element = (x: Node, i: number, j: number): Node => {
  const axis = x.shape.length - 2;
  const one = p.sliceAxis(p.sliceAxis(x, axis, i, i + 1), axis + 1, j, j + 1);
  return p.reshape(one, x.shape.slice(0, -2));
};

/** In closed form, so that derivatives are exact where the matrix is singular. */
const smallDeterminant = (x: Node, size: number): Node => {
  const minor = (i: number, j: number): Node =>
    p.subtract(
      p.multiply(element(x, 1, i), element(x, 2, j)),
      p.multiply(element(x, 1, j), element(x, 2, i)),
    );
  if (size === 1) return element(x, 0, 0);
  if (size === 2)
    return p.subtract(
      p.multiply(element(x, 0, 0), element(x, 1, 1)),
      p.multiply(element(x, 0, 1), element(x, 1, 0)),
    );
  const first = p.multiply(element(x, 0, 0), minor(1, 2));
  const second = p.multiply(element(x, 0, 1), minor(0, 2));
  return p.add(p.subtract(first, second), p.multiply(element(x, 0, 2), minor(0, 1)));
};

/**
 * Determinants of square matrices [..., n, n]. Integers and booleans become float32. Derivatives for n > 3 take
 * invertible matrices.
 *
 * @throws ShapeError unless they are square
 * @example mx.linalg.det(mx.array([[2, 1], [1, 3]])).item() // 5
 * @see mlx.core.linalg.det
 */
export function det(a: Operand): NDArray {
  const { node, dtype } = determined("det", a);
  const size = node.shape.at(-1) ?? 0;
  const value = size >= 1 && size <= 3 ? smallDeterminant(node, size) : p.det(node);
  return wrap(castTo(value, dtype));
}

/**
 * Sign of the determinant, and natural logarithm of its modulus, of square matrices [..., n, n]: 0 and -Infinity for
 * singular ones. The sign of complex matrices is a complex number of modulus 1.
 *
 * @throws ShapeError unless they are square
 * @example
 * const [sign, logdet] = mx.linalg.slogdet(mx.array([[0, 1], [1, 0]]));
 * sign.item() // -1
 * logdet.item() // 0
 * @see mlx.core.linalg.slogdet
 */
export function slogdet(a: Operand): [sign: NDArray, logdet: NDArray] {
  const { node, dtype } = determined("slogdet", a);
  const [sign, log] = p.slogdet(node);
  return [
    wrap(castTo(sign, dtype)),
    wrap(castTo(log, dtype.kind === "complex" ? log.dtype : dtype)),
  ];
}

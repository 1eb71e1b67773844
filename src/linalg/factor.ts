/** Factorisations: Cholesky, LU, QR, singular values and vectors, eigenvalues and eigenvectors. */
import { ArgumentError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readPositional } from "../core/options.js";
import type { NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import { type Operand, wrap } from "../ops/operand.js";
import * as p from "../primitives/index.js";
import { matrixOf, squareOf } from "./arguments.js";

export interface TriangleOptions {
  /** Whether the upper triangle is meant instead of the lower. */
  readonly upper?: boolean;
}

export const readUpper = (
  op: string,
  given: boolean | TriangleOptions | undefined,
  rest?: TriangleOptions,
): boolean =>
  readPositional<TriangleOptions>(`linalg.${op}`, "upper", given, rest, ["upper"]).upper ?? false;

/**
 * Cholesky's factor of symmetric or Hermitian positive definite matrices [..., n, n]: lower triangular L with A = L·Lᴴ,
 * or, with `upper`, Lᴴ. Only that triangle of A is read, in derivatives too. Where A is not positive definite the factor
 * is NaN. float32, float64 and complex64.
 *
 * @throws ShapeError unless the matrices are square, DTypeError for other dtypes
 * @example mx.linalg.cholesky(mx.array([[4, 2], [2, 5]])).tolist() // [[2, 0], [1, 2]]
 * @see mlx.core.linalg.cholesky
 */
export function cholesky(a: Operand, upper?: boolean | TriangleOptions): NDArray {
  const n = squareOf("cholesky", a);
  if (!readUpper("cholesky", upper)) return wrap(p.cholesky(n));
  return wrap(p.adjoint(p.cholesky(p.adjoint(n))));
}

/**
 * LU factorisation with row exchanges of matrices [..., m, n]: the rows `P` (uint32), L with ones on its diagonal, and U,
 * such that row i of A is row P[i] of L·U.
 *
 * @throws ShapeError below two axes, DTypeError for other dtypes than float32, float64 and complex64
 * @example
 * const [P, L, U] = mx.linalg.lu(mx.array([[1, 2], [4, 6]]));
 * mx.take(L, P, 0).matmul(U).tolist() // [[1, 2], [4, 6]]
 * @see mlx.core.linalg.lu
 */
export function lu(a: Operand): [P: NDArray, L: NDArray, U: NDArray] {
  const { packed, order } = p.lu(matrixOf("lu", a));
  const [l, u] = p.unpack(packed);
  const [, places] = p.sort(order, order.shape.length - 1);
  return [wrap(places), wrap(l), wrap(u)];
}

/**
 * LU factorisation as LAPACK gives it: U with the factors of L below its diagonal, and for each row the row that it was
 * exchanged with (uint32, from 0).
 *
 * @throws ShapeError below two axes, DTypeError for other dtypes than float32, float64 and complex64
 * @example
 * const [LU, pivots] = mx.linalg.luFactor(mx.array([[1, 2], [4, 6]]));
 * LU.tolist() // [[4, 6], [0.25, 0.5]]
 * pivots.tolist() // [1, 1]
 * @see mlx.core.linalg.lu_factor
 */
export function luFactor(a: Operand): [LU: NDArray, pivots: NDArray] {
  const { packed, pivots } = p.lu(matrixOf("luFactor", a));
  return [wrap(packed), wrap(pivots)];
}

const qrNodes = (n: Node): readonly [Node, Node] => {
  const rows = n.shape.at(-2) ?? 0;
  const columns = n.shape.at(-1) ?? 0;
  if (rows >= columns) return p.qr(n);
  // The first columns fix Q; the others follow from it.
  const axis = n.shape.length - 1;
  const [q, r] = p.qr(p.sliceAxis(n, axis, 0, rows));
  const rest = p.matmul(p.adjoint(q), p.sliceAxis(n, axis, rows, columns));
  return [q, p.concatenate([r, rest], axis)];
};

/**
 * Reduced QR factorisation of matrices [..., m, n]: Q of k = min(m, n) orthonormal columns, and upper triangular R of k
 * rows, with A = Q·R. Signs are those of Householder reflections, as in LAPACK.
 *
 * @throws ShapeError below two axes, DTypeError for other dtypes than float32, float64 and complex64
 * @example
 * const [Q, R] = mx.linalg.qr(mx.array([[3, 5], [4, 10]]));
 * R.tolist() // [[-5, -11], [0, 2]]
 * @see mlx.core.linalg.qr
 */
export function qr(a: Operand): [Q: NDArray, R: NDArray] {
  const [q, r] = qrNodes(matrixOf("qr", a));
  return [wrap(q), wrap(r)];
}

export interface SvdOptions {
  /** Whether the vectors are wanted beside the values, as they are by default. */
  readonly computeUv?: boolean;
}

/**
 * Singular value decomposition of matrices [..., m, n]: U (m×m), S (min(m, n) values, descending) and Vᴴ (n×n) with
 * A = U·diag(S)·Vᴴ; S alone with `computeUv: false`. S is real, and of float32 for complex64. Derivatives of U and V take
 * different, nonzero singular values.
 *
 * @throws ShapeError below two axes, DTypeError for other dtypes than float32, float64 and complex64; LinAlgError, when
 * evaluated, for matrices that are not finite
 * @example mx.linalg.svd(mx.array([[0, 2], [1, 0]]), { computeUv: false }).tolist() // [2, 1]
 * @see mlx.core.linalg.svd
 */
export function svd(a: Operand, options: { readonly computeUv: false } | false): NDArray;
export function svd(
  a: Operand,
  options?: { readonly computeUv?: true } | true,
): [U: NDArray, S: NDArray, Vt: NDArray];
export function svd(
  a: Operand,
  options?: boolean | SvdOptions,
): NDArray | [NDArray, NDArray, NDArray];
export function svd(
  a: Operand,
  options?: boolean | SvdOptions,
): NDArray | [NDArray, NDArray, NDArray] {
  const { computeUv = true } = readPositional<SvdOptions>(
    "linalg.svd",
    "computeUv",
    options,
    undefined,
    ["computeUv"],
  );
  const n = matrixOf("svd", a);
  if (!computeUv) return wrap(p.svdvals(n));
  const [u, s, vt] = p.svd(n, true);
  return [wrap(u), wrap(s), wrap(vt)];
}

export interface HermitianOptions {
  /** Which triangle is read, the lower by default. */
  readonly UPLO?: "L" | "U";
}

/** The matrix whose lower triangle is the one to be read. */
const hermitianOf = (op: string, a: Operand, given: unknown): Node => {
  const { UPLO = "L" } = readPositional<HermitianOptions>(
    `linalg.${op}`,
    "UPLO",
    given,
    undefined,
    ["UPLO"],
  );
  if (UPLO !== "L" && UPLO !== "U")
    throw new ArgumentError(`[linalg.${op}] expected "L" or "U" as UPLO, got ${describe(UPLO)}`);
  const n = squareOf(op, a);
  return UPLO === "L" ? n : p.adjoint(n);
};

/**
 * Eigenvalues (ascending) and orthonormal eigenvectors (columns) of symmetric or Hermitian matrices [..., n, n], of which
 * one triangle is read, in derivatives too. The values of complex64 are float32. Derivatives of the vectors take
 * different eigenvalues.
 *
 * @throws ShapeError unless the matrices are square, DTypeError for other dtypes than float32, float64 and complex64;
 * LinAlgError, when evaluated, for matrices that are not finite
 * @example
 * const [w, v] = mx.linalg.eigh(mx.array([[1, 2], [2, 1]]));
 * w.tolist() // [-1, 3]
 * @see mlx.core.linalg.eigh
 */
export function eigh(
  a: Operand,
  UPLO?: "L" | "U" | HermitianOptions,
): [values: NDArray, vectors: NDArray] {
  const [w, v] = p.eigh(hermitianOf("eigh", a, UPLO));
  return [wrap(w), wrap(v)];
}

/**
 * The eigenvalues of {@link eigh} alone.
 *
 * @throws as eigh
 * @example mx.linalg.eigvalsh(mx.array([[1, 2], [2, 1]])).tolist() // [-1, 3]
 * @see mlx.core.linalg.eigvalsh
 */
export function eigvalsh(a: Operand, UPLO?: "L" | "U" | HermitianOptions): NDArray {
  return wrap(p.eigvalsh(hermitianOf("eigvalsh", a, UPLO)));
}

/**
 * Eigenvalues and eigenvectors (unit columns whose largest element is real) of square matrices [..., n, n]; both complex64.
 * Derivatives take different eigenvalues.
 *
 * @throws ShapeError unless the matrices are square, DTypeError for other dtypes than float32, float64 and complex64;
 * LinAlgError, when evaluated, for matrices that are not finite
 * @example
 * const [w] = mx.linalg.eig(mx.array([[0, -1], [1, 0]]));
 * w.tolist() // [{ re: 0, im: 1 }, { re: 0, im: -1 }]
 * @see mlx.core.linalg.eig
 */
export function eig(a: Operand): [values: NDArray, vectors: NDArray] {
  const [w, v] = p.eig(squareOf("eig", a));
  return [wrap(w), wrap(v)];
}

/**
 * The eigenvalues of {@link eig} alone.
 *
 * @throws as eig
 * @example mx.linalg.eigvals(mx.array([[2, 1], [0, 3]])).tolist() // [{ re: 2, im: 0 }, { re: 3, im: 0 }]
 * @see mlx.core.linalg.eigvals
 */
export function eigvals(a: Operand): NDArray {
  return wrap(p.eigvals(squareOf("eigvals", a)));
}

/** Linear algebra over stacks of matrices in the last two axes. */
export {
  cholesky,
  eig,
  eigh,
  eigvals,
  eigvalsh,
  type HermitianOptions,
  lu,
  luFactor,
  qr,
  type SvdOptions,
  svd,
  type TriangleOptions,
} from "./factor.js";
export { type CrossOptions, cross, type NormOptions, norm, type Order } from "./norm.js";
export { choleskyInv, det, inv, pinv, slogdet, solve, solveTriangular, triInv } from "./solve.js";

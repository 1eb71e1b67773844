/** Substitution: systems with a triangular matrix. */
import { cell, type Mat, quotient } from "./mat.js";
import { addRows, scaleRow } from "./rows.js";

/**
 * Replaces the n×k `x` by the solution of a·y = x, reading only one triangle of the n×n `a`, and not its diagonal where
 * that is `unit`. Zeros on the diagonal give infinities or NaN.
 */
export const solveTriangular = (
  a: Mat,
  x: Mat,
  n: number,
  k: number,
  upper: boolean,
  unit: boolean,
): void => {
  const f = cell();
  for (let s = 0; s < n; s++) {
    const i = upper ? n - 1 - s : s;
    const [from, to] = upper ? [i + 1, n] : [0, i];
    addRows(x, i * k, -1, a, i * n + from, 1, x, from * k, k, to - from, k);
    if (unit) continue;
    const at = i * n + i;
    quotient(f, 1, 0, a.re[at] ?? 0, a.im?.[at] ?? 0);
    scaleRow(x, i * k, f.re, f.im, k);
  }
};

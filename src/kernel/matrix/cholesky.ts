/** Cholesky's factor of a Hermitian matrix, four rows at a time. */
import { cell, type Mat, quotient, scratch, setAt } from "./mat.js";
import { dot, dot4 } from "./rows.js";

/** Products of row `j` of `l` with rows `i`… over the first j columns, as parts of `out`. */
const products = (l: Mat, n: number, i: number, rows: number, j: number, out: Mat): void => {
  if (rows === 4 && l.im === null) {
    dot4(out.re, l.re, j * n, l.re, i * n, n, j);
    return;
  }
  const s = cell();
  for (let r = 0; r < rows; r++) {
    dot(s, l, j * n, l, (i + r) * n, j, true);
    setAt(out, r, s.re, s.im);
  }
};

/** a = l·lᴴ, read from the lower triangle of the n×n `a`; all of `l` is NaN where `a` is not positive definite. */
export const cholesky = (a: Mat, l: Mat, n: number): void => {
  const s = cell();
  const sums = scratch(4, a.im !== null);
  l.re.fill(0);
  l.im?.fill(0);
  for (let i = 0; i < n; i += 4) {
    const rows = Math.min(4, n - i);
    for (let j = 0; j < i + rows; j++) {
      products(l, n, i, rows, j, sums);
      for (let r = Math.max(0, j - i); r < rows; r++) {
        const at = (i + r) * n + j;
        const re = (a.re[at] ?? 0) - (sums.re[r] ?? 0);
        if (i + r > j) {
          quotient(s, re, (a.im?.[at] ?? 0) - (sums.im?.[r] ?? 0), l.re[j * n + j] ?? 0, 0);
          setAt(l, at, s.re, s.im);
        } else if (re > 0 && re < Infinity) l.re[at] = Math.sqrt(re);
        else {
          l.re.fill(NaN);
          l.im?.fill(NaN);
          return;
        }
      }
    }
  }
};

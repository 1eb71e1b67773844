/** Cholesky's factor of a Hermitian matrix, row by row. */
import { cell, dot, type Mat, quotient, setAt } from "./mat.js";

/** a = l·lᴴ, read from the lower triangle of the n×n `a`; all of `l` is NaN where `a` is not positive definite. */
export const cholesky = (a: Mat, l: Mat, n: number): void => {
  const s = cell();
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const at = i * n + j;
      if (j > i) {
        setAt(l, at, 0, 0);
        continue;
      }
      dot(s, l, j * n, l, i * n, j, true);
      const re = (a.re[at] ?? 0) - s.re;
      const im = (a.im?.[at] ?? 0) - s.im;
      if (j < i) {
        quotient(s, re, im, l.re[j * n + j] ?? 0, 0);
        setAt(l, at, s.re, s.im);
      } else if (re > 0 && re < Infinity) setAt(l, at, Math.sqrt(re), 0);
      else {
        l.re.fill(NaN);
        l.im?.fill(NaN);
        return;
      }
    }
  }
};

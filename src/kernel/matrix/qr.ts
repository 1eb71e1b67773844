/** QR factorisation by Householder reflections, reduced form. */
import { cell, copyInto, copyOf, type Mat, setAt } from "./mat.js";
import { accumulate, columnOf, type Reflection, reflection, reflectLeft } from "./reflect.js";

/** a = q·r of an m×n matrix, with k = min(m, n) columns of `q` and rows of `r`. */
export const qr = (a: Mat, q: Mat, r: Mat, m: number, n: number): void => {
  const k = Math.min(m, n);
  const work = copyOf(a);
  const list: Reflection[] = [];
  for (let j = 0; j < k; j++) {
    const v = columnOf(work, n, j, m - j, j);
    const tau = cell();
    setAt(work, j * n + j, reflection(v, 0, m - j, tau), 0);
    const block = { a: work, stride: n, row: j, rows: m - j, column: j + 1, columns: n - j - 1 };
    reflectLeft(block, v, 0, tau, true);
    list.push({ v, tau });
  }
  for (let i = 0; i < k; i++)
    for (let j = 0; j < n; j++) {
      const at = i * n + j;
      if (j < i) setAt(r, at, 0, 0);
      else setAt(r, at, work.re[at] ?? 0, work.im?.[at] ?? 0);
    }
  copyInto(q, accumulate(list, m, k, 0, a.im !== null));
};

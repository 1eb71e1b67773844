/** Eigenvalues and eigenvectors of general matrices, from their Schur form. */
import { axpy, cell, length, type Mat, quotient, scaleRow, setAt, zeros } from "./mat.js";
import { schur } from "./schur.js";
import { fixPhase } from "./tridiagonal.js";

const epsilon = 2 ** -52;

/** Whether rows i-1 and i of a real Schur form are a block of a complex pair. */
const paired = (t: Mat, n: number, i: number): boolean =>
  t.im === null && i > 0 && i < n && (t.re[i * n + i - 1] ?? 0) !== 0;

const eigenvalues = (t: Mat, w: Mat, n: number): void => {
  for (let i = 0; i < n; i++) {
    const at = i * n + i;
    if (!paired(t, n, i + 1)) {
      setAt(w, i, t.re[at] ?? 0, t.im?.[at] ?? 0);
      continue;
    }
    const [a, b] = [t.re[at] ?? 0, t.re[at + 1] ?? 0];
    const [c, d] = [t.re[at + n] ?? 0, t.re[at + n + 1] ?? 0];
    const half = (a - d) / 2;
    const root = Math.sqrt(Math.max(0, -(half * half + b * c)));
    setAt(w, i, (a + d) / 2, root);
    setAt(w, i + 1, (a + d) / 2, -root);
    i++;
  }
};

/** Solves the complex system (p q; r s)·x = (e, f) by elimination with the larger pivot; `least` takes the place of zero. */
const solvePair = (x: Mat, at: number, m: readonly number[], least: number): void => {
  const [pr = 0, pi = 0, q = 0, r = 0, sr = 0, si = 0, er = 0, ei = 0, fr = 0, fi = 0] = m;
  // By Cramer's rule; the determinant is that of a 2×2 block less another eigenvalue.
  let dr = pr * sr - pi * si - q * r;
  const di = pr * si + pi * sr;
  if (length(dr, di) < least * least) dr = least * least;
  const v = cell();
  quotient(v, sr * er - si * ei - q * fr, sr * ei + si * er - q * fi, dr, di);
  setAt(x, at, v.re, v.im);
  quotient(v, pr * fr - pi * fi - r * er, pr * fi + pi * fr - r * ei, dr, di);
  setAt(x, at + 1, v.re, v.im);
};

/** Keeps what is solved for from overflowing: x scaled down when an element has grown too far. */
const tame = (x: Mat, i: number, n: number): void => {
  const size = length(x.re[i] ?? 0, x.im?.[i] ?? 0);
  if (size > 1e100) scaleRow(x, 0, 1 / size, 0, n);
};

/** The eigenvector of a (quasi-)triangular matrix for its eigenvalue `k`, by back substitution. */
const eigenvector = (t: Mat, w: Mat, k: number, n: number, size: number): Mat => {
  const x = zeros(n, true);
  const [lr, li] = [w.re[k] ?? 0, w.im?.[k] ?? 0];
  const least = Math.max(epsilon * size, 1e-290);
  const re = (i: number, j: number): number => t.re[i * n + j] ?? 0;
  const im = (i: number, j: number): number => t.im?.[i * n + j] ?? 0;
  const v = cell();
  let last = k;
  if (paired(t, n, k + 1) || paired(t, n, k)) {
    last = paired(t, n, k) ? k : k + 1;
    setAt(x, last, 1, 0);
    quotient(v, lr - re(last, last), li, re(last, last - 1), 0);
    setAt(x, last - 1, v.re, v.im);
    last--;
  } else setAt(x, k, 1, 0);
  const end = x.re.findLastIndex((_, i) => (x.re[i] ?? 0) !== 0) + 1;
  for (let i = last - 1; i >= 0; i--) {
    const right = (row: number): readonly [number, number] => {
      let [sr, si] = [0, 0];
      for (let j = i + 1; j < end; j++) {
        const [a, b] = [re(row, j), im(row, j)];
        const [p, q] = [x.re[j] ?? 0, x.im?.[j] ?? 0];
        sr -= a * p - b * q;
        si -= a * q + b * p;
      }
      return [sr, si];
    };
    const [fr, fi] = right(i);
    if (paired(t, n, i)) {
      const [er, ei] = right(i - 1);
      const a = re(i - 1, i - 1) - lr;
      const d = re(i, i) - lr;
      solvePair(x, i - 1, [a, -li, re(i - 1, i), re(i, i - 1), d, -li, er, ei, fr, fi], least);
      i--;
    } else {
      let dr = re(i, i) - lr;
      const di = im(i, i) - li;
      if (length(dr, di) < least) dr = least;
      quotient(v, fr, fi, dr, di);
      setAt(x, i, v.re, v.im);
    }
    tame(x, i, n);
  }
  return x;
};

/**
 * The eigenvalues of an n×n matrix, and unit eigenvectors, their largest elements real, as the columns of `v` unless that
 * is null. False where the iteration does not converge.
 */
export const eig = (a: Mat, w: Mat, v: Mat | null, n: number): boolean => {
  const { t, rows, converged } = schur(a, n);
  if (!converged) return false;
  eigenvalues(t, w, n);
  if (v === null) return true;
  let size = 0;
  for (const x of t.re) size = Math.max(size, Math.abs(x));
  const z: Mat = { re: rows.re, im: rows.im ?? new Float64Array(rows.re.length) };
  for (let k = 0; k < n; k++) {
    const x = eigenvector(t, w, k, n, size);
    const row = zeros(n, true);
    for (let i = 0; i < n; i++)
      if ((x.re[i] ?? 0) !== 0 || (x.im?.[i] ?? 0) !== 0)
        axpy(row, 0, x.re[i] ?? 0, x.im?.[i] ?? 0, z, i * n, n);
    fixPhase(row, 0, n);
    let norm = 0;
    for (let i = 0; i < n; i++) norm += (row.re[i] ?? 0) ** 2 + (row.im?.[i] ?? 0) ** 2;
    scaleRow(row, 0, 1 / Math.sqrt(norm), 0, n);
    for (let i = 0; i < n; i++) setAt(v, i * n + k, row.re[i] ?? 0, row.im?.[i] ?? 0);
  }
  return true;
};

/** Eigenvalues and eigenvectors of general matrices, from their Schur form. */
import { type Cell, cell, length, type Mat, quotient, scratch, setAt } from "./mat.js";
import { addRows, dot, scaleRow, squares } from "./rows.js";
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

/** Minus the product of row `i` of `t` with `x` over columns `from` up to `to`. */
const rowTimes = (
  out: Cell,
  t: Mat,
  i: number,
  n: number,
  x: Mat,
  from: number,
  to: number,
): void => {
  const count = to - from;
  dot(out, { re: t.re, im: null }, i * n + from, { re: x.re, im: null }, from, count, false);
  let [re, im] = [out.re, 0];
  if (x.im !== null) {
    dot(out, { re: t.re, im: null }, i * n + from, { re: x.im, im: null }, from, count, false);
    im = out.re;
  }
  if (t.im !== null && x.im !== null) {
    dot(out, { re: t.im, im: null }, i * n + from, { re: x.im, im: null }, from, count, false);
    re -= out.re;
    dot(out, { re: t.im, im: null }, i * n + from, { re: x.re, im: null }, from, count, false);
    im += out.re;
  }
  out.re = -re;
  out.im = -im;
};

/** The eigenvector of a (quasi-)triangular matrix for its eigenvalue `k`, by back substitution; zero beyond row k + 1. */
const eigenvector = (t: Mat, w: Mat, k: number, n: number, size: number, x: Mat): void => {
  x.re.fill(0);
  x.im?.fill(0);
  const [lr, li] = [w.re[k] ?? 0, w.im?.[k] ?? 0];
  const least = Math.max(epsilon * size, 1e-290);
  const v = cell();
  const other = cell();
  const last = paired(t, n, k + 1) ? k + 1 : k;
  setAt(x, last, 1, 0);
  let top = last;
  if (paired(t, n, last)) {
    quotient(v, lr - (t.re[last * n + last] ?? 0), li, t.re[last * n + last - 1] ?? 0, 0);
    setAt(x, --top, v.re, v.im);
  }
  for (let i = top - 1; i >= 0; i--) {
    const at = i * n + i;
    rowTimes(v, t, i, n, x, i + 1, last + 1);
    if (paired(t, n, i)) {
      rowTimes(other, t, i - 1, n, x, i + 1, last + 1);
      const a = (t.re[at - n - 1] ?? 0) - lr;
      const d = (t.re[at] ?? 0) - lr;
      const [b, c] = [t.re[at - n] ?? 0, t.re[at - 1] ?? 0];
      solvePair(x, i - 1, [a, -li, b, c, d, -li, other.re, other.im, v.re, v.im], least);
      i--;
    } else {
      let dr = (t.re[at] ?? 0) - lr;
      const di = (t.im?.[at] ?? 0) - li;
      if (length(dr, di) < least) dr = least;
      quotient(v, v.re, v.im, dr, di);
      setAt(x, i, v.re, v.im);
    }
    tame(x, i, n);
  }
};

/** Column `k` of `v` becomes the unit vector along `row`; `sign` -1 conjugates it. */
const place = (v: Mat, k: number, n: number, row: Mat, sign: number): void => {
  for (let i = 0; i < n; i++) setAt(v, i * n + k, row.re[i] ?? 0, sign * (row.im?.[i] ?? 0));
};

/**
 * The eigenvalues of an n×n matrix, and unit eigenvectors, their largest elements real, as the columns of `v` unless that
 * is null. False where the iteration does not converge.
 */
export const eig = (a: Mat, w: Mat, v: Mat | null, n: number): boolean => {
  const { t, rows, converged } = schur(a, n, v !== null);
  if (!converged) return false;
  eigenvalues(t, w, n);
  if (v === null) return true;
  let size = 0;
  for (const x of t.re) size = Math.max(size, Math.abs(x));
  const x = scratch(n, true);
  const row = scratch(n, true);
  const [re, im] = [row.re, row.im ?? row.re];
  const real = (m: Float64Array | null): Mat => ({ re: m ?? re, im: null });
  for (let k = 0; k < n; k++) {
    const alone = t.im === null && (w.im?.[k] ?? 0) === 0;
    eigenvector(t, w, k, n, size, alone ? real(x.re) : x);
    if (alone) x.im?.fill(0);
    const count = Math.min(k + 2, n);
    re.fill(0);
    im.fill(0);
    addRows(real(re), 0, 1, real(x.re), 0, 1, real(rows.re), 0, n, count, n);
    if (!alone) addRows(real(im), 0, 1, real(x.im), 0, 1, real(rows.re), 0, n, count, n);
    if (rows.im !== null) {
      addRows(real(re), 0, -1, real(x.im), 0, 1, real(rows.im), 0, n, count, n);
      addRows(real(im), 0, 1, real(x.re), 0, 1, real(rows.im), 0, n, count, n);
    }
    fixPhase(row, 0, n);
    scaleRow(row, 0, 1 / Math.sqrt(squares(row, 0, n)), 0, n);
    place(v, k, n, row, 1);
    if (paired(t, n, k + 1)) place(v, ++k, n, row, -1);
  }
  return true;
};

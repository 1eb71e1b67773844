/** LU factorisation with row exchanges, and what is solved with it. */
import { cell, copyInto, copyOf, identity, type Mat, quotient, scratch, setAt } from "./mat.js";
import { addRows, axpy, swapRows } from "./rows.js";
import { solveTriangular } from "./triangular.js";

const size = (a: Mat, i: number): number => {
  const re = Math.abs(a.re[i] ?? 0);
  return a.im === null ? re : re + Math.abs(a.im[i] ?? 0);
};

/** The row from `k` on with the largest element in column `k`; the first NaN counts as such. */
const pivotRow = (a: Mat, m: number, n: number, k: number): number => {
  let best = k;
  let most = -1;
  for (let i = k; i < m; i++) {
    const v = size(a, i * n + k);
    if (v > most) [best, most] = [i, v];
  }
  return best;
};

/** Columns whose effect on those right of them is added in one pass. */
const panel = 8;

/** Brings what is right of the factored columns `from` up to `to` up to date. */
const update = (a: Mat, m: number, n: number, from: number, to: number): void => {
  const columns = n - to;
  for (let i = from + 1; i < m; i++) {
    const count = Math.min(i, to) - from;
    addRows(a, i * n + to, -1, a, i * n + from, 1, a, from * n + to, n, count, columns);
  }
};

/**
 * Factors the m×n `a` in place: below the diagonal the factors of L, whose diagonal is 1, the rest is U. Row k was
 * exchanged with row `pivots[k]`, and row i of L·U is row `order[i]` of what was given. False where U is singular.
 */
export const factor = (
  a: Mat,
  m: number,
  n: number,
  pivots: Float64Array,
  order: Float64Array,
): boolean => {
  const f = cell();
  let regular = true;
  for (let i = 0; i < m; i++) order[i] = i;
  const least = Math.min(m, n);
  for (let k = 0; k < least; k++) {
    const p = pivotRow(a, m, n, k);
    pivots[k] = p;
    swapRows(a, k * n, p * n, n);
    const moved = order[k] ?? 0;
    order[k] = order[p] ?? 0;
    order[p] = moved;
    const re = a.re[k * n + k] ?? 0;
    const im = a.im?.[k * n + k] ?? 0;
    const start = k - (k % panel);
    const end = Math.min(start + panel, least);
    if (re === 0 && im === 0) {
      regular = false;
      // All below is zero as well: factors of zero leave the other rows as they are.
      if (k + 1 === end) update(a, m, n, start, end);
      continue;
    }
    for (let i = k + 1; i < m; i++) {
      const at = i * n + k;
      quotient(f, a.re[at] ?? 0, a.im?.[at] ?? 0, re, im);
      setAt(a, at, f.re, f.im);
      axpy(a, at + 1, -f.re, -f.im, a, k * n + k + 1, end - k - 1);
    }
    if (k + 1 === end) update(a, m, n, start, end);
  }
  return regular;
};

/** Row i of `out` is row `order[i]` of `b`, of k elements. */
const ordered = (out: Mat, b: Mat, order: Float64Array, k: number): void => {
  for (let i = 0; i < order.length; i++) {
    const from = (order[i] ?? 0) * k;
    out.re.set(b.re.subarray(from, from + k), i * k);
    if (out.im !== null && b.im !== null) out.im.set(b.im.subarray(from, from + k), i * k);
  }
};

/** a·x = b of an n×n and an n×k matrix; false, and infinities or NaN, where `a` is singular. */
export const solve = (a: Mat, b: Mat, x: Mat, n: number, k: number): boolean => {
  const packed = copyOf(a);
  const order = scratch(n, false).re;
  const regular = factor(packed, n, n, scratch(n, false).re, order);
  ordered(x, b, order, k);
  solveTriangular(packed, x, n, k, false, true);
  solveTriangular(packed, x, n, k, true, false);
  return regular;
};

/** The inverse of an n×n matrix; false, and infinities or NaN, where it is singular. */
export const invert = (a: Mat, x: Mat, n: number): boolean => {
  const one = identity(n, n, a.im !== null);
  return solve(a, one, x, n, n);
};

/** The factorisation as three results, leaving `a` as it is. */
export const lu = (a: Mat, packed: Mat, pivots: Mat, order: Mat, m: number, n: number): void => {
  copyInto(packed, a);
  factor(packed, m, n, pivots.re, order.re);
};

/** Householder reflections, made from a vector and applied to either side of a matrix. */
import { type Cell, cell, copyOf, type Mat, quotient, scratch, setAt } from "./mat.js";
import { addOuter, addRows, axpy, dot, rowProducts, scaleRow, squares } from "./rows.js";

/** I - tau·v·vᴴ. */
export interface Reflection {
  readonly v: Mat;
  readonly tau: Cell;
}

/**
 * Turns the `n` elements of `v` from `at` into the vector of a reflection H, its first element 1, with
 * Hᴴ·given = (beta, 0, …), beta real; gives back beta. The signs are LAPACK's: beta opposes the first element.
 */
export const reflection = (v: Mat, at: number, n: number, tau: Cell): number => {
  const re = v.re[at] ?? 0;
  const im = v.im?.[at] ?? 0;
  const rest = n > 1 ? squares(v, at + 1, n - 1) : 0;
  tau.re = 0;
  tau.im = 0;
  if (rest === 0 && im === 0) {
    setAt(v, at, 1, 0);
    return re;
  }
  const size = Math.sqrt(re * re + im * im + rest);
  const beta = re > 0 ? -size : size;
  const f = cell();
  quotient(f, 1, 0, re - beta, im);
  scaleRow(v, at + 1, f.re, f.im, n - 1);
  setAt(v, at, 1, 0);
  tau.re = (beta - re) / beta;
  tau.im = -im / beta;
  return beta;
};

/** A block of a row-major matrix with rows of `stride` elements. */
export interface Block {
  readonly a: Mat;
  readonly stride: number;
  readonly row: number;
  readonly rows: number;
  readonly column: number;
  readonly columns: number;
}

const conjugated = (v: Mat): Mat => {
  if (v.im === null) return v;
  const out = copyOf(v);
  scaleRow({ re: out.im ?? out.re, im: null }, 0, -1, 0, v.re.length);
  return out;
};

/** Applies a reflection, or its adjoint, from the left; element `at` of `v` belongs to the first row of the block. */
export const reflectLeft = (b: Block, v: Mat, at: number, tau: Cell, adjoint: boolean): void => {
  if (tau.re === 0 && tau.im === 0) return;
  const { a, stride, columns } = b;
  const first = b.row * stride + b.column;
  const w = scratch(columns, a.im !== null);
  const bar = conjugated(v);
  addRows(w, 0, 1, bar, at, 1, a, first, stride, b.rows, columns);
  if (a.im === null) {
    addOuter(a.re, first, stride, b.rows, -tau.re, v.re, at, w.re, 0, columns);
    return;
  }
  const ti = adjoint ? -tau.im : tau.im;
  for (let r = 0; r < b.rows; r++) {
    const re = v.re[at + r] ?? 0;
    const im = v.im?.[at + r] ?? 0;
    axpy(a, first + r * stride, ti * im - tau.re * re, -(tau.re * im + ti * re), w, 0, columns);
  }
};

/** Applies a reflection from the right; element `at` of `v` belongs to the first column of the block. */
export const reflectRight = (b: Block, v: Mat, at: number, tau: Cell): void => {
  if (tau.re === 0 && tau.im === 0) return;
  const { a, stride, columns } = b;
  const first = b.row * stride + b.column;
  if (a.im === null) {
    const w = scratch(b.rows, false).re;
    rowProducts(w, a.re, first, stride, b.rows, v.re, at, columns);
    addOuter(a.re, first, stride, b.rows, -tau.re, w, 0, v.re, at, columns);
    return;
  }
  const s = cell();
  // The conjugate of v, which a row of the result is a multiple of away from the row given.
  const bar = conjugated(v);
  for (let r = 0; r < b.rows; r++) {
    const row = first + r * stride;
    dot(s, a, row, v, at, columns, false);
    axpy(a, row, s.im * tau.im - s.re * tau.re, -(s.re * tau.im + s.im * tau.re), bar, at, columns);
  }
};

/** The first `columns` columns of H₀·H₁·…, where reflection j acts on rows from `j + shift` on. */
export const accumulate = (
  list: readonly Reflection[],
  rows: number,
  columns: number,
  shift: number,
  complex: boolean,
): Mat => {
  const q = scratch(rows * columns, complex);
  for (let i = 0; i < Math.min(rows, columns); i++) q.re[i * columns + i] = 1;
  for (let j = list.length - 1; j >= 0; j--) {
    const h = list[j];
    if (h === undefined) continue;
    const from = j + shift;
    const start = Math.min(from, columns);
    const block = { a: q, stride: columns, row: from, rows: rows - from };
    reflectLeft({ ...block, column: start, columns: columns - start }, h.v, 0, h.tau, false);
  }
  return q;
};

/** Rows `row`… of column `column` as a vector of its own. */
export const columnOf = (
  a: Mat,
  stride: number,
  row: number,
  rows: number,
  column: number,
): Mat => {
  const v = scratch(rows, a.im !== null);
  for (let r = 0; r < rows; r++) {
    const at = (row + r) * stride + column;
    setAt(v, r, a.re[at] ?? 0, a.im?.[at] ?? 0);
  }
  return v;
};

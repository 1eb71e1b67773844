/** Eigenvalues and eigenvectors of Hermitian matrices: reduction to a real tridiagonal matrix, then implicit QL steps. */
import { cell, copyOf, length, type Mat, scratch, setAt, transposed } from "./mat.js";
import {
  accumulate,
  columnOf,
  type Reflection,
  reflection,
  reflectLeft,
  reflectRight,
} from "./reflect.js";
import { Turns } from "./turns.js";

/** q·t·qᴴ with the diagonal and subdiagonal of a real tridiagonal t; q as the reflections that make it. */
interface Reduced {
  readonly diagonal: Float64Array;
  readonly below: Float64Array;
  readonly list: readonly Reflection[];
}

/** The lower triangle on both sides of a real diagonal. */
const hermitian = (a: Mat, n: number): Mat => {
  const full = copyOf(a);
  for (let i = 0; i < n; i++) {
    if (full.im !== null) full.im[i * n + i] = 0;
    for (let j = 0; j < i; j++)
      setAt(full, j * n + i, a.re[i * n + j] ?? 0, -(a.im?.[i * n + j] ?? 0));
  }
  return full;
};

const diagonalOf = (a: Float64Array, n: number): Float64Array => {
  const d = scratch(n, false).re;
  for (let i = 0; i < n; i++) d[i] = a[i * n + i] ?? 0;
  return d;
};

const reduceComplex = (a: Mat, n: number): Reduced => {
  const h = hermitian(a, n);
  const list: Reflection[] = [];
  const below = scratch(n, false).re;
  for (let i = 0; i + 1 < n; i++) {
    const rest = n - i - 1;
    const v = columnOf(h, n, i + 1, rest, i);
    const tau = cell();
    below[i] = reflection(v, 0, rest, tau);
    const block = { a: h, stride: n, row: i + 1, rows: rest, column: i + 1, columns: rest };
    reflectLeft(block, v, 0, tau, true);
    reflectRight(block, v, 0, tau);
    list.push({ v, tau });
  }
  return {
    diagonal: diagonalOf(h.re, n),
    below,
    list,
  };
};

/** p = tau·S·v for the symmetric S whose lower triangle starts at row and column `first` of `a`. */
const timesSymmetric = (
  a: Float64Array,
  n: number,
  first: number,
  v: Float64Array,
  tau: number,
  p: Float64Array,
): void => {
  const rows = n - first;
  for (let r = 0; r < rows; r++) {
    const at = (first + r) * n + first;
    const f = v[r] ?? 0;
    let s = 0;
    for (let c = 0; c < r; c++) {
      const x = a[at + c] ?? 0;
      s += x * (v[c] ?? 0);
      p[c] = (p[c] ?? 0) + x * f;
    }
    p[r] = s + (a[at + r] ?? 0) * f;
  }
  for (let r = 0; r < rows; r++) p[r] = tau * (p[r] ?? 0);
};

const reduceReal = (given: Float64Array, n: number): Reduced => {
  const a = copyOf({ re: given, im: null }).re;
  const list: Reflection[] = [];
  const below = scratch(n, false).re;
  const p = scratch(n, false).re;
  for (let i = 0; i + 1 < n; i++) {
    const first = i + 1;
    const rows = n - first;
    const v = columnOf({ re: a, im: null }, n, first, rows, i);
    const tau = cell();
    below[i] = reflection(v, 0, rows, tau);
    list.push({ v, tau });
    if (tau.re === 0) continue;
    const x = v.re;
    timesSymmetric(a, n, first, x, tau.re, p);
    let inner = 0;
    for (let r = 0; r < rows; r++) inner += (p[r] ?? 0) * (x[r] ?? 0);
    const half = (tau.re / 2) * inner;
    for (let r = 0; r < rows; r++) p[r] = (p[r] ?? 0) - half * (x[r] ?? 0);
    for (let r = 0; r < rows; r++) {
      const at = (first + r) * n + first;
      const [f, g] = [x[r] ?? 0, p[r] ?? 0];
      for (let c = 0; c <= r; c++) a[at + c] = (a[at + c] ?? 0) - f * (p[c] ?? 0) - g * (x[c] ?? 0);
    }
  }
  return { diagonal: diagonalOf(a, n), below, list };
};

const epsilon = 2 ** -52;
const mostSteps = 60;

/** The first place from `l` on behind which the matrix splits. */
const split = (d: Float64Array, e: Float64Array, l: number, least: number): number => {
  let m = l;
  for (; m < d.length - 1; m++) {
    const near = Math.abs(d[m] ?? 0) + Math.abs(d[m + 1] ?? 0);
    if (Math.abs(e[m] ?? 0) <= Math.max(epsilon * near, least)) break;
  }
  return m;
};

/** One implicit QL step on rows l..m; neighbouring rows turn with it, from row m down. */
const step = (d: Float64Array, e: Float64Array, l: number, m: number, turns: Turns): void => {
  turns.begin(m, -1, m - l);
  const dl = d[l] ?? 0;
  const el = e[l] ?? 0;
  let g = ((d[l + 1] ?? 0) - dl) / (2 * el);
  const root = length(g, 1);
  g = (d[m] ?? 0) - dl + el / (g + (g < 0 ? -root : root));
  let [s, c, p] = [1, 1, 0];
  for (let i = m - 1; i >= l; i--) {
    const f = s * (e[i] ?? 0);
    const b = c * (e[i] ?? 0);
    const r = length(f, g);
    e[i + 1] = r;
    if (r === 0) {
      d[i + 1] = (d[i + 1] ?? 0) - p;
      e[m] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    turns.push(c, s);
    g = (d[i + 1] ?? 0) - p;
    const q = ((d[i] ?? 0) - g) * s + 2 * c * b;
    p = s * q;
    d[i + 1] = g + p;
    g = c * q - b;
  }
  d[l] = (d[l] ?? 0) - p;
  e[l] = g;
  e[m] = 0;
};

/** Diagonalises in place: `d` becomes the eigenvalues. False where that does not converge. */
const diagonalise = (
  d: Float64Array,
  e: Float64Array,
  planes: readonly Float64Array[],
): boolean => {
  const n = d.length;
  let size = 0;
  for (let i = 0; i < n; i++) size = Math.max(size, Math.abs(d[i] ?? 0) + Math.abs(e[i] ?? 0));
  if (!Number.isFinite(size)) return false;
  const least = epsilon * epsilon * size;
  const turns = new Turns(planes, n, n);
  for (let l = 0; l < n; l++) {
    for (let steps = 0; ; steps++) {
      const m = split(d, e, l, least);
      if (m === l) break;
      if (steps === mostSteps) return false;
      step(d, e, l, m, turns);
    }
  }
  turns.flush();
  return true;
};

const ascending = (d: Float64Array): number[] =>
  Array.from(d.keys()).sort((i, j) => (d[i] ?? 0) - (d[j] ?? 0) || i - j);

/** Turns row `i` of `v`, of n elements, such that its element of largest modulus is real and positive. */
export const fixPhase = (v: Mat, i: number, n: number): { re: number; im: number } => {
  const { re, im } = v;
  if (im === null) return { re: 1, im: 0 };
  let best = i * n;
  let most = -1;
  for (let p = i * n; p < (i + 1) * n; p++) {
    const size = (re[p] ?? 0) ** 2 + (im[p] ?? 0) ** 2;
    if (size > most) [best, most] = [p, size];
  }
  const size = Math.sqrt(most);
  const [x, y] = [(re[best] ?? 0) / size, (im[best] ?? 0) / size];
  if (!(size > 0)) return { re: 1, im: 0 };
  for (let p = i * n; p < (i + 1) * n; p++) {
    const [a, b] = [re[p] ?? 0, im[p] ?? 0];
    re[p] = a * x + b * y;
    im[p] = p === best ? 0 : b * x - a * y;
  }
  return { re: x, im: -y };
};

/**
 * The eigenvalues of the Hermitian matrix whose lower triangle is that of the n×n `a`, ascending, in `w`, and unit
 * eigenvectors as the columns of `v` unless that is null. Those of complex matrices have a real largest element. False
 * where the iteration does not converge.
 */
export const eigh = (a: Mat, w: Mat, v: Mat | null, n: number): boolean => {
  const { diagonal, below, list } = a.im === null ? reduceReal(a.re, n) : reduceComplex(a, n);
  const complex = a.im !== null;
  const rows = v === null ? null : transposed(accumulate(list, n, n, 1, complex), n, n, false);
  const planes = rows === null ? [] : rows.im === null ? [rows.re] : [rows.re, rows.im];
  const converged = diagonalise(diagonal, below, planes);
  const order = ascending(diagonal);
  order.forEach((from, i) => {
    w.re[i] = diagonal[from] ?? 0;
    if (v === null || rows === null) return;
    fixPhase(rows, from, n);
    for (let j = 0; j < n; j++)
      setAt(v, j * n + i, rows.re[from * n + j] ?? 0, rows.im?.[from * n + j] ?? 0);
  });
  return converged;
};

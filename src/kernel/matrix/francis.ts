/** Implicit double-shift QR steps on real Hessenberg matrices. */
import { blockStart, mostSteps } from "./hessenberg.js";
import { length, type Mat } from "./mat.js";

/** I - tau·(1, y, z)·(1, y, z)ᵀ that takes (a, b, c) to a multiple of the first axis; tau is 0 for none. */
const threeReflection = (a: number, b: number, c: number): readonly [number, number, number] => {
  const size = Math.max(Math.abs(a), Math.abs(b), Math.abs(c));
  if (b === 0 && c === 0) return [0, 0, 0];
  const [x, y, z] = [a / size, b / size, c / size];
  const root = Math.sqrt(x * x + y * y + z * z);
  const beta = x > 0 ? -root : root;
  return [(beta - x) / beta, y / (x - beta), z / (x - beta)];
};

/** Rows i, i+1 and (of three) i+2 of `a` from column `from` up to `to`. */
const reflectRows = (
  a: Float64Array,
  n: number,
  i: number,
  from: number,
  to: number,
  rows: number,
  [tau, y, z]: readonly [number, number, number],
): void => {
  const [p, q, r] = [i * n, (i + 1) * n, (i + 2) * n];
  for (let j = from; j < to; j++) {
    const third = rows === 3 ? (a[r + j] ?? 0) : 0;
    const s = tau * ((a[p + j] ?? 0) + y * (a[q + j] ?? 0) + z * third);
    a[p + j] = (a[p + j] ?? 0) - s;
    a[q + j] = (a[q + j] ?? 0) - s * y;
    if (rows === 3) a[r + j] = third - s * z;
  }
};

/** Columns i, i+1 and (of three) i+2 of rows first..last. */
const reflectColumns = (
  a: Float64Array,
  n: number,
  i: number,
  first: number,
  last: number,
  columns: number,
  [tau, y, z]: readonly [number, number, number],
): void => {
  for (let r = first; r <= last; r++) {
    const at = r * n + i;
    const third = columns === 3 ? (a[at + 2] ?? 0) : 0;
    const s = tau * ((a[at] ?? 0) + y * (a[at + 1] ?? 0) + z * third);
    a[at] = (a[at] ?? 0) - s;
    a[at + 1] = (a[at + 1] ?? 0) - s * y;
    if (columns === 3) a[at + 2] = third - s * z;
  }
};

/** One implicit double-shift step on rows lo..hi; every tenth has a shift of its own. */
const francis = (
  h: Float64Array,
  z: Float64Array,
  n: number,
  lo: number,
  hi: number,
  steps: number,
  whole: boolean,
): void => {
  const at = (i: number, j: number): number => h[i * n + j] ?? 0;
  let sum = at(hi - 1, hi - 1) + at(hi, hi);
  let product = at(hi - 1, hi - 1) * at(hi, hi) - at(hi - 1, hi) * at(hi, hi - 1);
  if (steps % 10 === 9) {
    const size = Math.abs(at(hi, hi - 1)) + Math.abs(at(hi - 1, hi - 2));
    sum = 1.5 * size;
    product = size * size;
  }
  const [h00, h10] = [at(lo, lo), at(lo + 1, lo)];
  let a = h00 * (h00 - sum) + at(lo, lo + 1) * h10 + product;
  let b = h10 * (h00 + at(lo + 1, lo + 1) - sum);
  let c = h10 * at(lo + 2, lo + 1);
  for (let k = lo; k < hi; k++) {
    const rows = k + 2 <= hi ? 3 : 2;
    const p = threeReflection(a, b, rows === 3 ? c : 0);
    const from = Math.max(lo, k - 1);
    reflectRows(h, n, k, from, whole ? n : hi + 1, rows, p);
    reflectColumns(h, n, k, whole ? 0 : lo, Math.min(k + 3, hi), rows, p);
    if (whole) reflectRows(z, n, k, 0, n, rows, p);
    if (k > lo) {
      h[(k + 1) * n + k - 1] = 0;
      if (rows === 3) h[(k + 2) * n + k - 1] = 0;
    }
    a = at(k + 1, k);
    b = k + 2 <= hi ? at(k + 2, k) : 0;
    c = k + 3 <= hi ? at(k + 3, k) : 0;
  }
};

/** Makes a 2×2 block with real eigenvalues triangular; one with complex ones stays. */
const splitPair = (
  h: Float64Array,
  z: Float64Array,
  n: number,
  hi: number,
  whole: boolean,
): void => {
  const at = (hi - 1) * n + hi - 1;
  const [a, b, c, d] = [h[at] ?? 0, h[at + 1] ?? 0, h[at + n] ?? 0, h[at + n + 1] ?? 0];
  const half = (a - d) / 2;
  const inside = half * half + b * c;
  if (inside < 0) return;
  const root = Math.sqrt(inside);
  // (b, λ - a) and (λ - d, c) are eigenvectors for λ = d + half ± root; the one without cancellation is taken.
  const away = half < 0 ? half - root : half + root;
  const size = length(away, c);
  if (size === 0) return;
  const [x, y] = [away / size, c / size];
  for (const m of whole ? [h, z] : [h]) {
    for (let j = 0; j < n; j++) {
      const [p, q] = [m[(hi - 1) * n + j] ?? 0, m[hi * n + j] ?? 0];
      m[(hi - 1) * n + j] = x * p + y * q;
      m[hi * n + j] = x * q - y * p;
    }
  }
  for (let r = 0; r <= hi; r++) {
    const i = r * n + hi - 1;
    const [p, q] = [h[i] ?? 0, h[i + 1] ?? 0];
    h[i] = x * p + y * q;
    h[i + 1] = x * q - y * p;
  }
  h[at + n] = 0;
};

export const realSchur = (
  h: Float64Array,
  z: Float64Array,
  n: number,
  least: number,
  whole: boolean,
): boolean => {
  const matrix: Mat = { re: h, im: null };
  let hi = n - 1;
  for (let steps = 0; hi >= 0; steps++) {
    const lo = blockStart(matrix, n, hi, least);
    if (hi - lo < 2) {
      if (hi - lo === 1) splitPair(h, z, n, hi, whole);
      hi = lo - 1;
      steps = -1;
    } else if (steps === mostSteps) return false;
    else francis(h, z, n, lo, hi, steps, whole);
  }
  return true;
};

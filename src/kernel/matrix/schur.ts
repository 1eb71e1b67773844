/** Schur forms: a Hessenberg matrix brought to (quasi-)triangular form by shifted QR steps. */
import { cell, copyOf, length, type Mat, quotient, setAt, transposed } from "./mat.js";
import {
  accumulate,
  columnOf,
  type Reflection,
  reflection,
  reflectLeft,
  reflectRight,
} from "./reflect.js";

/** a = z·t·zᴴ; `rows` holds the columns of z as rows. */
export interface Schur {
  readonly t: Mat;
  readonly rows: Mat;
  readonly converged: boolean;
}

const epsilon = 2 ** -52;
const mostSteps = 60;

const hessenberg = (a: Mat, n: number): { h: Mat; rows: Mat } => {
  const h = copyOf(a);
  const list: Reflection[] = [];
  for (let i = 0; i + 2 < n; i++) {
    const rest = n - i - 1;
    const v = columnOf(h, n, i + 1, rest, i);
    const tau = cell();
    const beta = reflection(v, 0, rest, tau);
    for (let r = i + 1; r < n; r++) setAt(h, r * n + i, r === i + 1 ? beta : 0, 0);
    reflectLeft(
      { a: h, stride: n, row: i + 1, rows: rest, column: i + 1, columns: rest },
      v,
      0,
      tau,
      true,
    );
    reflectRight({ a: h, stride: n, row: 0, rows: n, column: i + 1, columns: rest }, v, 0, tau);
    list.push({ v, tau });
  }
  return { h, rows: transposed(accumulate(list, n, n, 1, a.im !== null), n, n, false) };
};

const modulus = (a: Mat, i: number): number => {
  const re = Math.abs(a.re[i] ?? 0);
  return a.im === null ? re : re + Math.abs(a.im[i] ?? 0);
};

/** The first row of the block that ends at row `hi`; what stands left of it is set to zero. */
const blockStart = (h: Mat, n: number, hi: number, least: number): number => {
  let lo = hi;
  for (; lo > 0; lo--) {
    const at = lo * n + lo - 1;
    const near = modulus(h, at - n) + modulus(h, lo * n + lo);
    if (modulus(h, at) <= Math.max(epsilon * near, least)) {
      setAt(h, at, 0, 0);
      break;
    }
  }
  return lo;
};

/** I - tau·(1, y, z)·(1, y, z)ᵀ that takes (a, b, c) to a multiple of the first axis; tau is 0 for none. */
const threeReflection = (a: number, b: number, c: number): readonly [number, number, number] => {
  const size = Math.max(Math.abs(a), Math.abs(b), Math.abs(c));
  if (b === 0 && c === 0) return [0, 0, 0];
  const [x, y, z] = [a / size, b / size, c / size];
  const root = Math.sqrt(x * x + y * y + z * z);
  const beta = x > 0 ? -root : root;
  return [(beta - x) / beta, y / (x - beta), z / (x - beta)];
};

/** Rows i, i+1 and (of three) i+2 of `a` from column `from` on. */
const reflectRows = (
  a: Float64Array,
  n: number,
  i: number,
  from: number,
  rows: number,
  [tau, y, z]: readonly [number, number, number],
): void => {
  const [p, q, r] = [i * n, (i + 1) * n, (i + 2) * n];
  for (let j = from; j < n; j++) {
    const third = rows === 3 ? (a[r + j] ?? 0) : 0;
    const s = tau * ((a[p + j] ?? 0) + y * (a[q + j] ?? 0) + z * third);
    a[p + j] = (a[p + j] ?? 0) - s;
    a[q + j] = (a[q + j] ?? 0) - s * y;
    if (rows === 3) a[r + j] = third - s * z;
  }
};

/** Columns i, i+1 and (of three) i+2 of rows 0..last. */
const reflectColumns = (
  a: Float64Array,
  n: number,
  i: number,
  last: number,
  columns: number,
  [tau, y, z]: readonly [number, number, number],
): void => {
  for (let r = 0; r <= last; r++) {
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
    reflectRows(h, n, k, from, rows, p);
    reflectColumns(h, n, k, Math.min(k + 3, hi), rows, p);
    reflectRows(z, n, k, 0, rows, p);
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
const splitPair = (h: Float64Array, z: Float64Array, n: number, hi: number): void => {
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
  for (const m of [h, z]) {
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

const realSchur = (h: Float64Array, z: Float64Array, n: number, least: number): boolean => {
  const whole: Mat = { re: h, im: null };
  let hi = n - 1;
  for (let steps = 0; hi >= 0; steps++) {
    const lo = blockStart(whole, n, hi, least);
    if (hi - lo < 2) {
      if (hi - lo === 1) splitPair(h, z, n, hi);
      hi = lo - 1;
      steps = -1;
    } else if (steps === mostSteps) return false;
    else francis(h, z, n, lo, hi, steps);
  }
  return true;
};

/** The eigenvalue of the last 2×2 block that is nearer to its last element. */
const wilkinson = (h: Mat, n: number, hi: number): readonly [number, number] => {
  const re = (i: number, j: number): number => h.re[i * n + j] ?? 0;
  const im = (i: number, j: number): number => h.im?.[i * n + j] ?? 0;
  const p = hi - 1;
  const hr = (re(p, p) - re(hi, hi)) / 2;
  const hm = (im(p, p) - im(hi, hi)) / 2;
  const br = re(p, hi) * re(hi, p) - im(p, hi) * im(hi, p);
  const bi = re(p, hi) * im(hi, p) + im(p, hi) * re(hi, p);
  const ir = hr * hr - hm * hm + br;
  const ii = 2 * hr * hm + bi;
  const size = length(ir, ii);
  let rr = Math.sqrt((size + Math.abs(ir)) / 2);
  let ri = rr === 0 ? 0 : Math.abs(ii) / (2 * rr);
  if (ir < 0) [rr, ri] = [ri, rr];
  if (ii < 0) ri = -ri;
  if (rr * hr + ri * hm < 0) [rr, ri] = [-rr, -ri];
  const f = cell();
  if (hr + rr !== 0 || hm + ri !== 0) quotient(f, br, bi, hr + rr, hm + ri);
  return [re(hi, hi) - f.re, im(hi, hi) - f.im];
};

/** Rows i and j of `m`: i becomes c·i + conj(s)·j, j becomes c·j - s·i, from `from` up to `to`. */
const turnComplex = (
  m: Mat,
  i: number,
  j: number,
  step: number,
  count: number,
  c: number,
  sr: number,
  si: number,
): void => {
  const { re, im } = m;
  if (im === null) return;
  for (let p = 0; p < count * step; p += step) {
    const [xr, xi] = [re[i + p] ?? 0, im[i + p] ?? 0];
    const [yr, yi] = [re[j + p] ?? 0, im[j + p] ?? 0];
    re[i + p] = c * xr + sr * yr + si * yi;
    im[i + p] = c * xi + sr * yi - si * yr;
    re[j + p] = c * yr - sr * xr + si * xi;
    im[j + p] = c * yi - sr * xi - si * xr;
  }
};

/** One implicit single-shift step on rows lo..hi. */
const qrStep = (h: Mat, z: Mat, n: number, lo: number, hi: number, steps: number): void => {
  let [tr, ti] = wilkinson(h, n, hi);
  if (steps % 10 === 9) {
    tr = modulus(h, hi * n + hi - 1);
    ti = 0.4 * tr;
  }
  let ar = (h.re[lo * n + lo] ?? 0) - tr;
  let ai = (h.im?.[lo * n + lo] ?? 0) - ti;
  const f = cell();
  for (let k = lo; k < hi; k++) {
    const at = k > lo ? (k + 1) * n + k - 1 : (k + 1) * n + k;
    const [br, bi] = [h.re[at] ?? 0, h.im?.[at] ?? 0];
    // The rotation that takes (a, b) to (·, 0), with a real cosine.
    const size = length(ar, ai);
    const both = length(size, length(br, bi));
    if (both > 0) {
      const c = size / both;
      if (size === 0) quotient(f, br, bi, both, 0);
      else {
        quotient(f, ar, ai, size, 0);
        const [pr, pi] = [f.re, f.im];
        quotient(f, br * pr + bi * pi, bi * pr - br * pi, both, 0);
      }
      const from = Math.max(lo, k - 1);
      turnComplex(h, k * n + from, (k + 1) * n + from, 1, n - from, c, f.re, f.im);
      turnComplex(h, k, k + 1, n, Math.min(k + 2, hi) + 1, c, f.re, -f.im);
      turnComplex(z, k * n, (k + 1) * n, 1, n, c, f.re, -f.im);
    }
    if (k > lo) setAt(h, at, 0, 0);
    ar = h.re[(k + 1) * n + k] ?? 0;
    ai = h.im?.[(k + 1) * n + k] ?? 0;
  }
};

const complexSchur = (h: Mat, z: Mat, n: number, least: number): boolean => {
  let hi = n - 1;
  for (let steps = 0; hi >= 0; steps++) {
    const lo = blockStart(h, n, hi, least);
    if (lo === hi) {
      hi--;
      steps = -1;
    } else if (steps === mostSteps) return false;
    else qrStep(h, z, n, lo, hi, steps);
  }
  return true;
};

/** The Schur form of an n×n matrix; a real one keeps 2×2 blocks for its complex pairs. */
export const schur = (a: Mat, n: number): Schur => {
  let size = 0;
  for (let i = 0; i < a.re.length; i++) {
    const v = modulus(a, i);
    if (!Number.isFinite(v)) return { t: a, rows: a, converged: false };
    size = Math.max(size, v);
  }
  const { h, rows } = hessenberg(a, n);
  const least = epsilon * epsilon * size;
  const converged =
    h.im === null ? realSchur(h.re, rows.re, n, least) : complexSchur(h, rows, n, least);
  return { t: h, rows, converged };
};

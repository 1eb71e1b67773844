/** Schur forms: a Hessenberg matrix brought to (quasi-)triangular form by shifted QR steps. */

import { realSchur } from "./francis.js";
import { blockStart, hessenberg, modulus, mostSteps } from "./hessenberg.js";
import { cell, length, type Mat, quotient, setAt } from "./mat.js";

/** a = z·t·zᴴ; `rows` holds the columns of z as rows. */
export interface Schur {
  readonly t: Mat;
  readonly rows: Mat;
  readonly converged: boolean;
}

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
const qrStep = (
  h: Mat,
  z: Mat,
  n: number,
  lo: number,
  hi: number,
  steps: number,
  whole: boolean,
): void => {
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
      const first = whole ? 0 : lo;
      const [width, height] = [(whole ? n : hi + 1) - from, Math.min(k + 2, hi) + 1 - first];
      turnComplex(h, k * n + from, (k + 1) * n + from, 1, width, c, f.re, f.im);
      turnComplex(h, first * n + k, first * n + k + 1, n, height, c, f.re, -f.im);
      if (whole) turnComplex(z, k * n, (k + 1) * n, 1, n, c, f.re, -f.im);
    }
    if (k > lo) setAt(h, at, 0, 0);
    ar = h.re[(k + 1) * n + k] ?? 0;
    ai = h.im?.[(k + 1) * n + k] ?? 0;
  }
};

const complexSchur = (h: Mat, z: Mat, n: number, least: number, whole: boolean): boolean => {
  let hi = n - 1;
  for (let steps = 0; hi >= 0; steps++) {
    const lo = blockStart(h, n, hi, least);
    if (lo === hi) {
      hi--;
      steps = -1;
    } else if (steps === mostSteps) return false;
    else qrStep(h, z, n, lo, hi, steps, whole);
  }
  return true;
};

/**
 * The Schur form of an n×n matrix; a real one keeps 2×2 blocks for its complex pairs. Without `whole` only these and the
 * diagonal are right.
 */
export const schur = (a: Mat, n: number, whole: boolean): Schur => {
  let size = 0;
  for (let i = 0; i < a.re.length; i++) {
    const v = modulus(a, i);
    if (!Number.isFinite(v)) return { t: a, rows: a, converged: false };
    size = Math.max(size, v);
  }
  const { h, rows } = hessenberg(a, n, whole);
  const least = 2 ** -104 * size;
  const converged =
    h.im === null
      ? realSchur(h.re, rows.re, n, least, whole)
      : complexSchur(h, rows, n, least, whole);
  return { t: h, rows, converged };
};

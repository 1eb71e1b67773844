/** The loops over rows of matrices that all factorisations are made of. */
import type { Cell, Mat } from "./mat.js";

const addScaled = (
  y: Float64Array,
  yi: number,
  s: number,
  x: Float64Array,
  xi: number,
  n: number,
): void => {
  for (let p = 0; p < n; p++) y[yi + p] = (y[yi + p] ?? 0) + s * (x[xi + p] ?? 0);
};

/** y += a·x₀ + b·x₁ + c·x₂ + d·x₃ for four rows of `x` that lie `stride` apart. */
const addScaled4 = (
  y: Float64Array,
  yi: number,
  s: readonly [number, number, number, number],
  x: Float64Array,
  xi: number,
  stride: number,
  n: number,
): void => {
  const [a, b, c, d] = s;
  const [i1, i2, i3] = [xi + stride, xi + 2 * stride, xi + 3 * stride];
  for (let p = 0; p < n; p++)
    y[yi + p] =
      (y[yi + p] ?? 0) +
      (a * (x[xi + p] ?? 0) + b * (x[i1 + p] ?? 0)) +
      (c * (x[i2 + p] ?? 0) + d * (x[i3 + p] ?? 0));
};

/** y += sign · Σ_j f_j·x_j over `count` rows of `x` that lie `stride` apart, with factors `step` apart. */
export const addRows = (
  y: Mat,
  yi: number,
  sign: number,
  f: Mat,
  fi: number,
  step: number,
  x: Mat,
  xi: number,
  stride: number,
  count: number,
  n: number,
): void => {
  let j = 0;
  if (y.im === null) {
    const { re } = f;
    for (; j + 3 < count; j += 4) {
      const at = fi + j * step;
      const four = [
        sign * (re[at] ?? 0),
        sign * (re[at + step] ?? 0),
        sign * (re[at + 2 * step] ?? 0),
        sign * (re[at + 3 * step] ?? 0),
      ] as const;
      addScaled4(y.re, yi, four, x.re, xi + j * stride, stride, n);
    }
  }
  for (; j < count; j++) {
    const at = fi + j * step;
    axpy(y, yi, sign * (f.re[at] ?? 0), sign * (f.im?.[at] ?? 0), x, xi + j * stride, n);
  }
};

/** y += (re + i·im)·x over n elements from `yi` and `xi`. */
export const axpy = (
  y: Mat,
  yi: number,
  re: number,
  im: number,
  x: Mat,
  xi: number,
  n: number,
): void => {
  if (y.im === null || x.im === null) {
    if (re !== 0) addScaled(y.re, yi, re, x.re, xi, n);
    return;
  }
  addScaled(y.re, yi, re, x.re, xi, n);
  addScaled(y.re, yi, -im, x.im, xi, n);
  addScaled(y.im, yi, re, x.im, xi, n);
  addScaled(y.im, yi, im, x.re, xi, n);
};

const realDot = (x: Float64Array, xi: number, y: Float64Array, yi: number, n: number): number => {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let p = 0;
  for (; p + 3 < n; p += 4) {
    s0 += (x[xi + p] ?? 0) * (y[yi + p] ?? 0);
    s1 += (x[xi + p + 1] ?? 0) * (y[yi + p + 1] ?? 0);
    s2 += (x[xi + p + 2] ?? 0) * (y[yi + p + 2] ?? 0);
    s3 += (x[xi + p + 3] ?? 0) * (y[yi + p + 3] ?? 0);
  }
  for (; p < n; p++) s0 += (x[xi + p] ?? 0) * (y[yi + p] ?? 0);
  return s0 + s1 + (s2 + s3);
};

/** Σ x·y, or Σ conj(x)·y, over n elements. */
export const dot = (
  out: Cell,
  x: Mat,
  xi: number,
  y: Mat,
  yi: number,
  n: number,
  conjugate: boolean,
): void => {
  out.re = realDot(x.re, xi, y.re, yi, n);
  out.im = 0;
  if (x.im === null || y.im === null) return;
  const sign = conjugate ? -1 : 1;
  out.re -= sign * realDot(x.im, xi, y.im, yi, n);
  out.im = realDot(x.re, xi, y.im, yi, n) + sign * realDot(x.im, xi, y.re, yi, n);
};

/** Σ |x|² over n elements. */
export const squares = (x: Mat, xi: number, n: number): number => {
  const re = realDot(x.re, xi, x.re, xi, n);
  return x.im === null ? re : re + realDot(x.im, xi, x.im, xi, n);
};

/** x ·= re + i·im over n elements. */
export const scaleRow = (x: Mat, xi: number, re: number, im: number, n: number): void => {
  const { re: a, im: b } = x;
  for (let p = xi; p < xi + n; p++) {
    const v = a[p] ?? 0;
    if (b === null) a[p] = re * v;
    else {
      const w = b[p] ?? 0;
      a[p] = re * v - im * w;
      b[p] = re * w + im * v;
    }
  }
};

/** Σ x·y of `x` with four rows of `y` that lie `stride` apart. */
export const dot4 = (
  out: Float64Array,
  x: Float64Array,
  xi: number,
  y: Float64Array,
  yi: number,
  stride: number,
  n: number,
): void => {
  const [i1, i2, i3] = [yi + stride, yi + 2 * stride, yi + 3 * stride];
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let p = 0; p < n; p++) {
    const v = x[xi + p] ?? 0;
    a += v * (y[yi + p] ?? 0);
    b += v * (y[i1 + p] ?? 0);
    c += v * (y[i2 + p] ?? 0);
    d += v * (y[i3 + p] ?? 0);
  }
  out[0] = a;
  out[1] = b;
  out[2] = c;
  out[3] = d;
};

/** Adds f_r·x to four rows of `y` that lie `stride` apart. */
const addToFour = (
  y: Float64Array,
  yi: number,
  stride: number,
  f: Float64Array,
  x: Float64Array,
  xi: number,
  n: number,
): void => {
  const [a, b, c, d] = [f[0] ?? 0, f[1] ?? 0, f[2] ?? 0, f[3] ?? 0];
  const [i1, i2, i3] = [yi + stride, yi + 2 * stride, yi + 3 * stride];
  for (let p = 0; p < n; p++) {
    const v = x[xi + p] ?? 0;
    y[yi + p] = (y[yi + p] ?? 0) + a * v;
    y[i1 + p] = (y[i1 + p] ?? 0) + b * v;
    y[i2 + p] = (y[i2 + p] ?? 0) + c * v;
    y[i3 + p] = (y[i3 + p] ?? 0) + d * v;
  }
};

const four = new Float64Array(4);

/** Adds scale·f_r·x to each of `rows` rows of `y` that lie `stride` apart; all real. */
export const addOuter = (
  y: Float64Array,
  yi: number,
  stride: number,
  rows: number,
  scale: number,
  f: Float64Array,
  fi: number,
  x: Float64Array,
  xi: number,
  n: number,
): void => {
  let r = 0;
  for (; r + 3 < rows; r += 4) {
    for (let k = 0; k < 4; k++) four[k] = scale * (f[fi + r + k] ?? 0);
    addToFour(y, yi + r * stride, stride, four, x, xi, n);
  }
  for (; r < rows; r++) addScaled(y, yi + r * stride, scale * (f[fi + r] ?? 0), x, xi, n);
};

/** The products of `rows` rows of `y` that lie `stride` apart with `x`; all real. */
export const rowProducts = (
  out: Float64Array,
  y: Float64Array,
  yi: number,
  stride: number,
  rows: number,
  x: Float64Array,
  xi: number,
  n: number,
): void => {
  let r = 0;
  for (; r + 3 < rows; r += 4) {
    dot4(four, x, xi, y, yi + r * stride, stride, n);
    out.set(four, r);
  }
  for (; r < rows; r++) out[r] = realDot(x, xi, y, yi + r * stride, n);
};

const swapPart = (a: Float64Array, i: number, j: number, n: number): void => {
  for (let p = 0; p < n; p++) {
    const t = a[i + p] ?? 0;
    a[i + p] = a[j + p] ?? 0;
    a[j + p] = t;
  }
};

/** Exchanges n elements from `i` with those from `j`. */
export const swapRows = (a: Mat, i: number, j: number, n: number): void => {
  if (i === j) return;
  swapPart(a.re, i, j, n);
  if (a.im !== null) swapPart(a.im, i, j, n);
};

/** Rows i and j of a real matrix turned: i becomes c·i + s·j, j becomes c·j - s·i. */
export const turnRows = (
  a: Float64Array,
  i: number,
  j: number,
  n: number,
  c: number,
  s: number,
): void => {
  for (let p = 0; p < n; p++) {
    const x = a[i + p] ?? 0;
    const y = a[j + p] ?? 0;
    a[i + p] = c * x + s * y;
    a[j + p] = c * y - s * x;
  }
};

/**
 * Turns neighbouring rows in turn: for each of `count` steps, whose cosines and sines start at `from`, n elements at `at`
 * and at `at + way` by {@link turnRows}, `at` going on by `way`. Two steps share a pass over their rows.
 */
export const turnAll = (
  a: Float64Array,
  at: number,
  way: number,
  n: number,
  cosines: Float64Array,
  sines: Float64Array,
  from: number,
  count: number,
): void => {
  let k = 0;
  // Not at + k · way: that is -0 where the way is down, and makes every index a double.
  let i0 = at;
  for (; k + 1 < count; k += 2, i0 += way + way) {
    const i1 = i0 + way;
    const i2 = i1 + way;
    const [c, s] = [cosines[from + k] ?? 0, sines[from + k] ?? 0];
    const [d, t] = [cosines[from + k + 1] ?? 0, sines[from + k + 1] ?? 0];
    for (let p = 0; p < n; p++) {
      const x = a[i0 + p] ?? 0;
      const y = a[i1 + p] ?? 0;
      const z = a[i2 + p] ?? 0;
      a[i0 + p] = c * x + s * y;
      const w = c * y - s * x;
      a[i1 + p] = d * w + t * z;
      a[i2 + p] = d * z - t * w;
    }
  }
  if (k < count) turnRows(a, i0, i0 + way, n, cosines[from + k] ?? 0, sines[from + k] ?? 0);
};

/** Row-major matrices in double precision, real or complex, and the loops over rows that all factorisations are made of. */

/** Elements in row-major order; `im` is null for real ones. */
export interface Mat {
  readonly re: Float64Array;
  readonly im: Float64Array | null;
}

/** A complex number that results are left in; its imaginary part is 0 where all is real. */
export interface Cell {
  re: number;
  im: number;
}

export const cell = (): Cell => ({ re: 0, im: 0 });

export const zeros = (size: number, complex: boolean): Mat => ({
  re: new Float64Array(size),
  im: complex ? new Float64Array(size) : null,
});

export const copyOf = (a: Mat): Mat => ({ re: a.re.slice(), im: a.im?.slice() ?? null });

export const copyInto = (out: Mat, a: Mat): void => {
  out.re.set(a.re);
  if (out.im !== null && a.im !== null) out.im.set(a.im);
};

export const setAt = (a: Mat, i: number, re: number, im: number): void => {
  a.re[i] = re;
  if (a.im !== null) a.im[i] = im;
};

/** The n×n identity, or the first n columns of that of m rows. */
export const identity = (m: number, n: number, complex: boolean): Mat => {
  const out = zeros(m * n, complex);
  for (let i = 0; i < Math.min(m, n); i++) out.re[i * n + i] = 1;
  return out;
};

const plainTranspose = (a: Float64Array, m: number, n: number, sign: number): Float64Array => {
  const out = new Float64Array(m * n);
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) out[j * m + i] = sign * (a[i * n + j] ?? 0);
  return out;
};

/** The transpose of an m×n matrix, conjugated on request. */
export const transposed = (a: Mat, m: number, n: number, conjugate: boolean): Mat => ({
  re: plainTranspose(a.re, m, n, 1),
  im: a.im === null ? null : plainTranspose(a.im, m, n, conjugate ? -1 : 1),
});

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

/** The quotient a / b of complex numbers, without overflow on the way. */
export const quotient = (out: Cell, ar: number, ai: number, br: number, bi: number): void => {
  if (bi === 0) {
    out.re = ar / br;
    out.im = ai === 0 ? 0 : ai / br;
  } else if (Math.abs(br) >= Math.abs(bi)) {
    const r = bi / br;
    const d = br + bi * r;
    out.re = (ar + ai * r) / d;
    out.im = (ai - ar * r) / d;
  } else {
    const r = br / bi;
    const d = br * r + bi;
    out.re = (ar * r + ai) / d;
    out.im = (ai * r - ar) / d;
  }
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

/** √(a² + b²), fast where squares are safe. */
export const length = (a: number, b: number): number => {
  const s = a * a + b * b;
  return s > 1e-280 && s < 1e300 ? Math.sqrt(s) : Math.hypot(a, b);
};

/** The largest modulus of a part of an element; NaN where there is one. */
export const largest = (a: Mat): number => {
  let most = 0;
  for (const part of a.im === null ? [a.re] : [a.re, a.im])
    for (let i = 0; i < part.length; i++) {
      const v = Math.abs(part[i] ?? 0);
      if (!(v <= most)) most = v;
      if (Number.isNaN(v)) return v;
    }
  return most;
};

/** Row-major matrices in double precision, real or complex, and the memory that routines work in. */

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

/** Memory of one routine on one matrix: handed out from a block that the next matrix uses again. */
const workspace = { words: new Float64Array(2 ** 12), used: 0 };
/** A larger block is not kept. */
const mostKept = 2 ** 20;

/** Takes back all scratch memory. */
export const resetScratch = (): void => {
  workspace.used = 0;
  if (workspace.words.length > mostKept) workspace.words = new Float64Array(2 ** 12);
};

const take = (size: number): Float64Array => {
  if (workspace.used + size > workspace.words.length) {
    workspace.words = new Float64Array(Math.max(2 * workspace.words.length, 2 * size));
    workspace.used = 0;
  }
  const out = new Float64Array(workspace.words.buffer, 8 * workspace.used, size);
  workspace.used += size;
  return out;
};

/** Zeros that last until the next {@link resetScratch}. */
export const scratch = (size: number, complex: boolean): Mat => ({
  re: take(size).fill(0),
  im: complex ? take(size).fill(0) : null,
});

const copyPart = (a: Float64Array): Float64Array => {
  const out = take(a.length);
  out.set(a);
  return out;
};

/** A scratch copy. */
export const copyOf = (a: Mat): Mat => ({
  re: copyPart(a.re),
  im: a.im === null ? null : copyPart(a.im),
});

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
  const out = scratch(m * n, complex);
  for (let i = 0; i < Math.min(m, n); i++) out.re[i * n + i] = 1;
  return out;
};

const plainTranspose = (a: Float64Array, m: number, n: number, sign: number): Float64Array => {
  const out = take(m * n);
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) out[j * m + i] = sign * (a[i * n + j] ?? 0);
  return out;
};

/** A scratch transpose of an m×n matrix, conjugated on request. */
export const transposed = (a: Mat, m: number, n: number, conjugate: boolean): Mat => ({
  re: plainTranspose(a.re, m, n, 1),
  im: a.im === null ? null : plainTranspose(a.im, m, n, conjugate ? -1 : 1),
});

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

/** Signals for the tests of Fourier transforms, and the sums by their definition. */
import assert from "node:assert/strict";
import * as mx from "../../src/index.js";

type NDArray = mx.NDArray;

/** Numbers in [-1, 1) that depend on the seed only. */
export const noise = (length: number, seed: number): Float64Array => {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return Float64Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.fround(state / 2 ** 31 - 1);
  });
};

const sizeOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

export const real = (shape: readonly number[], seed: number): NDArray =>
  mx
    .array(noise(sizeOf(shape), seed))
    .reshape(shape)
    .astype(mx.float32);

export const complex = (shape: readonly number[], seed: number): NDArray =>
  mx.add(real(shape, seed), mx.multiply(real(shape, seed + 1), { re: 0, im: 1 }));

export interface Values {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

export const valuesOf = (x: NDArray): Values => ({
  re: Float64Array.from(mx.real(x).astype(mx.float64).dataSync(), Number),
  im: Float64Array.from(
    x.dtype === mx.complex64 ? mx.imag(x).astype(mx.float64).dataSync() : new Float64Array(x.size),
    Number,
  ),
});

/** Σ over j of x_j · e^(sign · 2πi·j·k/n), without a scale. */
export const definition = ({ re, im }: Values, sign: 1 | -1): Values => {
  const n = re.length;
  const cosines = Float64Array.from({ length: n }, (_, k) => Math.cos((2 * Math.PI * k) / n));
  const sines = Float64Array.from({ length: n }, (_, k) => sign * Math.sin((2 * Math.PI * k) / n));
  const out = { re: new Float64Array(n), im: new Float64Array(n) };
  for (let k = 0; k < n; k++) {
    let [a, b] = [0, 0];
    for (let j = 0; j < n; j++) {
      const at = (j * k) % n;
      const [c, s] = [cosines[at] ?? 0, sines[at] ?? 0];
      const [x, y] = [re[j] ?? 0, im[j] ?? 0];
      a += x * c - y * s;
      b += x * s + y * c;
    }
    out.re[k] = a;
    out.im[k] = b;
  }
  return out;
};

const largest = (values: Float64Array): number =>
  values.reduce((most, v) => (Math.abs(v) <= most ? most : Math.abs(v)), 0);

/** Equal up to the rounding of the result to float32, and what double precision leaves of it. */
export const near = (got: NDArray, want: Values, what: string): void => {
  const { re, im } = valuesOf(got);
  assert.equal(re.length, want.re.length, `${what}: length`);
  const bound = 2 ** -23 * Math.max(largest(want.re), largest(want.im), 1e-30);
  for (const [part, values, wanted] of [
    ["re", re, want.re],
    ["im", im, want.im],
  ] as const)
    values.forEach((v, k) => {
      const off = Math.abs(v - (wanted[k] ?? 0));
      assert.ok(off <= bound, `${what}: ${part}[${k}] is off by ${off}, expected ${bound}`);
    });
};

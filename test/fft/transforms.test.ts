/** Derivatives of transforms against differences, maps over batch axes, compiled calls; and bad input. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as mx from "../../src/index.js";
import { complex, near, real, valuesOf } from "./support.js";

type NDArray = mx.NDArray;
type Fn = (x: NDArray) => NDArray;

const cases: readonly (readonly [string, Fn, NDArray])[] = [
  ["fft", (x) => mx.fft.fft(x), complex([2, 6], 1)],
  ["fft of real numbers", (x) => mx.fft.fft(x), real([2, 5], 2)],
  ["fft, cut", (x) => mx.fft.fft(x, 4, { norm: "ortho" }), complex([2, 6], 3)],
  ["ifft, padded", (x) => mx.fft.ifft(x, 9), complex([2, 6], 4)],
  ["rfft, even", (x) => mx.fft.rfft(x), real([2, 6], 5)],
  ["rfft, odd", (x) => mx.fft.rfft(x, { norm: "forward" }), real([2, 7], 6)],
  ["rfft of complex numbers", (x) => mx.fft.rfft(x), complex([2, 4], 7)],
  ["irfft, even", (x) => mx.fft.irfft(x), complex([2, 5], 8)],
  ["irfft, odd", (x) => mx.fft.irfft(x, 7), complex([2, 4], 9)],
  ["rfft2", (x) => mx.fft.rfft2(x), real([2, 3, 4], 10)],
  ["irfftn", (x) => mx.fft.irfftn(x), complex([2, 3, 4], 11)],
  ["fftshift", (x) => mx.fft.fftshift(x), real([3, 4], 12)],
];

/** Re Σ conj(a) · b. */
const inner = (a: NDArray, b: NDArray): number => {
  const [x, y] = [valuesOf(a), valuesOf(b)];
  return x.re.reduce((sum, v, i) => sum + v * (y.re[i] ?? 0) + (x.im[i] ?? 0) * (y.im[i] ?? 0), 0);
};

const like = (x: NDArray, seed: number): NDArray =>
  x.dtype === mx.complex64 ? complex(x.shape, seed) : real(x.shape, seed);

const only = (list: readonly NDArray[]): NDArray => {
  const [x] = list;
  assert.ok(x !== undefined);
  return x;
};

describe("derivatives", () => {
  for (const [name, f, x] of cases)
    test(name, () => {
      const t = like(x, 20);
      const y = f(x);
      const ct = like(y, 21);
      const got = only(mx.jvp(f, [x], [t])[1]);
      // The maps are linear: differences are exact but for rounding.
      const [up, down] = [f(mx.add(x, t)), f(mx.subtract(x, t))];
      const [u, d] = [valuesOf(up), valuesOf(down)];
      const wanted = {
        re: u.re.map((v, i) => (v - (d.re[i] ?? 0)) / 2),
        im: u.im.map((v, i) => (v - (d.im[i] ?? 0)) / 2),
      };
      const g = valuesOf(got);
      for (const part of ["re", "im"] as const)
        g[part].forEach((v, i) => {
          const off = Math.abs(v - (wanted[part][i] ?? 0));
          assert.ok(off < 3e-6 * (1 + Math.abs(v)), `jvp ${part}[${i}] is off by ${off}`);
        });
      const pulled = only(mx.vjp(f, [x], [ct])[1]);
      assert.equal(pulled.dtype, x.dtype);
      assert.deepEqual(pulled.shape, x.shape);
      const off = Math.abs(inner(pulled, t) - inner(ct, got));
      assert.ok(off < 1e-5, `vjp is off by ${off}`);
    });

  test("second order, through a power spectrum", () => {
    const x = real([6], 30);
    const power = (v: NDArray): NDArray => mx.sum(mx.square(mx.abs(mx.fft.fft(v))));
    // Parseval: the sum is n · |x|², its gradient 2n · x, the gradient of the gradient's sum 2n.
    near(mx.grad(power)(x), valuesOf(mx.multiply(x, 12)), "gradient");
    const twice = mx.grad((v: NDArray) => mx.sum(mx.grad(power)(v)))(x);
    near(twice, valuesOf(mx.full([6], 12)), "gradient of the gradient");
  });
});

describe("maps and compiled calls", () => {
  for (const [name, f, x] of cases)
    test(name, () => {
      const batch = mx.stack([x, mx.multiply(x, 2), mx.negative(x)], 1);
      const mapped = mx.vmap(f, { inAxes: 1, outAxes: 0 })(batch);
      const wanted = mx.stack([f(x), f(mx.multiply(x, 2)), f(mx.negative(x))], 0);
      near(mapped, valuesOf(wanted), "vmap");
      const compiled = mx.compile(f);
      near(compiled(x), valuesOf(f(x)), "compile");
      near(compiled(mx.negative(x)), valuesOf(f(mx.negative(x))), "compile again");
    });
});

test("what cannot be transformed is refused", () => {
  const x = real([3, 4], 1);
  const scalar = mx.array(1);
  const empty = mx.zeros([2, 0]);
  for (const f of [mx.fft.fft, mx.fft.ifft, mx.fft.rfft, mx.fft.irfft]) {
    assert.throws(() => f(scalar), mx.IndexError);
    assert.throws(() => f(x, { axis: 2 }), mx.IndexError);
    assert.throws(() => f(x, { axis: -3 }), mx.IndexError);
    assert.throws(() => f(x, 0), mx.ShapeError);
    assert.throws(() => f(x, -1), mx.ShapeError);
    assert.throws(() => f(x, 2.5), mx.ArgumentError);
    assert.throws(() => f(empty), mx.ShapeError);
    // @ts-expect-error not a norm
    assert.throws(() => f(x, { norm: "none" }), mx.ArgumentError);
    // @ts-expect-error not an option
    assert.throws(() => f(x, { axes: [0] }), mx.ArgumentError);
  }
  assert.throws(() => mx.fft.irfft(mx.zeros([1])), mx.ShapeError);
  for (const f of [mx.fft.fftn, mx.fft.ifftn, mx.fft.rfftn, mx.fft.irfftn]) {
    assert.throws(() => f(scalar), mx.ShapeError);
    assert.throws(() => f(x, [2, 2]), mx.ArgumentError);
    assert.throws(() => f(x, { s: [2], axes: [0, 1] }), mx.ArgumentError);
    assert.throws(() => f(x, { axes: [0, 0] }), mx.ShapeError);
    assert.throws(() => f(x, { axes: [1, -1] }), mx.ShapeError);
    assert.throws(() => f(x, { axes: [0, 2] }), mx.IndexError);
    assert.throws(() => f(x, { s: [0, 2], axes: [0, 1] }), mx.ShapeError);
  }
  for (const f of [mx.fft.fft2, mx.fft.ifft2, mx.fft.rfft2, mx.fft.irfft2])
    assert.throws(() => f(mx.ones([3])), mx.IndexError);
  for (const f of [mx.fft.fftfreq, mx.fft.rfftfreq]) {
    assert.throws(() => f(0), mx.ArgumentError);
    assert.throws(() => f(1.5), mx.ArgumentError);
    assert.throws(() => f(4, 0), mx.ArgumentError);
  }
  for (const f of [mx.fft.fftshift, mx.fft.ifftshift]) assert.throws(() => f(x, 2), mx.IndexError);
});

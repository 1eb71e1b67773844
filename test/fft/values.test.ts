/** Transforms are the sums of their definition, for all kinds of lengths, and go back to what they came from. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as mx from "../../src/index.js";
import { complex, definition, near, real, type Values, valuesOf } from "./support.js";

const lengths = [...Array.from({ length: 40 }, (_, i) => i + 1), 97, 303, 1009, 4096];

const scaled = ({ re, im }: Values, by: number): Values => ({
  re: re.map((v) => v * by),
  im: im.map((v) => v * by),
});

const first = ({ re, im }: Values, count: number): Values => ({
  re: re.slice(0, count),
  im: im.slice(0, count),
});

describe("by definition", () => {
  for (const n of lengths)
    test(`${n} points`, () => {
      const x = complex([n], n);
      const sums = definition(valuesOf(x), -1);
      const back = definition(valuesOf(x), 1);
      near(mx.fft.fft(x), sums, "fft");
      near(mx.fft.fft(x, { norm: "ortho" }), scaled(sums, n ** -0.5), "ortho");
      near(mx.fft.fft(x, { norm: "forward" }), scaled(sums, 1 / n), "forward");
      near(mx.fft.ifft(x), scaled(back, 1 / n), "ifft");
      near(mx.fft.ifft(x, { norm: "forward" }), back, "ifft forward");
      const y = real([n], n + 1);
      const m = Math.floor(n / 2) + 1;
      near(mx.fft.rfft(y), first(definition(valuesOf(y), -1), m), "rfft");
      // The coefficients that are left out are conjugates of the others.
      const half = complex([m], n + 2);
      const { re, im } = valuesOf(half);
      const full = { re: new Float64Array(n), im: new Float64Array(n) };
      for (let k = 0; k < m; k++) {
        const ends = k === 0 || 2 * k === n;
        full.re[k] = re[k] ?? 0;
        full.im[k] = ends ? 0 : (im[k] ?? 0);
        full.re[(n - k) % n] = full.re[k] ?? 0;
        full.im[(n - k) % n] = ends ? 0 : -(full.im[k] ?? 0);
      }
      const numbers = { re: definition(full, 1).re, im: new Float64Array(n) };
      near(mx.fft.irfft(half, n), scaled(numbers, 1 / n), "irfft");
    });
});

describe("round trips", () => {
  for (const n of [...lengths, 8192, 8193, 10007, 12000, 16384, 30030, 65537])
    test(`${n} points`, () => {
      const x = complex([2, n], n);
      near(mx.fft.ifft(mx.fft.fft(x)), valuesOf(x), "complex");
      const y = real([2, n], n);
      near(mx.fft.irfft(mx.fft.rfft(y), { n }), valuesOf(y), "real");
    });

  test("long transforms agree with sums at single frequencies", () => {
    for (const n of [16384, 30030, 20011]) {
      const x = complex([n], 5);
      const { re, im } = valuesOf(x);
      const got = valuesOf(mx.fft.fft(x));
      for (const k of [0, 1, 2, 777, n - 1]) {
        let [a, b] = [0, 0];
        for (let j = 0; j < n; j++) {
          const angle = (-2 * Math.PI * ((j * k) % n)) / n;
          const [c, s] = [Math.cos(angle), Math.sin(angle)];
          a += (re[j] ?? 0) * c - (im[j] ?? 0) * s;
          b += (re[j] ?? 0) * s + (im[j] ?? 0) * c;
        }
        const off = Math.hypot(a - (got.re[k] ?? 0), b - (got.im[k] ?? 0));
        assert.ok(off < 1e-4, `${n} points, frequency ${k}: off by ${off}`);
      }
    }
  });
});

describe("axes", () => {
  const x = complex([3, 4, 5], 1);
  const y = real([3, 4, 5], 2);
  const along = (v: mx.NDArray, f: (v: mx.NDArray) => mx.NDArray, axis: number): mx.NDArray =>
    mx.moveaxis(f(mx.moveaxis(v, axis, -1)), -1, axis);

  test("any axis is the last one, moved", () => {
    for (const axis of [0, 1, 2, -2]) {
      near(mx.fft.fft(x, { axis }), valuesOf(along(x, (v) => mx.fft.fft(v), axis)), `fft ${axis}`);
      near(mx.fft.rfft(y, { axis }), valuesOf(along(y, (v) => mx.fft.rfft(v), axis)), "rfft");
      near(mx.fft.irfft(x, { axis }), valuesOf(along(x, (v) => mx.fft.irfft(v), axis)), "irfft");
    }
  });

  test("each line is transformed by itself, next to NaN too", () => {
    const rows = mx.array([
      [1, 2, 3, 4],
      [Number.NaN, 0, 0, 0],
      [4, 3, 2, 1],
    ]);
    for (const got of [mx.fft.rfft(rows), mx.fft.fft(rows)]) {
      const { re } = valuesOf(got);
      const width = got.shape[1] ?? 0;
      const finite = [...re].map((v) => !Number.isNaN(v));
      assert.deepEqual(
        finite,
        finite.map((_, i) => Math.floor(i / width) !== 1),
      );
    }
  });

  test("over several axes: one after another", () => {
    const both = mx.fft.fft(mx.fft.fft(x, { axis: 1 }), { axis: 2 });
    near(mx.fft.fft2(x), valuesOf(both), "fft2");
    near(mx.fft.fftn(x), valuesOf(mx.fft.fft(both, { axis: 0 })), "fftn");
    near(mx.fft.ifftn(mx.fft.fftn(x)), valuesOf(x), "ifftn");
    near(mx.fft.ifft2(mx.fft.fft2(x)), valuesOf(x), "ifft2");
    near(mx.fft.rfft2(y), valuesOf(mx.fft.fft(mx.fft.rfft(y), { axis: 1 })), "rfft2");
    const s = [4, 5];
    near(mx.fft.irfft2(mx.fft.rfft2(y), { s }), valuesOf(y), "irfft2");
    near(mx.fft.irfftn(mx.fft.rfftn(y), { s: y.shape, axes: [0, 1, 2] }), valuesOf(y), "irfftn");
    // The last of the list is the real one.
    const listed = mx.fft.rfftn(y, { axes: [2, 0] });
    assert.deepEqual(listed.shape, [2, 4, 5]);
    near(listed, valuesOf(mx.fft.fft(mx.fft.rfft(y, { axis: 0 }), { axis: 2 })), "axes [2, 0]");
  });

  test("lengths cut off and add zeros", () => {
    const cut = mx.split(y, [3], 2)[0] ?? y;
    near(mx.fft.fft(y, 3), valuesOf(mx.fft.fft(cut)), "cut");
    near(
      mx.fft.fft(y, 8),
      valuesOf(
        mx.fft.fft(
          mx.pad(y, [
            [0, 0],
            [0, 0],
            [0, 3],
          ]),
        ),
      ),
      "padded",
    );
    const other = mx.pad(mx.split(y, [3], 1)[0] ?? y, [
      [0, 0],
      [0, 0],
      [0, 3],
    ]);
    near(mx.fft.rfft2(y, [3, 8]), valuesOf(mx.fft.rfft2(other)), "both");
  });
});

test("dtypes and edges as MLX has them", () => {
  for (const dtype of [mx.bool, mx.int32, mx.float16, mx.bfloat16, mx.float64]) {
    assert.equal(mx.fft.fft(mx.ones([3], { dtype })).dtype, mx.complex64);
    assert.equal(mx.fft.rfft(mx.ones([3], { dtype })).dtype, mx.complex64);
    assert.equal(mx.fft.irfft(mx.ones([3], { dtype })).dtype, mx.float32);
  }
  assert.deepEqual(mx.fft.rfft(complex([4], 3)).shape, [3]);
  assert.deepEqual(mx.fft.fft(mx.zeros([0, 4])).shape, [0, 4]);
  assert.deepEqual(mx.fft.rfft(mx.zeros([0, 4])).shape, [0, 3]);
  assert.deepEqual(mx.fft.irfft(mx.zeros([0, 3])).shape, [0, 4]);
  assert.deepEqual(valuesOf(mx.fft.fft(mx.zeros([0]), 4)).re, new Float64Array(4));
  assert.deepEqual(mx.fft.irfft(mx.ones([1]), 1).tolist(), [1]);
  const x = real([2, 3], 1);
  for (const f of [mx.fft.fftn, mx.fft.rfftn, mx.fft.irfftn])
    assert.deepEqual(f(x, { axes: [] }).tolist(), x.tolist());
});

test("frequencies and shifts", () => {
  assert.deepEqual(
    mx.fft.fftfreq(5, 0.5).astype(mx.float16).tolist(),
    [0, 0.39990234375, 0.7998046875, -0.7998046875, -0.39990234375],
  );
  assert.deepEqual(mx.fft.fftfreq(1).tolist(), [0]);
  assert.deepEqual(mx.fft.rfftfreq(8, { d: 0.125 }).tolist(), [0, 1, 2, 3, 4]);
  const k = mx.arange(12).reshape([3, 4]);
  assert.deepEqual(mx.fft.fftshift(k, 0).tolist(), [
    [8, 9, 10, 11],
    [0, 1, 2, 3],
    [4, 5, 6, 7],
  ]);
  assert.deepEqual(mx.fft.ifftshift(mx.fft.fftshift(k)).tolist(), k.tolist());
  assert.deepEqual(mx.fft.fftshift(k, []).tolist(), k.tolist());
  assert.equal(mx.fft.fftshift(mx.array(3)).item(), 3);
});

/** Convolutions beyond the golden cases: any geometry against plain loops, derivatives of higher order, kernels, errors. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import { fusedEngine, leaf } from "../support/engines.js";

const normal = (shape: readonly number[], seed: number): mx.NDArray =>
  mx.random.normal({ shape, key: mx.random.key(seed) });

const flat = (x: mx.NDArray): number[] => Array.from(x.flatten().dataSync(), Number);

const close = (got: mx.NDArray, want: readonly number[] | mx.NDArray, tolerance = 2e-5): void => {
  const [a, b] = [flat(got), want instanceof mx.NDArray ? flat(want) : want];
  assert.equal(a.length, b.length);
  const size = Math.max(1, ...b.map(Math.abs));
  a.forEach((v, i) => {
    assert.ok(Math.abs(v - (b[i] ?? Number.NaN)) <= tolerance * size, `${i}: ${v}, want ${b[i]}`);
  });
};

interface Geometry {
  readonly stride: number;
  readonly padding: readonly [number, number];
  readonly kernelDilation: number;
  readonly inputDilation: number;
  readonly groups: number;
  readonly flip: boolean;
}

/** The definition, along one axis: [n, length, c] and [outputs, k, c / groups]. */
const naive = (
  x: readonly number[],
  [n, length, c]: readonly [number, number, number],
  w: readonly number[],
  [outputs, k]: readonly [number, number],
  g: Geometry,
): number[] => {
  const whole = (length - 1) * g.inputDilation + 1 + g.padding[0] + g.padding[1];
  const count = Math.floor((whole - (k - 1) * g.kernelDilation - 1) / g.stride) + 1;
  const inner = c / g.groups;
  const out: number[] = [];
  for (let b = 0; b < n; b++)
    for (let t = 0; t < count; t++)
      for (let o = 0; o < outputs; o++) {
        const group = Math.floor(o / (outputs / g.groups));
        let sum = 0;
        for (let j = 0; j < k; j++) {
          const at = (t * g.stride + j * g.kernelDilation - g.padding[0]) / g.inputDilation;
          if (!Number.isInteger(at) || at < 0 || at >= length) continue;
          const tap = g.flip ? k - 1 - j : j;
          for (let i = 0; i < inner; i++) {
            const xi = x[(b * length + at) * c + group * inner + i] ?? Number.NaN;
            sum += xi * (w[(o * k + tap) * inner + i] ?? Number.NaN);
          }
        }
        out.push(sum);
      }
  return out;
};

test("any geometry is what the loops say", () => {
  let seed = 1;
  for (const stride of [1, 3])
    for (const padding of [
      [0, 0],
      [3, 1],
      [-1, -2],
    ] as const)
      for (const kernelDilation of [1, 2])
        for (const inputDilation of [1, 2])
          for (const groups of [1, 2, 4])
            for (const flip of [false, true]) {
              const [x, w] = [normal([2, 9, 4], seed++), normal([8, 3, 4 / groups], seed++)];
              const g = { stride, padding, kernelDilation, inputDilation, groups, flip };
              const got = mx.convGeneral(x, w, {
                ...g,
                padding: [[padding[0]], [padding[1]]],
              });
              close(got, naive(flat(x), [2, 9, 4], flat(w), [8, 3], g));
            }
});

test("a convolution transposed is the transpose of the convolution", () => {
  const [x, w] = [normal([2, 7, 6, 3], 1), normal([5, 3, 2, 3], 2)];
  const options = { stride: [2, 1], padding: [1, 0], dilation: [1, 2] };
  const f = (a: mx.NDArray): mx.NDArray => mx.conv2d(a, w, options);
  const y = f(x);
  const ct = normal(y.shape, 3);
  const [, [pulled]] = mx.vjp(f, [x], [ct]);
  const back = mx.convTranspose2d(ct, w.transpose([3, 1, 2, 0]), options);
  assert.ok(pulled);
  close(back, pulled);
});

test("second derivatives, jvp of vjp and vmap over either side agree with slices", () => {
  const [x, w] = [normal([2, 6, 2], 1), normal([3, 3, 2], 2)];
  const loss = (a: mx.NDArray, b: mx.NDArray): mx.NDArray =>
    mx.conv1d(a, b, { stride: 2, padding: 1 }).square().sum();
  const direction = normal([2, 6, 2], 3);
  const gradient = (a: mx.NDArray): mx.NDArray => mx.grad((b: mx.NDArray) => loss(a, b))(w);
  const [, [exact]] = mx.jvp(gradient, [x], [direction]);
  const step = 1e-2;
  const up = gradient(x.add(direction.multiply(step)));
  const down = gradient(x.subtract(direction.multiply(step)));
  assert.ok(exact);
  close(exact, up.subtract(down).divide(2 * step), 2e-4);

  const [xs, ws] = [normal([4, 2, 6, 2], 4), normal([4, 3, 3, 2], 5)];
  const conv = (a: mx.NDArray, b: mx.NDArray): mx.NDArray => mx.conv1d(a, b, { padding: 1 });
  const each = (f: (i: number) => mx.NDArray): mx.NDArray => mx.stack([0, 1, 2, 3].map(f));
  close(
    mx.vmap(conv, [0, null])(xs, w),
    each((i) => conv(xs.get(i), w)),
  );
  close(
    mx.vmap(conv, [null, 0])(x, ws),
    each((i) => conv(x, ws.get(i))),
  );
  close(
    mx.vmap(conv)(xs, ws),
    each((i) => conv(xs.get(i), ws.get(i))),
  );
});

test("three axes take groups", () => {
  const [x, w] = [normal([1, 3, 4, 3, 4], 1), normal([6, 2, 2, 2, 2], 2)];
  const both = [0, 1].map((g) =>
    mx.conv3d(x.get("...", mx.slice(2 * g, 2 * g + 2)), w.get(mx.slice(3 * g, 3 * g + 3)), {
      padding: 1,
    }),
  );
  close(mx.conv3d(x, w, { padding: 1, groups: 2 }), mx.concatenate(both, { axis: -1 }));
});

test("bias and activation join the convolution's one kernel; no windows are stored", () => {
  const { engine, device } = fusedEngine();
  const [x, w, b] = [leaf([2, 5, 5, 3], 1), leaf([4, 3, 3, 3], 2), leaf([4], 3)];
  const y = mx.conv2d(new mx.NDArray(x), new mx.NDArray(w), { padding: 1 }).add(new mx.NDArray(b));
  engine.evaluate([mx.maximum(y, 0).node]);
  assert.equal(device.kernels.length, 1);
});

test("each gradient of a convolution is one kernel without divisions", () => {
  for (const argument of [0, 1]) {
    const { engine, device } = fusedEngine();
    const given = [leaf([2, 6, 6, 3], 1), leaf([4, 3, 3, 3], 2)].map((n) => new mx.NDArray(n));
    const ct = new mx.NDArray(leaf([2, 6, 6, 4], 3));
    const f = (a: mx.NDArray): mx.NDArray => {
      const [x, w] = argument === 0 ? [a, given[1]] : [given[0], a];
      assert.ok(x && w);
      return mx.conv2d(x, w, { padding: 1 });
    };
    const at = given[argument];
    assert.ok(at);
    const [, [pulled]] = mx.vjp(f, [at], [ct]);
    assert.ok(pulled);
    engine.evaluate([pulled.node]);
    assert.equal(device.kernels.length, 1);
    assert.doesNotMatch(JSON.stringify(device.kernels[0]), /"k":"(?:div|mod)"/);
  }
});

test("options come by position or by name, and are checked", () => {
  const [x, w] = [mx.ones([1, 8, 2]), mx.ones([3, 3, 2])];
  assert.deepEqual(mx.conv1d(x, w, 2).shape, [1, 3, 3]);
  assert.deepEqual(mx.conv1d(x, w, [2], { padding: 1 }).shape, [1, 4, 3]);
  assert.deepEqual(mx.convTranspose1d(x, w, 2, { outputPadding: 1 }).shape, [1, 18, 3]);
  const refused: readonly (readonly [() => unknown, new (m: string) => Error])[] = [
    [() => mx.conv1d(x, w, 0), mx.ArgumentError],
    [() => mx.conv1d(x, w, { dilation: 1.5 }), mx.ArgumentError],
    [() => mx.conv1d(x, w, { padding: [1, 1] }), mx.ArgumentError],
    [() => mx.conv1d(x, w, { groups: 0 }), mx.ArgumentError],
    [() => mx.conv1d(x, w, { padding: -3 }), mx.ShapeError],
    [() => mx.conv1d(x, mx.ones([3, 0, 2])), mx.ShapeError],
    [() => mx.conv1d(x.astype(mx.int32), w.astype(mx.int32)), mx.DTypeError],
    [() => mx.conv2d(x, w), mx.ShapeError],
    [() => mx.convGeneral(mx.ones([1, 2]), mx.ones([1, 2])), mx.ShapeError],
    [() => mx.convolve(mx.ones([2]).astype(mx.complex64), mx.ones([2])), mx.DTypeError],
  ];
  for (const [f, kind] of refused) assert.throws(f, kind);
});

test("dtypes promote; halves accumulate in float32", () => {
  const x = mx.ones([1, 300, 1], mx.float16);
  const w = mx.full([1, 300, 1], 0.01, mx.float16);
  const y = mx.conv1d(x, w);
  assert.equal(y.dtype, mx.float16);
  assert.equal(y.item(), 3);
  assert.equal(mx.conv1d(x, w.astype(mx.float32)).dtype, mx.float32);
});

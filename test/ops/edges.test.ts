/** Results at the edges of ops, each recorded from MLX: overflow, no axes, unusual dtypes, windows that end outside. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";

test("integer divmod floors without overflowing on the way", () => {
  const a = mx.array([1, -1, -5, -5, 3, -128, 7], mx.int8);
  const b = mx.array([-128, 127, 127, -1, -1, 1, -2], mx.int8);
  const [q, r] = mx.divmod(a, b);
  assert.deepEqual(q.tolist(), [-1, -1, -1, 5, -3, -128, -4]);
  assert.deepEqual(r.tolist(), [-127, 126, 122, 0, 0, 0, -1]);
  const [wholes, rests] = mx.divmod(mx.array([true, false]), mx.array([true, true]));
  assert.deepEqual([wholes.tolist(), wholes.dtype], [[true, false], mx.bool]);
  assert.deepEqual([rests.tolist(), rests.dtype], [[false, false], mx.bool]);
});

test("a sum or product over no axes keeps its dtype", () => {
  for (const op of [mx.sum, mx.prod]) {
    assert.equal(op(mx.array([3, 4], mx.uint16), []).dtype, mx.uint16);
    assert.equal(op(mx.array(true)).dtype, mx.bool);
    assert.equal(op(mx.array([3, 4], mx.uint16)).dtype, mx.uint32);
  }
});

test("vecdot of narrow integers adds up in 32 bits", () => {
  const dot = mx.vecdot(mx.array([100, 2], mx.int8), mx.array([2, 100], mx.int8));
  assert.deepEqual([dot.dtype, dot.item()], [mx.int32, -112]);
});

test("searchsorted orders complex numbers by both parts", () => {
  const complex = (...parts: readonly (readonly [number, number])[]): mx.NDArray =>
    mx.array(parts.map(([re, im]) => ({ re, im })));
  const sorted = complex([1, 1], [1, 2], [2, 0]);
  const values = complex([1, 1.5], [1, 1], [1, 2], [2, 1], [Number.NaN, 0]);
  assert.deepEqual(mx.searchsorted(sorted, values).tolist(), [1, 0, 1, 3, 3]);
  assert.deepEqual(mx.searchsorted(sorted, values, { side: "right" }).tolist(), [1, 1, 2, 3, 3]);
});

test("linspace of float64 is computed in float64", () => {
  assert.deepEqual(mx.linspace(0, 1, 4, { dtype: mx.float64 }).tolist(), [0, 1 / 3, 2 / 3, 1]);
});

test("booleans are rounded to tens as numbers", () => {
  assert.deepEqual(mx.round(mx.array([true, false]), -1).tolist(), [false, false]);
  assert.deepEqual(mx.round(mx.array([true, false]), 1).tolist(), [true, false]);
});

test("a bias without a weight does not widen a layer norm", () => {
  const x = mx.array([[1, 3]], mx.float16);
  assert.equal(mx.fast.layerNorm(x, null, mx.ones([2]), 1e-5).dtype, mx.float16);
  assert.equal(mx.fast.layerNorm(x, mx.ones([2]), null, 1e-5).dtype, mx.float32);
});

test("windows whose step is a multiple of the gaps between elements stay inside", () => {
  const x = mx.reshape(mx.array([1, 2, 3, 4, 5, 6, 7]), [1, 7, 1]);
  const w = mx.reshape(mx.array([1, 10, 100, 1000]), [1, 4, 1]);
  const run = (options: mx.ConvGeneralOptions): unknown =>
    mx.convGeneral(x, w, options).reshape([-1]).tolist();
  assert.deepEqual(run({ stride: 3, padding: 1, inputDilation: 3 }), [10, 20, 30, 40, 50, 60]);
  assert.deepEqual(
    run({ stride: 3, padding: 3, inputDilation: 3, kernelDilation: 2 }),
    [2000, 3001, 4002, 5003, 6004, 7005, 6],
  );
  assert.deepEqual(run({ stride: 3, padding: 1, inputDilation: 2 }), [2010, 302, 5040, 605]);
});

/** Attention and rotary embeddings beyond the golden cases: equivalences, masks that hide everything, kernels, errors. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import { fusedEngine, leaf } from "../support/engines.js";

const normal = (shape: readonly number[], seed: number): mx.NDArray =>
  mx.random.normal({ shape, key: mx.random.key(seed) });

const close = (a: mx.NDArray, b: mx.NDArray, tolerance = 2e-6): void => {
  assert.deepEqual(a.shape, b.shape);
  const gap = mx.max(mx.abs(a.subtract(b))).item();
  assert.ok(typeof gap === "number" && gap <= tolerance, `differs by ${String(gap)}`);
};

const attention = mx.fast.scaledDotProductAttention;

test("grouped queries are repeated keys and values", () => {
  const [q, k, v] = [normal([2, 6, 5, 4], 1), normal([2, 2, 7, 4], 2), normal([2, 2, 7, 3], 3)];
  const wide = (x: mx.NDArray): mx.NDArray => mx.repeat(x, 3, { axis: 1 });
  for (const mask of [null, "causal"] as const)
    close(
      attention(q, k, v, { scale: 0.5, mask }),
      attention(q, wide(k), wide(v), { scale: 0.5, mask }),
    );
});

test("a causal mask is the boolean one that compares positions from the end", () => {
  for (const [rows, columns] of [
    [4, 4],
    [3, 6],
    [6, 3],
  ] as const) {
    const [q, k] = [normal([1, 2, rows, 4], 1), normal([1, 2, columns, 4], 2)];
    const at = mx.expandDims(mx.arange(rows), 1).add(columns - rows);
    const mask = at.greaterEqual(mx.arange(columns));
    const causal = attention(q, k, k, { scale: 1, mask: "causal" });
    close(causal, attention(q, k, k, { scale: 1, mask }));
    const hidden = mx.where(mask, 0, -1e30);
    if (rows <= columns) close(causal, attention(q, k, k, { scale: 1, mask: hidden }));
  }
});

test("a row that sees nothing gets the mean of the values", () => {
  const [q, v] = [normal([1, 1, 2, 4], 1), normal([1, 1, 3, 4], 2)];
  const mask = mx.array([[false], [true]]);
  const y = attention(q, v, v, { scale: 1, mask });
  close(y.get(0, 0, 0), mx.mean(v.get(0, 0), 0));
});

test("sinks are one more logit, in values and in all derivatives", () => {
  const [q, k, v] = [normal([1, 4, 3, 4], 1), normal([1, 2, 5, 4], 2), normal([1, 2, 5, 4], 3)];
  const sinks = mx.array([30, -1, 0, 0.5]);
  const wide = (x: mx.NDArray): mx.NDArray => mx.repeat(x, 2, { axis: 1 });
  const fast = (a: mx.NDArray, s: mx.NDArray): mx.NDArray =>
    attention(a, k, v, { scale: 0.5, sinks: s });
  const slow = (a: mx.NDArray, s: mx.NDArray): mx.NDArray => {
    const scores = a.matmul(wide(k).swapaxes(-1, -2)).multiply(0.5);
    const logits = mx.broadcastTo(s.reshape([1, 4, 1, 1]), [1, 4, 3, 1]);
    const all = mx.softmax(mx.concatenate([scores, logits], { axis: -1 }), -1);
    return all.get("...", mx.slice(5)).matmul(wide(v));
  };
  close(fast(q, sinks), slow(q, sinks));
  const ct = normal([1, 4, 3, 4], 4);
  const [, [fq, fs]] = mx.vjp(fast, [q, sinks], [ct]);
  const [, [sq, ss]] = mx.vjp(slow, [q, sinks], [ct]);
  assert.ok(fq && fs && sq && ss);
  close(fq, sq);
  close(fs, ss);
});

test("attention is two products with a row kernel between them, and no mask is stored", () => {
  const { engine, device } = fusedEngine();
  const [q, k, v] = [1, 2, 3].map((seed) => new mx.NDArray(leaf([1, 2, 6, 4], seed)));
  assert.ok(q && k && v);
  engine.evaluate([attention(q, k, v, { scale: 0.5, mask: "causal" }).node]);
  assert.equal(device.kernels.length, 3);
});

test("attention refuses what does not fit", () => {
  const x = mx.ones([1, 2, 3, 4]);
  const call =
    (options: object): (() => unknown) =>
    () =>
      attention(x, x, x, { scale: 1, ...options });
  assert.throws(call({ mask: mx.ones([3, 4]) }), mx.ShapeError);
  assert.throws(call({ mask: mx.ones([3, 3]).astype(mx.float64) }), mx.DTypeError);
  assert.throws(call({ sinks: mx.ones([3]) }), mx.ShapeError);
  const wide = x.astype(mx.float64);
  assert.throws(() => attention(wide, wide, wide, { scale: 1, forceFused: true }), mx.DeviceError);
  assert.throws(call({ unknown: 1 }), mx.ArgumentError);
  assert.throws(() => attention(x, x, mx.ones([1, 2, 5, 4]), { scale: 1 }), mx.ShapeError);
  const half = x.astype(mx.float16);
  assert.throws(
    () => attention(half, half, half, { scale: 1, mask: mx.ones([3, 3]) }),
    mx.DTypeError,
  );
});

test("rotations compose: an offset is a shift of the rows, and only distances count", () => {
  const x = normal([2, 3, 6, 8], 1);
  for (const traditional of [false, true]) {
    const turn = (a: mx.NDArray, offset: number): mx.NDArray =>
      mx.fast.rope(a, 8, { traditional, base: 100, scale: 0.5, offset });
    const tail = x.get("...", mx.slice(2, null), mx.slice());
    close(turn(tail, 2), turn(x, 0).get("...", mx.slice(2, null), mx.slice()));
    const [q, k] = [normal([1, 1, 8], 2), normal([1, 1, 8], 3)];
    const score = (i: number, j: number): mx.NDArray => turn(q, i).multiply(turn(k, j)).sum();
    close(score(7, 3), score(14, 10), 1e-5);
    close(mx.sum(turn(x, 5).square()), mx.sum(x.square()), 1e-3);
  }
});

test("frequencies are those of the base, and offsets may differ by batch entry", () => {
  const x = normal([2, 3, 5, 6], 1);
  const freqs = mx.array([1, 100 ** (1 / 3), 100 ** (2 / 3)]);
  close(mx.fast.rope(x, 6, { base: 100 }), mx.fast.rope(x, 6, { freqs }), 1e-5);
  const offset = mx.array([4, 9], mx.int32);
  const each = [4, 9].map((o, i) =>
    mx.fast.rope(x.get(mx.slice(i, i + 1)), 4, { base: 10, offset: o }),
  );
  close(mx.fast.rope(x, 4, { base: 10, offset }), mx.concatenate(each, { axis: 0 }), 1e-6);
  assert.throws(
    () => mx.fast.rope(x, 4, { base: 10, offset: mx.array([1, 2, 3], mx.int32) }),
    mx.ShapeError,
  );
  assert.throws(() => mx.fast.rope(x, 4, { base: 10, offset: mx.array(1.5) }), mx.DTypeError);
});

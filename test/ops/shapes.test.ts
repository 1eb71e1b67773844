/** Layout, creation and products at the edges that the golden cases leave out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";

test("empty arrays pass through shapes, joins and reductions", () => {
  const none = mx.zeros([0, 3]);
  assert.deepEqual(none.transpose().shape, [3, 0]);
  assert.deepEqual(mx.concatenate([none, mx.ones([1, 3])]).shape, [1, 3]);
  assert.deepEqual(none.sum(0).tolist(), [0, 0, 0]);
  assert.deepEqual(mx.flip(none).shape, [0, 3]);
  assert.deepEqual(mx.roll(none, 1, 0).shape, [0, 3]);
  assert.deepEqual(mx.sort(none, 0).shape, [0, 3]);
  assert.deepEqual(mx.matmul(mx.zeros([2, 0]), mx.zeros([0, 3])).tolist(), [
    [0, 0, 0],
    [0, 0, 0],
  ]);
  assert.deepEqual(mx.diag(mx.zeros([0]), 2).shape, [2, 2]);
  assert.throws(() => none.max(0), mx.ShapeError);
});

test("arange counts as MLX does", () => {
  assert.equal(mx.arange(3).dtype, mx.int32);
  assert.equal(mx.arange(0, 1, 0.5).dtype, mx.float32);
  assert.equal(mx.arange(2 ** 40, 2 ** 40 + 2).dtype, mx.int64);
  assert.deepEqual(mx.arange(5, 0, -2).tolist(), [5, 3, 1]);
  assert.deepEqual(mx.arange(3, { dtype: mx.float16 }).tolist(), [0, 1, 2]);
  assert.deepEqual(mx.arange(1, 4, mx.int8).dtype, mx.int8);
  assert.deepEqual(mx.arange(3, 1).tolist(), []);
  assert.deepEqual(mx.arange(0, 6, { step: 4 }).tolist(), [0, 4]);
});

test("reflecting further than the axis is long folds again", () => {
  const x = mx.array([1, 2, 3]);
  assert.deepEqual(mx.pad(x, [5, 4], "reflect").tolist(), [2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3]);
  assert.deepEqual(mx.pad(x, [4, 0], { mode: "symmetric" }).tolist(), [3, 3, 2, 1, 1, 2, 3]);
  assert.deepEqual(mx.pad(mx.array([7]), 2, "reflect").tolist(), [7, 7, 7, 7, 7]);
  assert.deepEqual(mx.pad(x, 1, { constantValues: 9 }).tolist(), [9, 1, 2, 3, 9]);
});

test("the gradient of padding adds up what was copied", () => {
  const g = mx.grad((v: mx.NDArray) => mx.pad(v, [2, 1], "reflect").sum())(mx.array([1, 2, 3]));
  assert.deepEqual(g.tolist(), [1, 3, 2]);
});

test("einsum: many operands, broadcast ones, implicit outputs", () => {
  const a = mx.random.normal([3, 4], { key: mx.random.key(1) });
  const b = mx.random.normal([4, 5], { key: mx.random.key(2) });
  const c = mx.random.normal([5, 2], { key: mx.random.key(3) });
  const chained = a.matmul(b).matmul(c);
  assert.ok(mx.allclose(mx.einsum("ij,jk,kl", a, b, c), chained, 1e-4, { atol: 1e-5 }).item());
  assert.deepEqual(mx.einsum("ij,ij->i", mx.ones([2, 1]), mx.ones([2, 3])).tolist(), [3, 3]);
  assert.deepEqual(mx.einsum("b...->...b", mx.zeros([2, 3, 4])).shape, [3, 4, 2]);
  assert.deepEqual(mx.einsum("ii->", mx.eye(3)).item(), 3);
  assert.deepEqual(mx.einsum("i,j", mx.array([1, 2], mx.int32), mx.array([3], mx.int32)).tolist(), [
    [3],
    [6],
  ]);
  assert.throws(() => mx.einsum("......", a), mx.ArgumentError);
});

test("meshgrid takes its options last", () => {
  const [x, y] = mx.meshgrid(mx.arange(2), mx.arange(3), { indexing: "ij", sparse: true });
  assert.deepEqual(
    [x?.shape, y?.shape],
    [
      [2, 1],
      [1, 3],
    ],
  );
});

test("median, topk and searchsorted with NaN and ties", () => {
  assert.equal(mx.median(mx.array([4, 1, 3, 2])).item(), 2.5);
  assert.deepEqual(
    mx
      .median(
        mx.array([
          [1, Number.NaN],
          [2, 3],
        ]),
        1,
      )
      .tolist(),
    [Number.NaN, 2.5],
  );
  assert.deepEqual(mx.topk(mx.array([1, 5, 5, 2]), 2).tolist(), [5, 5]);
  assert.deepEqual(
    mx.searchsorted(mx.array([1, 2, 2, 3]), mx.array([2, 4]), "right").tolist(),
    [3, 4],
  );
});

test("complex extrema compare by real, then imaginary part", () => {
  const z = mx.array([
    { re: 1, im: 5 },
    { re: 2, im: -1 },
    { re: 2, im: 3 },
  ]);
  assert.deepEqual(z.max().item(), { re: 2, im: 3 });
  assert.deepEqual(mx.argmin(z).item(), 0);
  assert.deepEqual(mx.cummax(z).tolist(), z.tolist());
});

test("asStrided stays inside the array", () => {
  assert.deepEqual(mx.asStrided(mx.arange(5), [2, 2], [2, 1], 1).tolist(), [
    [1, 2],
    [3, 4],
  ]);
  assert.throws(() => mx.asStrided(mx.arange(4), [3], [2]), mx.IndexError);
  assert.throws(() => mx.asStrided(mx.arange(4), [2], [1], -1), mx.IndexError);
});

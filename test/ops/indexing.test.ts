/** Indices beyond the golden cases: the string form, masks, writes in place, errors that name the cure. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";

const grid = (): mx.NDArray => mx.arange(12).reshape(3, 4);

test("one string says the same as components", () => {
  const x = grid();
  assert.deepEqual(
    x.get("1:, ::-1").tolist(),
    x.get(mx.slice(1, null), mx.slice(null, null, -1)).tolist(),
  );
  assert.deepEqual(x.get("..., -1").tolist(), [3, 7, 11]);
  assert.deepEqual(x.get("1, 2").item(), 6);
  assert.deepEqual(x.get(":, None, 1:3").shape, [3, 1, 2]);
  assert.deepEqual(x.get("0:2", 1).tolist(), [1, 5]);
  assert.deepEqual(x.get("2,").tolist(), [8, 9, 10, 11]);
});

test("strings that are no index are refused", () => {
  for (const bad of ["", "a", "1:2:3:4", "1..2", "::0", "1.5", "1 2"]) {
    assert.throws(() => grid().get(bad), mx.IndexError, bad);
  }
});

test("slice(stop) and slice(start, stop, step) read as in Python", () => {
  const x = mx.arange(5);
  assert.deepEqual(x.get(mx.slice(2)).tolist(), [0, 1]);
  assert.deepEqual(x.get(mx.slice(-2, null)).tolist(), [3, 4]);
  assert.deepEqual(x.get(mx.slice(10, -10, -2)).tolist(), [4, 2, 0]);
  assert.deepEqual(x.get(mx.slice(3, 1)).tolist(), []);
});

test("masks read the places where they are true", () => {
  const x = grid();
  const mask = x.remainder(3).equal(0);
  assert.deepEqual(x.get(mask).tolist(), [0, 3, 6, 9]);
  assert.deepEqual(x.get([true, false, true]).tolist(), [
    [0, 1, 2, 3],
    [8, 9, 10, 11],
  ]);
  assert.deepEqual(x.get(mx.array([false, true, false]), 2).tolist(), [6]);
  assert.throws(() => x.get(mx.array([true, false])), mx.ShapeError);
});

test("a mask whose values are not known cannot be read with", () => {
  assert.throws(() => mx.vmap((v: mx.NDArray) => v.get(v.greater(0)))(grid()), mx.TransformError);
});

test("set writes through the handle only", () => {
  const x = grid();
  const row = x.get(1);
  const same = x;
  assert.equal(x.set(["1:", 0], -1), x);
  assert.deepEqual(same.get("...", 0).tolist(), [0, -1, -1]);
  assert.deepEqual(row.tolist(), [4, 5, 6, 7]);
});

test("set takes one component, or a list of them; an inner list is an index array", () => {
  assert.deepEqual(mx.zeros([3]).set(1, 5).tolist(), [0, 5, 0]);
  assert.deepEqual(mx.zeros([2, 2]).set([0, 1], 5).tolist(), [
    [0, 5],
    [0, 0],
  ]);
  assert.deepEqual(
    mx
      .zeros([3])
      .set([[0, 2]], 5)
      .tolist(),
    [5, 0, 5],
  );
  assert.deepEqual(
    mx
      .zeros([3])
      .set("::-1", mx.array([1, 2, 3]))
      .tolist(),
    [3, 2, 1],
  );
  assert.deepEqual(
    mx
      .zeros([4])
      .set(mx.slice(null, null, 2), mx.array([1, 2]))
      .tolist(),
    [1, 0, 2, 0],
  );
});

test("set with a mask consumes rows in order", () => {
  const x = grid();
  x.set(
    mx.array([true, false, true]),
    mx.array([
      [1, 1, 1, 1],
      [2, 2, 2, 2],
    ]),
  );
  assert.deepEqual(x.tolist(), [
    [1, 1, 1, 1],
    [4, 5, 6, 7],
    [2, 2, 2, 2],
  ]);
  assert.throws(
    () =>
      mx
        .zeros([3])
        .set(mx.array([true, true, true]), mx.array([1, 2]))
        .eval(),
    mx.IndexError,
  );
  assert.throws(
    () => mx.zeros([3]).set(mx.array([true, false, true]), mx.zeros([0])),
    mx.ShapeError,
  );
});

test("a write that fails leaves the array as it was", () => {
  const x = grid();
  assert.throws(() => x.set([0, mx.slice()], mx.zeros([3])), mx.ShapeError);
  assert.throws(() => x.set([7], 0), mx.IndexError);
  assert.deepEqual(x.tolist(), grid().tolist());
});

test("at gives a new array; the same place counts as often as it is named", () => {
  const x = mx.zeros([3]);
  assert.deepEqual(x.at([0, 0, 2]).add(1).tolist(), [2, 0, 1]);
  assert.deepEqual(
    x
      .at("1:")
      .set(mx.array([4, 5]))
      .tolist(),
    [0, 4, 5],
  );
  assert.deepEqual(x.at(0).subtract(1).at(0).multiply(3).tolist(), [-3, 0, 0]);
  assert.deepEqual(x.tolist(), [0, 0, 0]);
});

test("positions outside an axis are refused when they are known", () => {
  const x = grid();
  for (const read of [
    () => x.get(3),
    () => x.get(0, -5),
    () => mx.take(x, 12),
    () => mx.take(x, 4, 1),
  ]) {
    assert.throws(read, mx.IndexError);
  }
  assert.throws(() => x.get(mx.array([0, 3], mx.int32)).eval(), mx.IndexError);
  assert.throws(() => x.get(0, 0, 0), mx.IndexError);
  assert.throws(() => x.get("...", "..."), mx.IndexError);
  assert.throws(() => mx.array(1).get(0), mx.IndexError);
});

test("only integers index", () => {
  assert.throws(() => grid().get(mx.array([0.5])), mx.DTypeError);
  assert.throws(() => grid().get([0.5]), mx.IndexError);
  assert.throws(() => Reflect.apply(grid().get, grid(), [{}]), mx.ArgumentError);
  assert.throws(() => Reflect.apply(grid().get, grid(), [1.5]), mx.ArgumentError);
});

test("typed arrays index as well", () => {
  assert.deepEqual(grid().get(Int32Array.of(2, 0), 1).tolist(), [9, 1]);
  assert.deepEqual(mx.take(grid(), Uint8Array.of(1), 1).shape, [3, 1]);
  assert.throws(() => grid().get(Float32Array.of(1)), mx.DTypeError);
});

test("arrays are iterable along their first axis", () => {
  assert.deepEqual(
    [...grid()].map((row) => row.get(0).item()),
    [0, 4, 8],
  );
  assert.throws(() => [...mx.array(1)], mx.IndexError);
});

test("gradients go through reads and writes", () => {
  const f = (x: mx.NDArray): mx.NDArray => {
    const y = x.multiply(1);
    y.set([0, "1:"], 0);
    return y.get([0, 0, 1]).sum();
  };
  assert.deepEqual(
    mx
      .grad(f)(mx.ones([3, 2]))
      .tolist(),
    [
      [2, 0],
      [1, 1],
      [0, 0],
    ],
  );
});

test("what takeAlongAxis reads may be transposed at once", () => {
  for (const [n, m] of [
    [2, 4],
    [3, 5],
    [4, 8],
  ] as const) {
    const x = mx.arange(2 * n * m).reshape(2, n, m);
    mx.eval(x);
    const rows = Array.from({ length: n }, (_, i) =>
      Array.from({ length: m }, (_, j) => (2 * i + j + 1) % n),
    );
    const index = mx.array(rows, mx.int32);
    const want = [0, 1].map((b) =>
      Array.from({ length: m }, (_, j) => rows.map((row) => b * n * m + (row[j] ?? 0) * m + j)),
    );
    const read = mx.takeAlongAxis(x, mx.broadcastTo(index, [2, n, m]), 1);
    assert.deepEqual(mx.transpose(read, [0, 2, 1]).tolist(), want);
    const mapped = mx.vmap((lane: mx.NDArray) => mx.transpose(mx.takeAlongAxis(lane, index, 0)));
    assert.deepEqual(mapped(x).tolist(), want);
  }
});

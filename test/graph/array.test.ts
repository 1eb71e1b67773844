/** The array handle over data that is already there: reading back, printing, placeholders, disposal. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import * as dt from "../../src/core/dtype.js";
import { ArgumentError, TransformError } from "../../src/core/errors.js";
import type { Scalar } from "../../src/core/guards.js";
import { encodeValues } from "../../src/core/values.js";
import { NDArray } from "../../src/graph/array.js";
import { hostNode } from "../../src/graph/host.js";
import { Node, noNodes } from "../../src/graph/node.js";

const make = (shape: number[], dtype: dt.DType, values: Scalar[]): NDArray =>
  new NDArray(hostNode(shape, dtype, encodeValues(dtype, values)));

const hole = (): NDArray => new NDArray(new Node(null, noNodes, undefined, [2], dt.float32, 0));

test("what a handle knows", () => {
  const x = make([2, 3], dt.int16, [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(x.shape, [2, 3]);
  assert.equal(x.dtype, dt.int16);
  assert.deepEqual([x.ndim, x.size, x.itemsize, x.nbytes], [2, 6, 2, 12]);
});

test("read-back kinds", async () => {
  assert.equal(make([], dt.float32, [2.5]).item(), 2.5);
  assert.equal(make([1, 1], dt.bool, [true]).item(), true);
  assert.equal(make([], dt.int64, [5]).item(), 5n);
  assert.deepEqual(make([1], dt.complex64, [{ re: 1, im: 2 }]).item(), { re: 1, im: 2 });
  assert.throws(() => make([2], dt.int8, [1, 2]).item(), ArgumentError);
  const x = make([2, 2], dt.uint64, [1, 2, 3, 4]);
  assert.deepEqual(x.tolist(), [
    [1n, 2n],
    [3n, 4n],
  ]);
  assert.deepEqual(await x.tolistAsync(), x.tolist());
  assert.deepEqual(make([2, 0], dt.float32, []).tolist(), [[], []]);
  assert.deepEqual(x.dataSync(), new BigUint64Array([1n, 2n, 3n, 4n]));
  assert.deepEqual(await x.data(), x.dataSync());
  assert.deepEqual(make([2], dt.bfloat16, [1, 2]).dataSync(), new Float32Array([1, 2]));
  assert.equal(await make([], dt.int8, [3]).itemAsync(), 3);
});

test("what is read is a copy", () => {
  const x = make([2], dt.int8, [1, 2]);
  const data = x.dataSync();
  assert.ok(data instanceof Int8Array);
  data[0] = 9;
  assert.deepEqual(x.tolist(), [1, 2]);
});

test("printing", () => {
  const x = make([2, 2], dt.float32, [1, 0.5, -2, 1e6]);
  const text = "array([[1, 0.5],\n       [-2, 1e+06]], dtype=float32)";
  assert.equal(String(x), text);
  assert.equal(inspect(x), text);
});

test("placeholders have no value, but can be looked at", () => {
  assert.throws(() => hole().item(), /\[item\]/);
  assert.throws(() => hole().eval(), TransformError);
  assert.throws(() => hole().tolist(), TransformError);
  assert.throws(() => String(hole()), TransformError);
  assert.match(inspect(hole()), /no value.*shape=\[2\].*float32/);
});

test("async reads of placeholders reject", async () => {
  await assert.rejects(hole().data(), TransformError);
  await assert.rejects(hole().tolistAsync(), TransformError);
});

test("a disposed array says so", () => {
  const x = make([2], dt.int8, [1, 2]);
  x.dispose();
  assert.deepEqual(x.shape, [2]);
  assert.throws(() => x.tolist(), /disposed/);
  x.dispose();
  const y = make([1], dt.int8, [1]);
  y[Symbol.dispose]();
  assert.throws(() => y.item(), ArgumentError);
});

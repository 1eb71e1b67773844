/** Arrays from host data: dtypes, copies, stacking of arrays in lists, errors. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as dt from "../../src/core/dtype.js";
import { ArgumentError, ShapeError } from "../../src/core/errors.js";
import { array, asarray } from "../../src/ops/creation-host.js";

test("each kind of data has its dtype, a stated one overrides", () => {
  assert.equal(array(1).dtype, dt.float32);
  assert.equal(array(true).dtype, dt.bool);
  assert.equal(array(3n).dtype, dt.int64);
  assert.equal(array({ re: 1, im: 2 }).dtype, dt.complex64);
  assert.equal(array(new Uint8ClampedArray(2)).dtype, dt.uint8);
  assert.equal(array(new Float64Array(2)).dtype, dt.float64);
  assert.equal(array([1, 2], dt.int8).dtype, dt.int8);
  assert.equal(array([1, 2], { dtype: dt.float16 }).dtype, dt.float16);
  assert.deepEqual(array([[1.5, -2.5]], dt.int32).tolist(), [[1, -2]]);
  assert.deepEqual(array([300, -1], dt.uint8).tolist(), [44, 255]);
  assert.deepEqual(array([]).shape, [0]);
  assert.deepEqual(array(2.5).item(), 2.5);
  assert.deepEqual(array(new Int16Array([1, -1]), dt.bfloat16).tolist(), [1, -1]);
});

test("data is copied", () => {
  const data = new Float32Array([1, 2]);
  const x = array(data);
  data[0] = 5;
  assert.deepEqual(x.tolist(), [1, 2]);
});

test("arrays in lists are promoted and stacked", () => {
  const x = array([array([1, 2], dt.int8), [3, 4], new Float64Array(2)]);
  assert.deepEqual(x.shape, [3, 2]);
  assert.equal(x.dtype, dt.float64);
  assert.deepEqual(
    array([
      [array(1), 2],
      [3, array(4)],
    ]).shape,
    [2, 2],
  );
  assert.equal(array([array(1)], dt.int32).dtype, dt.int32);
  assert.throws(() => array([array([1, 2]), array([1])]), {
    name: "ShapeError",
    message: /shape \[2\] at \[0\]\[1\]|shape \[2\] at \[1\], as at \[0\], got \[1\]/,
  });
  assert.throws(() => array([[array([1])], [2]]), ShapeError);
});

test("asarray", () => {
  const x = array([1, 2]);
  assert.equal(asarray(x), x);
  assert.equal(asarray(x, dt.float32), x);
  assert.notEqual(asarray(x, { copy: true }), x);
  assert.equal(asarray(x, dt.int8).dtype, dt.int8);
  assert.equal(asarray(x, { copy: false }), x);
  assert.throws(() => asarray([1], { copy: false }), ArgumentError);
  assert.throws(() => asarray(x, { dtype: dt.int8, copy: false }), ArgumentError);
});

test("wrong arguments", () => {
  assert.throws(
    () => Reflect.apply(array, null, [[1], { dtyp: dt.int8 }]),
    /unknown option "dtyp"/,
  );
  assert.throws(() => Reflect.apply(array, null, ["1"]), ArgumentError);
  assert.throws(() => Reflect.apply(array, null, [[1], "int8"]), ArgumentError);
  assert.throws(() => array([[1, 2], [3]]), ShapeError);
});

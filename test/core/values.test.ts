/** JavaScript values to elements and back, for every dtype, with MLX's casts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as dt from "../../src/core/dtype.js";
import { ArgumentError, DTypeError, ShapeError } from "../../src/core/errors.js";
import type { Scalar } from "../../src/core/guards.js";
import { encodeNested, measure } from "../../src/core/nested.js";
import { encodeTyped, isTypedArray, typedDtype } from "../../src/core/typed.js";
import { encodeValues, flat, float16Array, reader } from "../../src/core/values.js";

const round = (dtype: dt.DType, ...values: Scalar[]): Scalar[] => {
  const read = reader(dtype, encodeValues(dtype, values));
  return values.map((_, i) => read(i));
};

test("values of each dtype's own kind survive", () => {
  assert.deepEqual(round(dt.bool, true, false), [true, false]);
  assert.deepEqual(round(dt.uint64, 2n ** 64n - 1n), [2n ** 64n - 1n]);
  assert.deepEqual(round(dt.int64, -(2n ** 63n)), [-(2n ** 63n)]);
  assert.deepEqual(round(dt.complex64, { re: 1.5, im: -2 }), [{ re: 1.5, im: -2 }]);
  for (const d of dt.dtypes) {
    if (d.kind === "int" || d.kind === "uint") {
      const seven = d.size === 8 ? 7n : 7;
      assert.deepEqual(round(d, 7, 7n, true), [seven, seven, d.size === 8 ? 1n : 1], d.name);
    } else if (d.kind === "float")
      assert.deepEqual(round(d, 0.5, -3, 2n, false), [0.5, -3, 2, 0], d.name);
  }
});

test("casts: truncation, wrapping, truth, dropped imaginary parts", () => {
  assert.deepEqual(round(dt.int8, 130, -129, 2.9, -2.9, 300n), [-126, 127, 2, -2, 44]);
  assert.deepEqual(round(dt.uint8, -1, 256), [255, 0]);
  assert.deepEqual(round(dt.int32, 2 ** 31, Number.NaN, Infinity), [-(2 ** 31), 0, 0]);
  assert.deepEqual(round(dt.uint64, -1, 2 ** 40), [2n ** 64n - 1n, 2n ** 40n]);
  assert.deepEqual(round(dt.bool, 0.5, Number.NaN, 0, 0n, { re: 0, im: 1 }), [
    true,
    true,
    false,
    false,
    true,
  ]);
  assert.deepEqual(round(dt.float32, { re: 2, im: 3 }), [2]);
  assert.deepEqual(round(dt.complex64, 2, true), [
    { re: 2, im: 0 },
    { re: 1, im: 0 },
  ]);
});

test("flat arrays, also from bytes that are not aligned", () => {
  for (const d of dt.dtypes) {
    const bytes = encodeValues(d, [1, 0, 3]);
    const shifted = new Uint8Array(bytes.length + 1).subarray(1);
    shifted.set(bytes);
    for (const b of [bytes, shifted]) {
      const got = flat(d, b);
      const want = d === dt.complex64 ? [1, 0, 0, 0, 3, 0] : d === dt.bool ? [1, 0, 1] : [1, 0, 3];
      assert.deepEqual(Array.from<number | bigint, number>(got, Number), want, d.name);
    }
  }
  assert.ok(flat(dt.bfloat16, new Uint8Array(2)) instanceof Float32Array);
  const half = flat(dt.float16, new Uint8Array(2));
  const name = float16Array() === null ? "Float32Array" : "Float16Array";
  assert.equal(half[Symbol.toStringTag], name);
});

test("typed arrays keep their dtype and cast like values", () => {
  assert.equal(typedDtype(new Uint8ClampedArray(1)), dt.uint8);
  assert.equal(typedDtype(new BigInt64Array(1)), dt.int64);
  assert.equal(typedDtype(Buffer.from("ab")), dt.uint8);
  assert.ok(!isTypedArray(new DataView(new ArrayBuffer(2))));
  const from = new Float64Array([1.75, -300.5, 65519.999]);
  for (const d of dt.dtypes) {
    assert.deepEqual(encodeTyped(d, from), encodeValues(d, from), d.name);
    assert.deepEqual(
      encodeTyped(d, new BigInt64Array([5n, -1n])),
      encodeValues(d, [5n, -1n]),
      d.name,
    );
  }
});

const dtypeOf = (data: unknown): dt.DType => measure("array", data, null).dtype;

test("nested lists: shape and dtype", () => {
  assert.deepEqual(
    measure(
      "array",
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      null,
    ),
    { shape: [2, 3], dtype: dt.float32 },
  );
  assert.deepEqual(measure("array", [[], []], null), { shape: [2, 0], dtype: dt.float32 });
  assert.deepEqual(measure("array", 3, dt.int8), { shape: [], dtype: dt.int8 });
  assert.deepEqual(measure("array", [new Int32Array(3)], null), { shape: [1, 3], dtype: dt.int32 });
  assert.equal(dtypeOf([true, false]), dt.bool);
  assert.equal(dtypeOf([true, 1n]), dt.int64);
  assert.equal(dtypeOf([true, 1n, 2]), dt.float32);
  assert.equal(dtypeOf([2, { re: 1, im: 0 }]), dt.complex64);
  const data = [
    [1, 300],
    [-1, 2.5],
  ];
  const bytes = encodeNested(data, measure("array", data, dt.uint8));
  assert.deepEqual([...bytes], [1, 44, 255, 2]);
});

test("nested lists: errors say where", () => {
  const fails = (data: unknown, kind: new (m: string) => Error, message: RegExp): void => {
    assert.throws(
      () => measure("array", data, null),
      (e) => e instanceof kind && message.test(e.message),
    );
  };
  fails([[1, 2], [3]], ShapeError, /^\[array\].*a list of 2 at \[1\].*got a list of 1/);
  fails([1, [2]], ShapeError, /a single value at \[1\].*got a list of 1/);
  fails([[1], 2], ShapeError, /a list of 1 at \[1\].*got a single value/);
  fails(
    [
      [[1], [2]],
      [[3], [4, 5]],
    ],
    ShapeError,
    /at \[1\]\[1\]/,
  );
  fails([[1, "2"]], ArgumentError, /got string "2" at \[0\]\[1\]/);
  fails([undefined], ArgumentError, /undefined at \[0\]/);
  fails([2n ** 64n], DTypeError, /int64/);
  fails([[[1, 2]], new Float32Array(1)], ShapeError, /at \[1\].*a flat Float32Array/);
});

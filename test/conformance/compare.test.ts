/** The comparison rules themselves: what must agree, and what must not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { difference, type Result } from "./compare.js";
import { type DTypeName, decode, type GoldenArray, type GoldenValue } from "./format.js";

const EXACT = { rtol: 0, atol: 0 };
const LOOSE = { rtol: 1e-3, atol: 1e-3 };

function golden(dtype: DTypeName, values: readonly number[], shape = [values.length]): GoldenArray {
  return { $: "array", dtype, shape, values: Float64Array.from(values) };
}

function result(array: GoldenArray): Result {
  return { kind: "array", array };
}

function agree(got: GoldenArray, want: GoldenValue, tolerance = EXACT): boolean {
  return difference(result(got), want, tolerance) === null;
}

test("special values are equal to themselves and to nothing else", () => {
  const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [i, a] of special.entries()) {
    for (const [j, b] of special.entries()) {
      assert.equal(agree(golden("float32", [a]), golden("float32", [b]), LOOSE), i === j);
    }
    assert.equal(agree(golden("float32", [a]), golden("float32", [1]), LOOSE), false);
    assert.equal(agree(golden("float32", [1]), golden("float32", [a]), LOOSE), false);
  }
  assert.ok(agree(golden("float32", [-0]), golden("float32", [0])));
});

test("tolerance is relative to the wanted value and never applies to integers", () => {
  assert.ok(agree(golden("float32", [1000.9]), golden("float32", [1000]), LOOSE));
  assert.ok(!agree(golden("float32", [1002]), golden("float32", [1000]), LOOSE));
  const whole = { rtol: 1, atol: 10 };
  assert.ok(!agree(golden("int32", [5]), golden("int32", [6]), whole));
  assert.ok(!agree(golden("bool", [1]), golden("bool", [0]), whole));
});

test("complex parts are compared apart, relative to the modulus", () => {
  assert.ok(
    agree(golden("complex64", [1000, 0.5], [1]), golden("complex64", [1000, 0], [1]), LOOSE),
  );
  assert.ok(
    !agree(golden("complex64", [1000, 2], [1]), golden("complex64", [1000, 0], [1]), LOOSE),
  );
});

test("dtype, shape, length and keys must be equal", () => {
  assert.ok(!agree(golden("float16", [1]), golden("float32", [1]), LOOSE));
  assert.ok(!agree(golden("float32", [1], []), golden("float32", [1], [1]), LOOSE));
  const one = result(golden("float32", [1]));
  const list: Result = { kind: "list", items: [one] };
  assert.equal(difference(list, [golden("float32", [1])], EXACT), null);
  assert.notEqual(difference(list, [], EXACT), null);
  assert.notEqual(difference(one, [golden("float32", [1])], EXACT), null);
  const tree: Result = { kind: "tree", entries: new Map([["a", one]]) };
  const wanted = new Map([["b", golden("float32", [1])]]);
  assert.notEqual(difference(tree, { $: "tree", entries: wanted }, EXACT), null);
});

test("values decode to their elements", () => {
  const half = decode({ $: "array", dtype: "float16", shape: [3], b64: "ADwAwAF8" });
  assert.ok(agree(golden("float16", [1, -2, Number.NaN]), half));
  const brain = decode({ $: "array", dtype: "bfloat16", shape: [2], b64: "gD8AwA==" });
  assert.ok(agree(golden("bfloat16", [1, -2]), brain));
});

test("unknown markers, fields and lengths are refused", () => {
  assert.throws(() => decode({ $: "tensor" }), /known value marker/);
  assert.throws(() => decode({ $: "int", v: 1, w: 2 }), /only the fields/);
  assert.throws(
    () => decode({ $: "array", dtype: "bool", shape: [2], b64: "AQ==" }),
    /expected 2 elements/,
  );
});

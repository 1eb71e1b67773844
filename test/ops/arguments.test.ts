/** How arguments are given: by position, by name, as scalars; and what is said when they are wrong. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";

test("the first option may stand by position, the rest by name", () => {
  const x = mx.arange(6).reshape(2, 3);
  assert.deepEqual(mx.sum(x, 1).tolist(), mx.sum(x, { axis: 1 }).tolist());
  assert.deepEqual(mx.sum(x, [0, 1], { keepdims: true }).shape, [1, 1]);
  assert.deepEqual(x.sum(0, { keepdims: true }).shape, [1, 3]);
  assert.deepEqual(mx.split(x, 3, 1).length, 3);
  assert.deepEqual(mx.transpose(x, [1, 0]).shape, x.transpose(1, 0).shape);
  assert.deepEqual(x.reshape(3, -1).shape, x.reshape([3, 2]).shape);
});

test("an unknown option is refused by name", () => {
  const wrong: unknown = { keepDims: true };
  assert.throws(() => Reflect.apply(mx.sum, null, [mx.ones([2]), wrong]), {
    name: "ArgumentError",
    message: /keepDims.*keepdims/,
  });
  assert.throws(() => Reflect.apply(mx.random.uniform, null, [{ shap: [2] }]), mx.ArgumentError);
  assert.throws(
    () => Reflect.apply(mx.random.normal, null, [[2], { shape: [2] }]),
    mx.ArgumentError,
  );
});

test("what is no operand is refused", () => {
  for (const bad of ["1", null, undefined, [1], {}, () => 1]) {
    assert.throws(() => Reflect.apply(mx.sin, null, [bad]), mx.ArgumentError);
    assert.throws(() => Reflect.apply(mx.add, null, [mx.ones([1]), bad]), mx.ArgumentError);
  }
});

test("norms name what is missing", () => {
  const x = mx.ones([2, 3]);
  const cases: readonly (readonly [unknown[], RegExp])[] = [
    [[x, null, null], /\[layerNorm\] expected a number as eps/],
    [[x, { eps: 1 }], /\[layerNorm\] expected a number as eps/],
    [[x, 1, null, 1e-5], /\[layerNorm\] expected an array or null as weight/],
    [["x", null, null, 1e-5], /\[layerNorm\] expected an array/],
  ];
  for (const [given, message] of cases) {
    const run = (): unknown => Reflect.apply(mx.fast.layerNorm, null, given);
    assert.throws(run, { name: "ArgumentError", message });
  }
});

test("scalars take the array's dtype", () => {
  assert.equal(mx.array([1], mx.int8).add(1).dtype, mx.int8);
  assert.equal(mx.array([1], mx.int8).add(0.5).dtype, mx.float32);
  assert.equal(mx.array([1], mx.float16).multiply(0.5).dtype, mx.float16);
  assert.equal(mx.array([true]).add(1).dtype, mx.int32);
  assert.equal(mx.array([1]).add({ re: 0, im: 1 }).dtype, mx.complex64);
  assert.equal(mx.subtract(1, mx.array([1n])).dtype, mx.int64);
  assert.throws(() => mx.array([1], mx.int8).add(300), mx.DTypeError);
});

test("two scalars are what array makes of them", () => {
  assert.equal(mx.add(1, 2).dtype, mx.float32);
  assert.equal(mx.where(mx.array([true]), 1, 0).dtype, mx.float32);
  assert.equal(mx.add(true, false).dtype, mx.bool);
});

test("reserved words and short forms", () => {
  const x = mx.array([1, 3]);
  assert.equal(mx.var(x).item(), 1);
  assert.equal(x.var({ ddof: 1 }).item(), 2);
  mx.eval(x, { tree: [x.add(1)] }, 3, null);
  assert.deepEqual(x.sub(1).mul(2).div(4).neg().pow(2).tolist(), [0, 1]);
});

test("messages name the operation, what was expected and what came", () => {
  const cases: readonly (readonly [() => unknown, RegExp])[] = [
    [() => mx.ones([2, 3]).add(mx.ones([4])), /\[add\] expected .*\[2, 3\].*\[4\]/],
    [() => mx.ones([2]).reshape(3), /\[reshape\] expected .*2 elements.*\[3\]/],
    [
      () => mx.concatenate([mx.ones([2]), mx.ones([2, 2])]),
      /\[concatenate\] expected .*\[2\].*\[2, 2\]/,
    ],
    [() => mx.matmul(mx.ones([2, 3]), mx.ones([2, 3])), /\[matmul\] expected .*\[2, 3\]/],
    [() => mx.einsum("ij,jk", mx.ones([2, 3])), /\[einsum\] expected .*1 operands.*2 subscripts/],
  ];
  for (const [run, message] of cases) assert.throws(run, { message });
});

test("depends and asyncEval", async () => {
  const [a] = mx.depends([mx.ones([2])], [mx.zeros([1])]);
  assert.deepEqual(a?.tolist(), [1, 1]);
  const x = mx.ones([3]).add(1);
  await mx.asyncEval({ x });
  assert.deepEqual(await x.tolistAsync(), [2, 2, 2]);
  await assert.rejects(async () => {
    let pending: Promise<void> = Promise.resolve();
    mx.vjp(
      (v) => {
        const y = v.add(1);
        pending = mx.asyncEval(y);
        return y;
      },
      [mx.ones([1])],
      [mx.ones([1])],
    );
    await pending;
  }, mx.TransformError);
});

/** What is said about an evaluation: its kernels, what fused, what was moved, and the same values as without looking. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import { defaultEngine } from "../../src/runtime/default-engine.js";

test("the kernels of an evaluation, once", () => {
  const x = mx.ones([4, 8]).eval();
  const y = mx.exp(x).add(1);
  const texts = mx.debug.kernels(y);
  assert.equal(texts.length, 1);
  assert.match(texts[0] ?? "", /exp %\d/);
  assert.deepEqual(mx.debug.kernels(y), []);
  assert.equal(defaultEngine().observer, null);
});

test("fusion and bytes", () => {
  const x = mx.random.normal([8, 16], { key: mx.random.key(1) });
  const report = mx.debug.explain((a: mx.NDArray) => mx.sin(a).multiply(2))(x);
  assert.deepEqual(report.result.tolist(), mx.sin(x).multiply(2).tolist());
  const [kernel, ...others] = report.kernels;
  assert.ok(kernel !== undefined && others.length === 0);
  assert.deepEqual(kernel.operations, ["sin", "mul"]);
  assert.deepEqual([kernel.bytesRead, kernel.bytesWritten], [512, 512]);
  assert.match(String(report), /^0: sin, mul over \[.*\]: 512 B read, 512 B written, /);
});

test("products and routines have reports too", () => {
  const w = mx.ones([16, 4]).eval();
  const report = mx.debug.explain((a: mx.NDArray) => mx.sort(a.matmul(w), -1))(mx.ones([8, 16]));
  const [product, sort] = report.kernels;
  assert.ok(product !== undefined);
  assert.ok(product.operations.includes("contract"));
  assert.ok(product.text.includes("contract"));
  assert.equal(product.bytesRead, 4 * (8 * 16 + 16 * 4));
  assert.deepEqual(sort?.operations, ["sort"]);
});

test("a timeline: spans in order that do not overlap, of compiled functions as well", () => {
  const f = mx.compile((a: mx.NDArray) => a.cumsum().multiply(2).cumsum());
  const { result, traceEvents } = mx.debug.trace(() => f(mx.array([1, 2, 3])));
  assert.deepEqual(result.tolist(), [2, 8, 20]);
  assert.equal(traceEvents.length, 3);
  let end = 0;
  for (const e of traceEvents) {
    assert.equal(e.ph, "X");
    assert.ok(e.ts >= end && e.dur >= 0);
    end = e.ts + e.dur;
  }
  assert.doesNotThrow(() => JSON.stringify(traceEvents));
});

test("an error while looking leaves the engine as it was", () => {
  const boom = (): never => {
    throw new RangeError("mine");
  };
  assert.throws(() => mx.debug.trace(boom), RangeError);
  assert.equal(defaultEngine().observer, null);
});

/** Sums inside a product's kernel are the same, bit for bit, on one thread and on several, however often. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";

test("sums after a product do not depend on threads", () => {
  const x = mx.random.normal([1000, 256], { key: mx.random.key(1) }).eval();
  const w = mx.random.normal([256, 200], { key: mx.random.key(2) }).eval();
  const bits = (): string => {
    const y = x.matmul(w);
    const sums = y.multiply(y).sum(0);
    mx.eval(y, sums);
    return JSON.stringify(sums.tolist());
  };
  try {
    mx.setThreads(1);
    const want = bits();
    mx.setThreads(2);
    for (let i = 0; i < 60; i++) assert.equal(bits(), want);
  } finally {
    mx.setThreads(1);
  }
});

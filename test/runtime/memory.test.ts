/** Memory: what is counted is what is there, limits hold, and what they were before is returned. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";

const MiB = 2 ** 20;

test("active, peak and free bytes", () => {
  const before = mx.getActiveMemory();
  const x = mx.ones([MiB]).add(1);
  mx.eval(x);
  assert.ok(mx.getActiveMemory() >= before + 4 * MiB);
  const peak = mx.getPeakMemory();
  assert.ok(peak >= mx.getActiveMemory());
  const free = mx.getCacheMemory();
  x.dispose();
  assert.ok(mx.getActiveMemory() < before + 4 * MiB);
  assert.ok(mx.getCacheMemory() >= free + 4 * MiB, "what was freed is kept for later");
  assert.equal(mx.getPeakMemory(), peak);
  mx.resetPeakMemory();
  assert.equal(mx.getPeakMemory(), mx.getActiveMemory());
});

test("beyond the memory limit evaluating fails, and works again when it is raised", () => {
  const before = mx.setMemoryLimit(64 * MiB);
  try {
    assert.equal(mx.deviceInfo().memoryLimit, 64 * MiB);
    const x = mx.ones([32 * MiB]).add(1);
    assert.throws(() => mx.eval(x), mx.DeviceError);
    assert.equal(mx.setMemoryLimit(before), 64 * MiB);
    mx.eval(x);
    assert.equal(x.get(5).item(), 2);
    x.dispose();
  } finally {
    mx.setMemoryLimit(before);
  }
});

test("with a cache limit memory grows by what is needed", () => {
  const before = mx.setCacheLimit(0);
  try {
    assert.equal(before, Number.POSITIVE_INFINITY);
    const taken = (): number => mx.getActiveMemory() + mx.getCacheMemory();
    const free = mx.getCacheMemory();
    const from = taken();
    // More than all that is free, so that memory has to grow.
    const x = mx.zeros([(free >> 2) + 8 * MiB], mx.float32).add(1);
    mx.eval(x);
    const grown = taken() - from;
    assert.ok(grown > 0 && grown <= x.nbytes + MiB, `${grown} for ${x.nbytes}`);
    x.dispose();
  } finally {
    assert.equal(mx.setCacheLimit(before), 0);
  }
});

test("clearing the cache keeps arrays and frees plans", () => {
  const x = mx.arange(1000).multiply(2);
  mx.eval(x);
  for (let i = 1; i < 40; i++) mx.eval(mx.arange(i).add(i).sum());
  const before = mx.getActiveMemory();
  mx.clearCache();
  assert.ok(mx.getActiveMemory() < before);
  assert.equal(x.sum().item(), 999_000);
  mx.setWiredLimit(5);
  assert.equal(mx.setWiredLimit(0), 5);
});

test("limits are whole numbers of bytes", () => {
  for (const set of [mx.setMemoryLimit, mx.setCacheLimit, mx.setWiredLimit]) {
    for (const bad of [-1, 0.5, Number.NaN, "1", null]) {
      // @ts-expect-error some of them are no numbers
      assert.throws(() => set(bad), mx.ArgumentError);
    }
  }
});

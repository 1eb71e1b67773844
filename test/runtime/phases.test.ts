/** Kernels in phases give the same bits on one thread and on two. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { WasmDevice } from "../../src/device/wasm/device.js";
import * as mx from "../../src/index.js";
import { defaultEngine } from "../../src/runtime/default-engine.js";

test("reductions, scans, sorts and scatters do not depend on threads", () => {
  const { device } = defaultEngine();
  assert.ok(device instanceof WasmDevice);
  const n = 2 ** 20 + 7;
  const x = mx.array(Float32Array.from({ length: n }, (_, i) => Math.sin(i * 1.7) * 3));
  const rows = mx.slice(x, [0], [0], [2 ** 20]).reshape([8192, 128]);
  const at = mx.array(Int32Array.from({ length: 8192 }, (_, i) => (i * 31) % 500));
  const compute = (): unknown[] =>
    [
      mx.sum(x),
      mx.logsumexp(x),
      mx.argmax(x),
      mx.max(rows, 0),
      mx.cumsum(x),
      mx.cumsum(rows, 0),
      mx.sort(x),
      mx.argsort(x),
      mx.zeros([500, 128]).at(at).add(rows),
    ].map((y) => y.dataSync());
  device.setThreads(1);
  const one = compute();
  device.setThreads(2);
  const end = performance.now() + 5000;
  while (device.threadCounts().running < 2 && performance.now() < end) compute();
  assert.deepEqual(compute(), one);
  device.setThreads(1);
});

/** Without shared memory everything works on one thread: the device's contract, and the package in a process without it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { WasmDevice } from "../../src/device/wasm/device.js";
import { render } from "../../src/render/wasm/index.js";
import { deviceSuite } from "./suite.js";

deviceSuite(
  "wasm, memory that is not shared",
  () => new WasmDevice({ render, threads: 2, sharedMemory: false }),
);

test("a device without shared memory has one thread", () => {
  const d = new WasmDevice({ render, threads: 2, sharedMemory: false });
  d.setThreads(4);
  assert.deepEqual(d.threadCounts(), { most: 1, running: 1 });
  assert.equal(d.features.shared, false);
});

/** Prints numbers that threads would take part in, and how many there were. */
const script = (before: string): string => `
  ${before}
  const mx = await import(${JSON.stringify(new URL("../../src/index.js", import.meta.url).href)});
  // A library adds products up in another order, and needs shared memory.
  mx.setBlas(false);
  const a = mx.random.normal([600, 600], { key: mx.random.key(1) });
  const step = mx.valueAndGrad((w) => mx.tanh(mx.matmul(a, w)).square().mean());
  let w = mx.random.normal([600, 40], { key: mx.random.key(2) });
  const losses = [];
  for (let i = 0; i < 20; i++) {
    const [loss, g] = step(w);
    w = w.subtract(g.multiply(0.5));
    losses.push(loss.item());
  }
  let b = a;
  for (let i = 0; i < 5; i++) b = mx.matmul(a, b).multiply(0.03);
  await mx.asyncEval(b);
  const { most, led } = mx.debug.threads();
  console.log(JSON.stringify({ losses, b: [...(await b.get("::150, ::170").data())], most, led }));
`;

interface Printed {
  readonly losses: readonly number[];
  readonly b: readonly number[];
  readonly most: number;
  readonly led: number;
}

const runs = (before: string): Printed => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "-e", script(before)],
    { encoding: "utf8", timeout: 60_000 },
  );
  assert.equal(stderr, "");
  assert.equal(status, 0);
  return JSON.parse(stdout);
};

test("a process without SharedArrayBuffer computes the same bits on one thread", () => {
  const without = runs("delete globalThis.SharedArrayBuffer;");
  assert.deepEqual([without.most, without.led], [1, 0]);
  const usual = runs("");
  assert.deepEqual(without.losses, usual.losses);
  assert.deepEqual(without.b, usual.b);
});

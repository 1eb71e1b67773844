/** The Wasm device itself: memory limits, liveness, command lists, queues; with a stub in place of the renderer. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Storage } from "../../src/core/storage.js";
import { WasmDevice } from "../../src/device/wasm/device.js";
import { LoadedModule } from "../../src/device/wasm/loaded.js";
import { scaledAdd, takeRows } from "../kernel/kernels.js";
import { stubRender } from "./stub-render.js";

const MiB = 2 ** 20;
const device = (
  options: { limitBytes?: number; synchronousCollection?: boolean } = {},
): WasmDevice => new WasmDevice({ render: stubRender, ...options });

const floats = (d: WasmDevice, values: readonly number[]): Storage =>
  d.upload(new Uint8Array(Float32Array.from(values).buffer));
const valuesOf = (bytes: Uint8Array): number[] => [...new Float32Array(bytes.slice().buffer)];

/** A list of `count` times out = x · scale + out, buffers x, out. */
const accumulate = (d: WasmDevice, n: number, count: number): ReturnType<WasmDevice["prepare"]> => {
  const loaded = d.load(scaledAdd(n));
  const buffers = [0, 1, 1].map((slot) => ({ slot, offset: 0 }));
  return d.prepare(
    Array.from({ length: count }, () => ({ loaded, outer: n, buffers, params: [0] })),
    2,
  );
};

test("a list runs in order on whatever is bound", () => {
  const d = device();
  const list = accumulate(d, 40, 3);
  const x = floats(
    d,
    Array.from({ length: 40 }, (_, i) => i),
  );
  const out = floats(d, new Array<number>(40).fill(1));
  assert.equal(d.run(list, [x, out], [2]), null);
  assert.deepEqual(
    valuesOf(out.read()),
    Array.from({ length: 40 }, (_, i) => 6 * i + 1),
  );
  const other = floats(d, new Array<number>(40).fill(0));
  d.run(list, [x, other], [1]);
  assert.deepEqual(
    valuesOf(other.read()),
    Array.from({ length: 40 }, (_, i) => 3 * i),
  );
  list.release();
  assert.throws(() => d.run(list, [x, out], [2]), /released/);
});

test("offsets reach into a slot", () => {
  const d = device();
  const loaded = d.load(scaledAdd(2));
  const buffers = [0, 8, 16].map((offset) => ({ slot: 0, offset }));
  const list = d.prepare([{ loaded, outer: 2, buffers, params: [1] }], 1);
  const all = floats(d, [1, 2, 3, 4, 0, 0]);
  d.run(list, [all], [0, 10]);
  assert.deepEqual(valuesOf(all.read()), [1, 2, 3, 4, 13, 24]);
});

test("kernels of one structure are compiled once", () => {
  const d = device();
  assert.equal(d.load(scaledAdd(3)), d.load(scaledAdd(5)));
  d.load(takeRows(2, 3, 4, 9));
  assert.deepEqual(d.counts(), { compiled: 2, modules: 2, cached: 2, evicted: 0 });
});

test("what is new of several kernels becomes one module", () => {
  const d = device();
  const known = d.load(takeRows(2, 3, 4, 1));
  const [a, b, again, c] = d.loadAll([
    takeRows(2, 3, 4, 5),
    scaledAdd(3),
    takeRows(2, 3, 4, 5),
    takeRows(2, 3, 4, 1),
  ]);
  assert.ok(a !== undefined && b !== undefined);
  assert.deepEqual([again, c], [a, known]);
  assert.deepEqual(d.counts(), { compiled: 3, modules: 2, cached: 3, evicted: 0 });
  assert.deepEqual(d.loadAll([scaledAdd(9), takeRows(2, 3, 4, 5)]), [b, a]);
  assert.deepEqual(d.loadAll([]), []);
  assert.equal(d.counts().modules, 2);
  // Each is called by its own name.
  const buffers = [0, 1, 1].map((slot) => ({ slot, offset: 0 }));
  const list = d.prepare([{ loaded: b, outer: 2, buffers, params: [0] }], 2);
  const out = floats(d, [10, 20]);
  assert.equal(d.run(list, [floats(d, [1, 2]), out], [3]), null);
  assert.deepEqual(valuesOf(out.read()), [13, 26]);
  const faulty = d.prepare([{ loaded: a, outer: 2, buffers, params: [] }], 2);
  assert.deepEqual(d.run(faulty, [out, out], []), { code: 5 });
});

test("more kernels than fit one module become several", () => {
  const d = device();
  const loaded = d.loadAll(Array.from({ length: 300 }, (_, i) => takeRows(2, 3, 4, i + 1)));
  assert.deepEqual(d.counts(), { compiled: 300, modules: 3, cached: 300, evicted: 0 });
  const buffers = [0, 0, 0].map((slot) => ({ slot, offset: 0 }));
  const x = floats(d, [1, 2]);
  for (const at of [0, 127, 128, 299]) {
    const [kernel] = loaded.slice(at);
    assert.ok(kernel !== undefined);
    const list = d.prepare([{ loaded: kernel, outer: 2, buffers, params: [] }], 1);
    assert.deepEqual(d.run(list, [x], []), { code: at + 1 });
  }
});

test("a kernel that is gone leaves its place in the module to others", () => {
  const module = new LoadedModule(new Uint8Array(8), [4, 5, 6]);
  assert.equal(module.leave(1), 5);
  assert.deepEqual(module.places, [4, -1, 6]);
});

test("faults are reported once and do not stick", () => {
  const d = device();
  const buffers = [0, 0, 0].map((slot) => ({ slot, offset: 0 }));
  const bad = d.prepare(
    [{ loaded: d.load(takeRows(2, 3, 4, 9)), outer: 2, buffers, params: [] }],
    1,
  );
  const good = accumulate(d, 2, 1);
  const x = floats(d, [1, 2]);
  assert.deepEqual(d.run(bad, [x], []), { code: 9 });
  assert.equal(d.run(good, [x, floats(d, [0, 0])], [1]), null);
});

test("wrong arguments are refused", () => {
  const d = device();
  const list = accumulate(d, 2, 1);
  const x = floats(d, [1, 2]);
  assert.throws(() => d.run(list, [x], [1]), /expected 2 buffers, got 1/);
  assert.throws(
    () => d.run(list, [x, floats(device(), [1, 2])], [1]),
    /slot 1 is not in this device's memory/,
  );
  assert.throws(() => d.run(list, [x, x], []), /expected a parameter 0/);
  assert.throws(() => device().run(list, [x, x], [1]), /prepared by this device/);
});

test("the heap grows while data stays, and addresses are aligned", () => {
  const d = device();
  const x = floats(d, [1, 2, 3]);
  const big = d.allocate(50 * MiB);
  assert.equal(d.allocate(5).byteLength, 5);
  assert.ok(d.memory().heapBytes > 50 * MiB);
  assert.deepEqual(valuesOf(x.read()), [1, 2, 3]);
  big.dispose();
  const list = accumulate(d, 3, 1);
  d.run(list, [x, x], [1]);
  assert.deepEqual(valuesOf(x.read()), [2, 4, 6]);
});

test("out of memory says how much is live, and the device can go on", () => {
  const d = device({ limitBytes: 16 * MiB });
  const held = [d.allocate(6 * MiB), d.allocate(6 * MiB)];
  assert.throws(() => d.allocate(6 * MiB), {
    name: "DeviceError",
    message:
      /expected room for 6\.0 MiB, got 12\.0 MiB live of a limit of 16\.0 MiB: drop or dispose/,
  });
  assert.throws(() => d.allocate(2 ** 40), /expected room for 1024\.00 GiB/);
  held.pop()?.dispose();
  assert.equal(d.allocate(6 * MiB).byteLength, 6 * MiB);
  d.setLimit(32 * MiB);
  assert.equal(d.allocate(10 * MiB).byteLength, 10 * MiB);
  assert.equal(held.length, 1);
});

test("disposing twice is harmless, reading afterwards an error", () => {
  const d = device();
  const x = d.allocate(1000);
  x.dispose();
  x.dispose();
  const before = d.memory().activeBytes;
  assert.throws(() => x.read(), /disposed/);
  assert.equal(d.memory().activeBytes, before);
});

/** Allocates without keeping anything reachable. */
const drop = (d: WasmDevice, count: number, bytes: number): void => {
  for (let i = 0; i < count; i++) d.allocate(bytes);
};

test("1,000 dead storages are found inside one synchronous job", () => {
  const d = device();
  const kept = d.allocate(64);
  drop(d, 1000, 64);
  assert.equal(d.memory().activeBytes, 1001 * 64);
  d.collect();
  assert.equal(d.memory().activeBytes, 64);
  assert.equal(kept.byteLength, 64);
});

test("a synchronous loop stays flat without dispose", () => {
  const d = device();
  drop(d, 2000, MiB);
  assert.ok(d.memory().peakBytes <= 300 * MiB, `${d.memory().peakBytes / MiB} MiB`);
  assert.ok(d.memory().heapBytes <= 450 * MiB);
});

test("memory is found under the limit before it runs out", () => {
  const d = device({ limitBytes: 20 * MiB });
  drop(d, 100, 6 * MiB);
  assert.ok(d.memory().heapBytes <= 20 * MiB);
});

test("lists and their memory go when nobody can run them", () => {
  const d = device();
  const before = d.memory().activeBytes;
  for (let i = 0; i < 100; i++) accumulate(d, 4, 2);
  d.collect();
  assert.ok(d.memory().activeBytes - before <= 2048);
});

test("finalizers free memory where there is no synchronous collection", async () => {
  const d = device({ synchronousCollection: false });
  drop(d, 1000, 2048);
  d.collect();
  assert.equal(d.memory().activeBytes, 1000 * 2048);
  const collector = device();
  for (let i = 0; i < 50 && d.memory().activeBytes > 0; i++) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    collector.collect();
    collector.allocate(8);
  }
  assert.equal(d.memory().activeBytes, 0);
});

test("submitted lists complete in order, in later turns of the event loop", async () => {
  const d = device();
  const list = accumulate(d, 2, 1);
  const one = floats(d, [1, 1]);
  const out = floats(d, [0, 0]);
  const order: number[] = [];
  const first = d.submit(list, [one, out], [1]).then(() => order.push(1));
  const second = d.submit(list, [out, out], [1]).then(() => order.push(2));
  await Promise.resolve();
  assert.deepEqual(order, []);
  await Promise.all([first, second]);
  assert.deepEqual(order, [1, 2]);
  assert.deepEqual(valuesOf(out.read()), [2, 2]);
});

test("a synchronous run or read comes after what was submitted", async () => {
  const d = device();
  const list = accumulate(d, 2, 1);
  const one = floats(d, [1, 1]);
  const out = floats(d, [0, 0]);
  const pending = d.submit(list, [one, out], [1]);
  assert.deepEqual(valuesOf(out.read()), [1, 1]);
  d.submit(list, [one, out], [10]);
  d.run(list, [out, out], [1]);
  assert.deepEqual(valuesOf(await out.readAsync()), [22, 22]);
  assert.equal(await pending, null);
});

test("what is disposed after submission is read before its memory is used again", async () => {
  const d = device();
  const list = accumulate(d, 2, 1);
  const x = floats(d, [5, 6]);
  const out = floats(d, [0, 0]);
  const pending = d.submit(list, [x, out], [1]);
  x.dispose();
  floats(d, [100, 100]);
  await pending;
  assert.deepEqual(valuesOf(out.read()), [5, 6]);
});

test("timers run while a long list does", async () => {
  const d = device();
  const n = 16 * 4096;
  const list = accumulate(d, n, 4000);
  const x = floats(d, new Array<number>(n).fill(1));
  const out = floats(d, new Array<number>(n).fill(0));
  let ticks = 0;
  const timer = setInterval(() => {
    ticks++;
  }, 1);
  await d.submit(list, [x, out], [1]);
  clearInterval(timer);
  assert.ok(ticks >= 3, `${ticks} ticks`);
  assert.equal(valuesOf(out.read())[n - 1], 4000);
});

test("a submission that cannot start is rejected and the queue goes on", async () => {
  const d = device();
  const list = accumulate(d, 2, 1);
  const x = floats(d, [1, 2]);
  const bad = d.submit(list, [x, x], []);
  const good = d.submit(list, [x, x], [1]);
  await assert.rejects(bad, /expected a parameter 0/);
  assert.equal(await good, null);
});

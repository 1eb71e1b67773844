/** Command lists on several threads: equal results, no hang when a thread dies, an event loop that turns, an exit. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, test } from "node:test";
import { DeviceError } from "../../src/core/errors.js";
import type { Storage } from "../../src/core/storage.js";
import { WasmDevice, type WasmDeviceOptions } from "../../src/device/wasm/device.js";
import { render } from "../../src/render/wasm/index.js";
import { columnSums, product, scaledAdd, softmaxRows } from "../kernel/kernels.js";
import type { Case } from "../kernel/random-data.js";
import { randomCase } from "../kernel/random-kernels.js";
import { randomProduct } from "../kernel/random-products.js";
import { deviceSuite } from "./suite.js";

const made: WasmDevice[] = [];
after(() => {
  for (const d of made) d.setThreads(1);
});

const device = (options: Partial<WasmDeviceOptions> = {}): WasmDevice => {
  const d = new WasmDevice({ render, ...options });
  made.push(d);
  return d;
};

/** A device that shares whatever has two tiles. */
const eager = (threads: number): WasmDevice => device({ threads, alwaysShare: true });

const n = 1 << 16;
const floats = (d: WasmDevice, count: number, f: (i: number) => number): Storage =>
  d.upload(new Uint8Array(Float32Array.from({ length: count }, (_, i) => f(i)).buffer));
const valuesOf = (s: Storage): Float32Array => new Float32Array(s.read().slice().buffer);

/** A list of `count` times out = x · scale + out, buffers x, out. */
const accumulate = (d: WasmDevice, size: number, count: number): ReturnType<typeof d.prepare> => {
  const loaded = d.load(scaledAdd(size));
  const buffers = [0, 1, 1].map((slot) => ({ slot, offset: 0 }));
  return d.prepare(
    Array.from({ length: count }, () => ({ loaded, outer: size, buffers, params: [0] })),
    2,
  );
};

/** Gives a device work until all its threads take part; they start without the event loop. */
const warmUp = (d: WasmDevice): void => {
  const list = accumulate(d, n, 1);
  const slots = [floats(d, n, () => 0), floats(d, n, () => 0)];
  const end = performance.now() + 20_000;
  while (d.threadCounts().running < d.threadCounts().most) {
    d.run(list, slots, [1]);
    assert.ok(performance.now() < end, "threads do not start");
  }
};

const results = (d: WasmDevice, c: Case): readonly Uint8Array[] => {
  const slots = c.buffers.map((b) => d.upload(b));
  const list = d.prepare(
    [
      {
        loaded: d.load(c.kernel),
        outer: c.outer,
        buffers: slots.map((_, slot) => ({ slot, offset: 0 })),
        params: c.params.map((_, i) => i),
      },
    ],
    slots.length,
  );
  d.run(list, slots, c.params);
  list.release();
  return slots.map((s) => s.read());
};

deviceSuite("wasm, two threads", () => {
  const d = eager(2);
  warmUp(d);
  return d;
});

test("results are the same bits on one, two and five threads", () => {
  const devices = [1, 2, 5].map((threads) => eager(threads));
  for (const d of devices) warmUp(d);
  /** A kernel on float32 buffers, none of whose sums are exact. */
  const whole = (kernel: Case["kernel"], outer: number, ...sizes: readonly number[]): Case => ({
    kernel,
    outer,
    buffers: sizes.map(
      (size) => new Uint8Array(Float32Array.from({ length: size }, (_, i) => Math.sin(i)).buffer),
    ),
    params: [],
  });
  const cases = [
    whole(softmaxRows(700, 130), 700, 700 * 130, 700 * 130),
    whole(columnSums(1000, 70), 1000, 70_000, 70 * 16),
    whole(product(200, 210, 220), 200, 200 * 220, 220 * 210, 200 * 210),
    ...Array.from({ length: 40 }, (_, seed) => randomCase(1000 + seed)),
    ...Array.from({ length: 20 }, (_, seed) => randomProduct(1000 + seed)),
  ];
  // On one device each kernel is a module of its own, on the others they share one, which workers get whole.
  for (const d of devices.slice(1)) d.loadAll(cases.map((c) => c.kernel));
  cases.forEach((c, i) => {
    const [one, ...others] = devices.map((d) => results(d, c));
    for (const other of others) assert.deepEqual(other, one, `case ${i}`);
  });
});

test("many small lists in turn, with new kernels between", () => {
  const d = eager(2);
  warmUp(d);
  const size = 20_000;
  const list = accumulate(d, size, 3);
  const x = floats(d, size, (i) => i % 7);
  const out = floats(d, size, () => 0);
  for (let i = 1; i <= 3000; i++) {
    d.run(list, [x, out], [1]);
    if (i % 100 === 0) {
      const kernel = product(97, 101, 3 + i / 100);
      const sizes = kernel.bufs.map((b) => (b.access === "read" ? 101 * 40 : 97 * 101));
      const slots = sizes.map((s) => floats(d, s, () => 1));
      const buffers = slots.map((_, slot) => ({ slot, offset: 0 }));
      d.run(
        d.prepare([{ loaded: d.load(kernel), outer: 97, buffers, params: [] }], slots.length),
        slots,
        [],
      );
      const last = slots.at(-1);
      assert.ok(last !== undefined && valuesOf(last).every((v) => v === 3 + i / 100));
    }
  }
  assert.deepEqual(
    valuesOf(out),
    Float32Array.from({ length: size }, (_, i) => 9000 * (i % 7)),
  );
});

test("small work starts no threads, and one thread is enough for it", () => {
  const d = device({ threads: 2 });
  const list = accumulate(d, 1000, 10);
  const slots = [floats(d, 1000, () => 1), floats(d, 1000, () => 0)];
  for (let i = 0; i < 1000; i++) d.run(list, slots, [1]);
  assert.deepEqual(d.threadCounts(), { most: 2, running: 1 });
});

test("the number of threads can change, also while lists wait", async () => {
  const d = eager(2);
  warmUp(d);
  const list = accumulate(d, n, 20);
  const x = floats(d, n, () => 1);
  const out = floats(d, n, () => 0);
  const pending = [d.submit(list, [x, out], [1]), d.submit(list, [x, out], [1])];
  d.setThreads(1);
  assert.deepEqual(d.threadCounts(), { most: 1, running: 1 });
  d.run(list, [x, out], [1]);
  d.setThreads(3);
  warmUp(d);
  assert.deepEqual(d.threadCounts(), { most: 3, running: 3 });
  d.run(list, [x, out], [1]);
  await Promise.all(pending);
  assert.ok(valuesOf(out).every((v) => v === 80));
  for (const bad of [0, 1.5, Number.NaN]) {
    assert.throws(() => d.setThreads(bad), { name: "ArgumentError", message: /at least 1/ });
  }
});

test("memory that threads used comes back when they have ended", async () => {
  const d = eager(2);
  const before = d.memory().activeBytes;
  warmUp(d);
  d.setThreads(1);
  for (let i = 0; i < 500 && d.memory().activeBytes > before; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    d.collect();
  }
  // What stays is the calling thread's scratch.
  assert.ok(d.memory().activeBytes <= before + 4096, `${d.memory().activeBytes} bytes`);
});

/** A product of matrices of ones, and its three buffers. */
const longProduct = (d: WasmDevice, size: number) => {
  const ones = (): Storage => floats(d, size * size, () => 1);
  const slots = [ones(), ones(), ones()] as const;
  const buffers = slots.map((_, slot) => ({ slot, offset: 0 }));
  const loaded = d.load(product(size, size, size));
  return { list: d.prepare([{ loaded, outer: size, buffers, params: [] }], 3), slots };
};

for (const threads of [1, 2]) {
  test(`the event loop turns while a long product runs on ${threads} threads`, async () => {
    const d = eager(threads);
    warmUp(d);
    const size = 2048;
    const { list, slots } = longProduct(d, size);
    let ticks = 0;
    const timer = setInterval(() => {
      ticks++;
    }, 10);
    await d.submit(list, slots, []);
    clearInterval(timer);
    // How many depends on what else the machine does; were the thread held up, there would be none.
    assert.ok(ticks >= 5, `${ticks} ticks`);
    assert.equal(valuesOf(slots[2])[size + 1], size);
  });
}

test("the calling thread runs no kernel of an asynchronous list", async () => {
  const d = device({ threads: 2 });
  const size = 512;
  const { list, slots } = longProduct(d, size);
  // Threads start when there was work for them; until then lists are walked here.
  const end = performance.now() + 20_000;
  while (d.asynchronousCounts().led === 0) {
    await d.submit(list, slots, []);
    assert.ok(performance.now() < end, "no thread takes lists over");
  }
  const before = d.asynchronousCounts();
  const pending = Array.from({ length: 5 }, () => d.submit(list, slots, []));
  assert.deepEqual(await Promise.all(pending), [null, null, null, null, null]);
  assert.deepEqual(d.asynchronousCounts(), { here: before.here, led: before.led + 5 });
  assert.equal(valuesOf(slots[2])[size + 1], size);
  // Small lists are not worth handing over.
  const x = [floats(d, 100, () => 1), floats(d, 100, () => 2)];
  await d.submit(accumulate(d, 100, 3), x, [1]);
  assert.deepEqual(d.asynchronousCounts(), { here: before.here + 1, led: before.led + 5 });
  // Nor is anything on one thread.
  d.setThreads(1);
  await d.submit(list, slots, []);
  assert.deepEqual(d.asynchronousCounts(), { here: before.here + 2, led: before.led + 5 });
});

test("what runs at once waits for what was submitted before", async () => {
  const d = eager(2);
  warmUp(d);
  const { list, slots } = longProduct(d, 1024);
  const copy = d.prepare(
    [
      {
        loaded: d.load(scaledAdd(n)),
        outer: n,
        buffers: [2, 3, 3].map((slot) => ({ slot, offset: 0 })),
        params: [0],
      },
    ],
    4,
  );
  const out = floats(d, n, () => 0);
  for (let round = 1; round <= 5; round++) {
    const pending = d.submit(list, slots, []);
    // At one time it has not begun by then, at another it is in the middle.
    if (round % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    d.run(copy, [...slots, out], [1]);
    assert.ok(valuesOf(out).every((v) => v === 1024 * round));
    assert.equal(await pending, null);
  }
});

/** Whether `attempt` came to its end; otherwise it must have failed because a thread was gone. */
const finished = (attempt: Promise<unknown>): Promise<boolean> =>
  attempt.then(
    () => true,
    (error: unknown) => {
      assert.ok(error instanceof DeviceError && /worker thread/.test(error.message), String(error));
      return false;
    },
  );

test("a list whose helper is killed ends, with an error or the right result; then all works again", async () => {
  const d = eager(2);
  const x = floats(d, n, () => 1);
  const out = floats(d, n, () => 0);
  const one = accumulate(d, n, 1);
  const many = accumulate(d, n, 2000);
  const size = 1024;
  const { list, slots } = longProduct(d, size);
  for (let round = 0; round < 12; round++) {
    // A fresh start each time: after some losses the device stays on one thread until told otherwise.
    d.setThreads(1);
    d.setThreads(2);
    warmUp(d);
    const before = valuesOf(out);
    // One that helps or, in the asynchronous case, also the one that leads.
    const victim = round % 4 === 3 ? 0 : 1;
    if (round % 2 === 0) {
      d.killThread(1);
      const run = async (): Promise<unknown> => d.run(many, [x, out], [1]);
      if (await finished(run()))
        assert.deepEqual(
          valuesOf(out),
          before.map((v) => v + 2000),
        );
    } else {
      const running = finished(d.submit(list, slots, []));
      setTimeout(() => d.killThread(victim), round);
      if (await running) assert.equal(valuesOf(slots[2])[size + 1], size);
    }
    const last = valuesOf(out);
    d.run(one, [x, out], [1]);
    assert.deepEqual(
      valuesOf(out),
      last.map((v) => v + 1),
    );
  }
});

test("a process with threads ends by itself", () => {
  const script = `
    import * as mx from ${JSON.stringify(new URL("../../src/index.js", import.meta.url).href)};
    mx.setThreads(2);
    const a = mx.ones([700, 700]);
    let b = a;
    for (let i = 0; i < 20; i++) { b = mx.matmul(a, b).multiply(1 / 700); mx.eval(b); }
    await mx.asyncEval(mx.matmul(a, b));
    console.log(b.get(3, 5).item().toFixed(3));
  `;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "-e", script],
    { encoding: "utf8", timeout: 60_000 },
  );
  assert.equal(stderr, "");
  assert.equal(stdout, "1.000\n");
  assert.equal(status, 0);
});

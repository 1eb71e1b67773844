/** Routines in JavaScript run on every thread: the same bits, the calling thread free while others compute, from the package's files too. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { after, test } from "node:test";
import { complex64, float32, float64 } from "../../src/core/dtype.js";
import type { Routine } from "../../src/core/routine.js";
import type { Storage } from "../../src/core/storage.js";
import type { Executable } from "../../src/device/contract.js";
import { WasmDevice } from "../../src/device/wasm/device.js";
import { LoadedKernel } from "../../src/device/wasm/loaded.js";
import { render } from "../../src/render/wasm/index.js";

const devices: WasmDevice[] = [];
const device = (threads: number): WasmDevice => {
  const d = new WasmDevice({ render, threads, alwaysShare: true });
  devices.push(d);
  return d;
};
after(() => {
  for (const d of devices) d.setThreads(1);
});

const matrices = (count: number, n: number): Routine => ({
  routine: "matrix",
  what: "svd",
  dtype: float64,
  count,
  m: n,
  n,
  k: 0,
  option: true,
  code: 4,
});

const lines = (n: number, outer: number): Routine => ({
  routine: "fourier",
  what: "forward",
  dtype: complex64,
  n,
  outer,
  inner: 1,
  scale: 1 / 3,
  doubled: false,
});

const cases: readonly (readonly [Routine, input: number, outputs: readonly number[]])[] = [
  [matrices(40, 12), 8 * 40 * 144, [8 * 40 * 144, 8 * 40 * 12, 8 * 40 * 144]],
  [lines(1000, 60), 8 * 60_000, [8 * 60_000]],
  [lines(1 << 15, 1), 8 << 15, [8 << 15]],
];

interface Prepared {
  readonly list: Executable;
  readonly slots: readonly Storage[];
  readonly loaded: LoadedKernel;
}

const prepared = (
  d: WasmDevice,
  r: Routine,
  input: number,
  outputs: readonly number[],
  value: (i: number) => number = (i) => Math.sin(i * i),
): Prepared => {
  const loaded = d.load(r);
  assert.ok(loaded instanceof LoadedKernel);
  const values =
    r.dtype === float64
      ? Float64Array.from({ length: input / 8 }, (_, i) => value(i))
      : Float32Array.from({ length: input / 4 }, (_, i) => value(i));
  const slots = [d.upload(new Uint8Array(values.buffer)), ...outputs.map((b) => d.allocate(b))];
  const work = loaded.workBytes(1);
  if (work > 0) slots.push(d.allocate(work));
  const buffers = [0, ...outputs.map((_, i) => i + 1)].map((slot) => ({ slot, offset: 0 }));
  const shared = work > 0 ? { work: { slot: slots.length - 1, offset: 0 } } : {};
  const list = d.prepare([{ loaded, outer: 1, buffers, params: [], ...shared }], slots.length);
  return { list, slots, loaded };
};

const bytesOf = ({ slots }: Prepared, outputs: number): readonly Uint8Array[] =>
  slots.slice(1, 1 + outputs).map((s) => s.read().slice());

test("routines in JavaScript give the same bits on every number of threads", () => {
  const [one, three] = [device(1), device(3)];
  for (const [r, input, outputs] of cases) {
    const alone = prepared(one, r, input, outputs);
    assert.equal(one.run(alone.list, alone.slots, []), null);
    const want = bytesOf(alone, outputs.length);
    assert.ok(prepared(three, r, input, outputs).loaded.portable);
    const end = performance.now() + 20_000;
    for (let full = 0; full < 10; full += three.threadCounts().running === 3 ? 1 : 0) {
      const fresh = prepared(three, r, input, outputs);
      assert.equal(three.run(fresh.list, fresh.slots, []), null);
      assert.deepEqual(bytesOf(fresh, outputs.length), want);
      assert.ok(performance.now() < end, "threads do not start");
    }
  }
});

test("another thread computes an asynchronous factorisation", async () => {
  const d = device(2);
  const [r, n] = [matrices(1, 160), 160];
  const p = prepared(d, r, 8 * n * n, [8 * n * n, 8 * n, 8 * n * n]);
  for (let round = 1; round <= 3; round++) {
    let ticks = 0;
    const timer = setInterval(() => {
      ticks++;
    }, 2);
    assert.equal(await d.submit(p.list, p.slots, []), null);
    clearInterval(timer);
    assert.ok(ticks > 0);
    assert.deepEqual(d.asynchronousCounts(), { here: 0, led: round });
  }
});

test("a fault on another thread is told", async () => {
  const d = device(2);
  const r: Routine = {
    routine: "matrix",
    what: "inverse",
    dtype: float32,
    count: 2,
    m: 3,
    n: 3,
    k: 0,
    option: false,
    code: 2,
  };
  const p = prepared(d, r, 72, [72], () => 0);
  assert.deepEqual(await d.submit(p.list, p.slots, []), { code: 2 });
  assert.deepEqual(d.run(p.list, p.slots, []), { code: 2 });
});

test("the package has what its threads load", () => {
  const file = new URL("../../../dist/index.js", import.meta.url);
  assert.ok(existsSync(file), "expected a built package: npm run build");
  const script = `
    import * as mx from ${JSON.stringify(file.href)};
    mx.setThreads(2);
    const a = mx.random.normal([24, 90, 90]);
    let ticks = 0;
    setInterval(() => { ticks++; }, 1).unref();
    const before = mx.linalg.eigvalsh(a).tolist();
    for (let i = 0; i < 12; i++) {
      const w = mx.linalg.eigvalsh(a);
      ticks = 0;
      await mx.asyncEval(w);
      if (JSON.stringify(w.tolist()) !== JSON.stringify(before)) console.log("differs");
    }
    console.log(ticks > 0 ? "free" : "held up");
  `;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ["--input-type=module", "-e", script],
    { encoding: "utf8", timeout: 60_000 },
  );
  assert.deepEqual([stdout, stderr, status], ["free\n", "", 0]);
});

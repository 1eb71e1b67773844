/** Prints what threads gain: whole evaluations and lists of dependent kernels, on one thread and on two. */

import { WasmDevice } from "../src/device/wasm/device.js";
import * as mx from "../src/index.js";
import { render } from "../src/render/wasm/index.js";
import { defaultEngine } from "../src/runtime/default-engine.js";
import { scaledAdd } from "../test/kernel/kernels.js";

const counts = [1, 2] as const;

/** The least of some rounds, in microseconds per call: other processes only ever add. */
const microseconds = (rounds: number, calls: number, f: () => void): number => {
  let least = Infinity;
  for (let r = 0; r < rounds; r++) {
    const start = performance.now();
    for (let i = 0; i < calls; i++) f();
    least = Math.min(least, ((performance.now() - start) * 1000) / calls);
  }
  return least;
};

/** Waits until `device` has all its threads. */
const untilReady = (device: WasmDevice, work: () => void): void => {
  const { most } = device.threadCounts();
  const end = performance.now() + 5000;
  while (device.threadCounts().running < most && performance.now() < end) work();
};

const report = (what: string, times: readonly number[]): void => {
  const [one = Number.NaN, two = Number.NaN] = times;
  const shown = times.map((t) =>
    t < 1
      ? `${(t * 1000).toFixed(0)} ns`
      : t < 1000
        ? `${t.toFixed(1)} µs`
        : `${(t / 1000).toFixed(2)} ms`,
  );
  console.log(`| ${what} | ${shown.join(" | ")} | ${(one / two).toFixed(2)} |`);
};

const { device } = defaultEngine();
if (!(device instanceof WasmDevice)) throw new Error("expected the CPU device");
console.log(`node ${process.version}\n\n| what | one thread | two | ratio |\n|---|--:|--:|--:|`);

/** Measures in turns, one thread and two, so that a noisy minute hits both. */
const compare = (what: string, rounds: number, calls: number, f: () => void): void => {
  const times = counts.map(() => Infinity);
  for (let turn = 0; turn < 3; turn++) {
    counts.forEach((count, i) => {
      device.setThreads(count);
      f();
      untilReady(device, f);
      for (let warm = 0; warm < 3; warm++) f();
      times[i] = Math.min(times[i] ?? Infinity, microseconds(rounds, calls, f));
    });
  }
  report(what, times);
};

const gelu = (x: mx.NDArray): mx.NDArray => {
  const inner = x.add(x.multiply(x).multiply(x).multiply(0.044715)).multiply(0.7978845608);
  return x.multiply(0.5).multiply(mx.tanh(inner).add(1));
};

for (const n of [64, 256, 1024]) {
  const a = mx.random.normal([n, n]);
  const b = mx.random.normal([n, n]);
  mx.eval(a, b);
  const calls = n > 512 ? 2 : 50;
  compare(`matmul ${n}³`, 5, calls, () => {
    const c = mx.matmul(a, b);
    mx.eval(c);
    c.dispose();
  });
}
for (const n of [16_384, 65_536, 4 * 2 ** 20]) {
  const x = mx.random.normal([n]);
  mx.eval(x);
  compare(`tanh-GELU of ${n} floats`, 5, n > 2 ** 20 ? 3 : 100, () => {
    const y = gelu(x);
    mx.eval(y);
    y.dispose();
  });
}
for (const n of [4096, 65_536, 4 * 2 ** 20]) {
  const x = mx.random.normal([n]);
  mx.eval(x);
  compare(`sum of ${n} floats`, 5, n > 2 ** 20 ? 5 : 200, () => {
    const y = mx.sum(x);
    mx.eval(y);
    y.dispose();
  });
}

/** A list of dependent kernels out = x · scale + out. */
for (const [n, length] of [
  [16, 1000],
  [4096, 1000],
  [16_384, 200],
  [65_536, 100],
] as const) {
  const times = counts.map((threads) => {
    const d = new WasmDevice({ render, threads });
    const data = (): Uint8Array => new Uint8Array(new Float32Array(n).fill(1e-3).buffer);
    const slots = [d.upload(data()), d.upload(data())];
    const command = {
      loaded: d.load(scaledAdd(n)),
      outer: n,
      buffers: [0, 1, 1].map((slot) => ({ slot, offset: 0 })),
      params: [0],
    };
    const list = d.prepare(
      Array.from({ length }, () => command),
      2,
    );
    const run = (): void => {
      d.run(list, slots, [1e-3]);
    };
    for (let warm = 0; warm < 200; warm++) run();
    if (n > 16) untilReady(d, run);
    const time = microseconds(9, 20, run) / length;
    d.setThreads(1);
    return time;
  });
  report(`per kernel of ${n} floats, ${length} dependent ones in a list`, times);
}

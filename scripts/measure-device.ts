/** Prints what the Wasm device itself costs: calls, list entries, allocations, collections, neighbours in memory. */
import type { Storage } from "../src/core/storage.js";
import { Allocator } from "../src/device/wasm/allocator.js";
import { WasmDevice } from "../src/device/wasm/device.js";
import type { Kernel } from "../src/kernel/ir.js";
import { render } from "../src/render/wasm/index.js";
import { affine, grid, KernelBuilder, scaledAdd } from "../test/kernel/kernels.js";

let device = new WasmDevice({ render });

/** Median of nine rounds, in nanoseconds per call. */
const nanoseconds = (calls: number, f: (i: number) => void): number => {
  const rounds: number[] = [];
  for (let r = 0; r < 9; r++) {
    const start = performance.now();
    for (let i = 0; i < calls; i++) f(i);
    rounds.push(((performance.now() - start) * 1e6) / calls);
  }
  return rounds.sort((a, b) => a - b)[4] ?? Number.NaN;
};

const report = (what: string, ns: number): void => {
  const shown = ns < 1000 ? `${ns.toFixed(1)} ns` : `${(ns / 1000).toFixed(1)} µs`;
  console.log(`| ${what} | ${shown} |`);
};

const filled = (n: number, extra = 0): Storage => {
  const bytes = new Uint8Array(4 * n + extra);
  new Float32Array(bytes.buffer, 0, n).fill(1e-3);
  return device.upload(bytes);
};

const list = (n: number, count: number): ReturnType<WasmDevice["prepare"]> => {
  const command = {
    loaded: device.load(scaledAdd(n)),
    outer: n,
    buffers: [0, 1, 2].map((slot) => ({ slot, offset: 0 })),
    params: [0],
  };
  return device.prepare(
    Array.from({ length: count }, () => command),
    3,
  );
};

console.log(
  `node ${process.version}, relaxed-simd ${device.features.relaxed}, shared memory ${device.features.shared}\n`,
);
console.log("| what | median |\n|---|--:|");

const [a, b, c, d] = [filled(16), filled(16), filled(16), filled(16)];
const slots = [a, b, c];
const others = [d, b, c];
const one = list(16, 1);
const thousand = list(16, 1000);
for (let i = 0; i < 20_000; i++) device.run(one, slots, [0.5]);
report(
  "`run` of one kernel of 16 floats, three buffers, one parameter",
  nanoseconds(100_000, () => device.run(one, slots, [0.5])),
);
report(
  "the same, a buffer changing every time",
  nanoseconds(100_000, (i) => device.run(one, i % 2 === 0 ? slots : others, [0.5])),
);
report(
  "per kernel of 16 floats in a list of 1,000, its work included",
  nanoseconds(300, () => device.run(thousand, slots, [0.5])) / 1000,
);
report("encoding a list, per command", nanoseconds(20, () => list(16, 1000).release()) / 1000);

const allocator = new Allocator(64, 2 ** 28);
const ring = new Array<ReturnType<Allocator["allocate"]>>(64).fill(null);
report(
  "allocator: one block given back, one taken, 64 B to 8 KiB",
  nanoseconds(200_000, (i) => {
    const at = (i * 7) % 64;
    const old = ring[at];
    if (old) allocator.free(old);
    ring[at] = allocator.allocate(64 + ((i * 977) % 8192));
  }),
);
report(
  "a storage allocated and disposed",
  nanoseconds(100_000, () => device.allocate(256).dispose()),
);
report(
  "a storage of 4 KiB allocated and dropped, finding and freeing it included",
  nanoseconds(200_000, () => device.allocate(4096)),
);
report(
  "a storage of 1 MiB, the same",
  nanoseconds(2000, () => device.allocate(2 ** 20)),
);
device.collect();
report(
  "`collect` with nothing to find",
  nanoseconds(3, () => device.collect()),
);

device = new WasmDevice({ render });

/** out = the sum of 15 buffers. */
const sumKernel = (n: number): Kernel => {
  const k = new KernelBuilder(grid(n));
  const at = affine(0, [0, 1]);
  let sum = k.load(at);
  for (let i = 1; i < 15; i++) sum = k.scalar("add", "f32", sum, k.load(at));
  return k.store(sum, 1, at).build();
};

for (const n of [2 ** 14, 2 ** 18]) {
  const kernel = sumKernel(n);
  const buffers = kernel.bufs.map((_, slot) => ({ slot, offset: 0 }));
  const run = device.prepare(
    [{ loaded: device.load(kernel), outer: n, buffers, params: [] }],
    buffers.length,
  );
  for (let i = 0; i < 2; i++) {
    for (const [what, extra] of [
      ["as allocated", 0],
      ["all at the same place of a page", 4096 - 192],
    ] as const) {
      const all = buffers.map(() => filled(n, extra));
      const calls = Math.ceil(2 ** 24 / n);
      report(
        `sum of 15 buffers of ${n} floats, ${what}`,
        nanoseconds(calls / 16, () => device.run(run, all, [])),
      );
      for (const s of all) s.dispose();
    }
  }
}

/** `node build/scripts/measure-routines.js [words of a name]`: reductions, scans, sorts and scatters, on one thread and two, beside plain loops. */
import { WasmDevice } from "../src/device/wasm/device.js";
import * as mx from "../src/index.js";
import { defaultEngine } from "../src/runtime/default-engine.js";

const wanted = process.argv.slice(2);
const { device } = defaultEngine();
if (!(device instanceof WasmDevice)) throw new Error("expected the CPU device");

/** The least of some calls, in milliseconds. */
const least = (calls: number, f: () => void): number => {
  let best = Infinity;
  for (let i = 0; i < calls; i++) {
    const start = performance.now();
    f();
    best = Math.min(best, performance.now() - start);
  }
  return best;
};

/** Waits until the device has all its threads. */
const untilReady = (work: () => void): void => {
  const { most } = device.threadCounts();
  const end = performance.now() + 2000;
  while (device.threadCounts().running < most && performance.now() < end) work();
};

const shown = (ms: number): string => (Number.isNaN(ms) ? "–" : ms.toFixed(ms < 1 ? 3 : 2));

/** One row of the table: the evaluation on one thread and on two, and a plain loop over typed arrays. */
const row = (what: string, make: () => mx.NDArray, loop: (() => void) | null = null): void => {
  if (!wanted.every((w) => what.includes(w))) return;
  const work = (): void => {
    const y = make();
    mx.eval(y);
    y.dispose();
  };
  const times = [1, 2].map((threads) => {
    device.setThreads(threads);
    const warm = least(2, work);
    untilReady(work);
    // Kernels are compiled better after some calls.
    least(Math.max(3, Math.min(80, 120 / warm)), work);
    return least(Math.max(5, Math.min(60, 120 / warm)), work);
  });
  device.setThreads(1);
  if (loop !== null) {
    times.push(least(3, loop));
    times[2] = least(5, loop);
  } else times.push(Number.NaN);
  console.log(`| ${what} | ${times.map(shown).join(" | ")} |`);
};

console.log(
  `node ${process.version}, milliseconds\n\n| what | one thread | two | loop |\n|---|--:|--:|--:|`,
);

const random = (n: number): Float32Array => {
  let seed = 12345;
  return Float32Array.from({ length: n }, () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    return seed / 2 ** 30;
  });
};

const many = 2 ** 22;
const x = random(many);
const all = mx.array(x);
const plane = all.reshape([4096, 1024]);
const blocks = all.reshape([64, 1024, 64]);
const thin = all.reshape([many / 4, 4]);
const pixels = mx.array(random(3 * 2 ** 20)).reshape([2 ** 20, 3]);
const half = all.astype(mx.float16);
const doubles = all.astype(mx.float64);
mx.eval(all, half, doubles, pixels);

row(
  "sum of 4 Mi",
  () => mx.sum(all),
  () => {
    let s = 0;
    for (let i = 0; i < x.length; i++) s += x[i] ?? 0;
    if (s === 1) console.log(s);
  },
);
row("sum of 4 Mi float16", () => mx.sum(half));
row("sum of 4 Mi float64", () => mx.sum(doubles));
row("mean of 4 Mi", () => mx.mean(all));
row("max of 4 Mi", () => mx.max(all));
row("argmax of 4 Mi", () => mx.argmax(all));
row("prod of 4 Mi", () => mx.prod(all));
row("var of 4 Mi", () => mx.var(all));
row("logsumexp of 4 Mi", () => mx.logsumexp(all));
row("softmax of 4 Mi", () => mx.softmax(all));
for (const [name, op] of [
  ["sum", mx.sum],
  ["max", mx.max],
  ["argmax", mx.argmax],
  ["prod", mx.prod],
  ["logsumexp", mx.logsumexp],
  ["var", mx.var],
] as const) {
  row(`${name} 4096×1024, axis 0`, () => op(plane, 0));
  row(`${name} 4096×1024, axis 1`, () => op(plane, 1));
  row(`${name} 64×1024×64, axis 1`, () => op(blocks, 1));
}
row("sum 64×1024×64, axes 0, 2", () => mx.sum(blocks, [0, 2]));
row("sum 64×1024×64, axes 0, 1", () => mx.sum(blocks, [0, 1]));
row("sum 64×1024×64, axes 1, 2", () => mx.sum(blocks, [1, 2]));
row("max 64×1024×64, axes 0, 2", () => mx.max(blocks, [0, 2]));
row("sum 1Mi×4, axis 0", () => mx.sum(thin, 0));
row("sum 1Mi×4, axis 1", () => mx.sum(thin, 1));
row("sum 1Mi×3, axis 0", () => mx.sum(pixels, 0));
row("max 1Mi×3, axis 0", () => mx.max(pixels, 0));
row("sum 1Mi×3, axis 1", () => mx.sum(pixels, 1));
row("sum 2×2Mi, axis 1", () => mx.sum(all.reshape([2, many / 2]), 1));
row("sum 2×2Mi, axis 0", () => mx.sum(all.reshape([2, many / 2]), 0));
row("sum 32×3×43690, axes 0, 2", () =>
  mx.sum(mx.slice(all, [0], [0], [32 * 3 * 43690]).reshape([32, 3, 43690]), [0, 2]),
);

const n = 2 ** 20;
const v = x.slice(0, n);
const line = mx.array(v);
const square = line.reshape([1024, 1024]);
const loopOut = new Float32Array(n);
mx.eval(line);
row(
  "cumsum of 1 Mi",
  () => mx.cumsum(line),
  () => {
    let s = 0;
    for (let i = 0; i < n; i++) {
      s += v[i] ?? 0;
      loopOut[i] = s;
    }
  },
);
row("cumsum of 1 Mi, reverse", () => mx.cumsum(line, { reverse: true }));
row("cumsum of 1 Mi, exclusive", () => mx.cumsum(line, { inclusive: false }));
row("cumsum of 1 Mi int32", () => mx.cumsum(line.astype(mx.int32)));
row("cumprod of 1 Mi", () => mx.cumprod(line));
row(
  "cummax of 1 Mi",
  () => mx.cummax(line),
  () => {
    let s = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < n; i++) {
      s = Math.max(s, v[i] ?? 0);
      loopOut[i] = s;
    }
  },
);
row("logcumsumexp of 1 Mi", () => mx.logcumsumexp(line));
row("cumsum 1024×1024, axis 0", () => mx.cumsum(square, 0));
row("cumsum 1024×1024, axis 1", () => mx.cumsum(square, 1));
row("cumsum 262144×4, axis 0", () => mx.cumsum(line.reshape([n / 4, 4]), 0));
row("cummax 1024×1024, axis 0", () => mx.cummax(square, 0));

row(
  "sort of 1 Mi",
  () => mx.sort(line),
  () => v.slice().sort(),
);
row("argsort of 1 Mi", () => mx.argsort(line));
row("sort of 1 Mi int32", () => mx.sort(line.view(mx.int32)));
row("sort of 1 Mi float16", () => mx.sort(line.astype(mx.float16)));
row("sort of 1 Mi uint8", () => mx.sort(line.astype(mx.uint8)));
row("sort of 1 Mi float64", () => mx.sort(line.astype(mx.float64)));
row("partition of 1 Mi", () => mx.partition(line, 1000));
row("topk of 1 Mi", () => mx.topk(line, 100));
row("sort 1024×1024, axis 0", () => mx.sort(square, 0));
row("sort 1024×1024, axis 1", () => mx.sort(square, 1));
row("argsort 1024×1024, axis 1", () => mx.argsort(square, 1));
row("sort 65536×16, axis 1", () => mx.sort(line.reshape([65536, 16]), 1));
row("sort 16384×64, axis 1", () => mx.sort(line.reshape([16384, 64]), 1));
row("sort 4096×256, axis 1", () => mx.sort(line.reshape([4096, 256]), 1));

const index = Int32Array.from(random(n), (r) => Math.floor((r / 4 + 0.5) * n));
const few = index.map((i) => i % 1024);
const [at, atFew] = [mx.array(index), mx.array(few)];
const rows = mx.array(Int32Array.from(index.subarray(0, 8192), (i) => i % 4096));
const zeros = mx.zeros([n]);
const zerosFew = mx.zeros([1024]);
const table = mx.zeros([4096, 128]);
const updates = line.reshape([8192, 128]);
mx.eval(at, atFew, rows, zeros, zerosFew, table);
const added = (to: Float32Array, where: Int32Array) => (): void => {
  for (let i = 0; i < n; i++) {
    const j = where[i] ?? 0;
    to[j] = (to[j] ?? 0) + (v[i] ?? 0);
  }
};
row("scatter-add of 1 Mi into 1 Mi", () => zeros.at(at).add(line), added(loopOut, index));
row("scatter-add of 1 Mi into 1 Ki", () => zerosFew.at(atFew).add(line), added(loopOut, few));
row(
  "scatter-add of 8192×128 into 4096×128",
  () => table.at(rows).add(updates),
  () => {
    for (let i = 0; i < n; i++) {
      const j = ((few[i >> 7] ?? 0) << 7) + (i & 127);
      loopOut[j] = (loopOut[j] ?? 0) + (v[i] ?? 0);
    }
  },
);
row("scatter-add of 8192×128 float16", () =>
  table.astype(mx.float16).at(rows).add(updates.astype(mx.float16)),
);
row(
  "take 1 Mi of 1 Mi",
  () => mx.take(line, at),
  () => {
    for (let i = 0; i < n; i++) loopOut[i] = v[index[i] ?? 0] ?? 0;
  },
);
row("take 8192 rows of 128", () => mx.take(table, rows, 0));
const sorted = mx.sort(line);
mx.eval(sorted);
row("searchsorted of 1 Mi in 1 Mi", () => mx.searchsorted(sorted, line));
row("searchsorted of 1 Mi in 1 Ki", () =>
  mx.searchsorted(mx.slice(sorted, [0], [0], [1024]), line),
);
row("uniform of 1 Mi", () => mx.random.uniform(0, 1, [n]));
row("normal of 1 Mi", () => mx.random.normal([n]));
row("bernoulli of 1 Mi", () => mx.random.bernoulli(0.5, [n]));

/** `node build/scripts/measure-quantized.js [words of a row]`: products with quantized matrices on one thread and two, beside float32. */
import { WasmDevice } from "../src/device/wasm/device.js";
import * as mx from "../src/index.js";
import { defaultEngine } from "../src/runtime/default-engine.js";

const wanted = process.argv.slice(2);
const { device } = defaultEngine();
if (!(device instanceof WasmDevice)) throw new Error("expected the CPU device");
if (!wanted.includes("blas")) mx.setBlas(false);
const words = wanted.filter((w) => w !== "blas");

const once = (f: () => mx.NDArray): number => {
  const start = performance.now();
  const y = f();
  mx.eval(y);
  const time = performance.now() - start;
  y.dispose();
  return time;
};

/** The least of each function's times, in turns, in milliseconds. */
const least = (fs: readonly (() => mx.NDArray)[], rounds: number): number[] => {
  const best = fs.map(() => Infinity);
  for (let i = 0; i < rounds; i++) {
    fs.forEach((f, j) => {
      best[j] = Math.min(best[j] ?? Infinity, once(f));
    });
  }
  return best;
};

const both = (fs: readonly (() => mx.NDArray)[]): number[][] =>
  [1, 2].map((threads) => {
    device.setThreads(threads);
    const end = performance.now() + 1000;
    const [first] = fs;
    while (
      first !== undefined &&
      device.threadCounts().running < device.threadCounts().most &&
      performance.now() < end
    )
      once(first);
    const warm = Math.max(...least(fs, 2));
    least(fs, Math.max(2, Math.min(500, 60 / warm)));
    return least(fs, Math.max(5, Math.min(2000, 250 / warm)));
  });

interface Format {
  readonly name: string;
  readonly options: {
    readonly bits?: number;
    readonly groupSize?: number;
    readonly mode?: "affine" | "mxfp4" | "mxfp8" | "nvfp4";
  };
}

const formats: readonly Format[] = [
  ...[2, 3, 4, 5, 6, 8].map((bits) => ({ name: `${bits} bits`, options: { bits } })),
  { name: "4 bits, groups of 32", options: { bits: 4, groupSize: 32 } },
  ...(["mxfp4", "mxfp8", "nvfp4"] as const).map((mode) => ({ name: mode, options: { mode } })),
];

const micro = (ms: number | undefined): string =>
  ms === undefined ? "–" : ms < 1 ? `${(ms * 1000).toFixed(1)} µs` : `${ms.toFixed(2)} ms`;

console.log(`node ${process.version}

| what | one thread: float32 | quantized | ratio | two: float32 | quantized | ratio |
|---|--:|--:|--:|--:|--:|--:|`);

const row = (m: number, k: number, n: number, format: Format, transpose = true): void => {
  const name = `${m}×${k}${transpose ? "" : ", k"} × ${n} ${format.name}`;
  if (!words.every((w) => name.includes(w))) return;
  const x = mx.random.normal([m, k]);
  const w = mx.random.normal(transpose ? [n, k] : [k, n]);
  const [packed = x, scales = x, biases = null] = mx.quantize(w, format.options);
  mx.eval(x, w, packed, scales, ...(biases === null ? [] : [biases]));
  const dense = (): mx.NDArray => mx.matmul(x, transpose ? w.T : w);
  const quantized = (): mx.NDArray =>
    mx.quantizedMatmul(x, packed, scales, biases, { ...format.options, transpose });
  const cells = both([dense, quantized]).flatMap(([a = 0, b = 0]) => [
    micro(a),
    micro(b),
    (a / b).toFixed(2),
  ]);
  console.log(`| ${name} | ${cells.join(" | ")} |`);
};

const four = formats[2] ?? { name: "", options: {} };
for (const format of formats) row(1, 4096, 4096, format);
for (const m of [2, 4, 8, 12, 16, 32, 128, 512]) row(m, 4096, 4096, four);
for (const [k, n] of [
  [64, 64],
  [512, 512],
  [512, 1376],
  [1376, 512],
  [288, 288],
  [288, 32000],
  [512, 32000],
] as const)
  row(1, k, n, k % 64 === 0 ? four : (formats[6] ?? four));
row(1, 4096, 4096, four, false);
row(128, 4096, 4096, four, false);

/** One token through a decoder of 15 million parameters, compiled: no weight stays in a cache until it is read again. */
const decoder = (): void => {
  const name = "a token through 15 M parameters, groups of 32";
  if (!words.every((w) => name.includes(w))) return;
  const [layers, width, inner, vocabulary] = [6, 288, 768, 32000];
  interface Weights {
    readonly dense: mx.NDArray;
    readonly packed: readonly mx.NDArray[];
  }
  const weights = (n: number, k: number): Weights => {
    const dense = mx.multiply(mx.random.normal([n, k]), 0.05);
    const packed = mx.quantize(dense, { groupSize: 32 });
    mx.eval(dense, ...packed);
    return { dense, packed };
  };
  const square = (): Weights => weights(width, width);
  const all = Array.from({ length: layers }, () => ({
    attention: [square(), square(), square(), square()] as const,
    gate: weights(inner, width),
    up: weights(inner, width),
    down: weights(width, inner),
  }));
  const logits = weights(vocabulary, width);
  const run =
    (product: (x: mx.NDArray, w: Weights) => mx.NDArray) =>
    (start: mx.NDArray): mx.NDArray => {
      let x = start;
      for (const { attention, gate, up, down } of all) {
        const [q, k, v, o] = attention;
        const mixed = mx.add(mx.add(product(x, q), product(x, k)), product(x, v));
        x = mx.add(x, product(mixed, o));
        const g = product(x, gate);
        const hidden = mx.multiply(mx.multiply(g, mx.sigmoid(g)), product(x, up));
        x = mx.fast.rmsNorm(mx.add(x, product(hidden, down)), null, 1e-5);
      }
      return product(x, logits);
    };
  const dense = mx.compile(run((x, w) => mx.matmul(x, w.dense.T)));
  const quantized = mx.compile(
    run((x, { packed: [q = x, s = x, b = null] }) =>
      mx.quantizedMatmul(x, q, s, b, { groupSize: 32 }),
    ),
  );
  const x = mx.random.normal([1, width]);
  mx.eval(x);
  const cells = both([() => dense(x), () => quantized(x)]).flatMap(([a = 0, b = 0]) => [
    micro(a),
    micro(b),
    (a / b).toFixed(2),
  ]);
  console.log(`| ${name} | ${cells.join(" | ")} |`);
};
decoder();

/** Prints GFLOP/s of rendered matrix products on one thread, by processor time: `node build/scripts/measure-matmul.js [plain | wide]`. */
import v8 from "node:v8";
import { type DType, float16, float32, float64 } from "../src/core/dtype.js";
import { bind, fillBuffers, productKernel, type Sizes } from "../test/render/products.js";

const [, , how = ""] = process.argv;
const features = { relaxed: how !== "plain", wide: how === "wide", shared: false };
if (features.wide) v8.setFlagsFromString("--experimental-wasm-revectorize");

const cases: readonly (readonly [spec: string, sizes: Sizes, type?: DType])[] = [
  ["mk,kn->mn", { m: 1024, n: 1024, k: 1024 }],
  ["mk,kn->mn", { m: 1023, n: 1023, k: 1023 }],
  ["mk,nk->mn", { m: 1024, n: 1024, k: 1024 }],
  ["km,kn->mn", { m: 1024, n: 1024, k: 1024 }],
  ["mk,kn->mn", { m: 512, n: 512, k: 510 }],
  ["mk,kn->mn", { m: 128, n: 10, k: 784 }],
  ["mk,kn->mn", { m: 64, n: 64, k: 64 }],
  ["mk,kn->mn", { m: 16, n: 16, k: 16 }],
  ["mk,kn->mn", { m: 7, n: 5, k: 3 }],
  ["mk,kn->mn", { m: 2048, n: 128, k: 128 }],
  ["km,kn->mn", { m: 128, n: 128, k: 2048 }],
  ["bmk,bkn->bmn", { b: 512, m: 32, n: 32, k: 32 }],
  ["mk,kn->mn", { m: 1, n: 4096, k: 4096 }],
  ["mk,nk->mn", { m: 1, n: 4096, k: 4096 }],
  ["mk,kn->mn", { m: 8, n: 4096, k: 4096 }],
  ["mk,kn->mn", { m: 512, n: 512, k: 512 }, float64],
  ["mk,kn->mn", { m: 512, n: 512, k: 512 }, float16],
];

/** Milliseconds of processor time of one call, the least of nine rounds: the machine may be shared. */
const milliseconds = async (f: () => void): Promise<number> => {
  const start = performance.now();
  let calls = 0;
  for (; performance.now() - start < 200; calls++) f();
  await new Promise((done) => setTimeout(done, 20));
  const round = Math.ceil(calls / 4);
  let best = Number.POSITIVE_INFINITY;
  for (let r = 0; r < 9; r++) {
    const before = process.cpuUsage();
    for (let i = 0; i < round; i++) f();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000 / round);
  }
  return best;
};

console.log("| product | sizes | dtype | GFLOP/s | time |\n|---|---|---|--:|--:|");
for (const [spec, sizes, type = float32] of cases) {
  const kernel = productKernel(spec, sizes, { a: type, b: type });
  const bound = bind(kernel, fillBuffers(kernel), features);
  const outer = kernel.axes[0]?.size ?? 1;
  const tiles = bound.rendered.tiles(outer);
  const ms = await milliseconds(() => bound.run(outer, 0, tiles));
  const flops = 2 * Object.values(sizes).reduce((a, b) => a * b, 1);
  const shown = ms < 1 ? `${(ms * 1000).toFixed(2)} µs` : `${ms.toFixed(2)} ms`;
  const shape = Object.entries(sizes).map(([l, n]) => `${l}=${n}`);
  console.log(
    `| ${spec} | ${shape.join(" ")} | ${type.name} | ${(flops / ms / 1e6).toFixed(1)} | ${shown} |`,
  );
}

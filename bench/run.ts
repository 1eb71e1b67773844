/** Prints a table of medians and ratios against the peers, all measured in this one process, one thread each. */
import { init } from "@jax-js/jax";
import "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs";
import * as mx from "cotangent";
import { cases } from "./cases.js";
import { type Contender, measure } from "./measure.js";

// Peers have one thread in Node; `--threads N` shows what ours gain from more.
const flag = process.argv.indexOf("--threads");
const threads = flag < 0 ? 1 : Number(process.argv[flag + 1]);
const only = process.argv.slice(2).filter((_, i) => flag < 0 || (i !== flag - 2 && i !== flag - 1));
mx.setThreads(threads);
await init("wasm");
await tf.setBackend("wasm");
await tf.ready();
const format = (ms: number): string =>
  ms < 1 ? `${(ms * 1000).toFixed(1)} µs` : `${ms.toFixed(2)} ms`;
console.log(
  `node ${process.version}, ${threads} of our threads, one of theirs; times are medians, × is peer / ours\n`,
);
console.log("| case | ours | jax-js | TensorFlow.js | target |\n|---|--:|--:|--:|---|");
for (const c of cases) {
  if (only.length > 0 && !only.some((o) => c.name.includes(o))) continue;
  const { ours, jax, tf: other } = c.make();
  const contenders: Contender[] = other === null ? [ours, jax] : [ours, jax, other];
  const [a, b, t] = await measure(contenders, 11, 60);
  if (a === undefined || b === undefined) continue;
  const rate = c.flops > 0 ? ` (${(c.flops / a.median / 1e6).toFixed(1)} GFLOP/s)` : "";
  const peer = (f: typeof b): string => `${format(f.median)} (${f.ratio.toFixed(2)}×)`;
  const last = t === undefined ? "–" : peer(t);
  console.log(`| ${c.name} | ${format(a.median)}${rate} | ${peer(b)} | ${last} | ${c.target} |`);
}

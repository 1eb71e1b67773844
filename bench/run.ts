/** Prints a table of medians and ratios against the peers, all measured in this one process, one thread each. */
import { init } from "@jax-js/jax";
import "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs";
import { cases } from "./cases.js";
import { type Contender, measure } from "./measure.js";

const only = process.argv.slice(2);
await init("wasm");
await tf.setBackend("wasm");
await tf.ready();
const format = (ms: number): string =>
  ms < 1 ? `${(ms * 1000).toFixed(1)} µs` : `${ms.toFixed(2)} ms`;
console.log(`node ${process.version}, one thread each; times are medians, × is peer / ours\n`);
console.log("| case | ours | jax-js | TensorFlow.js | target |\n|---|--:|--:|--:|---|");
for (const c of cases) {
  if (only.length > 0 && !only.some((o) => c.name.includes(o))) continue;
  const { ours, jax, tf: other } = c.make();
  const contenders: Contender[] = other === null ? [ours, jax] : [ours, jax, other];
  const [a, b, t] = await measure(contenders, 9, 60);
  if (a === undefined || b === undefined) continue;
  const rate = c.flops > 0 ? ` (${(c.flops / a.median / 1e6).toFixed(1)} GFLOP/s)` : "";
  const peer = (f: typeof b): string => `${format(f.median)} (${f.ratio.toFixed(2)}×)`;
  const last = t === undefined ? "–" : peer(t);
  console.log(`| ${c.name} | ${format(a.median)}${rate} | ${peer(b)} | ${last} | ${c.target} |`);
}

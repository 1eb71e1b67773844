/**
 * Fine-tunes a Llama-style model with low-rank adapters: `node build/examples/llama/lora.js [FOLDER [TEXT]]`. Without a folder
 * a tiny random model is made and first taught the text's beginning as a whole.
 */
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as mx from "cotangent";
import * as models from "cotangent/models";
import * as nn from "cotangent/nn";
import * as optim from "cotangent/optimizers";
import * as train from "cotangent/train";
import { readText } from "../chargpt/corpus.js";
import { writeTiny } from "./tiny.js";

const length = 64;

/** Windows of the text's tokens, one longer than the model sees: [n, length + 1]. */
const windows = (tokens: readonly number[]): mx.NDArray => {
  const count = Math.floor((tokens.length - 1) / length);
  const rows = Array.from({ length: count }, (_, i) =>
    tokens.slice(i * length, (i + 1) * length + 1),
  );
  return mx.array(rows, mx.int32);
};

const loss = (model: models.Llama, batch: mx.NDArray): mx.NDArray => {
  const logits = model.forward(batch.get("...", mx.slice(0, length)));
  return nn.losses.crossEntropy(logits, batch.get("...", mx.slice(1, length + 1)), {
    reduction: "mean",
  });
};

const [given, path] = process.argv.slice(2);
const folder = given ?? mkdtempSync(join(tmpdir(), "tiny-llama-"));
const text = path === undefined ? readText(null).content : readFileSync(path, "utf8");
if (given === undefined) writeTiny(folder, { text: text.slice(0, 40_000) });
const model = models.loadModel(folder).train();
const tokenizer = await models.loadTokenizer(folder);
const learn = (part: string, rate: number, steps: number): Promise<train.Run> => {
  const data = train.dataset(windows(tokenizer.encode(part)), 8, { shuffle: 0, dropLast: true });
  return train.fit(model, loss, new optim.AdamW(rate), data, { steps, clip: 1 });
};
const say = (what: string, run: train.Run): void =>
  console.log(`${what}: loss ${run.losses[0]?.loss.toFixed(3)} to ${run.average.toFixed(3)}`);

if (given === undefined) say("the whole model", await learn(text.slice(0, 40_000), 3e-3, 60));
const layers = models.addAdapters(model, { rank: 8, keys: ["qProj", "vProj", "downProj"] });
const count = mx
  .treeFlatten(model.trainableParameters())
  .reduce((n, [, x]) => n + (x instanceof mx.NDArray ? x.size : 0), 0);
console.log(`${layers} layers with adapters, ${count.toLocaleString("en")} parameters to train`);
say("the adapters", await learn(text.slice(40_000, 60_000), 2e-3, 40));
models.fuseAdapters(model);
console.log(`fused into ${mx.treeFlatten(model.parameters()).length} arrays`);

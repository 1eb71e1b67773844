/**
 * `node build/scripts/export-chargpt.js FILE [STEPS]`: the character GPT of `npm start` before training, all its batches and its
 * hyperparameters in one safetensors file, so that another framework can repeat the run; `bench/python/chargpt.py` does with MLX.
 */
import * as mx from "cotangent";
import { Corpus, readText } from "../examples/chargpt/corpus.js";
import { CharGpt, configFor } from "../examples/chargpt/model.js";
import { defaults } from "../examples/chargpt/options.js";

const [file, given = "1000"] = process.argv.slice(2);
if (file === undefined) throw new RangeError("expects the name of the file to write");
const steps = Number(given);
const { batch, context, lr, seed } = defaults;
const corpus = new Corpus(readText(null), context);
const config = configFor(corpus.vocabulary.size, context);
const model = new CharGpt(config, seed);

const inputs = new Int32Array(steps * batch * context);
const targets = new Int32Array(steps * batch * context);
for (let step = 0; step < steps; step++) {
  const cut = corpus.training(seed, step, batch);
  inputs.set(cut.inputs, step * batch * context);
  targets.set(cut.targets, step * batch * context);
}
const held = corpus.validation(batch);
const tokens = (values: Int32Array, ...lead: number[]): mx.NDArray =>
  mx.array(values).reshape([...lead, batch, context]);
const weights = mx
  .treeFlatten(model.parameters())
  .map(([path, w]): [string, mx.NDArray] => [`model.${path}`, w]);
mx.saveSafetensors(
  file,
  {
    ...Object.fromEntries(weights),
    inputs: tokens(inputs, steps),
    targets: tokens(targets, steps),
    "validation.inputs": tokens(held.inputs),
    "validation.targets": tokens(held.targets),
  },
  {
    metadata: {
      config: JSON.stringify(config),
      settings: JSON.stringify({ steps, batch, context, lr, seed }),
    },
  },
);

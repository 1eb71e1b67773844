/** `node build/scripts/measure-generation.js [TOKENS]`: tokens per second of a decoder of 15 million parameters, in three dtypes. */
import * as mx from "../src/index.js";
import * as models from "../src/models/index.js";
import * as nn from "../src/nn/index.js";

const config = models.readConfig({
  model_type: "llama",
  vocab_size: 32_000,
  hidden_size: 288,
  intermediate_size: 768,
  num_hidden_layers: 6,
  num_attention_heads: 6,
  tie_word_embeddings: true,
});
const count = Number(process.argv[2] ?? 100);

const make = (kind: string): models.Llama => {
  mx.random.seed(0);
  const model = new models.Llama(config).eval();
  if (kind === "bfloat16") model.setDtype(mx.bfloat16);
  if (kind === "4 bits") nn.quantize(model, { groupSize: 32, bits: 4 });
  mx.eval(model.parameters());
  return model;
};

const bytes = (model: models.Llama): number =>
  mx
    .treeFlatten(model.parameters())
    .reduce((n, [, a]) => n + (a instanceof mx.NDArray ? a.nbytes : 0), 0);

/** Milliseconds until the first token, and the median of those after it. */
const measure = async (model: models.Llama): Promise<{ first: number; each: number }> => {
  const times: number[] = [];
  let last = performance.now();
  for await (const _ of models.generateTokens(model, [1, 2, 3, 4], { maxTokens: count })) {
    const now = performance.now();
    times.push(now - last);
    last = now;
  }
  const [first = 0, ...rest] = times;
  rest.sort((a, b) => a - b);
  return { first, each: rest[rest.length >> 1] ?? 0 };
};

const kinds = ["float32", "bfloat16", "4 bits"].map((kind) => ({ kind, model: make(kind) }));
// In turns, so that a busy machine is busy for all; the first round makes the kernels.
const best = new Map<string, number>();
for (let round = 0; round < 4; round++) {
  for (const { kind, model } of kinds) {
    const { first, each } = await measure(model);
    if (round > 0) best.set(kind, Math.min(best.get(kind) ?? each, each));
    console.log(
      `${kind}: first token after ${first.toFixed(0)} ms, then ${each.toFixed(2)} ms (${Math.round(1000 / each)} tokens/s), ${(bytes(model) / 2 ** 20).toFixed(1)} MiB`,
    );
  }
}
for (const [kind, each] of best)
  console.log(`best of ${kind}: ${Math.round(1000 / each)} tokens/s`);

/** Generation: with a cache as without, what ends it, and that the same key gives the same text. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import * as models from "../../src/models/index.js";
import * as nn from "../../src/nn/index.js";
import { all, json, tiny, tokens } from "./support.js";

const logitsAt = (model: models.Llama, list: readonly number[]): number[] =>
  [...model.forward(tokens(list)).get(0, -1).dataSync()].map(Number);

/** The likeliest next tokens, each from the whole text anew. */
const slowly = (model: models.Llama, prompt: readonly number[], count: number): number[] => {
  const text = [...prompt];
  for (let i = 0; i < count; i++) {
    const logits = logitsAt(model, text);
    text.push(logits.indexOf(Math.max(...logits)));
  }
  return text.slice(prompt.length);
};

const variants: readonly [string, () => models.Llama][] = [
  ["float32", () => tiny()],
  ["tied, with biases", () => tiny({ tie_word_embeddings: true, attention_bias: true })],
  ["with heads of another size", () => tiny({ head_dim: 6 })],
  [
    "with Llama 3's frequencies",
    () =>
      tiny({
        rope_scaling: {
          rope_type: "llama3",
          factor: 8,
          low_freq_factor: 1,
          high_freq_factor: 4,
          original_max_position_embeddings: 32,
        },
      }),
  ],
  [
    "quantized",
    () => {
      const model = tiny();
      nn.quantize(model, { groupSize: 32, bits: 4 });
      return model;
    },
  ],
];

for (const [name, make] of variants) {
  test(`steps with a cache give what the whole text gives: ${name}`, async () => {
    const model = make();
    const prompt = [1, 7, 3, 40];
    const fast = await all(models.generateTokens(model, prompt, { maxTokens: 12 }));
    assert.deepEqual(fast, slowly(model, prompt, 12));
  });
}

test("long prompts are read in parts, and caches grow past their blocks", async () => {
  const model = tiny();
  const prompt = Array.from({ length: 510 }, (_, i) => (i * 7) % 48);
  const cache = model.makeCache();
  const fast = await all(models.generateTokens(model, prompt, { maxTokens: 5, cache }));
  assert.deepEqual(fast, slowly(model, prompt, 5));
  // The last token has not been read.
  assert.equal(cache.seen, 514);
  // The conversation goes on from the cache.
  const last = fast.at(-1) ?? 0;
  const more = await all(models.generateTokens(model, [last, 9], { maxTokens: 3, cache }));
  assert.deepEqual(more, slowly(model, [...prompt, ...fast, 9], 3));
});

test("logits are those of mlx-lm for the same weights", () => {
  mx.random.seed(0);
  const model = new models.Llama(
    models.readConfig({
      ...json,
      vocab_size: 384,
      hidden_size: 64,
      intermediate_size: 128,
      tie_word_embeddings: true,
    }),
  );
  const prompt = [
    0, 261, 118, 262, 104, 99, 376, 316, 116, 116, 99, 123, 62, 86, 64, 34, 125, 339, 284, 105, 324,
    60, 285, 61, 34, 197, 171, 118, 197, 171, 12,
  ];
  const expected = [2.4216647, 0.4129896, 0.0813616, -0.7189791, 0.0415057, -1.7656502];
  for (const [i, x] of logitsAt(model, prompt).slice(0, 6).entries())
    assert.ok(Math.abs(x - (expected[i] ?? 0)) < 1e-5, `${x} at ${i}`);
  nn.quantize(model, { groupSize: 32, bits: 4 });
  const packed = [2.431967, 0.419559, -0.0312583, -0.6309146, 0.2703364, -1.6132351];
  for (const [i, x] of logitsAt(model, prompt).slice(0, 6).entries())
    assert.ok(Math.abs(x - (packed[i] ?? 0)) < 1e-5, `${x} at ${i}`);
});

test("the key decides the text", async () => {
  const model = tiny();
  const draw = (key: number | mx.NDArray): Promise<number[]> =>
    all(models.generateTokens(model, [1], { maxTokens: 20, temperature: 1, key }));
  const key = mx.random.key(3);
  const before = key.tolist();
  const [a, b, c] = [await draw(key), await draw(3), await draw(4)];
  assert.deepEqual(a, b);
  assert.notDeepEqual(a, c);
  assert.deepEqual(key.tolist(), before);
});

test("it ends at end tokens, at the limit, and when told to", async () => {
  const model = tiny();
  const [first = 0, second = 0] = await all(models.generateTokens(model, [1], { maxTokens: 2 }));
  const until = second === first ? [] : [first];
  assert.deepEqual(
    await all(models.generateTokens(model, [1], { maxTokens: 9, endTokens: [second] })),
    until,
  );
  const config = models.readConfig({ ...json, eos_token_id: [first, 2] });
  assert.deepEqual(config.endTokens, [first, 2]);
  assert.deepEqual(await all(models.generateTokens(model, [1], { maxTokens: 0 })), []);
  const stop = new AbortController();
  const seen: number[] = [];
  for await (const token of models.generateTokens(model, [1], { signal: stop.signal })) {
    seen.push(token);
    if (seen.length === 3) stop.abort();
  }
  assert.equal(seen.length, 3);
});

test("bad prompts and options are refused by name", async () => {
  const model = tiny();
  const bad: readonly [readonly number[], Record<string, unknown>, RegExp][] = [
    [[], {}, /at least one token/],
    [[48], {}, /tokens from 0 to 47, got 48/],
    [[1.5], {}, /got 1\.5/],
    [[1], { temperature: -1 }, /temperature/],
    [[1], { topP: 0 }, /topP/],
    [[1], { topK: 1.5 }, /topK/],
    [[1], { minP: 2 }, /minP/],
    [[1], { repetitionPenalty: 0 }, /repetitionPenalty/],
    [[1], { temprature: 1 }, /temprature/],
  ];
  for (const [prompt, options, message] of bad) {
    const source: AsyncIterable<number> = Reflect.apply(models.generateTokens, null, [
      model,
      prompt,
      options,
    ]);
    await assert.rejects(
      all(source),
      (e) => e instanceof mx.ArgumentError && message.test(e.message),
    );
  }
});

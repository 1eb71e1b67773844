/** Models in folders: one file or several, quantized or not, and what is wrong with those that do not load. */
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import * as models from "../../src/models/index.js";
import * as nn from "../../src/nn/index.js";
import { folder, json, tiny, tokens } from "./support.js";

const result = (model: models.Llama): unknown => model.forward(tokens([1, 2, 3])).tolist();

const arraysOf = (path: string): [string, mx.NDArray][] =>
  Object.entries(mx.load(path, { format: "safetensors" })).flatMap(
    ([name, a]): [string, mx.NDArray][] => (a instanceof mx.NDArray ? [[name, a]] : []),
  );

/** Puts the weights of a folder into two files with an index. */
const shard = (where: string): void => {
  const whole = join(where, "model.safetensors");
  const arrays = arraysOf(whole);
  const half = Math.floor(arrays.length / 2);
  const weight_map: Record<string, string> = {};
  for (const [i, part] of [arrays.slice(0, half), arrays.slice(half)].entries()) {
    const name = `model-0000${i + 1}-of-00002.safetensors`;
    for (const [key] of part) weight_map[key] = name;
    mx.saveSafetensors(join(where, name), Object.fromEntries(part));
  }
  mx.eval(arrays.map(([, a]) => a));
  rmSync(whole);
  writeFileSync(join(where, "model.safetensors.index.json"), JSON.stringify({ weight_map }));
};

test("a model comes back from one file and from shards, under Hugging Face's names", () => {
  const where = folder();
  const model = tiny();
  models.saveModel(where, model, json);
  const names = arraysOf(join(where, "model.safetensors")).map(([name]) => name);
  for (const name of [
    "lm_head.weight",
    "model.embed_tokens.weight",
    "model.layers.1.self_attn.q_proj.weight",
    "model.layers.0.mlp.gate_proj.weight",
    "model.layers.0.post_attention_layernorm.weight",
    "model.norm.weight",
  ])
    assert.ok(names.includes(name), name);
  assert.equal(names.length, 21);
  assert.deepEqual(result(models.loadModel(where)), result(model));
  shard(where);
  assert.deepEqual(result(models.loadModel(where)), result(model));
  const half = models.loadModel(where, { dtype: mx.bfloat16 });
  assert.equal(half.forward(tokens([1])).dtype, mx.bfloat16);
});

test("quantized weights load as they were saved; layers without scales stay as they are", () => {
  const where = folder();
  const model = tiny();
  nn.quantize(model, {
    groupSize: 32,
    bits: 4,
    classPredicate: (path, m) =>
      !path.startsWith("model.embed") && !(m instanceof nn.RMSNorm) && "toQuantized" in m,
  });
  models.saveModel(where, model, { ...json, quantization: { group_size: 32, bits: 4 } });
  const loaded = models.loadModel(where);
  assert.deepEqual(result(loaded), result(model));
  assert.ok(loaded.lmHead instanceof nn.QuantizedLinear);
  assert.ok(loaded.model.embedTokens instanceof nn.Embedding);
});

test("what is wrong is named", () => {
  const make = (): string => {
    const where = folder();
    models.saveModel(where, tiny(), json);
    return where;
  };
  const cases: readonly [string, (where: string) => void, RegExp][] = [
    ["no config", (f) => rmSync(join(f, "config.json")), /config\.json/],
    ["config is no JSON", (f) => writeFileSync(join(f, "config.json"), "{"), /JSON in .*config/],
    [
      "another architecture",
      (f) => writeFileSync(join(f, "config.json"), JSON.stringify({ ...json, model_type: "bert" })),
      /model_type among llama/,
    ],
    [
      "a field missing",
      (f) => writeFileSync(join(f, "config.json"), JSON.stringify({ ...json, hidden_size: null })),
      /hidden_size/,
    ],
    ["no weights", (f) => rmSync(join(f, "model.safetensors")), /model\.safetensors/],
    [
      "a shard missing",
      (f) => {
        shard(f);
        rmSync(join(f, "model-00002-of-00002.safetensors"));
      },
      /2 files of weights .* got 1: model-00002-of-00002\.safetensors is missing/,
    ],
    [
      "an index that leads elsewhere",
      (f) => {
        const weight_map = { a: "../../secret.safetensors" };
        writeFileSync(join(f, "model.safetensors.index.json"), JSON.stringify({ weight_map }));
      },
      /expected file names/,
    ],
    [
      "sizes that do not fit",
      (f) => writeFileSync(join(f, "config.json"), JSON.stringify({ ...json, vocab_size: 50 })),
      /of another shape: .*embed_tokens\.weight \(\[50, 32\] expected, \[48, 32\] given\)/,
    ],
    [
      "layers too many",
      (f) =>
        writeFileSync(join(f, "config.json"), JSON.stringify({ ...json, num_hidden_layers: 3 })),
      /9 missing: model\.layers\.2/,
    ],
    [
      "a truncated file",
      (f) => {
        const path = join(f, "model.safetensors");
        writeFileSync(path, readFileSync(path).subarray(0, 5000));
      },
      /model\.safetensors/,
    ],
  ];
  for (const [name, damage, message] of cases) {
    const where = make();
    damage(where);
    assert.throws(
      () => result(models.loadModel(where)),
      (e) => e instanceof mx.CotangentError && message.test(e.message),
      name,
    );
  }
});

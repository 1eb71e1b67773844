/** Tiny decoders and folders for the tests of models. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as mx from "../../src/index.js";
import * as models from "../../src/models/index.js";

export const json = {
  model_type: "llama",
  vocab_size: 48,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
};

export const tiny = (more: object = {}): models.Llama => {
  mx.random.seed(5);
  return new models.Llama(models.readConfig({ ...json, ...more })).eval();
};

export const folder = (): string => mkdtempSync(join(tmpdir(), "model-"));

export const all = async <T>(source: AsyncIterable<T>): Promise<T[]> => {
  const out: T[] = [];
  for await (const x of source) out.push(x);
  return out;
};

export const tokens = (list: readonly number[]): mx.NDArray => mx.array([list], mx.int32);

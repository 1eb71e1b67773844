/** Makes a tiny Llama with random weights and a tokenizer trained on a text: what stands in for a downloaded model. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as mx from "cotangent";
import * as models from "cotangent/models";
import * as nn from "cotangent/nn";

export interface TinyOptions {
  readonly text: string;
  readonly tokens?: number;
  readonly width?: number;
  readonly layers?: number;
  readonly seed?: number;
  /** Bits of quantized weights, as MLX writes them; not quantized by default. */
  readonly bits?: number | null;
}

/** Writes `config.json`, `model.safetensors`, `tokenizer.json` and `tokenizer_config.json`. */
export const writeTiny = (folder: string, options: TinyOptions): void => {
  const { text, tokens = 384, width = 64, layers = 2, seed = 0, bits = null } = options;
  mkdirSync(folder, { recursive: true });
  const tokenizer = models.trainTokenizer(text, tokens);
  const config = {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    vocab_size: tokens,
    hidden_size: width,
    intermediate_size: 2 * width,
    num_hidden_layers: layers,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 512,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    tie_word_embeddings: true,
    bos_token_id: 0,
    eos_token_id: 1,
    ...(bits === null ? {} : { quantization: { group_size: 32, bits } }),
  };
  mx.random.seed(seed);
  const model = new models.Llama(models.readConfig(config));
  if (bits !== null) nn.quantize(model, { groupSize: 32, bits });
  models.saveModel(folder, model, config);
  const write = (name: string, content: object): void =>
    writeFileSync(join(folder, name), `${JSON.stringify(content, null, 1)}\n`);
  write("tokenizer.json", tokenizer);
  write("tokenizer_config.json", {
    tokenizer_class: "PreTrainedTokenizerFast",
    bos_token: "<s>",
    eos_token: "</s>",
  });
};

/** `cotangent/models`: Llama-style decoders, from files to text, and adapters to train them. */
import "../ops/methods.js";

export { trainTokenizer } from "./bpe.js";
export { type Generated, type GenerateOptions, generate, generateTokens } from "./generate.js";
export { KVCache } from "./llama/cache.js";
export { type LlamaConfig, type RopeScaling, readConfig } from "./llama/config.js";
export { Llama } from "./llama/model.js";
export { type LoadModelOptions, loadModel, makeModel, saveModel } from "./load.js";
export { addAdapters, fuseAdapters, LoRALinear, type LoRAOptions } from "./lora.js";
export type { SamplingOptions } from "./sampling.js";
export { loadTokenizer, makeTokenizer, type Tokenizer } from "./tokenizer.js";

/** The configuration of a Llama-style decoder, as Hugging Face's `config.json` and MLX's have it. */
import { FormatError } from "../../core/errors.js";
import { describe, isPlainObject } from "../../core/guards.js";
import type { QuantizationFormat, QuantizationMode } from "../../quantized/format.js";

/** Llama 3's rotary frequencies for contexts longer than those it was first trained on. */
export interface RopeScaling {
  readonly type: "linear" | "llama3";
  readonly factor: number;
  readonly lowFreqFactor: number;
  readonly highFreqFactor: number;
  readonly originalContext: number;
}

export interface LlamaConfig {
  readonly vocabulary: number;
  /** Width of the residual stream. */
  readonly width: number;
  /** Width inside the gated feed-forward part. */
  readonly hidden: number;
  readonly layers: number;
  /** Heads of queries, and of keys and values: groups of query heads share one of these. */
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly normEps: number;
  readonly ropeBase: number;
  readonly ropeScaling: RopeScaling | null;
  /** The longest sequence that it was trained on. */
  readonly context: number;
  /** Whether the embedding is the output layer as well. */
  readonly tied: boolean;
  /** Whether queries, keys and values have a bias, and the attention's output too. */
  readonly qkvBias: boolean;
  readonly outBias: boolean;
  readonly mlpBias: boolean;
  /** Tokens that end a text. */
  readonly endTokens: readonly number[];
  /** How the weights are quantized, null when they are not. */
  readonly quantization: QuantizationFormat | null;
}

const TYPES = ["llama", "mistral", "qwen2"];

const fail = (what: string, got: unknown): FormatError =>
  new FormatError(`[config] expected ${what}, got ${describe(got)}: see the model's config.json`);

const ropeScaling = (raw: unknown): RopeScaling | null => {
  if (raw === null || raw === undefined) return null;
  if (!isPlainObject(raw)) throw fail("an object as rope_scaling", raw);
  const type = raw.rope_type ?? raw.type;
  if (type === "default") return null;
  if (type !== "linear" && type !== "llama3") throw fail("linear or llama3 as rope type", type);
  const number = (name: string, missing: number): number => {
    const x = raw[name] ?? missing;
    if (typeof x === "number" && x > 0) return x;
    throw fail(`a positive number as ${name} in rope_scaling`, x);
  };
  return {
    type,
    factor: number("factor", 1),
    lowFreqFactor: number("low_freq_factor", 1),
    highFreqFactor: number("high_freq_factor", 4),
    originalContext: number("original_max_position_embeddings", 8192),
  };
};

const quantizationOf = (raw: unknown): QuantizationFormat | null => {
  if (raw === null || raw === undefined) return null;
  if (!isPlainObject(raw)) throw fail("an object as quantization", raw);
  const { group_size: groupSize = 64, bits = 4, mode = "affine" } = raw;
  const modes: readonly QuantizationMode[] = ["affine", "mxfp4", "mxfp8", "nvfp4"];
  const known = modes.find((m) => m === mode);
  if (typeof groupSize !== "number" || typeof bits !== "number" || known === undefined)
    throw fail("group_size, bits and mode as quantization", raw);
  return { groupSize, bits, mode: known };
};

/**
 * Reads a `config.json`.
 *
 * @throws FormatError that names the field, and for architectures other than Llama's
 * @example
 * const json = { model_type: "llama", vocab_size: 32, hidden_size: 8, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2 };
 * models.readConfig(json).headSize; // 4
 */
export const readConfig = (raw: unknown): LlamaConfig => {
  if (!isPlainObject(raw)) throw fail("an object", raw);
  const type = raw.model_type;
  if (typeof type !== "string" || !TYPES.includes(type))
    throw fail(`model_type among ${TYPES.join(", ")}`, type);
  const count = (name: string, missing?: number): number => {
    const x = raw[name] ?? missing;
    if (typeof x === "number" && Number.isInteger(x) && x >= 1) return x;
    throw fail(`a whole number from 1 as ${name}`, x);
  };
  const number = (name: string, missing: number): number => {
    const x = raw[name] ?? missing;
    if (typeof x === "number" && x > 0) return x;
    throw fail(`a positive number as ${name}`, x);
  };
  const flag = (name: string, missing = false): boolean => {
    const x = raw[name] ?? missing;
    if (typeof x === "boolean") return x;
    throw fail(`true or false as ${name}`, x);
  };
  const heads = count("num_attention_heads");
  const kvHeads = count("num_key_value_heads", heads);
  const width = count("hidden_size");
  if (heads % kvHeads !== 0) throw fail("num_key_value_heads that divides the heads", kvHeads);
  if (raw.head_dim === undefined && width % heads !== 0)
    throw fail("num_attention_heads that divides hidden_size", heads);
  const ends: readonly unknown[] = Array.isArray(raw.eos_token_id)
    ? raw.eos_token_id
    : [raw.eos_token_id];
  const bias = flag("attention_bias");
  return {
    vocabulary: count("vocab_size"),
    width,
    hidden: count("intermediate_size"),
    layers: count("num_hidden_layers"),
    heads,
    kvHeads,
    headSize: raw.head_dim === null ? width / heads : count("head_dim", width / heads),
    normEps: number("rms_norm_eps", 1e-5),
    ropeBase: number("rope_theta", 10_000),
    ropeScaling: ropeScaling(raw.rope_scaling),
    context: count("max_position_embeddings", 2048),
    tied: flag("tie_word_embeddings"),
    qkvBias: bias || type === "qwen2",
    outBias: bias,
    mlpBias: flag("mlp_bias"),
    endTokens: ends.filter((t): t is number => typeof t === "number"),
    quantization: quantizationOf(raw.quantization),
  };
};

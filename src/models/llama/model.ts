/** A Llama-style decoder: rotary positions, RMS norms, gated feed-forward parts, grouped queries. */
import { int32 } from "../../core/dtype.js";
import { scaledDotProductAttention } from "../../fast/attention.js";
import type { NDArray } from "../../graph/array.js";
import { silu } from "../../nn/activations.js";
import { Embedding } from "../../nn/layers/embedding.js";
import { Linear } from "../../nn/layers/linear.js";
import { RMSNorm } from "../../nn/layers/normalization.js";
import { Module } from "../../nn/module/module.js";
import { add, multiply } from "../../ops/arithmetic.js";
import { lessEqual } from "../../ops/compare.js";
import { arange } from "../../ops/create.js";
import { expandDims, reshape, transpose } from "../../ops/shape.js";
import { type CacheView, extend, KVCache, type LayerCache } from "./cache.js";
import type { LlamaConfig } from "./config.js";
import { Rotary } from "./rotary.js";

/** What a step knows of the tokens before it. */
interface Past {
  readonly offset: NDArray;
  readonly layer: LayerCache;
  /** Which positions each new token sees. */
  readonly mask: NDArray;
}

class Attention extends Module {
  readonly heads: number;
  readonly kvHeads: number;
  readonly size: number;
  qProj: Linear;
  kProj: Linear;
  vProj: Linear;
  oProj: Linear;
  rotary: Rotary;

  constructor(c: LlamaConfig) {
    super();
    this.heads = c.heads;
    this.kvHeads = c.kvHeads;
    this.size = c.headSize;
    const bias = c.qkvBias;
    this.qProj = new Linear(c.width, c.heads * c.headSize, { bias });
    this.kProj = new Linear(c.width, c.kvHeads * c.headSize, { bias });
    this.vProj = new Linear(c.width, c.kvHeads * c.headSize, { bias });
    this.oProj = new Linear(c.heads * c.headSize, c.width, { bias: c.outBias });
    this.rotary = new Rotary(c);
  }

  forward(x: NDArray, past: Past | null): NDArray {
    const [batch = 1, time = 1] = x.shape;
    const split = (y: NDArray, heads: number): NDArray =>
      transpose(reshape(y, [batch, time, heads, this.size]), [0, 2, 1, 3]);
    const offset = past?.offset ?? 0;
    const queries = this.rotary.forward(split(this.qProj.forward(x), this.heads), offset);
    const keys = this.rotary.forward(split(this.kProj.forward(x), this.kvHeads), offset);
    const values = split(this.vProj.forward(x), this.kvHeads);
    const seen = past === null ? { keys, values } : extend(past.layer, past.offset, keys, values);
    const mixed = scaledDotProductAttention(queries, seen.keys, seen.values, {
      scale: this.size ** -0.5,
      mask: past?.mask ?? (time > 1 ? "causal" : null),
    });
    const joined = reshape(transpose(mixed, [0, 2, 1, 3]), [batch, time, this.heads * this.size]);
    return this.oProj.forward(joined);
  }
}

class MLP extends Module {
  gateProj: Linear;
  upProj: Linear;
  downProj: Linear;

  constructor(c: LlamaConfig) {
    super();
    this.gateProj = new Linear(c.width, c.hidden, { bias: c.mlpBias });
    this.upProj = new Linear(c.width, c.hidden, { bias: c.mlpBias });
    this.downProj = new Linear(c.hidden, c.width, { bias: c.mlpBias });
  }

  forward(x: NDArray): NDArray {
    return this.downProj.forward(multiply(silu(this.gateProj.forward(x)), this.upProj.forward(x)));
  }
}

class Block extends Module {
  selfAttn: Attention;
  mlp: MLP;
  inputLayernorm: RMSNorm;
  postAttentionLayernorm: RMSNorm;

  constructor(c: LlamaConfig) {
    super();
    this.selfAttn = new Attention(c);
    this.mlp = new MLP(c);
    this.inputLayernorm = new RMSNorm(c.width, { eps: c.normEps });
    this.postAttentionLayernorm = new RMSNorm(c.width, { eps: c.normEps });
  }

  forward(x: NDArray, past: Past | null): NDArray {
    const h = add(x, this.selfAttn.forward(this.inputLayernorm.forward(x), past));
    return add(h, this.mlp.forward(this.postAttentionLayernorm.forward(h)));
  }
}

class Decoder extends Module {
  embedTokens: Embedding;
  layers: Block[];
  norm: RMSNorm;

  constructor(c: LlamaConfig) {
    super();
    this.embedTokens = new Embedding(c.vocabulary, c.width);
    this.layers = Array.from({ length: c.layers }, () => new Block(c));
    this.norm = new RMSNorm(c.width, { eps: c.normEps });
  }
}

/**
 * The decoder. Its parameters have the names of Hugging Face's Llama (`model.layers.0.self_attn.q_proj.weight`).
 *
 * @example
 * const config = models.readConfig({
 *   model_type: "llama", vocab_size: 32, hidden_size: 16, intermediate_size: 32,
 *   num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2,
 * });
 * new models.Llama(config).forward(mx.array([[1, 2, 3]], mx.int32)).shape; // [1, 3, 32]
 */
export class Llama extends Module {
  readonly config: LlamaConfig;
  model: Decoder;
  lmHead?: Linear;

  constructor(config: LlamaConfig) {
    super();
    this.config = config;
    this.model = new Decoder(config);
    if (!config.tied) this.lmHead = new Linear(config.width, config.vocabulary, { bias: false });
  }

  /** Logits [batch, time, vocabulary] of what follows each of the tokens [batch, time]; with a cache they follow those in it. */
  forward(tokens: NDArray, cache: CacheView | null = null): NDArray {
    return this.logits(this.features(tokens, cache));
  }

  /** What the last block makes of the tokens: [batch, time, width]. */
  features(tokens: NDArray, cache: CacheView | null = null): NDArray {
    let x = this.model.embedTokens.forward(tokens);
    const time = tokens.shape[1] ?? 0;
    const past = cache === null ? null : this.#past(cache, time);
    for (const [i, block] of this.model.layers.entries()) x = block.forward(x, past?.(i) ?? null);
    return this.model.norm.forward(x);
  }

  /** The output layer. */
  logits(features: NDArray): NDArray {
    return this.lmHead === undefined
      ? this.model.embedTokens.asLinear(features)
      : this.lmHead.forward(features);
  }

  #past({ offset, layers }: CacheView, time: number): (i: number) => Past | null {
    const room = layers[0]?.keys.shape[2] ?? 0;
    const own = expandDims(add(offset, arange(0, time, { dtype: int32 })), 1);
    const mask = lessEqual(arange(0, room, { dtype: int32 }), own);
    return (i) => {
      const layer = layers[i];
      return layer === undefined ? null : { offset, layer, mask };
    };
  }

  /** An empty cache for this model. */
  makeCache(): KVCache {
    const { layers, kvHeads, headSize } = this.config;
    const dtype = this.model.norm.weight.dtype;
    return new KVCache({ layers, kvHeads, headSize, dtype });
  }
}

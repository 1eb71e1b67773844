/** Text, token by token. */
import { int32 } from "../core/dtype.js";
import { ArgumentError } from "../core/errors.js";
import { readOptions } from "../core/options.js";
import { isNDArray, NDArray } from "../graph/array.js";
import { keep } from "../graph/scope.js";
import { array } from "../ops/creation-host.js";
import { Slice } from "../ops/index-language.js";
import { getItem } from "../ops/indexing.js";
import { reshape } from "../ops/shape.js";
import { key as keyOf, split } from "../random/index.js";
import { compile } from "../transforms/compile.js";
import type { KVCache } from "./llama/cache.js";
import type { Llama } from "./llama/model.js";
import { checkSampling, type SamplingOptions, sample, samplingNames } from "./sampling.js";
import { type Tokenizer, textStream } from "./tokenizer.js";

export interface GenerateOptions extends SamplingOptions {
  /** The most tokens to generate; 256 by default. */
  readonly maxTokens?: number;
  /** Decides the draws: a key or a seed; 0 by default. */
  readonly key?: NDArray | number | bigint;
  /** Tokens that end the text, beside those of the model's configuration. */
  readonly endTokens?: readonly number[];
  /** The cache to go on with, holding what came before the prompt; an empty one by default. */
  readonly cache?: KVCache;
  /** Ends the generation before the next token. */
  readonly signal?: AbortSignal;
}

const NAMES = [...samplingNames, "maxTokens", "key", "endTokens", "cache", "signal"] as const;

/** Prompts are read in parts of this many tokens, so that memory stays bounded. */
const part = 256;

/** The last tokens of a text, [1, n], repeated from the front where it is shorter. */
const recentOf = (tokens: readonly number[], n: number): NDArray => {
  const last = tokens.slice(-n);
  const filled = Array.from({ length: n }, (_, i) => last[i % Math.max(1, last.length)] ?? 0);
  return array([filled], int32);
};

/**
 * Tokens that follow a prompt. Every step is one compiled call; its shapes change every 256 tokens only.
 *
 * @param prompt at least one token
 * @throws ArgumentError for an empty prompt, tokens outside the vocabulary, and options outside their ranges
 * @example
 * const config = models.readConfig({
 *   model_type: "llama", vocab_size: 32, hidden_size: 16, intermediate_size: 32,
 *   num_hidden_layers: 1, num_attention_heads: 2,
 * });
 * const tokens: number[] = [];
 * for await (const token of models.generateTokens(new models.Llama(config), [1, 2], { maxTokens: 5 }))
 *   tokens.push(token);
 * tokens.length; // 5
 */
export async function* generateTokens(
  model: Llama,
  prompt: readonly number[],
  options?: GenerateOptions,
): AsyncGenerator<number, void, undefined> {
  const op = "generateTokens";
  const o = readOptions<GenerateOptions>(op, options, NAMES);
  const sampling = checkSampling(op, o);
  const { maxTokens = 256, signal } = o;
  if (prompt.length === 0)
    throw new ArgumentError(
      `[${op}] expected a prompt of at least one token, got none: start with the token for the beginning`,
    );
  const { vocabulary, endTokens } = model.config;
  const bad = prompt.find((t) => !Number.isInteger(t) || t < 0 || t >= vocabulary);
  if (bad !== undefined)
    throw new ArgumentError(
      `[${op}] expected tokens from 0 to ${vocabulary - 1}, got ${bad}: use the model's own tokenizer`,
    );
  const ends = new Set([...endTokens, ...(o.endTokens ?? [])]);
  const cache = o.cache ?? model.makeCache();
  const given = o.key ?? 0;
  const state = {
    cache: cache.layers,
    key: isNDArray(given) ? new NDArray(given.node) : keyOf(given),
  };
  keep(state.key);
  const captured = { inputs: [model, state], outputs: state };
  const read = compile(
    (tokens: NDArray, offset: NDArray): NDArray =>
      model.features(tokens, { layers: cache.layers, offset }),
    captured,
  );
  const choose = (features: NDArray, recent: NDArray): NDArray => {
    const last = getItem(features, [new Slice(null, null, null), -1]);
    const [next, own] = [...split(state.key)];
    if (next === undefined || own === undefined) throw new RangeError("two keys");
    state.key = next;
    return sample(model.logits(last), recent, own, sampling);
  };
  const first = compile(choose, captured);
  const step = compile(
    (token: NDArray, offset: NDArray, recent: NDArray): NDArray =>
      choose(model.features(reshape(token, [1, 1]), { layers: cache.layers, offset }), recent),
    captured,
  );
  const text = [...prompt];
  cache.reserve(prompt.length);
  let features: NDArray | null = null;
  for (let from = 0; from < prompt.length; from += part) {
    const tokens = prompt.slice(from, from + part);
    features = read(array([tokens], int32), cache.offset);
    cache.advance(tokens.length);
  }
  for (let i = 0; i < maxTokens && signal?.aborted !== true; i++) {
    const recent = recentOf(text, sampling.repetitionContext);
    let token: NDArray;
    if (features !== null) {
      token = first(features, recent);
      features = null;
    } else {
      cache.reserve(1);
      token = step(array([text.at(-1) ?? 0], int32), cache.offset, recent);
      cache.advance(1);
    }
    const value = Number(await token.itemAsync());
    if (ends.has(value)) return;
    text.push(value);
    yield value;
  }
}

/** A piece of generated text. */
export interface Generated {
  readonly token: number;
  /** What the token adds: nothing while a character is not complete. */
  readonly text: string;
}

/**
 * Text that follows a prompt, piece by piece.
 *
 * @throws ArgumentError as `generateTokens`
 * @example
 * const tokenizer = { encode: (s: string) => [...s].map((c) => c.charCodeAt(0) % 32), decode: (t: readonly number[]) => t.map((c) => String.fromCharCode(96 + c)).join("") };
 * const config = models.readConfig({
 *   model_type: "llama", vocab_size: 32, hidden_size: 16, intermediate_size: 32,
 *   num_hidden_layers: 1, num_attention_heads: 2,
 * });
 * let text = "";
 * for await (const piece of models.generate(new models.Llama(config), tokenizer, "once", { maxTokens: 8, temperature: 1 }))
 *   text += piece.text;
 * text.length; // 8
 */
export async function* generate(
  model: Llama,
  tokenizer: Tokenizer,
  prompt: string,
  options?: GenerateOptions,
): AsyncGenerator<Generated, void, undefined> {
  const stream = textStream(tokenizer);
  for await (const token of generateTokens(model, tokenizer.encode(prompt), options))
    yield { token, text: stream.push(token) };
  const text = stream.rest();
  if (text !== "") yield { token: -1, text };
}

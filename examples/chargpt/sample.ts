/** Writing text with a model, one character at a time. */
import * as mx from "cotangent";
import type { Vocabulary } from "./corpus.js";
import type { CharGpt } from "./model.js";

export interface SampleOptions {
  /** Text to go on from; one character at least, all of them known. */
  readonly prompt: string;
  /** Characters to write. */
  readonly length: number;
  /** Below 1 for likelier text. */
  readonly temperature: number;
  readonly seed: number;
}

/** Text drawn from the model, without the prompt. */
export const sample = (model: CharGpt, vocabulary: Vocabulary, options: SampleOptions): string => {
  const { context } = model.config;
  const tokens = [...vocabulary.encode(options.prompt)];
  const written = tokens.length;
  let key = mx.random.key(options.seed);
  for (let i = 0; i < options.length; i++) {
    const [next, use] = mx.random.split(key);
    if (next === undefined || use === undefined) throw new RangeError("two keys");
    key = next;
    const seen = tokens.slice(-context);
    // Always one shape, so that one set of kernels serves all; attention never looks at the zeros behind.
    const padded = new Int32Array(context);
    padded.set(seen);
    const x = model.features(mx.array(padded).reshape([1, context]));
    const last = mx.take(x, mx.array([seen.length - 1], mx.int32), 1);
    const scores = model.logits(last).reshape([-1]).divide(options.temperature);
    const token = mx.random.categorical(scores, { key: use });
    mx.eval(token, key);
    tokens.push(Number(token.item()));
  }
  return vocabulary.decode(tokens.slice(written));
};

/** From logits to the next token: penalties, filters and the draw, as mlx-lm orders them. */
import { float32, int32 } from "../core/dtype.js";
import { ArgumentError } from "../core/errors.js";
import type { NDArray } from "../graph/array.js";
import { logSoftmax } from "../nn/activations.js";
import { multiply, subtract } from "../ops/arithmetic.js";
import { greater, less } from "../ops/compare.js";
import { argmax, max, min } from "../ops/reduce.js";
import { cumsum } from "../ops/scan.js";
import { where } from "../ops/select.js";
import { argsort, topk } from "../ops/sort.js";
import { putAlongAxis, takeAlongAxis } from "../ops/take.js";
import { exp } from "../ops/transcendental.js";
import { categorical } from "../random/index.js";

export interface SamplingOptions {
  /** Divides the logits; 0, the default, takes the likeliest token. */
  readonly temperature?: number;
  /** Only this many of the likeliest tokens; 0 for all. */
  readonly topK?: number;
  /** The likeliest tokens that together have this probability; 1 for all. */
  readonly topP?: number;
  /** Only tokens of at least this share of the likeliest one's probability; 0 for all. */
  readonly minP?: number;
  /** Above 1, makes the tokens of the last `repetitionContext` less likely. */
  readonly repetitionPenalty?: number;
  readonly repetitionContext?: number;
}

export const samplingNames = [
  "temperature",
  "topK",
  "topP",
  "minP",
  "repetitionPenalty",
  "repetitionContext",
] as const;

/** @throws ArgumentError for values outside their ranges */
export const checkSampling = (op: string, o: SamplingOptions): Required<SamplingOptions> => {
  const full = {
    temperature: o.temperature ?? 0,
    topK: o.topK ?? 0,
    topP: o.topP ?? 1,
    minP: o.minP ?? 0,
    repetitionPenalty: o.repetitionPenalty ?? 1,
    repetitionContext: o.repetitionContext ?? 20,
  };
  const need = (name: keyof typeof full, fine: boolean, what: string): void => {
    if (fine) return;
    throw new ArgumentError(`[${op}] expected ${name} ${what}, got ${full[name]}`);
  };
  need("temperature", full.temperature >= 0, "from 0");
  need("topK", Number.isInteger(full.topK) && full.topK >= 0, "as a whole number from 0");
  need("topP", full.topP > 0 && full.topP <= 1, "in (0, 1]");
  need("minP", full.minP >= 0 && full.minP <= 1, "in [0, 1]");
  need("repetitionPenalty", full.repetitionPenalty > 0, "above 0");
  need(
    "repetitionContext",
    Number.isInteger(full.repetitionContext) && full.repetitionContext >= 1,
    "as a whole number from 1",
  );
  return full;
};

const none = Number.NEGATIVE_INFINITY;

/** Logits [1, vocabulary] with those of recent tokens [1, n] divided (or multiplied, where negative) by the penalty. */
const penalized = (logits: NDArray, recent: NDArray, penalty: number): NDArray => {
  const chosen = takeAlongAxis(logits, recent, -1);
  const lower = where(less(chosen, 0), multiply(chosen, penalty), multiply(chosen, 1 / penalty));
  return putAlongAxis(logits, recent, lower, -1);
};

/** Keeps the smallest set of likeliest tokens whose probabilities add up to `p`. */
const nucleus = (logs: NDArray, p: number): NDArray => {
  const order = argsort(logs, -1);
  const rising = takeAlongAxis(exp(logs), order, -1);
  const before = cumsum(rising, -1);
  const kept = where(greater(before, 1 - p), takeAlongAxis(logs, order, -1), none);
  return putAlongAxis(logs, order, kept, -1);
};

/**
 * The next token, int32 [1], from logits [1, vocabulary].
 *
 * @param recent the tokens that are penalized, int32 [1, n]
 * @param key decides the draw
 */
export const sample = (
  logits: NDArray,
  recent: NDArray,
  key: NDArray,
  o: Required<SamplingOptions>,
): NDArray => {
  let x = logits.astype(float32);
  if (o.repetitionPenalty !== 1) x = penalized(x, recent, o.repetitionPenalty);
  if (o.temperature === 0) return argmax(x, -1).astype(int32);
  let logs = logSoftmax(x);
  if (o.topP < 1) logs = nucleus(logs, o.topP);
  if (o.minP > 0) {
    const least = subtract(max(logs, -1, { keepdims: true }), -Math.log(o.minP));
    logs = where(less(logs, least), none, logs);
  }
  if (o.topK > 0 && o.topK < (logs.shape[1] ?? 0)) {
    const least = min(topk(logs, o.topK, -1), -1, { keepdims: true });
    logs = where(less(logs, least), none, logs);
  }
  return categorical(multiply(logs, 1 / o.temperature), { key }).astype(int32);
};

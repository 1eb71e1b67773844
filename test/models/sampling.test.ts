/** The draw of the next token: filters leave the right tokens, in the right shares. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import { checkSampling, type SamplingOptions, sample } from "../../src/models/sampling.js";

const probabilities = [0.4, 0.3, 0.15, 0.1, 0.05];
const logits = mx.array([probabilities.map(Math.log)]).add(2);

/** Shares of the tokens in many draws. */
const shares = (options: SamplingOptions, recent: readonly number[] = [0]): number[] => {
  const o = checkSampling("test", options);
  const n = 2000;
  const draw = mx.vmap((key: mx.NDArray) => sample(logits, mx.array([recent], mx.int32), key, o));
  const drawn = draw(mx.random.split(mx.random.key(1), n)).flatten();
  const counts = new Array<number>(5).fill(0);
  for (const t of drawn.dataSync()) counts[Number(t)] = (counts[Number(t)] ?? 0) + 1 / n;
  return counts;
};

const near = (got: readonly number[], want: readonly number[]): void => {
  const sum = want.reduce((a, b) => a + b);
  for (const [i, x] of got.entries()) {
    const expected = (want[i] ?? 0) / sum;
    if (expected === 0) assert.equal(x, 0, `token ${i} was drawn`);
    else assert.ok(Math.abs(x - expected) < 0.04, `token ${i}: ${x} in place of ${expected}`);
  }
};

const cases: readonly [string, SamplingOptions, readonly number[]][] = [
  ["as they are", { temperature: 1 }, probabilities],
  ["colder", { temperature: 0.5 }, probabilities.map((p) => p ** 2)],
  ["the likeliest", {}, [1, 0, 0, 0, 0]],
  ["topK", { temperature: 1, topK: 2 }, [0.4, 0.3, 0, 0, 0]],
  ["topP", { temperature: 1, topP: 0.8 }, [0.4, 0.3, 0.15, 0, 0]],
  ["topP of the first", { temperature: 1, topP: 0.1 }, [1, 0, 0, 0, 0]],
  ["minP", { temperature: 1, minP: 0.3 }, [0.4, 0.3, 0.15, 0, 0]],
  ["topP and topK", { temperature: 1, topP: 0.8, topK: 2 }, [0.4, 0.3, 0, 0, 0]],
];

for (const [name, options, want] of cases) {
  test(`sampling: ${name}`, () => near(shares(options), want));
}

test("a repetition penalty divides positive logits and multiplies negative ones", () => {
  const penalty = 1.5;
  const raw = probabilities.map((p) => Math.log(p) + 2);
  const want = raw.map((x, i) => {
    const changed = i === 0 || i === 4 ? (x < 0 ? x * penalty : x / penalty) : x;
    return Math.exp(changed);
  });
  near(shares({ temperature: 1, repetitionPenalty: penalty }, [0, 4, 0]), want);
});

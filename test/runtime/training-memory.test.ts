/** A training loop that disposes of nothing runs in bounded memory, in one synchronous job as in an asynchronous loop. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import { defaultEngine } from "../../src/runtime/default-engine.js";

const steps = 2000;

interface Parameters {
  readonly w: mx.NDArray;
  readonly b: mx.NDArray;
  readonly v: mx.NDArray;
}

const initial = (): Parameters => {
  const [k1, k2] = [mx.random.key(1), mx.random.key(2)];
  return {
    w: mx.random.normal([128, 512], { key: k1 }).multiply(0.1),
    b: mx.zeros([512]),
    v: mx.random.normal([512, 128], { key: k2 }).multiply(0.1),
  };
};

const loss = (p: Parameters, x: mx.NDArray): mx.NDArray => {
  const h = mx.tanh(mx.matmul(x, p.w).add(p.b));
  const d = mx.matmul(h, p.v).subtract(x);
  return mx.mean(d.multiply(d));
};

const lossAndGradients = mx.valueAndGrad(loss);

/** One step of gradient descent on fresh data: about 1 MB of new arrays that are garbage one step later. */
const advance = (
  p: Parameters,
  step: number,
): { loss: mx.NDArray; next: Parameters; all: mx.NDArray[] } => {
  const x = mx.random.normal([16, 128], { key: mx.random.key(step) });
  const [value, g] = lossAndGradients(p, x);
  const next = {
    w: p.w.subtract(g.w.multiply(0.05)),
    b: p.b.subtract(g.b.multiply(0.05)),
    v: p.v.subtract(g.v.multiply(0.05)),
  };
  // Gradients are asked for too, and kept by no one.
  return { loss: value, next, all: [value, g.w, g.b, g.v, next.w, next.b, next.v] };
};

const live = (): number => defaultEngine().device.memory().activeBytes;

const perStep = (128 * 512 + 512 + 512 * 128) * 2 * 4;
/** What a leak would hold at the end; the loop must stay far below. */
const leaked = steps * perStep;

const finish = (
  first: number,
  last: number,
  highest: number,
  before: number,
  p: Parameters,
): void => {
  assert.ok(last < first * 0.9, `the loss fell: ${first} to ${last}`);
  assert.ok(
    highest - before < leaked / 4,
    `live bytes reached ${highest}, a leak would be ${leaked}`,
  );
  defaultEngine().device.collect();
  const held = perStep / 2;
  const left = live() - before;
  assert.ok(
    left < held * 4 + 2 ** 20,
    `${left} bytes are live after the loop, parameters take ${held}`,
  );
  assert.equal(p.w.shape[1], 512);
};

/** Threads, a library, plans and scratch come with the first steps: they belong to no array. */
const settle = (): void => {
  let p = initial();
  for (let step = 0; step < 50; step++) {
    const { next, all } = advance(p, step);
    mx.eval(all);
    p = next;
  }
};

test("2,000 synchronous steps without dispose stay flat", () => {
  settle();
  defaultEngine().device.collect();
  const before = live();
  let p = initial();
  let highest = 0;
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const { loss: value, next, all } = advance(p, step);
    mx.eval(all);
    p = next;
    if (step === 0 || step === steps - 1) losses.push(Number(value.item()));
    highest = Math.max(highest, live());
  }
  finish(losses[0] ?? 0, losses[1] ?? 0, highest, before, p);
});

test("2,000 asynchronous steps without dispose stay flat", async () => {
  defaultEngine().device.collect();
  const before = live();
  let p = initial();
  let highest = 0;
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const { loss: value, next, all } = advance(p, step);
    await mx.asyncEval(all);
    p = next;
    if (step === 0 || step === steps - 1) losses.push(Number(await value.itemAsync()));
    highest = Math.max(highest, live());
  }
  finish(losses[0] ?? 0, losses[1] ?? 0, highest, before, p);
});

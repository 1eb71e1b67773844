/** Optimizers as a whole: state, trees, in-place updates, and nothing half done after an error. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import * as optim from "../../src/optimizers/index.js";

const params = (): { w: mx.NDArray; layers: mx.NDArray[] } => ({
  w: mx.array([1, 2]),
  layers: [mx.array([[3]]), mx.array(4)],
});
const ones = (): { w: mx.NDArray; layers: mx.NDArray[] } => ({
  w: mx.ones([2]),
  layers: [mx.ones([1, 1]), mx.array(1)],
});

test("new parameters have the gradients' structure; arrays stay as they were", () => {
  const opt = new optim.SGD(0.5);
  const before = params();
  const after = opt.applyGradients(ones(), before);
  assert.deepEqual(after.w.tolist(), [0.5, 1.5]);
  assert.deepEqual(
    after.layers.map((x) => x.tolist()),
    [[[2.5]], 3.5],
  );
  assert.deepEqual(before.w.tolist(), [1, 2]);
  assert.deepEqual(opt.applyGradients({ w: mx.ones([2]) }, before).w.tolist(), [0.5, 1.5]);
});

test("trees that are lists or single arrays", () => {
  const opt = new optim.AdamW(0.1);
  const [a] = opt.applyGradients([mx.ones([2])], [mx.ones([2])]);
  assert.deepEqual(a?.shape, [2]);
  const one = new optim.SGD(1).applyGradients(mx.ones([2]), mx.ones([2]));
  assert.deepEqual(one.tolist(), [0, 0]);
});

test("update puts the new values into the arrays of a tree, or hands them to a model", () => {
  const tree = params();
  const { w } = tree;
  new optim.SGD(1).update(tree, ones());
  assert.deepEqual(w.tolist(), [0, 1]);
  let given: unknown;
  const model = { w: mx.ones([1]), update: (p: unknown) => (given = p) };
  new optim.SGD(1).update(model, { w: mx.ones([1]) });
  assert.ok(typeof given === "object" && given !== null && "w" in given);
});

test("the state is a tree beside step and rate, and can be put back", () => {
  const run = (opt: optim.AdamW, p: { w: mx.NDArray }, n: number): { w: mx.NDArray } => {
    for (let i = 0; i < n; i++) p = opt.applyGradients({ w: p.w.multiply(2) }, p);
    return p;
  };
  const options = { biasCorrection: true, weightDecay: 0.1 };
  const rate = optim.cosineDecay(0.1, 10);
  const whole = run(new optim.AdamW(rate, options), { w: mx.array([1, -2]) }, 5);
  const first = new optim.AdamW(rate, options);
  const half = run(first, { w: mx.array([1, -2]) }, 2);
  mx.eval(first.state);
  const second = new optim.AdamW(rate, options);
  second.state = first.state;
  assert.equal(second.step.item(), 2n);
  assert.deepEqual(run(second, half, 3).w.tolist(), whole.w.tolist());
  assert.deepEqual(Object.keys(first.state).sort(), ["learningRate", "step", "w"]);
});

test("a failing step changes nothing", () => {
  const opt = new optim.Adam(0.1);
  const p = params();
  opt.applyGradients(ones(), p);
  const { state } = opt;
  assert.throws(() => opt.applyGradients({ w: mx.ones([3]) }, p), mx.ShapeError);
  assert.throws(() => opt.applyGradients({ v: mx.ones([3]) }, p), mx.ArgumentError);
  assert.throws(() => opt.applyGradients({ w: 3 }, p), mx.ArgumentError);
  assert.equal(opt.state, state);
  assert.equal(opt.step.item(), 1n);
});

test("rates can be read and set", () => {
  const opt = new optim.SGD(optim.linearSchedule(0, 1, 4));
  for (let i = 0; i < 3; i++) opt.applyGradients({ w: mx.ones([1]) }, { w: mx.ones([1]) });
  assert.equal(opt.learningRate.item(), 0.5);
  opt.learningRate = 2;
  assert.equal(opt.learningRate.item(), 2);
});

test("gradients are clipped by their common norm", () => {
  const [clipped, norm] = optim.clipGradNorm({ a: mx.array([3]), b: [mx.array([4])] }, 1);
  assert.equal(norm.item(), 5);
  const length = mx.sqrt(mx.square(clipped.a).add(mx.square(clipped.b[0] ?? clipped.a))).item();
  assert.ok(Math.abs(Number(length) - 1) < 1e-6);
  assert.throws(() => optim.clipGradNorm({}, -1), mx.ArgumentError);
});

test("bad hyperparameters are refused", () => {
  assert.throws(() => new optim.Adam(0.1, { betas: [1, 0.9] }), mx.ArgumentError);
  assert.throws(() => new optim.Adam(0.1, { eps: -1 }), mx.ArgumentError);
  assert.throws(() => new optim.SGD(0.1, { nesterov: true }), mx.ArgumentError);
  assert.throws(() => Reflect.construct(optim.AdamW, [0.1, { decay: 1 }]), mx.ArgumentError);
});

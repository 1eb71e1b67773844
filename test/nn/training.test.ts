/** Gradients of modules, training steps compiled and not, quantized layers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import * as nn from "../../src/nn/index.js";
import * as optim from "../../src/optimizers/index.js";

const model = (): nn.Sequential<[nn.Linear, (x: mx.NDArray) => mx.NDArray, nn.Linear]> =>
  new nn.Sequential(new nn.Linear(3, 8), nn.tanh, new nn.Linear(8, 1));

const x = mx.random.normal({ shape: [16, 3], key: mx.random.key(1) });
const y = x.square().sum(1, { keepdims: true });

const numbers = (a: mx.NDArray): number[] => Array.from(a.dataSync(), Number);

test("gradients are those of the function of the parameters, and the model stays as it is", () => {
  const m = model();
  const handles = [m.layers[0].weight, m.layers[0].bias];
  const [loss, grads] = nn.valueAndGrad(m, (scale: number) =>
    nn.losses.mseLoss(m.forward(x), y).multiply(scale),
  )(2);
  const plain = mx.valueAndGrad((p: { w0: mx.NDArray; w1: mx.NDArray }) => {
    const h = mx.tanh(mx.addmm(m.layers[0].bias ?? mx.zeros([8]), x, p.w0.transpose()));
    const out = mx.addmm(m.layers[2].bias ?? mx.zeros([1]), h, p.w1.transpose());
    return nn.losses.mseLoss(out, y).multiply(2);
  });
  const [other, expected] = plain({ w0: m.layers[0].weight, w1: m.layers[2].weight });
  assert.equal(loss.item(), other.item());
  assert.deepEqual(numbers(grads.layers[0].weight), numbers(expected.w0));
  assert.deepEqual(numbers(grads.layers[2].weight), numbers(expected.w1));
  assert.deepEqual([m.layers[0].weight, m.layers[0].bias], handles);
});

test("frozen parameters have no gradient; auxiliary results pass", () => {
  const m = model();
  m.layers[0].freeze();
  const f = nn.valueAndGrad(m, () => {
    const out = m.forward(x);
    return [nn.losses.mseLoss(out, y), out] as const;
  });
  const [[loss, out], grads] = f();
  assert.equal(loss.ndim, 0);
  assert.deepEqual(out.shape, [16, 1]);
  assert.deepEqual(
    mx.treeFlatten(grads).map(([name]) => name),
    ["layers.2.weight", "layers.2.bias"],
  );
  m.freeze();
  assert.throws(() => f(), /valueAndGrad.*not frozen/);
  assert.throws(() => nn.valueAndGrad({} as never, () => loss), mx.ArgumentError);
});

test("a function that throws leaves the model as it was", () => {
  const m = model();
  const { weight } = m.layers[0];
  const f = nn.valueAndGrad(m, (): mx.NDArray => {
    throw new RangeError("stop");
  });
  assert.throws(() => f(), RangeError);
  assert.equal(m.layers[0].weight, weight);
});

const train = (compiled: boolean, steps: number): [number[], number] => {
  mx.random.seed(5);
  const m = model();
  const optimizer = new optim.Adam(1e-2);
  const lossAndGrad = nn.valueAndGrad(m, (a: mx.NDArray, b: mx.NDArray) =>
    nn.losses.mseLoss(m.forward(a), b),
  );
  const step = (a: mx.NDArray, b: mx.NDArray): mx.NDArray => {
    const [loss, grads] = lossAndGrad(a, b);
    optimizer.update(m, grads);
    return loss;
  };
  const state = [m.state, optimizer.state];
  const run = compiled ? mx.compile(step, { inputs: state, outputs: state }) : step;
  if (compiled) optimizer.init(m.trainableParameters());
  const captured = compiled
    ? mx.compile(step, { inputs: [m, optimizer], outputs: [m, optimizer] })
    : run;
  const losses = Array.from({ length: steps }, () => Number(captured(x, y).item()));
  return [losses, nn.losses.mseLoss(m.forward(x), y).item() as number];
};

test("compiled steps train as steps do, in the arrays that the model has", () => {
  const [eager, end] = train(false, 40);
  const [compiled, compiledEnd] = train(true, 40);
  for (const [i, loss] of eager.entries())
    assert.ok(Math.abs(loss - (compiled[i] ?? 0)) < 1e-4 * loss, `step ${i}`);
  assert.ok(Math.abs(end - compiledEnd) < 1e-4);
  assert.ok(end < (eager[0] ?? 0) / 2);
});

test("compiled functions notice the mode of the model", () => {
  const m = new nn.Sequential(new nn.Dropout(0.5));
  const f = mx.compile((a: mx.NDArray) => m.forward(a), {
    inputs: [m, mx.random.state],
    outputs: mx.random.state,
  });
  const ones = mx.ones([64]);
  assert.notDeepEqual(numbers(f(ones)), numbers(ones));
  assert.notDeepEqual(numbers(f(ones)), numbers(f(ones)));
  m.eval();
  assert.deepEqual(numbers(f(ones)), numbers(ones));
});

test("another module in the outputs of a compiled function is refused", () => {
  const box = { model: new nn.Linear(2, 2) };
  const f = mx.compile(
    (a: mx.NDArray) => {
      box.model = new nn.Linear(2, 2);
      return a;
    },
    { inputs: box, outputs: box },
  );
  const before = box.model;
  assert.throws(() => f(x), /compile.*another Linear/);
  assert.equal(box.model, before);
});

test("the best parameters so far are kept by parameters() while training goes on", () => {
  const m = model();
  const best = m.parameters();
  const kept = numbers(best.layers[0].weight);
  const optimizer = new optim.SGD(0.1);
  const f = nn.valueAndGrad(m, () => nn.losses.mseLoss(m.forward(x), y));
  for (let i = 0; i < 3; i++) optimizer.update(m, f()[1]);
  assert.notDeepEqual(numbers(m.layers[0].weight), kept);
  assert.deepEqual(numbers(best.layers[0].weight), kept);
  m.update(best);
  assert.deepEqual(numbers(m.layers[0].weight), kept);
});

test("checkpointed modules have the same gradients", () => {
  const m = model();
  const block = nn.utils.checkpoint(m);
  const other = nn.utils.checkpoint(m, (a: mx.NDArray) => m.forward(a));
  const grads = (f: (a: mx.NDArray) => mx.NDArray): number[] =>
    numbers(nn.valueAndGrad(m, () => nn.losses.mseLoss(f(x), y))()[1].layers[0].weight);
  assert.deepEqual(
    grads(block),
    grads((a) => m.forward(a)),
  );
  assert.deepEqual(grads(other), grads(block));
});

test("dropout draws from the given key, else from the global sequence", () => {
  const drop = new nn.Dropout(0.5);
  const key = mx.random.key(3);
  const mask = mx.random.bernoulli({ p: 0.5, shape: [100], key });
  const ones = mx.ones([100]);
  assert.deepEqual(numbers(drop.forward(ones, { key })), numbers(mask.multiply(2)));
  mx.random.seed(7);
  const a = numbers(drop.forward(ones));
  mx.random.seed(7);
  assert.deepEqual(numbers(drop.forward(ones)), a);
  assert.notDeepEqual(numbers(drop.forward(ones)), a);
});

test("quantized layers are near the originals, frozen, and bias trains", () => {
  const m = new nn.Sequential(new nn.Embedding(7, 64), new nn.Linear(64, 32), new nn.Linear(32, 4));
  const ids = mx.array([0, 3, 6], mx.int32);
  const before = numbers(m.forward(ids));
  nn.quantize(m, { groupSize: 32, bits: 8 });
  assert.match(String(m), /QuantizedEmbedding.*\n.*QuantizedLinear.*\n.*QuantizedLinear/);
  for (const [i, v] of numbers(m.forward(ids)).entries())
    assert.ok(Math.abs(v - (before[i] ?? 0)) < 0.02);
  const names = (): string[] => mx.treeFlatten(m.trainableParameters()).map(([name]) => name);
  assert.deepEqual(names(), ["layers.1.bias", "layers.2.bias"]);
  m.unfreeze();
  assert.ok(!names().some((name) => name.endsWith("weight")), "integer words never train");
  const [, grads] = nn.valueAndGrad(m, () => m.forward(ids).square().sum())();
  assert.deepEqual(grads.layers[2].bias?.shape, [4]);
});

test("quantizing by predicate, by options of its own, or not at all", () => {
  const make = (): nn.Sequential<[nn.Linear, nn.Linear, nn.Dropout]> =>
    new nn.Sequential(new nn.Linear(64, 64), new nn.Linear(64, 64), new nn.Dropout());
  const m = make();
  nn.quantize(m, {
    classPredicate: (path, layer) =>
      layer instanceof nn.Linear && (path === "layers.0" ? { bits: 8, groupSize: 32 } : true),
  });
  assert.match(String(m), /groupSize=32, bits=8[\s\S]*groupSize=64, bits=4/);
  const whole = make();
  assert.throws(() => nn.quantize(whole, { classPredicate: () => true }), /Dropout at "layers.2"/);
  assert.ok(whole.layers[0] instanceof nn.Linear, "nothing is replaced");
  assert.throws(() => nn.quantize(make(), { bits: 7 }), /bits/);
  assert.throws(() => nn.quantize(mx.ones([2]) as never), /mx\.quantize is for arrays/);
  assert.throws(() => nn.quantize(make(), { quantizeInput: true, mode: "mxfp8" }), /without bias/);
});

test("layers with quantized inputs: floating in training, packed outside", () => {
  const m = new nn.Sequential(new nn.Linear(32, 8, false)).eval();
  nn.quantize(m, { mode: "mxfp8", quantizeInput: true });
  const [layer]: readonly unknown[] = m.layers;
  assert.ok(layer instanceof nn.QQLinear);
  assert.equal(layer.weight.dtype, mx.uint32);
  const packed = numbers(layer.forward(mx.ones([2, 32])));
  layer.train();
  assert.notEqual(layer.weight.dtype, mx.uint32);
  assert.deepEqual(
    mx.treeFlatten(layer.parameters()).map(([name]) => name),
    ["weight"],
  );
  assert.deepEqual(numbers(layer.forward(mx.ones([2, 32]))), packed);
  const [, grads] = nn.valueAndGrad(layer, () => layer.forward(mx.ones([2, 32])).sum())();
  assert.deepEqual(grads.weight.shape, [8, 32]);
});

/** Layers beyond the golden cases: statistics, states, shapes, dtypes, and what they refuse. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import * as nn from "../../src/nn/index.js";

const numbers = (a: mx.NDArray): number[] => Array.from(a.dataSync(), Number);

const near = (a: mx.NDArray, b: mx.NDArray, tolerance: number): void => {
  assert.deepEqual(a.shape, b.shape);
  const other = numbers(b);
  for (const [i, v] of numbers(a).entries())
    assert.ok(Math.abs(v - (other[i] ?? Number.NaN)) <= tolerance, `${i}: ${v}, ${other[i]}`);
};

const normal = (shape: readonly number[], seed: number): mx.NDArray =>
  mx.random.normal({ shape, key: mx.random.key(seed) });

test("batch norm follows the batches, also compiled, and stays out of training", () => {
  const x = normal([64, 3], 1).multiply(2).add(5).eval();
  const run = (compiled: boolean): nn.BatchNorm => {
    const m = new nn.BatchNorm(3, { momentum: 0.5 });
    const f = nn.valueAndGrad(m, (a: mx.NDArray) => m.forward(a).square().mean());
    const step = (a: mx.NDArray): mx.NDArray => f(a)[0];
    const taken = compiled ? mx.compile(step, { inputs: m, outputs: m }) : step;
    const mean = m.runningMean;
    for (let i = 0; i < 3; i++) mx.eval(taken(x), m);
    assert.equal(m.runningMean, mean, "in place");
    return m;
  };
  const [eager, compiled] = [run(false), run(true)];
  const expected = mx.mean(x, 0).multiply(1 - 0.5 ** 3);
  near(eager.runningMean ?? x, expected, 1e-5);
  near(compiled.runningMean ?? x, expected, 1e-5);
  near(
    eager.runningVar ?? x,
    mx
      .var(x, 0, { ddof: 1 })
      .multiply(1 - 0.5 ** 3)
      .add(0.5 ** 3),
    1e-4,
  );
  eager.unfreeze();
  const model = new nn.Sequential(eager).unfreeze();
  assert.deepEqual(
    mx.treeFlatten(model.trainableParameters()).map(([name]) => name),
    ["layers.0.weight", "layers.0.bias"],
  );
  near(eager.eval().forward(x).mean(0), mx.zeros([3]), 2);
});

test("recurrent layers go on where they stopped", () => {
  const x = normal([2, 7, 3], 2);
  const [a, b] = [
    x.get("...", mx.slice(0, 4), mx.slice()),
    x.get("...", mx.slice(4, 7), mx.slice()),
  ];
  const last = (h: mx.NDArray): mx.NDArray => h.get("...", -1, mx.slice());
  for (const layer of [new nn.RNN(3, 5), new nn.GRU(3, 5), new nn.GRU(3, 5, false)]) {
    const whole = layer.forward(x);
    const first = layer.forward(a);
    const second = layer.forward(b, { hidden: last(first) });
    near(mx.concatenate([first, second], { axis: -2 }), whole, 1e-6);
  }
  const lstm = new nn.LSTM(3, 5);
  const [hidden, cell] = lstm.forward(x);
  const [h1, c1] = lstm.forward(a);
  const [h2, c2] = lstm.forward(b, { hidden: last(h1), cell: last(c1) });
  near(mx.concatenate([h1, h2], { axis: -2 }), hidden, 1e-6);
  near(mx.concatenate([c1, c2], { axis: -2 }), cell, 1e-6);
});

test("recurrent layers take halves, one state for a batch, and modules as nonlinearity", () => {
  const x = normal([2, 4, 3], 3).astype(mx.float16);
  const layer = new nn.RNN(3, 5, { nonlinearity: new nn.PReLU() }).setDtype(mx.float16);
  assert.equal(layer.forward(x).dtype, mx.float16);
  assert.ok(Object.hasOwn(layer.parameters(), "nonlinearity"));
  assert.equal(layer.forward(x, mx.zeros([5])).dtype, mx.float32);
  assert.equal(new nn.GRU(3, 5).forward(x).dtype, mx.float32);
});

test("one long loop instead of many kernels: a thousand steps learn", () => {
  mx.random.seed(0);
  const layer = new nn.GRU(1, 4);
  const x = mx.sin(mx.arange(1000).multiply(0.1)).reshape([1000, 1]);
  const f = nn.valueAndGrad(layer, () => layer.forward(x).square().mean());
  const [before, grads] = f();
  layer.update(
    mx.treeMap((p: mx.NDArray, g: mx.NDArray) => p.subtract(g), layer.parameters(), grads),
  );
  assert.ok(Number(f()[0].item()) < Number(before.item()));
});

test("checkpointed encoders have the gradients of plain ones, with dropout too", () => {
  const grads = (checkpoint: boolean): number[] => {
    mx.random.seed(4);
    const m = new nn.TransformerEncoder(2, 8, 2, { dropout: 0.3, checkpoint });
    const x = normal([2, 5, 8], 5);
    const [, g] = nn.valueAndGrad(m, () => m.forward(x, "causal").square().sum())();
    return mx.treeFlatten(g).flatMap(([, a]) => numbers(a));
  };
  const plain = grads(false);
  for (const [i, v] of grads(true).entries())
    assert.ok(Math.abs(v - (plain[i] ?? 0)) < 1e-4 * Math.max(1, Math.abs(v)), `${i}`);
});

test("attention takes masks by position, by name, by word", () => {
  const attention = new nn.MultiHeadAttention(8, 2);
  const x = normal([1, 4, 8], 6);
  const added = nn.MultiHeadAttention.createAdditiveCausalMask(4);
  const causal = attention.forward(x, x, x, "causal");
  near(attention.forward(x, x, x, { mask: "causal" }), causal, 1e-6);
  near(attention.forward(x, x, x, added), causal, 1e-5);
  near(attention.forward(x, x, x, mx.equal(added, 0)), causal, 1e-5);
  assert.equal(nn.MultiHeadAttention.createAdditiveCausalMask(2, mx.float16).dtype, mx.float16);
});

test("transformers take other encoders and decoders, and modules as activation", () => {
  class Twice extends nn.Module {
    forward(x: mx.NDArray): mx.NDArray {
      return x.multiply(2);
    }
  }
  const model = new nn.Transformer({
    dims: 8,
    numHeads: 2,
    numDecoderLayers: 1,
    customEncoder: new Twice(),
    activation: new nn.PReLU(),
  });
  const names = mx.treeFlatten(model.parameters()).map(([name]) => name);
  assert.ok(names.includes("decoder.layers.0.activation.weight"));
  assert.ok(!names.some((name) => name.startsWith("encoder")));
  assert.deepEqual(model.forward(mx.ones([1, 3, 8]), mx.ones([1, 4, 8])).shape, [1, 4, 8]);
});

test("pooling: overlapping, padded, with a rest that no window holds", () => {
  const x = mx.arange(7).astype(mx.float32).reshape([1, 7, 1]);
  const flat = (m: { forward(a: mx.NDArray): mx.NDArray }): number[] => numbers(m.forward(x));
  assert.deepEqual(flat(new nn.MaxPool1d(2)), [1, 3, 5]);
  assert.deepEqual(flat(new nn.MaxPool1d(3, 1)), [2, 3, 4, 5, 6]);
  assert.deepEqual(flat(new nn.MaxPool1d(3, { stride: 2, padding: 1 })), [1, 3, 5, 6]);
  assert.deepEqual(flat(new nn.AvgPool1d(2, 3)), [0.5, 3.5]);
  assert.deepEqual(
    flat(new nn.AvgPool1d([3], { padding: [1], stride: [3] })),
    [1 / 3, 3, 11 / 3].map(Math.fround),
  );
});

test("upsampling keeps constants constant, and averages when antialiased", () => {
  for (const mode of ["linear", "cubic"] as const) {
    for (const antialias of [false, true]) {
      for (const factor of [0.4, 1.7, 3]) {
        const y = new nn.Upsample(factor, { mode, antialias }).forward(mx.ones([1, 10, 5, 1]));
        assert.deepEqual(y.shape, [1, Math.trunc(factor * 10), Math.trunc(factor * 5), 1]);
        near(y, mx.onesLike(y), 1e-5);
      }
    }
  }
  const saw = mx.array([0, 1, 0, 1, 0, 1, 0, 1]).reshape([1, 8, 1]);
  const smooth = new nn.Upsample(0.5, { mode: "linear", antialias: true }).forward(saw);
  assert.ok(numbers(smooth).every((v) => v > 0.2 && v < 0.8));
  assert.deepEqual(new nn.Upsample(0.2).forward(mx.ones([1, 3, 1])).shape, [1, 0, 1]);
  const empty = new nn.Upsample(0.2, { mode: "linear", antialias: true });
  assert.deepEqual(empty.forward(mx.ones([1, 3, 1])).shape, [1, 0, 1]);
});

test("initialisers have the spread they promise", () => {
  mx.random.seed(9);
  const a = mx.zeros([200, 100]);
  const std = (x: mx.NDArray): number => Number(mx.std(x).item());
  const close = (x: number, y: number): void => assert.ok(Math.abs(x / y - 1) < 0.05, `${x} ${y}`);
  close(std(nn.init.glorotNormal()(a)), Math.sqrt(2 / 300));
  close(std(nn.init.glorotUniform()(a, 2)), 2 * Math.sqrt(2 / 300));
  close(std(nn.init.heNormal()(a)), 0.1);
  close(std(nn.init.heUniform()(a, { mode: "fan_out", gain: 3 })), 3 / Math.sqrt(200));
  close(std(nn.init.normal(1, { std: 0.5 })(a)), 0.5);
  const q = nn.init.orthogonal({ gain: 2 })(mx.zeros([4, 7]));
  near(q.matmul(q.transpose()), mx.eye(4).multiply(4), 1e-4);
  const rows = mx.sum(mx.equal(nn.init.sparse(0.3)(mx.zeros([5, 10])), 0), 1);
  assert.deepEqual(numbers(rows), [3, 3, 3, 3, 3]);
  assert.equal(nn.init.uniform({ dtype: mx.float16 })(a).dtype, mx.float16);
  const model = new nn.Linear(3, 3).apply((w) => nn.init.constant(0.5)(w));
  assert.deepEqual(numbers(model.forward(mx.ones([1, 3]))), [2, 2, 2]);
});

test("what does not fit is refused by name", () => {
  const bad = (x: unknown): never => x as never;
  const cases: readonly (readonly [() => unknown, RegExp])[] = [
    [() => new nn.Conv2d(3, 8, [3]), /Conv2d.*kernelSize.*2 of them, got \[3\]/],
    [() => new nn.Conv2d(3, 8, 3, { groups: 2 }), /Conv2d.*groups divide, got 3 and 2/],
    [() => new nn.Conv1d(3, 8, 0), /Conv1d.*kernelSize/],
    [() => new nn.Conv1d(3, 8, 3).forward(mx.ones([1, 8, 4])), /conv1d/],
    [() => new nn.ConvTranspose1d(3, 8, 3, bad({ groups: 3 })), /ConvTranspose1d.*"groups"/],
    [() => new nn.MaxPool2d([2, 2, 2]), /MaxPool2d.*kernelSize.*\[2, 2, 2\]/],
    [() => new nn.MaxPool2d(2, 0), /MaxPool2d.*stride/],
    [() => new nn.AvgPool1d(2, { padding: -1 }), /AvgPool1d.*padding/],
    [() => new nn.MaxPool1d(9).forward(mx.ones([1, 3, 1])), /MaxPool1d.*at least 9.*got 3/],
    [() => new nn.MaxPool1d(2).forward(mx.ones([3, 1])), /MaxPool1d.*3 axes/],
    [() => new nn.LayerNorm(3, 0), /LayerNorm.*eps/],
    [() => new nn.GroupNorm(3, 4), /GroupNorm.*4 and 3/],
    [() => new nn.BatchNorm(3, { momentum: 2 }), /BatchNorm.*momentum/],
    [() => new nn.BatchNorm(3).forward(mx.ones([1, 3])), /BatchNorm.*more than one value/],
    [() => new nn.BatchNorm(3).forward(mx.ones([3])), /BatchNorm.*two to four axes/],
    [() => new nn.InstanceNorm(3).forward(mx.ones([2, 3])), /InstanceNorm.*three axes/],
    [() => new nn.MultiHeadAttention(7, 2), /MultiHeadAttention.*7 and 2/],
    [() => new nn.SinusoidalPositionalEncoding(3), /even dims, got 3/],
    [() => new nn.Upsample(-1), /Upsample.*scaleFactor/],
    [() => new nn.Upsample(2, bad("area")), /Upsample.*"area"/],
    [() => new nn.Upsample(2, { antialias: true }), /Upsample.*antialias/],
    [() => new nn.Upsample([2, 2]).forward(mx.ones([1, 3, 1])), /Upsample.*4 axes/],
    [() => new nn.GELU(bad("exact")), /GELU.*"exact"/],
    [() => new nn.PReLU(0), /PReLU.*numParameters/],
    [() => new nn.LeakyReLU(bad("steep")), /LeakyReLU.*negativeSlope/],
    [() => new nn.RNN(3, 4, { nonlinearity: bad(3) }), /RNN.*nonlinearity/],
    [() => new nn.LSTM(3, 4).forward(mx.ones([2, 5])), /LSTM.*steps, 3\]/],
    [() => new nn.GRU(3, 4).forward(mx.ones([0, 3])), /GRU.*one step/],
    [() => new nn.TransformerEncoder(0, 8, 2), /TransformerEncoder.*numLayers/],
    [() => new nn.TransformerEncoderLayer(8, 2, { activation: bad("relu") }), /activation/],
    [() => new nn.Transformer(bad({ heads: 2 })), /Transformer.*"heads"/],
    [() => nn.init.identity()(mx.zeros([2, 3])), /init\.identity.*square/],
    [() => nn.init.heNormal()(mx.zeros([3])), /init\.heNormal.*two axes/],
    [() => nn.init.heNormal()(mx.zeros([3, 3]), bad({ mode: "fan" })), /fan_in/],
    [() => nn.init.sparse(2), /init\.sparse.*0 to 1/],
    [() => nn.init.orthogonal()(mx.zeros([3])), /init\.orthogonal.*two axes/],
    [() => new nn.QuantizedLinear(48, 4), /48/],
    [() => new nn.QuantizedLinear(64, 4, { bits: 9 }), /QuantizedLinear.*bits/],
    [() => new nn.Linear(64, 4).toQuantized({ quantizeInput: true }), /quantizeInput/],
    [() => new nn.Embedding(4, 64).toQuantized({ quantizeInput: true }), /row numbers/],
  ];
  for (const [make, message] of cases) {
    assert.throws(make, (e) => {
      assert.ok(e instanceof mx.CotangentError, String(e));
      assert.match(e.message, message);
      return true;
    });
  }
});

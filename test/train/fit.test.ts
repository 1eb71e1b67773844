/** The loop: steps as in a loop of one's own, accumulation, short dtypes, stops, and what goes wrong. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import * as nn from "../../src/nn/index.js";
import * as optim from "../../src/optimizers/index.js";
import * as train from "../../src/train/index.js";

interface Batch {
  readonly x: mx.NDArray;
  readonly y: mx.NDArray;
}

class MLP extends nn.Module {
  first: nn.Linear;
  second: nn.Linear;
  constructor() {
    super();
    mx.random.seed(7);
    this.first = new nn.Linear(3, 8);
    this.second = new nn.Linear(8, 1);
  }
  forward(x: mx.NDArray): mx.NDArray {
    return this.second.forward(nn.tanh(this.first.forward(x)));
  }
}

const x = mx.random.normal([48, 3], { key: mx.random.key(1) });
const y = mx.sin(x).sum(1, { keepdims: true });
const loss = (m: MLP, b: Batch): mx.NDArray => nn.losses.mseLoss(m.forward(b.x), b.y);
const data = (size = 16): train.Dataset<{ x: mx.NDArray; y: mx.NDArray }> =>
  train.dataset({ x, y }, size, { shuffle: 5 });
const weights = (m: nn.Module): number[] =>
  mx
    .treeFlatten(m.parameters())
    .flatMap(([, a]) => [...(a as mx.NDArray).flatten().dataSync()].map(Number));
const close = (a: readonly number[], b: readonly number[], tolerance: number): void => {
  assert.equal(a.length, b.length);
  for (const [i, v] of a.entries())
    assert.ok(Math.abs(v - (b[i] ?? Number.NaN)) <= tolerance, `${v} against ${b[i]} at ${i}`);
};

test("fit takes the steps that a loop of one's own takes, compiled or not", async () => {
  const own = new MLP();
  const opt = new optim.Adam(0.01);
  const both = nn.valueAndGrad(own, (b: Batch) => loss(own, b));
  const losses: number[] = [];
  for (let epoch = 0; epoch < 4; epoch++) {
    for await (const batch of data().epoch(epoch)) {
      const [value, grads] = both(batch);
      opt.update(own, grads);
      losses.push(Number(value.item()));
    }
  }
  for (const compile of [true, false]) {
    const model = new MLP();
    const run = await train.fit(model, loss, new optim.Adam(0.01), data(), { epochs: 4, compile });
    assert.equal(run.step, 12);
    close(
      run.losses.map((p) => p.loss),
      losses,
      1e-5,
    );
    close(weights(model), weights(own), 1e-4);
    assert.equal(run.stopped, null);
  }
});

test("gradients of several batches are those of one large batch", async () => {
  const [small, large] = [new MLP(), new MLP()];
  const plain = train.dataset({ x, y }, 8);
  const a = await train.fit(small, loss, new optim.SGD(0.1), plain, {
    epochs: 3,
    accumulate: 3,
    clip: 1,
  });
  const b = await train.fit(large, loss, new optim.SGD(0.1), train.dataset({ x, y }, 24), {
    epochs: 3,
    clip: 1,
  });
  assert.equal(a.step, 6);
  assert.equal(b.step, 6);
  close(weights(small), weights(large), 1e-5);
  // Five batches an epoch leave some over, which count for the next epoch.
  const odd = await train.fit(new MLP(), loss, new optim.SGD(0.1), train.dataset({ x, y }, 10), {
    epochs: 2,
    accumulate: 4,
  });
  assert.equal(odd.step, 2);
});

test("in bfloat16 the parameters stay float32, and the loss falls", async () => {
  const model = new MLP();
  const seen: string[] = [];
  const spy = (m: MLP, b: Batch): mx.NDArray => {
    seen.push(b.x.dtype.name, m.first.weight.dtype.name, m.forward(b.x).dtype.name);
    return loss(m, b);
  };
  const run = await train.fit(model, spy, new optim.Adam(0.02), data(), {
    epochs: 30,
    dtype: mx.bfloat16,
  });
  assert.deepEqual([...new Set(seen)], ["bfloat16"]);
  assert.equal(model.first.weight.dtype, mx.float32);
  assert.ok(run.average < 0.3 * (run.losses[0]?.loss ?? 0));
  // Small updates are not lost: they are made in float32.
  const slow = new MLP();
  const before = weights(slow);
  await train.fit(slow, loss, new optim.SGD(1e-6), data(), { steps: 1, dtype: mx.bfloat16 });
  const moved = weights(slow).filter((w, i) => w !== before[i]).length;
  assert.ok(moved > before.length / 2, `${moved} of ${before.length} moved`);
});

test("validation is measured at the end of epochs, or every so many steps, out of training mode", async () => {
  const model = new MLP();
  const modes: boolean[] = [];
  const watch = (m: MLP, b: Batch): mx.NDArray => {
    modes.push(m.training);
    return loss(m, b);
  };
  const validation = train.dataset({ x, y }, 20);
  const options = { validation, validationLoss: watch };
  const run = await train.fit(model, loss, new optim.SGD(0.05), data(), { epochs: 2, ...options });
  assert.deepEqual(
    run.validations.map((p) => p.step),
    [3, 6],
  );
  assert.ok(!modes.includes(true) && model.training);
  const whole = Number(loss(model, { x, y }).item());
  assert.ok(Math.abs((run.validations.at(-1)?.loss ?? 0) - whole) < 1e-5);
  const often = await train.fit(model, loss, new optim.SGD(0.05), data(), {
    steps: 5,
    validateEvery: 2,
    ...options,
  });
  assert.deepEqual(
    often.validations.map((p) => p.step),
    [2, 4, 5],
  );
});

test("a run stops early when the loss no longer falls, or a signal says so", async () => {
  const run = await train.fit(new MLP(), loss, new optim.SGD(0), data(), {
    epochs: 50,
    validation: data(),
    callbacks: [train.earlyStop({ patience: 2 })],
  });
  assert.equal(run.epoch, 3);
  assert.match(run.stopped ?? "", /has not fallen/);
  const stop = new AbortController();
  const events: string[] = [];
  const aborted = await train.fit(new MLP(), loss, new optim.SGD(0.1), data(), {
    epochs: 9,
    signal: stop.signal,
    callbacks: [
      {
        onStart: () => void events.push("start"),
        onStep: async (r) => {
          await Promise.resolve();
          if (r.step === 4) stop.abort();
        },
        onEpoch: () => void events.push("epoch"),
        onEnd: () => void events.push("end"),
      },
    ],
  });
  assert.equal(aborted.step, 4);
  assert.equal(aborted.stopped, "aborted");
  assert.deepEqual(events, ["start", "epoch", "end"]);
});

test("a loss that is not a number stops the run and names the step", async () => {
  const wild = (m: MLP, b: Batch): mx.NDArray => loss(m, b).multiply(1e38);
  await assert.rejects(
    train.fit(new MLP(), wild, new optim.SGD(1), data(), { epochs: 5 }),
    (e) => e instanceof train.TrainingError && /at step 2: pass locateNaN/.test(e.message),
  );
});

test("asked to, it names the layer, the gradient or the parameter, and leaves the model as it was", async () => {
  class Root extends nn.Module {
    inner = new nn.Linear(1, 1);
    forward(v: mx.NDArray): mx.NDArray {
      return mx.log(this.inner.forward(v));
    }
  }
  class Deep extends nn.Module {
    body = [new nn.Linear(3, 1), new Root()] as const;
    forward(v: mx.NDArray): mx.NDArray {
      return this.body[1].forward(this.body[0].forward(v));
    }
  }
  const model = new Deep();
  const before = weights(model);
  const own = (m: Deep, b: Batch): mx.NDArray => m.forward(b.x).sum();
  await assert.rejects(
    train.fit(model, own, new optim.SGD(1), data(), { locateNaN: true }),
    /at step 1: the first layer with a result that is not finite is body\.1 \(Root\)/,
  );
  assert.deepEqual(weights(model), before);
  assert.ok(!Object.hasOwn(model, "forward"));

  class Root0 extends nn.Module {
    w = mx.zeros([3]);
  }
  // The derivative of the root is infinite at 0, its value is not.
  const root = (m: Root0): mx.NDArray => mx.sqrt(m.w).sum();
  await assert.rejects(
    train.fit(new Root0(), root, new optim.SGD(1), data(), { locateNaN: true }),
    /the gradient of w not finite at step 1/,
  );
  const broken = new MLP();
  broken.second.bias = mx.array([Number.NaN]);
  await assert.rejects(
    train.fit(broken, loss, new optim.SGD(1), data(), { locateNaN: true }),
    /the parameter second\.bias is not finite/,
  );
});

test("data that end before the steps are taken", async () => {
  const once = [{ x: 1 }, { x: 2 }].values();
  const model = new MLP();
  const simple = (m: MLP, b: { x: mx.NDArray }): mx.NDArray =>
    m.forward(mx.broadcastTo(b.x.reshape([-1, 1]), [b.x.size, 3])).sum();
  await assert.rejects(
    train.fit(model, simple, new optim.SGD(1e-3), train.dataset(once, 1), { steps: 5 }),
    (e) => e instanceof train.TrainingError && /used up/.test(e.message),
  );
  await assert.rejects(
    train.fit(model, simple, new optim.SGD(1), train.dataset(new Set<{ x: number }>(), 1)),
    (e) => e instanceof train.TrainingError && /expected batches in epoch 1/.test(e.message),
  );
});

test("bad options are refused by name", async () => {
  const bad: readonly [Record<string, unknown>, RegExp][] = [
    [{ epoch: 3 }, /epoch/],
    [{ steps: 0 }, /steps/],
    [{ accumulate: 1.5 }, /accumulate/],
    [{ validateEvery: -1 }, /validateEvery/],
  ];
  for (const [options, message] of bad) {
    const call = async (): Promise<unknown> =>
      Reflect.apply(train.fit, null, [new MLP(), loss, new optim.SGD(1), data(), options]);
    await assert.rejects(call, (e) => e instanceof mx.ArgumentError && message.test(e.message));
  }
});

/** State of compiled steps is updated in the memory it is in, unless anybody can still see the old values. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as mx from "../../src/index.js";
import * as optim from "../../src/optimizers/index.js";
import { defaultEngine } from "../../src/runtime/default-engine.js";

const engine = defaultEngine();
const live = (): number => engine.device.memory().activeBytes;

interface Model {
  w: mx.NDArray;
  b: mx.NDArray;
  v: mx.NDArray;
}

const initial = (): Model => ({
  w: mx.random.normal([64, 128], { key: mx.random.key(1) }).multiply(0.1),
  b: mx.zeros([128]),
  v: mx.random.normal([128, 32], { key: mx.random.key(2) }).multiply(0.1),
});

const lossOf = (p: Model, x: mx.NDArray, y: mx.NDArray): mx.NDArray =>
  mx.square(mx.tanh(x.matmul(p.w).add(p.b)).matmul(p.v).subtract(y)).mean();

const data = (i: number): [mx.NDArray, mx.NDArray] => [
  mx.random.normal([16, 64], { key: mx.random.key(10 + i) }),
  mx.random.normal([16, 32], { key: mx.random.key(90 + i) }),
];

const optimizers: readonly [name: string, make: () => optim.Optimizer][] = [
  ["SGD", () => new optim.SGD(0.05)],
  ["SGD with momentum", () => new optim.SGD(0.05, { momentum: 0.9 })],
  ["Adam", () => new optim.Adam(0.01)],
  ["AdamW", () => new optim.AdamW(0.01, { biasCorrection: true, weightDecay: 0.1 })],
];

/** A training step as it is and compiled, on models and optimizers of their own. */
const trainers = (
  make: () => optim.Optimizer,
): readonly { model: Model; step: (x: mx.NDArray, y: mx.NDArray) => mx.NDArray }[] =>
  [false, true].map((compiled) => {
    const model = initial();
    const opt = make();
    opt.init(model);
    const step = (x: mx.NDArray, y: mx.NDArray): mx.NDArray => {
      const [value, gradients] = mx.valueAndGrad(lossOf)(model, x, y);
      opt.update(model, gradients);
      return value;
    };
    const state = [model, opt];
    mx.eval(model, opt.state);
    return {
      model,
      step: compiled ? mx.compile(step, { inputs: state, outputs: state }) : step,
    };
  });

describe("a compiled training step", () => {
  for (const [name, make] of optimizers) {
    test(`${name}: one submission, nothing lasting allocated, the same numbers`, () => {
      const [eager, compiled] = trainers(make);
      assert.ok(eager && compiled);
      const bytes: number[] = [];
      for (let i = 0; i < 8; i++) {
        const [x, y] = data(i);
        mx.eval(x, y);
        const before = live();
        const submitted = engine.submissions;
        const value = compiled.step(x, y).eval();
        // Tracing computes what no call changes.
        if (i > 1) assert.equal(engine.submissions, submitted + 1);
        // The loss is a number; all else is where it was.
        bytes.push(live() - before);
        const want: mx.NDArray = eager.step(x, y);
        assert.ok(mx.allclose(value, want, { rtol: 1e-4 }).item(), `step ${i}`);
        mx.eval(eager.model);
      }
      for (const [i, n] of bytes.entries())
        if (i >= 3) assert.ok(n <= 64, `step ${i} left ${n} bytes: ${bytes.join(" ")}`);
      for (const key of ["w", "b", "v"] as const)
        assert.ok(mx.allclose(compiled.model[key], eager.model[key], { atol: 1e-4 }).item(), key);
    });
  }

  test("steps that nobody evaluated one by one", () => {
    const [eager, compiled] = trainers(() => new optim.Adam(0.01));
    assert.ok(eager && compiled);
    for (let i = 0; i < 6; i++) {
      const [x, y] = data(i);
      eager.step(x, y);
      compiled.step(x, y);
    }
    assert.ok(mx.allclose(compiled.model.w, eager.model.w, { atol: 1e-4 }).item());
  });
});

/** A step that doubles its state, after it has been evaluated once. */
const doubling = (): { state: { w: mx.NDArray }; step: () => void } => {
  const state = { w: mx.arange(4096).astype(mx.float32).eval() };
  const step = mx.compile(
    () => {
      state.w.set(null, state.w.multiply(2));
    },
    { inputs: state, outputs: state },
  );
  return { state, step };
};
const second = (x: mx.NDArray): unknown => x.get(1).item();

describe("old values that can still be seen stay", () => {
  /** Whether the step wrote over the old value. */
  const inPlace = (state: { w: mx.NDArray }, step: () => void): boolean => {
    const { data: old } = state.w.node;
    step();
    state.w.eval();
    return state.w.node.data === old;
  };

  test("nobody sees them: in place", () => {
    const { state, step } = doubling();
    assert.ok(inPlace(state, step));
    assert.ok(inPlace(state, step));
    assert.equal(second(state.w), 4);
  });

  test("by an array that waits for being computed", () => {
    const { state, step } = doubling();
    const waiting = state.w.add(1);
    assert.ok(!inPlace(state, step));
    assert.equal(second(waiting), 2);
    assert.ok(inPlace(state, step));
    assert.equal(second(state.w), 4);
  });

  test("by another handle", () => {
    const { state, step } = doubling();
    const old = mx.array(state.w);
    const same = new mx.NDArray(state.w.node);
    assert.ok(!inPlace(state, step));
    assert.deepEqual([second(old), second(same), second(state.w)], [1, 1, 2]);
  });

  test("by a value that is the same bytes", () => {
    const { state, step } = doubling();
    const same = mx.stopGradient(state.w.reshape([64, 64]).reshape([4096])).eval();
    step();
    assert.equal(second(state.w), 2);
    assert.equal(second(same), 1);
  });

  test("as a constant of another compiled function", () => {
    const { state, step } = doubling();
    const plus = mx.compile((x: mx.NDArray) => x.add(state.w));
    const zero = mx.zeros([4096]);
    assert.equal(second(plus(zero)), 1);
    assert.ok(!inPlace(state, step));
    assert.ok(inPlace(state, step));
    assert.equal(second(plus(zero)), 1);
  });

  test("by a read that has begun", async () => {
    const { state, step } = doubling();
    const reading = state.w.data();
    assert.ok(!inPlace(state, step));
    assert.equal((await reading)[1], 1);
    assert.equal(second(state.w), 2);
  });

  test("inside a transform that goes on", () => {
    const { state, step } = doubling();
    const g = mx.grad((x: mx.NDArray) => {
      const y = x.multiply(state.w).sum();
      step();
      assert.equal(second(state.w), 2);
      return y;
    })(mx.ones([4096]));
    assert.equal(second(g), 1);
  });

  test("with asynchronous evaluation, which others may look at", async () => {
    const { state, step } = doubling();
    step();
    const later = mx.asyncEval(state.w);
    assert.equal(second(state.w), 2);
    await later;
    assert.equal(second(state.w), 2);
  });
});

test("a step that fails while it overwrites says so afterwards", () => {
  const state = { w: mx.arange(4096).astype(mx.float32).eval() };
  const step = mx.compile(
    (at: mx.NDArray) => {
      state.w.set(null, state.w.multiply(2).add(mx.take(state.w, at).sum()));
    },
    { inputs: state, outputs: state },
  );
  step(mx.array([0], mx.int32));
  assert.equal(state.w.dataSync()[1], 2);
  step(mx.array([5000], mx.int32));
  assert.throws(() => state.w.eval(), { name: "IndexError" });
  assert.throws(() => state.w.eval(), { name: "DeviceError", message: /begun to overwrite/ });
});

test("a step refuses disposed arguments before it writes anything", () => {
  const state = { w: mx.ones([4096]).eval() };
  const step = mx.compile(
    (x: mx.NDArray) => {
      state.w.set(null, state.w.add(x));
    },
    { inputs: state, outputs: state },
  );
  const x = mx.ones([4096]).eval();
  step(x);
  const { w } = state;
  x.dispose();
  assert.throws(() => w.eval());
  assert.throws(() => w.eval(), { name: "DeviceError", message: /disposed/ });
});

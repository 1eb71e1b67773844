/** Every optimizer: it descends, under compile as without, and its state goes through a file; and MultiOptimizer's parts. */
import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import * as optim from "../../src/optimizers/index.js";

const makers: Readonly<Record<string, () => optim.Optimizer>> = {
  SGD: () => new optim.SGD(0.02, { momentum: 0.9, nesterov: true }),
  RMSprop: () => new optim.RMSprop(0.02),
  Adagrad: () => new optim.Adagrad(0.3),
  AdaDelta: () => new optim.AdaDelta(20),
  Adam: () => new optim.Adam(0.05, { biasCorrection: true }),
  AdamW: () => new optim.AdamW(optim.cosineDecay(0.05, 200)),
  Adamax: () => new optim.Adamax(0.05),
  Lion: () => new optim.Lion(0.03, { weightDecay: 0.01 }),
  Adafactor: () => new optim.Adafactor(0.05, { relativeStep: false, beta1: 0.9 }),
  Muon: () => new optim.Muon(optim.linearSchedule(0.1, 0.005, 100)),
  MultiOptimizer: () =>
    new optim.MultiOptimizer(
      [new optim.Muon(optim.linearSchedule(0.1, 0.005, 100)), new optim.Adam(0.05)],
      [(path) => path.endsWith("w")],
    ),
};

interface Params {
  layers: { w: mx.NDArray; b: mx.NDArray }[];
}

const start = (): Params => ({
  layers: [{ w: mx.random.normal([3, 4], { key: mx.random.key(1) }), b: mx.zeros([4]) }],
});
const target = mx.array([
  [1, -2, 0.5, 0],
  [0, 1, 1, -1],
  [2, 0, -1, 0.5],
]);
const loss = (p: Params): mx.NDArray => {
  const [layer] = p.layers;
  assert.ok(layer);
  return mx.add(mx.square(layer.w.subtract(target)).sum(), mx.square(layer.b.subtract(0.5)).sum());
};
const gradient = mx.grad(loss);
const leaves = (tree: unknown): [string, mx.NDArray][] =>
  mx.treeFlatten(tree).flatMap(([path, x]) => (x instanceof mx.NDArray ? [[path, x]] : []));

for (const [name, make] of Object.entries(makers)) {
  test(`${name} descends, and a compiled step takes the same way`, () => {
    const eager = start();
    const before = Number(loss(eager).item());
    const opt = make();
    const compiled = start();
    const other = make();
    // The state is listed before the first update has filled it.
    const captured = [compiled, other.state];
    let traces = 0;
    const step = mx.compile(
      () => {
        traces++;
        other.update(compiled, gradient(compiled));
      },
      { inputs: captured, outputs: captured },
    );
    for (let i = 0; i < 100; i++) {
      opt.update(eager, gradient(eager));
      step();
      mx.eval(eager, opt.state, compiled, other.state);
    }
    const after = Number(loss(eager).item());
    assert.ok(after < 0.15 * before, `loss from ${before} to ${after}`);
    assert.ok(traces <= 2, `${traces} traces`);
    for (const [path, x] of leaves(eager)) {
      const same = leaves(compiled).find(([p]) => p === path)?.[1];
      assert.ok(same && mx.allclose(x, same, { rtol: 1e-3, atol: 1e-3 }).item(), path);
    }
  });

  test(`${name}'s state goes through a file`, async () => {
    const params = start();
    const opt = make();
    const run = (o: optim.Optimizer, p: Params, n: number): void => {
      for (let i = 0; i < n; i++) o.update(p, gradient(p));
    };
    run(opt, params, 3);
    const file = join(await mkdtemp(join(tmpdir(), "optim-")), "state.safetensors");
    await mx.saveSafetensors(file, Object.fromEntries(leaves(opt.state)));
    const second = make();
    const loaded: unknown = await mx.load(file);
    assert.ok(typeof loaded === "object" && loaded !== null);
    const arrays = Object.entries(loaded).flatMap(([k, x]): [string, mx.NDArray][] =>
      x instanceof mx.NDArray ? [[k, x]] : [],
    );
    const tree: unknown = mx.treeUnflatten(arrays);
    assert.ok(typeof tree === "object" && tree !== null);
    second.state = { ...tree };
    const copy: Params = {
      layers: params.layers.map(({ w, b }) => ({ w: w.add(0), b: b.add(0) })),
    };
    run(opt, params, 2);
    run(second, copy, 2);
    assert.deepEqual(copy.layers[0]?.w.tolist(), params.layers[0]?.w.tolist());
    assert.equal(second.step.item(), 5n);
  });
}

test("a MultiOptimizer gives each parameter to one optimizer, and undoes all of them after an error", () => {
  const sgd = new optim.SGD(1);
  const rest = new optim.SGD(0.5);
  const opt = new optim.MultiOptimizer([sgd, rest], { filters: [(path) => path === "a.0"] });
  const params = { a: [mx.ones([1]), mx.ones([1])], b: mx.ones([1]) };
  const after = opt.applyGradients(params, params);
  assert.deepEqual([after.a[0]?.item(), after.a[1]?.item(), after.b.item()], [0, 0.5, 0.5]);
  assert.deepEqual(Object.keys(sgd.state).sort(), ["a", "learningRate", "step"]);
  const bad = { a: [mx.ones([1]), mx.ones([2])], b: mx.ones([1]) };
  assert.throws(() => opt.applyGradients(bad, params), mx.ShapeError);
  assert.equal(sgd.step.item(), 1n);
  assert.equal(rest.step.item(), 1n);
  opt.learningRate = 0.25;
  assert.equal(rest.learningRate.item(), 0.25);
  assert.throws(() => new optim.MultiOptimizer([sgd, rest]), mx.ArgumentError);
  assert.throws(() => Reflect.set(opt, "state", { states: [] }), mx.ArgumentError);
});

test("Muon's step has orthogonal rows, or columns when there are more rows", () => {
  for (const shape of [
    [3, 5],
    [6, 2],
    [4, 2, 3],
  ]) {
    const w = mx.zeros(shape);
    const g = mx.random.normal(shape, { key: mx.random.key(3) });
    const opt = new optim.Muon(1, { weightDecay: 0, nsSteps: 8 });
    const [rows = 1, ...others] = shape;
    const columns = others.reduce((n, x) => n * x, 1);
    const step = opt.applyGradients([g], [w])[0]?.reshape([rows, columns]);
    assert.ok(step);
    const [last = 1, but = 1] = [shape.at(-1), shape.at(-2)];
    const x = step.divide(Math.sqrt(Math.max(1, but / last)));
    const gram = rows > columns ? x.transpose().matmul(x) : x.matmul(x.transpose());
    const off = mx.abs(gram.subtract(mx.eye(gram.shape[0] ?? 0))).max();
    assert.ok(Number(off.item()) < 0.6, `${shape}: ${off.item()}`);
  }
});

test("bad hyperparameters name the optimizer", () => {
  const bad: readonly [() => unknown, RegExp][] = [
    [() => new optim.RMSprop(0.1, { alpha: -1 }), /\[RMSprop\] expected alpha/],
    [() => new optim.RMSprop(0.1, { eps: 0 }), /\[RMSprop\] expected eps/],
    [() => new optim.Adagrad(0.1, { eps: -1 }), /\[Adagrad\] expected eps/],
    [() => new optim.AdaDelta(0.1, { rho: Number.NaN }), /\[AdaDelta\] expected rho/],
    [() => new optim.Adamax(0.1, { betas: [0.9, 1] }), /\[Adamax\] expected betas/],
    [() => new optim.Lion(0.1, { betas: [-1, 0] }), /\[Lion\] expected betas/],
    [() => new optim.Adafactor(null, { relativeStep: false }), /\[Adafactor\] expected a learn/],
    [() => Reflect.construct(optim.Adamax, [0.1, { biasCorrection: true }]), /\[Adamax\]/],
    [() => Reflect.construct(optim.Muon, [0.1, { steps: 3 }]), /\[Muon\]/],
  ];
  for (const [make, message] of bad) {
    assert.throws(make, (e) => e instanceof mx.ArgumentError && message.test(e.message));
  }
});

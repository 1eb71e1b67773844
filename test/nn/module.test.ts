/** Modules: which fields are parameters, walking, freezing, updating, modes, printing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import * as nn from "../../src/nn/index.js";

class Block extends nn.Module {
  readonly size = 4;
  first: nn.Linear = new nn.Linear(2, 3);
  parts: { gain: mx.NDArray; inner: nn.Linear[] } = {
    gain: mx.ones([3]),
    inner: [new nn.Linear(3, 3, { bias: false })],
  };
  offsets: readonly number[] = [1, 2];
  activation: (x: mx.NDArray) => mx.NDArray = nn.relu;
  _table: mx.NDArray = mx.ones([7]);
  #secret: mx.NDArray = mx.ones([9]);

  forward(x: mx.NDArray): mx.NDArray {
    const [inner] = this.parts.inner;
    const y = this.activation(this.first.forward(x)).multiply(this.parts.gain);
    return (inner?.forward(y) ?? y).add(this.#secret.sum().multiply(0));
  }
}

const names = (tree: unknown): string[] => mx.treeFlatten(tree).map(([name]) => name);

test("public fields with arrays are parameters, at any depth", () => {
  const block = new Block();
  assert.deepEqual(names(block.parameters()), [
    "first.weight",
    "first.bias",
    "parts.gain",
    "parts.inner.0.weight",
  ]);
  assert.deepEqual(Object.keys(block.parameters()), ["first", "parts"]);
  assert.deepEqual(names(block.children()), names(block.children()));
  assert.deepEqual(
    block.namedModules().map(([path]) => path),
    ["", "parts.inner.0", "first"],
  );
  assert.equal(block.modules()[0], block);
});

test("leaf modules are those without modules in them", () => {
  const model = new nn.Sequential(new nn.Sequential(new nn.ReLU(), nn.tanh), new nn.Tanh());
  const leaves = mx.treeFlatten<unknown>(model.leafModules(), { isLeaf: nn.Module.isModule });
  assert.deepEqual(
    leaves.map(([path]) => path),
    ["layers.0.layers.0", "layers.1"],
  );
});

test("freezing by name, with and without recursion", () => {
  const model = new nn.Sequential(new nn.Linear(2, 2), new nn.Linear(2, 2));
  model.freeze({ keys: "bias" });
  assert.deepEqual(names(model.trainableParameters()), ["layers.0.weight", "layers.1.weight"]);
  model.unfreeze({ keys: ["bias"], recurse: false });
  assert.deepEqual(names(model.trainableParameters()), ["layers.0.weight", "layers.1.weight"]);
  model.layers[1].unfreeze();
  assert.equal(names(model.trainableParameters()).length, 3);
  model.freeze();
  assert.deepEqual(mx.treeFlatten(model.trainableParameters()), []);
  assert.equal(names(model.parameters()).length, 4);
  model.unfreeze();
  assert.equal(names(model.trainableParameters()).length, 4);
  assert.throws(() => model.freeze({ keys: "nope", strict: true }), /freeze.*"nope"/);
  model.freeze({ keys: "nope" });
});

test("freezing a record of arrays leaves its modules alone", () => {
  const block = new Block();
  block.freeze({ recurse: false });
  assert.deepEqual(names(block.trainableParameters()), [
    "first.weight",
    "first.bias",
    "parts.inner.0.weight",
  ]);
});

test("update takes parts, keeps handles, and changes all or nothing", () => {
  const layer = new nn.Linear(2, 1);
  const { weight } = layer;
  const before = layer.parameters();
  const old = before.weight.tolist();
  layer.update({ weight: mx.zeros([1, 2]) });
  assert.equal(layer.weight, weight);
  assert.deepEqual(weight.tolist(), [[0, 0]]);
  assert.deepEqual(before.weight.tolist(), old, "what parameters() gave keeps its values");
  const bias = layer.bias?.tolist();
  assert.throws(() => layer.update({ bias: mx.ones([1]), nope: mx.ones([1]) }), mx.ArgumentError);
  assert.throws(() => layer.update({ bias: mx.ones([1]), weight: [1] }), /weight.*list of 1/);
  assert.deepEqual(layer.bias?.tolist(), bias);
  layer.update({ bias: mx.ones([1]), nope: mx.ones([1]) }, { strict: false });
  assert.deepEqual(layer.bias?.tolist(), [1]);
  layer.update({ bias: mx.array([2]), nope: mx.ones([1]) }, false);
  assert.deepEqual(layer.bias?.tolist(), [2]);
});

test("update names the place of what does not fit", () => {
  const model = new nn.Sequential(new nn.Linear(2, 2));
  assert.throws(
    () => model.update({ layers: [{ weight: 3 }] }),
    /"layers\.0\.weight", got number 3/,
  );
  assert.throws(() => model.update({ layers: [{}, { weight: mx.ones([2]) }] }), /"layers\.1"/);
  assert.throws(() => model.update({ layers: { weight: mx.ones([2]) } }), /a list at "layers"/);
  model.update({ layers: [{}] });
});

test("parameters may be swapped with each other", () => {
  const pair = new (class extends nn.Module {
    a: mx.NDArray = mx.array([1]);
    b: mx.NDArray = mx.array([2]);
  })();
  pair.update({ a: pair.b, b: pair.a });
  assert.deepEqual([pair.a.item(), pair.b.item()], [2, 1]);
});

test("tied parameters part when they are updated, as in MLX", () => {
  const shared = mx.array([1]);
  const pair = new (class extends nn.Module {
    a: mx.NDArray = shared;
    b: mx.NDArray = shared;
  })();
  pair.update({ a: mx.array([3]), b: mx.array([4]) });
  assert.deepEqual([pair.a.item(), pair.b.item()], [3, 4]);
});

test("updates inside of tidy last", () => {
  const shared = mx.array([1]);
  const pair = new (class extends nn.Module {
    a: mx.NDArray = shared;
    b: mx.NDArray = shared;
  })();
  mx.tidy(() => {
    pair.update({ a: pair.a.add(1), b: pair.b.add(2) });
  });
  assert.deepEqual([pair.a.item(), pair.b.item()], [2, 3]);
});

test("updateModules puts modules into places of modules", () => {
  const model = new nn.Sequential<nn.UnaryLayer[]>(new nn.Linear(2, 2), new nn.ReLU());
  const tanh = new nn.Tanh();
  model.updateModules({ layers: [{}, tanh] });
  assert.equal(model.layers[1], tanh);
  assert.throws(() => model.updateModules({ nope: tanh }), mx.ArgumentError);
  assert.throws(() => model.updateModules({ layers: [{ weight: tanh }] }), /layers\.0\.weight/);
  model.updateModules({ nope: tanh }, { strict: false });
});

test("apply and setDtype", () => {
  const model = new nn.Sequential(new nn.Linear(2, 2), nn.relu);
  model.apply(
    (x) => mx.onesLike(x),
    (_, key) => key !== "bias",
  );
  assert.deepEqual(model.layers[0].weight.tolist(), [
    [1, 1],
    [1, 1],
  ]);
  assert.notDeepEqual(model.layers[0].bias?.tolist(), [1, 1]);
  model.setDtype(mx.bfloat16);
  assert.equal(model.layers[0].weight.dtype, mx.bfloat16);
  model.setDtype(mx.float32, (d) => d === mx.float16);
  assert.equal(model.layers[0].weight.dtype, mx.bfloat16);
  model.layers[0].weight = mx.ones([2, 2], mx.int32);
  model.setDtype(mx.float32);
  assert.equal(model.layers[0].weight.dtype, mx.int32);
  model.setDtype(mx.float16, null);
  assert.equal(model.layers[0].weight.dtype, mx.float16);
});

test("train and eval reach every module", () => {
  const model = new nn.Sequential(new nn.Dropout(0.5), new nn.Sequential(new nn.Dropout(0.5)));
  assert.ok(model.modules().every((m) => m.training));
  assert.equal(model.eval(), model);
  assert.ok(model.modules().every((m) => !m.training));
  model.train();
  assert.ok(model.modules().every((m) => m.training));
});

test("filterAndMap sees dotted keys and leaves gaps in lists", () => {
  const block = new Block();
  const seen: string[] = [];
  block.filterAndMap((module, key) => {
    if (module === block) seen.push(key);
    return true;
  });
  assert.deepEqual(seen, [
    "first",
    "parts",
    "parts.gain",
    "parts.inner",
    "parts.inner.0",
    "_table",
  ]);
  const tree = block.filterAndMap(
    (_, key) => key !== "parts.gain",
    () => 1,
  );
  assert.deepEqual(tree.parts, { gain: {}, inner: [{ weight: 1 }] });
});

test("printing shows the tree with numbers of parameters", () => {
  const model = new nn.Sequential(new nn.Linear(2, 8), nn.relu, new nn.Linear(8, 1));
  model.layers[0].freeze({ keys: "weight" });
  assert.equal(
    String(model),
    [
      "Sequential(",
      "  (layers.0): Linear(inputDims=2, outputDims=8, bias=true) # 24 parameters, 16 frozen",
      "  (layers.2): Linear(inputDims=8, outputDims=1, bias=true) # 9 parameters",
      ") # 33 parameters, 16 frozen",
    ].join("\n"),
  );
  assert.equal(String(new nn.Identity(3, { a: 1 })), "Identity()");
});

test("eval, dispose and tidy see the arrays of modules", () => {
  const model = new nn.Linear(3, 2);
  model.update({ weight: mx.ones([2, 3]).multiply(2) });
  mx.eval(model);
  assert.notEqual(model.weight.node.data, null);
  const made = mx.tidy(() => new nn.Linear(2, 2));
  assert.equal(made.forward(mx.ones([1, 2])).size, 2);
  mx.dispose(model);
  assert.throws(() => model.weight.tolist(), mx.CotangentError);
});

test("wrong layers and options are refused by name", () => {
  const { Sequential, Linear, Dropout, Embedding } = nn;
  const wrong = (make: () => unknown, message: RegExp): void =>
    assert.throws(make, (e) => e instanceof mx.CotangentError && message.test(e.message));
  const bad = (x: unknown): never => x as never;
  wrong(() => new Sequential(bad(3)), /Sequential.*number 3 at position 0/);
  wrong(() => new Sequential(nn.relu, bad({})), /position 1/);
  wrong(() => new Linear(0, 3), /Linear.*inputDims/);
  wrong(() => new Linear(2, 3.5), /outputDims, got number 3.5/);
  wrong(() => new Linear(2, 3, bad({ biass: true })), /biass/);
  wrong(() => new Dropout(1), /Dropout.*\[0, 1\)/);
  wrong(() => new Embedding(3, -1), /Embedding.*dims/);
  wrong(() => new nn.Dropout2d(0.5).forward(mx.ones([2])), /Dropout2d.*3 or 4 axes/);
});

/** Saving and loading weights: names in files, strictness, errors that list everything. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import * as mx from "../../src/index.js";
import * as nn from "../../src/nn/index.js";

const folder = mkdtempSync(join(tmpdir(), "cotangent-weights-"));
after(() => rmSync(folder, { recursive: true }));

class Attention extends nn.Module {
  queryProj: nn.Linear = new nn.Linear(2, 2);
  Wx: mx.NDArray = mx.zeros([2]);
  ln1: mx.NDArray = mx.zeros([3]);
  forward(x: mx.NDArray): mx.NDArray {
    return this.queryProj.forward(x);
  }
}

const values = (m: nn.Module): unknown =>
  mx.treeFlatten(m.parameters()).map(([name, a]) => [name, mx.array(a).tolist()]);

for (const ending of ["safetensors", "npz"]) {
  test(`files have MLX's names and come back unchanged: ${ending}`, () => {
    const path = join(folder, `a.${ending}`);
    const a = new Attention();
    a.saveWeights(path);
    const arrays: Record<string, unknown> = { ...mx.load(path) };
    assert.deepEqual(Object.keys(arrays).sort(), [
      "Wx",
      "ln1",
      "query_proj.bias",
      "query_proj.weight",
    ]);
    const b = new Attention();
    assert.equal(b.loadWeights(path), b);
    assert.deepEqual(values(b), values(a));
  });
}

test("urls and blobs load in time", async () => {
  const path = join(folder, "u.safetensors");
  const a = new nn.Linear(3, 2);
  a.saveWeights(path, { metadata: { kind: "test" } });
  const b = await new nn.Linear(3, 2).loadWeights(pathToFileURL(path));
  assert.deepEqual(values(b), values(a));
  const [, metadata] = mx.load(path, { format: "safetensors", returnMetadata: true });
  assert.equal(metadata.kind, "test");
});

test("names of fields, other spellings, pairs and records", () => {
  const a = new Attention();
  const weight = mx.ones([2, 2]);
  const rest = { Wx: mx.ones([2]), ln_1: mx.ones([3]), "queryProj.bias": mx.ones([2]) };
  a.loadWeights({ ...rest, "query_proj.weight": weight });
  assert.deepEqual(a.ln1.tolist(), [1, 1, 1]);
  assert.deepEqual(a.queryProj.bias?.tolist(), [1, 1]);
  a.loadWeights([["queryProj.weight", mx.zeros([2, 2])]], { strict: false });
  assert.deepEqual(a.queryProj.weight.sum().item(), 0);
  assert.deepEqual(weight.sum().item(), 4, "given arrays keep their values");
});

test("the error lists missing, unexpected and mismatching names, and nothing is loaded", () => {
  const a = new Attention();
  const before = values(a);
  const given = { Wx: mx.ones([5]), "queryProj.weight": mx.ones([2, 2]), extra: mx.ones([1]) };
  assert.throws(
    () => a.loadWeights(given),
    (e) =>
      e instanceof mx.ArgumentError &&
      /2 missing: query_proj\.bias, ln1; 1 unexpected: extra; 1 of another shape: Wx \(\[2\] expected, \[5\] given\)/.test(
        e.message,
      ),
  );
  assert.throws(
    () => a.loadWeights(given, { strict: false }),
    (e) => e instanceof mx.ShapeError && /Wx/.test(e.message),
  );
  assert.deepEqual(values(a), before);
  assert.throws(() => a.loadWeights({ Wx: 3 } as never), /array.*number 3 under "Wx"/);
  assert.throws(() => a.loadWeights(3 as never), mx.ArgumentError);
  assert.throws(() => a.loadWeights(join(folder, "none.safetensors")), mx.CotangentError);
  assert.throws(() => a.saveWeights(join(folder, "a.bin")), /safetensors or \.npz/);
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`x${i}`, mx.ones([1])]));
  assert.throws(() => a.loadWeights(many), /30 unexpected: x0, .*, and 20 more/);
});

test("loaded weights keep the dtype of the file", () => {
  const path = join(folder, "half.safetensors");
  const a = new nn.Linear(2, 2).setDtype(mx.float16);
  a.saveWeights(path);
  assert.equal(new nn.Linear(2, 2).loadWeights(path).weight.dtype, mx.float16);
});

test("quantized models save, and load after quantizing the same way", () => {
  const path = join(folder, "q.safetensors");
  const make = (): nn.Module =>
    new nn.Sequential(new nn.Linear(64, 32), nn.relu, new nn.Linear(32, 4, false));
  const a = make();
  nn.quantize(a, 32, { bits: 8 });
  a.saveWeights(path);
  assert.throws(() => make().loadWeights(path), /unexpected: .*scales/);
  const b = make();
  nn.quantize(b, { groupSize: 32, bits: 8 });
  assert.deepEqual(values(b.loadWeights(path)), values(a));
});

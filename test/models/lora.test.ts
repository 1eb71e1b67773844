/** Adapters: nothing changes at first, they alone are trained, and they can be taken up by the weights. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import * as models from "../../src/models/index.js";
import * as nn from "../../src/nn/index.js";
import * as optim from "../../src/optimizers/index.js";
import * as train from "../../src/train/index.js";
import { tiny, tokens } from "./support.js";

const paths = (tree: unknown): string[] => mx.treeFlatten(tree).map(([path]) => path);
const logits = (model: models.Llama): mx.NDArray => model.forward(tokens([1, 2, 3, 4]));

const tune = (model: models.Llama): Promise<train.Run> => {
  const text = mx.array(
    Array.from({ length: 8 }, (_, i) => Array.from({ length: 9 }, (_, j) => (i * 5 + j * 3) % 48)),
    mx.int32,
  );
  const loss = (m: models.Llama, batch: mx.NDArray): mx.NDArray => {
    const scores = m.forward(batch.get("...", mx.slice(0, 8)));
    return nn.losses.crossEntropy(scores, batch.get("...", mx.slice(1, 9)), { reduction: "mean" });
  };
  return train.fit(model, loss, new optim.Adam(0.02), train.dataset(text, 4), { epochs: 25 });
};

for (const quantized of [false, true]) {
  test(`adapters on ${quantized ? "quantized" : "plain"} layers`, async () => {
    const model = tiny();
    if (quantized) nn.quantize(model, { groupSize: 32, bits: 8 });
    const before = logits(model).tolist();
    assert.equal(models.addAdapters(model, { rank: 4 }), 4);
    assert.deepEqual(logits(model).tolist(), before);
    const trained = paths(model.trainableParameters());
    assert.equal(trained.length, 8);
    assert.ok(
      trained.every((path) => /[qv]Proj\.lora[AB]$/.test(path)),
      trained.join(),
    );
    const frozen = (): unknown =>
      mx.treeMap((a: unknown) => (a instanceof mx.NDArray ? a.tolist() : a), {
        head: model.lmHead?.parameters(),
        embedding: model.model.embedTokens.parameters(),
      });
    const kept = frozen();
    const run = await tune(model);
    const [first, last] = [run.losses[0]?.loss ?? 0, run.loss];
    // Attention alone of a random model cannot learn all of it.
    assert.ok(last < 0.9 * first, `loss from ${first} to ${last}`);
    assert.deepEqual(frozen(), kept);
    if (quantized) {
      assert.throws(() => models.fuseAdapters(model), /quantized one/);
      return;
    }
    const adapted = logits(model);
    models.fuseAdapters(model);
    assert.ok(!paths(model.parameters()).some((path) => path.includes("lora")));
    assert.ok(mx.allclose(logits(model), adapted, { rtol: 1e-4, atol: 1e-4 }).item());
  });
}

test("adapters where there is nothing to adapt", () => {
  assert.throws(() => models.addAdapters(tiny(), { keys: ["nothing"] }), mx.ArgumentError);
  assert.throws(() => models.addAdapters(tiny(), { rank: 0 }), /rank/);
  assert.throws(() => Reflect.apply(models.addAdapters, null, [tiny(), { rnk: 2 }]), /rnk/);
});

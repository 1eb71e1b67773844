/** What the main job's training step needs, as it is run by default, beside the least it could need. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "cotangent";
import * as nn from "cotangent/nn";
import * as optim from "cotangent/optimizers";
import { CharGpt, configFor } from "../../examples/chargpt/model.js";
import { defaults } from "../../examples/chargpt/options.js";
import { makeOptimizer } from "../../examples/chargpt/train.js";

test("a step needs hardly more memory than is alive at once, and leaves nothing behind", () => {
  const { batch, context } = defaults;
  const model = new CharGpt(configFor(95, context), 0);
  const optimizer = makeOptimizer(defaults);
  optimizer.init(model.trainableParameters());
  const state = [model, optimizer];
  const lossAndGradients = nn.valueAndGrad(model, (x: mx.NDArray, y: mx.NDArray) =>
    model.loss(x, y),
  );
  const update = mx.compile(
    (x: mx.NDArray, y: mx.NDArray): mx.NDArray => {
      const [value, gradients] = lossAndGradients(x, y);
      const [clipped] = optim.clipGradNorm(gradients, 1);
      optimizer.update(model, clipped);
      return value;
    },
    { inputs: state, outputs: state },
  );
  const tokens = (key: number): mx.NDArray =>
    mx.random
      .randint(0, 95, { shape: [batch, context], key: mx.random.key(key) })
      .astype(mx.int32)
      .eval();
  const [x, y] = [tokens(1), tokens(2)];
  mx.eval(model, optimizer.state);
  for (let i = 0; i < 3; i++) update(x, y).eval();
  const before = mx.getActiveMemory();
  const report = mx.debug.memory(update)(x, y);
  assert.equal(report.evaluations.length, 1);
  const [only] = report.evaluations;
  assert.ok(only);
  // Parameters and both averages; the optimizer's few scalars besides.
  const arrays = mx.treeFlatten(model.parameters()).length;
  assert.ok(only.inPlace >= 3 * arrays, `${only.inPlace} of ${3 * arrays} in place: ${report}`);
  const ratio = report.plannedBytes / report.leastBytes;
  assert.ok(ratio >= 1 && ratio <= 1.2, `${ratio} of the least: ${report}`);
  assert.ok(mx.getActiveMemory() - before <= 64, `${mx.getActiveMemory() - before} bytes are left`);
});

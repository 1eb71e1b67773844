/** Padding inside of a kernel guards what it pads, not what is reduced on the way to it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import { fusedEngine } from "../support/engines.js";

/** The gradient of tanh(x + x[0]): a sum over the axis along which its result is padded. */
const gradient = (): mx.NDArray => {
  const x = mx.array([0.375, -0.625]);
  const [, [dx]] = mx.vjp((x) => mx.tanh(mx.add(x, x.get(0))), [x], [mx.ones([2])]);
  return dx;
};

const wanted = [0.375, -0.625].map((v) => 1 - Math.tanh(v + 0.375) ** 2);
const [first = 0, second = 0] = wanted;

const near = (got: mx.NDArray): void => {
  for (const [i, want] of [2 * first + second, second].entries()) {
    const value = Number(got.get(i).item());
    assert.ok(Math.abs(value - want) < 1e-6, `${value} instead of ${want}`);
  }
};

test("a sum inside of a pad over the same axis sees all elements", () => {
  near(gradient());
  const onReference = gradient();
  fusedEngine().engine.evaluate([onReference.node]);
  near(onReference);
});

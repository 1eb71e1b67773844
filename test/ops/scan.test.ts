/** Running combinations of rows so long that they are cut into blocks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";

const length = 1003;
const x = Float32Array.from({ length }, (_, i) => Math.sin(i * 1.7) * 3 + i / 100);

/** log(sum(exp)) of what is seen, in doubles. */
const expected = (reverse: boolean, exclusive: boolean): number[] => {
  const out: number[] = new Array(length).fill(0);
  let sum = 0;
  for (let step = 0; step < length; step++) {
    const i = reverse ? length - 1 - step : step;
    if (exclusive) out[i] = Math.log(sum);
    sum += Math.exp(x[i] ?? 0);
    if (!exclusive) out[i] = Math.log(sum);
  }
  return out;
};

test("logcumsumexp of long rows, along any axis", () => {
  for (const reverse of [false, true]) {
    for (const inclusive of [false, true]) {
      const want = expected(reverse, !inclusive);
      const options = { reverse, inclusive };
      const flat = mx.logcumsumexp(mx.array(x), { axis: 0, ...options });
      const both = mx.stack([mx.array(x), mx.array(x)], 1);
      const column = mx.logcumsumexp(both, { axis: 0, ...options }).get("...", 1);
      for (const got of [flat, column]) {
        assert.ok(
          mx.allclose(got, mx.array(want), { rtol: 1e-5, atol: 1e-5 }).item(),
          `${reverse} ${inclusive}`,
        );
      }
    }
  }
});

test("the gradient of logcumsumexp of a long row", () => {
  const gradient = mx.grad((a: mx.NDArray) => mx.sum(mx.logcumsumexp(a)))(mx.array(x));
  const y = expected(false, false);
  const want = new Array<number>(length).fill(0);
  let rest = 0;
  for (let i = length - 1; i >= 0; i--) {
    rest += Math.exp(-(y[i] ?? 0));
    want[i] = rest * Math.exp(x[i] ?? 0);
  }
  assert.ok(mx.allclose(gradient, mx.array(want), { rtol: 1e-4, atol: 1e-4 }).item());
});

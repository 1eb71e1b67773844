/** Multivariate normal numbers are MLX's for the same key, differentiable in both parameters, and checked. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";

const key = mx.random.key(0);
const mean = mx.array([1, 2, 3]);
const cov = mx.array([
  [2, 0.5, 0.1],
  [0.5, 1, 0.2],
  [0.1, 0.2, 0.7],
]);

const near = (x: mx.NDArray, expected: mx.NestedList, atol = 2e-6): void => {
  const want = mx.array(expected);
  assert.deepEqual(x.shape, want.shape);
  assert.ok(mx.allclose(x, want, { rtol: 1e-6, atol }).item(), `${x} is not ${want}`);
};

test("MLX's numbers", () => {
  near(
    mx.random.multivariateNormal(mean, cov, { key }),
    [3.450029134750366, 1.9475353956222534, 3.2934200763702393],
  );
  const two = [
    [1.016556739807129, 0.8614580631256104, 3.40763521194458],
    [2.7935235500335693, 2.486581563949585, 2.972301959991455],
  ];
  near(mx.random.multivariateNormal(mean, cov, [2], { key }), two);
  const means = mx.stack([mean, mean.add(1)]);
  const moved = two.map((row, i) => row.map((x) => x + i));
  near(mx.random.multivariateNormal(means, cov, { shape: [2], key }), moved);
  near(
    mx.random.multivariateNormal(
      mx.array([1, 2], mx.int32),
      mx.array([2, 0, 0, 1], mx.int32).reshape(2, 2),
      { key },
    ),
    [-0.109826087, 2.856445],
  );
});

test("parameters broadcast to the shape", () => {
  const covs = mx.stack([cov, cov.multiply(2)]);
  assert.deepEqual(mx.random.multivariateNormal(mean, covs).shape, [2, 3]);
  assert.deepEqual(mx.random.multivariateNormal(mean, covs, [4, 2]).shape, [4, 2, 3]);
  assert.deepEqual(mx.random.multivariateNormal(mean, cov, 5, mx.float32).shape, [5, 3]);
});

test("samples have the stated mean and covariance", () => {
  const x = mx.random.multivariateNormal(mean, cov, [200_000], { key });
  near(x.mean(0), [1, 2, 3], 0.02);
  const centred = x.subtract(mean);
  near(centred.T.matmul(centred).divide(200_000), cov.tolist(), 0.03);
});

test("gradients by mean and covariance, and mapping over means", () => {
  const weights = mx.array([1, -2, 0.5]);
  const of = (m: mx.NDArray, c: mx.NDArray): mx.NDArray =>
    mx.random.multivariateNormal(m, c, [4], { key }).multiply(weights).sum();
  near(mx.grad(of)(mean, cov), [4, -8, 2]);
  // Symmetric steps: the covariance stays one.
  const step = mx.array([
    [0, 1, 0],
    [1, 0, 0],
    [0, 0, 0],
  ]);
  const slope = mx.grad(of, 1)(mean, cov).multiply(step).sum().item();
  const at = (h: number): number => Number(of(mean, cov.add(step.multiply(h))).item());
  assert.ok(Math.abs(Number(slope) - (at(1e-2) - at(-1e-2)) / 2e-2) < 5e-3);
  const means = mx.stack([mean, mean.add(1)]);
  const mapped = mx.vmap((m: mx.NDArray) => mx.random.multivariateNormal(m, cov, [2], { key }))(
    means,
  );
  const one = mx.random.multivariateNormal(mean, cov, [2], { key });
  near(mapped, mx.stack([one, one.add(1)]).tolist());
});

test("what does not fit is refused", () => {
  const shapes: readonly (() => unknown)[] = [
    () => mx.random.multivariateNormal(mean, cov.get(mx.slice(0, 2))),
    () => mx.random.multivariateNormal(mean.get(mx.slice(0, 2)), cov),
    () => mx.random.multivariateNormal(mx.array(1), cov),
    () => mx.random.multivariateNormal(mean, mean),
    () => mx.random.multivariateNormal(mx.stack([mean, mean]), cov, [3]),
  ];
  for (const call of shapes) assert.throws(call, mx.ShapeError);
  assert.throws(() => mx.random.multivariateNormal(mean, cov, [2], mx.float16), mx.DTypeError);
  assert.throws(
    // @ts-expect-error no such option
    () => mx.random.multivariateNormal(mean, cov, { sahpe: [2] }),
    mx.ArgumentError,
  );
});

/** Products of integers and halves convert their operands while they are packed: one kernel, nothing cast in memory. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import * as mx from "../../src/index.js";

mx.setBlas(false);
after(() => mx.setBlas(true));

const dtypes = [mx.int8, mx.uint8, mx.int16, mx.uint16, mx.int32, mx.uint32, mx.int64, mx.bool];
const halves = [mx.float16, mx.bfloat16];

/** Whole numbers from -3 to 3, or from 0, whose products add up exactly. */
const whole = (shape: readonly number[], seed: number, dtype: mx.DType): mx.NDArray => {
  const least = dtype === mx.bool || dtype.name.startsWith("u") ? 0 : -3;
  const x = mx.random.randint(least, 4, [...shape], { key: mx.random.key(seed) });
  return x.astype(dtype).eval();
};

test("operands are converted while they are packed", () => {
  for (const dtype of [...dtypes, ...halves]) {
    const [a, b] = [whole([70, 90], 1, dtype), whole([90, 50], 2, dtype)];
    const [at, bt] = [whole([90, 70], 3, dtype), whole([50, 90], 4, dtype)];
    const float = (x: mx.NDArray): mx.NDArray => x.astype(mx.float32);
    const products: (readonly [() => mx.NDArray, mx.NDArray, mx.NDArray])[] = [
      [() => mx.matmul(float(a), float(b)), a, b],
      [() => mx.matmul(float(at).T, float(b)), at.T, b],
      [() => mx.matmul(float(a), float(bt).T), a, bt.T],
      [() => mx.matmul(float(at.T), float(bt.T)), at.T, bt.T],
    ];
    for (const [i, [product, x, y]] of products.entries()) {
      const label = `${dtype.name} ${i}`;
      assert.equal(mx.debug.kernels(product()).length, 1, label);
      const [u, v] = [float(x).eval(), float(y).eval()];
      const expected = mx.matmul(u, v).eval();
      assert.ok(mx.arrayEqual(product(), expected).item(), label);
      // The same from plain loops, for one element.
      const [row, column] = [u.get(7).tolist(), v.get("...", 3).tolist()];
      assert.ok(Array.isArray(row) && Array.isArray(column));
      const sum = row.reduce<number>((s, r, j) => s + Number(r) * Number(column[j]), 0);
      assert.equal(expected.get(7, 3).item(), sum, label);
    }
  }
});

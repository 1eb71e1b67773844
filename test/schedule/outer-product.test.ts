/** Contractions over an axis of length one, which are multiplications: what is summed after them is right. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";

test("the gradient of a bias in front of a layer with one output", () => {
  for (const [rows, width] of [
    [32, 32],
    [256, 96],
    [1, 8],
  ] as const) {
    const u = mx.random.normal([rows, 8], { key: mx.random.key(1) });
    const v = mx.random.normal([8, width], { key: mx.random.key(4), scale: 0.3 });
    const w = mx.random.normal([width, 1], { key: mx.random.key(2) });
    const y = mx.random.normal([rows, 1], { key: mx.random.key(3) });
    const loss = (b: mx.NDArray): mx.NDArray =>
      mx.tanh(u.matmul(v).add(b)).matmul(w).subtract(y).square().mean();
    const gradient = mx.grad(loss)(mx.zeros([width]));
    const got = Array.from(gradient.dataSync(), Number);

    const [xs, ws, ys] = [u.matmul(v), w, y].map((a) => Array.from(a.dataSync(), Number));
    assert.ok(xs !== undefined && ws !== undefined && ys !== undefined);
    const wanted = new Array<number>(width).fill(0);
    for (let r = 0; r < rows; r++) {
      const h = Array.from({ length: width }, (_, c) => Math.tanh(xs[r * width + c] ?? 0));
      const d = h.reduce((sum, v, c) => sum + v * (ws[c] ?? 0), 0) - (ys[r] ?? 0);
      for (let c = 0; c < width; c++)
        wanted[c] = (wanted[c] ?? 0) + ((2 * d) / rows) * (ws[c] ?? 0) * (1 - (h[c] ?? 0) ** 2);
    }
    for (const [c, value] of wanted.entries())
      assert.ok(
        Math.abs((got[c] ?? 0) - value) < 1e-5 * (1 + Math.abs(value)),
        `${got[c]}, not ${value}`,
      );
  }
});

/** Float functions stay within their bounds over their whole range, with and without fused multiply-add. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { detectFeatures } from "../../src/device/wasm/features.js";
import type { MathOp } from "../../src/render/wasm/math/index.js";
import {
  accuracyOf,
  emulated,
  type FloatType,
  measured,
  rendered,
  samplesOf,
  type Way,
} from "../support/numerics.js";

const { relaxed } = detectFeatures();
const names = Object.keys(measured).filter((fn): fn is MathOp => fn in measured);

/** Distance from the correctly rounded value in numbers of the format. erfinv is MLX's polynomial, so that random normals are MLX's. */
const boundOf = (fn: MathOp, type: FloatType): number =>
  fn === "erfinv" && type === "f32" ? 5 : 2;

const check = (fn: MathOp, type: FloatType, dense: number, ways: readonly Way[]): void => {
  const samples = samplesOf(fn, type, type === "f32" ? 1 : 1 / 8, dense);
  for (const way of ways) {
    const found = accuracyOf(fn, type, samples, way);
    assert.ok(found.steps <= boundOf(fn, type), JSON.stringify(found));
  }
};

const plain = rendered({ relaxed: false, shared: false });
const single = relaxed ? [rendered({ relaxed: true, shared: false }), plain] : [plain];

for (const fn of names) {
  test(`${fn} of float32 in rendered kernels`, () => check(fn, "f32", 300, single));
  test(`${fn} of float64 in rendered kernels`, () => check(fn, "f64", 300, [plain]));
  // Engines without fused multiply-add still test the code as it is elsewhere.
  test(`${fn} of float32 on one emulated lane`, () =>
    check(fn, "f32", 0, [emulated(true), emulated(false)]));
}

/** Float functions stay within their bounds over their whole range, with and without fused multiply-add. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { detectFeatures } from "../../src/device/wasm/features.js";
import type { MathOp } from "../../src/render/wasm/math/index.js";
import { accuracyOf, measured, samplesOf } from "../support/numerics.js";

const { relaxed } = detectFeatures();
const names = Object.keys(measured).filter((fn): fn is MathOp => fn in measured);

/** Distance from the correctly rounded value in numbers of the format. erfinv is MLX's polynomial, so that random normals are MLX's. */
const boundOf = (fn: MathOp, type: "f32" | "f64"): number =>
  fn === "erfinv" && type === "f32" ? 5 : 2;

for (const type of ["f32", "f64"] as const) {
  for (const fn of names) {
    test(`${fn} of ${type}`, () => {
      const samples = samplesOf(fn, type, type === "f32" ? 1 : 1 / 8, 300);
      for (const fused of relaxed && type === "f32" ? [true, false] : [false]) {
        const found = accuracyOf(fn, type, samples, { relaxed: fused, shared: false });
        const bound = boundOf(fn, type);
        assert.ok(found.steps <= bound, `${fused ? "fused" : "unfused"}: ${JSON.stringify(found)}`);
      }
    });
  }
}

/** Float functions stay within their bounds over their whole range, with and without fused multiply-add. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { detectFeatures } from "../../src/device/wasm/features.js";
import type { MathOp } from "../../src/render/wasm/math/index.js";
import { accuracyOf, measured, samplesOf } from "../support/numerics.js";

const { relaxed } = detectFeatures();
const names = Object.keys(measured).filter((fn): fn is MathOp => fn in measured);

/** Units in the last place. erfinv is MLX's polynomial, so that random normals are MLX's. */
const bounds: { readonly f32: number; readonly f64: number } = { f32: 2, f64: 2 };
const boundOf = (fn: MathOp, type: "f32" | "f64"): number =>
  fn === "erfinv" && type === "f32" ? 5 : bounds[type];

for (const type of ["f32", "f64"] as const) {
  for (const fn of names) {
    test(`${fn} of ${type}`, () => {
      const samples = samplesOf(fn, type, type === "f32" ? 1 : 1 / 8, 300);
      for (const fused of relaxed && type === "f32" ? [true, false] : [false]) {
        const found = accuracyOf(fn, type, samples, { relaxed: fused, shared: false });
        const bound = boundOf(fn, type);
        assert.ok(found.max <= bound, `${fused ? "fused" : "unfused"}: ${JSON.stringify(found)}`);
      }
    });
  }
}

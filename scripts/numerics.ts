/** Measures the accuracy of every float function on rendered kernels and writes docs/numerics.md. */

import { readFileSync, writeFileSync } from "node:fs";
import { detectFeatures } from "../src/device/wasm/features.js";
import type { MathOp } from "../src/render/wasm/math/index.js";
import {
  type Accuracy,
  accuracyOf,
  measured,
  rendered,
  samplesOf,
} from "../test/support/numerics.js";

const path = "docs/numerics.md";
const begin = "<!-- measured: node build/scripts/numerics.js -->";
const end = "<!-- end of measured -->";

const names = Object.keys(measured).filter((fn): fn is MathOp => fn in measured);
const { relaxed } = detectFeatures();
if (!relaxed) throw new Error("expected relaxed-simd, to measure with fused multiply-add as well");

const short = (x: number): string =>
  Number.isFinite(x) && Math.abs(x) !== 1 && x !== 0
    ? x.toPrecision(9).replace(/\.?0+(e|$)/, "$1")
    : String(x);

const cells = (a: Accuracy): string => `${a.steps} | ${a.max.toFixed(2)} | ${a.mean.toFixed(3)}`;
const place = (a: Accuracy): string => `(${a.at.map(short).join(", ")})`;

const rows = names.map((fn) => {
  const single = samplesOf(fn, "f32", 100, 50_000);
  const fused = accuracyOf(fn, "f32", single, rendered({ relaxed: true, shared: false }));
  const plain = accuracyOf(fn, "f32", single, rendered({ relaxed: false, shared: false }));
  const double = accuracyOf(
    fn,
    "f64",
    samplesOf(fn, "f64", 4, 10_000),
    rendered({ relaxed: false, shared: false }),
  );
  const worst = fused.max > plain.max ? fused : plain;
  console.log(fn, fused.max.toFixed(3), plain.max.toFixed(3), double.max.toFixed(3));
  return `| ${fn} | ${fused.samples} | ${cells(fused)} | ${cells(plain)} | ${place(worst)} | ${cells(double)} |`;
});

const table = [
  "| function | float32 samples | fused: steps | max | mean | unfused: steps | max | mean | worst at | float64: steps | max | mean |",
  "| --- | --: | --: | --: | --: | --: | --: | --: | --- | --: | --: | --: |",
  ...rows,
].join("\n");

const text = readFileSync(path, "utf8");
const [from, to] = [text.indexOf(begin), text.indexOf(end)];
if (from < 0 || to < 0) throw new Error(`${path}: expected the two marks around the table`);
writeFileSync(path, `${text.slice(0, from)}${begin}\n\n${table}\n\n${text.slice(to)}`);

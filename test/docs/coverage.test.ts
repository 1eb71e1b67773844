/** docs/coverage.md is what the code says now, and of the array surface nothing is absent. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { coverageText } from "../../scripts/coverage.js";
import { publicSurface } from "../../scripts/surface.js";

/** Parts that are here as a whole, but for what is left out with a reason. */
const whole = [
  "Arrays",
  "Operations",
  "Transforms",
  "Random",
  "Linear algebra",
  "Fourier transforms",
  "Fast operations",
  "Devices and streams",
  "Memory management",
  "Data types",
  "Export",
  "Print options",
  "Tree utilities",
];

const text = coverageText(publicSurface());

test("the table is not stale", () => {
  assert.equal(
    readFileSync("docs/coverage.md", "utf8"),
    text,
    "docs/coverage.md is stale: npm run docs",
  );
});

test("nothing of the array surface is absent", () => {
  for (const part of whole) {
    const row = new RegExp(`^\\| ${part} \\| (\\d+) \\| (\\d+) \\| \\d+ \\|$`, "m").exec(text);
    assert.ok(row, part);
    assert.ok(Number(row[1]) > 0, part);
    assert.equal(row[2], "0", `${part}: ${row[2]} absent`);
  }
});

/** Every golden file is here, whole, and every value in it decodes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, readCases } from "./format.js";

const COUNTS: Readonly<Record<string, number>> = {
  dtypes: 208,
  errors: 396,
  fast: 231,
  fft: 323,
  indexing: 928,
  init: 119,
  "io/io": 154,
  linalg: 481,
  losses: 104,
  nn: 292,
  ops: 6057,
  optimizers: 38,
  printing: 310,
  quantized: 318,
  random: 1207,
  transforms: 458,
};

for (const [area, count] of Object.entries(COUNTS)) {
  test(area, () => {
    const cases = readCases(area);
    assert.equal(cases.length, count);
    assert.equal(new Set(cases.map(({ id }) => id)).size, count);
    for (const golden of cases) assert.doesNotThrow(() => decode(golden.fields), golden.id);
  });
}

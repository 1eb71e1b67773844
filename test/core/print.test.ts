/** Printing: all of MLX's recorded texts, and C's number formats at ties and extremes. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { dtypes } from "../../src/core/dtype.js";
import { ArgumentError } from "../../src/core/errors.js";
import {
  formatArray,
  formatFixed,
  formatGeneral,
  getPrintoptions,
  printoptions,
  setPrintoptions,
} from "../../src/core/print.js";
import { reader } from "../../src/core/values.js";
import { asList, asNumber, asRecord, asString, readCases } from "../conformance/format.js";

afterEach(() => setPrintoptions());

test("recorded texts", () => {
  let seen = 0;
  for (const { id, kind, fields } of readCases("printing")) {
    if (kind !== "print") continue;
    const { dtype: name, shape, b64 } = asRecord(fields.value);
    const dtype = dtypes.find((d) => d.name === name);
    assert.ok(dtype);
    setPrintoptions(fields.precision === undefined ? -1 : asNumber(fields.precision));
    const read = reader(dtype, Buffer.from(asString(b64), "base64"));
    assert.equal(formatArray(asList(shape).map(asNumber), dtype, read), asString(fields.str), id);
    seen++;
  }
  assert.equal(seen, 309);
});

test("%g with six digits", () => {
  const cases: [number, string][] = [
    [0, "0"],
    [-0, "-0"],
    [1, "1"],
    [0.1, "0.1"],
    [100000.5, "100000"], // ties to even
    [100001.5, "100002"],
    [999999.5, "1e+06"],
    [999999.4999, "999999"],
    [0.00001, "1e-05"],
    [0.0001, "0.0001"],
    [0.000099999995, "0.0001"],
    [123456, "123456"],
    [1234565, "1.23456e+06"], // ties to even
    [1e22, "1e+22"],
    [1e23, "1e+23"],
    [5e-324, "4.94066e-324"],
    [Number.MAX_VALUE, "1.79769e+308"],
    [NaN, "nan"],
    [-Infinity, "-inf"],
    [Math.fround(0.1), "0.1"],
    [-2.5e-7, "-2.5e-07"],
  ];
  for (const [value, text] of cases) assert.equal(formatGeneral(value), text);
});

test("%.nf", () => {
  assert.equal(formatFixed(0.5, 0), "0");
  assert.equal(formatFixed(1.5, 0), "2");
  assert.equal(formatFixed(2.5, 0), "2");
  assert.equal(formatFixed(0.125, 2), "0.12");
  assert.equal(formatFixed(-0.001, 2), "-0.00");
  assert.equal(formatFixed(1e22, 1), "10000000000000000000000.0");
  assert.equal(formatFixed(0.1, 20), "0.10000000000000000555");
  assert.equal(formatFixed(Infinity, 2), "inf");
});

test("print options are restored, also after a throw", () => {
  assert.equal(
    printoptions({ precision: 3 }, () => getPrintoptions().precision),
    3,
  );
  assert.throws(() =>
    printoptions(2, () => {
      throw new Error("stop");
    }),
  );
  assert.deepEqual(getPrintoptions(), { precision: -1 });
  assert.throws(() => setPrintoptions(1.5), ArgumentError);
  assert.throws(() => setPrintoptions(-2), ArgumentError);
});

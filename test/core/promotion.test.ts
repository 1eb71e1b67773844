/** Promotion, weak scalars and dtype queries against MLX's recorded answers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as dt from "../../src/core/dtype.js";
import * as info from "../../src/core/dtype-info.js";
import { DtypeCategory, finfo, iinfo, isdtype, issubdtype } from "../../src/core/dtype-info.js";
import { ArgumentError, DTypeError } from "../../src/core/errors.js";
import {
  canCast,
  checkScalarFits,
  promote,
  resultType,
  weakDtype,
} from "../../src/core/promotion.js";
import { asList, asRecord, asString, type Case, decode, readCases } from "../conformance/format.js";

const cases = readCases("dtypes");

const named = (id: string): Case => {
  const found = cases.find((c) => c.id === id);
  assert.ok(found, id);
  return found;
};

const dtype = (name: unknown): dt.DType => {
  const found = dt.dtypes.find((d) => d.name === name);
  assert.ok(found, String(name));
  return found;
};

const category = (name: string): DtypeCategory => {
  const found: unknown = Reflect.get(info, name);
  assert.ok(found instanceof DtypeCategory, name);
  return found;
};

const either = (name: string): dt.DType | DtypeCategory =>
  dt.dtypes.find((d) => d.name === name) ?? category(name);

test("promotion of all pairs", () => {
  const rows = asList(named("result_type/all").fields.pairs);
  assert.equal(rows.length, 14 * 14);
  for (const row of rows) {
    const [a, b, result] = asList(row);
    assert.equal(promote(dtype(a), dtype(b)), dtype(result), `${a} with ${b}`);
    assert.equal(resultType(dtype(a), { dtype: dtype(b) }), dtype(result));
  }
});

test("weak scalars next to every dtype", () => {
  let seen = 0;
  for (const row of asList(named("weak/add").fields.rows)) {
    const [name, scalar, , result] = asList(row);
    const value = decode(scalar);
    const d = dtype(name);
    let weak: number | boolean | { re: number; im: number };
    if (typeof value === "boolean") weak = value;
    else if (value !== null && typeof value === "object" && "$" in value && value.$ === "complex") {
      weak = { re: value.re, im: value.im };
    } else if (value !== null && typeof value === "object" && "$" in value) {
      assert.ok(value.$ === "int" || value.$ === "float");
      weak = Number(value.v);
    } else assert.fail("unexpected scalar");
    assert.equal(
      promote(weakDtype(weak, d), d),
      dtype(result),
      `${name} with ${JSON.stringify(scalar)}`,
    );
    seen++;
  }
  assert.ok(seen >= 14 * 4);
});

test("whole scalars that do not fit are refused", () => {
  assert.throws(() => checkScalarFits("add", 300, dt.uint8), DTypeError);
  assert.throws(() => checkScalarFits("add", -1, dt.uint32), DTypeError);
  assert.throws(() => checkScalarFits("add", 2n ** 63n, dt.int64), DTypeError);
  checkScalarFits("add", 255, dt.uint8);
  checkScalarFits("add", -1, dt.uint64);
  checkScalarFits("add", 1e30, dt.float16);
});

test("canCast, issubdtype, isdtype", () => {
  for (const row of asList(named("can_cast/all").fields.rows)) {
    const [a, b, result] = asList(row);
    assert.equal(canCast(dtype(a), dtype(b)), result, `${a} to ${b}`);
  }
  for (const row of asList(named("issubdtype/all").fields.rows)) {
    const [a, b, result] = asList(row);
    assert.equal(issubdtype(either(asString(a)), either(asString(b))), result, `${a} in ${b}`);
  }
  for (const row of asList(named("isdtype/all").fields.rows)) {
    const [a, kind, result] = asList(row);
    // Through Reflect, as JavaScript would call it with any string.
    assert.equal(Reflect.apply(isdtype, null, [dtype(a), kind]), result, `${a} is ${kind}`);
  }
  assert.ok(issubdtype(info.floating, info.number));
  assert.ok(!issubdtype(info.number, info.floating));
  assert.ok(isdtype(dt.int8, ["bool", dt.int8]));
  assert.throws(() => Reflect.apply(isdtype, null, [dt.int8, "whole"]), ArgumentError);
});

test("finfo and iinfo", () => {
  for (const { id, kind, fields } of cases) {
    if (kind !== "finfo" && kind !== "iinfo") continue;
    const ask = (): { min: number | bigint; max: number | bigint; eps?: number } =>
      kind === "finfo" ? finfo(dtype(fields.dtype)) : iinfo(dtype(fields.dtype));
    if (fields.expect_error !== undefined) {
      assert.throws(ask, DTypeError, id);
      continue;
    }
    const got = ask();
    const number = (x: unknown): bigint | number => {
      const { v } = asRecord(x);
      return typeof v === "string" ? BigInt(v) : Number(v);
    };
    assert.ok(
      String(got.min) === String(number(fields.min)) &&
        String(got.max) === String(number(fields.max)),
      id,
    );
    if (kind === "finfo") assert.equal(got.eps, number(fields.eps), id);
  }
  assert.equal(finfo(dt.float16).smallestNormal, 2 ** -14);
});

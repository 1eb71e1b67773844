/** Options objects: by name, by position, and the errors for names that do not exist. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { float32 } from "../../src/core/dtype.js";
import { ArgumentError } from "../../src/core/errors.js";
import { readOptions, readPositional } from "../../src/core/options.js";

interface Options {
  readonly axis?: number | readonly number[];
  readonly keepdims?: boolean;
}

const names = ["axis", "keepdims"] as const;
const positional = (a?: unknown, b?: unknown): Partial<Options> =>
  readPositional<Options>("sum", "axis", a, b, names);

test("options by name", () => {
  assert.deepEqual(readOptions<Options>("sum", undefined, names), {});
  assert.deepEqual(readOptions<Options>("sum", { axis: 1 }, names), { axis: 1 });
});

test("unknown names say the function, the name, the allowed ones and a guess", () => {
  assert.throws(() => readOptions<Options>("sum", { keep_dims: true }, names), {
    name: "ArgumentError",
    message: /^\[sum\] .*axis, keepdims.*"keep_dims".*did you mean keepdims\?/,
  });
  assert.throws(() => readOptions<Options>("sum", { dim: 1 }, names), /remove it/);
  assert.throws(() => readOptions<Options>("sum", null, names), ArgumentError);
  assert.throws(() => readOptions<Options>("sum", 3, names), ArgumentError);
  assert.throws(() => readOptions<Options>("sum", float32, names), ArgumentError);
});

test("first option by position", () => {
  assert.deepEqual(positional(1), { axis: 1 });
  assert.deepEqual(positional([0, 1], { keepdims: true }), { axis: [0, 1], keepdims: true });
  assert.deepEqual(positional({ axis: 0 }), { axis: 0 });
  assert.deepEqual(positional(), {});
  assert.deepEqual(positional(undefined, { keepdims: true }), { keepdims: true });
  assert.deepEqual(positional(null), { axis: null });
  assert.throws(() => positional(1, { axis: 0 }), /once/);
  assert.throws(() => positional({ axis: 0 }, { keepdims: true }), ArgumentError);
  assert.throws(() => positional(1, { keep: true }), ArgumentError);
});

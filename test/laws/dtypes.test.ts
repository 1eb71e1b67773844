/** The samples of a primitive have every dtype that its shape rule lets through, but for those named here with the reason. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { primitives } from "../../src/primitives/index.js";
import { samples } from "./samples.js";
import { uncovered } from "./samples-dtypes.js";

const integers = "bool uint8 uint16 uint32 uint64 int8 int16 int32 int64";

interface Exception {
  readonly reason: string;
  readonly primitives: string;
  readonly dtypes: string;
}

const exceptions: readonly Exception[] = [
  {
    reason: "the evaluator of the laws combines, compares and scans real numbers only",
    primitives:
      "max min prod argmax argmin cumsum cumprod cummax cummin scatter-add scatter-prod scatter-max scatter-min",
    dtypes: "complex64",
  },
  {
    reason: "operations compare with zero first: it meets nothing but bool",
    primitives: "any all",
    dtypes: `${integers.replace("bool ", "")} float16 bfloat16 float32 float64 complex64`,
  },
  {
    reason: "the factorisation inside refuses them",
    primitives: "det slogdet pseudoInverse",
    dtypes: `${integers} float16 bfloat16`,
  },
  {
    reason: "the attribute of a sample holds a program recorded on its dtypes",
    primitives: "compiled",
    dtypes: `${integers} float16 bfloat16 float32 complex64`,
  },
  {
    reason: "the attribute of a sample holds a program recorded on its dtypes",
    primitives: "call",
    dtypes: "bool uint8 uint16 uint32 uint64 int8 int16 int64 float16 bfloat16 float32",
  },
  {
    reason: "the attribute of a sample holds a program recorded on its dtypes",
    primitives: "scan",
    dtypes: "bool uint16 uint32 uint64 int8 int16",
  },
  {
    reason: "the attribute of a sample holds a program recorded on its dtypes",
    primitives: "whileLoop",
    dtypes: "bool uint8 uint16 uint32 uint64 int8 int16 int64 float16 bfloat16 complex64",
  },
  {
    reason: "the attribute of a sample holds a dtype of the same width as its own",
    primitives: "bitcast",
    dtypes: "bool uint32 uint64 int16 int64",
  },
  {
    reason: "the first operand is the condition, a bool",
    primitives: "cond",
    dtypes: `${integers.replace("bool ", "")} float16 bfloat16 float32 float64 complex64`,
  },
];

for (const prim of primitives) {
  test(`${prim.name}: samples on every dtype that it takes`, () => {
    const missing = uncovered(prim, samples).map(([dtype]) => dtype.name);
    const named = exceptions
      .filter((e) => e.primitives.split(" ").includes(prim.name))
      .flatMap((e) => e.dtypes.split(" "));
    assert.deepEqual(missing.sort(), named.sort(), "without samples, and named as such");
  });
}

test("a primitive whose samples leave a dtype out is found", () => {
  for (const prim of primitives.filter((p) => p.name === "add" || p.name === "permute")) {
    const fewer = samples.filter((s) => !s.name.includes("uint16"));
    assert.deepEqual(
      uncovered(prim, fewer).map(([dtype]) => dtype.name),
      ["uint16"],
    );
  }
});

test("exceptions name primitives", () => {
  const names = new Set(primitives.map((p) => p.name));
  for (const e of exceptions)
    for (const name of e.primitives.split(" ")) assert.ok(names.has(name), name);
});

/** The interpreter on hand-written kernels whose results are known. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bfloat16,
  bool,
  type DType,
  float16,
  float32,
  float64,
  int8,
  int64,
  uint8,
  uint64,
} from "../../src/core/dtype.js";
import type { ComputeType } from "../../src/core/scalar.js";
import { interpret } from "../../src/kernel/interpret.js";
import type { Kernel } from "../../src/kernel/ir.js";
import { asType, scalarFunction, type Value } from "../../src/kernel/scalar-values.js";
import { elementsOf } from "../../src/kernel/storage-values.js";
import {
  affine,
  columnSums,
  contracted,
  grid,
  KernelBuilder,
  product,
  row,
  scaledAdd,
  softmaxRows,
  takeRows,
} from "./kernels.js";

type Array32 = Float32Array | Int32Array | BigInt64Array;
const bytes = (a: Array32): Uint8Array => new Uint8Array(a.buffer, a.byteOffset, a.byteLength);
const f32 = (...v: readonly number[]): Float32Array => Float32Array.from(v);

/** Runs a kernel of float32 buffers with one output, the last buffer. */
const run = (
  k: Kernel,
  size: number,
  ins: readonly Array32[],
  params: readonly number[] = [],
): [number[], number] => {
  const out = new Float32Array(size);
  const fault = { code: 0 };
  interpret(k, k.axes[0]?.size ?? 1, [...ins.map(bytes), bytes(out)], params, fault);
  return [[...out], fault.code];
};

test("elementwise with a parameter", () => {
  assert.deepEqual(run(scaledAdd(3), 3, [f32(1, 2, 3), f32(10, 20, 30)], [2])[0], [12, 24, 36]);
});

test("the outer size is an argument", () => {
  const out = new Float32Array(2);
  interpret(scaledAdd(99), 2, [bytes(f32(1, 2)), bytes(f32(3, 4)), bytes(out)], [1], { code: 0 });
  assert.deepEqual([...out], [4, 6]);
});

test("row reductions feed values over the row", () => {
  const [out] = run(softmaxRows(2, 2), 4, [f32(0, 0, 0, Math.log(3))]);
  assert.deepEqual(
    out.map((x) => Math.round(x * 1e6) / 1e6),
    [0.5, 0.5, 0.25, 0.75],
  );
});

test("terminal reductions give one row per slab of 64 grid points", () => {
  const x = Float32Array.from({ length: 130 * 2 }, (_, i) => (i % 2 === 0 ? 1 : Math.floor(i / 2)));
  const [out] = run(columnSums(130, 2), 6, [x]);
  assert.deepEqual(out, [64, 2016, 64, 6112, 2, 257]);
});

test("contraction", () => {
  assert.deepEqual(
    run(product(2, 2, 3), 4, [f32(1, 2, 3, 4, 5, 6), f32(1, 0, 0, 1, 1, 1)])[0],
    [4, 5, 10, 11],
  );
});

test("gather wraps negative indices, clamps and reports those out of range", () => {
  const x = f32(1, 2, 3, 4, 5, 6);
  assert.deepEqual(run(takeRows(2, 2, 3, 7), 4, [x, Int32Array.of(-1, 1)]), [[5, 6, 3, 4], 0]);
  assert.deepEqual(run(takeRows(2, 2, 3, 7), 4, [x, Int32Array.of(3, -4)]), [[5, 6, 1, 2], 7]);
});

test("guards keep loads inside and give the fill", () => {
  const k = new KernelBuilder(grid(4));
  const guards = [{ ix: affine(-1, [0, 1]), lo: 0, hi: 2 }];
  k.store(k.load(affine(-1, [0, 1]), float32, guards, 9), 1, affine(0, [0, 1]));
  assert.deepEqual(run(k.build(), 4, [f32(1, 2)])[0], [9, 1, 2, 9]);
});

test("a load outside its buffer is an error", () => {
  const k = new KernelBuilder(grid(3));
  k.store(k.load(affine(0, [0, 1])), 1, affine(0, [0, 1]));
  assert.throws(() => run(k.build(), 3, [f32(1, 2)]), /index 2 is outside buffer 0 of 2/);
});

test("quotients and remainders of positions", () => {
  const k = new KernelBuilder(grid(6));
  const at = affine(0, [0, 1]);
  const quotient = k.val({
    op: "coord",
    dtype: "i32",
    ix: { k: "div", of: at, by: 3, stride: 10 },
  });
  const remainder = k.val({
    op: "coord",
    dtype: "i32",
    ix: { k: "mod", of: at, by: 3, stride: 1 },
  });
  const sum = k.scalar("cast", "f32", k.scalar("add", "i32", quotient, remainder));
  assert.deepEqual(run(k.store(sum, 1, at).build(), 6, [])[0], [0, 1, 2, 10, 11, 12]);
});

test("argmax keeps the first extremum and skips NaN unless it comes first", () => {
  const argmax = (...x: readonly number[]): number => {
    const k = new KernelBuilder(grid(1), row(x.length));
    const at = k.val({ op: "coord", dtype: "i32", ix: affine(0, [1, 1]) });
    const best = k.reduce("argmax", "u32", k.load(affine(0, [0, x.length], [1, 1])), 2, at);
    return (
      run(k.store(k.scalar("cast", "f32", best), 1, affine(0, [0, 1])).build(), 1, [
        f32(...x),
      ])[0][0] ?? -1
    );
  };
  assert.equal(argmax(1, 3, 3, 2), 1);
  assert.equal(argmax(1, Number.NaN, 5), 2);
  assert.equal(argmax(Number.NaN, 7), 0);
});

test("float32 sums carry their rounding errors", () => {
  const k = new KernelBuilder(grid(1), row(4));
  const total = k.reduce("sum", "f32", k.load(affine(0, [1, 1])), 2);
  assert.deepEqual(
    run(k.store(total, 1, affine(0, [0, 1])).build(), 1, [f32(1e20, 1, -1e20, 1)])[0],
    [2],
  );
});

test("integer contraction wraps", () => {
  const k = new KernelBuilder(grid(1), contracted(2));
  const a = k.load(affine(0, [1, 1]), int64);
  const b = k.load(affine(0, [1, 1]), int64);
  k.store(k.val({ op: "contract", dtype: "i64", a, b, over: 2 }), 1, affine(0, [0, 1]), int64);
  const out = new BigInt64Array(1);
  const x = BigInt64Array.of(2n ** 62n, 3n);
  interpret(k.build(), 1, [bytes(x), bytes(BigInt64Array.of(2n, 1n)), bytes(out)], [], { code: 0 });
  assert.equal(out[0], -(2n ** 63n) + 3n);
});

const stored = (storage: DType, v: Value): Value => {
  const e = elementsOf(storage, new Uint8Array(storage.size + 1).subarray(1));
  e.set(0, v);
  return e.get(0);
};

test("stores narrow once", () => {
  assert.equal(stored(float16, 2049), 2048);
  assert.equal(stored(float16, 65520), Infinity);
  assert.equal(stored(bfloat16, 257), 256);
  assert.equal(stored(float64, 0.1), 0.1);
  assert.equal(stored(int8, 200), -56);
  assert.equal(stored(uint8, -1), 255);
  assert.equal(stored(uint64, 2n ** 64n - 1n), 2n ** 64n - 1n);
  assert.equal(stored(bool, 1), 1);
});

const apply = (
  fn: Parameters<typeof scalarFunction>[0],
  type: ComputeType,
  ...v: readonly Value[]
): Value => scalarFunction(fn, type, type)(v[0] ?? 0, v[1] ?? 0, v[2] ?? 0);

test("integers wrap and divide toward zero", () => {
  assert.equal(apply("add", "i32", 2147483647, 1), -2147483648);
  assert.equal(apply("mul", "u32", 4294967295, 4294967295), 1);
  assert.equal(apply("div", "i32", -7, 2), -3);
  assert.equal(apply("div", "i32", -2147483648, -1), -2147483648);
  assert.equal(apply("div", "i64", 5n, 0n), 0n);
  assert.equal(apply("rem", "i32", -7, 3), 2);
  assert.equal(apply("rem", "i64", 7n, -3n), -2n);
  assert.equal(apply("pow", "i32", 3, 21), 1870418611);
  assert.equal(apply("pow", "i64", 2n, -1n), 0n);
  assert.equal(apply("neg", "u32", 1), 4294967295);
  assert.equal(apply("abs", "i32", -2147483648), -2147483648);
});

test("shifts by the width or more", () => {
  assert.equal(apply("shl", "u32", 1, 32), 0);
  assert.equal(apply("shr", "i32", -5, 40), -1);
  assert.equal(apply("shr", "u32", 4294967295, 31), 1);
  assert.equal(apply("shl", "i64", 1n, 63n), -(2n ** 63n));
  assert.equal(apply("shr", "i64", -1n, 99n), -1n);
  assert.equal(apply("rotl", "u32", 0x80000001, 1), 3);
});

test("floats: signs, rounding, remainders, powers", () => {
  assert.equal(apply("round", "f64", 2.5), 2);
  assert.equal(apply("round", "f64", -1.5), -2);
  assert.ok(Object.is(apply("round", "f64", -0.5), -0));
  assert.equal(apply("sign", "f32", Number.NaN), 0);
  assert.equal(apply("rem", "f64", -1, 3), 2);
  assert.equal(apply("pow", "f64", 1, Number.NaN), 1);
  assert.equal(apply("max", "f32", Number.NaN, 1), Number.NaN);
  assert.equal(apply("add", "f32", 16777216, 1), 16777216);
  assert.ok(Math.abs(Number(apply("erf", "f64", 0.5)) - 0.5204998778130465) < 1e-15);
  assert.ok(Math.abs(Number(apply("erfinv", "f64", 0.5204998778130465)) - 0.5) < 1e-15);
});

const cast = (from: ComputeType, to: ComputeType, v: Value): Value =>
  scalarFunction("cast", from, to)(v, 0, 0);

test("casts", () => {
  assert.equal(cast("f32", "i32", 3e9), 2147483647);
  assert.equal(cast("f32", "u32", -1), 0);
  assert.equal(cast("f64", "i64", Number.NaN), 0n);
  assert.equal(cast("f64", "u64", 1e30), 2n ** 64n - 1n);
  assert.equal(cast("f32", "bool", Number.NaN), 1);
  assert.equal(cast("i32", "u32", -1), 4294967295);
  assert.equal(cast("i64", "i32", 2n ** 32n + 5n), 5);
  // Rounding to float64 first would end on the other side of the tie.
  assert.equal(cast("i64", "f32", 2n ** 60n + 2n ** 36n + 1n), 2 ** 60 + 2 ** 37);
  assert.equal(scalarFunction("bitcast", "f32", "u32")(1, 0, 0), 0x3f800000);
  assert.equal(scalarFunction("bitcast", "i64", "f64")(0x3ff0000000000000n, 0, 0), 1);
  assert.equal(asType("u32", -1), 4294967295);
  assert.equal(asType("i64", 7), 7n);
});

test("an instruction on a type it is not defined on is an error", () => {
  assert.throws(() => scalarFunction("sin", "i32", "i32"), /sin is not defined on i32/);
});

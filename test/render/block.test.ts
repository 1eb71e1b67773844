/** The function builder: loops, hoisting, fusing, branches. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Code } from "../../src/render/wasm/block.js";
import { Module } from "../../src/render/wasm/encoder.js";
import { Lanes } from "../../src/render/wasm/lanes.js";

const features = { relaxed: false, shared: false };

/** Compiles `k(a, b, c, d)` and runs it on a memory of floats. */
function build(fill: (code: Code, lanes: (n: number, float?: "f32" | "f64") => Lanes) => void) {
  const module = new Module(features);
  const func = module.func(["i32", "i32", "i32", "i32"]);
  const code = new Code(func, features);
  const host = (fn: string, arity: number) =>
    module.import("m", fn, arity === 1 ? ["f64"] : ["f64", "f64"], ["f64"]);
  fill(code, (n, float = "f32") => new Lanes(code, float, n, features, host));
  code.finish();
  module.export("k", func);
  const memory = new WebAssembly.Memory({ initial: 1 });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.bytes()), {
    env: { memory },
    m: { sin: Math.sin, pow: Math.pow },
  });
  const { k } = instance.exports;
  assert.ok(typeof k === "function");
  return { run: k, memory };
}

test("a loop with hoisted constants, a branch and an accumulator", () => {
  const { run, memory } = build((code, lanes) => {
    const v = lanes(4);
    const total = code.variable(v.constant(0));
    code.loop(code.i32(0), code.param(2), 4, (i) => {
      const at = code.op("i32.add", code.param(0), code.op("i32.shl", i, code.i32(2)));
      const x = code.load("v128.load", at);
      const y = v.add(v.mul(x, v.constant(3)), v.constant(1));
      const z = v.unless(v.gt(y, v.constant(10)), () => v.neg(v.mul(y, y)), y);
      code.store(
        "v128.store",
        code.op("i32.add", code.param(1), code.op("i32.shl", i, code.i32(2))),
        z,
      );
      code.set(total, v.add(code.get(total), z));
    });
    code.store("v128.store", code.param(3), code.get(total));
  });
  const f = new Float32Array(memory.buffer);
  for (let i = 0; i < 8; i++) f[i] = i;
  run(0, 64, 8, 128);
  const expected = Array.from({ length: 8 }, (_, i) =>
    3 * i + 1 > 10 ? -((3 * i + 1) ** 2) : 3 * i + 1,
  );
  assert.deepEqual([...f.subarray(16, 24)], expected);
  assert.deepEqual(
    [...f.subarray(32, 36)],
    [0, 1, 2, 3].map((i) => (expected[i] ?? 0) + (expected[i + 4] ?? 0)),
  );
});

test("nested loops reuse outer values", () => {
  const { run, memory } = build((code) => {
    const total = code.variable(code.i32(0));
    code.loop(code.i32(0), code.param(0), 1, (i) => {
      const square = code.op("i32.mul", i, i);
      code.loop(code.i32(0), code.param(1), 1, (j) => {
        code.set(total, code.op("i32.add", code.get(total), code.op("i32.mul", square, j)));
      });
      code.if(code.op("i32.eq", i, code.i32(1)), () => {
        code.set(
          total,
          code.op("i32.add", code.get(total), code.op("i32.add", square, code.i32(1000))),
        );
      });
    });
    code.store("i32.store", code.param(2), code.get(total));
  });
  run(3, 4, 8, 0);
  assert.equal(new Int32Array(memory.buffer)[2], (0 + 1 + 4) * (0 + 1 + 2 + 3) + 1001);
});

for (const [float, n] of [
  ["f32", 1],
  ["f32", 4],
  ["f64", 1],
  ["f64", 2],
] as const) {
  test(`${float} on ${n} lanes: conversions, bits, copysign, host`, () => {
    const results: number[] = [];
    const { run, memory } = build((code, lanes) => {
      const v = lanes(n, float);
      const bytes = float === "f32" ? 4 : 8;
      const store = n === 1 ? `${float}.store` : "v128.store";
      const x = code.load(n === 1 ? `${float}.load` : "v128.load", code.param(0));
      const write = (at: number, value: number): void =>
        code.store(store, code.param(1), value, at * bytes * n);
      write(0, v.toFloat(v.toInt(x)));
      write(1, v.copysign(v.constant(2), x));
      write(2, v.host("sin", x));
      write(3, v.host("pow", v.constant(2), x));
      write(4, v.fromBits(v.ixor(v.bitsOf(x), v.bitsOf(v.constant(-0)))));
      write(
        5,
        v.select(v.not(v.both(v.lt(x, v.constant(0)), v.ge(x, v.constant(-2)))), x, v.constant(9)),
      );
      write(6, v.toFloat(v.ishr(v.toInt(v.mul(x, v.constant(8))), 1)));
    });
    const memoryView =
      float === "f32" ? new Float32Array(memory.buffer) : new Float64Array(memory.buffer);
    memoryView.set([-1.5, 2.75, -7, 3]);
    run(0, 128, 0, 0);
    const at = 128 / memoryView.BYTES_PER_ELEMENT;
    const round = float === "f32" ? Math.fround : (t: number) => t;
    for (let lane = 0; lane < n; lane++) {
      const x = [-1.5, 2.75, -7, 3][lane] ?? 0;
      for (let r = 0; r < 7; r++) results[r] = memoryView[at + r * n + lane] ?? Number.NaN;
      const expected = [
        Math.trunc(x),
        x < 0 ? -2 : 2,
        round(Math.sin(x)),
        round(2 ** x),
        -x,
        x < 0 && x >= -2 ? 9 : x,
        Math.floor((x * 8) / 2),
      ];
      assert.deepEqual(results, expected);
    }
  });
}

/** WebAssembly as text: exact for a module that has everything, and complete for what is generated. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { walkerModule } from "../../src/device/wasm/walker.js";
import { disassemble } from "../../src/render/wasm/disassemble.js";
import { Module } from "../../src/render/wasm/encoder.js";
import { render } from "../../src/render/wasm/index.js";
import { opcode } from "../../src/render/wasm/opcodes.js";
import { randomCase } from "../kernel/random-kernels.js";
import { randomProduct } from "../kernel/random-products.js";

test("a small module, exactly", () => {
  const m = new Module({ shared: true, table: true });
  const sin = m.import("m", "sin", ["f64"], ["f64"]);
  const f = m.func(["i32", "f32"], ["i32"]);
  const v = f.local("v128");
  f.block((out) => {
    f.loop((again) => {
      f.get(0).brIf(again).br(out);
    });
  });
  f.get(0).i32(-70000).op("i32.add").op("i32.load", 8).drop();
  f.f64(0.1).call(sin).drop().f32(Number.NaN).drop().f32(-0).drop().i64(-5n).drop();
  f.v128(Uint8Array.from({ length: 16 }, (_, i) => i)).tee(v);
  f.get(v).op("i8x16.shuffle", ...Array.from({ length: 16 }, (_, i) => 31 - i));
  f.op("f32x4.extract_lane", 3).get(1).op("f32.lt");
  f.if(
    () => f.i32(1),
    () => f.i32(2),
    "i32",
  );
  m.export("k", f);
  assert.equal(
    disassemble(m.bytes()),
    `(module
  (type (;0;) (func (param f64) (result f64)))
  (type (;1;) (func (param i32 f32) (result i32)))
  (import "m" "sin" (func (;0;) (type 0)))
  (import "env" "memory" (memory 0 65536 shared))
  (import "env" "table" (table 0 funcref))
  (export "k" (func 1))
  (func (;1;) (type 1) (param i32 f32) (result i32)
    (local v128)
    block
      loop
        local.get 0
        br_if 0
        br 1
      end
    end
    local.get 0
    i32.const -70000
    i32.add
    i32.load offset=8
    drop
    f64.const 0.1
    call 0
    drop
    f32.const nan:0x400000
    drop
    f32.const -0
    drop
    i64.const -5
    drop
    v128.const i32x4 0x3020100 0x7060504 0xb0a0908 0xf0e0d0c
    local.tee 2
    local.get 2
    i8x16.shuffle 31 30 29 28 27 26 25 24 23 22 21 20 19 18 17 16
    f32x4.extract_lane 3
    local.get 1
    f32.lt
    if (result i32)
      i32.const 1
    else
      i32.const 2
    end
  )
)`,
  );
});

/** Each instruction of the text, by name, is one that the encoder knows or one of its own. */
const own =
  /^(?:block|loop|if|else|end|br|br_if|return|call|call_indirect|drop|select|unreachable|nop|local\.(?:get|set|tee)|(?:i32|i64|f32|f64|v128)\.const|memory\.(?:copy|fill))$/;

test("everything that is generated can be read", () => {
  const modules = [walkerModule(true), walkerModule(false)];
  for (let seed = 0; seed < 40; seed++) {
    const features = { relaxed: seed % 2 === 0, shared: seed % 3 === 0, wide: seed % 4 === 1 };
    modules.push(render(randomCase(seed).kernel, features).code.bytes());
    modules.push(render(randomProduct(seed).kernel, features).code.bytes());
  }
  let instructions = 0;
  for (const bytes of modules) {
    for (const line of disassemble(bytes).split("\n")) {
      const name = /^ {4,}([a-z]\S*)/.exec(line)?.[1];
      if (name === undefined) continue;
      instructions++;
      if (!own.test(name)) assert.doesNotThrow(() => opcode(name), line);
    }
  }
  assert.ok(instructions > 10_000, `${instructions} instructions`);
});

test("what is no module of ours is refused", () => {
  const bytes = walkerModule(false);
  assert.throws(() => disassemble(bytes.subarray(0, bytes.length - 20)), {
    name: "InternalError",
    message: /ends too early|ends at another place/,
  });
});

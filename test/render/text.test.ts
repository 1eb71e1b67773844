/** Snapshots of what is decided about typical kernels. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as d from "../../src/core/dtype.js";
import { textOf } from "../../src/render/wasm/text.js";
import { affine, Builder } from "./harness.js";

const lines = (text: string): string =>
  text
    .split("\n")
    .map((l) => l.trim())
    .filter((l) => l !== "")
    .join("\n");

test("softmax keeps its exponentials", () => {
  const b = new Builder(["grid", 0], ["row", 1024]);
  const ix = affine(0, [0, 1024], [1, 1]);
  const x = b.load(d.float32, ix);
  const e = b.op("exp", "f32", b.op("sub", "f32", x, b.reduce("max", x, [1])));
  b.store(d.float32, ix, b.op("div", "f32", e, b.reduce("sum", e, [1])), [0, 1]);
  assert.equal(
    textOf(b.kernel()),
    lines(`
      a0 grid ?, a1 row 1024
      b0 read float32
      b1 write float32
      %0 f32 = b0[a0·1024 + a1]
      %1 f32 = max %0 over {a1}
      %2 f32 = sub %0 %1
      %3 f32 = exp %2
      %4 f32 = sum %3 over {a1}
      %5 f32 = div %3 %4
      b1[a0·1024 + a1] = %5 for {a0 a1}
      4 lanes of 4 bytes along a1; tile a0:11
      loop 0 over {a1}: reduces %1
      loop 1 over {a1}: reduces %4, keeps %3
      loop 2 over {a1}: stores b1`),
  );
});

test("a transposed operand, a pad and a sum down the columns", () => {
  const t = new Builder(["grid", 0], ["grid", 2048]);
  const x = t.load(d.float32, affine(0, [0, 1], [1, 2048]));
  const y = t.load(d.float32, affine(-1, [0, 2048], [1, 1]), [
    { ix: affine(0, [1, 1]), lo: 1, hi: 9 },
  ]);
  t.store(d.float32, affine(0, [0, 2048], [1, 1]), t.op("add", "f32", x, y), [0, 1]);
  assert.equal(
    textOf(t.kernel()),
    lines(`
      a0 grid ?, a1 grid 2048
      b0 read float32
      b1 read float32
      b2 write float32
      %0 f32 = b0[a0 + a1·2048]
      %1 f32 = b1[a0·2048 + a1 + -1] if 1 <= a1 < 9 else 0
      %2 f32 = add %0 %1
      b2[a0·2048 + a1] = %2 for {a0 a1}
      4 lanes of 4 bytes along a1, transposed across a0; tile a0:128 a1:512
      each point: stores b2`),
  );
  const c = new Builder(["grid", 0], ["row", 4096]);
  const z = c.load(d.float64, affine(0, [0, 1], [1, 64]));
  c.store(d.float64, affine(0, [0, 1]), c.reduce("sum", z, [1]), [0]);
  assert.match(
    textOf(c.kernel()),
    /2 lanes of 8 bytes along a0; tile a0:\d+\nloop 0 over \{a1\}: reduces %1\neach point: stores b1$/,
  );
});

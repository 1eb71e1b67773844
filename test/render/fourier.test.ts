/** Rendered Fourier transforms are those of the reference, over lengths, layouts, directions and ways to cut them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { complex64 } from "../../src/core/dtype.js";
import type { Routine } from "../../src/core/routine.js";
import { fourierBytes } from "../../src/kernel/fourier/index.js";
import { interpretRoutine } from "../../src/kernel/routines-reference.js";
import { disassemble } from "../../src/render/wasm/disassemble.js";
import { fourierWork } from "../../src/render/wasm/fourier/index.js";
import { render } from "../../src/render/wasm/index.js";
import { RenderedProgram } from "../support/rendered.js";

type Fourier = Extract<Routine, { routine: "fourier" }>;

const routine = (
  n: number,
  outer: number,
  inner: number,
  more: Partial<Fourier> = {},
): Fourier => ({
  routine: "fourier",
  dtype: complex64,
  what: "forward",
  n,
  outer,
  inner,
  scale: 1,
  doubled: false,
  ...more,
});

const compare = (r: Fourier): void => {
  const [count = 0, results = 0] = fourierBytes(r).map((bytes) => bytes / 4);
  let seed = 3;
  const x = Float32Array.from({ length: count }, () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    return seed / 2 ** 31;
  });
  const bytes = new Uint8Array(x.buffer);
  const want = new Float32Array(results);
  interpretRoutine(r, [bytes, new Uint8Array(want.buffer)]);
  const ran = new RenderedProgram(r).run([bytes], [4 * results]);
  const got = new Float32Array(ran.outputs[0]?.slice().buffer ?? new ArrayBuffer(0));
  // Both compute in doubles: what differs is the last rounding, and next to zero what doubles lose.
  const size = Math.sqrt(r.n) * r.scale;
  got.forEach((g, i) => {
    const w = want[i] ?? 0;
    const most = Math.abs(w) * 1.2e-7 + size * 1e-14;
    if (!(Math.abs(g - w) <= most)) assert.fail(`${r.what} ${r.n}, word ${i}: ${g} for ${w}`);
  });
};

test("lines side by side", () => {
  for (const n of [1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 16, 30, 49, 60, 128, 210, 1001, 4096])
    for (const [outer, inner] of [
      [8, 1],
      [19, 1],
      [3, 5],
      [2, 16],
    ] as const)
      compare(routine(n, outer, inner));
});

test("few lines and long ones as matrices", () => {
  for (const n of [512, 600, 1000, 1024, 8192, 10_000, 15_015, 3 ** 9, 2 ** 15])
    for (const [outer, inner] of [
      [1, 1],
      [2, 1],
      [1, 3],
    ] as const)
      compare(routine(n, outer, inner));
});

test("inverse transforms and scales", () => {
  for (const n of [1, 4, 15, 64, 2048, 2 ** 14])
    for (const scale of [1, 1 / n, Math.sqrt(1 / n)]) {
      compare(routine(n, 1, 1, { what: "inverse", scale }));
      compare(routine(n, 9, 2, { what: "inverse", scale }));
    }
});

test("what is not finite stays in its line", () => {
  const n = 64;
  const x = new Float32Array(2 * n * 9).fill(1);
  x[2 * n * 4 + 3] = Number.NaN;
  const bytes = new Uint8Array(x.buffer);
  const { outputs } = new RenderedProgram(routine(n, 9, 1)).run([bytes], [bytes.length]);
  const got = new Float32Array(outputs[0]?.slice().buffer ?? new ArrayBuffer(0));
  for (let i = 0; i < 9 * n; i++) {
    const parts = [got[2 * i] ?? 0, got[2 * i + 1] ?? 0];
    // A quarter of a turn exchanges parts: one of the two may be finite.
    assert.equal(parts.some(Number.isNaN), Math.floor(i / n) === 4);
  }
});

test("real transforms", () => {
  for (const what of ["real", "half"] as const)
    for (const n of [2, 4, 6, 10, 16, 26, 128, 210, 1000, 8192])
      for (const outer of [1, 2, 5, 19]) {
        assert.notEqual(fourierWork(routine(n, outer, 1, { what })), null);
        for (const doubled of [false, true])
          compare(routine(n, outer, 1, { what, doubled, scale: 1 / n }));
      }
});

test("large prime factors and nothing at all are left to JavaScript, and some real transforms", () => {
  assert.equal(fourierWork(routine(17, 4, 1)), null);
  assert.equal(fourierWork(routine(2 * 8191, 1, 1)), null);
  assert.equal(fourierWork(routine(8, 0, 1)), null);
  for (const [n, inner] of [
    [9, 1],
    [8, 2],
    [2 ** 14, 1],
    [34, 1],
  ] as const)
    assert.equal(fourierWork(routine(n, 4, inner, { what: "real" })), null);
  assert.notEqual(fourierWork(routine(2 ** 20, 1, 1)), null);
});

test("its tables are read back as text, also those of several kernels in one module", () => {
  const codeOf = (n: number) => render(routine(n, 8, 1), { relaxed: false, shared: false }).code;
  const text = disassemble(codeOf(64).bytes([codeOf(32), codeOf(16)]));
  for (const n of [0, 1, 2]) {
    assert.match(text, new RegExp(`memory\\.init ${n}\n`));
    assert.match(text, new RegExp(`\\(data \\(;${n};\\)`));
  }
  assert.ok(WebAssembly.validate(codeOf(64).bytes([codeOf(32), codeOf(16)])));
});

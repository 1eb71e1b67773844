/** Rendered attention and its gradient are the reference's, over shapes, masks and dtypes, with and without fused products. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bfloat16, bool, type DType, float16, float32 } from "../../src/core/dtype.js";
import type { AttentionSizes, Routine } from "../../src/core/routine.js";
import { interpretRoutine } from "../../src/kernel/routines-reference.js";
import { RenderedProgram } from "../support/rendered.js";
import { bytesOf, elements, random } from "./harness.js";

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

const plain: AttentionSizes = {
  dtype: float32,
  outer: 1,
  batch: 1,
  heads: 1,
  keyHeads: 1,
  queries: 7,
  keys: 9,
  depth: 4,
  width: 4,
  scale: 0.5,
  causal: false,
  mask: null,
};

const tolerances: Readonly<Record<string, number>> = {
  float32: 2e-6,
  float16: 2 ** -10,
  bfloat16: 2 ** -7,
};

/**
 * Gaps relative to the largest number; infinities and NaN must be the same. Scores `far` apart are rounded as much more
 * coarsely, and what they are exponents of with them.
 */
const compare = (
  dtype: DType,
  got: Uint8Array,
  want: Uint8Array,
  far: number,
  what: string,
): void => {
  const [g, w] = [elements(dtype, got).map(Number), elements(dtype, want).map(Number)];
  const size = Math.max(1e-3, ...w.filter(Number.isFinite).map(Math.abs));
  w.forEach((v, i) => {
    const u = g[i] ?? 0;
    const ok = Object.is(u, v) || Math.abs(u - v) <= (tolerances[dtype.name] ?? 0) * far * size;
    assert.ok(ok, `${what}: element ${i} is ${u}, want ${v}`);
  });
};

const run = (
  r: Routine,
  inputs: readonly (readonly [DType, Uint8Array])[],
  outputs: readonly (readonly [DType, number])[],
  far: number,
  what: string,
): void => {
  const bytes = outputs.map(([dtype, n]) => n * dtype.size);
  const want = bytes.map((n) => new Uint8Array(n));
  const ins = inputs.map(([, b]) => b);
  interpretRoutine(r, [...ins, ...want]);
  for (const name of ["plain", "fused", "wide"]) {
    const features = { relaxed: name !== "plain", wide: name === "wide", shared: false };
    const ran = new RenderedProgram(r, features).run(ins, bytes);
    outputs.forEach(([dtype], i) => {
      const [a, b] = [ran.outputs[i], want[i]];
      assert.ok(a && b);
      compare(dtype, a, b, far, `${what}, ${name}, result ${i}`);
    });
  }
};

const both = (more: Partial<AttentionSizes>, sinks = false, far = 1): void => {
  const s: AttentionSizes = { ...plain, ...more };
  const next = random(sizeOf([s.queries, s.keys, s.depth, s.width]));
  const normal = (): number => (next() + next() + next() - 1.5) * 2;
  const fill = (
    dtype: DType,
    shape: readonly number[],
    factor = 1,
  ): readonly [DType, Uint8Array] => [
    dtype,
    bytesOf(dtype, sizeOf(shape), () => normal() * factor),
  ];
  const { dtype, outer, batch, heads, keyHeads, queries, keys, depth, width } = s;
  const rows = [outer, batch, heads, queries];
  const q = fill(dtype, [...rows, depth], far);
  const k = fill(dtype, [outer, batch, keyHeads, keys, depth]);
  const v = fill(dtype, [outer, batch, keyHeads, keys, width]);
  const mask = s.mask === null ? [] : [fill(s.mask.dtype, [outer, ...s.mask.shape])];
  const sink = sinks ? [fill(float32, [outer, heads])] : [];
  const n = sizeOf(rows);
  const what = JSON.stringify({ ...more, dtype: dtype.name, sinks });
  const results = [
    [dtype, n * width],
    [float32, n],
    [float32, n],
  ] as const;
  const forward: Routine = { routine: "attention", ...s, sinks };
  run(forward, [q, k, v, ...mask, ...sink], results, far, `${what}, forward`);
  const [out, top, total] = results.map(([d, m]) => new Uint8Array(m * d.size));
  assert.ok(out && top && total);
  interpretRoutine(forward, [...[q, k, v, ...mask, ...sink].map(([, b]) => b), out, top, total]);
  const g = fill(dtype, [...rows, width]);
  const delta = fill(float32, rows, 0.3);
  run(
    { routine: "attentionGradient", ...s },
    [q, k, v, ...mask, [float32, top], [float32, total], g, delta],
    [
      [dtype, n * depth],
      [dtype, sizeOf([outer, batch, keyHeads, keys, depth])],
      [dtype, sizeOf([outer, batch, keyHeads, keys, width])],
    ],
    far,
    `${what}, gradient`,
  );
};

test("one block, of any sizes", () => {
  both({});
  both({ queries: 1, keys: 1, depth: 1, width: 1 });
  both({ queries: 3, keys: 17, depth: 5, width: 3 });
  both({ queries: 16, keys: 8, depth: 12, width: 20 });
  both({ outer: 2, batch: 3, heads: 2, keyHeads: 2 });
});

test("several blocks of queries and keys", () => {
  both({ queries: 130, keys: 300, depth: 8, width: 12 });
  both({ queries: 241, keys: 270, depth: 3, width: 9, heads: 2, keyHeads: 1 });
});

test("rows whose largest score comes late, and scores far apart", () => {
  both({ queries: 12, keys: 600, depth: 4, width: 4 }, false, 40);
});

test("causal masks, square, with more keys and with fewer keys than queries", () => {
  for (const [queries, keys] of [
    [6, 6],
    [5, 11],
    [11, 5],
    [150, 150],
    [70, 290],
    [290, 140],
  ] as const)
    both({ queries, keys, causal: true, batch: 2 });
});

test("masks of every shape that broadcasts", () => {
  const sizes = { batch: 2, heads: 2, keyHeads: 1, queries: 5, keys: 11 };
  for (const shape of [
    [2, 2, 5, 11],
    [1, 2, 5, 11],
    [2, 1, 5, 11],
    [1, 1, 5, 11],
    [1, 1, 1, 11],
    [2, 2, 5, 1],
    [1, 1, 1, 1],
  ]) {
    for (const dtype of [bool, float32, float16, bfloat16]) {
      both({ ...sizes, mask: { dtype, shape } });
      both({ ...sizes, outer: 2, causal: true, mask: { dtype, shape } });
    }
  }
  both({ ...sizes, queries: 130, keys: 280, mask: { dtype: bool, shape: [1, 2, 130, 280] } });
});

test("sinks", () => {
  both({ outer: 2, batch: 2, heads: 4, keyHeads: 2 }, true);
  both({ queries: 130, keys: 280, causal: true }, true);
});

test("grouped queries", () => {
  both({ batch: 2, heads: 6, keyHeads: 2 });
  both({ batch: 1, heads: 3, keyHeads: 1, queries: 125, keys: 140, causal: true });
});

test("halves", () => {
  for (const dtype of [float16, bfloat16]) {
    both({ dtype, depth: 6, width: 10, queries: 9, keys: 33, causal: true }, true);
    both({ dtype, queries: 125, keys: 130, depth: 16, width: 8 });
  }
});

test("keys in parts whose contributions are added up", () => {
  both({ queries: 9, keys: 290, heads: 2, keyHeads: 1, dtype: float16 });
  both({ queries: 140, keys: 300, causal: true });
  both({ queries: 20, keys: 401 });
});

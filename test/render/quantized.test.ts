/** Rendered products with quantized matrices are the reference's: formats, both sides, shapes, picks and dtypes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bfloat16,
  type DType,
  float16,
  float32,
  int32,
  uint8,
  uint32,
} from "../../src/core/dtype.js";
import type { QuantizedFormat, QuantizedSizes, Routine } from "../../src/core/routine.js";
import { interpretRoutine } from "../../src/kernel/routines-reference.js";
import { RenderedProgram } from "../support/rendered.js";
import { bytesOf, elements, random } from "./harness.js";

const tolerances: Readonly<Record<string, number>> = {
  float32: 2e-6,
  float16: 2 ** -10,
  bfloat16: 2 ** -7,
};

const affine: QuantizedFormat = { mode: "affine", groupSize: 64, bits: 4 };

const formats: readonly QuantizedFormat[] = [
  ...[1, 2, 3, 4, 5, 6, 8].flatMap((bits) =>
    [32, 64, 128].map((groupSize) => ({ mode: "affine" as const, groupSize, bits })),
  ),
  { mode: "mxfp4", groupSize: 32, bits: 4 },
  { mode: "mxfp8", groupSize: 32, bits: 8 },
  { mode: "nvfp4", groupSize: 16, bits: 4 },
];

const compare = (more: Partial<QuantizedSizes>): void => {
  const format = more.format ?? affine;
  const s: QuantizedSizes = {
    format,
    dtype: float32,
    scales: format.mode === "affine" ? float32 : uint8,
    transpose: true,
    outer: 1,
    count: 1,
    matrices: 1,
    picks: false,
    rows: 2,
    depth: 128,
    columns: 128,
    ...more,
  };
  const r: Routine = { routine: "quantizedProduct", ...s };
  const next = random(7 + s.depth + 3 * s.rows);
  const numbers = s.outer * s.matrices * s.depth * s.columns;
  const fill = (dtype: DType, n: number, value: () => number): Uint8Array =>
    bytesOf(dtype, n, value);
  const groups = numbers / format.groupSize;
  const exponent = (): number => 117 + Math.floor(next() * 8);
  // Positive and negative ones, subnormal ones among them.
  const small = (): number => Math.floor(next() * 56) + (next() < 0.2 ? 128 : 0);
  const scale = {
    affine: () => (next() - 0.5) / 4,
    mxfp4: exponent,
    mxfp8: exponent,
    nvfp4: small,
  }[format.mode];
  const word = (): number => Math.floor(next() * 2 ** 32);
  const ins = [
    fill(s.dtype, s.outer * s.count * s.rows * s.depth, () => next() - 0.5),
    fill(uint32, (numbers * format.bits) / 32, word),
    fill(s.scales, groups, scale),
  ];
  if (format.mode === "affine") ins.push(fill(s.scales, groups, () => next() - 0.5));
  const pick = (): number => Math.floor(next() * s.matrices);
  if (s.picks) ins.push(fill(int32, s.outer * s.count, pick));
  const size = s.outer * s.count * s.rows * s.columns * s.dtype.size;
  const want = new Uint8Array(size);
  interpretRoutine(r, [...ins, want]);
  const expected = elements(s.dtype, want).map(Number);
  const largest = Math.max(...expected.map(Math.abs));
  assert.ok(largest > 0 && Number.isFinite(largest), "the case says something");
  for (const relaxed of [false, true]) {
    const ran: { readonly outputs: readonly Uint8Array[] } = new RenderedProgram(r, {
      relaxed,
      shared: false,
    }).run(ins, [size]);
    const got = ran.outputs[0];
    assert.ok(got !== undefined);
    const what = JSON.stringify({ ...more, dtype: s.dtype.name, scales: s.scales.name, relaxed });
    elements(s.dtype, got).forEach((v, i) => {
      const [a, b] = [Number(v), expected[i] ?? 0];
      const gap = (tolerances[s.dtype.name] ?? 0) * largest;
      assert.ok(Math.abs(a - b) <= gap, `${what}: element ${i} is ${a}, want ${b}`);
    });
  }
};

for (const format of formats) {
  test(`${format.mode}, ${format.bits} bits, groups of ${format.groupSize}`, () => {
    for (const transpose of [true, false]) {
      for (const rows of [1, 3, 13]) compare({ format, transpose, rows });
    }
  });
}

test("any number of rows and columns", () => {
  for (const rows of [1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 121, 260])
    compare({ rows, depth: 64, columns: 7 });
  for (const columns of [1, 2, 3, 4, 5, 130, 241]) {
    compare({ columns, depth: 64, rows: 1 });
    compare({ columns, depth: 64, rows: 12 });
  }
  for (const rows of [1, 4, 6, 125, 250])
    compare({ rows, depth: 3, columns: 192, transpose: false });
});

test("several blocks of steps", () => {
  for (const rows of [1, 5, 11]) {
    compare({ rows, depth: 960, columns: 12 });
    compare({ rows, depth: 515, columns: 64, transpose: false });
    compare({ rows, depth: 515, columns: 640, transpose: false });
  }
});

test("stacks, and picks of their matrices", () => {
  for (const transpose of [true, false]) {
    for (const rows of [1, 9]) {
      const sizes = { transpose, rows, depth: 64, columns: 64 };
      compare({ ...sizes, count: 3, matrices: 3, outer: 2 });
      compare({ ...sizes, count: 5, matrices: 3, outer: 2, picks: true });
    }
  }
});

test("halves, in x and in scales", () => {
  for (const dtype of [float16, bfloat16]) {
    for (const transpose of [true, false]) {
      for (const rows of [1, 5, 20]) {
        compare({ dtype, transpose, rows });
        compare({ dtype, scales: dtype, transpose, rows });
        compare({ scales: dtype, transpose, rows });
      }
    }
    compare({ dtype, format: { mode: "mxfp8", groupSize: 32, bits: 8 }, rows: 3 });
  }
});

/** Rendered routines give the reference's bytes, over shapes, dtypes, modes and bad indices. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bool,
  complex64,
  type DType,
  dtypes,
  float16,
  float32,
  float64,
  int32,
  int64,
  uint8,
  uint32,
} from "../../src/core/dtype.js";
import type { Routine, ScatterMode } from "../../src/core/routine.js";
import { interpretRoutine } from "../../src/kernel/routines-reference.js";
import { RenderedProgram } from "../support/rendered.js";

let seed = 1;
const random = (): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
  return (seed >>> 8) / 2 ** 24;
};

const bfloat16Of = (x: number): number => new Uint32Array(new Float32Array([x]).buffer)[0] ?? 0;

/** Bytes of elements with ties, signed zeros, infinities and NaN where `special`. */
const elements = (dtype: DType, count: number, special: boolean): Uint8Array => {
  const bytes = new Uint8Array(count * dtype.size);
  const view = new DataView(bytes.buffer);
  const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0];
  const real = (): number =>
    special && random() < 0.3
      ? (odd[Math.floor(random() * odd.length)] ?? 0)
      : Math.round((random() * 4 - 2) * 16) / 16;
  for (let i = 0; i < count; i++) {
    switch (dtype.name) {
      case "bool":
        view.setUint8(i, random() < 0.5 ? 1 : 0);
        break;
      case "float16":
        // A NaN, an infinity, or any finite value, by its bits.
        view.setUint16(
          2 * i,
          special && random() < 0.3
            ? ([0x7e01, 0xfe00, 0x7c00, 0xfc00, 0x8000][Math.floor(random() * 5)] ?? 0)
            : Math.floor(random() * 0x4800) | (random() < 0.5 ? 0x8000 : 0),
          true,
        );
        break;
      case "bfloat16":
        view.setUint16(2 * i, bfloat16Of(real()) >>> 16, true);
        break;
      case "float32":
        view.setFloat32(4 * i, real(), true);
        break;
      case "float64":
        view.setFloat64(8 * i, real(), true);
        break;
      case "complex64":
        view.setFloat32(8 * i, real(), true);
        view.setFloat32(8 * i + 4, real(), true);
        break;
      default: {
        // Whole integers of every width, with ties.
        const wide = random() < 0.5;
        for (let b = 0; b < dtype.size; b++) {
          view.setUint8(
            i * dtype.size + b,
            wide ? Math.floor(random() * 256) : b === 0 ? i % 3 : 0,
          );
        }
      }
    }
  }
  return bytes;
};

const isNaNAt = (dtype: DType, view: DataView, i: number): boolean => {
  switch (dtype.name) {
    case "float16":
      return (view.getUint16(2 * i, true) & 0x7fff) > 0x7c00;
    case "bfloat16":
      return (view.getUint16(2 * i, true) & 0x7fff) > 0x7f80;
    case "float64":
      return Number.isNaN(view.getFloat64(8 * i, true));
    default:
      return Number.isNaN(view.getFloat32(4 * i, true));
  }
};

/** Equal bytes, except that any NaN is any other. */
const assertSame = (dtype: DType, got: Uint8Array, want: Uint8Array, what: string): void => {
  if (dtype.kind !== "float" && dtype.kind !== "complex") {
    assert.deepEqual(got, want, what);
    return;
  }
  const width = dtype.kind === "complex" ? 4 : dtype.size;
  const [g, w] = [new DataView(got.buffer, got.byteOffset), new DataView(want.buffer)];
  for (let i = 0; i < want.length / width; i++) {
    if (isNaNAt(dtype, w, i) && isNaNAt(dtype, g, i)) continue;
    const at = i * width;
    assert.deepEqual(got.slice(at, at + width), want.slice(at, at + width), `${what}, part ${i}`);
  }
};

const compare = (r: Routine, inputs: readonly Uint8Array[], outputs: readonly DType[]): number => {
  const first = inputs[0]?.length ?? 0;
  const elementsOut = first / r.dtype.size;
  const sizes = outputs.map((d) => elementsOut * d.size);
  const want = sizes.map((n) => new Uint8Array(n));
  const fault = interpretRoutine(r, [...inputs, ...want]);
  const got = new RenderedProgram(r).run(inputs, sizes);
  const what = JSON.stringify({ ...r, dtype: r.dtype.name });
  outputs.forEach((d, i) => {
    assertSame(d, got.outputs[i] ?? new Uint8Array(), want[i] ?? new Uint8Array(), what);
  });
  assert.equal(got.fault, fault, what);
  return fault;
};

const shapes: readonly (readonly [outer: number, length: number, inner: number])[] = [
  [1, 1, 1],
  [1, 37, 1],
  [3, 16, 1],
  [2, 5, 3],
  [2, 7, 8],
  [1, 9, 1030],
  [0, 4, 2],
  [2, 0, 3],
];

for (const dtype of dtypes) {
  test(`scan of ${dtype.name}`, () => {
    for (const [outer, length, inner] of shapes) {
      for (const how of ["sum", "prod", "max", "min"] as const) {
        for (const mode of [0, 1, 2, 3]) {
          const r: Routine = {
            routine: "scan",
            dtype,
            how,
            outer,
            length,
            inner,
            reverse: (mode & 1) === 1,
            exclusive: (mode & 2) === 2,
          };
          compare(r, [elements(dtype, outer * length * inner, mode > 1)], [dtype]);
        }
      }
    }
  });

  test(`sort of ${dtype.name}`, () => {
    for (const [outer, length, inner] of shapes) {
      const r: Routine = { routine: "sort", dtype, outer, length, inner };
      compare(r, [elements(dtype, outer * length * inner, true)], [dtype, uint32]);
    }
  });

  test(`scatter of ${dtype.name}`, () => {
    const layouts: readonly Pick<
      Extract<Routine, { routine: "scatter" }>,
      "shape" | "axes" | "slice" | "count"
    >[] = [
      { shape: [7, 21], axes: [0], slice: [1, 21], count: 12 },
      { shape: [7, 21], axes: [1], slice: [7, 1], count: 5 },
      { shape: [5, 6, 8], axes: [0, 2], slice: [2, 3, 5], count: 6 },
      { shape: [9], axes: [0], slice: [1], count: 20 },
      { shape: [4, 3], axes: [], slice: [4, 3], count: 1 },
      { shape: [0, 3], axes: [0], slice: [0, 3], count: 1 },
      { shape: [4, 3], axes: [0], slice: [1, 3], count: 0 },
    ];
    const modes: readonly ScatterMode[] = ["replace", "add", "prod", "max", "min"];
    for (const layout of layouts) {
      for (const mode of modes) {
        const product = (s: readonly number[]): number => s.reduce((a, b) => a * b, 1);
        const indices = layout.axes.map((axis) => {
          const room = (layout.shape[axis] ?? 0) - (layout.slice[axis] ?? 0) + 1;
          const list = Int32Array.from({ length: layout.count }, () => {
            const i = Math.floor(random() * room);
            return random() < 0.3 && i > 0 ? i - (layout.shape[axis] ?? 0) : i;
          });
          return new Uint8Array(list.buffer);
        });
        const r: Routine = { routine: "scatter", dtype, mode, code: 9, ...layout };
        const base = elements(dtype, product(layout.shape), mode !== "prod");
        const updates = elements(dtype, product(layout.slice) * layout.count, mode !== "prod");
        assert.equal(compare(r, [base, updates, ...indices], [dtype]), 0);
      }
    }
  });
}

test("scatter skips indices out of range and raises its code", () => {
  const r: Routine = {
    routine: "scatter",
    dtype: float32,
    mode: "add",
    shape: [4, 5],
    axes: [0],
    slice: [1, 5],
    count: 5,
    code: 77,
  };
  const indices = new Uint8Array(new Int32Array([0, 4, -5, -1, 2 ** 31 - 1]).buffer);
  const fault = compare(
    r,
    [elements(float32, 20, false), elements(float32, 25, false), indices],
    [float32],
  );
  assert.equal(fault, 77);
});

test("wide blocks are scattered in pieces", () => {
  for (const dtype of [float32, float16, uint8]) {
    for (const mode of ["replace", "add", "max"] as const) {
      const [rows, run, count] = [40, 256, 300];
      const indices = Int32Array.from(
        { length: count },
        (_, i) => ((i * 13) % rows) - (i & 1) * rows,
      );
      const r: Routine = {
        routine: "scatter",
        dtype,
        mode,
        shape: [rows, run],
        axes: [0],
        slice: [1, run],
        count,
        code: 5,
      };
      const base = elements(dtype, rows * run, false);
      const updates = elements(dtype, count * run, false);
      assert.equal(compare(r, [base, updates, new Uint8Array(indices.buffer)], [dtype]), 0);
    }
  }
});

test("an index beyond an empty axis is out of range", () => {
  const r: Routine = {
    routine: "scatter",
    dtype: int32,
    mode: "replace",
    shape: [0],
    axes: [0],
    slice: [1],
    count: 1,
    code: 3,
  };
  assert.equal(compare(r, [new Uint8Array(0), new Uint8Array(4), new Uint8Array(4)], [int32]), 3);
});

test("a long running sum stays accurate", () => {
  const length = 200_000;
  const x = new Float32Array(length).fill(0.1);
  const r: Routine = {
    routine: "scan",
    dtype: float32,
    how: "sum",
    outer: 1,
    length,
    inner: 1,
    reverse: false,
    exclusive: false,
  };
  const { outputs } = new RenderedProgram(r).run([new Uint8Array(x.buffer)], [4 * length]);
  const [out = new Uint8Array()] = outputs;
  const last = new DataView(out.buffer, out.byteOffset).getFloat32(4 * (length - 1), true);
  assert.equal(last, Math.fround(length * Math.fround(0.1)));
});

test("long scans in blocks agree with the reference", () => {
  // Whole numbers that stay below 2^53: the order of additions does not show.
  const shapes = [
    [1, 70_001, 1],
    [2, 40_003, 1],
    [1, 9_001, 5],
    [1, 3_000, 130],
  ] as const;
  for (const dtype of [int32, float32, float16, uint8, int64, float64]) {
    for (const [outer, length, inner] of shapes) {
      const bytes = new Uint8Array(outer * length * inner * dtype.size);
      const view = new DataView(bytes.buffer);
      for (let i = 0; i < outer * length * inner; i++) {
        const v = ((i * 7919) % 23) - 11;
        const at = i * dtype.size;
        if (dtype === float32) view.setFloat32(at, v, true);
        else if (dtype === float64) view.setFloat64(at, v, true);
        else if (dtype === float16)
          view.setUint16(at, 0x4000 + (i % 1000) + 0x8000 * (i & 1), true);
        else if (dtype === uint8) view.setUint8(at, i % 251);
        else if (dtype === int32) view.setInt32(at, v, true);
        else view.setBigInt64(at, BigInt(v), true);
      }
      for (const how of ["sum", "max", "min"] as const) {
        for (const mode of [0, 3]) {
          const [reverse, exclusive] = [(mode & 1) === 1, (mode & 2) === 2];
          const r: Routine = {
            routine: "scan",
            dtype,
            how,
            outer,
            length,
            inner,
            reverse,
            exclusive,
          };
          compare(r, [bytes], [dtype]);
        }
      }
    }
  }
});

test("long rows sort as the reference does", () => {
  const results = [undefined, "values", "indices"] as const;
  const outputs = (dtype: DType, only: (typeof results)[number]): readonly DType[] =>
    only === undefined ? [dtype, uint32] : [only === "values" ? dtype : uint32];
  for (const dtype of dtypes) {
    for (const only of results) {
      for (const [length, inner] of [
        [700, 1],
        [700, 3],
        [2100, 1],
        [37, 2],
      ] as const) {
        const shape = { outer: 2, length, inner };
        const r: Routine = { routine: "sort", dtype, ...shape, ...(only ? { only } : {}) };
        compare(r, [elements(dtype, 2 * length * inner, true)], outputs(dtype, only));
      }
    }
  }
});

test("few long rows, sorted in blocks, sort as the reference does", () => {
  const cases = [
    [float32, 2, 40_001, 1],
    [float16, 1, 33_000, 2],
    [int64, 1, 70_001, 1],
    [uint8, 1, 50_000, 1],
    [complex64, 1, 33_333, 1],
    [bool, 1, 40_000, 1],
    [float64, 1, 34_000, 1],
  ] as const;
  for (const [dtype, outer, length, inner] of cases) {
    for (const only of [undefined, "values", "indices"] as const) {
      const r: Routine = {
        routine: "sort",
        dtype,
        outer,
        length,
        inner,
        ...(only ? { only } : {}),
      };
      const out = only === undefined ? [dtype, uint32] : [only === "values" ? dtype : uint32];
      const bytes = elements(dtype, outer * length * inner, true);
      // Upper bytes that are all alike are skipped.
      if (dtype === int64) for (let i = 0; i < bytes.length; i++) if (i % 8 > 2) bytes[i] = 0;
      compare(r, [bytes], out);
    }
  }
});

/** Rendered reductions equal the interpreter's: rows, columns, stages, terminal reductions into partial buffers. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { DType } from "../../src/core/dtype.js";
import * as d from "../../src/core/dtype.js";
import { computeTypeOf } from "../../src/core/scalar.js";

import type { Kernel } from "../../src/kernel/ir.js";
import { slabRows } from "../../src/kernel/ir.js";
import { affine, agree, Builder, bytesOf, elements, execute, mask } from "./harness.js";

const lengths = [0, 1, 3, 4, 5, 16, 37, 200];
const numeric = d.dtypes.filter((t) => t !== d.complex64 && t !== d.bool);

/** [m, n] reduced over its last axis, or its first one (`turned`), which then is not contiguous. */
function reduction(
  storage: DType,
  n: number,
  how: "sum" | "prod" | "max" | "min",
  turned: number,
): Kernel {
  const b = new Builder(["grid", 0], ["row", n]);
  const t = computeTypeOf(storage);
  const x = b.load(
    storage,
    turned > 0 ? affine(0, [0, 1], [1, turned]) : affine(0, [0, n], [1, 1]),
  );
  const r = b.reduce(how, x, [1]);
  const narrow = {
    int8: "wrap_i8",
    int16: "wrap_i16",
    uint8: "wrap_u8",
    uint16: "wrap_u16",
  } as const;
  const fn = Object.entries(narrow).find(([name]) => name === storage.name)?.[1];
  b.store(storage, affine(0, [0, 1]), fn === undefined ? r : b.op(fn, t, r), [0]);
  return b.kernel();
}

for (const how of ["sum", "prod", "max", "min"] as const) {
  test(`${how} over rows and columns, every type`, () => {
    for (const storage of d.dtypes.filter((t) => t !== d.complex64)) {
      const all = storage === d.float32;
      for (const n of all ? lengths : [0, 1, 5, 37]) {
        for (const m of all ? [1, 3, 9, 70] : [1, 9]) {
          for (const turned of [0, m]) {
            const narrow = storage === d.float16 || storage === d.bfloat16;
            agree(reduction(storage, n, how, turned), m, [m * n, m], {
              make:
                how === "prod"
                  ? (_, i) => (((i * 7) % 5) - 2) / 2 + 1.25
                  : (_, i) => ((i * 37) % 100) / 7 - 3,
              ulps: how === "max" || how === "min" ? 0 : narrow ? 1 : 60,
              absolute:
                how === "sum" && storage.kind === "float"
                  ? storage === d.float64
                    ? 1e-10
                    : narrow
                      ? 1
                      : 1e-3
                  : 0,
              label: `${storage} ${m}x${n} ${turned}`,
            });
          }
        }
      }
    }
  });
}

test("NaN and infinities through max and min", () => {
  for (const how of ["max", "min"] as const) {
    for (const at of [-1, 0, 5, 18]) {
      for (const turned of [0, 6]) {
        const make = (_: number, i: number): number =>
          i % 19 === at ? Number.NaN : i === 3 ? Infinity : i === 4 ? -Infinity : i % 7;
        agree(reduction(d.float32, 19, how, turned), 6, [6 * 19, 6], { make });
      }
    }
  }
});

test("argmax and argmin: first extremum, NaN only when first, every type", () => {
  for (const storage of d.dtypes.filter((t) => t !== d.complex64)) {
    for (const how of ["argmax", "argmin"] as const) {
      for (const n of [0, 1, 4, 9, 50]) {
        for (const turned of [0, 5]) {
          for (const special of ["ties", "nan", "nan first", "low"]) {
            const b = new Builder(["grid", 0], ["row", n]);
            const ix = turned > 0 ? affine(0, [0, 1], [1, turned]) : affine(0, [0, n], [1, 1]);
            const x = b.load(storage, ix);
            const at = b.val({ op: "coord", dtype: "i32", ix: affine(0, [1, 1]) });
            const r = b.val({ op: "reduce", how, dtype: "u32", in: x, at, over: 2 });
            b.store(d.uint32, affine(0, [0, 1]), r, [0]);
            const make = (_: number, i: number): number => {
              const k = turned > 0 ? Math.floor(i / turned) : i % Math.max(1, n);
              const float = storage.kind === "float";
              if (float && special === "nan" && k === 2) return Number.NaN;
              if (float && special === "nan first" && k === 0) return Number.NaN;
              if (float && special === "low")
                return k === 0 ? Number.NaN : how === "argmax" ? -Infinity : Infinity;
              if (special === "low") return 0;
              return (i * 5) % 7;
            };
            agree(b.kernel(), 5, [5 * n, 5], {
              make,
              label: `${storage} ${how} ${n} ${turned} ${special}`,
            });
          }
        }
      }
    }
  }
});

/** Softmax over the rows of [m, n], the row perhaps two axes. */
function softmax(
  storage: DType,
  sizes: readonly number[],
  strides: readonly number[],
  outerStride: number,
): Kernel {
  const b = new Builder(["grid", 0], ...sizes.map((s) => ["row", s] as const));
  const rows = sizes.map((_, i) => i + 1);
  const ix = affine(0, [0, outerStride], ...rows.map((a, i) => [a, strides[i] ?? 1] as const));
  const t = computeTypeOf(storage);
  const x = b.load(storage, ix);
  const e = b.op("exp", t, b.op("sub", t, x, b.reduce("max", x, rows)));
  const y = b.op("div", t, e, b.reduce("sum", e, rows));
  b.store(storage, ix, y, [0, ...rows]);
  return b.kernel();
}

test("softmax: stages, stashed values, along and across the vectors", () => {
  for (const storage of [d.float32, d.float16, d.float64]) {
    for (const m of [1, 2, 5, 41]) {
      for (const n of [1, 3, 4, 10, 64, 333]) {
        const options = { ulps: storage === d.float16 ? 1 : 16, label: `${storage} ${m}x${n}` };
        agree(softmax(storage, [n], [1], n), m, [m * n, m * n], options);
        agree(softmax(storage, [n], [m], 1), m, [m * n, m * n], options);
        agree(softmax(storage, [3, n], [n, 1], 3 * n), m, [3 * m * n, 3 * m * n], options);
        agree(softmax(storage, [n, 3], [1, n], 3 * n), m, [3 * m * n, 3 * m * n], options);
      }
    }
  }
});

test("softmax of rows longer than the scratch memory", () => {
  agree(softmax(d.float32, [100_003], [1], 100_003), 2, [200_006, 200_006], { ulps: 32 });
});

/** Layer norm's gradients: dx per row, dw and db as partial rows. */
function layerNormBackward(n: number): Kernel {
  const b = new Builder(["grid", 0], ["row", n]);
  const full = affine(0, [0, n], [1, 1]);
  const x = b.load(d.float32, full);
  const g = b.load(d.float32, full);
  const w = b.load(d.float32, affine(0, [1, 1]));
  const mean = b.load(d.float32, affine(0, [0, 1]));
  const rstd = b.load(d.float32, affine(0, [0, 1]));
  const xhat = b.op("mul", "f32", b.op("sub", "f32", x, mean), rstd);
  const gw = b.op("mul", "f32", g, w);
  const count = b.constant("f32", 1 / Math.max(1, n));
  const a = b.op("mul", "f32", b.reduce("sum", gw, [1]), count);
  const c = b.op("mul", "f32", b.reduce("sum", b.op("mul", "f32", gw, xhat), [1]), count);
  const inner = b.op("sub", "f32", b.op("sub", "f32", gw, a), b.op("mul", "f32", xhat, c));
  b.store(d.float32, full, b.op("mul", "f32", rstd, inner), [0, 1]);
  b.store(
    d.float32,
    affine(0, [1, 1]),
    b.reduce("sum", b.op("mul", "f32", g, xhat), [0]),
    [1],
    true,
  );
  b.store(d.float32, affine(0, [1, 1]), b.reduce("sum", g, [0]), [1], true);
  return b.kernel();
}

test("row reductions with terminal ones: layer norm's gradients", () => {
  for (const n of [1, 3, 4, 10, 67, 256]) {
    for (const m of [0, 1, 3, 64, 65, 200]) {
      const slabs = Math.ceil(m / slabRows);
      agree(layerNormBackward(n), m, [m * n, m * n, n, m, m, m * n, slabs * n, slabs * n], {
        make: (buf, i) => (buf === 4 ? 0.7 : Math.sin(i * (buf + 1.3)) + 0.1),
        ulps: 64,
        absolute: 1e-4,
        label: `${m}x${n}`,
      });
    }
  }
});

test("terminal reductions alone: one and two grid axes, strided rows, scalars, every fold", () => {
  for (const storage of [d.float32, d.int32, d.float64, d.bool]) {
    for (const how of ["sum", "prod", "max", "min"] as const) {
      for (const n of [1, 5, 8, 130]) {
        for (const [m, k] of [
          [1, 1],
          [4, 1],
          [30, 7],
          [130, 1],
          [0, 3],
        ] as const) {
          const t = computeTypeOf(storage);
          const slabs = Math.ceil((m * k) / slabRows);
          const b = new Builder(["grid", 0], ["grid", k], ["row", n]);
          const x = b.load(storage, affine(0, [0, k * n], [1, n], [2, 1]));
          const y = b.load(storage, affine(0, [0, k * n], [1, 1], [2, k]));
          b.store(storage, affine(0, [2, 1]), b.reduce(how, x, [0, 1]), [2], true);
          b.store(storage, affine(n - 1, [2, -1]), b.reduce(how, y, [0, 1]), [2], true);
          b.store(storage, affine(0), b.reduce(how, b.op("mul", t, x, y), [0, 1, 2]), [], true);
          const s = b.load(storage, affine(0, [0, k], [1, 1]));
          b.store(storage, affine(0), b.reduce(how, s, [0, 1]), [], true);
          agree(b.kernel(), m, [m * k * n, m * k * n, slabs * n, slabs * n, slabs, m * k, slabs], {
            make: (_, i) =>
              storage === d.bool ? i % 2 : ((i * 7) % 5) / (storage === d.int32 ? 1 : 2) + 0.5,
            ulps: how === "sum" ? 128 : 200,
            label: `${storage} ${how} ${m}x${k}x${n}`,
          });
        }
      }
    }
  }
});

test("values of fewer row axes, and stores once per point", () => {
  for (const [p, q] of [
    [1, 1],
    [3, 4],
    [5, 9],
  ] as const) {
    const b = new Builder(["grid", 0], ["row", p], ["row", q]);
    const x = b.load(d.float32, affine(0, [0, p * q], [1, q], [2, 1]));
    const u = b.load(d.float32, affine(0, [1, 1]));
    const v = b.load(d.float32, affine(0, [0, q], [2, 1]));
    const su = b.reduce("sum", u, [1]);
    const sv = b.reduce("max", v, [2]);
    const all = b.reduce("sum", b.op("mul", "f32", x, b.op("add", "f32", u, v)), [1, 2]);
    b.store(d.float32, affine(0, [0, 1]), b.op("add", "f32", all, b.op("mul", "f32", su, sv)), [0]);
    b.store(d.float32, affine(0, [0, p], [1, 1]), b.op("mul", "f32", u, sv), [0, 1]);
    b.store(d.float32, affine(0, [0, p * q], [1, q], [2, 1]), b.op("sub", "f32", x, su), [0, 1, 2]);
    for (const m of [1, 4, 6])
      agree(b.kernel(), m, [m * p * q, p, m * q, m, m * p, m * p * q], {
        ulps: 64,
        absolute: 1e-3,
      });
  }
});

test("a reduction without grid axes, and rows without reductions", () => {
  const b = new Builder(["row", 1000]);
  const x = b.load(d.float32, affine(0, [0, 1]));
  b.store(d.float32, affine(0), b.reduce("sum", x, [0]), []);
  b.store(d.float32, affine(0, [0, 1]), b.op("neg", "f32", x), [0]);
  agree(b.kernel(), 1, [1000, 1, 1000], { absolute: 1e-3 });
});

test("the sum of 2^22 tenths in one row, and down one column, within five ulp", () => {
  const n = 2 ** 22;
  const tenth = Math.fround(0.1);
  for (const columns of [1, 5]) {
    const b = new Builder(["grid", 0], ["row", n]);
    const x = b.load(
      d.float32,
      columns === 1 ? affine(0, [0, n], [1, 1]) : affine(0, [0, 1], [1, 0]),
      [{ ix: affine(0, [1, 1]), lo: 0, hi: n }],
    );
    b.store(d.float32, affine(0, [0, 1]), b.reduce("sum", x, [1]), [0]);
    const buffers = [
      bytesOf(d.float32, columns === 1 ? n : columns, () => tenth),
      bytesOf(d.float32, columns, () => 0),
    ];
    execute(b.kernel(), columns, buffers);
    for (const got of elements(d.float32, buffers[1] ?? new Uint8Array())) {
      const error = Math.abs(Number(got) - tenth * n) / (tenth * n);
      assert.ok(error <= 5 * 2 ** -24, `${got}: off by ${error}`);
    }
  }
});

test("an output may lie over an input of the same index", () => {
  const b = new Builder(["grid", 0]);
  const at = affine(0, [0, 1]);
  const x = b.load(d.float32, at);
  const y = b.load(d.float32, at);
  b.store(d.float32, at, b.op("add", "f32", x, y), [0]);
  b.store(d.float32, at, b.op("sub", "f32", x, y), [0]);
  const kernel = b.kernel();
  assert.equal(mask([0]), 1);
  const input = bytesOf(d.float32, 50, (i) => i);
  const shared = [
    input,
    bytesOf(d.float32, 50, (i) => i * i),
    input,
    bytesOf(d.float32, 50, () => 0),
  ];
  execute(kernel, 50, shared, [], { relaxed: false, shared: false }, new Map([[2, 0]]));
  for (let i = 0; i < 50; i++) {
    assert.equal(elements(d.float32, shared[2] ?? input)[i], i + i * i);
    assert.equal(elements(d.float32, shared[3] ?? input)[i], i - i * i);
  }
});

test("every numeric type survives a sum of nothing", () => {
  for (const storage of numeric) agree(reduction(storage, 0, "sum", 0), 3, [0, 3]);
});

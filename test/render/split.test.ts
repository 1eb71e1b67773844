/** Long rows, cut into slabs that one phase collects and the next joins, give what the interpreter gives. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as d from "../../src/core/dtype.js";
import type { Kernel, ValId } from "../../src/kernel/ir.js";
import { render } from "../../src/render/wasm/index.js";
import { affine, agree, Builder, mask } from "./harness.js";

/** Small whole numbers: their sums are exact in any order. */
const whole = (_: number, i: number): number => ((i * 7919) % 41) - 20;

/** Something dear that changes nothing, so that rows need not be long to be cut. */
const dear = (b: Builder, x: ValId): ValId => {
  const t = b.vals[x]?.dtype ?? "f32";
  if (t === "bool") return x;
  if (t === "f32") return [1, 2, 3].reduce((v) => b.op("round_bf16", "f32", v), x);
  return b.op("pow", t, x, b.constant(t, t === "i64" ? 1n : 1));
};

const isCut = (kernel: Kernel): boolean =>
  render(kernel, { relaxed: false, shared: false }).later !== undefined;

const check = (
  kernel: Kernel,
  outer: number,
  sizes: readonly number[],
  label: string,
  make = whole,
): void => {
  assert.ok(isCut(kernel), `${label} is cut`);
  agree(kernel, outer, sizes, { make, label });
};

const argmax = (b: Builder, x: ValId, at: ValId, over: readonly number[]): ValId =>
  b.val({ op: "reduce", how: "argmax", dtype: "u32", in: x, over: mask(over), at });

for (const storage of [d.float32, d.float16, d.int8, d.int32, d.int64, d.float64, d.bool]) {
  test(`reductions of one long row of ${storage.name}`, () => {
    const n = storage === d.bool ? 330_017 : 17_017;
    for (const how of storage === d.bool
      ? (["max", "min"] as const)
      : (["sum", "max", "min"] as const)) {
      const b = new Builder(["row", n]);
      const x = dear(b, b.load(storage, affine(0, [0, 1])));
      const out = storage.size < 4 ? (storage === d.float16 ? d.float32 : d.int32) : storage;
      const r = b.reduce(how, x, [0]);
      b.store(storage === d.bool ? d.bool : out, affine(0), r, []);
      check(b.kernel(), 1, [n, 1], `${how} ${storage.name}`);
    }
  });
}

const layouts: readonly (readonly [
  name: string,
  axes: readonly (readonly ["grid" | "row", number])[],
  outer: number,
])[] = [
  [
    "rows of several points",
    [
      ["grid", 0],
      ["row", 15_345],
    ],
    5,
  ],
  [
    "rows of an even length",
    [
      ["grid", 0],
      ["row", 16_384],
    ],
    3,
  ],
  [
    "columns",
    [
      ["row", 4001],
      ["grid", 22],
    ],
    1,
  ],
  [
    "many columns",
    [
      ["row", 600],
      ["grid", 250],
    ],
    1,
  ],
  [
    "a middle axis kept",
    [
      ["row", 23],
      ["grid", 3],
      ["row", 601],
    ],
    1,
  ],
  [
    "an outer and a middle axis",
    [
      ["grid", 0],
      ["row", 400],
      ["grid", 3],
      ["row", 40],
    ],
    2,
  ],
  [
    "a long inner row",
    [
      ["row", 3],
      ["grid", 2],
      ["row", 20_009],
    ],
    1,
  ],
  [
    "columns of the outer axis",
    [
      ["grid", 0],
      ["grid", 2],
      ["row", 15_001],
    ],
    7,
  ],
];

for (const [name, memory, outer] of layouts) {
  test(`sum, maximum and position of the maximum: ${name}`, () => {
    const places = memory.map((_, i) => i);
    // Axes are listed grid before row; memory is walked in the order given.
    const order = [
      ...places.filter((i) => memory[i]?.[0] === "grid"),
      ...places.filter((i) => memory[i]?.[0] === "row"),
    ];
    const sizeAt = (i: number): number => memory[i]?.[1] || outer;
    const axisOf = (i: number): number => order.indexOf(i);
    const rows = order.filter((i) => memory[i]?.[0] === "row");
    const grid = order.filter((i) => memory[i]?.[0] === "grid");
    const linear = (of: readonly number[]): [number, number][] => {
      let stride = 1;
      const terms: [number, number][] = [];
      for (const i of [...of].reverse()) {
        terms.push([axisOf(i), stride]);
        stride *= sizeAt(i);
      }
      return terms;
    };
    for (const columns of [false, true]) {
      // The other way round rows lie across memory.
      const ix = affine(0, ...linear(columns ? [...rows, ...grid] : places));
      const b = new Builder(...order.map((i) => memory[i] ?? (["row", 1] as const)));
      const x = dear(b, b.load(d.float32, ix));
      const over = rows.map(axisOf);
      const kept = affine(0, ...linear(grid));
      const at = b.op(
        "cast",
        "u32",
        b.val({ op: "coord", dtype: "i32", ix: affine(0, ...linear(rows)) }),
      );
      const sum = b.reduce("sum", x, over);
      const most = b.reduce("max", x, over);
      const half = b.op("mul", "f32", sum, b.constant("f32", 0.5));
      const gridAxes = grid.map(axisOf);
      b.store(d.float32, kept, half, gridAxes);
      b.store(d.float32, kept, most, gridAxes);
      b.store(d.uint32, kept, argmax(b, x, at, over), gridAxes);
      const points = grid.reduce((n, i) => n * sizeAt(i), 1);
      const all = points * rows.reduce((n, i) => n * sizeAt(i), 1);
      const kernel = b.kernel();
      assert.ok(columns || isCut(kernel), `${name} is cut`);
      agree(kernel, outer, [all, points, points, points], { make: whole, label: name });
    }
  });
}

test("NaN, infinities and ties in slabs", () => {
  const n = 14_000;
  for (const at of [0, 1, 7001, n - 1]) {
    for (const value of [Number.NaN, Infinity, 3]) {
      const b = new Builder(["row", n]);
      const x = dear(b, b.load(d.float32, affine(0, [0, 1])));
      const place = b.op(
        "cast",
        "u32",
        b.val({ op: "coord", dtype: "i32", ix: affine(0, [0, 1]) }),
      );
      b.store(d.float32, affine(0), b.reduce("max", x, [0]), []);
      b.store(d.float32, affine(0), b.reduce("min", x, [0]), []);
      b.store(d.uint32, affine(0), argmax(b, x, place, [0]), []);
      const make = (_: number, i: number): number => (i === at ? value : -Infinity);
      check(b.kernel(), 1, [n, 1, 1, 1], `${value} at ${at}`, make);
    }
  }
});

test("a sum of very many equal numbers stays accurate", () => {
  const n = 2 ** 18 + 3;
  const b = new Builder(["row", n]);
  b.store(d.float32, affine(0), b.reduce("sum", b.load(d.float32, affine(0, [0, 1])), [0]), []);
  agree(b.kernel(), 1, [n, 1], { make: () => 0.1, ulps: 8 });
});

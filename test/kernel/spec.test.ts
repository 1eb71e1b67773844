/** The legality check accepts the shared kernels and names the fault in each of a row of broken ones. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bool, float16, float32, int8 } from "../../src/core/dtype.js";
import { domainsOf, stagesOf } from "../../src/kernel/domains.js";
import type { Kernel, Val } from "../../src/kernel/ir.js";
import { programKey } from "../../src/kernel/key.js";
import { check } from "../../src/kernel/spec.js";
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

const at = affine(0, [0, 1]);

const legal: readonly Kernel[] = [
  scaledAdd(3),
  softmaxRows(4, 5),
  columnSums(70, 3),
  product(2, 3, 4),
  takeRows(2, 3, 4, 1),
];

test("legal kernels pass", () => {
  for (const k of legal) check(k);
});

test("domains and stages follow from the operands", () => {
  const k = softmaxRows(4, 5);
  assert.deepEqual(domainsOf(k), [3, 1, 3, 3, 1, 3]);
  assert.deepEqual(stagesOf(k), [0, 1, 1, 1, 2, 2]);
  assert.deepEqual(stagesOf(product(2, 3, 4)), [0, 0, 1]);
  assert.deepEqual(stagesOf(columnSums(70, 3)), [0, 0]);
});

/** `scaledAdd(3)` with value `id` replaced. */
const broken = (id: number, v: Val): Kernel => ({
  ...scaledAdd(3),
  vals: scaledAdd(3).vals.with(id, v),
});

const oneValue = (
  build: (k: KernelBuilder) => number,
  ...axes: Parameters<typeof affine>[1][]
): Kernel => {
  const k = new KernelBuilder(grid(4), row(4));
  return k.store(build(k), 3, affine(0, [0, 4], [1, 1], ...axes)).build();
};

const load2 = (k: KernelBuilder): number => k.load(affine(0, [0, 4], [1, 1]));

const illegal: readonly [string, () => Kernel, RegExp][] = [
  [
    "operand after its user",
    () => broken(0, { op: "scalar", fn: "neg", dtype: "f32", in: [1] }),
    /value 0 \(scalar\): expected operands before/,
  ],
  [
    "load as another type",
    () => broken(0, { op: "load", dtype: "i32", buf: 0, ix: at, guards: [], fill: 0 }),
    /float32 loaded as f32, got i32/,
  ],
  [
    "load from an output",
    () => broken(0, { op: "load", dtype: "f32", buf: 2, ix: at, guards: [], fill: 0 }),
    /a buffer to read, got one to write/,
  ],
  [
    "no such buffer",
    () => broken(0, { op: "load", dtype: "f32", buf: 9, ix: at, guards: [], fill: 0 }),
    /a buffer below 3, got 9/,
  ],
  [
    "no such axis",
    () =>
      broken(0, { op: "load", dtype: "f32", buf: 0, ix: affine(0, [3, 1]), guards: [], fill: 0 }),
    /axis 3/,
  ],
  [
    "negative address",
    () =>
      broken(0, { op: "load", dtype: "f32", buf: 0, ix: affine(0, [0, -1]), guards: [], fill: 0 }),
    /addresses from 0, got -2/,
  ],
  [
    "wrong parameter type",
    () => broken(1, { op: "param", dtype: "i32", index: 0 }),
    /parameter's type f32, got i32/,
  ],
  [
    "mixed operands",
    () => oneValue((k) => k.scalar("add", "f32", load2(k), k.constant("i32", 1))),
    /operands of add of type f32, got i32/,
  ],
  [
    "wrong arity",
    () => oneValue((k) => k.scalar("add", "f32", load2(k))),
    /2 operands of add, got 1/,
  ],
  [
    "float instruction on integers",
    () => oneValue((k) => k.scalar("sin", "i32", k.constant("i32", 1))),
    /sin on f32, f64, got i32/,
  ],
  [
    "comparison that is no bool",
    () => oneValue((k) => k.scalar("lt", "f32", load2(k), load2(k))),
    /lt to give bool, got f32/,
  ],
  [
    "select without a condition",
    () => oneValue((k) => k.scalar("select", "f32", load2(k), load2(k), load2(k))),
    /a condition of type bool/,
  ],
  [
    "bitcast across widths",
    () => oneValue((k) => k.scalar("bitcast", "f64", load2(k))),
    /types of one width/,
  ],
  [
    "fraction as integer constant",
    () => oneValue((k) => k.scalar("cast", "f32", k.constant("i32", 0.5))),
    /a whole constant/,
  ],
  [
    "reduction over an axis it lacks",
    () => oneValue((k) => k.reduce("sum", "f32", k.load(affine(0, [0, 1])), 2)),
    /axes among \{0\}, got \{1\}/,
  ],
  [
    "reduction to another type",
    () => oneValue((k) => k.reduce("sum", "f64", load2(k), 2)),
    /type f32, got f64/,
  ],
  [
    "argmax without positions",
    () => oneValue((k) => k.reduce("argmax", "u32", load2(k), 2)),
    /a position for argmax/,
  ],
  [
    "terminal result read on",
    () => oneValue((k) => k.scalar("add", "f32", load2(k), k.reduce("sum", "f32", load2(k), 1))),
    /to be stored only/,
  ],
  [
    "store to an input",
    () => ({ ...scaledAdd(3), stores: [{ buf: 0, ix: at, value: 3, over: 1 }] }),
    /a buffer to write/,
  ],
  [
    "store of another type",
    () => new KernelBuilder(grid(3)).store(0, 1, at, int8).build(),
    /a value/,
  ],
  [
    "store over fewer axes than its value",
    () => {
      const k = new KernelBuilder(grid(2), grid(2));
      return k.store(k.load(affine(0, [0, 2], [1, 1])), 1, at).build();
    },
    /covers \{0, 1\}, got \{0\}/,
  ],
  [
    "store that overwrites itself",
    () => {
      const k = new KernelBuilder(grid(2), grid(2));
      return k.store(k.load(at), 3, at).build();
    },
    /none of \{1\}/,
  ],
  [
    "float stored as bool",
    () => {
      const k = new KernelBuilder(grid(3));
      return k.store(k.load(at), 1, at, bool).build();
    },
    /bool stored from bool, got f32/,
  ],
  [
    "elementwise into a partial buffer",
    () => {
      const k = new KernelBuilder(grid(3));
      return k.store(k.load(at), 1, at, float16, "partial").build();
    },
    /terminal reductions in partial/,
  ],
  [
    "terminal reduction into an ordinary buffer",
    () => {
      const k = new KernelBuilder(grid(3));
      return k.store(k.reduce("sum", "f32", k.load(at), 1), 1, at).build();
    },
    /terminal reductions in partial/,
  ],
  [
    "axes out of order",
    () => ({ ...scaledAdd(3), axes: [row(2), grid(2)] }),
    /in the order grid, row, contract/,
  ],
  ["two contractions", () => twice(), /at most one contract, got 2/],
  ["contraction of a reduction", () => deep(), /without row axes|without reductions/],
];

const twice = (): Kernel => {
  const k = new KernelBuilder(grid(2), contracted(3));
  const a = k.load(affine(0, [0, 3], [1, 1]));
  const c = k.val({ op: "contract", dtype: "f32", a, b: a, over: 2 });
  const d = k.val({ op: "contract", dtype: "f32", a, b: a, over: 2 });
  return k.store(k.scalar("add", "f32", c, d), 1, at).build();
};

const deep = (): Kernel => {
  const k = new KernelBuilder(grid(2), row(2), contracted(3));
  const x = k.load(affine(0, [0, 6], [1, 3], [2, 1]), float32);
  const a = k.reduce("sum", "f32", x, 2);
  return k.store(k.val({ op: "contract", dtype: "f32", a, b: a, over: 4 }), 1, at).build();
};

for (const [name, make, message] of illegal) {
  test(`illegal: ${name}`, () => {
    assert.throws(() => check(make()), { name: "InternalError", message });
  });
}

test("keys leave out the outer size and nothing else", () => {
  assert.equal(programKey(scaledAdd(3)), programKey(scaledAdd(5)));
  assert.equal(programKey(softmaxRows(2, 8)), programKey(softmaxRows(3, 8)));
  assert.notEqual(programKey(softmaxRows(2, 8)), programKey(softmaxRows(2, 9)));
  const others = [
    softmaxRows(4, 6),
    columnSums(70, 4),
    product(2, 4, 3),
    takeRows(2, 3, 4, 2),
    takeRows(2, 3, 5, 1),
  ];
  const keys = new Set([...legal, ...others].map(programKey));
  assert.equal(keys.size, legal.length + others.length);
  const constant = (v: number): string =>
    programKey(new KernelBuilder(grid(1)).store(0, 1, at).build()) +
    programKey(oneValue((k) => k.constant("f32", v)));
  assert.notEqual(constant(0), constant(-0));
});

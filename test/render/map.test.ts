/** Rendered maps equal the interpreter's, over sizes, storage types, strides and guards. */

import { test } from "node:test";
import type { DType } from "../../src/core/dtype.js";
import * as d from "../../src/core/dtype.js";
import {
  type ComputeType,
  computeTypeOf,
  type ScalarOp,
  scalarOps,
} from "../../src/core/scalar.js";

import { affine, agree, Builder, random } from "./harness.js";

const storages = d.dtypes.filter((t) => t !== d.complex64);
const sizes = [0, 1, 3, 4, 5, 8, 15, 1023];

test("copies of every storage type, any size", () => {
  for (const storage of storages) {
    const b = new Builder(["grid", 0]);
    const x = b.load(storage, affine(0, [0, 1]));
    b.store(storage, affine(0, [0, 1]), x, [0]);
    const kernel = b.kernel();
    for (const n of sizes) agree(kernel, n, [n, n], { label: `${storage} ${n}` });
  }
});

test("NaN, infinities, subnormals and ties through the narrow floats", () => {
  const specials = [
    0,
    -0,
    Number.NaN,
    Infinity,
    -Infinity,
    65504,
    65519.99,
    65520,
    1e-8,
    6e-8,
    -5.96e-8,
    2 ** -14,
    2 ** -14 - 2 ** -25,
    1 + 2 ** -11,
    1 + 3 * 2 ** -11,
    1 + 2 ** -8,
    1 + 3 * 2 ** -8,
    3.3e38,
    3.4028e38,
    1e-40,
  ];
  for (const storage of [d.float16, d.bfloat16]) {
    for (const round of [false, true]) {
      const b = new Builder(["grid", 0]);
      const x = b.load(d.float32, affine(0, [0, 1]));
      const y = round ? b.op(storage === d.float16 ? "round_f16" : "round_bf16", "f32", x) : x;
      b.store(round ? d.float32 : storage, affine(0, [0, 1]), y, [0]);
      for (const n of [specials.length, specials.length - 1]) {
        agree(b.kernel(), n, [n, n], { make: (_, i) => specials[i] ?? 0, label: `${storage}` });
      }
    }
    const b = new Builder(["grid", 0]);
    const x = b.load(storage, affine(0, [0, 1]));
    b.store(d.float32, affine(0, [0, 1]), x, [0]);
    agree(b.kernel(), specials.length, [specials.length, specials.length], {
      make: (_, i) => specials[i] ?? 0,
    });
  }
});

const values: { readonly [T in ComputeType]: readonly (number | bigint)[] } = {
  bool: [0, 1],
  i32: [0, 1, -1, 2, 3, -7, 31, 32, 33, 100, 2147483647, -2147483648, -2],
  u32: [0, 1, 2, 3, 7, 31, 32, 33, 100, 4294967295, 2147483648, 65536],
  i64: [0, 1, -1, 2, 3, -7, 63, 64, 65, 100, 2 ** 62, -(2 ** 63), -2],
  u64: [0, 1, 2, 3, 7, 63, 64, 65, 100, 2 ** 62, 2 ** 63, 5],
  f32: [
    0,
    -0,
    1,
    -1,
    2.5,
    -2.5,
    0.5,
    1.5,
    3,
    -7.25,
    1e10,
    Number.NaN,
    Infinity,
    -Infinity,
    1e-3,
    4294967296,
    2147483648,
  ],
  f64: [
    0,
    -0,
    1,
    -1,
    2.5,
    -2.5,
    0.5,
    1.5,
    3,
    -7.25,
    1e10,
    Number.NaN,
    Infinity,
    -Infinity,
    1e-3,
    2 ** 40,
    2 ** 63,
  ],
};

const storageOf: { readonly [T in ComputeType]: DType } = {
  bool: d.bool,
  i32: d.int32,
  u32: d.uint32,
  i64: d.int64,
  u64: d.uint64,
  f32: d.float32,
  f64: d.float64,
};

/** Library functions are compared elsewhere, with tolerances of their own. */
const exact = new Set<ScalarOp>([
  "neg",
  "abs",
  "sign",
  "not",
  "sqrt",
  "rsqrt",
  "floor",
  "ceil",
  "trunc",
  "round",
  "add",
  "sub",
  "mul",
  "div",
  "rem",
  "min",
  "max",
  "and",
  "or",
  "xor",
  "shl",
  "shr",
  "rotl",
  "lt",
  "le",
  "gt",
  "ge",
  "eq",
  "ne",
  "select",
  "wrap_i8",
  "wrap_i16",
  "wrap_u8",
  "wrap_u16",
  "round_f16",
  "round_bf16",
]);

const pairs = (t: ComputeType): readonly (readonly [number | bigint, number | bigint])[] =>
  values[t].flatMap((a) => values[t].map((b) => [a, b] as const));

function tryOp(fn: ScalarOp, t: ComputeType): void {
  const info = scalarOps[fn];
  const all = pairs(t);
  const n = all.length;
  const b = new Builder(["grid", 0]);
  const at = affine(0, [0, 1]);
  const out = info.typing === "compare" ? "bool" : t;
  const x = b.load(storageOf[t], at);
  const y = b.load(storageOf[t], at);
  const c = b.load(d.bool, at);
  const args = info.typing === "select" ? [c, x, y] : info.arity === 1 ? [x] : [x, y];
  b.store(storageOf[out], at, b.op(fn, out, ...args), [0]);
  agree(b.kernel(), n, [n, n, n, n], {
    make: (buf, i) => (buf === 2 ? i % 2 : Number(all[i]?.[buf === 0 ? 0 : 1] ?? 0)),
    ulps: fn === "rsqrt" ? 2 : 0,
    label: `${fn} ${t}`,
  });
}

for (const fn of Object.keys(scalarOps).filter((f): f is ScalarOp => f in scalarOps)) {
  const { on } = scalarOps[fn];
  if (!exact.has(fn)) {
    if (fn === "pow")
      test("pow on bools and integers", () => {
        for (const t of on) if (t !== "f32" && t !== "f64") tryOp(fn, t);
      });
    continue;
  }
  test(`${fn} on every type`, () => {
    for (const t of on) tryOp(fn, t);
  });
}

test("casts between all types", () => {
  const types = Object.keys(values).filter((t): t is ComputeType => t in values);
  for (const from of types) {
    for (const to of types) {
      const list = values[from];
      const b = new Builder(["grid", 0]);
      const x = b.load(storageOf[from], affine(0, [0, 1]));
      b.store(storageOf[to], affine(0, [0, 1]), b.op("cast", to, x), [0]);
      agree(b.kernel(), list.length, [list.length, list.length], {
        make: (_, i) => Number(list[i] ?? 0),
        label: `${from} to ${to}`,
      });
    }
  }
});

test("shifts, powers and rotations by constants", () => {
  for (const [fn, t] of [
    ["shl", "i32"],
    ["shr", "i32"],
    ["shr", "u32"],
    ["shl", "u64"],
    ["shr", "i64"],
    ["rotl", "u32"],
    ["pow", "i32"],
    ["pow", "u64"],
  ] as const) {
    for (const by of [0, 1, 5, 31, 32, 70]) {
      const b = new Builder(["grid", 0]);
      const at = affine(0, [0, 1]);
      const y = b.op(fn, t, b.load(storageOf[t], at), b.constant(t, by));
      b.store(storageOf[t], at, y, [0]);
      agree(b.kernel(), 13, [13, 13], {
        make: (_, i) => Number(values[t][i] ?? 1),
        label: `${fn} ${t} ${by}`,
      });
    }
  }
});

test("exp and sigmoid where one of several vectors side by side leaves the usual range", () => {
  const extremes = [
    Number.NaN,
    Infinity,
    -Infinity,
    88.5,
    88.8,
    -87.2,
    -95,
    -103.9,
    -104.1,
    -0,
    1e-30,
    1e30,
    -1e30,
  ];
  for (const fn of ["exp", "sigmoid"] as const) {
    for (const [t, storage] of [
      ["f32", d.float32],
      ["f64", d.float64],
    ] as const) {
      const b = new Builder(["grid", 0]);
      b.store(storage, affine(0, [0, 1]), b.op(fn, t, b.load(storage, affine(0, [0, 1]))), [0]);
      for (let at = 0; at < 8; at++) {
        for (const x of extremes) {
          const scaled = t === "f64" ? x * 8.05 : x;
          agree(b.kernel(), 11, [11, 11], {
            make: (_, i) => (i === at ? scaled : (i - 5) * 1.7),
            ulps: 2,
            label: `${fn} ${t} of ${scaled} at ${at}`,
          });
        }
      }
      // Rows: the values beside it are the row's own, and the sum reads what was kept.
      const r = new Builder(["grid", 0], ["row", 19]);
      const y = r.op(fn, t, r.load(storage, affine(0, [0, 19], [1, 1])));
      r.store(
        storage,
        affine(0, [0, 19], [1, 1]),
        r.op("div", t, y, r.reduce("max", y, [1])),
        [0, 1],
      );
      for (const x of [-95, -Infinity, 88.5]) {
        agree(r.kernel(), 3, [57, 57], {
          make: (_, i) => (i % 23 === 4 ? x : (i % 7) - 3),
          ulps: 4,
          label: `rows of ${fn} ${t} with ${x}`,
        });
      }
    }
  }
});

test("powers with a known exponent", () => {
  const bases = [0, -0, 1, -1, 2.5, -2.5, 1e-20, 3e30, Infinity, -Infinity, Number.NaN, 1e-41];
  for (const exponent of [2, 3, 0.5, -0.5, -1, 1.5, -2, 0]) {
    for (const [t, storage] of [
      ["f32", d.float32],
      ["f64", d.float64],
    ] as const) {
      for (const known of [true, false]) {
        const b = new Builder(["grid", 0]);
        const x = b.load(storage, affine(0, [0, 1]));
        const y = known
          ? b.constant(t, exponent)
          : b.val({ op: "param", dtype: t, index: b.params.push(t) - 1 });
        b.store(storage, affine(0, [0, 1]), b.op("pow", t, x, y), [0]);
        agree(b.kernel(), bases.length, [bases.length, bases.length], {
          make: (_, i) => bases[i] ?? 0,
          ulps: 2,
          params: known ? [] : [exponent],
          label: `${t} to the power ${exponent}${known ? "" : " at run time"}`,
        });
      }
    }
  }
});

test("broadcast, reversed, strided and transposed operands", () => {
  for (const [m, n] of [
    [1, 1],
    [3, 5],
    [4, 4],
    [7, 9],
    [70, 300],
    [64, 256],
  ] as const) {
    for (const storage of [d.float32, d.int16, d.float64, d.bool]) {
      const b = new Builder(["grid", 0], ["grid", n]);
      const t = computeTypeOf(storage);
      const row = b.load(storage, affine(0, [1, 1]));
      const column = b.load(storage, affine(0, [0, 1]));
      const turned = b.load(storage, affine(0, [0, 1], [1, m]));
      const back = b.load(storage, affine(m * n - 1, [0, -n], [1, -1]));
      const spread = b.load(storage, affine(1, [0, 2 * n], [1, 2]));
      const sum = [column, turned, back, spread].reduce((a, c) => b.op("add", t, a, c), row);
      b.store(
        storage,
        affine(0, [0, n], [1, 1]),
        storage === d.int16 ? b.op("wrap_i16", t, sum) : sum,
        [0, 1],
      );
      agree(b.kernel(), m, [n, m, m * n, m * n, 2 * m * n, m * n], {
        label: `${storage} ${m}x${n}`,
      });
    }
  }
});

test("stores along another axis, strided stores, two stores", () => {
  for (const [m, n] of [
    [1, 1],
    [5, 3],
    [6, 13],
    [33, 100],
  ] as const) {
    const b = new Builder(["grid", 0], ["grid", n]);
    const x = b.load(d.float32, affine(0, [0, n], [1, 1]));
    const y = b.op("neg", "f32", x);
    b.store(d.float32, affine(0, [0, 1], [1, m]), x, [0, 1]);
    const out = b.buf(d.complex64, "write");
    b.stores.push({ buf: out, ix: affine(0, [0, 2 * n], [1, 2]), value: x, over: 3 });
    b.stores.push({ buf: out, ix: affine(1, [0, 2 * n], [1, 2]), value: y, over: 3 });
    agree(b.kernel(), m, [m * n, m * n, 2 * m * n], { label: `${m}x${n}` });
  }
});

test("pads on either axis", () => {
  for (const [m, n] of [
    [3, 2],
    [4, 9],
    [10, 40],
  ] as const) {
    for (const [before, after] of [
      [0, 0],
      [1, 0],
      [2, 3],
      [0, 5],
    ] as const) {
      const [height, width] = [m + before + after, n + before + after];
      const b = new Builder(["grid", 0], ["grid", width]);
      const ix = affine(-before * n - before, [0, n], [1, 1]);
      const guards = [
        { ix: affine(-before, [0, 1]), lo: 0, hi: m },
        { ix: affine(-before, [1, 1]), lo: 0, hi: n },
      ];
      const x = b.load(d.float32, ix, guards, -1.5);
      const inside = b.val({ op: "within", dtype: "bool", guards });
      const h = b.load(d.float16, ix, guards, 2);
      const y = b.op("select", "f32", inside, b.op("add", "f32", x, h), b.constant("f32", 9));
      b.store(d.float32, affine(0, [0, width], [1, 1]), b.op("add", "f32", x, y), [0, 1]);
      agree(b.kernel(), height, [m * n, m * n, height * width], {
        label: `${m}x${n} ${before},${after}`,
      });
    }
  }
});

test("coordinates, quotients and remainders", () => {
  for (const n of [1, 5, 12, 64, 103]) {
    for (const by of [3, 4, 8, 12]) {
      const b = new Builder(["grid", 0], ["grid", n]);
      const flat = affine(0, [0, n], [1, 1]);
      const q = b.val({ op: "coord", dtype: "i32", ix: { k: "div", of: flat, by, stride: 3 } });
      const r = b.val({ op: "coord", dtype: "i32", ix: { k: "mod", of: flat, by, stride: 1 } });
      const x = b.load(d.int32, {
        k: "sum",
        of: [
          { k: "mod", of: flat, by, stride: 2 },
          { k: "div", of: flat, by, stride: 1 },
        ],
      });
      const c = b.val({ op: "coord", dtype: "i32", ix: affine(-3, [0, 7], [1, -2]) });
      const within = b.val({
        op: "within",
        dtype: "bool",
        guards: [{ ix: { k: "mod", of: flat, by, stride: 1 }, lo: 1, hi: 3 }],
      });
      const sum = [r, x, c, b.op("cast", "i32", within)].reduce(
        (a, v) => b.op("add", "i32", b.op("mul", "i32", a, b.constant("i32", 5)), v),
        q,
      );
      b.store(d.int32, flat, sum, [0, 1]);
      agree(b.kernel(), 7, [2 * by + 7 * n, 7 * n], { label: `${n} by ${by}` });
    }
  }
});

for (const index of [d.int32, d.uint32, d.int64, d.uint64, d.int8]) {
  test(`gathers by ${index}: wrapping, clamping, faults`, () => {
    for (const width of [1, 4, 7]) {
      for (const bad of [false, true]) {
        const rows = 9;
        const b = new Builder(["grid", 0], ["grid", width]);
        const i = b.load(index, affine(0, [0, 1]));
        const at = b.val({ op: "index", dtype: "i32", in: i, size: rows, code: 42 });
        const x = b.load(d.float32, {
          k: "sum",
          of: [{ k: "value", of: at, stride: width }, affine(0, [1, 1])],
        });
        const perElement = b.val({
          op: "index",
          dtype: "i32",
          in: b.load(index, affine(0, [0, width], [1, 1])),
          size: rows,
          code: 42,
        });
        const y = b.load(d.float32, { k: "value", of: perElement, stride: 1 });
        b.store(d.float32, affine(0, [0, width], [1, 1]), b.op("add", "f32", x, y), [0, 1]);
        const next = random(5);
        const make = (buf: number, n: number): number => {
          if (buf % 2 === 1) return n + 0.5;
          const signed = index.kind === "int";
          const k = Math.floor(next() * 9);
          if (bad && n === 2) return signed ? -100 : 100;
          return signed && next() < 0.5 ? k - 9 : k;
        };
        agree(b.kernel(), 6, [6, rows * width, 6 * width, rows, 6 * width], {
          make,
          label: `${width} ${bad}`,
        });
      }
    }
  });
}

test("gathers along another axis than the vectors, from rows that change along that axis", () => {
  for (const [m, n] of [
    [4, 2],
    [5, 3],
    [9, 6],
    [16, 8],
  ] as const) {
    for (const storage of [d.int32, d.float32, d.float16, d.int8]) {
      // The index lies along axis 1, and so does the table but for the row that the index chooses.
      const b = new Builder(["grid", 0], ["grid", m], ["grid", n]);
      const raw = b.load(d.int32, affine(0, [1, 1], [2, m]));
      const row = b.val({ op: "index", dtype: "i32", in: raw, size: 3, code: 1 });
      const x = b.load(storage, {
        k: "sum",
        of: [affine(0, [0, 3 * m], [1, 1]), { k: "value", of: row, stride: m }],
      });
      b.store(storage, affine(0, [0, m * n], [1, n], [2, 1]), x, [0, 1, 2]);
      agree(b.kernel(), 2, [m * n, 6 * m, 2 * m * n], {
        make: (buf, i) => (buf === 0 ? (7 * i + Math.floor(i / m)) % 3 : i),
        label: `${storage} ${m}x${n}`,
      });
    }
  }
});

test("parameters of every type", () => {
  const b = new Builder(["grid", 0]);
  const types: readonly ComputeType[] = ["f32", "i32", "bool", "u32", "f32"];
  b.params.push(...types);
  const p = types.map((dtype, index) => b.val({ op: "param", dtype, index }));
  const [f = 0, i = 0, on = 0, u = 0, g = 0] = p;
  const x = b.load(d.float32, affine(0, [0, 1]));
  const sum = b.op(
    "add",
    "f32",
    b.op("mul", "f32", x, f),
    b.op("add", "f32", b.op("cast", "f32", i), b.op("cast", "f32", u)),
  );
  b.store(d.float32, affine(0, [0, 1]), b.op("select", "f32", on, sum, g), [0]);
  for (const on of [true, false])
    agree(b.kernel(), 11, [11, 11], { params: [2, -7, on, 3000000000, 0.5] });
});

test("mixed widths", () => {
  const b = new Builder(["grid", 0], ["grid", 7]);
  const at = affine(0, [0, 7], [1, 1]);
  const x = b.load(d.float32, at);
  const y = b.load(d.float64, at);
  const k = b.load(d.int64, affine(0, [1, 1]));
  const sum = b.op(
    "add",
    "f64",
    b.op("add", "f64", b.op("cast", "f64", x), y),
    b.op("cast", "f64", k),
  );
  b.store(d.float64, at, sum, [0, 1]);
  b.store(d.float16, at, b.op("cast", "f32", sum), [0, 1]);
  agree(b.kernel(), 5, [35, 35, 7, 35, 35]);
});

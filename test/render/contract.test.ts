/** Matrix products on Wasm agree with the interpreter: shapes, layouts, types, prologues, epilogues, any tile order. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  bfloat16,
  type DType,
  float16,
  float32,
  float64,
  int32,
  int64,
  uint8,
  uint64,
} from "../../src/core/dtype.js";
import type { Ix } from "../../src/kernel/ir.js";
import type { Features } from "../../src/render/contract.js";
import { renderContract } from "../../src/render/wasm/contract/index.js";
import { affine, contracted, grid, KernelBuilder } from "../kernel/kernels.js";
import { check, type ProductOptions, productKernel, type Sizes } from "./products.js";

const plain: Features = { relaxed: false, shared: false };
const fused: Features = { relaxed: true, shared: false };
/** Of the shape that V8 joins to longer vectors. */
const wide: Features = { ...fused, wide: true };
/** With a library for whatever a library can do. */
const library: Features = {
  ...fused,
  library: () => ({ threads: 2, leastWork: 1, leastSide: 1 }),
};
const edges = [0, 1, 2, 3, 5, 7, 16, 17, 63, 64, 65, 130];

const compare = (spec: string, sizes: Sizes, o: ProductOptions = {}, loose?: number): void => {
  const kernel = productKernel(spec, sizes, o);
  const out = o.out ?? o.a ?? float32;
  const bound = out === float16 ? 1e-3 : out === bfloat16 ? 8e-3 : out === float64 ? 1e-13 : 3e-6;
  const label = `${spec} ${JSON.stringify(sizes)} ${out.name}`;
  for (const [name, features] of Object.entries({ plain, fused, wide, library }))
    check(kernel, features, loose ?? bound, `${label} ${name}`);
};

/** Every size meets every other as m, n and k at least once in each pair, without the full cube. */
const triples = edges.flatMap((m, i) =>
  edges.map((n, j) => [m, n, edges[(i + 2 * j) % edges.length] ?? 1] as const),
);

describe("matrix products", () => {
  it("is right at every edge of a tile", () => {
    for (const [m, n, k] of triples) compare("mk,kn->mn", { m, n, k });
  });

  it("takes operands and results in any layout", () => {
    for (const a of ["mk", "km"])
      for (const b of ["kn", "nk"])
        for (const out of ["mn", "nm"])
          for (const [m, n, k] of [
            [5, 7, 3],
            [65, 17, 130],
            [33, 130, 700],
            [1, 40, 30],
            [40, 2, 30],
          ])
            compare(`${a},${b}->${out}`, { m: m ?? 1, n: n ?? 1, k: k ?? 1 }, { grid: "mn" });
  });

  it("has batches, broadcast operands and several axes of each kind", () => {
    for (const spec of [
      "bmk,bkn->bmn",
      "bmk,kn->bmn",
      "mk,bkn->bmn",
      "abmk,abkn->abmn",
      "bthk,bshk->bhts",
      "bhts,bshk->bthk",
      "abk,kcd->abcd",
      "abkl,klc->abc",
      "akbl,lck->abc",
      "acbk,kad->abcd",
      "k,k->",
      "bk,bk->b",
      "mk,k->m",
      "k,kn->n",
      "m,n->mn",
    ]) {
      const sizes = { a: 3, b: 5, c: 4, d: 2, h: 3, k: 9, l: 6, m: 11, n: 10, s: 7, t: 8 };
      compare(spec, sizes);
    }
    compare("bmk,bkn->bmn", { b: 37, m: 32, n: 32, k: 32 });
    compare("bmk,bkn->bmn", { b: 0, m: 3, n: 4, k: 5 });
  });

  it("cuts long sums and large results into blocks", () => {
    compare("mk,kn->mn", { m: 37, n: 41, k: 1500 }, {}, 2e-5);
    compare("mk,kn->mn", { m: 150, n: 300, k: 64 });
    compare("mk,nk->mn", { m: 21, n: 11, k: 2000 }, { a: float64, b: float64 });
    compare("mk,kn->mn", { m: 9, n: 1100, k: 270 }, {}, 1e-5);
  });

  it("leaves products to a library tile by tile", () => {
    for (const type of [float32, float64]) {
      for (const spec of ["mk,kn->mn", "km,nk->mn", "mk,kn->nm"]) {
        for (const [m, n, k] of [
          [210, 190, 150],
          [20, 3000, 80],
        ] as const) {
          const kernel = productKernel(spec, { m, n, k }, { a: type, b: type, grid: "mn" });
          const { tiles } = renderContract(kernel, library);
          assert.ok(tiles(m) > 1, "tiles to share");
          check(kernel, library, 1e-5, `${spec} ${m} ${n} ${k} ${type.name}`);
        }
      }
    }
  });

  it("computes in the types of its operands", () => {
    const types: readonly (readonly [DType, DType, DType])[] = [
      [float64, float64, float64],
      [float16, float16, float16],
      [bfloat16, bfloat16, bfloat16],
      [float16, float32, float32],
      [float32, bfloat16, float16],
    ];
    for (const [a, b, out] of types)
      for (const spec of ["mk,kn->mn", "km,nk->mn"])
        for (const [m, n, k] of [
          [7, 9, 5],
          [66, 34, 40],
          [1, 33, 65],
        ])
          compare(spec, { m: m ?? 1, n: n ?? 1, k: k ?? 1 }, { a, b, out });
  });

  it("evaluates expressions on the way in", () => {
    for (const spec of ["mk,kn->mn", "km,nk->mn", "bmk,bkn->bmn"])
      compare(
        spec,
        { b: 3, m: 13, n: 22, k: 10 },
        {
          prologueA: ({ builder: b }, v) => b.scalar("mul", "f32", v, b.constant("f32", 0.5)),
          prologueB: ({ builder: b, at }, v) =>
            b.scalar(
              "max",
              "f32",
              b.scalar("add", "f32", v, b.load(at("k"))),
              b.constant("f32", 0),
            ),
        },
      );
  });

  it("evaluates expressions on the way out", () => {
    for (const [m, n, k] of [
      [13, 22, 10],
      [64, 96, 33],
      [1, 130, 64],
      [9, 3, 600],
    ])
      compare(
        "mk,kn->mn",
        { m: m ?? 1, n: n ?? 1, k: k ?? 1 },
        {
          epilogue: ({ builder: b, at }, c) => {
            const x = b.scalar("add", "f32", c, b.load(at("n")));
            const y = b.scalar("mul", "f32", b.load(at("mn")), b.constant("f32", 0.25));
            const z = b.scalar("add", "f32", b.scalar("tanh", "f32", x), y);
            return b.scalar("mul", "f32", z, b.load(at("m")));
          },
        },
        1e-5,
      );
  });

  it("serves any outer size, whatever it was made for", () => {
    for (const spec of ["mk,kn->mn", "mk,nk->mn", "km,nk->nm", "bmk,bkn->bmn"]) {
      const of = (outer: number, k: number): ReturnType<typeof productKernel> =>
        productKernel(spec, { [spec.split("->")[1]?.[0] ?? "m"]: outer, k, ...rest(spec) });
      for (const k of [9, 530]) {
        for (const features of [plain, fused, wide, library]) {
          for (const made of [1, 300]) {
            const rendered = renderContract(of(made, k), features);
            for (const outer of [0, 1, 4, 5, 37, 61]) {
              check(of(outer, k), features, 2e-5, `${spec} ${made} ${outer}`, rendered);
            }
          }
        }
      }
    }
  });

  it("multiplies integers", () => {
    for (const t of [int32, uint8, int64, uint64]) {
      compare("mk,kn->mn", { m: 6, n: 7, k: 5 }, { a: t, b: t });
      compare("bmk,bkn->bmn", { b: 3, m: 2, n: 9, k: 4 }, { a: t, b: t });
    }
  });

  it("reads padded, reversed, gathered and masked operands", () => {
    const [m, n, depth] = [19, 21, 13];
    for (const along of [1, 0]) {
      const k = new KernelBuilder(grid(m), grid(n), contracted(depth));
      const at = (off: number): Ix => affine(off, [0, along ? 9 : 1], [2, along ? 1 : 15]);
      const inside = [
        { ix: affine(-2, [2, 1]), lo: 0, hi: 9 },
        { ix: affine(-2, [0, 1]), lo: 0, hi: 15 },
      ];
      const a = k.load(at(along ? -20 : -32), float32, inside, 0);
      const b = k.load(affine(n * depth - 1, [2, -n], [1, -1]));
      const raw = k.load(affine(0, [1, 1]), int32);
      const row = k.val({ op: "index", dtype: "i32", in: raw, size: 40, code: 9 });
      const bias = k.loadFrom(k.buf(float32, "read"), {
        k: "sum",
        of: [{ k: "value", of: row, stride: 3 }, affine(0, [0, 1])],
      });
      const c = k.val({ op: "contract", dtype: "f32", a, b, over: 4 });
      const causal = k.val({
        op: "within",
        dtype: "bool",
        guards: [{ ix: affine(0, [0, 1], [1, -1]), lo: 0, hi: 1000 }],
      });
      const far = k.constant("f32", -100);
      const masked = k.scalar("select", "f32", causal, k.scalar("add", "f32", c, bias), far);
      const kernel = k.store(masked, 3, affine(0, [0, n], [1, 1])).build();
      for (const features of [plain, fused, wide, library]) {
        const reach = [15 * 9, n * depth, n, 39 * 3 + m, m * n];
        check(kernel, features, 3e-6, `padded ${along}`, undefined, reach);
      }
    }
  });
});

const rest = (spec: string): Record<string, number> => {
  const first = spec.split("->")[1]?.[0];
  const sizes = spec.startsWith("b") ? { m: 6, n: 9 } : { m: 22, n: 41 };
  return Object.fromEntries(Object.entries(sizes).filter(([l]) => l !== first));
};

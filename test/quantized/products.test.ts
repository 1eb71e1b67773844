/** Products with quantized matrices against products with what they decode to: values, derivatives, shapes, bad input. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";

const random = (shape: readonly number[], seed: number): mx.NDArray =>
  mx.random.normal(shape, { key: mx.random.key(seed) });

const close = (a: mx.NDArray, b: mx.NDArray, message?: string): void => {
  assert.deepEqual(a.shape, b.shape, message ?? "shape");
  assert.equal(a.dtype, b.dtype, message ?? "dtype");
  assert.ok(mx.allclose(a, b, { rtol: 1e-4, atol: 1e-4 }).item(), message ?? "values");
};

const formats = [
  { groupSize: 32, bits: 3 },
  { groupSize: 64, bits: 4 },
  { groupSize: 128, bits: 6 },
  { mode: "mxfp4" },
  { mode: "mxfp8" },
  { mode: "nvfp4" },
] as const satisfies readonly mx.QuantizeOptions[];

for (const format of formats) {
  test(`${JSON.stringify(format)}: values, vjp, jvp and vmap of products`, () => {
    const [words, scales, biases] = mx.quantize(random([128, 128], 1), format);
    assert.ok(words !== undefined && scales !== undefined);
    const o = { ...format, biases: biases ?? null };
    const w = mx.dequantize(words, scales, { ...o, dtype: mx.float32 });
    const x = random([2, 3, 128], 2);
    for (const transpose of [true, false]) {
      const right = transpose ? w.transpose() : w;
      const f = (x: mx.NDArray): mx.NDArray =>
        mx.quantizedMatmul(x, words, scales, { ...o, transpose });
      const g = (x: mx.NDArray): mx.NDArray => mx.matmul(x, right);
      close(f(x), g(x));
      close(f(x.get(0, 0)), g(x.get(0, 0)), "vector");
      const [ct, t] = [random([2, 3, 128], 3), random([2, 3, 128], 4)];
      close(mx.vjp(f, [x], [ct])[1][0], mx.vjp(g, [x], [ct])[1][0]);
      close(mx.jvp(f, [x], [t])[1][0], mx.jvp(g, [x], [t])[1][0]);
      close(mx.vmap(f)(x), g(x));
    }
    // Mapped over the quantized matrix as well.
    const stack = (a: mx.NDArray): mx.NDArray => mx.stack([a, a]);
    const mapped = mx.vmap((x: mx.NDArray, q: mx.NDArray, s: mx.NDArray) =>
      mx.quantizedMatmul(x, q, s, o),
    );
    close(mapped(x, stack(words), stack(scales)), mx.matmul(x, w.transpose()));
  });
}

test("gradients by scales and biases are those of the decoded matrix", () => {
  const [words, scales, biases] = mx.quantize(random([8, 64], 5), { bits: 5 });
  const x = random([4, 64], 6);
  const of = (product: (s: mx.NDArray, b: mx.NDArray) => mx.NDArray) =>
    mx.grad((s: mx.NDArray, b: mx.NDArray) => mx.sum(mx.square(product(s, b))), [0, 1])(
      scales,
      biases,
    );
  const got = of((s, b) => mx.quantizedMatmul(x, words, s, b, { bits: 5 }));
  const want = of((s, b) => mx.matmul(x, mx.dequantize(words, s, b, { bits: 5 }).transpose()));
  assert.ok(mx.allclose(got[0], want[0], { rtol: 1e-3 }).item());
  assert.ok(mx.allclose(got[1], want[1], { rtol: 1e-3 }).item());
});

test("dtypes of products", () => {
  const [words, scales, biases] = mx.quantize(random([8, 64], 7));
  const [floats, exponents] = mx.quantize(random([8, 64], 7), { mode: "mxfp8" });
  const half = mx.ones([2, 64], mx.float16);
  const narrow = [scales, biases].map((a) => a.astype(mx.bfloat16));
  const [s = scales, b = biases] = narrow;
  assert.equal(mx.quantizedMatmul(half, words, scales, biases).dtype, mx.float32);
  assert.equal(mx.quantizedMatmul(half, words, s, b).dtype, mx.float32);
  assert.equal(mx.quantizedMatmul(half.astype(mx.bfloat16), words, s, b).dtype, mx.bfloat16);
  assert.equal(mx.quantizedMatmul(half.astype(mx.int32), words, s, b).dtype, mx.bfloat16);
  assert.equal(mx.quantizedMatmul(half, floats, exponents, { mode: "mxfp8" }).dtype, mx.float16);
  assert.equal(mx.qqmm(half, random([8, 64], 7)).dtype, mx.float16);
});

test("gatherQmm multiplies the chosen matrices", () => {
  const format = { groupSize: 32, bits: 3 };
  const [words, scales, biases] = mx.quantize(random([5, 6, 64], 8), format);
  const w = mx.dequantize(words, scales, biases, format);
  const x = random([4, 2, 64], 9);
  const rhsIndices = mx.array(
    [
      [4, 0],
      [1, 4],
    ],
    mx.uint32,
  );
  const lhsIndices = mx.array([3, 1], mx.uint32);
  const right = w.swapaxes(-1, -2);
  for (const chosen of [
    { lhsIndices, rhsIndices },
    { lhsIndices: mx.array([2, 0, 1, 3, 3], mx.int32) },
    {},
  ]) {
    const given = "lhsIndices" in chosen ? x : x.get(mx.slice(0, 1));
    const f = (x: mx.NDArray): mx.NDArray =>
      mx.gatherQmm(x, words, scales, biases, { ...chosen, ...format });
    const g = (x: mx.NDArray): mx.NDArray => mx.gatherMm(x, right, chosen);
    close(f(given), g(given));
    const ct = random(f(given).shape, 10);
    close(mx.vjp(f, [given], [ct])[1][0], mx.vjp(g, [given], [ct])[1][0]);
  }
  const plain = mx.gatherQmm(random([4, 6], 3), words, scales, biases, {
    ...format,
    rhsIndices: mx.array([2], mx.uint32),
    transpose: false,
  });
  close(plain, mx.matmul(random([4, 6], 3), w.get(mx.slice(2, 3))));
});

test("qqmm is the product of both quantized, its gradient that of the quantized values", () => {
  for (const mode of ["nvfp4", "mxfp8", "mxfp4"] as const) {
    const [x, w] = [random([2, 3, 64], 11), random([5, 64], 12)];
    const coarse = (a: mx.NDArray): mx.NDArray => {
      const [words, scales] = mx.quantize(a, { mode });
      return mx.dequantize(words, scales, { mode, dtype: mx.float32 });
    };
    const [xq, wq] = [coarse(x), coarse(w)];
    const want = mx.matmul(xq, wq.transpose());
    close(mx.qqmm(x, w, { mode }), want, mode);
    const [words, scales] = mx.quantize(w, { mode });
    close(mx.qqmm(x, words, scales, { mode }), want, mode);
    const ct = random([2, 3, 5], 13);
    const [, [dx, dw]] = mx.vjp(
      (x: mx.NDArray, w: mx.NDArray) => mx.qqmm(x, w, { mode }),
      [x, w],
      [ct],
    );
    close(dx, mx.matmul(ct, wq));
    close(dw, mx.matmul(ct.reshape([6, 5]).transpose(), xq.reshape([6, 64])));
  }
  const [x, w] = [random([2, 64], 14).multiply(1e-4), random([5, 64], 15).multiply(1e-4)];
  const top = (a: mx.NDArray): mx.NDArray => mx.max(mx.abs(a));
  const scaled = mx.qqmm(x, w, { globalScaleX: top(x), globalScaleW: top(w) });
  const exact = mx.matmul(x, w.transpose());
  const error = Number(mx.max(mx.abs(scaled.subtract(exact))).item());
  assert.ok(error < 0.3 * Number(top(exact).item()));
});

const coarsened = (mode: "nvfp4" | "mxfp8" | "mxfp4", globalScale: mx.NDArray | null) => {
  return (a: mx.NDArray): mx.NDArray => {
    const [words, scales] = mx.quantize(a, { mode, globalScale });
    return mx.dequantize(words, scales, { mode, globalScale, dtype: mx.float32 });
  };
};

test("gatherQqmm is qqmm of each chosen pair, its gradient that of the quantized values", () => {
  const [x, w] = [random([4, 2, 64], 21), random([3, 5, 64], 22)];
  const lhs = [3, 0, 3, -3];
  const rhs = [2, 2, 0, -1];
  const lhsIndices = mx.array(lhs, mx.int32);
  const rhsIndices = mx.array(rhs, mx.int32);
  for (const mode of ["nvfp4", "mxfp8", "mxfp4"] as const) {
    const [words, scales] = mx.quantize(w, { mode });
    const coarse = coarsened(mode, null);
    const right = coarse(w).swapaxes(-1, -2);
    for (const [l, r] of [
      [lhs, rhs],
      [lhs, null],
      [null, rhs],
    ] as const) {
      // Without indices matrices take part in order: four, as there are indices.
      const ws = r === null ? mx.concatenate([w, w.get(mx.slice(0, 1))]) : w;
      const [q, s] = mx.quantize(ws, { mode });
      const chosen = {
        mode,
        lhsIndices: l === null ? null : lhsIndices,
        rhsIndices: r === null ? null : rhsIndices,
      };
      const pairs = Array.from({ length: 4 }, (_, i) =>
        mx.qqmm(x.get(l?.[i] ?? i), ws.get(r?.[i] ?? i), { mode }),
      );
      close(mx.gatherQqmm(x, q, s, chosen), mx.stack(pairs), `${mode}, packed`);
      close(mx.gatherQqmm(x, ws, chosen), mx.stack(pairs), `${mode}, floating`);
    }
    // The indices' shape comes first, and both sides of indices broadcast.
    const table = { lhsIndices: lhsIndices.reshape([4, 1]), rhsIndices };
    const want = mx.gatherMm(coarse(x), right, table);
    assert.deepEqual(want.shape, [4, 4, 2, 5]);
    const packed = (x: mx.NDArray): mx.NDArray =>
      mx.gatherQqmm(x, words, scales, { mode, ...table });
    const floating = (x: mx.NDArray, w: mx.NDArray): mx.NDArray =>
      mx.gatherQqmm(x, w, { mode, ...table });
    close(packed(x), want, mode);
    const ct = random(want.shape, 23);
    const [, [dx, dw]] = mx.vjp(
      (x: mx.NDArray, w: mx.NDArray) => mx.gatherMm(x, w.swapaxes(-1, -2), table),
      [coarse(x), coarse(w)],
      [ct],
    );
    close(mx.vjp(packed, [x], [ct])[1][0], dx);
    const [, both] = mx.vjp(floating, [x, w], [ct]);
    close(both[0], dx);
    close(both[1], dw);
    close(mx.vmap(packed)(mx.stack([x, x])), mx.stack([want, want]));
    // Without indices leading axes broadcast as in a product.
    const plain = mx.matmul(coarse(x.get(mx.slice(0, 1))), right);
    close(mx.gatherQqmm(x.get(mx.slice(0, 1)), words, scales, { mode }), plain);
    close(mx.gatherQqmm(x.get(mx.slice(0, 1)), w, { mode }), plain);
  }
});

test("gatherQqmm takes global scales, and the dtype of x", () => {
  const [x, w] = [random([2, 2, 64], 24).multiply(1e-4), random([3, 5, 64], 25).multiply(1e-4)];
  const [globalScaleX, globalScaleW] = [mx.max(mx.abs(x)), mx.max(mx.abs(w))];
  const [words, scales] = mx.quantize(w, { mode: "nvfp4", globalScale: globalScaleW });
  const rhsIndices = mx.array([1, 2], mx.uint32);
  const o = { rhsIndices, globalScaleX, globalScaleW };
  const want = mx.gatherMm(
    coarsened("nvfp4", globalScaleX)(x),
    coarsened("nvfp4", globalScaleW)(w).swapaxes(-1, -2),
    { rhsIndices },
  );
  // Compared in units of the result: it is as small as 1e-8.
  const unit = mx.max(mx.abs(want));
  close(mx.gatherQqmm(x, words, scales, o).divide(unit), want.divide(unit));
  close(mx.gatherQqmm(x, w, o).divide(unit), want.divide(unit));
  for (const dtype of [mx.float16, mx.bfloat16]) {
    assert.equal(mx.gatherQqmm(x.astype(dtype), words, scales, o).dtype, dtype);
    assert.equal(mx.gatherQqmm(x.astype(dtype), w, o).dtype, dtype);
  }
});

test("bad input is refused by name", () => {
  const [words, scales, biases] = mx.quantize(mx.ones([4, 64]));
  const [floats, exponents] = mx.quantize(mx.ones([4, 64]), { mode: "nvfp4" });
  const x = mx.ones([3, 64]);
  const rhsIndices = mx.array([0], mx.uint32);
  const nv = { mode: "nvfp4" } as const;
  const affine = { mode: "affine" } as const;
  const bad: readonly (readonly [() => unknown, string, RegExp])[] = [
    [() => mx.quantizedMatmul(mx.ones([3, 32]), words, scales, biases), "SHAPE", /length 64/],
    [() => mx.quantizedMatmul(x, words, scales, biases, { transpose: false }), "SHAPE", /length 4/],
    [() => mx.quantizedMatmul(1, words, scales, biases), "SHAPE", /last axis/],
    [() => mx.quantizedMatmul(x, words, scales), "ARGUMENT", /biases/],
    [() => mx.quantizedMatmul(x, floats, exponents, { ...nv, biases }), "ARGUMENT", /no biases/],
    [() => mx.quantizedMatmul(x.astype(mx.int32), floats, exponents, nv), "DTYPE", /floating/],
    [() => mx.quantizedMatmul(x.astype(mx.complex64), words, scales, biases), "DTYPE", /floating/],
    [
      () =>
        mx.quantizedMatmul(
          mx.ones([5, 3, 64]),
          mx.stack([words, words]),
          mx.stack([scales, scales]),
          mx.stack([biases, biases]),
        ),
      "SHAPE",
      /broadcast/,
    ],
    [
      () => mx.gatherQmm(x, words, scales, biases, { rhsIndices: mx.array([0.5]) }),
      "DTYPE",
      /integer/,
    ],
    [() => mx.gatherQmm(mx.ones([64]), words, scales, biases, { rhsIndices }), "SHAPE", /two axes/],
    [() => mx.qqmm(x, floats), "ARGUMENT", /scales/],
    [() => mx.qqmm(x, mx.ones([4, 64]), { mode: "affine" }), "ARGUMENT", /quantizedMatmul/],
    [() => mx.qqmm(x, mx.ones([4, 64]), { globalScaleX: 1 }), "ARGUMENT", /both/],
    [() => mx.qqmm(x, mx.ones([1, 4, 64])), "SHAPE", /two axes.*gatherQqmm/],
    [() => mx.gatherQqmm(x, floats, { rhsIndices }), "ARGUMENT", /scales/],
    [() => mx.gatherQqmm(x, floats, exponents, { ...affine, rhsIndices }), "ARGUMENT", /gatherQmm/],
    [() => mx.gatherQqmm(x, x, { rhsIndices, globalScaleW: 1 }), "ARGUMENT", /both/],
    [() => mx.gatherQqmm(mx.ones([64]), x), "SHAPE", /two axes/],
    [() => mx.gatherQqmm(x, mx.ones([64])), "SHAPE", /two axes/],
    [() => mx.gatherQqmm(mx.ones([3, 32]), x, { rhsIndices }), "SHAPE", /64/],
    [() => mx.gatherQqmm(x.astype(mx.float64), x), "DTYPE", /float64/],
    [() => mx.gatherQqmm(x, x, { rhsIndices: mx.array([0.5]) }), "DTYPE", /integer/],
    [
      () => mx.gatherQqmm(x, floats, exponents, { lhsIndices: mx.array([0.5]) }),
      "DTYPE",
      /integer/,
    ],
    [
      () => mx.eval(mx.gatherQqmm(x, floats, exponents, { rhsIndices: mx.array([1], mx.int32) })),
      "INDEX",
      /out of|outside|range|bounds/,
    ],
    [() => mx.qqmm(mx.ones([3, 32]), mx.ones([4, 64])), "SHAPE", /64/],
    [() => mx.qqmm(x.astype(mx.float64), mx.ones([4, 64])), "DTYPE", /float64/],
    [() => mx.qqmm(x.astype(mx.int32), mx.ones([4, 64])), "DTYPE", /floating/],
  ];
  for (const [run, code, message] of bad) {
    assert.throws(
      run,
      (e: unknown) => e instanceof mx.CotangentError && e.code === code && message.test(e.message),
      String(run),
    );
  }
});

test("the decoded matrix is never in memory as a whole, its gradient by x included", () => {
  const whole = 1024 * 1024 * 4;
  for (const transpose of [true, false]) {
    for (const rows of [1, 6, 24]) {
      const [words, scales, biases] = mx.quantize(random([1024, 1024], 1), { bits: 4 });
      const [x, ct] = [random([rows, 1024], 2), random([rows, 1024], 3)];
      mx.eval(words, scales, biases, x, ct);
      const f = (x: mx.NDArray): mx.NDArray =>
        mx.quantizedMatmul(x, words, scales, biases, { transpose });
      const forward = mx.debug.memory((x: mx.NDArray) => mx.eval(f(x)))(x);
      const backward = mx.debug.memory((x: mx.NDArray) => mx.eval(...mx.vjp(f, [x], [ct])[1]))(x);
      for (const { evaluations } of [forward, backward]) {
        assert.ok(evaluations.length > 0);
        const extra = Math.max(...evaluations.map((e) => e.workingBytes));
        assert.ok(extra <= whole / 8, `${rows} rows: ${extra} bytes`);
      }
    }
  }
});

test("mapping over rows alone, or over picks, copies no matrices", () => {
  const [words, scales, biases] = mx.quantize(random([3, 256, 256], 1));
  const [x, xs] = [random([3, 2, 256], 2), random([5, 3, 2, 256], 3)];
  const rhsIndices = mx.array(
    [
      [0, 2, 1],
      [1, 1, 0],
      [2, 0, 0],
    ],
    mx.int32,
  );
  mx.eval(words, scales, biases, x, xs, rhsIndices);
  const right = mx.dequantize(words, scales, biases).swapaxes(-1, -2);
  const rows = mx.vmap((x: mx.NDArray) => mx.quantizedMatmul(x, words, scales, biases));
  const picks = mx.vmap((rhsIndices: mx.NDArray) =>
    mx.gatherQmm(x, words, scales, biases, { rhsIndices }),
  );
  const cases = [
    [() => rows(xs), () => mx.matmul(xs, right)],
    [
      () => picks(rhsIndices),
      () =>
        mx.stack([0, 1, 2].map((i) => mx.gatherMm(x, right, { rhsIndices: rhsIndices.get(i) }))),
    ],
  ] as const;
  for (const [mapped, plain] of cases) {
    const report = mx.debug.memory(() => mx.eval(mapped()))();
    const extra = Math.max(...report.evaluations.map((e) => e.workingBytes));
    assert.ok(extra <= 3 * 256 * 256, `${extra} bytes`);
    close(mapped(), plain());
  }
});

test("gradients of picked matrices reach scales and biases of those that took part", () => {
  const [words, scales, biases] = mx.quantize(random([3, 8, 64], 5), { bits: 3 });
  const x = random([4, 2, 64], 6);
  const rhsIndices = mx.array([2, 0, 2, 2], mx.uint32);
  const of = (product: (s: mx.NDArray, b: mx.NDArray) => mx.NDArray) =>
    mx.grad((s: mx.NDArray, b: mx.NDArray) => mx.sum(mx.square(product(s, b))), [0, 1])(
      scales,
      biases,
    );
  const got = of((s, b) => mx.gatherQmm(x, words, s, b, { bits: 3, rhsIndices }));
  const want = of((s, b) =>
    mx.gatherMm(x, mx.dequantize(words, s, b, { bits: 3 }).swapaxes(-1, -2), { rhsIndices }),
  );
  assert.ok(mx.allclose(got[0], want[0], { rtol: 1e-3, atol: 1e-3 }).item());
  assert.ok(mx.allclose(got[1], want[1], { rtol: 1e-3, atol: 1e-3 }).item());
  assert.equal(mx.max(mx.abs(got[0].get(1))).item(), 0);
});

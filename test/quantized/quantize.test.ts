/** `quantize` and `dequantize`: bits of the packed words, choices of scales, gradients, bad input. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";

const bitWidths = [1, 2, 3, 4, 5, 6, 8] as const;

/** Little-endian words of a stream of numbers, by BigInt. */
const stream = (codes: readonly number[], bits: number): number[] => {
  const whole = codes.reduce((sum, c, i) => sum | (BigInt(c) << BigInt(i * bits)), 0n);
  return Array.from({ length: (codes.length * bits) / 32 }, (_, i) =>
    Number((whole >> BigInt(32 * i)) & 0xffffffffn),
  );
};

const codesOf = (length: number, bits: number): number[] =>
  Array.from({ length }, (_, i) => (i * i * 7 + (i >> 3)) % 2 ** bits);

const ramp = (from: number, to: number): mx.NDArray =>
  mx.array([Array.from({ length: 32 }, (_, i) => from + ((to - from) * i) / 31)]);

for (const bits of bitWidths) {
  test(`${bits} bits: words are one stream of bits, read and written`, () => {
    const codes = codesOf(192, bits);
    const words = mx.array([stream(codes, bits)], mx.uint32);
    const [ones, zeros] = [mx.ones([1, 3]), mx.zeros([1, 3])];
    const read = mx.dequantize(words, ones, zeros, { bits });
    assert.deepEqual(read.tolist(), [codes]);

    // Groups that hold both ends have scale -1 and the top as bias; a single bit counts from below.
    const top = 2 ** bits - 1;
    const w = codes.map((c, i) => (i % 64 === 0 ? 0 : i % 64 === 1 ? top : c));
    const [packed, scales, biases] = mx.quantize(mx.array([w]), { bits });
    assert.equal(packed.dtype, mx.uint32);
    const upwards = bits === 1;
    assert.deepEqual(scales.tolist(), [[0, 0, 0].map(() => (upwards ? 1 : -1))]);
    assert.deepEqual(biases.tolist(), [[0, 0, 0].map(() => (upwards ? 0 : top))]);
    const want = stream(
      w.map((x) => (upwards ? x : top - x)),
      bits,
    );
    assert.deepEqual(packed.tolist(), [want]);
  });
}

test("affine words, scales and biases as MLX chooses them", () => {
  const hex = (a: mx.NDArray): string[] => [...a.dataSync()].map((x) => x.toString(16));
  const at = (bits: number, w: mx.NDArray): [string[], number, number] => {
    const [words, scales, biases] = mx.quantize(w, 32, { bits });
    return [hex(words), Math.fround(Number(scales.item())), Number(biases.item())];
  };
  assert.deepEqual(at(1, ramp(-1, 2)), [["ffff0000"], 3, -1]);
  assert.deepEqual(at(2, ramp(-1, 2)), [["aaaaafff", "55555"], -1, 2]);
  assert.deepEqual(at(3, ramp(-1, 2)), [["6edb7fff", "36dc925b", "124a49"], Math.fround(-0.4), 2]);
  const [words, scales, biases] = mx.quantize(mx.zeros([2, 64]));
  assert.deepEqual([...words.dataSync()], Array(16).fill(0));
  assert.deepEqual([...biases.dataSync()], [0, 0]);
  assert.ok([...scales.dataSync()].every((s) => Math.abs(Math.abs(Number(s)) - 1e-7) < 1e-12));
});

test("four-bit floats: middles go to the smaller code, negative zero to code 0", () => {
  const half = [6, 0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5];
  const row = [...half, ...half.slice(1).map((x) => -x), -6, ...Array(16).fill(0)];
  const want = [6, 0, 0.5, 1, 1.5, 2, 3, 4, 0, -0.5, -1, -1.5, -2, -3, -4, -6];
  for (const mode of ["mxfp4", "nvfp4"] as const) {
    const [words, scales] = mx.quantize(mx.array([row]), { mode });
    assert.equal(scales.get(0, 0).item(), mode === "mxfp4" ? 127 : 56);
    const back = mx.dequantize(words, scales, { mode });
    assert.equal(back.dtype, mx.bfloat16);
    assert.deepEqual(back.astype(mx.float32).get(0, mx.slice(0, 16)).tolist(), want, mode);
  }
});

test("scales are the nearest powers of two, and stay in their range", () => {
  const scale = (top: number, mode: "mxfp4" | "mxfp8"): unknown =>
    mx.quantize(mx.array([[top, ...Array(31).fill(0)]]), { mode })[1].item();
  assert.deepEqual(
    [6, 2.5, 2, 1e-30, 3e38, 0].map((top) => scale(top, "mxfp4")),
    [127, 126, 125, 25, 252, 127],
  );
  assert.deepEqual(
    [448, 1e-30, 3e38].map((top) => scale(top, "mxfp8")),
    [127, 19, 246],
  );
  assert.equal(scale(1e-42, "mxfp4"), 0);
});

test("every scale of mxfp decodes to its power of two", () => {
  const scales = mx.arange(256).astype(mx.uint8).reshape([256, 1]);
  const words = mx.full([256, 4], 0x22222222, mx.uint32);
  const back = mx.dequantize(words, scales, { mode: "mxfp4", dtype: mx.float32 });
  const want = Array.from({ length: 255 }, (_, i) => 2 ** (i - 127));
  assert.deepEqual([...back.get(mx.slice(0, 255), 5).dataSync()], want);
  assert.equal(back.get(255, 5).item(), Number.POSITIVE_INFINITY);
});

test("nvfp4 saturates, and takes a global scale", () => {
  const far = mx.array([[1e30, -1e30, ...Array(14).fill(0)]]);
  const back = (w: mx.NDArray, globalScale?: mx.NDArray): mx.NDArray => {
    const o = { mode: "nvfp4", ...(globalScale === undefined ? {} : { globalScale }) } as const;
    const [words, scales] = mx.quantize(w, o);
    return mx.dequantize(words, scales, { ...o, dtype: mx.float32 });
  };
  assert.deepEqual(back(far).get(0, mx.slice(0, 3)).tolist(), [2688, -2688, 0]);
  const w = mx.random.normal([8, 64], { key: mx.random.key(1) }).multiply(1e-4);
  const top = mx.max(mx.abs(w));
  const error = (x: mx.NDArray): number => Number(mx.max(mx.abs(x.subtract(w))).item());
  assert.ok(error(back(w, top)) <= Number(top.item()) * 0.18);
  assert.equal(error(back(w)), Number(top.item()), "without it scales are too coarse for these");
});

test("decoding is off by at most one step", () => {
  const w = mx.random.normal([16, 256], { key: mx.random.key(2) });
  for (const dtype of [mx.float32, mx.float64]) {
    for (const groupSize of [32, 64, 128]) {
      for (const bits of bitWidths) {
        const [words, scales, biases] = mx.quantize(w.astype(dtype), { groupSize, bits });
        assert.equal(scales.dtype, dtype);
        const back = mx.dequantize(words, scales, biases, { groupSize, bits });
        assert.equal(back.dtype, dtype);
        const steps = mx.abs(back.subtract(w)).reshape([16, -1, groupSize]);
        // Half a step, and at the end that is not kept exact up to half a step more.
        const most = mx.max(steps.divide(mx.abs(scales).expandDims(-1)));
        assert.ok(Number(most.item()) <= 1.001, `${bits} ${groupSize}: ${most.item()}`);
      }
    }
  }
});

test("gradients reach scales and biases, in dequantize and through quantize", () => {
  const w = mx.random.normal([2, 64], { key: mx.random.key(3) });
  const [words, scales, biases] = mx.quantize(w, 32, { bits: 3 });
  const o = { groupSize: 32, bits: 3 };
  const [ds, db] = mx.grad(
    (s: mx.NDArray, b: mx.NDArray) => mx.sum(mx.dequantize(words, s, b, o)),
    [0, 1],
  )(scales, biases);
  const codes = mx.dequantize(words, mx.onesLike(scales), mx.zerosLike(biases), o);
  assert.deepEqual(ds.tolist(), mx.sum(codes.reshape([2, 2, 32]), -1).tolist());
  assert.deepEqual(db.tolist(), mx.full([2, 2], 32).tolist());
  // The scale is the far end divided by its code: one element per group has a gradient.
  const dw = mx.grad((x: mx.NDArray) => mx.sum(mx.quantize(x, 32, { bits: 3 })[1]))(w);
  const hit = mx.sum(mx.notEqual(dw.reshape([2, 2, 32]), 0), -1);
  assert.deepEqual(hit.tolist(), [
    [1, 1],
    [1, 1],
  ]);
  assert.ok(
    mx
      .all(mx.isfinite(mx.grad((x: mx.NDArray) => mx.sum(mx.quantize(x)[1]))(mx.zeros([2, 64]))))
      .item(),
  );
});

test("vmap and compile give what the loop gives", () => {
  const w = mx.random.normal([3, 4, 96], { key: mx.random.key(4) });
  const o = { groupSize: 32, bits: 5 };
  const all = mx.quantize(w, o);
  const mapped = mx.vmap((x: mx.NDArray) => mx.quantize(x, o))(w);
  const compiled = mx.compile((x: mx.NDArray) => mx.quantize(x, o))(w);
  for (const i of [0, 1, 2] as const) {
    assert.deepEqual(mapped[i].tolist(), all[i].tolist());
    assert.deepEqual(compiled[i].tolist(), all[i].tolist());
  }
});

test("bad input is refused by name", () => {
  const w = mx.ones([4, 64]);
  const [words, scales, biases] = mx.quantize(w);
  const [floats, exponents] = mx.quantize(w, { mode: "mxfp4" });
  const one = mx.array(1);
  const bad: readonly (readonly [
    () => unknown,
    typeof mx.CotangentError | typeof mx.ShapeError,
    RegExp,
  ])[] = [
    [
      () => mx.quantize(w, { bits: 7 }),
      mx.ArgumentError,
      /bits of 1, 2, 3, 4, 5, 6, 8, got number 7/,
    ],
    [() => mx.quantize(w, 16), mx.ArgumentError, /groupSize of 32, 64, 128, got number 16/],
    [() => mx.quantize(w, { mode: "mxfp4", bits: 8 }), mx.ArgumentError, /bits of 4/],
    [
      () => Reflect.apply(mx.quantize, null, [w, { mode: "int4" }]),
      mx.ArgumentError,
      /mode affine/,
    ],
    [
      () => Reflect.apply(mx.quantize, null, [w, { group_size: 32 }]),
      mx.ArgumentError,
      /groupSize/,
    ],
    [() => mx.quantize(mx.ones([64])), mx.ShapeError, /two axes/],
    [() => mx.quantize(mx.ones([4, 48])), mx.ShapeError, /multiple of groupSize 64/],
    [() => mx.quantize(mx.ones([4, 64], mx.int32)), mx.DTypeError, /floating/],
    [() => mx.quantize(mx.ones([4, 64], mx.complex64)), mx.DTypeError, /floating/],
    [() => mx.quantize(w, { mode: "mxfp8", globalScale: one }), mx.ArgumentError, /nvfp4/],
    [
      () => mx.quantize(w, { mode: "nvfp4", globalScale: one.astype(mx.float16) }),
      mx.DTypeError,
      /float32/,
    ],
    [
      () => mx.quantize(w, { mode: "nvfp4", globalScale: mx.ones([2]) }),
      mx.ShapeError,
      /one global/,
    ],
    [() => mx.dequantize(words, scales), mx.ArgumentError, /biases/],
    [() => mx.dequantize(words.astype(mx.int32), scales, biases), mx.DTypeError, /uint32/],
    [() => mx.dequantize(words, scales, biases, { bits: 8 }), mx.ShapeError, /scales of shape/],
    [() => mx.dequantize(words, scales, biases.get(mx.slice(0, 2))), mx.ShapeError, /biases/],
    [() => mx.dequantize(words.get(0), scales.get(0), biases.get(0)), mx.ShapeError, /two axes/],
    [
      () => mx.dequantize(words, scales, biases, { dtype: mx.int32 }),
      mx.DTypeError,
      /floating dtype/,
    ],
    [
      () => mx.dequantize(floats, exponents, biases, { mode: "mxfp4" }),
      mx.ArgumentError,
      /no biases/,
    ],
    [
      () => mx.dequantize(floats, exponents.astype(mx.float32), { mode: "mxfp4" }),
      mx.DTypeError,
      /uint8/,
    ],
  ];
  for (const [run, kind, message] of bad) {
    assert.throws(
      run,
      (e: unknown) => e instanceof kind && e instanceof Error && message.test(e.message),
      String(run),
    );
  }
});

test("no rows", () => {
  const [words, scales, biases] = mx.quantize(mx.zeros([0, 64]), { bits: 3 });
  assert.deepEqual(
    [words.shape, scales.shape, biases.shape],
    [
      [0, 6],
      [0, 1],
      [0, 1],
    ],
  );
  assert.deepEqual(mx.dequantize(words, scales, biases, { bits: 3 }).shape, [0, 64]);
});

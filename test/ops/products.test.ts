/** Gathered, masked and segmented products, Hadamard transforms and eight-bit floats beyond the golden cases. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";

const normal = (shape: readonly number[], seed: number): mx.NDArray =>
  mx.random.normal({ shape, key: mx.random.key(seed) });

const close = (a: mx.NDArray, b: mx.NDArray, tolerance = 1e-5): void => {
  assert.deepEqual(a.shape, b.shape);
  const gap = mx.max(mx.abs(a.subtract(b))).item();
  assert.ok(typeof gap === "number" && gap <= tolerance, `differs by ${String(gap)}`);
};

test("gathered products are products of taken matrices, and map", () => {
  const [a, b] = [normal([2, 3, 4, 5], 1), normal([3, 5, 2], 2)];
  const lhs = mx.array(
    [
      [5, 0],
      [1, 1],
    ],
    mx.uint32,
  );
  const rhs = mx.array([2, 0], mx.int32);
  const want = mx.take(a.reshape([6, 4, 5]), lhs, 0).matmul(mx.take(b, rhs, 0));
  close(mx.gatherMm(a, b, { lhsIndices: lhs, rhsIndices: rhs }), want);
  close(mx.gatherMm(a, b), a.matmul(b));
  const mapped = mx.vmap(
    (x: mx.NDArray) => mx.gatherMm(x, b, { rhsIndices: rhs }),
    1,
  )(normal([4, 3, 5], 3));
  assert.deepEqual(mapped.shape, [3, 2, 4, 2]);
  assert.throws(() => mx.gatherMm(a, b, { rhsIndices: mx.array([0.5]) }), mx.DTypeError);
  assert.throws(() => mx.gatherMm(normal([5], 1), b, { rhsIndices: rhs }), mx.ShapeError);
});

test("masked blocks do not count, whatever they hold", () => {
  const a = mx.ones([40, 70]);
  a.set(["32:", 0], mx.nan);
  const maskLhs = mx.array([
    [true, true, true],
    [false, false, true],
  ]);
  const y = mx.blockMaskedMm(a, mx.ones([70, 3]), 32, { maskLhs });
  assert.deepEqual(
    mx
      .unstack(y.get("...", 0))
      .map((v) => v.item())
      .filter((_, i) => i > 30 && i < 34),
    [70, 6, 6],
  );
  assert.throws(() => mx.blockMaskedMm(a, mx.ones([70, 3]), 16, { maskLhs }), mx.ArgumentError);
  assert.throws(() => mx.blockMaskedMm(a, mx.ones([70, 3]), 64, { maskLhs }), mx.ShapeError);
  const gradient = mx.grad((m: mx.NDArray) =>
    mx.blockMaskedMm(mx.ones([40, 70]), mx.ones([70, 3]), 32, { maskOut: m }).sum(),
  );
  assert.deepEqual(gradient(mx.array([[1], [2]])).tolist(), [[32 * 3 * 70], [8 * 3 * 70]]);
});

test("segments may be empty or overlap, and have gradients", () => {
  const [a, b] = [normal([2, 6], 1), normal([6, 3], 2)];
  const segments = mx.array(
    [
      [0, 4],
      [3, 3],
      [2, 6],
    ],
    mx.int32,
  );
  const part = (from: number, to: number): mx.NDArray =>
    a.get(mx.slice(), mx.slice(from, to)).matmul(b.get(mx.slice(from, to)));
  const want = mx.stack([part(0, 4), mx.zeros([2, 3]), part(2, 6)]);
  close(mx.segmentedMm(a, b, segments), want);
  const [, [ga]] = mx.vjp(
    (x: mx.NDArray) => mx.segmentedMm(x, b, segments),
    [a],
    [mx.ones([3, 2, 3])],
  );
  const rows = mx.sum(b, 1).multiply(mx.array([1, 1, 2, 2, 1, 1]));
  assert.ok(ga);
  close(ga, mx.broadcastTo(rows, [2, 6]));
  assert.throws(() => mx.segmentedMm(a, b, mx.ones([2, 2])), mx.DTypeError);
});

test("Hadamard matrices are orthogonal, and transforms of transforms come back", () => {
  for (const n of [1, 2, 64, 128, 12, 24, 20, 40, 28, 28 * 8]) {
    const h = mx.hadamardTransform(mx.eye(n), { scale: 1 });
    close(h.matmul(h.T), mx.eye(n).multiply(n), 0);
    assert.deepEqual(mx.all(mx.abs(h).equal(1)).item(), true);
  }
  const x = normal([3, 4096], 1);
  close(mx.hadamardTransform(mx.hadamardTransform(x)), x);
  const [, [pulled]] = mx.vjp(
    (v: mx.NDArray) => mx.hadamardTransform(v),
    [mx.ones([20])],
    [mx.eye(20).get(3)],
  );
  assert.ok(pulled);
  close(pulled, mx.hadamardTransform(mx.eye(20)).T.get(3));
  assert.throws(() => mx.hadamardTransform(mx.ones([36])), mx.ShapeError);
  assert.throws(() => mx.hadamardTransform(mx.ones([4]).astype(mx.complex64)), mx.DTypeError);
});

test("every eight-bit float survives, ties go to even, what is too large saturates", () => {
  const codes = mx.arange(256).astype(mx.uint8);
  const back = mx.toFp8(mx.fromFp8(codes, mx.float32)).tolist();
  const kept = (code: number): number => ((code & 0x7f) === 0x7f ? code - 1 : code);
  assert.deepEqual(
    back,
    Array.from({ length: 256 }, (_, i) => kept(i)),
  );
  const given = [1.0625, 1.1875, 2 ** -10, 3 * 2 ** -10, 464, -1e9, mx.nan, -mx.inf, -0];
  const want = [0x38, 0x3a, 0, 2, 0x7e, 0xfe, 0x7e, 0xfe, 0x80];
  assert.deepEqual(mx.toFp8(mx.array(given)).tolist(), want);
  assert.equal(mx.fromFp8(codes).dtype, mx.bfloat16);
  assert.deepEqual(
    mx.fromFp8(mx.array([0x7f, 1, 0x88], mx.uint8), { dtype: mx.float32 }).tolist(),
    [480, 2 ** -9, -(2 ** -6)],
  );
  assert.throws(() => mx.fromFp8(codes, mx.int32), mx.ArgumentError);
});

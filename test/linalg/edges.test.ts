/** Matrices that are hard or impossible, arguments that are wrong, and derivatives through the public functions. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as mx from "../../src/index.js";
import { adjoint, definite, diagonal, dtypes, largest, near, random, unitary } from "./support.js";

const { linalg } = mx;
type NDArray = mx.NDArray;

const matrices = (n: number): Readonly<Record<string, NDArray>> => {
  const place = (f: (i: number, j: number) => number): NDArray =>
    mx
      .array(Float64Array.from({ length: n * n }, (_, k) => f(Math.floor(k / n), k % n)))
      .reshape([n, n]);
  return {
    zero: place(() => 0),
    identity: place((i, j) => (i === j ? 1 : 0)),
    ones: place(() => 1),
    nilpotent: place((i, j) => (j === i + 1 ? 1 : 0)),
    cyclic: place((i, j) => (j === (i + 1) % n ? 1 : 0)),
    Jordan: place((i, j) => (i === j ? 2 : j === i + 1 ? 1 : 0)),
    Hilbert: place((i, j) => 1 / (i + j + 1)),
    graded: place((i, j) => 10 ** (-2 * Math.max(i, j))),
    skew: place((i, j) => Math.sign(i - j) * (1 + Math.abs(i - j))),
    tiny: place((i, j) => 1e-200 * (1 + ((i * 7 + j * 3) % 5))),
    huge: place((i, j) => 1e200 * (1 + ((i * 7 + j * 3) % 5))),
    gap: place((i, j) => (i === j ? i % 2 : 0)),
    ladder: place((i, j) => (i === 1 ? 0 : j === i || j === i + 1 ? 1 : 0)),
  };
};

describe("hard matrices", () => {
  for (const n of [1, 2, 3, 6, 12]) {
    for (const [name, a] of Object.entries(matrices(n))) {
      test(`${name}, ${n}×${n}`, () => {
        const size = largest(a) || 1;
        // What is checked is relative to the size of the matrix.
        const b = mx.divide(a, size);
        const [u, s, vt] = linalg.svd(a);
        near(mx.matmul(mx.matmul(u, diagonal(mx.divide(s, size), n, n, a.dtype)), vt), b, "svd");
        unitary(u, "U");
        unitary(adjoint(vt), "V");
        const [q, r] = linalg.qr(a);
        near(mx.matmul(q, mx.divide(r, size)), b, "qr");
        unitary(q, "Q");
        const symmetric = mx.add(mx.tril(b), adjoint(mx.tril(b, -1)));
        const [w, v] = linalg.eigh(a);
        near(
          mx.matmul(symmetric, v),
          mx.matmul(v, diagonal(mx.divide(w, size), n, n, a.dtype)),
          "eigh",
        );
        unitary(v, "V of eigh");
        const scaled = size > 1e30 || size < 1e-30 ? b : a;
        const [l, x] = linalg.eig(scaled);
        near(
          mx.matmul(scaled.astype(mx.complex64), x),
          mx.matmul(x, diagonal(l, n, n, mx.complex64)),
          "eig",
        );
      });
    }
  }
});

describe("no answer", () => {
  test("singular matrices are an error of inv and solve, when evaluated", () => {
    for (const dtype of dtypes) {
      const a = mx
        .array([
          [1, 2],
          [2, 4],
        ])
        .astype(dtype);
      for (const make of [() => linalg.inv(a), () => linalg.solve(a, mx.ones([2]).astype(dtype))]) {
        const lazy = make();
        assert.throws(() => lazy.dataSync(), mx.LinAlgError);
      }
      assert.equal(largest(linalg.det(a)), 0);
      const [sign, log] = linalg.slogdet(a);
      assert.equal(largest(sign), 0);
      assert.equal(log.item(), Number.NEGATIVE_INFINITY);
    }
  });

  test("one singular matrix of a batch, asynchronously too", async () => {
    const a = mx.stack([mx.eye(2), mx.zeros([2, 2]), mx.eye(2)]);
    await assert.rejects(() => linalg.inv(a).data(), mx.LinAlgError);
  });

  test("cholesky of what is not positive definite is NaN", () => {
    for (const a of [
      [
        [1, 2],
        [2, 1],
      ],
      [
        [0, 0],
        [0, 0],
      ],
      [
        [-1, 0],
        [0, 1],
      ],
    ]) {
      const l = linalg.cholesky(mx.array(a));
      assert.deepEqual(l.tolist(), [
        [NaN, NaN],
        [NaN, NaN],
      ]);
    }
    const both = linalg.cholesky(mx.stack([mx.eye(2), mx.negative(mx.eye(2))]));
    assert.deepEqual(both.get(0).tolist(), [
      [1, 0],
      [0, 1],
    ]);
  });

  test("NaN and infinities end iterations with an error", () => {
    for (const x of [NaN, Infinity]) {
      const a = mx.array([
        [1, x, 2],
        [x, 1, 3],
        [2, 3, 1],
      ]);
      for (const make of [
        () => linalg.svd(a)[1],
        () => linalg.svd(a, { computeUv: false }),
        () => linalg.eigh(a)[0],
        () => linalg.eigvalsh(a),
        () => linalg.eig(a)[0],
        () => linalg.eigvals(a),
        () => linalg.eigvals(a.astype(mx.complex64)),
      ])
        assert.throws(() => make().dataSync(), mx.LinAlgError);
    }
  });

  test("empty matrices and batches", () => {
    const none = mx.zeros([0, 0]);
    assert.equal(linalg.det(none).item(), 1);
    assert.equal(linalg.slogdet(none)[1].item(), 0);
    for (const f of [linalg.inv, linalg.cholesky, linalg.pinv, linalg.triInv]) {
      assert.deepEqual(f(none).shape, [0, 0]);
      assert.deepEqual(f(mx.zeros([0, 2, 2])).tolist(), []);
    }
    assert.deepEqual(linalg.svd(mx.zeros([3, 0]))[0].tolist(), mx.eye(3).tolist());
    assert.deepEqual(linalg.qr(mx.zeros([3, 0]))[1].shape, [0, 0]);
    assert.deepEqual(linalg.pinv(mx.zeros([3, 0])).shape, [0, 3]);
    assert.deepEqual(linalg.eigh(none)[0].tolist(), []);
    assert.deepEqual(linalg.eig(mx.zeros([0, 3, 3]))[1].shape, [0, 3, 3]);
    assert.deepEqual(linalg.solve(none, mx.zeros([0, 2])).shape, [0, 2]);
    assert.deepEqual(linalg.lu(mx.zeros([0, 3]))[2].shape, [0, 3]);
  });
});

test("wrong arguments are named errors that say the operation", () => {
  const flat = mx.array([1, 2]);
  const wide = mx.zeros([2, 3]);
  const whole = mx
    .array([
      [1, 0],
      [0, 1],
    ])
    .astype(mx.int32);
  const half = mx.eye(2).astype(mx.float16);
  const one = mx.eye(2);
  const cases: [() => unknown, abstract new (...args: never[]) => Error, RegExp][] = [
    [
      () => linalg.cholesky(wide),
      mx.ShapeError,
      /^\[linalg\.cholesky\] expected square matrices, got shape \[2, 3\]/,
    ],
    [() => linalg.inv(flat), mx.ShapeError, /^\[linalg\.inv\] expected at least two axes/],
    [() => linalg.qr(flat), mx.ShapeError, /^\[linalg\.qr\]/],
    [
      () => linalg.qr(whole),
      mx.DTypeError,
      /^\[linalg\.qr\] expected float32, float64 or complex64, got int32/,
    ],
    [() => linalg.svd(half), mx.DTypeError, /float16: cast with astype/],
    [() => linalg.eig(wide), mx.ShapeError, /^\[linalg\.eig\]/],
    [
      () => linalg.solve(one, mx.ones([3])),
      mx.ShapeError,
      /^\[linalg\.solve\] expected right sides of 2 rows/,
    ],
    [() => linalg.solve(wide, mx.ones([2])), mx.ShapeError, /square/],
    [
      () => linalg.solveTriangular(mx.zeros([2, 2, 2]), mx.zeros([3, 2, 1])),
      mx.ShapeError,
      /linalg\.solveTriangular/,
    ],
    [() => linalg.det(wide), mx.ShapeError, /^\[linalg\.det\]/],
    [() => linalg.norm(one, 3), mx.ArgumentError, /^\[linalg\.norm\] expected "fro", "nuc"/],
    [() => linalg.norm(flat, "fro"), mx.ArgumentError, /two axes/],
    [() => linalg.norm(mx.zeros([2, 2, 2]), 2), mx.ArgumentError, /got 3: name them with axis/],
    [() => linalg.norm(one, { axis: [0, 0] }), mx.CotangentError, /norm/],
    [() => linalg.norm(half, "nuc"), mx.DTypeError, /float16/],
    [
      () => linalg.cross(mx.ones([4]), mx.ones([4])),
      mx.ShapeError,
      /^\[linalg\.cross\] expected 2 or 3 elements/,
    ],
    // @ts-expect-error no such triangle
    [() => linalg.eigh(one, "X"), mx.ArgumentError, /expected "L" or "U" as UPLO/],
    // @ts-expect-error no such option
    [() => linalg.svd(one, { compute_uv: false }), mx.ArgumentError, /did you mean computeUv/],
  ];
  for (const [f, type, message] of cases)
    assert.throws(f, (e) => {
      assert.ok(e instanceof type, String(e));
      assert.match(e.message, message);
      return true;
    });
});

test("derivatives of determinants are exact where the matrix is singular, up to 3×3", () => {
  const a = mx.array([
    [1, 2, 3],
    [2, 4, 6],
    [0, 1, 5],
  ]);
  assert.deepEqual(
    mx
      .grad((x: NDArray) => linalg.det(x))(a)
      .tolist(),
    [
      [14, -10, 2],
      [-7, 5, -1],
      [0, 0, 0],
    ],
  );
});

test("gradients that are known", () => {
  const a = definite(mx.float64, [4, 4], 1);
  const inverse = linalg.inv(a);
  near(mx.grad((x: NDArray) => linalg.slogdet(x)[1])(a), adjoint(inverse), "of log|det|");
  near(
    mx.grad((x: NDArray) => linalg.det(x))(a),
    mx.multiply(linalg.det(a), adjoint(inverse)),
    "of det",
    300,
  );
  // Twice the sum of logarithms of the diagonal is log|det|; one triangle is read.
  const halves = mx.grad((x: NDArray) =>
    mx.multiply(2, mx.sum(mx.log(mx.diagonal(linalg.cholesky(x))))),
  )(a);
  near(mx.divide(mx.add(halves, adjoint(halves)), 2), inverse, "of cholesky");
  const w = mx.grad((x: NDArray) => mx.sum(mx.square(linalg.eigvalsh(x))))(a);
  near(mx.divide(mx.add(w, adjoint(w)), 2), mx.multiply(2, a), "of the sum of squared eigenvalues");
  const g = random(mx.float64, [5, 3], 2);
  const squares = (x: NDArray): NDArray => mx.sum(mx.square(linalg.svd(x, { computeUv: false })));
  near(mx.grad(squares)(g), mx.multiply(2, g), "of the sum of squared singular values");
  const nuclear = mx.grad((x: NDArray) => linalg.norm(x, "nuc"))(g);
  const [u, , vt] = linalg.svd(g);
  near(nuclear, mx.matmul(u.get(mx.slice(), mx.slice(0, 3)), vt), "of the nuclear norm");
});

test("gradients where eigenvalues and singular values are equal are finite, and right for what does not depend on vectors", () => {
  const one = mx.multiply(mx.eye(3, { dtype: mx.float64 }), 2);
  const rebuilt = (x: NDArray): NDArray => {
    const [u, s, vt] = linalg.svd(x);
    return mx.sum(mx.matmul(mx.multiply(u, mx.square(s)), vt));
  };
  assert.ok(Number.isFinite(largest(mx.grad(rebuilt)(one))));
  const trace = (x: NDArray): NDArray => mx.sum(linalg.eigh(x)[0]);
  near(mx.grad(trace)(one), mx.eye(3, { dtype: mx.float64 }), "of the trace");
});

test("second derivatives, compiled and mapped", () => {
  const a = definite(mx.float64, [3, 3, 3], 3);
  const f = (x: NDArray): NDArray => mx.sum(mx.square(linalg.inv(x)));
  const hessian = (x: NDArray): NDArray =>
    mx.grad((y: NDArray) => mx.sum(mx.square(mx.grad(f)(y))))(x);
  const mapped = mx.vmap(hessian)(a);
  const compiled = mx.compile(hessian);
  for (const i of [0, 1, 2]) {
    near(mapped.get(i), hessian(a.get(i)), "mapped", 1e4);
    near(compiled(a.get(i)), hessian(a.get(i)), "compiled");
  }
});

test("cross products over any axis", () => {
  const a = random(mx.float64, [3, 4], 20);
  const b = random(mx.float64, [3, 1], 21);
  const c = linalg.cross(a, b, { axis: 0 });
  assert.deepEqual(c.shape, [3, 4]);
  near(mx.sum(mx.multiply(a, c), 0), mx.zeros([4], mx.float64), "across a");
  near(mx.sum(mx.multiply(b, c), 0), mx.zeros([4], mx.float64), "across b");
  assert.deepEqual(linalg.cross(mx.array([1, 2]), mx.array([3, 4, 5])).tolist(), [10, -5, -2]);
  assert.deepEqual(linalg.cross(mx.ones([5, 3]), mx.ones([3])).tolist(), mx.zeros([5, 3]).tolist());
});

/** Factorisations give back what they factor, with factors of the right form, for every dtype, shape and batch. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as mx from "../../src/index.js";
import { adjoint, definite, diagonal, dtypes, largest, near, random, unitary } from "./support.js";

const { linalg } = mx;

const shapes: readonly (readonly number[])[] = [
  [1, 1],
  [2, 2],
  [5, 5],
  [4, 2],
  [2, 4],
  [9, 5],
  [3, 1],
  [1, 3],
  [2, 3, 3],
  [3, 2, 6, 4],
  [40, 33],
];

const square = shapes.filter((s) => s.at(-1) === s.at(-2));

for (const dtype of dtypes) {
  describe(dtype.name, () => {
    test("qr", () => {
      for (const shape of shapes) {
        const a = random(dtype, shape, 1);
        const [q, r] = linalg.qr(a);
        near(mx.matmul(q, r), a, `Q·R of [${shape}]`);
        unitary(q, `Q of [${shape}]`);
        assert.equal(largest(mx.tril(r, -1)), 0, "R is upper triangular");
      }
    });

    test("lu and luFactor", () => {
      for (const shape of shapes) {
        const a = random(dtype, shape, 2);
        const [P, L, U] = linalg.lu(a);
        const rows = mx.takeAlongAxis(L, mx.expandDims(P, -1), -2);
        assert.equal(P.dtype, mx.uint32);
        near(mx.matmul(rows, U), a, `L[P]·U of [${shape}]`);
        assert.ok(largest(L) <= 1.5, "factors of rows are at most 1, or √2 for complex ones");
        const [packed, pivots] = linalg.luFactor(a);
        const k = Math.min(...shape.slice(-2));
        assert.deepEqual(pivots.shape, [...shape.slice(0, -2), k]);
        near(
          mx.triu(packed).get("...", mx.slice(0, k), mx.slice()),
          U,
          "U is in the packed factors",
          0,
        );
      }
    });

    test("cholesky", () => {
      for (const shape of square) {
        const a = definite(dtype, shape, 3);
        const l = linalg.cholesky(a);
        near(mx.matmul(l, adjoint(l)), a, `L·Lᴴ of [${shape}]`);
        assert.equal(largest(mx.triu(l, 1)), 0, "L is lower triangular");
        const u = linalg.cholesky(a, { upper: true });
        near(mx.matmul(adjoint(u), u), a, `Uᴴ·U of [${shape}]`);
        const junk = random(dtype, shape, 4);
        near(linalg.cholesky(mx.add(mx.tril(a), mx.triu(junk, 1))), l, "one triangle is read", 0);
        near(linalg.cholesky(mx.add(mx.triu(a), mx.tril(junk, -1)), true), u, "the other", 0);
        near(linalg.choleskyInv(l), linalg.inv(a), "the inverse from the factor", 3000);
        near(linalg.choleskyInv(u, { upper: true }), linalg.inv(a), "from the upper factor", 3000);
      }
    });

    test("svd", () => {
      for (const shape of shapes) {
        const [m = 0, n = 0] = shape.slice(-2);
        const a = random(dtype, shape, 5);
        const [u, s, vt] = linalg.svd(a);
        assert.equal(s.dtype, dtype === mx.complex64 ? mx.float32 : dtype);
        near(mx.matmul(mx.matmul(u, diagonal(s, m, n, dtype)), vt), a, `U·S·Vt of [${shape}]`);
        unitary(u, `U of [${shape}]`);
        unitary(adjoint(vt), `V of [${shape}]`);
        const steps = mx.subtract(s.get("...", mx.slice(1, null)), s.get("...", mx.slice(0, -1)));
        if (steps.size > 0) assert.ok(Number(mx.max(steps).item()) <= 0, "descending");
        near(linalg.svd(a, { computeUv: false }), s, "the values alone");
      }
    });

    test("eigh and eigvalsh", () => {
      for (const shape of square) {
        const n = shape.at(-1) ?? 0;
        const g = random(dtype, shape, 6);
        const a = mx.add(g, adjoint(g));
        for (const UPLO of ["L", "U"] as const) {
          const junk = random(dtype, shape, 7);
          const given =
            UPLO === "L"
              ? mx.add(mx.tril(a), mx.triu(junk, 1))
              : mx.add(mx.triu(a), mx.tril(junk, -1));
          const [w, v] = linalg.eigh(given, { UPLO });
          near(mx.matmul(a, v), mx.matmul(v, diagonal(w, n, n, dtype)), `A·V of [${shape}]`);
          unitary(v, `V of [${shape}]`);
          near(linalg.eigvalsh(given, UPLO), w, "the values alone");
        }
      }
    });

    test("eig and eigvals", () => {
      for (const shape of square) {
        const n = shape.at(-1) ?? 0;
        const a = random(dtype, shape, 8);
        const [w, v] = linalg.eig(a);
        assert.equal(w.dtype, mx.complex64);
        near(
          mx.matmul(a.astype(mx.complex64), v),
          mx.matmul(v, diagonal(w, n, n, mx.complex64)),
          "A·V",
        );
        const lengths = mx.sum(mx.square(mx.abs(v)), -2);
        near(lengths, mx.onesLike(lengths), "unit columns");
        near(linalg.eigvals(a), w, "the values alone");
      }
    });

    test("inv, triInv, pinv", () => {
      for (const shape of square) {
        const n = shape.at(-1) ?? 0;
        const one = mx.broadcastTo(mx.eye(n).astype(dtype), shape);
        const a = mx.add(random(dtype, shape, 9), mx.multiply(one, 3));
        near(mx.matmul(a, linalg.inv(a)), one, "A·A⁻¹");
        near(mx.matmul(mx.tril(a), linalg.triInv(a)), one, "lower", 300);
        near(mx.matmul(mx.triu(a), linalg.triInv(a, { upper: true })), one, "upper", 300);
        assert.equal(largest(mx.triu(linalg.triInv(a), 1)), 0);
      }
      for (const shape of shapes) {
        const a = random(dtype, shape, 10);
        const x = linalg.pinv(a);
        near(mx.matmul(mx.matmul(a, x), a), a, "A·X·A", 300);
        const left = mx.matmul(x, a);
        near(left, adjoint(left), "X·A is Hermitian", 300);
      }
    });

    test("solve and solveTriangular broadcast", () => {
      const a = mx.add(random(dtype, [2, 1, 3, 3], 11), mx.multiply(mx.eye(3).astype(dtype), 3));
      const b = random(dtype, [4, 3, 2], 12);
      const x = linalg.solve(a, b);
      assert.deepEqual(x.shape, [2, 4, 3, 2]);
      near(mx.matmul(a, x), mx.broadcastTo(b, [2, 4, 3, 2]), "A·X");
      for (const upper of [true, false]) {
        const t = upper ? mx.triu(a) : mx.tril(a);
        near(
          mx.matmul(t, linalg.solveTriangular(a, b, { upper })),
          mx.broadcastTo(b, [2, 4, 3, 2]),
          "T·X",
          300,
        );
      }
      const v = random(dtype, [3], 13);
      assert.deepEqual(linalg.solve(a, v).shape, [2, 1, 3]);
      const product = mx.matmul(a, mx.expandDims(linalg.solve(a, v), -1));
      near(mx.squeeze(product, -1), mx.broadcastTo(v, [2, 1, 3]), "A·x");
    });

    test("det and slogdet", () => {
      for (const shape of square) {
        const a = random(dtype, shape, 14);
        const [sign, log] = linalg.slogdet(a);
        const det = linalg.det(a);
        near(mx.multiply(sign, mx.exp(log).astype(dtype)), det, "sign · exp(log)", 300);
        const product = mx.prod(linalg.eigvals(a), -1);
        near(det.astype(mx.complex64), product, "the product of the eigenvalues", 300);
      }
    });
  });
}

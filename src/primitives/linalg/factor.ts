/** Factorisations without iterations: Cholesky, LU with row exchanges, QR; and the determinants that LU gives. */
import { uint32 } from "../../core/dtype.js";
import { ShapeError } from "../../core/errors.js";
import { bind, bindAll } from "../../graph/bind.js";
import type { Node, Shape } from "../../graph/node.js";
import { define, type Primitive, type Tangents } from "../../graph/primitive.js";
import { abs, add, divide, multiply, subtract } from "../arithmetic.js";
import { sum, unreduce } from "../broadcast-sum.js";
import { cast, complex, imag, real } from "../cast.js";
import { equal, select } from "../compare-select.js";
import { constant, iota, onesLike, zerosLike } from "../constant.js";
import { log } from "../exp-log.js";
import { prod } from "../extremum.js";
import { at, same } from "../families/operands.js";
import { takeAlong } from "../gather-scatter.js";
import { padTo, slice } from "../pad-slice.js";
import {
  adjoint,
  diagonal,
  diagonalPart,
  fromLower,
  halfLower,
  onMatrices,
  product,
  realOf,
  sizes,
  strictLower,
  trace,
  unitDiagonal,
  upper,
} from "./parts.js";
import { solve, triangularSolve, triangularSolveRight } from "./solve.js";

export const choleskyP: Primitive = onMatrices<undefined>({
  name: "cholesky",
  what: "cholesky",
  square: true,
  rule: {
    family: "routine",
    // a = l·lᴴ gives l⁻¹·da·l⁻ᴴ = l⁻¹·dl + (l⁻¹·dl)ᴴ, whose lower half is l⁻¹·dl.
    jvp([t], { outs }) {
      if (!t) return [null];
      const l = at(outs, 0);
      const inner = triangularSolve(l, adjoint(triangularSolve(l, fromLower(t), false)), false);
      return [product(l, halfLower(inner))];
    },
  },
  results: (_, n, dtype) => [{ shape: [n, n], dtype }],
});

/** The lower factor of a Hermitian matrix of which the lower triangle is read; NaN where it is not positive definite. */
export const cholesky = (a: Node): Node => bind(choleskyP, [a], undefined);

const block = (x: Node, rows: number, columns: number): Node =>
  slice(
    x,
    x.shape.map(() => 0),
    [...x.shape.slice(0, -2), rows, columns],
  );

const enlarged = (x: Node, shape: Shape): Node => {
  const none = shape.map(() => 0);
  return padTo(x, none, none, shape);
};

/** Change of the packed factors for a change `t` of the rows in their new order. */
const luTangent = (t: Node, packed: Node): Node => {
  const [m, n] = sizes(packed);
  const k = Math.min(m, n);
  const l = unitDiagonal(strictLower(block(packed, m, k)));
  const u = upper(block(packed, k, n));
  const [l1, u1, t1] = [block(l, k, k), block(u, k, k), block(t, k, k)];
  const inner = triangularSolve(l1, triangularSolveRight(t1, u1, true), false);
  // t = dl·u + l·du: one of the two follows from the square part, the other from what is left.
  const du =
    m >= n
      ? product(upper(inner), u)
      : triangularSolve(l, subtract(t, product(l, strictLower(inner), u)), false);
  const dl =
    m <= n
      ? product(l, strictLower(inner))
      : triangularSolveRight(subtract(t, product(l, upper(inner), u)), u, true);
  return add(enlarged(strictLower(dl), packed.shape), enlarged(upper(du), packed.shape));
};

export const luP: Primitive = onMatrices<undefined>({
  name: "lu",
  what: "lu",
  square: false,
  rule: {
    family: "routine",
    jvp([t], { outs }) {
      if (!t) return [null, null, null];
      const index = unreduce(at(outs, 2), t.shape, [t.shape.length - 1]);
      return [luTangent(takeAlong(t, index, t.shape.length - 2), at(outs, 0)), null, null];
    },
  },
  results: (m, n, dtype) => [
    { shape: [m, n], dtype },
    { shape: [Math.min(m, n)], dtype: uint32 },
    { shape: [m], dtype: uint32 },
  ],
});

export interface Lu {
  /** U on and above the diagonal, the factors of L below it. */
  readonly packed: Node;
  /** The row that row k was exchanged with, and where every row was before. */
  readonly pivots: Node;
  readonly order: Node;
}

export const lu = (a: Node): Lu => {
  const outs = bindAll(luP, [a], undefined);
  return { packed: at(outs, 0), pivots: at(outs, 1), order: at(outs, 2) };
};

/** The factors of packed ones: L with ones on its diagonal, and U. */
export const unpack = (packed: Node): readonly [l: Node, u: Node] => {
  const [m, n] = sizes(packed);
  const k = Math.min(m, n);
  return [unitDiagonal(strictLower(block(packed, m, k))), upper(block(packed, k, n))];
};

export const qrP: Primitive = onMatrices<undefined>({
  name: "qr",
  what: "qr",
  square: false,
  rule: {
    family: "routine",
    // With x = da·r⁻¹ and y = qᴴ·x: dq = q·(w - y) + x and dr = (y - w)·r for the skew w that makes dr triangular.
    jvp([t], { outs }) {
      if (!t) return [null, null];
      const [q, r] = [at(outs, 0), at(outs, 1)];
      const x = triangularSolveRight(t, r, true);
      const y = product(adjoint(q), x);
      const below = strictLower(y);
      let w = subtract(below, adjoint(below));
      if (y.dtype.kind === "complex") {
        const d = diagonalPart(y);
        w = add(w, subtract(d, cast(real(d), d.dtype)));
      }
      return [add(product(q, subtract(w, y)), x), upper(product(subtract(y, w), r))];
    },
  },
  results(m, n, dtype) {
    if (m < n)
      throw new ShapeError(
        `[qr] expected matrices at least as high as wide, got ${m}×${n}: factor the first ${m} columns`,
      );
    return [
      { shape: [m, n], dtype },
      { shape: [n, n], dtype },
    ];
  },
});

/** Q with orthonormal columns and the upper triangular R, of matrices that are not wider than high. */
export const qr = (a: Node): readonly [q: Node, r: Node] => {
  const outs = bindAll(qrP, [a], undefined);
  return [at(outs, 0), at(outs, 1)];
};

/** The sign of the row exchanges of an LU factorisation. */
const parity = (pivots: Node, like: Node): Node => {
  const axis = pivots.shape.length - 1;
  const stays = equal(pivots, iota(pivots.shape, axis, pivots.dtype));
  const one = constant(1, like.dtype, pivots.shape);
  return prod(select(stays, one, constant(-1, like.dtype, pivots.shape)), [axis]);
};

const last = (x: Node): number[] => [x.shape.length - 1];

export const detP: Primitive = define<undefined>({
  name: "det",
  rule: {
    family: "composite",
    decompose(ins) {
      const { packed, pivots } = lu(at(ins, 0));
      const d = diagonal(packed);
      return [multiply(prod(d, last(d)), parity(pivots, d))];
    },
    jvp([t], { ins, outs }) {
      return [t ? multiply(at(outs, 0), trace(solve(at(ins, 0), t, false))) : null];
    },
  },
  infer: ([a]) => (a === undefined ? [] : [{ shape: a.shape.slice(0, -2), dtype: a.dtype }]),
  lift: same,
  lower: null,
});

/** x / |x|, and 0 where x is 0. */
const direction = (x: Node): Node => {
  const size = abs(x);
  const zero = equal(size, zerosLike(size));
  const divisor = cast(select(zero, onesLike(size), size), x.dtype);
  return select(zero, zerosLike(x), divide(x, divisor));
};

export const slogdetP: Primitive = define<undefined>({
  name: "slogdet",
  rule: {
    family: "composite",
    decompose(ins) {
      const { packed, pivots } = lu(at(ins, 0));
      const d = diagonal(packed);
      const sign = multiply(prod(direction(d), last(d)), parity(pivots, d));
      return [sign, sum(log(abs(d)), last(d))];
    },
    jvp([t], { ins, outs }): Tangents {
      if (!t) return [null, null];
      const change = trace(solve(at(ins, 0), t, false));
      if (change.dtype.kind !== "complex") return [null, change];
      const turn = imag(change);
      return [multiply(at(outs, 0), complex(zerosLike(turn), turn)), real(change)];
    },
  },
  infer([a]) {
    if (a === undefined) return [];
    const shape = a.shape.slice(0, -2);
    return [
      { shape, dtype: a.dtype },
      { shape, dtype: realOf(a.dtype) },
    ];
  },
  lift: same,
  lower: null,
});

/** Determinants of square matrices. */
export const det = (a: Node): Node => bind(detP, [a], undefined);

/** Sign (or direction) of the determinant and logarithm of its modulus. */
export const slogdet = (a: Node): readonly [sign: Node, log: Node] => {
  const outs = bindAll(slogdetP, [a], undefined);
  return [at(outs, 0), at(outs, 1)];
};

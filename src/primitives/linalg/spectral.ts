/** Eigenvalues and singular values, with the vectors that belong to them. */
import { complex64 } from "../../core/dtype.js";
import { faults } from "../../core/routine.js";
import { bind, bindAll } from "../../graph/bind.js";
import type { Node } from "../../graph/node.js";
import type { Primitive, Tangents } from "../../graph/primitive.js";
import { abs, add, divide, multiply, negative, scale, subtract } from "../arithmetic.js";
import { expandDims, sum } from "../broadcast-sum.js";
import { cast, complex, conjugate, imag, real } from "../cast.js";
import { concatenate } from "../concatenate.js";
import { zerosLike } from "../constant.js";
import { argmax } from "../extremum.js";
import { at } from "../families/operands.js";
import { takeAlong } from "../gather-scatter.js";
import { matmul } from "../matmul.js";
import { sliceAxis } from "../pad-slice.js";
import {
  adjoint,
  diagonal,
  diagonalPart,
  fromLower,
  onMatrices,
  overColumns,
  overRows,
  product,
  realOf,
  reciprocalGaps,
  safeReciprocal,
  scaleColumns,
  scaleRows,
  sizes,
} from "./parts.js";
import { solve } from "./solve.js";

/**
 * How fast each column has to turn, as imaginary numbers [..., n], so that its largest element, which is real, stays
 * real under the change `dv`. Null where nothing turns.
 */
const turning = (dv: Node, v: Node): Node | null => {
  if (v.dtype !== complex64 || v.shape.includes(0)) return null;
  const axis = v.shape.length - 2;
  const index = expandDims(argmax(abs(v), axis), [axis]);
  const rate = divide(imag(takeAlong(dv, index, axis)), real(takeAlong(v, index, axis)));
  const turn = negative(sum(rate, [axis]));
  return complex(zerosLike(turn), turn);
};

const turned = (dv: Node, v: Node, turn: Node | null): Node =>
  turn === null ? dv : add(dv, scaleColumns(v, turn));

export const eighP: Primitive = onMatrices<undefined>({
  name: "eigh",
  what: "eigh",
  square: true,
  rule: {
    family: "routine",
    jvp([t], { outs }) {
      if (!t) return [null, null];
      const [w, v] = [at(outs, 0), at(outs, 1)];
      const inner = product(adjoint(v), fromLower(t), v);
      const dv = matmul(v, multiply(inner, cast(reciprocalGaps(w), inner.dtype)));
      return [real(diagonal(inner)), turned(dv, v, turning(dv, v))];
    },
  },
  results: (_, n, dtype) => [
    { shape: [n], dtype: realOf(dtype) },
    { shape: [n, n], dtype },
  ],
  fault: () => faults.eigenvalues,
});

/** Eigenvalues, ascending, and orthonormal eigenvectors as columns, of the Hermitian matrix with the lower triangle of `a`. */
export const eigh = (a: Node): readonly [w: Node, v: Node] => {
  const outs = bindAll(eighP, [a], undefined);
  return [at(outs, 0), at(outs, 1)];
};

export const eigvalshP: Primitive = onMatrices<undefined>({
  name: "eigvalsh",
  what: "eigvalsh",
  square: true,
  rule: {
    family: "routine",
    jvp([t], { ins }) {
      if (!t) return [null];
      const [, v] = eigh(at(ins, 0));
      return [real(diagonal(product(adjoint(v), fromLower(t), v)))];
    },
  },
  results: (_, n, dtype) => [{ shape: [n], dtype: realOf(dtype) }],
  fault: () => faults.eigenvalues,
});

export const eigvalsh = (a: Node): Node => bind(eigvalshP, [a], undefined);

export const eigP: Primitive = onMatrices<undefined>({
  name: "eig",
  what: "eig",
  square: true,
  rule: {
    family: "routine",
    jvp([t], { outs }) {
      if (!t) return [null, null];
      const [w, v] = [at(outs, 0), at(outs, 1)];
      const inner = solve(v, matmul(cast(t, complex64), v), false);
      const free = matmul(v, multiply(inner, reciprocalGaps(w)));
      // Columns keep their length, and their largest elements stay real.
      const rows = v.shape.length - 2;
      const growth = real(sum(multiply(conjugate(v), free), [rows]));
      const dv = subtract(free, scaleColumns(v, cast(growth, complex64)));
      return [diagonal(inner), turned(dv, v, turning(dv, v))];
    },
  },
  results: (_, n) => [
    { shape: [n], dtype: complex64 },
    { shape: [n, n], dtype: complex64 },
  ],
  fault: () => faults.eigenvalues,
});

/** Eigenvalues and unit eigenvectors as columns, of any square matrix. */
export const eig = (a: Node): readonly [w: Node, v: Node] => {
  const outs = bindAll(eigP, [a], undefined);
  return [at(outs, 0), at(outs, 1)];
};

export const eigvalsP: Primitive = onMatrices<undefined>({
  name: "eigvals",
  what: "eigvals",
  square: true,
  rule: {
    family: "routine",
    jvp([t], { ins }) {
      if (!t) return [null];
      const [, v] = eig(at(ins, 0));
      return [diagonal(solve(v, matmul(cast(t, complex64), v), false))];
    },
  },
  results: (_, n) => [{ shape: [n], dtype: complex64 }],
  fault: () => faults.eigenvalues,
});

export const eigvals = (a: Node): Node => bind(eigvalsP, [a], undefined);

export interface SvdAttrs {
  /** Whether the factors are completed to square ones. */
  readonly full: boolean;
}

/** Changes of the singular values and of the vectors that belong to them (v as columns). */
const svdTangents = (t: Node, u: Node, s: Node, v: Node): readonly [Node, Node, Node] => {
  const [m, k] = sizes(u);
  const [n] = sizes(v);
  const inner = product(adjoint(u), t, v);
  const c = inner.dtype;
  const shape = [...s.shape, k];
  // 1 / (s_j² - s_i²) in factors that do not cancel.
  const sums = safeReciprocal(add(overColumns(s, shape), overRows(s, shape)));
  const gaps = cast(multiply(reciprocalGaps(s), sums), c);
  const sc = cast(s, c);
  const inverse = cast(safeReciprocal(s), c);
  const [right, left] = [scaleColumns(inner, sc), scaleRows(inner, sc)];
  let du = multiply(gaps, add(right, adjoint(right)));
  const dv = multiply(gaps, add(left, adjoint(left)));
  if (c === complex64) {
    const d = diagonalPart(inner);
    du = add(du, scaleColumns(scale(subtract(d, adjoint(d)), 0.5), inverse));
  }
  const outside = (image: Node, basis: Node): Node =>
    scaleColumns(subtract(image, product(basis, adjoint(basis), image)), inverse);
  const inU = matmul(u, du);
  const inV = matmul(v, dv);
  const allU = m > k ? add(inU, outside(matmul(t, v), u)) : inU;
  const allV = n > k ? add(inV, outside(matmul(adjoint(t), u), v)) : inV;
  const turn = m >= n ? turning(allU, u) : turning(allV, v);
  return [turned(allU, u, turn), real(diagonal(inner)), turned(allV, v, turn)];
};

/** The change of all columns of a square factor: those beyond the first k only follow these. */
const completed = (first: Node, basis: Node, k: number): Node => {
  const [m, columns] = sizes(basis);
  if (columns === k || m === 0) return first;
  const axis = basis.shape.length - 1;
  const rest = sliceAxis(basis, axis, k, columns);
  const belongs = sliceAxis(basis, axis, 0, k);
  return concatenate([first, negative(product(belongs, adjoint(first), rest))], axis);
};

export const svdP: Primitive<SvdAttrs> = onMatrices<SvdAttrs>({
  name: "svd",
  what: "svd",
  square: false,
  rule: {
    family: "routine",
    jvp([t], { outs }): Tangents {
      if (!t) return [null, null, null];
      const [u, s, vt] = [at(outs, 0), at(outs, 1), at(outs, 2)];
      const v = adjoint(vt);
      const k = at(s.shape, s.shape.length - 1);
      const first = (x: Node): Node => sliceAxis(x, x.shape.length - 1, 0, k);
      const [du, ds, dv] = svdTangents(t, first(u), s, first(v));
      return [completed(du, u, k), ds, adjoint(completed(dv, v, k))];
    },
  },
  results(m, n, dtype, { full }) {
    const k = Math.min(m, n);
    return [
      { shape: [m, full ? m : k], dtype },
      { shape: [k], dtype: realOf(dtype) },
      { shape: [full ? n : k, n], dtype },
    ];
  },
  option: (attrs) => attrs.full,
  fault: () => faults.singularValues,
  key: (attrs, sink) => sink.int(attrs.full ? 1 : 0),
});

/** u, s (descending) and vᴴ. */
export const svd = (a: Node, full: boolean): readonly [u: Node, s: Node, vt: Node] => {
  const outs = bindAll(svdP, [a], { full });
  return [at(outs, 0), at(outs, 1), at(outs, 2)];
};

export const svdvalsP: Primitive = onMatrices<undefined>({
  name: "svdvals",
  what: "svdvals",
  square: false,
  rule: {
    family: "routine",
    jvp([t], { ins }) {
      if (!t) return [null];
      const [u, , vt] = svd(at(ins, 0), false);
      return [real(diagonal(product(adjoint(u), t, adjoint(vt))))];
    },
  },
  results: (m, n, dtype) => [{ shape: [Math.min(m, n)], dtype: realOf(dtype) }],
  fault: () => faults.singularValues,
});

/** Singular values, descending. */
export const svdvals = (a: Node): Node => bind(svdvalsP, [a], undefined);

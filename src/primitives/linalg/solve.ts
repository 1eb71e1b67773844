/** Systems of linear equations, with any square matrix or a triangular one, and inverses. */

import { promote } from "../../core/promotion.js";
import { faults } from "../../core/routine.js";
import { bind } from "../../graph/bind.js";
import type { Node } from "../../graph/node.js";
import type { Primitive } from "../../graph/primitive.js";
import { negative } from "../arithmetic.js";
import { cast } from "../cast.js";
import { at } from "../families/operands.js";
import { adjoint, lower, onMatrices, product, upper } from "./parts.js";

export interface TriangularAttrs {
  /** Which triangle is read; the other counts as zero. */
  readonly upper: boolean;
}

export interface SolveAttrs {
  /** Whether a singular matrix is an error, else its solution is NaN. */
  readonly strict: boolean;
}

export const triangularSolveP: Primitive<TriangularAttrs> = onMatrices<TriangularAttrs>({
  name: "triangularSolve",
  what: "triangular",
  square: true,
  operands: 2,
  rule: {
    family: "affine",
    linear: 1,
    transpose: (ct, { ins, attrs }) => triangularSolve(adjoint(at(ins, 0)), ct, !attrs.upper),
    enters: (ts, { outs, attrs }) => {
      const t = at(ts, 0);
      if (t === null) throw new TypeError("[triangularSolve] expected a tangent");
      return negative(product(attrs.upper ? upper(t) : lower(t), at(outs, 0)));
    },
  },
  results: () => [],
  option: (attrs) => attrs.upper,
  key: (attrs, sink) => sink.int(attrs.upper ? 1 : 0),
});

export const solveP: Primitive<SolveAttrs> = onMatrices<SolveAttrs>({
  name: "solve",
  what: "solve",
  square: true,
  operands: 2,
  rule: {
    family: "affine",
    linear: 1,
    transpose: (ct, { ins, attrs }) => solve(adjoint(at(ins, 0)), ct, attrs.strict),
    enters: (ts, { outs }) => {
      const t = at(ts, 0);
      if (t === null) throw new TypeError("[solve] expected a tangent");
      return negative(product(t, at(outs, 0)));
    },
  },
  results: () => [],
  fault: (attrs) => (attrs.strict ? faults.singular : 0),
  key: (attrs, sink) => sink.int(attrs.strict ? 1 : 0),
});

export const inverseP: Primitive = onMatrices<undefined>({
  name: "inverse",
  what: "inverse",
  square: true,
  rule: {
    family: "routine",
    jvp([t], { outs }) {
      const y = at(outs, 0);
      return [t ? negative(product(y, t, y)) : null];
    },
  },
  results: (_, n, dtype) => [{ shape: [n, n], dtype }],
  fault: () => faults.singular,
});

const promoted = (a: Node, b: Node): readonly [Node, Node] => {
  const dtype = promote(a.dtype, b.dtype);
  return [cast(a, dtype), cast(b, dtype)];
};

/** The solution x of a·x = b, `a` triangular. */
export const triangularSolve = (a: Node, b: Node, isUpper: boolean): Node =>
  bind(triangularSolveP, promoted(a, b), { upper: isUpper });

/** The solution x of a·x = b. */
export const solve = (a: Node, b: Node, strict: boolean): Node =>
  bind(solveP, promoted(a, b), { strict });

export const inverse = (a: Node): Node => bind(inverseP, [a], undefined);

/** b·a⁻¹ with a triangular a. */
export const triangularSolveRight = (b: Node, a: Node, isUpper: boolean): Node =>
  adjoint(triangularSolve(adjoint(a), adjoint(b), !isUpper));

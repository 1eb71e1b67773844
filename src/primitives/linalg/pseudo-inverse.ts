/** The pseudo-inverse by singular values, with the derivative that holds while the rank stays. */
import { finfo } from "../../core/dtype-info.js";
import { bind } from "../../graph/bind.js";
import type { Node } from "../../graph/node.js";
import { define, type Primitive } from "../../graph/primitive.js";
import { add, scale, subtract } from "../arithmetic.js";
import { unreduce } from "../broadcast-sum.js";
import { cast } from "../cast.js";
import { greater, select } from "../compare-select.js";
import { zerosLike } from "../constant.js";
import { max } from "../extremum.js";
import { at, same } from "../families/operands.js";
import { matmul } from "../matmul.js";
import { adjoint, product, realOf, safeReciprocal, scaleColumns, sizes } from "./parts.js";
import { svd } from "./spectral.js";

export const pseudoInverseP: Primitive = define<undefined>({
  name: "pseudoInverse",
  rule: {
    family: "composite",
    decompose(ins) {
      const a = at(ins, 0);
      const [m, n] = sizes(a);
      if (m === 0 || n === 0) return [zerosLike({ shape: swapped(a.shape), dtype: a.dtype })];
      const [u, s, vt] = svd(a, false);
      const axis = s.shape.length - 1;
      const least = 10 * Math.max(m, n) * finfo(realOf(a.dtype)).eps;
      const cutoff = unreduce(scale(max(s, [axis]), least), s.shape, [axis]);
      const inverse = select(greater(s, cutoff), safeReciprocal(s), zerosLike(s));
      return [matmul(scaleColumns(adjoint(vt), cast(inverse, a.dtype)), adjoint(u))];
    },
    jvp([t], { ins, outs }) {
      if (!t) return [null];
      const [a, y] = [at(ins, 0), at(outs, 0)];
      const back = adjoint(t);
      const inRows = product(y, adjoint(y), back);
      const inColumns = product(back, adjoint(y), y);
      const outside = add(
        subtract(inRows, product(inRows, a, y)),
        subtract(inColumns, product(y, a, inColumns)),
      );
      return [subtract(outside, product(y, t, y))];
    },
  },
  infer: ([a]) => (a === undefined ? [] : [{ shape: swapped(a.shape), dtype: a.dtype }]),
  lift: same,
  lower: null,
});

const swapped = (shape: readonly number[]): number[] => [
  ...shape.slice(0, -2),
  ...shape.slice(-2).toReversed(),
];

/** [..., n, m] of matrices [..., m, n]. */
export const pseudoInverse = (a: Node): Node => bind(pseudoInverseP, [a], undefined);

/** Where values belong in sorted arrays: a binary search unrolled into one expression. */
import { uint32 } from "../core/dtype.js";
import { ShapeError } from "../core/errors.js";
import type { Scalars } from "../core/scalar.js";
import { bind } from "../graph/bind.js";
import type { Parts } from "../graph/lowering.js";
import { type Aval, type Node, sameShape } from "../graph/node.js";
import { define, type Primitive } from "../graph/primitive.js";
import { at, requireEqual, same } from "./families/operands.js";

export interface SearchAttrs {
  /** Behind equal elements instead of before them. */
  readonly right: boolean;
}

/** Whether neither part is NaN. */
const isNumber = (s: Scalars<unknown>, { re, im }: Parts<unknown>): unknown => {
  const real = s.op("eq", re, re);
  return im === null ? real : s.op("and", real, s.op("eq", im, im));
};

/** Complex numbers are ordered by real part, then by imaginary part. */
const precedes = (
  s: Scalars<unknown>,
  how: "lt" | "le",
  a: Parts<unknown>,
  b: Parts<unknown>,
): unknown => {
  if (a.im === null || b.im === null) return s.op(how, a.re, b.re);
  const tied = s.op("and", s.op("eq", a.re, b.re), s.op(how, a.im, b.im));
  return s.op("or", s.op("lt", a.re, b.re), tied);
};

/** Operands [..., n] (sorted) and [..., m] with equal leading axes; result [..., m], uint32. */
export const searchSortedP: Primitive<SearchAttrs> = define<SearchAttrs>({
  name: "searchSorted",
  rule: { family: "flat" },
  infer(ins): readonly Aval[] {
    const sorted = at(ins, 0);
    const values = at(ins, 1);
    const lead = sorted.shape.slice(0, -1);
    requireEqual("searchSorted", { ...sorted, shape: [] }, { ...values, shape: [] });
    if (sorted.shape.length === 0 || !sameShape(lead, values.shape.slice(0, -1))) {
      throw new ShapeError(
        `[searchSorted] expected arrays with equal leading axes, got [${sorted.shape.join(", ")}] and [${values.shape.join(", ")}]: broadcast them`,
      );
    }
    return [{ shape: values.shape, dtype: uint32 }];
  },
  lift: same,
  lower: {
    kind: "indexed",
    emit(s, position, { right }, operands) {
      const shape = at(operands, 0).shape;
      const n = at(shape, shape.length - 1);
      const lead = shape.slice(0, -1).map((_, d) => position.coordinate(d));
      const i32 = (k: number): unknown => s.constant("i32", k);
      if (n === 0) return { re: s.constant("u32", 0), im: null };
      const value = position.element(1, [...lead, position.coordinate(shape.length - 1)]);
      const ordered = isNumber(s, value);
      let count = i32(0);
      for (let step = 2 ** Math.floor(Math.log2(n)); step >= 1; step /= 2) {
        const next = s.op("add", count, i32(step));
        const inside = s.op("le", next, i32(n));
        const place = s.op("sub", s.op("min", next, i32(n)), i32(1));
        const x = position.element(0, [...lead, place]);
        // NaN is the largest value.
        const belowNaN = right ? inside : isNumber(s, x);
        const before = precedes(s, right ? "le" : "lt", x, value);
        const below = s.op("select", ordered, before, belowNaN);
        count = s.op("select", s.op("and", inside, below), next, count);
      }
      return { re: s.cast("u32", count), im: null };
    },
  },
  key: (attrs, sink) => sink.int(attrs.right ? 1 : 0),
});

/** For each of `values` how many elements of `sorted` lie before it. */
export const searchSorted = (sorted: Node, values: Node, right: boolean): Node =>
  bind(searchSortedP, [sorted, values], { right });

/** Where values belong in sorted arrays: a binary search unrolled into one expression. */
import { uint32 } from "../core/dtype.js";
import { ShapeError } from "../core/errors.js";
import { bind } from "../graph/bind.js";
import { type Aval, type Node, sameShape } from "../graph/node.js";
import { define, type Primitive } from "../graph/primitive.js";
import { at, requireEqual, same } from "./families/operands.js";

export interface SearchAttrs {
  /** Behind equal elements instead of before them. */
  readonly right: boolean;
}

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
      const value = position.element(1, [...lead, position.coordinate(shape.length - 1)]).re;
      const isNaN = s.op("ne", value, value);
      let count = i32(0);
      for (let step = 2 ** Math.floor(Math.log2(n)); step >= 1; step /= 2) {
        const next = s.op("add", count, i32(step));
        const inside = s.op("le", next, i32(n));
        const place = s.op("sub", s.op("min", next, i32(n)), i32(1));
        const x = position.element(0, [...lead, place]).re;
        const before = s.op(right ? "le" : "lt", x, value);
        // NaN is the largest value.
        const number = s.op("eq", x, x);
        const belowNaN = right ? s.op("or", number, isNaN) : number;
        const below = s.op("select", isNaN, belowNaN, before);
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

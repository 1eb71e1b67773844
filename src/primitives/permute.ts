/** Permutation of axes, its own transpose with the inverse permutation. */
import { bind } from "../graph/bind.js";
import type { Aval, Node } from "../graph/node.js";
import { define, type Primitive } from "../graph/primitive.js";
import type { AxesAttrs } from "./broadcast-sum.js";
import { at, lengthOf, writeList } from "./families/operands.js";

const inverse = (axes: readonly number[]): number[] => {
  const out: number[] = new Array(axes.length).fill(0);
  axes.forEach((a, d) => {
    out[a] = d;
  });
  return out;
};

/** Output axis `d` is input axis `axes[d]`. */
export const permuteP: Primitive<AxesAttrs> = define<AxesAttrs>({
  name: "permute",
  rule: {
    family: "linear",
    operands: [0],
    transpose: (ct, _avals, _others, attrs) => [permute(ct, inverse(attrs.axes))],
  },
  infer(ins, attrs): readonly Aval[] {
    const x = at(ins, 0);
    return [{ shape: attrs.axes.map((a) => lengthOf(x.shape, a)), dtype: x.dtype }];
  },
  lift: (attrs) => ({ axes: [0, ...attrs.axes.map((d) => d + 1)] }),
  lower: { kind: "view", view: (attrs) => ({ op: "permute", axes: attrs.axes }) },
  key: (attrs, sink) => writeList(sink, attrs.axes),
});

export const permute = (x: Node, axes: readonly number[]): Node =>
  axes.every((a, d) => a === d) ? x : bind(permuteP, [x], { axes });

/** `x` with axis `from` moved to position `to`. */
export const moveAxis = (x: Node, from: number, to: number): Node => {
  if (from === to) return x;
  const axes: number[] = [];
  for (let d = 0; d < x.shape.length; d++) if (d !== from) axes.push(d);
  axes.splice(to, 0, from);
  return permute(x, axes);
};

/** The last two axes exchanged. */
export const transposeLast = (x: Node): Node => {
  const n = x.shape.length;
  return permute(
    x,
    [...x.shape.keys()].map((d) => (d < n - 2 ? d : 2 * n - 3 - d)),
  );
};

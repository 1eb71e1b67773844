/** Sorting along an axis: values and where they came from, stable, NaN last. */
import { uint32 } from "../core/dtype.js";
import { InternalError } from "../core/errors.js";
import type { Routine } from "../core/routine.js";
import { bindAll } from "../graph/bind.js";
import { type Aval, type Node, sizeOf } from "../graph/node.js";
import { define, type Primitive } from "../graph/primitive.js";
import type { AxisAttrs } from "./concatenate.js";
import { at } from "./families/operands.js";
import { takeAlong } from "./gather-scatter.js";

export const sortP: Primitive<AxisAttrs> = define<AxisAttrs>({
  name: "sort",
  rule: {
    family: "routine",
    jvp: ([t], { outs, attrs }) => [t ? takeAlong(t, at(outs, 1), attrs.axis) : null, null],
  },
  infer(ins): readonly Aval[] {
    const x = at(ins, 0);
    return [x, { shape: x.shape, dtype: uint32 }];
  },
  lift: (attrs) => ({ axis: attrs.axis + 1 }),
  lower: {
    kind: "routine",
    describe({ axis }, operands): Routine {
      const { shape, dtype } = at(operands, 0);
      return {
        routine: "sort",
        dtype,
        outer: sizeOf(shape.slice(0, axis)),
        length: at(shape, axis),
        inner: sizeOf(shape.slice(axis + 1)),
      };
    },
  },
  key: (attrs, sink) => sink.int(attrs.axis),
});

/** `x` sorted along `axis`, and the permutation that sorts it (uint32). */
export const sort = (x: Node, axis: number): readonly [values: Node, indices: Node] => {
  const [values, indices] = bindAll(sortP, [x], { axis });
  if (values === undefined || indices === undefined)
    throw new InternalError("[sort] expected two results");
  return [values, indices];
};

/** Sorting along an axis: values and where they came from, stable, NaN last. */
import { uint32 } from "../core/dtype.js";
import { InternalError } from "../core/errors.js";
import type { Routine } from "../core/routine.js";
import { bindAll } from "../graph/bind.js";
import { type Aval, type Node, sizeOf } from "../graph/node.js";
import { define, type Primitive } from "../graph/primitive.js";
import { at } from "./families/operands.js";
import { takeAlong } from "./gather-scatter.js";

export interface SortAttrs {
  readonly axis: number;
  /** Null to sort; or the place whose element is to be where sorting puts it, none before it greater, none after it smaller. */
  readonly kth: number | null;
}

export const sortP: Primitive<SortAttrs> = define<SortAttrs>({
  name: "sort",
  rule: {
    family: "routine",
    jvp: ([t], { outs, attrs }) => [t ? takeAlong(t, at(outs, 1), attrs.axis) : null, null],
  },
  infer(ins): readonly Aval[] {
    const x = at(ins, 0);
    return [x, { shape: x.shape, dtype: uint32 }];
  },
  lift: ({ axis, kth }) => ({ axis: axis + 1, kth }),
  lower: {
    kind: "routine",
    describe({ axis, kth }, operands): Routine {
      const { shape, dtype } = at(operands, 0);
      return {
        routine: "sort",
        dtype,
        outer: sizeOf(shape.slice(0, axis)),
        length: at(shape, axis),
        inner: sizeOf(shape.slice(axis + 1)),
        ...(kth === null ? {} : { kth }),
      };
    },
  },
  key(attrs, sink) {
    sink.int(attrs.axis);
    sink.int(attrs.kth ?? -1);
  },
});

/** `x` sorted along `axis`, or only in so far as `kth` asks for it, and the permutation that does it (uint32). */
export const sort = (
  x: Node,
  axis: number,
  kth: number | null = null,
): readonly [values: Node, indices: Node] => {
  const [values, indices] = bindAll(sortP, [x], { axis, kth });
  if (values === undefined || indices === undefined)
    throw new InternalError("[sort] expected two results");
  return [values, indices];
};

/** Arrays laid one after another along an axis; the transpose cuts them apart. */
import { DTypeError, ShapeError } from "../core/errors.js";
import { bind } from "../graph/bind.js";
import type { Aval, Node } from "../graph/node.js";
import { define, type Primitive } from "../graph/primitive.js";
import { at } from "./families/operands.js";
import { sliceAxis } from "./pad-slice.js";

export interface AxisAttrs {
  readonly axis: number;
}

export const concatenateP: Primitive<AxisAttrs> = define<AxisAttrs>({
  name: "concatenate",
  rule: {
    family: "linear",
    operands: "all",
    transpose(ct, avals, _others, { axis }) {
      let from = 0;
      return avals.map((x) => {
        const to = from + at(x.shape, axis);
        const part = sliceAxis(ct, axis, from, to);
        from = to;
        return part;
      });
    },
  },
  infer(ins, { axis }): readonly Aval[] {
    const x = at(ins, 0);
    let length = 0;
    for (const y of ins) {
      length += at(y.shape, axis);
      if (y.dtype !== x.dtype) {
        throw new DTypeError(
          `[concatenate] expected arrays of one dtype, got ${x.dtype.name} and ${y.dtype.name}: cast them first`,
        );
      }
      if (
        y.shape.length !== x.shape.length ||
        y.shape.some((n, d) => d !== axis && n !== x.shape[d])
      ) {
        throw new ShapeError(
          `[concatenate] expected shapes that agree off axis ${axis}, got [${x.shape.join(", ")}] and [${y.shape.join(", ")}]: reshape or broadcast them`,
        );
      }
    }
    return [{ shape: x.shape.map((n, d) => (d === axis ? length : n)), dtype: x.dtype }];
  },
  lift: (attrs) => ({ axis: attrs.axis + 1 }),
  lower: { kind: "concatenate", axis: (attrs) => attrs.axis },
  key: (attrs, sink) => sink.int(attrs.axis),
});

/** `xs`, of one dtype, one after another along `axis`. */
export const concatenate = (xs: readonly Node[], axis: number): Node =>
  xs.length === 1 ? at(xs, 0) : bind(concatenateP, xs, { axis });

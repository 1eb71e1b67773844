/** Softmax of real rows: its backward pass reads the result and nothing else. */
import { DTypeError } from "../core/errors.js";
import { bind } from "../graph/bind.js";
import type { Node } from "../graph/node.js";
import { define, type Primitive } from "../graph/primitive.js";
import { divide, multiply, subtract } from "./arithmetic.js";
import { type AxesAttrs, sum, unreduce } from "./broadcast-sum.js";
import { onesLike } from "./constant.js";
import { exp } from "./exp-log.js";
import { max } from "./extremum.js";
import { at, writeList } from "./families/operands.js";
import { stopGradient } from "./stop-gradient.js";

export const softmaxP: Primitive<AxesAttrs> = define<AxesAttrs>({
  name: "softmax",
  rule: {
    family: "composite",
    decompose(ins, { axes }) {
      const x = at(ins, 0);
      const e = exp(subtract(x, unreduce(stopGradient(max(x, axes)), x.shape, axes)));
      // One division per row: multiplying by the reciprocal is what MLX does, and divisions are dear.
      const total = sum(e, axes);
      return [multiply(e, unreduce(divide(onesLike(total), total), x.shape, axes))];
    },
    // The exponentials need not be kept: their quotients are, and lead to the same.
    reverse: {
      why: "speed",
      pull(cts, { outs, attrs: { axes } }) {
        const g = cts[0] ?? null;
        if (g === null) return [null];
        const y = at(outs, 0);
        return [multiply(y, subtract(g, unreduce(sum(multiply(g, y), axes), y.shape, axes)))];
      },
    },
  },
  infer(ins) {
    const x = at(ins, 0);
    if (x.dtype.kind !== "float") {
      throw new DTypeError(
        `[softmax] expected a floating dtype, got ${x.dtype.name}: cast it first`,
      );
    }
    return [{ shape: x.shape, dtype: x.dtype }];
  },
  lift: (attrs) => ({ axes: attrs.axes.map((d) => d + 1) }),
  lower: null,
  key: (attrs, sink) => writeList(sink, attrs.axes),
});

/** exp(x) / sum(exp(x)) over `axes` (ascending, not empty) of a real floating node. */
export const softmax = (x: Node, axes: readonly number[]): Node => bind(softmaxP, [x], { axes });

/** Rows brought to unit mean square, around their mean or zero: the core of layer and RMS norms. */
import { DTypeError, ShapeError } from "../core/errors.js";
import { bind } from "../graph/bind.js";
import type { Node } from "../graph/node.js";
import { define, type Primitive } from "../graph/primitive.js";
import { multiply, scale, shift, subtract } from "./arithmetic.js";
import { sum, unreduce } from "./broadcast-sum.js";
import { rsqrt } from "./exp-log.js";
import { at, same } from "./families/operands.js";

export interface StandardizeAttrs {
  readonly eps: number;
  /** Whether the mean is taken off first. */
  readonly centred: boolean;
}

/** The mean of every row, at every place of the row. */
const mean = (x: Node): Node => {
  const axis = x.shape.length - 1;
  return unreduce(scale(sum(x, [axis]), 1 / at(x.shape, axis)), x.shape, [axis]);
};

/** What is scaled, and the reciprocal root of its mean square, in the shape of the operand. */
const parts = (x: Node, { eps, centred }: StandardizeAttrs): readonly [gap: Node, r: Node] => {
  const gap = centred ? subtract(x, mean(x)) : x;
  return [gap, rsqrt(shift(mean(multiply(gap, gap)), eps))];
};

export const standardizeP: Primitive<StandardizeAttrs> = define<StandardizeAttrs>({
  name: "standardize",
  rule: {
    family: "composite",
    decompose: (ins, attrs) => [multiply(...parts(at(ins, 0), attrs))],
    // Its means need no other mean's result but the first, so a kernel takes two passes less over a row.
    reverse: {
      why: "speed",
      pull(cts, { ins, attrs }) {
        const g = cts[0] ?? null;
        if (g === null) return [null];
        const [gap, r] = parts(at(ins, 0), attrs);
        const slope = multiply(multiply(r, r), mean(multiply(g, gap)));
        const across = subtract(attrs.centred ? subtract(g, mean(g)) : g, multiply(gap, slope));
        return [multiply(r, across)];
      },
    },
  },
  infer(ins) {
    const x = at(ins, 0);
    if (x.dtype.kind !== "float") {
      throw new DTypeError(
        `[standardize] expected a floating dtype, got ${x.dtype.name}: cast it first`,
      );
    }
    if (x.shape.length === 0) {
      throw new ShapeError("[standardize] expected rows, got a scalar: give it an axis");
    }
    return [{ shape: x.shape, dtype: x.dtype }];
  },
  lift: same,
  lower: null,
  key(attrs, sink) {
    sink.int(attrs.eps);
    sink.int(attrs.centred ? 1 : 0);
  },
});

/** (x − mean) · rsqrt(mean((x − mean)²) + eps) over the last axis; the mean is 0 unless `centred`. */
export const standardize = (x: Node, eps: number, centred: boolean): Node =>
  bind(standardizeP, [x], { eps, centred });

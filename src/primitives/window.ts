/** Windows over one axis: a view that reads elements several times, and its transpose, which adds them up again. */
import { ShapeError } from "../core/errors.js";
import { bind } from "../graph/bind.js";
import type { Aval, Node, Shape } from "../graph/node.js";
import { define, type Primitive } from "../graph/primitive.js";
import { add } from "./arithmetic.js";
import { dropAxes, reshape } from "./broadcast-sum.js";
import { constant } from "./constant.js";
import { at } from "./families/operands.js";
import { padTo, sliceAxis } from "./pad-slice.js";

export interface WindowAttrs {
  readonly axis: number;
  /** Number of windows. */
  readonly count: number;
  /** Elements of a window. */
  readonly size: number;
  /** From one window to the next. */
  readonly stride: number;
  /** From one element of a window to the next. */
  readonly dilation: number;
}

/** Adds up what the windows hold of each element of an axis that was `shape[axis]` long. */
const fold = (ct: Node, shape: Shape, attrs: WindowAttrs): Node => {
  const { axis, size, stride, dilation } = attrs;
  let total: Node | null = null;
  for (let k = 0; k < size; k++) {
    const part = sliceAxis(ct, axis + 1, k, k + 1);
    const placed = padTo(
      reshape(part, dropAxes(part.shape, [axis + 1])),
      shape.map((_, d) => (d === axis ? k * dilation : 0)),
      shape.map((_, d) => (d === axis ? stride - 1 : 0)),
      shape,
    );
    total = total === null ? placed : add(total, placed);
  }
  return total ?? constant(0, ct.dtype, shape);
};

export const windowP: Primitive<WindowAttrs> = define<WindowAttrs>({
  name: "window",
  rule: {
    family: "linear",
    operands: [0],
    transpose: (ct, avals, _others, attrs) => [fold(ct, at(avals, 0).shape, attrs)],
  },
  infer(ins, { axis, count, size, stride, dilation }): readonly Aval[] {
    const x = at(ins, 0);
    const need = (count - 1) * stride + (size - 1) * dilation + 1;
    if (count > 0 && size > 0 && need > at(x.shape, axis)) {
      throw new ShapeError(
        `[window] expected at least ${need} elements on axis ${axis}, got ${at(x.shape, axis)}: pad it`,
      );
    }
    const shape = [...x.shape.slice(0, axis), count, size, ...x.shape.slice(axis + 1)];
    return [{ shape, dtype: x.dtype }];
  },
  lift: (attrs) => ({ ...attrs, axis: attrs.axis + 1 }),
  lower: {
    kind: "view",
    view: ({ axis, stride, dilation }) => ({ op: "window", axis, stride, dilation }),
  },
  key(attrs, sink) {
    sink.ints([attrs.axis, attrs.stride, attrs.dilation]);
  },
});

/**
 * `count` windows of `size` elements along `axis`, which becomes two axes: element `j` of window `i` is element
 * `i * stride + j * dilation`.
 */
export const windows = (
  x: Node,
  axis: number,
  count: number,
  size: number,
  stride: number = 1,
  dilation: number = 1,
): Node => bind(windowP, [x], { axis, count, size, stride, dilation });

/** Parts of arrays by whole numbers, as layers cut them. */
import type { NDArray } from "../graph/array.js";
import { wrap } from "../ops/operand.js";
import { sliceAxis } from "../primitives/index.js";

/** The elements from `from` to before `to` on an axis, which may be negative. */
export const between = (a: NDArray, axis: number, from: number, to: number): NDArray => {
  const d = axis < 0 ? axis + a.ndim : axis;
  return wrap(sliceAxis(a.node, d, from, to));
};

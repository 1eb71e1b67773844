/** Affine groups: an element is scale · code + bias, with the end of the group that is farther from zero exact. */
import { float32, uint32 } from "../core/dtype.js";
import type { Node } from "../graph/node.js";
import { castTo, like } from "../ops/operand.js";
import * as p from "../primitives/index.js";

export interface Encoded {
  /** uint32, in the shape [..., groups, groupSize] of what was encoded. */
  readonly codes: Node;
  readonly scales: Node;
  /** Of affine groups. */
  readonly biases: Node | null;
}

/** The smallest scale, for groups that are constant. */
const leastScale = 1e-7;

/** Encodes groups along the last axis, computing in float32 as MLX does. */
export const encodeAffine = (groups: Node, bits: number): Encoded => {
  const w = castTo(groups, float32);
  const last = w.shape.length - 1;
  const length = w.shape[last] ?? 0;
  const steps = 2 ** bits - 1;
  const low = p.min(w, [last]);
  const high = p.max(w, [last]);
  const span = p.divide(p.subtract(high, low), like(low, steps));
  const size = p.maximum(span, like(span, leastScale));
  let scale = size;
  let bias = low;
  if (bits > 1) {
    const below = p.greater(p.abs(low), p.abs(high));
    const edge = p.select(below, low, high);
    const signed = p.select(below, size, p.negative(size));
    const code = p.round(p.divide(edge, signed));
    const some = p.notEqual(code, like(code, 0));
    scale = p.select(some, p.divide(edge, p.select(some, code, like(code, 1))), signed);
    bias = p.select(some, edge, like(edge, 0));
  }
  const position = p.divide(p.subtract(w, p.repeatLast(bias, length)), p.repeatLast(scale, length));
  const code = p.minimum(p.maximum(p.round(position), like(w, 0)), like(w, steps));
  return {
    codes: castTo(code, uint32),
    scales: castTo(scale, groups.dtype),
    biases: castTo(bias, groups.dtype),
  };
};

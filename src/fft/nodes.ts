/** Transforms over several axes as transforms over one after another. */
import { complex64, float32 } from "../core/dtype.js";
import type { Node } from "../graph/node.js";
import { castTo } from "../ops/operand.js";
import * as p from "../primitives/index.js";
import { fitted, readPoints } from "./arguments.js";

/** Over which axes, to how many points (null: as many as there are), divided by which power of their number. */
export interface Plan {
  readonly op: string;
  readonly axes: readonly number[];
  readonly lengths: readonly (number | null)[];
  readonly power: 0 | 0.5 | 1;
}

/** All axes but the last of the list, or all of them. */
const others = (plan: Plan): Plan => ({ ...plan, axes: plan.axes.slice(0, -1) });

const pointsOf = ({ op, axes, lengths }: Plan, x: Node): readonly number[] =>
  axes.map((axis, i) => readPoints(op, lengths[i] ?? x.shape[axis]));

export const complexNode = (x: Node, plan: Plan, inverse: boolean): Node => {
  if (plan.axes.length === 0) return x;
  const points = pointsOf(plan, x);
  let y = castTo(x, complex64);
  for (const [i, axis] of plan.axes.entries())
    y = p.fft(fitted(y, axis, points[i] ?? 1), axis, { inverse, power: plan.power });
  return y;
};

/** Real along the last axis of the list, complex along the others. */
export const realNode = (x: Node, plan: Plan): Node => {
  const axis = plan.axes.at(-1);
  if (axis === undefined) return x;
  const points = pointsOf(plan, x);
  let real = castTo(x, float32);
  // What is cut off or added along the others is so before anything is computed.
  for (const [i, d] of plan.axes.entries()) real = fitted(real, d, points[i] ?? 1);
  return complexNode(p.rfft(real, axis, plan.power), others(plan), false);
};

/** Complex along all axes of the list but the last, and back to real numbers along that. */
export const fromHalfNode = (x: Node, plan: Plan): Node => {
  const axis = plan.axes.at(-1);
  if (axis === undefined) return x;
  const size = x.shape[axis] ?? 0;
  const n = readPoints(plan.op, plan.lengths.at(-1) ?? 2 * (size - 1));
  const rest = others(plan);
  pointsOf(rest, x);
  const half = fitted(castTo(x, complex64), axis, Math.floor(n / 2) + 1);
  return p.irfft(complexNode(half, rest, true), axis, n, plan.power);
};

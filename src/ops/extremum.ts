/** Node-level extrema along axes, of complex numbers as well, which are ordered by real, then imaginary part. */
import { complex64 } from "../core/dtype.js";
import { type Node, sizeOf } from "../graph/node.js";
import * as p from "../primitives/index.js";
import { like } from "./operand.js";

type Reduce = (n: Node, axes: readonly number[]) => Node;
type Arg = (n: Node, axis: number) => Node;

/** Position of the complex extremum: among the extremal real parts that of the extremal imaginary part. */
const complexArg = (reduce: Reduce, arg: Arg, worst: number, n: Node, axis: number): Node => {
  const re = p.real(n);
  const best = p.broadcast(reduce(re, [axis]), re.shape, p.otherAxes(re.shape.length, [axis]));
  return arg(p.select(p.equal(re, best), p.imag(n), like(re, worst)), axis);
};

/** Position of the first maximum along an axis, uint32. */
export const argmaxNode = (n: Node, axis: number): Node =>
  n.dtype === complex64
    ? complexArg(p.max, p.argmax, Number.NEGATIVE_INFINITY, n, axis)
    : p.argmax(n, axis);

/** Position of the first minimum along an axis, uint32. */
export const argminNode = (n: Node, axis: number): Node =>
  n.dtype === complex64
    ? complexArg(p.min, p.argmin, Number.POSITIVE_INFINITY, n, axis)
    : p.argmin(n, axis);

/** The elements at the positions that `arg` finds, the axes joined first. */
const byPosition = (arg: Arg, n: Node, axes: readonly number[]): Node => {
  const rest = p.otherAxes(n.shape.length, axes);
  const outer = rest.map((d) => n.shape[d] ?? 1);
  const count = sizeOf(axes.map((d) => n.shape[d] ?? 1));
  const rows = p.reshape(p.permute(n, [...rest, ...axes]), [...outer, count]);
  const at = p.reshape(arg(rows, outer.length), [...outer, 1]);
  return p.reshape(p.takeAlong(rows, at, outer.length), outer);
};

/** Maximum over axes, which disappear. */
export const maxNode: Reduce = (n, axes) =>
  n.dtype === complex64 ? byPosition(argmaxNode, n, axes) : p.max(n, axes);

/** Minimum over axes, which disappear. */
export const minNode: Reduce = (n, axes) =>
  n.dtype === complex64 ? byPosition(argminNode, n, axes) : p.min(n, axes);

/** Running combination by doubling: after step k each place holds the result of the 2ᵏ places up to it. */
export const doubling = (x: Node, axis: number, combine: (a: Node, b: Node) => Node): Node => {
  const length = x.shape[axis] ?? 0;
  let y = x;
  for (let step = 1; step < length; step *= 2) {
    const rest = p.sliceAxis(y, axis, step, length);
    const grown = combine(rest, p.sliceAxis(y, axis, 0, length - step));
    y = p.concatenate([p.sliceAxis(y, axis, 0, step), grown], axis);
  }
  return y;
};

/** Broadcast and sum, each the transpose of the other, with the reshape that drops and adds axes of length 1. */
import { InternalError, ShapeError } from "../core/errors.js";
import { bind } from "../graph/bind.js";
import { type Aval, type Node, type Shape, sameShape, sizeOf } from "../graph/node.js";
import { define, type Primitive } from "../graph/primitive.js";
import { at, lengthOf, writeList } from "./families/operands.js";

const first = [0] as const;
const shiftAxes = (axes: readonly number[]): number[] => [0, ...axes.map((d) => d + 1)];

export interface BroadcastAttrs {
  readonly shape: Shape;
  /** Output axis of each input axis, ascending. Input axes of length 1 are repeated. */
  readonly dims: readonly number[];
}

export const broadcastP: Primitive<BroadcastAttrs> = define<BroadcastAttrs>({
  name: "broadcast",
  rule: {
    family: "linear",
    operands: first,
    transpose(ct, avals, _others, attrs) {
      const { shape } = at(avals, 0);
      const axes: number[] = [];
      for (let d = 0; d < attrs.shape.length; d++) {
        const from = attrs.dims.indexOf(d);
        if (from < 0 || (shape[from] === 1 && attrs.shape[d] !== 1)) axes.push(d);
      }
      return [reshape(sum(ct, axes), shape)];
    },
  },
  infer(ins, attrs): readonly Aval[] {
    const x = at(ins, 0);
    let last = -1;
    for (let i = 0; i < x.shape.length; i++) {
      const d = at(attrs.dims, i);
      const n = x.shape[i];
      if (d <= last || (n !== 1 && n !== attrs.shape[d])) {
        throw new ShapeError(
          `[broadcast] expected axes that fit [${attrs.shape.join(", ")}] at ${attrs.dims.join(", ")}, got [${x.shape.join(", ")}]: give ascending axes of equal length or 1`,
        );
      }
      last = d;
    }
    return [{ shape: attrs.shape, dtype: x.dtype }];
  },
  lift: (attrs, size) => ({ shape: [size, ...attrs.shape], dims: shiftAxes(attrs.dims) }),
  lower: { kind: "view", view: (attrs) => ({ op: "broadcast", dims: attrs.dims }) },
  key(attrs, sink) {
    writeList(sink, attrs.shape);
    writeList(sink, attrs.dims);
  },
});

export interface AxesAttrs {
  /** Ascending. */
  readonly axes: readonly number[];
}

/** Shape without `axes`. */
export const dropAxes = (shape: Shape, axes: readonly number[]): number[] => {
  const out: number[] = [];
  for (let d = 0; d < shape.length; d++) if (!axes.includes(d)) out.push(lengthOf(shape, d));
  return out;
};

/** Axes of a shape of `ndim` that are not in `axes`. */
export const otherAxes = (ndim: number, axes: readonly number[]): number[] => {
  const out: number[] = [];
  for (let d = 0; d < ndim; d++) if (!axes.includes(d)) out.push(d);
  return out;
};

/** A reduced array spread again over the axes it lost. */
export const unreduce = (x: Node, shape: Shape, axes: readonly number[]): Node =>
  broadcast(x, shape, otherAxes(shape.length, axes));

export const sumP: Primitive<AxesAttrs> = define<AxesAttrs>({
  name: "sum",
  rule: {
    family: "linear",
    operands: first,
    transpose: (ct, avals, _others, attrs) => [unreduce(ct, at(avals, 0).shape, attrs.axes)],
  },
  infer(ins, attrs): readonly Aval[] {
    const x = at(ins, 0);
    return [{ shape: dropAxes(x.shape, attrs.axes), dtype: x.dtype }];
  },
  lift: (attrs) => ({ axes: attrs.axes.map((d) => d + 1) }),
  lower: { kind: "reduce", how: "sum", axes: (attrs) => attrs.axes },
  key: (attrs, sink) => writeList(sink, attrs.axes),
});

export interface ShapeAttrs {
  readonly shape: Shape;
}

export const reshapeP: Primitive<ShapeAttrs> = define<ShapeAttrs>({
  name: "reshape",
  rule: {
    family: "linear",
    operands: first,
    transpose: (ct, avals) => [reshape(ct, at(avals, 0).shape)],
  },
  infer(ins, attrs): readonly Aval[] {
    const x = at(ins, 0);
    if (sizeOf(x.shape) !== sizeOf(attrs.shape)) {
      throw new ShapeError(
        `[reshape] expected a shape of ${sizeOf(x.shape)} elements, got [${attrs.shape.join(", ")}] from [${x.shape.join(", ")}]: keep the number of elements`,
      );
    }
    return [{ shape: attrs.shape, dtype: x.dtype }];
  },
  lift: (attrs, size) => ({ shape: [size, ...attrs.shape] }),
  lower: { kind: "view", view: () => ({ op: "reshape" }) },
  key: (attrs, sink) => writeList(sink, attrs.shape),
});

/**
 * `x` repeated to `shape`: axis `i` of `x` becomes axis `dims[i]`; by default the last axes. Axes of length 1 repeat.
 */
export const broadcast = (x: Node, shape: Shape, dims?: readonly number[]): Node => {
  if (sameShape(x.shape, shape)) return x;
  const skip = shape.length - x.shape.length;
  if (skip < 0) throw new InternalError(`[broadcast] cannot take axes away`);
  return bind(broadcastP, [x], { shape, dims: dims ?? x.shape.map((_, d) => d + skip) });
};

/** Sum over `axes`, which disappear. */
export const sum = (x: Node, axes: readonly number[]): Node =>
  axes.length === 0 ? x : bind(sumP, [x], { axes });

/** The same elements in row-major order in another shape. */
export const reshape = (x: Node, shape: Shape): Node =>
  sameShape(x.shape, shape) ? x : bind(reshapeP, [x], { shape });

/** Puts axes of length 1 at `axes` of the result (ascending). */
export const expandDims = (x: Node, axes: readonly number[]): Node => {
  const shape: number[] = [];
  let i = 0;
  for (let d = 0; d < x.shape.length + axes.length; d++) {
    if (axes.includes(d)) shape.push(1);
    else shape.push(at(x.shape, i++));
  }
  return reshape(x, shape);
};

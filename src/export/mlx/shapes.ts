/** MLX's primitives that move elements: views, slices, gathering and scattering. */
import { bool, int32 } from "../../core/dtype.js";
import { ArgumentError } from "../../core/errors.js";
import { broadcastPair } from "../../core/shape.js";
import type { NDArray } from "../../graph/array.js";
import { type Shape, sizeOf } from "../../graph/node.js";
import { asStrided, astype, view } from "../../ops/convert.js";
import { arange, full } from "../../ops/create.js";
import { concatenate } from "../../ops/join.js";
import { pad } from "../../ops/pad.js";
import { cumsum } from "../../ops/scan.js";
import { clip, where } from "../../ops/select.js";
import * as shape from "../../ops/shape.js";
import { split } from "../../ops/split.js";
import { putAlongAxis, slice, sliceUpdate, takeAlongAxis } from "../../ops/take.js";
import * as p from "../../primitives/index.js";
import {
  at,
  count,
  double,
  dtype,
  flag,
  int,
  ints,
  longs,
  type MlxPrimitive,
  oneOf,
  primitive,
  wrapped,
} from "./primitive.js";

const commonShape = (shapes: readonly Shape[]): Shape =>
  shapes.reduce((a, b) => broadcastPair("importFunction", a, b));

/** Shapes broadcast off `kept`, whose lengths are those of the first. */
const broadcastAxes = (shapes: readonly Shape[], kept: readonly number[]): Shape => {
  const [first = []] = shapes;
  const rank = Math.max(...shapes.map((s) => s.length));
  const skip = (s: Shape): Shape => {
    const axes = kept.map((d) => (d < 0 ? d + s.length : d));
    return s.filter((_, d) => !axes.includes(d));
  };
  const out = [...commonShape(shapes.map(skip))];
  for (const d of [...kept.map((k) => (k < 0 ? k + rank : k))].sort((a, b) => a - b))
    out.splice(d, 0, first[d - rank + first.length] ?? 1);
  return out;
};

/** How many steps lie between; backwards any end below 0 is that before the first element. */
const lengthsBetween = (start: Shape, end: Shape, step: Shape): Shape =>
  start.map((a, d) => {
    const by = step[d] || 1;
    const to = end[d] ?? 0;
    return Math.max(0, Math.ceil(((by < 0 ? Math.max(to, -1) : to) - a) / by));
  });

const requireSteps = (x: NDArray, ...lists: readonly (readonly number[])[]): void => {
  if (lists.every((list) => list.length === x.ndim)) return;
  throw new ArgumentError(`expected ${x.ndim} positions, got ${lists.map((l) => l.length)}`);
};

const scatterModes = ["max", "min", "add", "prod", "replace"] as const;

/** Where `mask`, the elements of `source` one after another; both have a leading batch axis. */
const maskedScatter = (x: NDArray, mask: NDArray, source: NDArray): NDArray => {
  const [batch = 1] = x.shape;
  const rest = sizeOf(x.shape.slice(1));
  const most = (source.shape[1] ?? 0) - 1;
  if (most < 0 || x.size === 0) return x;
  const flat = shape.reshape(astype(mask, int32), [batch, rest]);
  const places = clip(cumsum(flat, { axis: 1, inclusive: false }), 0, most);
  const chosen = takeAlongAxis(source, astype(places, int32), 1);
  return where(astype(mask, bool), shape.reshape(chosen, x.shape), x);
};

export const shapes: Readonly<Record<string, MlxPrimitive>> = {
  Arange: primitive([double, double, double], (_ins, [start, stop, step], { outs }) =>
    arange(start, stop, step, { dtype: outs[0]?.dtype ?? null }),
  ),
  AsStrided: primitive([ints, longs, count], (ins, [to, strides, offset]) =>
    asStrided(at(ins, 0), { shape: to, strides, offset }),
  ),
  Broadcast: primitive([ints], (ins, [to], { outs, fixed }) => {
    const others = ins.map((x) => x.shape);
    const wanted = others.length < 2 ? to : commonShape(others);
    return shape.broadcastTo(at(ins, 0), fixed ? (outs[0]?.shape ?? wanted) : wanted);
  }),
  BroadcastAxes: primitive([ints], (ins, [kept], { outs, fixed }) => {
    const wanted = (): Shape =>
      broadcastAxes(
        ins.map((x) => x.shape),
        kept,
      );
    return shape.broadcastTo(at(ins, 0), fixed ? (outs[0]?.shape ?? wanted()) : wanted());
  }),
  Concatenate: primitive([int], (ins, [axis]) => concatenate(ins, { axis })),
  DynamicSlice: primitive([ints, ints], (ins, [axes, sizes]) =>
    slice(at(ins, 0), at(ins, 1), axes, sizes),
  ),
  DynamicSliceUpdate: primitive([ints], (ins, [axes]) =>
    sliceUpdate(at(ins, 0), at(ins, 1), at(ins, 2), axes),
  ),
  ExpandDims: primitive([ints], (ins, [axes]) => shape.expandDims(at(ins, 0), axes)),
  Flatten: primitive([int, int], (ins, [startAxis, endAxis]) =>
    shape.flatten(at(ins, 0), { startAxis, endAxis }),
  ),
  Gather: primitive([ints, ints], (ins, [axes, sizes]) =>
    wrapped(
      p.gather(
        at(ins, 0).node,
        ins.slice(1).map((x) => x.node),
        axes,
        sizes,
      ),
    ),
  ),
  GatherAxis: primitive([int], (ins, [axis]) => takeAlongAxis(at(ins, 0), at(ins, 1), axis)),
  MaskedScatter: primitive([], (ins) => maskedScatter(at(ins, 0), at(ins, 1), at(ins, 2))),
  NumberOfElements: primitive([ints, flag, dtype], (ins, [axes, inverted, d]) => {
    const lengths = at(ins, 0).shape;
    const elements = axes.reduce((n, k) => n * (lengths[k < 0 ? k + lengths.length : k] ?? 1), 1);
    return full([], inverted ? 1 / elements : elements).astype(d);
  }),
  Pad: primitive([ints, ints, ints], (ins, [axes, low, high]) => {
    const x = at(ins, 0);
    const widths = x.shape.map((_, d): readonly [number, number] => {
      const k = axes.findIndex((a) => (a < 0 ? a + x.ndim : a) === d);
      return [low[k] ?? 0, high[k] ?? 0];
    });
    return pad(x, widths, { constantValues: at(ins, 1) });
  }),
  Reshape: primitive([ints], (ins, [to], { outs, fixed }) =>
    shape.reshape(at(ins, 0), fixed ? (outs[0]?.shape ?? to) : to),
  ),
  Scatter: primitive([oneOf(...scatterModes), ints], (ins, [mode, axes]) => {
    const indices = ins.slice(1, -1).map((x) => x.node);
    const updates = at(ins, ins.length - 1).node;
    const block = updates.shape.slice(indices[0]?.shape.length ?? 0);
    return wrapped(p.scatter(at(ins, 0).node, indices, updates, axes, block, mode));
  }),
  ScatterAxis: primitive([oneOf("add", "replace"), int], (ins, [mode, axis]) => {
    const [x, index, updates] = [at(ins, 0), at(ins, 1), at(ins, 2)];
    if (mode === "replace") return putAlongAxis(x, index, updates, axis);
    const d = axis < 0 ? axis + x.ndim : axis;
    const values = shape.broadcastTo(updates, index.shape);
    return wrapped(p.putAlong(x.node, index.node, values.node, d, mode));
  }),
  Slice: primitive([ints, ints, ints], (ins, [start, end, step]) => {
    const x = at(ins, 0);
    requireSteps(x, start, end, step);
    return wrapped(p.slice(x.node, start, lengthsBetween(start, end, step), step));
  }),
  SliceUpdate: primitive(
    [oneOf(...scatterModes), ints, ints, ints],
    (ins, [mode, start, end, step]) => {
      const [x, update] = [at(ins, 0), at(ins, 1)];
      requireSteps(x, start, end, step);
      const lengths = lengthsBetween(start, end, step);
      // Positions along each axis, an axis of their own for each.
      const indices = lengths.map((n, d) => {
        const along = arange(n)
          .multiply(step[d] ?? 1)
          .add(start[d] ?? 0)
          .astype(int32);
        const spread = lengths.map((_, k) => (k === d ? n : 1));
        return shape.broadcastTo(shape.reshape(along, spread), lengths).node;
      });
      if (sizeOf(lengths) === 0) return x;
      const ones = lengths.map(() => 1);
      const updates = shape.reshape(shape.broadcastTo(update, lengths), [...lengths, ...ones]).node;
      return wrapped(p.scatter(x.node, indices, updates, [...ones.keys()], ones, mode));
    },
  ),
  Split: primitive([ints, int], (ins, [indices, axis]) => split(at(ins, 0), indices, axis)),
  Squeeze: primitive([ints], (ins, [axes]) => shape.squeeze(at(ins, 0), axes)),
  Transpose: primitive([ints], (ins, [axes]) => shape.transpose(at(ins, 0), axes)),
  Unflatten: primitive([int, ints], (ins, [axis, to]) => shape.unflatten(at(ins, 0), axis, to)),
  View: primitive([dtype], (ins, [d]) => view(at(ins, 0), d)),
};

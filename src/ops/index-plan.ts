/** What an index selects: a strided block of the array, then places in it, then the layout of the result. */
import { bool, int32 } from "../core/dtype.js";
import { IndexError, ShapeError } from "../core/errors.js";
import { broadcastShapes, showShape } from "../core/shape.js";
import { NDArray } from "../graph/array.js";
import { hostNode } from "../graph/host.js";
import { type Node, type Shape, sizeOf } from "../graph/node.js";
import * as p from "../primitives/index.js";
import { type Component, Slice } from "./index-language.js";
import { spread } from "./operand.js";

export interface Plan {
  /** The block: start, step and length per axis of the array. Axes with a position have length 1. */
  readonly start: readonly number[];
  readonly step: readonly number[];
  readonly block: Shape;
  /** The block without axes of positions. */
  readonly kept: Shape;
  /** Axes of `kept` that index arrays run over, with the arrays, all of shape `across`. */
  readonly axes: readonly number[];
  readonly indices: readonly Node[];
  readonly across: Shape;
  /** How many of the axes of `kept` that are not indexed come before `across` in the result. */
  readonly before: number;
  /** The shape of the selection, new axes included. */
  readonly result: Shape;
}

/** Index arrays of the true places of a mask, whose values are needed for that. */
const placesOf = (mask: Node): Node[] => {
  const values = new NDArray(mask).dataSync();
  const places: number[] = [];
  for (let i = 0; i < values.length; i++) if (values[i] === 1) places.push(i);
  const { shape } = mask;
  return shape.map((length, d) => {
    const inner = sizeOf(shape.slice(d + 1));
    const at = Int32Array.from(places, (i) => Math.floor(i / inner) % length);
    return hostNode([places.length], int32, new Uint8Array(at.buffer));
  });
};

/** Components that stand for one axis each, masks turned into positions and the ellipsis into whole slices. */
const expand = (op: string, components: readonly Component[], shape: Shape): Component[] => {
  const flat = components.flatMap((c): Component[] => {
    if (c.kind !== "mask") return [c];
    requireMask(op, c.node, shape, axesBefore(components, c));
    return placesOf(c.node).map((node) => ({ kind: "positions", node }));
  });
  const used = flat.filter((c) => c.kind !== "axis" && c.kind !== "ellipsis").length;
  const ellipses = flat.filter((c) => c.kind === "ellipsis").length;
  if (ellipses > 1)
    throw new IndexError(`[${op}] expected "..." at most once, got it ${ellipses} times`);
  if (used > shape.length) {
    throw new IndexError(
      `[${op}] expected at most ${shape.length} indices for shape ${showShape(shape)}, got ${used}`,
    );
  }
  const fill = Array.from({ length: shape.length - used }, (): Component => wholeAxis);
  if (ellipses === 0) return [...flat, ...fill];
  return flat.flatMap((c) => (c.kind === "ellipsis" ? fill : [c]));
};

const wholeAxis: Component = { kind: "slice", slice: new Slice(null, null, null) };

const axesBefore = (components: readonly Component[], mask: Component): number => {
  let axes = 0;
  for (const c of components) {
    if (c === mask) break;
    if (c.kind === "mask") axes += c.node.shape.length;
    else if (c.kind !== "axis" && c.kind !== "ellipsis") axes++;
  }
  return axes;
};

/** Refuses a mask that does not cover whole axes of `shape`, from axis `from` on. */
export const requireMask = (op: string, mask: Node, shape: Shape, from: number): void => {
  if (mask.shape.some((n, d) => n !== shape[from + d])) {
    throw new ShapeError(
      `[${op}] expected a mask of the shape of the axes it selects from, got ${showShape(mask.shape)} for shape ${showShape(shape)}`,
    );
  }
};

/** Works out what `components` select from an array of `shape`. Throws IndexError or ShapeError. */
export const plan = (op: string, components: readonly Component[], shape: Shape): Plan => {
  const list = expand(op, components, shape);
  const hasArrays = list.some((c) => c.kind === "positions");
  const start: number[] = [];
  const step: number[] = [];
  const block: number[] = [];
  const kept: number[] = [];
  const axes: number[] = [];
  const arrays: Node[] = [];
  /** Result axes that come from slices and new axes, in order; null for new ones. */
  const layout: (number | null)[] = [];
  let first = -1;
  let closed = false;
  let split = false;
  for (const c of list) {
    if (c.kind === "axis") layout.push(null);
    if (c.kind === "axis" || c.kind === "slice") closed = first >= 0;
    else if (first < 0) first = layout.length;
    else if (closed) split = true;
    if (c.kind === "axis" || c.kind === "ellipsis" || c.kind === "mask") continue;
    const d = start.length;
    const length = shape[d] ?? 0;
    if (c.kind === "position") {
      const at = c.at < 0 ? c.at + length : c.at;
      if (at < 0 || at >= length) {
        throw new IndexError(
          `[${op}] expected an index from ${-length} to ${length - 1} on axis ${d} of shape ${showShape(shape)}, got ${c.at}`,
        );
      }
      start.push(at);
      step.push(1);
      block.push(1);
      continue;
    }
    const s = c.kind === "slice" ? c.slice.on(length) : { start: 0, count: length, step: 1 };
    start.push(s.start);
    step.push(s.step);
    block.push(s.count);
    if (c.kind === "slice") layout.push(kept.length);
    else {
      axes.push(kept.length);
      arrays.push(c.node);
    }
    kept.push(s.count);
  }
  const across = hasArrays ? broadcastShapes(op, ...arrays.map((n) => n.shape)) : [];
  const place = !hasArrays || split ? 0 : Math.max(first, 0);
  const sizes = layout.map((d) => (d === null ? 1 : (kept[d] ?? 1)));
  return {
    start,
    step,
    block,
    kept,
    axes,
    indices: arrays.map((n) => spread(n, across)),
    across,
    before: layout.slice(0, place).filter((d) => d !== null).length,
    result: [...sizes.slice(0, place), ...across, ...sizes.slice(place)],
  };
};

const rest = (q: Plan): number[] => q.kept.filter((_, d) => !q.axes.includes(d));
const unit = (q: Plan): number[] => q.kept.map((n, d) => (q.axes.includes(d) ? 1 : n));

/** From [across, rest] to the order of the result, as axes of a permutation. */
const order = (q: Plan): number[] => {
  const a = q.across.length;
  const others = rest(q).map((_, i) => a + i);
  return [...others.slice(0, q.before), ...q.across.map((_, i) => i), ...others.slice(q.before)];
};

/** The selection from `x`. */
export const read = (x: Node, q: Plan): Node => {
  const block = p.slice(x, q.start, q.block, q.step);
  if (q.axes.length === 0) return p.reshape(block, q.result);
  const found = p.gather(p.reshape(block, q.kept), q.indices, q.axes, unit(q));
  const joined = p.reshape(found, [...q.across, ...rest(q)]);
  return p.reshape(p.permute(joined, order(q)), q.result);
};

/** Updates in the shape of the selection, as the blocks that scatter takes. */
const blocksOf = (updates: Node, q: Plan): Node => {
  const to = order(q);
  const inResult = p.reshape(
    updates,
    to.map((d) => [...q.across, ...rest(q)][d] ?? 1),
  );
  const back = to.map((_, d) => to.indexOf(d));
  return p.reshape(p.permute(inResult, back), [...q.across, ...unit(q)]);
};

/** `x` with `updates`, in the shape of the selection, written or combined there. */
export const write = (
  x: Node,
  q: Plan,
  updates: Node,
  mode: "replace" | "add" | "prod" | "max" | "min",
): Node => {
  if (sizeOf(q.result) === 0) return x;
  const block = p.slice(x, q.start, q.block, q.step);
  if (q.axes.length > 0) {
    const base = p.reshape(block, q.kept);
    const done = p.scatter(base, q.indices, blocksOf(updates, q), q.axes, unit(q), mode);
    return putSlice(x, p.reshape(done, q.block), q.start, q.step);
  }
  const u = p.reshape(updates, q.block);
  if (mode === "replace") return putSlice(x, u, q.start, q.step);
  if (mode === "add") return p.add(x, padSlice(u, x.shape, q.start, q.step));
  if (mode === "prod") return putSlice(x, p.multiply(block, u), q.start, q.step);
  // At ties both sides receive the cotangent, which scatter's rule does and maximum's does not.
  return putSlice(x, scatterWhole(block, u, mode), q.start, q.step);
};

/** Elementwise maximum or minimum through scatter, for its rule at ties. */
const scatterWhole = (base: Node, updates: Node, mode: "max" | "min"): Node => {
  const flat = sizeOf(base.shape);
  const at = p.iota([1], 0, int32);
  const done = p.scatter(
    p.reshape(base, [flat]),
    [at],
    p.reshape(updates, [1, flat]),
    [0],
    [flat],
    mode,
  );
  return p.reshape(done, base.shape);
};

/** Zeros of `shape` with `u` at the places of a slice. */
const padSlice = (
  u: Node,
  shape: Shape,
  start: readonly number[],
  step: readonly number[],
): Node => {
  const back = step.map((k) => k < 0);
  const low = start.map((a, d) => (back[d] ? a + ((u.shape[d] ?? 1) - 1) * (step[d] ?? 1) : a));
  const interior = step.map((k, d) => ((u.shape[d] ?? 0) > 1 ? Math.abs(k) - 1 : 0));
  const high = shape.map((n, d) => {
    const count = u.shape[d] ?? 0;
    return n - (low[d] ?? 0) - count - Math.max(count - 1, 0) * (interior[d] ?? 0);
  });
  return p.pad(p.flip(u, back), low, high, interior);
};

/** `x` with `u` at the places of a slice. */
export const putSlice = (
  x: Node,
  u: Node,
  start: readonly number[],
  step: readonly number[],
): Node => {
  if (u.shape.every((n, d) => n === x.shape[d] && step[d] === 1)) return u;
  const inside = padSlice(p.constant(true, bool, u.shape), x.shape, start, step);
  return p.select(inside, padSlice(u, x.shape, start, step), x);
};

/** Runs a recorded graph again: on other values, or on values with one more axis, which is what batching is. */
import { InternalError } from "../core/errors.js";
import { bindAll } from "../graph/bind.js";
import { type Node, outsOf } from "../graph/node.js";
import type { AnyPrimitive } from "../graph/primitive.js";
import { withTrace } from "../graph/trace.js";
import { broadcast } from "../primitives/index.js";
import { hole, pick } from "./leaves.js";
import { walk } from "./walk.js";

type Apply = (
  prim: AnyPrimitive,
  ins: readonly Node[],
  replaced: readonly boolean[],
  attrs: unknown,
) => readonly Node[];

const rerun = (
  roots: readonly Node[],
  leaves: readonly Node[],
  values: readonly Node[],
  apply: Apply,
): (Node | null)[] => {
  const { order, slots, count, roots: rootSlots } = walk(roots, leaves, true);
  const value: (Node | null)[] = new Array(count).fill(null);
  for (let i = 0; i < leaves.length; i++) value[i] = pick(values, i);
  let start = 0;
  for (const n of order) {
    const { prim, ins, attrs } = n;
    const outs = outsOf(n);
    const inAt = start;
    const outAt = start + ins.length;
    start = outAt + outs.length;
    if (prim === null) throw new InternalError("[replay] a traced value lost its graph");
    const replaced: boolean[] = [];
    const now = ins.map((x, i) => {
      const slot = pick(slots, inAt + i);
      const v = slot < 0 ? null : (value[slot] ?? null);
      replaced.push(v !== null);
      return v ?? x;
    });
    const results = apply(prim, now, replaced, attrs);
    for (let i = 0; i < outs.length; i++) value[pick(slots, outAt + i)] = pick(results, i);
  }
  return rootSlots.map((slot) => (slot < 0 ? null : (value[slot] ?? null)));
};

/** The roots computed from `values` in place of `leaves`. */
export const substitute = (
  roots: readonly Node[],
  leaves: readonly Node[],
  values: readonly Node[],
): Node[] =>
  rerun(roots, leaves, values, (prim, ins, _replaced, attrs) => bindAll(prim, ins, attrs)).map(
    (n, i) => n ?? pick(roots, i),
  );

/** `x` repeated along a new leading axis. */
export const repeat = (x: Node, size: number): Node =>
  broadcast(
    x,
    [size, ...x.shape],
    x.shape.map((_, d) => d + 1),
  );

/**
 * The roots for `values` that have one more leading axis of `size` than the leaves they stand for; null for a root that
 * does not depend on a leaf.
 */
export const replayBatched = (
  roots: readonly Node[],
  leaves: readonly Node[],
  values: readonly Node[],
  size: number,
): (Node | null)[] =>
  rerun(roots, leaves, values, (prim, ins, mapped, attrs) => {
    const saved = prim.batch?.(ins, mapped, size, attrs) ?? null;
    if (saved !== null) return saved;
    const wide = ins.map((x, i) => (mapped[i] === true ? x : repeat(x, size)));
    return bindAll(prim, wide, prim.lift(attrs, size));
  });

/** Maps `fn` over axis 0 (of length `size`) of every value; results likewise. Null values and results stay null. */
export const mapNodes = (
  size: number,
  values: readonly (Node | null)[],
  fn: (xs: readonly (Node | null)[]) => readonly (Node | null)[],
): (Node | null)[] =>
  withTrace((traceId) => {
    const xs = values.map((v) =>
      v === null ? null : hole({ shape: v.shape.slice(1), dtype: v.dtype }, traceId),
    );
    const ys = fn(xs);
    const leaves = xs.filter((x) => x !== null);
    const given = values.filter((v) => v !== null);
    const roots = ys.filter((y) => y !== null);
    const results = replayBatched(roots, leaves, given, size);
    let next = 0;
    return ys.map((y) => (y === null ? null : (results[next++] ?? repeat(y, size))));
  });

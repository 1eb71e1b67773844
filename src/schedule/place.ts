/** Turns a legal group into kernels to lower: axes in memory order, every member's place on them, finishing kernels. */

import { bool, type DType, float32, float64, int32, int64, uint32, uint64 } from "../core/dtype.js";
import { type Combine, type ComputeType, computeTypeOf } from "../core/scalar.js";
import { sizeOf } from "../graph/node.js";
import { addIx, axisIx, zeroIx } from "../kernel/index-math.js";
import { type Axis, type Ix, slabRows } from "../kernel/ir.js";
import type { Atoms } from "./atoms.js";
import { type Group, type IsStored, resultPlaces } from "./candidate.js";

import type { Op, Tensor } from "./graph.js";
import type { GroupPlan } from "./group.js";
import { withFree } from "./solo.js";

const bitsOf = (lists: readonly Atoms[]): number => lists.reduce((n, l) => n + l.length, 0);

/** Atoms in the order in which the widest members walk them. */
const walkOrder = (group: Group, preferred: readonly Op[]): number[] => {
  const order: number[] = [];
  const ops = [...preferred, ...group.ops].sort(
    (x, y) => bitsOf(group.places.get(y) ?? []) - bitsOf(group.places.get(x) ?? []),
  );
  for (const op of ops) {
    for (const list of group.places.get(op) ?? [])
      for (const a of list) if (!order.includes(a)) order.push(a);
  }
  return order;
};

/** Index per dimension, given the axis each atom became. */
const indices = (
  lists: readonly Atoms[],
  sizes: readonly number[],
  axisOf: ReadonlyMap<number, number>,
): Ix[] =>
  lists.map((list) => {
    let ix: Ix = zeroIx;
    let stride = 1;
    for (let i = list.length - 1; i >= 0; i--) {
      const a = list[i] ?? 0;
      ix = addIx(ix, axisIx(axisOf.get(a) ?? 0, stride));
      stride *= sizes[a] ?? 1;
    }
    return ix;
  });

/** Partial results are not rounded to narrow types. */
const partialTypes: Readonly<Record<ComputeType, DType>> = {
  bool,
  f32: float32,
  f64: float64,
  i32: int32,
  i64: int64,
  u32: uint32,
  u64: uint64,
};

/** The tensor of per-slab results of a terminal reduction. */
const partialOf = (op: Op, slabs: number, id: number): Tensor => {
  const dtype = partialTypes[computeTypeOf(op.out.dtype)];
  const shape = [slabs, ...op.out.shape];
  const bytes = sizeOf(shape) * dtype.size;
  return { id, shape, dtype, producers: [], leaf: -1, required: false, readers: [], bytes };
};

const howOf = ({ lowering }: Op): Combine => (lowering.kind === "reduce" ? lowering.how : "sum");

/** The reduction over slabs that takes the place of `op`; it now produces the tensor. */
const finishing = (op: Op, partial: Tensor): Op => {
  const replacement: Op = {
    ...op,
    lowering: { kind: "reduce", how: howOf(op), axes: () => [0] },
    attrs: undefined,
    ins: [{ tensor: partial, views: [], shape: partial.shape, dtype: partial.dtype }],
  };
  op.out.producers = [replacement];
  return replacement;
};

/** The kernels of one group: itself and, when it has terminal reductions, the one that finishes them. */
export const planGroup = (group: Group, stored: IsStored): GroupPlan[] => {
  const { sizes, shape, places } = group;
  const members = new Set(group.ops);
  const kept = group.ops.filter((op) => stored(op, members));
  const order = walkOrder(group, kept);
  const late = new Set<Op>([...shape.terminals, ...shape.finish]);
  const role = (a: number): Axis["role"] => {
    if ((shape.grid >> a) & 1) return "grid";
    return (shape.row >> a) & 1 ? "row" : "contract";
  };
  const axes: Axis[] = [];
  const axisOf = new Map<number, number>();
  for (const wanted of ["grid", "row", "contract"] as const) {
    for (const a of order) {
      if (role(a) === wanted) axisOf.set(a, axes.push({ size: sizes[a] ?? 1, role: wanted }) - 1);
    }
  }
  const home = new Map<Op, readonly Ix[]>();
  for (const op of group.ops) home.set(op, indices(places.get(op) ?? [], sizes, axisOf));
  const early = group.ops.filter((op) => !shape.finish.includes(op));
  const points = axes.reduce((n, a) => (a.role === "grid" ? n * a.size : n), 1);
  const slabs = Math.ceil(points / slabRows);
  const partials = new Map(
    shape.terminals.map((op) => [op, partialOf(op, slabs, -1 - op.id)] as const),
  );
  const main: GroupPlan = {
    ops: withFree(early),
    stored: kept.filter((op) => !late.has(op)),
    axes,
    home,
    partials,
  };
  if (partials.size === 0) return [main];
  return [main, finishPlan(group, kept, partials, slabs)];
};

const finishPlan = (
  group: Group,
  kept: readonly Op[],
  partials: ReadonlyMap<Op, Tensor>,
  slabs: number,
): GroupPlan => {
  const { sizes, shape, places } = group;
  const axes: Axis[] = [];
  const axisOf = new Map<number, number>();
  for (const op of [...shape.terminals, ...shape.finish]) {
    for (const list of places.get(op) ?? []) {
      for (const a of list) {
        if ((shape.row >> a) & 1 && !axisOf.has(a))
          axisOf.set(a, axes.push({ size: sizes[a] ?? 1, role: "grid" }) - 1);
      }
    }
  }
  const slab = slabs > 1 ? axisIx(axes.push({ size: slabs, role: "row" }) - 1) : zeroIx;
  const home = new Map<Op, readonly Ix[]>();
  const ops: Op[] = [];
  const storedOps: Op[] = [];
  // Terminal results keep their reduced dimensions or not; either way only row atoms are left of their domain.
  for (const [op, partial] of partials) {
    const replacement = finishing(op, partial);
    const domain = places.get(op) ?? [];
    home.set(replacement, [slab, ...indices(resultPlaces(op, domain), sizes, axisOf)]);
    ops.push(replacement);
    if (kept.includes(op)) storedOps.push(replacement);
  }
  for (const op of shape.finish) {
    home.set(op, indices(places.get(op) ?? [], sizes, axisOf));
    ops.push(op);
    if (kept.includes(op)) storedOps.push(op);
  }
  return { ops: withFree(ops), stored: storedOps, axes, home, partials: new Map() };
};

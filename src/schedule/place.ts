/** Turns a legal group into kernels to lower: axes in memory order, every member's place on them, finishing kernels. */

import { bool, type DType, float32, float64, int32, int64, uint32, uint64 } from "../core/dtype.js";
import { type Combine, type ComputeType, computeTypeOf } from "../core/scalar.js";
import { sizeOf } from "../graph/node.js";
import { addIx, axisIx, zeroIx } from "../kernel/index-math.js";
import { type Axis, type Ix, slabRows } from "../kernel/ir.js";
import type { Atoms } from "./atoms.js";
import type { Board } from "./board.js";
import type { Group } from "./candidate.js";
import type { Domain } from "./domain.js";
import type { Op, Tensor } from "./graph.js";
import type { GroupPlan, Partial } from "./group.js";
import type { Placed } from "./rematerialise.js";
import { bitsIn, maskOf, product, resultPlaces, type Terminal } from "./shape.js";
import { withFree } from "./solo.js";

/** Atoms in the order in which the widest members walk them. */
const walkOrder = (group: Group, preferred: readonly Op[], board: Board): number[] => {
  const order: number[] = [];
  // Members share domains, and there are few: those of the preferred ones come first among equally wide ones.
  const domains: Domain[] = [];
  for (const op of preferred) if (!domains.includes(board.home(op))) domains.push(board.home(op));
  for (const op of group.ops) if (!domains.includes(board.home(op))) domains.push(board.home(op));
  domains.sort((x, y) => bitsIn(y.mask) - bitsIn(x.mask));
  for (const { lists } of domains) {
    for (const list of lists) for (const a of list) if (!order.includes(a)) order.push(a);
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
const partialOf = ({ op, rest }: Terminal, slabs: number, sizes: readonly number[]): Tensor => {
  const dtype = partialTypes[computeTypeOf(op.out.dtype)];
  const shape = [slabs, ...op.out.shape, ...(rest === 0 ? [] : [product(rest, sizes)])];
  const bytes = sizeOf(shape) * dtype.size;
  // Their numbers are negative: no tensor of the graph.
  const id = -1 - op.id;
  return { id, shape, dtype, producers: [], leaf: -1, required: false, readers: [], bytes };
};

const howOf = ({ lowering }: Op): Combine => (lowering.kind === "reduce" ? lowering.how : "sum");

/** The reduction over slabs that takes the place of `op`; it now produces the tensor. */
const finishing = (op: Op, partial: Tensor): Op => {
  const over = partial.shape.length - 1 > op.out.shape.length ? [0, op.out.shape.length + 1] : [0];
  const replacement: Op = {
    ...op,
    lowering: { kind: "reduce", how: howOf(op), axes: () => over },
    attrs: undefined,
    ins: [{ tensor: partial, views: [], shape: partial.shape, dtype: partial.dtype }],
  };
  op.out.producers = [replacement];
  return replacement;
};

const atomsIn = (mask: number): number[] => {
  const out: number[] = [];
  for (let a = 0; mask >> a !== 0; a++) if ((mask >> a) & 1) out.push(a);
  return out;
};

const slabsOf = ({ over }: Terminal, sizes: readonly number[]): number =>
  Math.ceil(product(over, sizes) / slabRows);

/** The kernels of one group: itself and, when it has terminal reductions, those that finish them. */
export const planGroup = ({ group, kept, borrowed }: Placed, board: Board): GroupPlan[] => {
  const { sizes, shape } = group;
  if (kept.size === 0) return [];
  const order = walkOrder(group, [...kept], board);
  const { contract, terminals } = shape;
  if (contract !== null && terminals.length > 0) {
    // Slabs are cut from the rows of one batch after the other.
    const batches = maskOf(board.home(contract).lists.slice(0, -3));
    order.sort((a, b) => ((batches >> b) & 1) - ((batches >> a) & 1));
  }
  const late = new Set<Op>([...terminals.map((t) => t.op), ...shape.finish]);
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
  // Members of one domain share its indices.
  const placed = new Map<Domain, readonly Ix[]>();
  for (const d of group.domains) placed.set(d, indices(d.lists, sizes, axisOf));
  for (const op of group.ops) home.set(op, placed.get(board.home(op)) ?? []);
  const early = group.ops.filter((op) => !shape.finish.includes(op));
  const partials = new Map<Op, Partial>();
  for (const t of terminals) {
    let over = 0;
    for (const a of atomsIn(t.over)) over |= 1 << (axisOf.get(a) ?? 0);
    const rest = t.rest === 0 ? [] : indices([atomsIn(t.rest)], sizes, axisOf);
    partials.set(t.op, { tensor: partialOf(t, slabsOf(t, sizes), sizes), over, rest });
  }
  const main: GroupPlan = {
    ops: withFree([...borrowed, ...early]),
    stored: group.ops.filter((op) => kept.has(op) && !late.has(op)),
    axes,
    home,
    partials,
  };
  return [main, ...finishPlans(group, kept, borrowed, partials, board)];
};

/** One kernel for all terminals of the same axes, with what reads them. */
const finishPlans = (
  group: Group,
  kept: ReadonlySet<Op>,
  borrowed: ReadonlySet<Op>,
  partials: ReadonlyMap<Op, Partial>,
  board: Board,
): GroupPlan[] => {
  const classes: Terminal[][] = [];
  for (const t of group.shape.terminals) {
    const like = classes.find(
      ([c]) => c !== undefined && c.kept === t.kept && c.over === t.over && c.rest === t.rest,
    );
    if (like === undefined) classes.push([t]);
    else like.push(t);
  }
  return classes.map((terminals) => {
    const members = new Set(terminals.map((t) => t.op));
    const finish: Op[] = [];
    for (const op of group.shape.finish) {
      if (!op.sources.some((p) => members.has(p))) continue;
      members.add(op);
      finish.push(op);
    }
    return finishPlan(group, kept, terminals, borrowed, finish, partials, board);
  });
};

const finishPlan = (
  group: Group,
  kept: ReadonlySet<Op>,
  terminals: readonly Terminal[],
  borrowed: ReadonlySet<Op>,
  finish: readonly Op[],
  partials: ReadonlyMap<Op, Partial>,
  board: Board,
): GroupPlan => {
  const { sizes } = group;
  const results = (t: Terminal): readonly Atoms[] => resultPlaces(t.op, board.home(t.op).lists);
  const axes: Axis[] = [];
  const axisOf = new Map<number, number>();
  for (const lists of [...terminals.map(results), ...finish.map((op) => board.home(op).lists)]) {
    for (const list of lists) {
      for (const a of list) {
        if (!axisOf.has(a)) axisOf.set(a, axes.push({ size: sizes[a] ?? 1, role: "grid" }) - 1);
      }
    }
  }
  const [first] = terminals;
  const slabs = first === undefined ? 1 : slabsOf(first, sizes);
  const slab = slabs > 1 ? axisIx(axes.push({ size: slabs, role: "row" }) - 1) : zeroIx;
  const left = first === undefined || first.rest === 0 ? 1 : product(first.rest, sizes);
  const rest: Ix[] =
    first === undefined || first.rest === 0
      ? []
      : [left > 1 ? axisIx(axes.push({ size: left, role: "row" }) - 1) : zeroIx];
  const home = new Map<Op, readonly Ix[]>();
  const ops: Op[] = [];
  const stored: Op[] = [];
  // Terminal results keep their reduced dimensions or not; either way only the result's atoms are left of their domain.
  for (const t of terminals) {
    const partial = partials.get(t.op);
    if (partial === undefined) continue;
    const replacement = finishing(t.op, partial.tensor);
    home.set(replacement, [slab, ...indices(results(t), sizes, axisOf), ...rest]);
    ops.push(replacement);
    if (kept.has(t.op)) stored.push(replacement);
  }
  ops.push(...borrowed, ...finish);
  for (const op of finish) {
    home.set(op, indices(board.home(op).lists, sizes, axisOf));
    if (kept.has(op)) stored.push(op);
  }
  return { ops: withFree(ops), stored, axes, home, partials: new Map() };
};

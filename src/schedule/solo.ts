/** The trivial partition, one kernel per operation: what fused plans are compared with in tests. */
import { axisIx, zeroIx } from "../kernel/index-math.js";
import type { Axis, Ix, Role } from "../kernel/ir.js";
import type { Op, TensorGraph } from "./graph.js";
import type { GroupPlan } from "./group.js";

/** Sizes of the dimensions it is computed over. */
export const domainShape = (op: Op): readonly number[] => {
  if (op.kind === "reduce") return op.ins[0]?.shape ?? [];
  if (op.kind === "contract") return [...op.out.shape, op.ins[0]?.shape.at(-1) ?? 1];
  return op.out.shape;
};

/** Dimensions of the domain an operation is computed over, with the role of each. */
const domainDims = (op: Op): readonly { readonly size: number; readonly role: Role }[] => {
  const l = op.lowering;
  const shape = domainShape(op);
  const reduced = l.kind === "reduce" ? l.axes(op.attrs) : [];
  const contracted = l.kind === "contract" ? shape.length - 1 : -1;
  return shape.map((size, d) => ({
    size,
    role: d === contracted ? "contract" : reduced.includes(d) ? "row" : "grid",
  }));
};

/** The free operations that `ops` need, in topological order, followed by `ops`. */
export const withFree = (ops: readonly Op[]): readonly Op[] => {
  const out = new Set<Op>();
  const add = (op: Op): void => {
    if (out.has(op)) return;
    for (const e of op.ins) {
      const p = e.tensor.producers[0];
      if (p?.free === true) add(p);
    }
    out.add(op);
  };
  for (const op of ops) add(op);
  return [...out];
};

export const soloGroup = (op: Op): GroupPlan => {
  const dims = domainDims(op);
  const rank: Record<Role, number> = { grid: 0, row: 1, contract: 2 };
  const order = dims
    .map((dim, d) => ({ ...dim, d }))
    .filter((x) => x.size > 1)
    .sort((x, y) => rank[x.role] - rank[y.role] || x.d - y.d);
  const axes: Axis[] = order.map(({ size, role }) => ({ size, role }));
  const ix: Ix[] = dims.map(() => zeroIx);
  order.forEach((x, axis) => {
    ix[x.d] = axisIx(axis);
  });
  return {
    ops: withFree([op]),
    stored: [op],
    axes,
    home: new Map([[op, ix]]),
    partials: new Map(),
  };
};

export const soloPartition = (graph: TensorGraph): readonly (GroupPlan | Op)[] => {
  const out: (GroupPlan | Op)[] = [];
  for (const op of graph.ops) {
    if (op.kind === "routine") out.push(op);
    else if (!op.free || op.out.required) out.push(soloGroup(op));
  }
  return out;
};

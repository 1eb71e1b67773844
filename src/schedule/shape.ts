/** What a legal group looks like as a kernel, and facts about operations' axes as masks of atoms. */
import { sizeOf } from "../graph/node.js";
import type { Atoms } from "./atoms.js";
import type { Op } from "./graph.js";

/** A sum over grid axes: the kernel leaves one partial result per slab, and a second one adds these. */
export interface Terminal {
  readonly op: Op;
  /** Atoms that the kernel sums over, in slabs. */
  readonly over: number;
  /** Atoms of the result, and those that the second kernel sums over beside the slabs. */
  readonly kept: number;
  readonly rest: number;
}

/** Roles are masks of the group's atoms; what is neither grid nor row is contracted. */
export interface GroupShape {
  readonly grid: number;
  readonly row: number;
  readonly terminals: readonly Terminal[];
  /** Members that run where terminals are finished. */
  readonly finish: readonly Op[];
  readonly contract: Op | null;
}

export const maskOf = (lists: readonly Atoms[]): number => {
  let mask = 0;
  for (const list of lists) for (const a of list) mask |= 1 << a;
  return mask;
};

export const bitsIn = (mask: number): number => {
  let count = 0;
  for (let m = mask; m !== 0; m &= m - 1) count++;
  return count;
};

const reducedAxes = (op: Op): readonly number[] =>
  op.lowering.kind === "reduce" ? op.lowering.axes(op.attrs) : [];

/** Atoms of a member's result, given those of its domain. */
export const resultPlaces = (op: Op, domain: readonly Atoms[]): readonly Atoms[] => {
  if (op.kind === "contract") return domain.slice(0, -1);
  if (op.kind !== "reduce") return domain;
  const axes = reducedAxes(op);
  const keeps = op.out.shape.length === domain.length;
  if (keeps) return domain.map((atoms, d) => (axes.includes(d) ? [] : atoms));
  return domain.filter((_, d) => !axes.includes(d));
};

export const overMask = (op: Op, domain: readonly Atoms[]): number => {
  let mask = 0;
  const axes = op.kind === "contract" ? [domain.length - 1] : reducedAxes(op);
  for (const d of axes) for (const a of domain[d] ?? []) mask |= 1 << a;
  return mask;
};

export const product = (mask: number, sizes: readonly number[]): number => {
  let p = 1;
  for (let a = 0; a < sizes.length; a++) if ((mask >> a) & 1) p *= sizes[a] ?? 1;
  return p;
};

/** Steps from a sum to where it is spread over what was summed. */
const stepsToSpread = 8;

/** Whether a sum is wanted all along the row it was taken over: softmax and norms are kernels of their own. */
export const isSpread = (
  op: Op,
  steps: number = stepsToSpread,
  seen: Set<Op> = new Set(),
): boolean =>
  op.out.readers.some((r) => {
    if (r.kind !== "map" || seen.has(r)) return false;
    seen.add(r);
    if (sizeOf(r.out.shape) > sizeOf(op.out.shape)) return true;
    return steps > 1 && isSpread(r, steps - 1, seen);
  });

/** Reductions that can be done in slabs whose sums are added afterwards. */
export const isSlabbed = (op: Op): boolean =>
  op.lowering.kind === "reduce" &&
  op.lowering.how !== "argmax" &&
  op.lowering.how !== "argmin" &&
  op.out.dtype.kind !== "complex" &&
  op.out.dtype.kind !== "bool";

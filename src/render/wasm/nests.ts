/** What each loop over rows of a kernel has to do: its reductions, stores, terminal reductions and stashed values. */
import { InternalError } from "../../core/errors.js";
import { axesOf, ixValues, reductionKind } from "../../kernel/domains.js";
import type { Kernel, Mask, Store, Val, ValId } from "../../kernel/ir.js";
import { widthOf } from "./ops.js";
import { has, type Plan } from "./plan.js";
import { coneOf, costOf } from "./weights.js";

type Reduce = Extract<Val, { op: "reduce" }>;

/** A reduction over grid points, and where its partial rows go. */
export interface Terminal {
  readonly store: Store;
  readonly reduce: Reduce;
}

/** One loop nest over the axes `rows` (none: once per point). */
export interface Nest {
  readonly stage: number;
  readonly rows: Mask;
  readonly reductions: ValId[];
  readonly stores: Store[];
  readonly terminals: Terminal[];
  /** Values to keep in scratch memory for later loops. */
  readonly stashes: ValId[];
}

/** A value kept for later loops, at a byte offset of the scratch memory. */
export interface Stash {
  readonly id: ValId;
  readonly offset: number;
  /** Row axes, the fastest last, with their strides in bytes. */
  readonly strides: readonly (readonly [axis: number, bytes: number])[];
  /** Bytes from one point to the next of those done side by side. */
  readonly pointStride: number;
}

export interface Schedule {
  /** In the order of their stages. */
  readonly nests: readonly Nest[];
  readonly stashes: readonly Stash[];
  readonly scratchBytes: number;
}

const scratchLimit = 256 * 1024;
/** What costs less than this is computed again rather than kept. */
const cheap = 7;

export const reduceAt = (kernel: Kernel, id: ValId): Reduce => {
  const v = kernel.vals[id];
  if (v?.op !== "reduce") throw new InternalError(`[render] value ${id} is no reduction`);
  return v;
};

/** The values a nest computes with directly. */
export function rootsOf(kernel: Kernel, nest: Nest): ValId[] {
  const roots: ValId[] = [...nest.stashes];
  for (const id of nest.reductions) {
    const { in: operand, at } = reduceAt(kernel, id);
    roots.push(operand);
    if (at !== null) roots.push(at);
  }
  for (const s of nest.stores) {
    roots.push(s.value);
    ixValues(s.ix, (id) => roots.push(id));
  }
  for (const t of nest.terminals) roots.push(t.reduce.in);
  return roots;
}

function collect(plan: Plan): Nest[] {
  const { kernel, stages, domains } = plan;
  const rowMask = axesOf(kernel.axes, "row");
  const nests: Nest[] = [];
  const nestOf = (stage: number, rows: Mask): Nest => {
    const known = nests.find((n) => n.rows === rows && n.stage === stage);
    if (known !== undefined) return known;
    const nest: Nest = { stage, rows, reductions: [], stores: [], terminals: [], stashes: [] };
    nests.push(nest);
    return nest;
  };
  kernel.vals.forEach((v, id) => {
    if (v.op !== "reduce" || reductionKind(kernel, v.over) !== "row") return;
    nestOf((stages[id] ?? 1) - 1, v.over).reductions.push(id);
  });
  const last = Math.max(0, ...stages);
  for (const store of kernel.stores) {
    if (kernel.bufs[store.buf]?.access === "partial") {
      const reduce = reduceAt(kernel, store.value);
      const rows = (domains[reduce.in] ?? 0) & rowMask;
      nestOf(rows === 0 ? last : (stages[reduce.in] ?? 0), rows).terminals.push({ store, reduce });
      continue;
    }
    let stage = stages[store.value] ?? 0;
    ixValues(store.ix, (id) => {
      stage = Math.max(stage, stages[id] ?? 0);
    });
    const rows = store.over & rowMask;
    nestOf(rows === 0 ? last : stage, rows).stores.push(store);
  }
  // Stores once per point come last.
  return nests.sort((a, b) => a.stage - b.stage || Number(a.rows === 0) - Number(b.rows === 0));
}

/** Plans the loops over rows, and which dear values are kept between them. */
export function scheduleOf(plan: Plan): Schedule {
  const { kernel, domains, stages } = plan;
  const rowMask = axesOf(kernel.axes, "row");
  const nests = collect(plan);
  const stashes: Stash[] = [];
  let scratchBytes = 0;
  const inner = plan.lanes > 1 && has(rowMask, plan.vector);

  const keep = (id: ValId): boolean => {
    const rows = (domains[id] ?? 0) & rowMask;
    const home = nests.find((n) => n.rows === rows && n.stage === stages[id]);
    if (home === undefined) return false;
    const varies = plan.lanes > 1 && has(domains[id] ?? 0, plan.vector);
    const v = kernel.vals[id];
    let stride =
      varies && !inner
        ? 16 * plan.unroll
        : varies
          ? plan.width
          : v !== undefined && widthOf(v.dtype) === 8
            ? 8
            : 4;
    const axes = kernel.axes.map((_, a) => a).filter((a) => has(rows, a) && a !== plan.vector);
    if (has(rows, plan.vector)) axes.push(plan.vector);
    const strides: [number, number][] = [];
    for (const a of axes.reverse()) {
      strides.unshift([a, stride]);
      const size = kernel.axes[a]?.size ?? 1;
      stride *= a === plan.vector ? Math.ceil(size / plan.lanes) * plan.lanes : size;
    }
    const shared = varies && !inner;
    const points = plan.across >= 0 ? plan.lanes : 1;
    const bytes = Math.ceil(stride / 64) * 64;
    if (scratchBytes + bytes * points > scratchLimit) return false;
    const pointStride = shared ? 16 : points > 1 ? bytes : 0;
    stashes.push({ id, offset: scratchBytes, strides, pointStride });
    scratchBytes += bytes * points;
    home.stashes.push(id);
    return true;
  };

  for (const nest of nests) {
    if (nest.rows === 0) continue;
    // From a value of this loop down to the first ones an earlier loop had: keep those that are dear.
    const seen = new Set<ValId>();
    const visit = (id: ValId): void => {
      if (seen.has(id) || stashes.some((s) => s.id === id)) return;
      seen.add(id);
      const v = kernel.vals[id];
      const domain = domains[id] ?? 0;
      if (v === undefined || (domain & rowMask) === 0) return;
      if ((stages[id] ?? 0) < nest.stage && v.op !== "load" && v.op !== "coord") {
        const cost = costOf(kernel, domains, coneOf(kernel, [id]), rowMask);
        if (cost < cheap || keep(id)) return;
      }
      if (v.op === "scalar") v.in.forEach(visit);
    };
    for (const id of rootsOf(kernel, nest)) visit(id);
  }
  return { nests, stashes, scratchBytes };
}

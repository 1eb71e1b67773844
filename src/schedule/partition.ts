/** Cuts the pending graph into kernels: greedy merging of groups by the memory traffic it saves, in topological order. */
import { sizeOf } from "../graph/node.js";
import { bytesOf, type Group, mergeGroups, uniformGroup } from "./candidate.js";
import { tracedEdges } from "./free.js";
import type { Op, Tensor, TensorGraph } from "./graph.js";
import type { GroupPlan } from "./group.js";
import { planGroup } from "./place.js";
import { domainDims, soloGroup } from "./solo.js";

/** Members a group may gather without any check. */
const chainLimit = 24;
const rounds = 4;

interface Item {
  /** Null for operations that are no part of any merging: routines, empty ones. */
  group: Group | null;
  readonly ops: readonly Op[];
  order: number;
}

class Partitioner {
  private readonly graph: TensorGraph;
  private readonly readers = new Map<Tensor, Op[]>();
  private readonly itemOf = new Map<Op, Item>();
  private items: Item[] = [];
  private ids = 0;

  constructor(graph: TensorGraph) {
    this.graph = graph;
    for (const op of graph.ops) {
      if (!this.isMember(op)) continue;
      for (const t of new Set(op.ins.flatMap(tracedEdges).map((e) => e.tensor))) {
        const list = this.readers.get(t);
        if (list === undefined) this.readers.set(t, [op]);
        else list.push(op);
      }
    }
  }

  readonly stored = (op: Op, members: ReadonlySet<Op>): boolean => {
    if (op.into !== null || op.out.required) return true;
    for (const r of this.readers.get(op.out) ?? []) if (!members.has(r)) return true;
    return false;
  };

  private isMember(op: Op): boolean {
    return !op.free || op.out.required;
  }

  /** Element-wise operations join the one group that reads them, where nothing but the element-wise lies between. */
  chains(): void {
    const chains = new Map<Op, Op[]>();
    const live = this.liveOps();
    for (let i = live.length - 1; i >= 0; i--) {
      const op = live[i];
      if (op === undefined) continue;
      const host = this.hostOf(op, chains);
      if (host === null) chains.set(op, [op]);
      else {
        host.push(op);
        chains.set(op, host);
      }
    }
    const seen = new Set<Op[]>();
    for (const op of live) {
      const chain = chains.get(op);
      if (chain === undefined || seen.has(chain)) continue;
      seen.add(chain);
      this.addChain(chain);
    }
    this.sortItems();
  }

  private liveOps(): Op[] {
    const needed = new Set<Op>();
    const out: Op[] = [];
    for (let i = this.graph.ops.length - 1; i >= 0; i--) {
      const op = this.graph.ops[i];
      if (op === undefined) continue;
      const alive =
        (op.into?.tensor.required ?? false) ||
        op.outs.some((t) => t.required || (this.readers.get(t) ?? []).some((r) => needed.has(r)));
      if (!alive) continue;
      needed.add(op);
      if (this.isMember(op)) out.push(op);
    }
    for (const [t, list] of this.readers)
      this.readers.set(
        t,
        list.filter((r) => needed.has(r)),
      );
    return out.reverse();
  }

  private hostOf(op: Op, chains: ReadonlyMap<Op, Op[]>): Op[] | null {
    if (op.kind !== "map" || op.out.required || op.into !== null || sizeOf(op.out.shape) === 0)
      return null;
    let host: Op[] | null = null;
    for (const r of this.readers.get(op.out) ?? []) {
      if (r.kind === "contract" || r.kind === "routine" || r.lowering.kind === "indexed")
        return null;
      if (r.ins.some((e) => e.tensor === op.out && e.views.length > 0)) return null;
      const chain = chains.get(r);
      if (chain === undefined || (host !== null && chain !== host)) return null;
      host = chain;
    }
    return host !== null && host.length < chainLimit ? host : null;
  }

  private addChain(chain: readonly Op[]): void {
    const ops = [...chain].sort((x, y) => x.id - y.id);
    const first = chain[0];
    if (first === undefined) return;
    const fits = first.kind !== "routine" && sizeOf(first.out.shape) > 0;
    const dims = domainDims(first).map((d) => d.size);
    const group =
      fits && !dims.includes(0) ? uniformGroup(this.ids++, ops, dims, this.stored) : null;
    if (group !== null || ops.length === 1) this.addItem(group, ops);
    else
      for (const op of ops)
        this.addItem(
          uniformGroup(
            this.ids++,
            [op],
            domainDims(op).map((d) => d.size),
            this.stored,
          ),
          [op],
        );
  }

  private addItem(group: Group | null, ops: readonly Op[]): void {
    const item: Item = { group, ops, order: 0 };
    this.items.push(item);
    for (const op of ops) this.itemOf.set(op, item);
  }

  private sources(item: Item): Item[] {
    const out: Item[] = [];
    for (const op of item.ops) {
      for (const p of op.sources) {
        const from = this.itemOf.get(p);
        if (from !== undefined && from !== item && !out.includes(from)) out.push(from);
      }
    }
    return out;
  }

  private targets(item: Item): Set<Item> {
    const out = new Set<Item>();
    for (const op of item.ops) {
      for (const t of op.into === null ? op.outs : [op.into.tensor]) {
        for (const r of this.readers.get(t) ?? []) {
          const to = this.itemOf.get(r);
          if (to !== undefined && to !== item) out.add(to);
        }
      }
    }
    return out;
  }

  /** A first topological order of all items. */
  private sortItems(): void {
    const state = new Map<Item, number>();
    const order: Item[] = [];
    for (const start of this.items) {
      const stack: Item[] = [start];
      for (let item = stack.at(-1); item !== undefined; item = stack.at(-1)) {
        if (state.get(item) === 2) stack.pop();
        else if (state.get(item) === 1) {
          state.set(item, 2);
          item.order = order.push(item) - 1;
          stack.pop();
        } else {
          state.set(item, 1);
          for (const s of this.sources(item)) if (state.get(s) === undefined) stack.push(s);
        }
      }
    }
    this.items = order;
  }

  merge(): void {
    for (let round = 0; round < rounds; round++) {
      if (!this.mergeRound()) break;
    }
  }

  private mergeRound(): boolean {
    let changed = false;
    const edges: { from: Op; to: Op; weight: number; bytes: number }[] = [];
    for (const op of this.graph.ops) {
      const item = this.itemOf.get(op);
      if (item?.group == null || op.into !== null) continue;
      const bytes = bytesOf(op.out);
      for (const r of this.readers.get(op.out) ?? []) {
        const to = this.itemOf.get(r);
        if (to?.group == null || to === item) continue;
        edges.push({ from: op, to: r, weight: Math.max(bytes, bytesOf(r.out)), bytes });
      }
    }
    edges.sort((x, y) => y.weight - x.weight || y.bytes - x.bytes);
    for (const e of edges) {
      const [a, b] = [this.itemOf.get(e.from), this.itemOf.get(e.to)];
      if (a !== undefined && b !== undefined && a !== b && this.attempt(a, b)) changed = true;
    }
    return this.mergeSiblings() || changed;
  }

  private mergeSiblings(): boolean {
    let changed = false;
    const shared = [...this.readers].filter(([t, list]) => list.length > 1 && bytesOf(t) > 0);
    shared.sort(([x], [y]) => bytesOf(y) - bytesOf(x));
    for (const [t, list] of shared) {
      for (let i = 1; i < list.length && i < 8; i++) {
        const [x, y] = [list[0], list[i]];
        const a = x === undefined ? undefined : this.itemOf.get(x);
        const b = y === undefined ? undefined : this.itemOf.get(y);
        if (a === undefined || b === undefined || a === b || a.group === null || b.group === null)
          continue;
        if (!a.group.reads.has(t) || !b.group.reads.has(t)) continue;
        const [first, second] = a.order < b.order ? [a, b] : [b, a];
        if (this.attempt(first, second)) changed = true;
      }
    }
    return changed;
  }

  /** Bytes of traffic that one kernel in place of two saves. */
  private gain(a: Group, b: Group): number {
    let gain = 0;
    for (const [t, reads] of b.reads) {
      const p = t.producers[0];
      if (p !== undefined && p.into === null && a.places.has(p)) {
        gain += bytesOf(t);
        const inside = (r: Op): boolean => a.places.has(r) || b.places.has(r);
        if (!t.required && (this.readers.get(t) ?? []).every(inside)) gain += bytesOf(t);
      } else if (reads.length > 0 && a.reads.has(t)) gain += bytesOf(t);
    }
    return gain;
  }

  /** Merges two items, the first before the second in the order, where that is legal, saves traffic and makes no cycle. */
  private attempt(a: Item, b: Item): boolean {
    if (a.group === null || b.group === null) return false;
    if (this.gain(a.group, b.group) <= 0) return false;
    const between = this.reachable(a, b);
    if (between === null) return false;
    const merged = mergeGroups(this.ids++, a.group, b.group, this.stored);
    if (merged === null) return false;
    this.replace(a, b, merged, between);
    return true;
  }

  /** Items after `a`, before `b`, that depend on `a`; null where `b` depends on one of them. */
  private reachable(a: Item, b: Item): Set<Item> | null {
    const found = new Set<Item>();
    const stack: Item[] = [];
    const visit = (from: Item): boolean => {
      for (const t of this.targets(from)) {
        if (t === b) {
          if (from !== a) return false;
        } else if (t.order < b.order && !found.has(t)) {
          found.add(t);
          stack.push(t);
        }
      }
      return true;
    };
    if (!visit(a)) return null;
    for (let item = stack.pop(); item !== undefined; item = stack.pop())
      if (!visit(item)) return null;
    return found;
  }

  private replace(a: Item, b: Item, group: Group, after: ReadonlySet<Item>): void {
    const merged: Item = { group, ops: group.ops, order: 0 };
    const from = a.order;
    const to = b.order;
    const span = this.items.slice(from, to + 1);
    const before = span.filter((i) => i !== a && i !== b && !after.has(i));
    const later = span.filter((i) => after.has(i));
    const fresh = [...before, merged, ...later];
    this.items.splice(from, to - from + 1, ...fresh);
    for (let i = from; i < this.items.length; i++) {
      const item = this.items[i];
      if (item !== undefined) item.order = i;
    }
    for (const op of group.ops) this.itemOf.set(op, merged);
  }

  plans(): (GroupPlan | Op)[] {
    const out: (GroupPlan | Op)[] = [];
    for (const item of this.items) {
      if (item.group !== null) out.push(...planGroup(item.group, this.stored));
      else for (const op of item.ops) out.push(op.kind === "routine" ? op : soloGroup(op));
    }
    return out;
  }
}

/** Fused kernels of a pending graph, in an order in which they can run. */
export const partition = (graph: TensorGraph): readonly (GroupPlan | Op)[] => {
  const p = new Partitioner(graph);
  p.chains();
  p.merge();
  return p.plans();
};

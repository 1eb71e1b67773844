/** Cuts the pending graph into kernels: greedy merging of groups by the memory traffic it saves, in topological order. */
import { sizeOf } from "../graph/node.js";
import { type Group, mayMerge, mergeGroups, uniformGroup } from "./candidate.js";
import { decide, deny, isListening, refuse, takeReasons } from "./decisions.js";
import type { Op, Tensor, TensorGraph } from "./graph.js";
import type { GroupPlan } from "./group.js";
import { planGroup } from "./place.js";
import { type Placed, rematerialise } from "./rematerialise.js";
import type { Members } from "./shape.js";
import { domainDims, soloGroup } from "./solo.js";

/** Members a group may gather without any check. */
const chainLimit = 24;
const rounds = 4;
/** Readers of one tensor that are tried pair by pair. */
const mostSiblings = 8;
const cheap = "cheap, and reads nothing that is not in memory anyway";
const twoKernels = "a sum over the grid is added up by a second kernel, in order";
/** Groups that a merge may move to an earlier time. */
const mostHoisted = 48;

interface Item {
  /** Null for operations that are no part of any merging: routines, empty ones. */
  group: Group | null;
  readonly ops: readonly Op[];
  /** What reads its results, found when first asked for. */
  targets: readonly Op[] | null;
  /** What it reads, likewise. */
  feeds: readonly Op[] | null;
  /** Place in the current order of items. */
  order: number;
  /** Equals the epoch of the search that has seen it. */
  mark: number;
}

class Partitioner {
  private readonly graph: TensorGraph;
  private readonly itemOf = new Map<Op, Item>();
  private items: (Item | null)[] = [];
  private ids = 0;
  private epoch = 0;
  /** Pairs of groups that cannot be merged. */
  private readonly hopeless = new Set<number>();

  constructor(graph: TensorGraph) {
    this.graph = graph;
  }

  readonly stored = (op: Op, members: Members): boolean => {
    if (op.into !== null || op.out.required) return true;
    for (const r of op.out.readers) if (!members.has(r)) return true;
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

  /** The operations that something requested depends on; links tensors to those that read them. */
  private liveOps(): Op[] {
    const wanted = new Set<Tensor>();
    const out: Op[] = [];
    for (let i = this.graph.ops.length - 1; i >= 0; i--) {
      const op = this.graph.ops[i];
      if (op === undefined || !this.isMember(op)) continue;
      const into = op.into?.tensor;
      if (into === undefined && !op.outs.some((t) => t.required || wanted.has(t))) continue;
      for (const { edge } of op.reads) wanted.add(edge.tensor);
      out.push(op);
    }
    out.reverse();
    for (const op of out) {
      for (const { edge } of op.reads) {
        const { readers } = edge.tensor;
        if (readers.at(-1) !== op) readers.push(op);
      }
    }
    return out;
  }

  private hostOf(op: Op, chains: ReadonlyMap<Op, Op[]>): Op[] | null {
    if (op.kind !== "map" || op.out.required || op.into !== null || sizeOf(op.out.shape) === 0)
      return null;
    let host: Op[] | null = null;
    for (const r of op.out.readers) {
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
    if (group !== null && ops.length > 1) decide("merged", ops, [], 0, "an element-wise chain");
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
    const item: Item = { group, ops, targets: null, feeds: null, order: 0, mark: 0 };
    this.items.push(item);
    for (const op of ops) this.itemOf.set(op, item);
  }

  private feeds(item: Item): readonly Op[] {
    if (item.feeds !== null) return item.feeds;
    const out: Op[] = [];
    for (const op of item.ops) {
      for (const p of op.sources) if (this.itemOf.get(p) !== item && !out.includes(p)) out.push(p);
    }
    item.feeds = out;
    return out;
  }

  private targets(item: Item): readonly Op[] {
    if (item.targets !== null) return item.targets;
    const out = new Set<Op>();
    const members = new Set(item.ops);
    for (const op of item.ops) {
      for (const t of op.into === null ? op.outs : [op.into.tensor]) {
        for (const r of t.readers) if (!members.has(r)) out.add(r);
      }
    }
    item.targets = [...out];
    return item.targets;
  }

  /** A first topological order of all items. */
  private sortItems(): void {
    const state = new Map<Item, number>();
    const order: Item[] = [];
    for (const start of this.items) {
      const stack: Item[] = start === null ? [] : [start];
      for (let item = stack.at(-1); item !== undefined; item = stack.at(-1)) {
        if (state.get(item) === 2) stack.pop();
        else if (state.get(item) === 1) {
          state.set(item, 2);
          item.order = order.push(item) - 1;
          stack.pop();
        } else {
          state.set(item, 1);
          for (const p of this.feeds(item)) {
            const s = this.itemOf.get(p);
            if (s !== undefined && state.get(s) === undefined) stack.push(s);
          }
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
    const edges: { from: Op; to: Op; saved: number; larger: number }[] = [];
    for (const op of this.graph.ops) {
      const item = this.itemOf.get(op);
      if (item?.group == null || op.into !== null) continue;
      const readers = op.out.readers;
      const bytes = op.out.bytes;
      // With one reader the merge saves the store as well as the load.
      const saved = readers.length === 1 && !op.out.required ? 2 * bytes : bytes;
      for (const r of readers) {
        const to = this.itemOf.get(r);
        if (to?.group == null || to === item) continue;
        edges.push({ from: op, to: r, saved, larger: Math.max(bytes, r.out.bytes) });
      }
    }
    edges.sort((x, y) => y.saved - x.saved || y.larger - x.larger);
    for (const e of edges) {
      const [a, b] = [this.itemOf.get(e.from), this.itemOf.get(e.to)];
      if (a !== undefined && b !== undefined && a !== b && this.attempt(a, b)) changed = true;
    }
    return this.mergeSiblings() || changed;
  }

  private mergeSiblings(): boolean {
    let changed = false;
    const shared = this.graph.tensors.filter((t) => t.readers.length > 1 && t.bytes > 0);
    shared.sort((x, y) => y.bytes - x.bytes);
    for (const t of shared) {
      const few = t.readers.slice(0, mostSiblings);
      for (const [i, x] of few.entries()) {
        for (const y of few.slice(i + 1)) {
          const [a, b] = [this.itemOf.get(x), this.itemOf.get(y)];
          if (a === undefined || b === undefined || a === b) continue;
          if (a.order < b.order ? this.attempt(a, b) : this.attempt(b, a)) changed = true;
        }
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
        gain += t.bytes;
        const inside = (r: Op): boolean => a.places.has(r) || b.places.has(r);
        if (!t.required && t.readers.every(inside)) gain += t.bytes;
      } else if (reads.length > 0 && a.reads.has(t)) gain += t.bytes;
    }
    return gain;
  }

  /** Merges two items, the first before the second in the order, where that is legal, saves traffic and makes no cycle. */
  private attempt(a: Item, b: Item): boolean {
    if (a.group === null || b.group === null) return false;
    const pair = a.group.id * 2 ** 26 + b.group.id;
    if (this.hopeless.has(pair)) return false;
    const merged = this.merged(a, b, a.group, b.group);
    if (!merged) this.hopeless.add(pair);
    return merged;
  }

  /** The group that two would be, or null where a rule refuses it. */
  private together(a: Item, b: Item, first: Group, second: Group): Group | null {
    if (!mayMerge(first, second)) return null;
    const gain = this.gain(first, second);
    if (gain <= 0) return refuse("it would save no memory traffic");
    if (!this.separable(a, b, gain)) return null;
    return mergeGroups(this.ids++, first, second, this.stored);
  }

  private merged(a: Item, b: Item, first: Group, second: Group): boolean {
    const group = this.together(a, b, first, second);
    if (group === null) return false;
    if (isListening())
      decide("merged", first.ops, second.ops, this.gain(first, second), "saves memory traffic");
    this.replace(a, b, group);
    return true;
  }

  /**
   * Marks the items after `a` that `b` depends on; false where one of them depends on `a`, where they are many, or where
   * what reads `a` would wait for them and what it reads stay in memory, unless that costs less than `gain`.
   */
  private separable(a: Item, b: Item, gain: number): boolean {
    const epoch = ++this.epoch;
    const stack: Item[] = [b];
    let hoisted = 0;
    let last = -1;
    for (let to = stack.pop(); to !== undefined; to = stack.pop()) {
      for (const op of this.feeds(to)) {
        const from = this.itemOf.get(op);
        if (from === undefined || from === to || from.mark === epoch) continue;
        if (from === a) {
          if (to !== b)
            return deny("another kernel that cannot be part of this one lies between them");
        } else if (from.order > a.order) {
          if (++hoisted > mostHoisted)
            return deny(`more than ${mostHoisted} kernels would have to run before it`);
          from.mark = epoch;
          last = Math.max(last, from.order);
          stack.push(from);
        }
      }
    }
    if (hoisted > 0 && this.delayed(a, b, last) > gain)
      return deny("values that others are ready to read would stay in memory for long");
    return true;
  }

  /** Bytes of what `a` stores for readers that come before the item at `last`, which would now come before them. */
  private delayed(a: Item, b: Item, last: number): number {
    let bytes = 0;
    for (const op of a.ops) {
      const waits = op.out.readers.some((r) => {
        const to = this.itemOf.get(r);
        return to !== undefined && to !== a && to !== b && to.order < last;
      });
      if (waits) bytes += op.out.bytes;
    }
    return bytes;
  }

  /** Puts the merged item where the first was, after what the second depends on; follows a call of `separable`. */
  private replace(a: Item, b: Item, group: Group): void {
    const merged: Item = { group, ops: group.ops, targets: null, feeds: null, order: 0, mark: 0 };
    const [from, to] = [a.order, b.order];
    const before: Item[] = [];
    const after: (Item | null)[] = [];
    for (let i = from; i <= to; i++) {
      const item = this.items[i] ?? null;
      if (item === null || item === a || item === b) continue;
      if (item.mark === this.epoch) before.push(item);
      else after.push(item);
    }
    let place = from;
    for (const item of [...before, merged, ...after]) {
      this.items[place] = item;
      if (item !== null) item.order = place;
      place++;
    }
    while (place <= to) this.items[place++] = null;
    for (const op of group.ops) this.itemOf.set(op, merged);
  }

  /** Says of all kernels what was merged without a question, what is computed by its readers, and what stayed apart. */
  explain(): void {
    for (const op of this.graph.ops) {
      if (op.kind === "constant" || !op.free || op.out.required) continue;
      const readers = this.graph.ops.filter((r) => r.ins.some((e) => e.tensor === op.out));
      if (readers.length > 0) decide("recomputed", [op], readers, op.out.bytes, cheap);
    }
    for (const item of this.items) {
      if (item === null) continue;
      const terminals = item.group?.shape.terminals ?? [];
      const summed = terminals.map((t) => t.op);
      if (summed.length > 0) decide("finished", summed, [], 0, twoKernels);
      const seen = new Set<Item>();
      for (const op of this.targets(item)) {
        const to = this.itemOf.get(op);
        if (to === undefined || seen.has(to)) continue;
        seen.add(to);
        this.explainApart(item, to);
      }
    }
  }

  private explainApart(a: Item, b: Item): void {
    let bytes = 0;
    for (const op of a.ops) {
      for (const t of op.into === null ? op.outs : [op.into.tensor])
        if (t.readers.some((r) => b.ops.includes(r))) bytes += t.bytes;
    }
    takeReasons();
    const alone = [...a.ops, ...b.ops].find((op) => op.kind === "routine");
    if (alone !== undefined) deny(`${alone.name} is a routine, which reads and writes memory`);
    else if (a.group === null || b.group === null) deny("there is nothing to compute");
    else if (this.together(a, b, a.group, b.group) !== null)
      deny("the search ended before it was tried again");
    decide("apart", a.ops, b.ops, bytes, takeReasons().join("; "));
  }

  /** Groups in order, with what they store and compute again. */
  private placed(): Map<Item, Placed> {
    const placed = new Map<Item, Placed>();
    const pinned = new Set<Tensor>();
    for (const item of this.items) {
      if (item === null) continue;
      const { group } = item;
      if (group === null) {
        for (const op of item.ops) for (const { edge } of op.reads) pinned.add(edge.tensor);
      } else {
        const kept = new Set(group.ops.filter((op) => this.stored(op, group.places)));
        placed.set(item, { group, kept, borrowed: new Set() });
      }
    }
    rematerialise([...placed.values()], pinned);
    return placed;
  }

  plans(): (GroupPlan | Op)[] {
    const placed = this.placed();
    const out: (GroupPlan | Op)[] = [];
    for (const item of this.items) {
      if (item === null) continue;
      const known = placed.get(item);
      if (known !== undefined) out.push(...planGroup(known));
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
  if (isListening()) p.explain();
  return p.plans();
};

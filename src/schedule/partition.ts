/** Cuts the pending graph into kernels: greedy merging of groups by the memory traffic it saves, in topological order. */
import { sizeOf } from "../graph/node.js";
import { Board } from "./board.js";
import { type Group, gainOf, mayMerge, mergeGroups, uniformGroup } from "./candidate.js";
import { chainsOf } from "./chains.js";
import { decide, deny, isListening, refuse, takeReasons } from "./decisions.js";
import type { Op, Tensor, TensorGraph } from "./graph.js";
import type { GroupPlan } from "./group.js";
import { type Item, Order } from "./order.js";
import { planGroup } from "./place.js";
import { type Placed, rematerialise } from "./rematerialise.js";
import { domainShape, soloGroup } from "./solo.js";

const rounds = 4;
/** Readers of one tensor that are tried pair by pair. */
const mostSiblings = 8;
const cheap = "cheap, and reads nothing that is not in memory anyway";
const twoKernels = "a sum over the grid is added up by a second kernel, in order";

class Partitioner {
  private readonly graph: TensorGraph;
  private readonly board: Board;
  private readonly order: Order;
  /** Number of the last group. */
  private ids = 0;

  constructor(graph: TensorGraph) {
    this.graph = graph;
    this.board = new Board(graph);
    this.order = new Order(graph);
  }

  /** The groups that are there without any merging. */
  begin(): void {
    for (const chain of chainsOf(this.graph)) {
      const group = this.groupOf(chain);
      if (group !== null && chain.length > 1)
        decide("merged", chain, [], 0, "an element-wise chain");
      if (group !== null || chain.length === 1) this.order.add(group, chain);
      else for (const op of chain) this.order.add(this.groupOf([op]), [op]);
    }
    this.order.sort();
  }

  private groupOf(ops: readonly Op[]): Group | null {
    const end = ops.at(-1);
    if (end === undefined || end.kind === "routine" || sizeOf(end.out.shape) === 0) return null;
    const dims = domainShape(end);
    const group = dims.includes(0) ? null : uniformGroup(++this.ids, ops, dims, this.board);
    if (group !== null) this.board.settle(group, ops);
    return group;
  }

  merge(): void {
    const edges = this.edges();
    const shared = this.graph.tensors.filter((t) => t.readers.length > 1 && t.bytes > 0);
    shared.sort((x, y) => y.bytes - x.bytes);
    for (let round = 0, changed = true; changed && round < rounds; round++) {
      changed = false;
      for (const [from, to] of edges) if (this.attemptBetween(from, to)) changed = true;
      for (const t of shared) if (this.mergeReaders(t)) changed = true;
    }
  }

  /** Who reads what of whom, by the bytes that a merge saves. */
  private edges(): readonly (readonly [from: Op, to: Op])[] {
    const edges: { ends: readonly [Op, Op]; saved: number; larger: number }[] = [];
    for (const op of this.graph.ops) {
      const item = this.order.item(op);
      if (item?.group == null || op.into !== null) continue;
      const { readers, bytes, required } = op.out;
      // With one reader the merge saves the store as well as the load.
      const saved = readers.length === 1 && !required ? 2 * bytes : bytes;
      for (const r of readers) {
        const to = this.order.item(r);
        if (to?.group == null || to === item) continue;
        edges.push({ ends: [op, r], saved, larger: Math.max(bytes, r.out.bytes) });
      }
    }
    edges.sort((x, y) => y.saved - x.saved || y.larger - x.larger);
    return edges.map((e) => e.ends);
  }

  private attemptBetween(from: Op, to: Op): boolean {
    const [a, b] = [this.order.item(from), this.order.item(to)];
    return a !== undefined && b !== undefined && a !== b && this.attempt(a, b);
  }

  private mergeReaders(t: Tensor): boolean {
    let changed = false;
    const count = Math.min(t.readers.length, mostSiblings);
    for (let i = 0; i < count; i++) {
      for (let j = i + 1; j < count; j++) {
        const [x, y] = [t.readers[i], t.readers[j]];
        const a = x && this.order.item(x);
        const b = y && this.order.item(y);
        if (a === undefined || b === undefined || a === b) continue;
        if (a.place < b.place ? this.attempt(a, b) : this.attempt(b, a)) changed = true;
      }
    }
    return changed;
  }

  /** Merges two items, the first before the second in the order, where that is legal, saves traffic and makes no cycle. */
  private attempt(a: Item, b: Item): boolean {
    if (a.group === null || b.group === null || a.group.refused.includes(b.group.id)) return false;
    const group = this.together(a, b, a.group, b.group);
    if (group === null) {
      a.group.refused.push(b.group.id);
      return false;
    }
    if (isListening()) {
      const gain = gainOf(a.group, b.group, this.board);
      decide("merged", a.ops, b.ops, gain, "saves memory traffic");
    }
    this.board.settle(group, group.ops);
    this.order.replace(a, b, group);
    return true;
  }

  /** The group that two would be, drafted on the board, or null where a rule refuses it. */
  private together(a: Item, b: Item, first: Group, second: Group): Group | null {
    if (!mayMerge(first, second, this.board)) return null;
    const gain = gainOf(first, second, this.board);
    if (gain <= 0) return refuse("it would save no memory traffic");
    if (!this.order.separable(a, b, gain)) return null;
    return mergeGroups(++this.ids, first, second, this.board);
  }

  /** Says of all kernels what was merged without a question, what is computed by its readers, and what stayed apart. */
  explain(): void {
    for (const op of this.graph.ops) {
      if (op.kind === "constant" || !op.free || op.out.required) continue;
      const readers = this.graph.ops.filter((r) => r.ins.some((e) => e.tensor === op.out));
      if (readers.length > 0) decide("recomputed", [op], readers, op.out.bytes, cheap);
    }
    for (const item of this.order.all()) {
      const terminals = item.group?.shape.terminals ?? [];
      const summed = terminals.map((t) => t.op);
      if (summed.length > 0) decide("finished", summed, [], 0, twoKernels);
      const seen = new Set<Item>();
      for (const op of item.ops) {
        for (const t of op.into === null ? op.outs : [op.into.tensor]) {
          for (const r of t.readers) {
            const to = this.order.item(r);
            if (to === undefined || to === item || seen.has(to)) continue;
            seen.add(to);
            this.explainApart(item, to);
          }
        }
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
    for (const item of this.order.all()) {
      const { group } = item;
      if (group === null) {
        for (const op of item.ops) for (const { edge } of op.reads) pinned.add(edge.tensor);
      } else {
        const kept = new Set(group.ops.filter((op) => this.board.keeps(group, op)));
        placed.set(item, { group, kept, borrowed: new Set() });
      }
    }
    rematerialise([...placed.values()], pinned, this.board);
    return placed;
  }

  plans(): (GroupPlan | Op)[] {
    const placed = this.placed();
    const out: (GroupPlan | Op)[] = [];
    for (const item of this.order.all()) {
      const known = placed.get(item);
      if (known !== undefined) out.push(...planGroup(known, this.board));
      else for (const op of item.ops) out.push(op.kind === "routine" ? op : soloGroup(op));
    }
    return out;
  }
}

/** Fused kernels of a pending graph, in an order in which they can run. */
export const partition = (graph: TensorGraph): readonly (GroupPlan | Op)[] => {
  const p = new Partitioner(graph);
  p.begin();
  p.merge();
  if (isListening()) p.explain();
  return p.plans();
};

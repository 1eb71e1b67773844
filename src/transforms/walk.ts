/** The part of a graph between leaves and roots, as a list of applications over numbered values. */
import { InternalError } from "../core/errors.js";
import { type Node, nextEpoch } from "../graph/node.js";

/** What a pass runs over. It owns its numbers, so rules may start passes of their own meanwhile. */
export interface Program {
  /** One result of each application that depends on a leaf, operands before users. */
  readonly order: readonly Node[];
  /** Per application: the slot of each operand (-1: independent of the leaves), then of each result. */
  readonly slots: readonly number[];
  /** Leaves have the first slots, in order. */
  readonly count: number;
  /** Slot of each root, or -1. */
  readonly roots: readonly number[];
}

/** Slot of `n` in the walk of `epoch`. */
const slotOf = (n: Node, epoch: number): number => (n.mark === epoch ? n.slot : -1);

/**
 * Walks from `roots` down to `leaves`. Ids grow from operands to users, so nothing older than the oldest leaf is visited.
 *
 * @param flat whether to go through piecewise constant functions: batching must, differentiation must not
 */
export const walk = (roots: readonly Node[], leaves: readonly Node[], flat: boolean): Program => {
  const epoch = nextEpoch();
  let oldest = Number.POSITIVE_INFINITY;
  let count = 0;
  for (const leaf of leaves) {
    leaf.mark = epoch;
    leaf.slot = count++;
    if (leaf.id < oldest) oldest = leaf.id;
  }
  const order: Node[] = [];
  const slots: number[] = [];
  const stack: Node[] = [];
  const cursor: number[] = [];

  const enter = (n: Node): void => {
    if (n.mark === epoch || n.id < oldest || n.prim === null) return;
    if (n.outs === null) {
      n.mark = epoch;
      n.slot = -1;
    } else {
      for (const out of n.outs) {
        out.mark = epoch;
        out.slot = -1;
      }
    }
    stack.push(n);
    cursor.push(0);
  };

  const leave = (n: Node): void => {
    const { prim, ins } = n;
    if (prim === null || (!flat && prim.rule.family === "flat")) return;
    let reached = false;
    for (const x of ins) {
      if (slotOf(x, epoch) >= 0) {
        reached = true;
        break;
      }
    }
    if (!reached) return;
    order.push(n);
    for (const x of ins) slots.push(slotOf(x, epoch));
    if (n.outs === null) {
      n.slot = count;
      slots.push(count++);
      return;
    }
    for (const out of n.outs) {
      out.slot = count;
      slots.push(count++);
    }
  };

  for (const root of roots) {
    enter(root);
    for (let top = stack.length - 1; top >= 0; top = stack.length - 1) {
      const n = stack[top];
      const next = cursor[top];
      if (n === undefined || next === undefined) throw new InternalError("[walk] empty stack");
      const x = n.ins[next];
      if (x !== undefined) {
        cursor[top] = next + 1;
        enter(x);
        continue;
      }
      stack.pop();
      cursor.pop();
      leave(n);
    }
  }
  return { order, slots, count, roots: roots.map((r) => slotOf(r, epoch)) };
};

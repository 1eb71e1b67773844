/** Dense tables, by the numbers of operations and tensors: which group holds whom and where, and what a candidate would hold. */
import { type Domain, nowhere } from "./domain.js";
import type { Op, Tensor, TensorGraph } from "./graph.js";

/** The operations that may become one kernel together, as the rules for kernels ask about them. */
export interface Draft {
  has(op: Op): boolean;
  /** Where a member lies on the axes. */
  at(op: Op): Domain;
  /** Whether a member's result has to be in memory. */
  stored(op: Op): boolean;
}

/** Anything with a number of its own, above 0. */
interface Owner {
  readonly id: number;
}

export class Board implements Draft {
  private readonly owners: Int32Array;
  private readonly domains: Domain[];
  /** Equal to `stamp` for members of the candidate that is looked at. */
  private readonly stamps: Int32Array;
  private readonly drafted: Domain[];
  private stamp = 0;
  /** Place of a tensor in the list that was noted last, under the number of that list. */
  private readonly noted: Int32Array;
  private readonly lists: Int32Array;
  private list = 0;

  constructor(graph: TensorGraph) {
    const [ops, tensors] = [graph.ops.length, graph.tensors.length];
    this.owners = new Int32Array(ops);
    this.domains = new Array<Domain>(ops).fill(nowhere);
    this.stamps = new Int32Array(ops);
    this.drafted = new Array<Domain>(ops).fill(nowhere);
    this.noted = new Int32Array(tensors);
    this.lists = new Int32Array(tensors);
  }

  /** Whether a settled group holds an operation. */
  owns(group: Owner, op: Op): boolean {
    return this.owners[op.id] === group.id;
  }

  /** Where an operation lies on the axes of the settled group that holds it. */
  home(op: Op): Domain {
    return this.domains[op.id] ?? nowhere;
  }

  /** Begins a candidate without members. */
  begin(): void {
    this.stamp++;
  }

  draft(op: Op, domain: Domain): void {
    this.stamps[op.id] = this.stamp;
    this.drafted[op.id] = domain;
  }

  /** Makes the candidate's members, which are `ops`, a group. */
  settle(group: Owner, ops: readonly Op[]): void {
    for (const op of ops) {
      this.owners[op.id] = group.id;
      this.domains[op.id] = this.at(op);
    }
  }

  has(op: Op): boolean {
    return this.stamps[op.id] === this.stamp;
  }

  at(op: Op): Domain {
    return this.drafted[op.id] ?? nowhere;
  }

  stored(op: Op): boolean {
    if (op.into !== null || op.out.required) return true;
    for (const r of op.out.readers) if (this.stamps[r.id] !== this.stamp) return true;
    return false;
  }

  /** The same of a settled group. */
  keeps(group: Owner, op: Op): boolean {
    if (op.into !== null || op.out.required) return true;
    for (const r of op.out.readers) if (this.owners[r.id] !== group.id) return true;
    return false;
  }

  /** Notes the places of tensors in a list, for `placeOf`. */
  note(inputs: readonly { readonly tensor: Tensor }[]): void {
    this.list++;
    for (let i = 0; i < inputs.length; i++) {
      const id = inputs[i]?.tensor.id ?? 0;
      this.noted[id] = i;
      this.lists[id] = this.list;
    }
  }

  /** Place of a tensor in the list that was noted last; -1 where it is not in it. */
  placeOf(t: Tensor): number {
    return this.lists[t.id] === this.list ? (this.noted[t.id] ?? -1) : -1;
  }
}

/** A group of operations that becomes one kernel: its axes, where each member sits on them, and what it stores. */
import type { Axis, Ix } from "../kernel/ir.js";
import type { Op, Tensor } from "./graph.js";

export interface GroupPlan {
  /** Members in topological order, constants and index values included. */
  readonly ops: readonly Op[];
  /** Members whose result goes to memory. */
  readonly stored: readonly Op[];
  /** Grid axes first, outermost first, then row, then contract axes; none of size 1 or 0. */
  readonly axes: readonly Axis[];
  /**
   * For each member with a place of its own: the index, per dimension, of the domain it is computed over (for a
   * reduction its operand's dimensions, for a contraction [...batch, m, n, k], else its result's).
   */
  readonly home: ReadonlyMap<Op, readonly Ix[]>;
  /** Terminal reductions among the members, with the tensor that takes one partial result per slab of the grid. */
  readonly partials: ReadonlyMap<Op, Tensor>;
}

/** A group of operations that becomes one kernel: its axes, where each member sits on them, and what it stores. */
import type { Axis, Ix, Mask } from "../kernel/ir.js";
import type { Op, Tensor } from "./graph.js";

/** Where a terminal reduction leaves its partial results. */
export interface Partial {
  /** [slabs, ...the result's dimensions, what the second kernel sums over besides]. */
  readonly tensor: Tensor;
  /** Axes that the kernel sums over. */
  readonly over: Mask;
  /** Index of the last dimension, where there is one. */
  readonly rest: readonly Ix[];
}

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
  /** Terminal reductions among the members. */
  readonly partials: ReadonlyMap<Op, Partial>;
}

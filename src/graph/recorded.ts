/** A graph kept to be run many times: what a compiled call evaluates, without being walked again. */
import type { Node } from "./node.js";

export interface Recorded {
  /** Unique: equal ids mean one graph. */
  readonly id: number;
  /** Holes that stand for the operands of the call, in order. */
  readonly leaves: readonly Node[];
  /** The results of the call, in order. */
  readonly roots: readonly Node[];
  /** Every application that the roots need, operands before users. */
  readonly order: readonly Node[];
  /** It is evaluated by a plan of its own, however small: what it takes is computed before, and kept. */
  readonly alone?: boolean;
}

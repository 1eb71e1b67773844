/** The fresh nodes that stand for arguments while a function is traced. */
import { InternalError } from "../core/errors.js";
import { type Aval, Node, noNodes } from "../graph/node.js";
import { traceWithin } from "../graph/trace.js";
import { alias } from "../primitives/index.js";

/** A node without a value. With a trace, evaluating it says that it is a placeholder. */
export const hole = (aval: Aval, traceId: number = 0): Node =>
  new Node(null, noNodes, undefined, aval.shape, aval.dtype, traceId);

/** A fresh handle on `n` for the trace `traceId`. */
export const traced = (n: Node, traceId: number): Node => {
  const x = alias(n);
  x.trace = traceWithin(n, traceId);
  return x;
};

/** Element `i` of a list that has one. */
export const pick = <T>(list: readonly T[], i: number): T => {
  const x = list[i];
  if (x === undefined) throw new InternalError(`[transform] no element ${i} among ${list.length}`);
  return x;
};

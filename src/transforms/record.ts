/** Makes a recorded graph callable: the attributes of one compiled call. */
import type { Aval, Node } from "../graph/node.js";
import { applicationsOf } from "../graph/order.js";
import type { Recorded } from "../graph/recorded.js";
import { alias, type CompiledAttrs } from "../primitives/index.js";
import { hole, pick } from "./leaves.js";
import { repeat, replayBatched, substitute } from "./replay.js";

let records = 0;

/** The graph between `leaves` and `roots`, which must not reach any other value. */
export const recorded = (
  leaves: readonly Node[],
  roots: readonly Node[],
  alone: boolean = false,
): Recorded => ({
  id: ++records,
  leaves,
  roots,
  order: applicationsOf(roots),
  alone,
});

/**
 * The attributes of calls of the graph between `leaves` and `roots`, which must not reach any other value.
 *
 * @param alone calls are evaluated by a plan of their own
 */
export const record = (
  leaves: readonly Node[],
  roots: readonly Node[],
  alone: boolean = false,
): CompiledAttrs => ({
  record: recorded(leaves, roots, alone),
  // A root that depends on no leaf is not handed out: evaluating it would cut the recorded graph.
  substitute: (ins) =>
    substitute(roots, leaves, ins).map((n, i) => (n === roots[i] ? alias(n) : n)),
  lift(size) {
    const wide = (x: Aval): Aval => ({ shape: [size, ...x.shape], dtype: x.dtype });
    const lifted = leaves.map((x) => hole(wide(x)));
    const results = replayBatched(roots, leaves, lifted, size);
    return record(
      lifted,
      results.map((y, i) => y ?? repeat(pick(roots, i), size)),
      alone,
    );
  },
});

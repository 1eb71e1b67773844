/** Makes a recorded graph callable: the attributes of one compiled call. */
import { type Aval, type Node, nextEpoch } from "../graph/node.js";
import { alias, type CompiledAttrs } from "../primitives/index.js";
import { hole, pick } from "./leaves.js";
import { repeat, replayBatched, substitute } from "./replay.js";

let records = 0;

/** Everything the roots need, operands before users; leaves and what has data left out. */
export const applicationsOf = (roots: readonly Node[]): Node[] => {
  const epoch = nextEpoch();
  const order: Node[] = [];
  const stack: Node[] = [];
  const cursor: number[] = [];
  const enter = (n: Node): void => {
    if (n.mark === epoch || n.prim === null || n.data !== null) return;
    n.mark = epoch;
    stack.push(n);
    cursor.push(0);
  };
  for (const root of roots) {
    enter(root);
    for (let top = stack.length - 1; top >= 0; top = stack.length - 1) {
      const n = pick(stack, top);
      const next = pick(cursor, top);
      const x = n.ins[next];
      if (x !== undefined) {
        cursor[top] = next + 1;
        enter(x);
        continue;
      }
      stack.pop();
      cursor.pop();
      order.push(n);
    }
  }
  return order;
};

/** The attributes of calls of the graph between `leaves` and `roots`, which must not reach any other value. */
export const record = (leaves: readonly Node[], roots: readonly Node[]): CompiledAttrs => ({
  record: { id: ++records, leaves, roots, order: applicationsOf(roots) },
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
    );
  },
});

/** The applications that some values need, in an order in which they can be computed. */
import { type Node, nextEpoch } from "./node.js";

/** Everything the roots need, operands before users; leaves, `stops` and what has data left out. */
export const applicationsOf = (
  roots: readonly Node[],
  stops: ReadonlySet<Node> | null = null,
): Node[] => {
  const epoch = nextEpoch();
  const order: Node[] = [];
  const stack: Node[] = [];
  const cursor: number[] = [];
  const enter = (n: Node): void => {
    if (n.mark === epoch || n.prim === null || n.data !== null) return;
    if (stops?.has(n) === true) return;
    n.mark = epoch;
    stack.push(n);
    cursor.push(0);
  };
  for (const root of roots) {
    enter(root);
    for (let top = stack.length - 1; top >= 0; top = stack.length - 1) {
      const n = stack[top];
      const next = cursor[top] ?? 0;
      const x = n?.ins[next];
      if (x !== undefined) {
        cursor[top] = next + 1;
        enter(x);
        continue;
      }
      stack.pop();
      cursor.pop();
      if (n !== undefined) order.push(n);
    }
  }
  return order;
};

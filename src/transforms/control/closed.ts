/** Graphs of loop bodies made self-contained: what they take from outside becomes operands, equal applications are merged. */
import { bindAll } from "../../graph/bind.js";
import { type Node, outsOf } from "../../graph/node.js";
import { applicationsOf } from "../../graph/order.js";
import { hole, pick } from "../leaves.js";
import { substitute } from "../replay.js";
import { applicationKey, cheapNodes, dependents } from "../simplify.js";

/** A graph on fresh leaves. */
export interface Closed {
  /** In place of the given ones, in order. */
  readonly leaves: readonly Node[];
  /** Values from outside, and the leaves in their places. */
  readonly captured: readonly Node[];
  readonly places: readonly Node[];
  readonly roots: readonly Node[];
}

/**
 * The graph between `leaves` and `roots`, on leaves of its own; `leaves` may be made from others. What does not depend on the leaves stays outside, to be
 * computed once, unless readers compute it for nothing.
 */
export const close = (leaves: readonly Node[], roots: readonly Node[]): Closed => {
  const order = applicationsOf(roots, new Set(leaves));
  const dependent = dependents(order, leaves);
  const cheap = cheapNodes(order, dependent);
  const fresh = leaves.map((x) => hole(x));
  const now = new Map<Node, Node>();
  for (const [i, x] of leaves.entries()) now.set(x, pick(fresh, i));
  const captured: Node[] = [];
  const places: Node[] = [];
  const merged = new Map<string, readonly Node[]>();
  const resolve = (x: Node): Node => {
    const known = now.get(x);
    if (known !== undefined) return known;
    const place = hole(x);
    captured.push(x);
    places.push(place);
    now.set(x, place);
    return place;
  };
  for (const n of order) {
    const { prim } = n;
    if (prim === null || now.has(n) || !(dependent.has(n) || cheap.has(n))) continue;
    const ins = n.ins.map(resolve);
    const key = applicationKey(n, prim, ins);
    const made = merged.get(key) ?? bindAll(prim, ins, n.attrs);
    merged.set(key, made);
    for (const [i, out] of outsOf(n).entries()) if (!now.has(out)) now.set(out, pick(made, i));
  }
  return { leaves: fresh, captured, places, roots: roots.map(resolve) };
};

/** A graph that is one of several over the same operands. */
export interface Side {
  readonly leaves: readonly Node[];
  readonly roots: readonly Node[];
}

/** A recorded graph anew, so that it belongs to nobody else. */
export const copyOf = ({ leaves, roots }: Side): Side => {
  const fresh = leaves.map((x) => hole(x));
  return { leaves: fresh, roots: substitute(roots, leaves, fresh) };
};

/** Several closed graphs: `places` stand for what any of them captures, and are in each. */
export interface Together {
  readonly captured: readonly Node[];
  readonly sides: readonly (Side & { readonly places: readonly Node[] })[];
}

export const closeTogether = (sides: readonly Side[]): Together => {
  const closed = sides.map(({ leaves, roots }) => close(leaves, roots));
  const captured = [...new Set(closed.flatMap((c) => c.captured))];
  return {
    captured,
    sides: closed.map((c) => ({
      leaves: c.leaves,
      roots: c.roots,
      places: captured.map((x) => c.places[c.captured.indexOf(x)] ?? hole(x)),
    })),
  };
};

/** Which of `leaves` a graph needs. */
export const usedLeaves = (leaves: readonly Node[], roots: readonly Node[]): boolean[] => {
  const used = new Set<Node>(roots);
  for (const n of applicationsOf(roots)) for (const x of n.ins) used.add(x);
  return leaves.map((x) => used.has(x));
};

/** Which values of a forward computation to keep for a backward one: few bytes, and the rest computed again from them. */
import type { ScalarOp } from "../../core/scalar.js";
import { type Node, sizeOf } from "../../graph/node.js";
import { applicationsOf } from "../../graph/order.js";
import { castP } from "../../primitives/index.js";
import { dependents, isView } from "../simplify.js";

/** Instructions that are sooner done again than their results stored and loaded. */
const cheap: ReadonlySet<ScalarOp> = new Set<ScalarOp>([
  "neg",
  "abs",
  "sign",
  "not",
  "floor",
  "ceil",
  "trunc",
  "round",
  "add",
  "sub",
  "mul",
  "min",
  "max",
  "and",
  "or",
  "xor",
  "lt",
  "le",
  "gt",
  "ge",
  "eq",
  "ne",
  "select",
]);

const isCheap = ({ prim }: Node): boolean => {
  const lower = prim?.lower;
  if (prim == null || lower == null) return false;
  if (isView(prim) || lower.kind === "constant" || prim === castP) return true;
  if (lower.kind === "indexed") return prim.name === "iota";
  return lower.kind === "scalar" && cheap.has(lower.fn);
};

const bytesOf = (n: Node): number => sizeOf(n.shape) * n.dtype.size;

/**
 * Values that the graph of `roots` takes up besides `unknown`: with them in place of the graphs that made them, it needs
 * nothing else.
 *
 * @param free whether a value is at hand anyway; what it is made from does not matter then
 * @param still whether a value can be had once for all; views of it are made where they are needed
 */
export const savedFor = (
  roots: readonly Node[],
  unknown: readonly Node[],
  free: (n: Node) => boolean,
  still: (n: Node) => boolean,
): readonly Node[] => {
  const order = applicationsOf(roots);
  const later = dependents(order, unknown);
  const bases = new Map<Node, ReadonlySet<Node>>();
  const baseOf = (n: Node): ReadonlySet<Node> => bases.get(n) ?? new Set([n]);
  for (const n of order) {
    if (later.has(n) || free(n) || !isCheap(n) || n.prim === null) continue;
    if (still(n) && !isView(n.prim)) continue;
    const base = new Set<Node>();
    for (const x of n.ins) for (const y of baseOf(x)) base.add(y);
    bases.set(n, base);
  }
  const met = new Set<Node>();
  for (const n of order) if (later.has(n)) for (const x of n.ins) if (!later.has(x)) met.add(x);
  for (const n of roots) if (!later.has(n)) met.add(n);
  const saved = new Set<Node>();
  for (const n of met) if (!bases.has(n)) saved.add(n);
  const cost = (n: Node): number => (saved.has(n) || free(n) || still(n) ? 0 : bytesOf(n));
  for (const n of met) {
    const base = bases.get(n);
    if (base === undefined) continue;
    let bytes = 0;
    for (const x of base) bytes += cost(x);
    if (bytes > cost(n)) saved.add(n);
    else for (const x of base) saved.add(x);
  }
  return [...saved];
};

/** Which operations are not worth a place in memory: constants, positions, masks, and cheap functions of one stored tensor. */
import { sizeOf } from "../graph/node.js";
import type { Edge, Op, Tensor } from "./graph.js";
import { weightOf } from "./weights.js";

/** Weight up to which something that reads no memory is computed anew by every reader. */
const sourceLimit = 8;
/** The same for what reads one tensor: its readers load that tensor in its place. */
const readingLimit = 3;

const bytesOf = (x: {
  readonly shape: readonly number[];
  readonly dtype: { readonly size: number };
}): number => sizeOf(x.shape) * x.dtype.size;

const inMemory = (t: Tensor): boolean => t.leaf >= 0 || t.required;

interface Cone {
  readonly weight: number;
  /** The tensors it reads. */
  readonly reads: ReadonlySet<Tensor>;
}

/** What computing the operation anew costs and reads; null where it reads something that may not be in memory. */
const coneOf = (op: Op, cones: ReadonlyMap<Op, Cone>): Cone | null => {
  let weight = weightOf(op.lowering, op.ins.length);
  const reads = new Set<Tensor>();
  for (const e of op.ins) {
    const p = e.tensor.producers[0];
    const inner = p === undefined ? undefined : cones.get(p);
    if (p?.free === true && inner !== undefined) {
      weight += inner.weight;
      for (const t of inner.reads) reads.add(t);
    } else if (inMemory(e.tensor)) reads.add(e.tensor);
    else return null;
  }
  return { weight, reads };
};

/** Marks the free operations of a graph, given in topological order, and links every operation to its sources. */
export const markFree = (ops: readonly Op[]): void => {
  const cones = new Map<Op, Cone>();
  for (const op of ops) {
    op.sources = [...new Set(readEdges(op).flatMap((e) => e.tensor.producers))];
    if (op.kind !== "map" && op.kind !== "constant") continue;
    if (op.into !== null) continue;
    const cone = coneOf(op, cones);
    if (cone === null) continue;
    let bytes = 0;
    for (const t of cone.reads) bytes += bytesOf(t);
    const limit = cone.reads.size === 0 ? sourceLimit : cone.reads.size === 1 ? readingLimit : -1;
    const reading = cone.reads.size > 0 && op.lowering.kind === "indexed";
    if (reading || cone.weight > limit || bytes > bytesOf(op.out)) continue;
    op.free = true;
    cones.set(op, cone);
  }
};

/** What an operation reads: routines find their operands in memory, all others compute free ones themselves. */
export const readEdges = (op: Op): readonly Edge[] =>
  op.kind === "routine" ? op.ins : op.ins.flatMap(tracedEdges);

/** An edge to what is in memory or is computed by no free operation: free operations between are passed through. */
export const tracedEdges = (edge: Edge): readonly Edge[] => {
  const p = edge.tensor.producers[0];
  if (p?.free !== true || p.into !== null) return [edge];
  return p.ins
    .flatMap(tracedEdges)
    .map((inner) => ({ ...inner, views: [...inner.views, ...edge.views] }));
};

/** Which operations are not worth a place in memory: constants, positions, masks, and cheap functions of one stored tensor. */
import type { Edge, Op, Read, Tensor } from "./graph.js";

/** Weight up to which something that reads no memory is computed anew by every reader. */
const sourceLimit = 8;
/** The same for what reads one tensor: its readers load that tensor in its place. */
const readingLimit = 3;

const inMemory = (t: Tensor): boolean => t.leaf >= 0 || t.required;

interface Cone {
  readonly weight: number;
  /** The tensors it reads. */
  readonly reads: ReadonlySet<Tensor>;
}

/** What computing the operation anew costs and reads; null where it reads something that may not be in memory. */
const coneOf = (op: Op, cones: ReadonlyMap<Op, Cone>): Cone | null => {
  let weight = op.weight;
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

/** Marks the free operations of a graph, given in topological order, and links operations and tensors to what they read. */
export const markFree = (ops: readonly Op[]): void => {
  const cones = new Map<Op, Cone>();
  for (const op of ops) {
    link(op);
    if (op.kind !== "map" && op.kind !== "constant") continue;
    if (op.into !== null) continue;
    const cone = coneOf(op, cones);
    if (cone === null) continue;
    let bytes = 0;
    for (const t of cone.reads) bytes += t.bytes;
    const limit = cone.reads.size === 0 ? sourceLimit : cone.reads.size === 1 ? readingLimit : -1;
    const reading = cone.reads.size > 0 && op.lowering.kind === "indexed";
    if (reading || cone.weight > limit || bytes > op.out.bytes) continue;
    op.free = true;
    cones.set(op, cone);
  }
};

const link = (op: Op): void => {
  const reads: Read[] = [];
  const sources: Op[] = [];
  for (let operand = 0; operand < op.ins.length; operand++) {
    const edge = op.ins[operand];
    if (edge !== undefined) trace(op, operand, edge, reads);
  }
  for (const { edge } of reads) {
    for (const p of edge.tensor.producers) if (!sources.includes(p)) sources.push(p);
  }
  op.reads = reads;
  op.sources = sources;
};

/** Routines find their operands in memory; all others compute free ones themselves and read what those read. */
const trace = (op: Op, operand: number, edge: Edge, reads: Read[]): void => {
  const p = edge.tensor.producers[0];
  if (p?.free !== true || p.into !== null || op.kind === "routine") {
    reads.push({ op, operand, edge });
    return;
  }
  for (const inner of p.reads) {
    const views = edge.views.length === 0 ? inner.edge.views : [...inner.edge.views, ...edge.views];
    reads.push({ op, operand, edge: { ...inner.edge, views } });
  }
};

/** Element-wise operations that become part of the one kernel that reads them, without any checks. */
import { sizeOf } from "../graph/node.js";
import type { Op, TensorGraph } from "./graph.js";

/** Members a chain may gather. */
const longest = 24;

/** The operations that something requested depends on, save free ones; links tensors to those that read them. */
const liveOps = (graph: TensorGraph): readonly Op[] => {
  const wanted = new Uint8Array(graph.tensors.length);
  const out: Op[] = [];
  for (let i = graph.ops.length - 1; i >= 0; i--) {
    const op = graph.ops[i];
    if (op === undefined || (op.free && !op.out.required)) continue;
    let live = op.into !== null;
    for (const t of op.outs) live ||= t.required || wanted[t.id] === 1;
    if (!live) continue;
    for (const { edge } of op.reads) wanted[edge.tensor.id] = 1;
    out.push(op);
  }
  out.reverse();
  for (const op of out) {
    for (const { edge } of op.reads) {
      const { readers } = edge.tensor;
      if (readers.at(-1) !== op) readers.push(op);
    }
  }
  return out;
};

type Chain = Op[];

const readsThroughView = (r: Op, op: Op): boolean => {
  for (const e of r.ins) if (e.tensor === op.out && e.views.length > 0) return true;
  return false;
};

/** The chain of all that reads an operation, where nothing but the element-wise lies between. */
const hostOf = (op: Op, chains: readonly (Chain | undefined)[]): Chain | null => {
  if (op.kind !== "map" || op.out.required || op.into !== null || sizeOf(op.out.shape) === 0)
    return null;
  let host: Chain | null = null;
  for (const r of op.out.readers) {
    if (r.kind === "contract" || r.kind === "routine" || r.lowering.kind === "indexed") return null;
    const chain = chains[r.id];
    if (chain === undefined || (host !== null && chain !== host)) return null;
    if (readsThroughView(r, op)) return null;
    host = chain;
  }
  return host !== null && host.length < longest ? host : null;
};

/** All live operations, in chains that end with what others read; each chain in topological order, most of length one. */
export const chainsOf = (graph: TensorGraph): readonly (readonly Op[])[] => {
  const live = liveOps(graph);
  const chains: (Chain | undefined)[] = new Array<Chain | undefined>(graph.ops.length).fill(
    undefined,
  );
  const out: Chain[] = [];
  for (let i = live.length - 1; i >= 0; i--) {
    const op = live[i];
    if (op === undefined) continue;
    let chain = hostOf(op, chains);
    if (chain === null) {
      chain = [];
      out.push(chain);
    }
    chain.push(op);
    chains[op.id] = chain;
  }
  for (const chain of out) chain.reverse();
  // In the order of their first members.
  return out.sort((x, y) => (x[0]?.id ?? 0) - (y[0]?.id ?? 0));
};

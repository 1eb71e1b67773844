/** Applies primitives: the only place where graph nodes with operands are made. */
import { InternalError } from "../core/errors.js";
import { type Aval, Node, use } from "./node.js";
import type { Primitive } from "./primitive.js";
import { activeTrace } from "./trace.js";

/** The smallest active trace among the operands: the outermost transform that may have to see this application. */
const traceOf = (ins: readonly Node[]): number => {
  let trace = 0;
  for (const n of ins) {
    if (n.trace === 0) continue;
    const t = activeTrace(n);
    if (t !== 0 && (trace === 0 || t < trace)) trace = t;
  }
  return trace;
};

const single = (outs: readonly Aval[], name: string): Aval => {
  const out = outs[0];
  if (out === undefined || outs.length !== 1)
    throw new InternalError(`[${name}] expected one result, got ${outs.length}: use bindAll`);
  return out;
};

/** The one result of `prim` applied to `ins`. */
export const bind = <A>(prim: Primitive<A>, ins: readonly Node[], attrs: A): Node => {
  const out = single(prim.infer(ins, attrs), prim.name);
  use(ins);
  return new Node(prim, ins, attrs, out.shape, out.dtype, traceOf(ins));
};

/** All results of `prim` applied to `ins`. */
export const bindAll = <A>(prim: Primitive<A>, ins: readonly Node[], attrs: A): readonly Node[] => {
  const avals = prim.infer(ins, attrs);
  const trace = traceOf(ins);
  const outs: Node[] = [];
  use(ins);
  for (const out of avals) outs.push(new Node(prim, ins, attrs, out.shape, out.dtype, trace));
  if (outs.length > 1) {
    for (let i = 0; i < outs.length; i++) {
      const n = outs[i];
      if (n === undefined) continue;
      n.outs = outs;
      n.index = i;
    }
  }
  return outs;
};

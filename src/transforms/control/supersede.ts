/** Lets values that are not computed yet be results of another application, which computes the same and more. */
import { type Node, unuse, use } from "../../graph/node.js";
import { aliasP } from "../../primitives/index.js";
import { pick } from "../leaves.js";

/** From now on `outs`, all results of one application, are `by`; where one is computed already all stay. */
export const supersede = (outs: readonly Node[], by: readonly Node[]): void => {
  if (outs.some((n) => n.data !== null || n.prim === null)) return;
  unuse(pick(outs, 0).ins);
  for (const [i, n] of outs.entries()) {
    n.prim = aliasP;
    n.ins = [pick(by, i)];
    n.attrs = undefined;
    n.outs = null;
    n.index = 0;
    use(n.ins);
  }
};

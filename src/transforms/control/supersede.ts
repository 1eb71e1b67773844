/** Lets values that are not computed yet be results of another application, which computes the same and more. */
import { isHole } from "../../graph/hole.js";
import { type Node, nextEpoch, unuse, use } from "../../graph/node.js";
import { aliasP } from "../../primitives/index.js";
import { pick } from "../leaves.js";

/**
 * Whether `values` may be operands of what supersedes `outs`: that must not come to depend on placeholders that are younger,
 * nor on itself.
 */
export const canDependOn = (outs: readonly Node[], values: readonly (Node | null)[]): boolean => {
  const epoch = nextEpoch();
  const oldest = pick(outs, 0).id;
  for (const n of outs) n.mark = epoch;
  const stack = values.filter((n) => n !== null);
  for (let n = stack.pop(); n !== undefined; n = stack.pop()) {
    if (n.id < oldest) continue;
    if (n.mark === epoch) {
      if (outs.includes(n)) return false;
      continue;
    }
    n.mark = epoch;
    if (isHole(n)) return false;
    stack.push(...n.ins);
  }
  return true;
};

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

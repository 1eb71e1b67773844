/** Branches put into the graph, both sides over the same operands. */
import { bindAll } from "../../graph/bind.js";
import type { Control } from "../../graph/control.js";
import type { Node } from "../../graph/node.js";
import { type ControlAttrs, type ControlRules, condP } from "../../primitives/index.js";
import { recorded } from "../record.js";
import { closeTogether, type Side, usedLeaves } from "./closed.js";

export type Cond = Extract<Control, { readonly control: "cond" }>;
export type CondAttrs = ControlAttrs<Cond>;
export type CondRules = ControlRules<Cond>;

/** A branch before it is in the graph: the leaves of both sides stand for `values`. */
export interface CondParts {
  readonly condition: Node;
  readonly sides: readonly [Side, Side];
  readonly values: readonly Node[];
}

/** The results of the side that is taken. */
export const makeCond = (parts: CondParts, rules: CondRules): readonly Node[] => {
  if (parts.sides[0].roots.length === 0) return [];
  const { captured, sides } = closeTogether(parts.sides);
  const all = sides.map(({ leaves, places, roots }) => ({ leaves: [...leaves, ...places], roots }));
  const uses = all.map(({ leaves, roots }) => usedLeaves(leaves, roots));
  const used = <T>(list: readonly T[]): T[] =>
    list.filter((_, i) => uses.some((u) => u[i] === true));
  const [first, second] = all.map(({ leaves, roots }) => recorded(used(leaves), roots));
  if (first === undefined || second === undefined) return [];
  const control: Cond = { control: "cond", sides: [first, second] };
  const ins = [parts.condition, ...used([...parts.values, ...captured])];
  return bindAll(condP, ins, { control, rules });
};

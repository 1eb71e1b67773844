/** Loops with a test put into the graph, both graphs over the same constants and carries. */
import { bindAll } from "../../graph/bind.js";
import type { Control } from "../../graph/control.js";
import type { Node } from "../../graph/node.js";
import { type ControlAttrs, type ControlRules, whileLoopP } from "../../primitives/index.js";
import { recorded } from "../record.js";
import { closeTogether, type Side, usedLeaves } from "./closed.js";

export type While = Extract<Control, { readonly control: "while" }>;
export type WhileAttrs = ControlAttrs<While>;
export type WhileRules = ControlRules<While>;

/** A loop before it is in the graph: the leaves of test and body are constants, then carries, as the values are. */
export interface WhileParts {
  readonly test: Side;
  readonly body: Side;
  readonly values: readonly Node[];
  readonly carries: number;
}

/** Splits a list of operands. */
export const splitAt = <T>(list: readonly T[], carries: number): [constants: T[], carries: T[]] => {
  const at = list.length - carries;
  return [list.slice(0, at), list.slice(at)];
};

/** The last carries. */
export const makeWhile = (parts: WhileParts, rules: WhileRules): readonly Node[] => {
  const { values, carries } = parts;
  if (carries === 0) return [];
  const { captured, sides } = closeTogether([parts.test, parts.body]);
  const arranged = sides.map(({ leaves, places, roots }) => {
    const [constants, own] = splitAt(leaves, carries);
    return { constants: [...constants, ...places], own, roots };
  });
  const uses = arranged.map(({ constants, roots }) => usedLeaves(constants, roots));
  const used = <T>(list: readonly T[]): T[] =>
    list.filter((_, i) => uses.some((u) => u[i] === true));
  const [test, body] = arranged.map(({ constants, own, roots }) =>
    recorded([...used(constants), ...own], roots),
  );
  if (test === undefined || body === undefined) return [];
  const [fixed, initial] = splitAt(values, carries);
  const control: While = { control: "while", test, body, carries };
  return bindAll(whileLoopP, [...used([...fixed, ...captured]), ...initial], { control, rules });
};

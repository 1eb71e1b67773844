/** Scans put into the graph: bodies closed over what they capture, carries that never change taken out of the loop. */

import { bindAll } from "../../graph/bind.js";
import type { Control } from "../../graph/control.js";
import type { Node } from "../../graph/node.js";
import {
  alias,
  type ControlAttrs,
  type ControlRules,
  constant,
  scanP,
} from "../../primitives/index.js";
import { pick } from "../leaves.js";
import { recorded } from "../record.js";
import { close, usedLeaves } from "./closed.js";

export type Scan = Extract<Control, { readonly control: "scan" }>;
export type ScanAttrs = ControlAttrs<Scan>;
export type ScanRules = ControlRules<Scan>;

/** One list for each kind of operand. */
export interface Operands<T> {
  readonly constants: readonly T[];
  readonly carries: readonly T[];
  readonly slices: readonly T[];
}

/** Lists for what a round leaves behind. */
export type Results<T> = Omit<Operands<T>, "constants">;

/** A scan before it is in the graph: its body between `leaves` and `roots` may take up any values from outside. */
export interface ScanParts {
  readonly leaves: Operands<Node>;
  readonly roots: Results<Node>;
  /** Constants, initial carries and stacks. */
  readonly values: Operands<Node>;
  readonly length: number;
  readonly reverse: boolean;
}

export const listOf = <T>({ constants, carries, slices }: Operands<T>): T[] => [
  ...constants,
  ...carries,
  ...slices,
];

/** A list of a scan's operands by kind. */
export const operandsOf = <T>({ constants, carries }: Scan, list: readonly T[]): Operands<T> => ({
  constants: list.slice(0, constants),
  carries: list.slice(constants, constants + carries),
  slices: list.slice(constants + carries),
});

/** A list of a scan's results by kind. */
export const resultsOf = <T>({ carries }: Scan, list: readonly T[]): Results<T> => ({
  carries: list.slice(0, carries),
  slices: list.slice(carries),
});

/** The results of a scan: last carries, and stacks. */
export const makeScan = (parts: ScanParts, rules: ScanRules): Results<Node> => {
  const { leaves, roots, values, length, reverse } = parts;
  if (length === 0) {
    return {
      carries: values.carries.map((x) => alias(x)),
      slices: roots.slices.map((y) => constant(0, y.dtype, [0, ...y.shape])),
    };
  }
  const still = leaves.carries.map((x, i) => roots.carries[i] === x);
  const moving = <T>(list: readonly T[]): T[] => list.filter((_, i) => still[i] !== true);
  const kept = <T>(list: readonly T[]): T[] => list.filter((_, i) => still[i] === true);
  const constantLeaves = [...leaves.constants, ...kept(leaves.carries)];
  const constantValues = [...values.constants, ...kept(values.carries)];
  const carryLeaves = moving(leaves.carries);
  const closed = close(
    [...constantLeaves, ...carryLeaves, ...leaves.slices],
    [...moving(roots.carries), ...roots.slices],
  );
  const fresh = (from: number, count: number): readonly Node[] =>
    closed.leaves.slice(from, from + count);
  const carries = fresh(constantLeaves.length, carryLeaves.length);
  const constants = [...fresh(0, constantLeaves.length), ...closed.places];
  const given = [...constantValues, ...closed.captured];
  const slices = fresh(constantLeaves.length + carryLeaves.length, leaves.slices.length);
  const used = usedLeaves([...constants, ...slices], closed.roots);
  const usedConstants = <T>(list: readonly T[]): T[] => list.filter((_, i) => used[i] === true);
  const usedSlices = <T>(list: readonly T[]): T[] =>
    list.filter((_, i) => used[constants.length + i] === true);
  const own = usedConstants(constants);
  const body = recorded([...own, ...carries, ...usedSlices(slices)], closed.roots);
  const ins = [...usedConstants(given), ...moving(values.carries), ...usedSlices(values.slices)];
  const control: Scan = {
    control: "scan",
    body,
    constants: own.length,
    carries: carries.length,
    length,
    reverse,
  };
  const outs = closed.roots.length === 0 ? [] : bindAll(scanP, ins, { control, rules });
  let next = 0;
  return {
    carries: still.map((is, i) => (is ? alias(pick(values.carries, i)) : pick(outs, next++))),
    slices: outs.slice(carries.length),
  };
};

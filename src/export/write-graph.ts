/** A traced function as JSON: its inputs, the applications of primitives in order, and which of their results it returns. */
import { InternalError, TransformError } from "../core/errors.js";
import { type Aval, type Node, outsOf } from "../graph/node.js";
import { applicationsOf } from "../graph/order.js";
import { aliasP, type CallAttrs, callP } from "../primitives/index.js";

import { writeAttributes } from "./attributes.js";
import type { TracedFunction } from "./trace.js";

/** The type of a value. */
export interface TypeOf {
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** One application. Operands are values by number; its results have the next numbers. */
interface WrittenApplication {
  readonly primitive: string;
  readonly operands: readonly number[];
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly results: readonly TypeOf[];
}

/** A constant that follows from the number of elements along axes of a value; of null where that is not in the graph. */
export interface WrittenCount {
  readonly constant: number;
  readonly of: number | null;
  readonly axes: readonly number[];
  readonly less: number;
  readonly reciprocal: boolean;
}

/** Values are numbered: the inputs, then the constants, then the results of applications in order. */
export interface WrittenFunction {
  readonly positional: number;
  readonly keywords: readonly string[];
  readonly inputs: readonly TypeOf[];
  /** Places in the file's list of constants. */
  readonly constants: readonly number[];
  readonly applications: readonly WrittenApplication[];
  readonly outputs: readonly number[];
  readonly counts: readonly WrittenCount[];
}

const typeOf = ({ dtype, shape }: Aval): TypeOf => ({ dtype: dtype.name, shape });

const isCall = (attrs: unknown): attrs is CallAttrs =>
  typeof attrs === "object" && attrs !== null && "pull" in attrs;

/** Which operand a result is, of an application that only passes operands on; -1 for others. */
const passedOn = (op: string, n: Node): number => {
  if (n.prim === aliasP) return 0;
  if (n.prim !== callP || !isCall(n.attrs)) return -1;
  const { args, pull, jvp, batch, repeats } = n.attrs;
  if (repeats === true || (pull === null && jvp === null && batch === null)) return args + n.index;
  throw new TransformError(
    `[${op}] expected a function without custom rules, got a customFunction with some: files hold no rules, so export the function it was made of`,
  );
};

/**
 * @param placeOf the place of a constant in the file
 * @throws TransformError for a primitive that holds functions or other graphs
 */
export const writeGraph = (
  op: string,
  { positional, keywords, leaves, constants, roots, counts }: TracedFunction,
  placeOf: (constant: Node) => number,
): WrittenFunction => {
  const numbers = new Map<Node, number>();
  for (const [i, n] of leaves.entries()) numbers.set(n, i);
  let values = leaves.length;
  const numberOf = (n: Node): number => {
    const known = numbers.get(n);
    if (known === undefined) throw new InternalError(`[${op}] a value outside of the graph`);
    return known;
  };
  const counted = [...counts.values()].map(({ of }) => of).filter((n) => n !== null);
  const applications: WrittenApplication[] = [];
  for (const n of applicationsOf([...roots, ...counted])) {
    const { prim } = n;
    if (prim === null || numbers.has(n)) continue;
    const outs = outsOf(n);
    if (passedOn(op, n) >= 0) {
      for (const o of outs) {
        const x = n.ins[passedOn(op, o)];
        if (x !== undefined) numbers.set(o, numberOf(x));
      }
      continue;
    }
    const attributes = writeAttributes(prim, n.attrs);
    if (attributes === null) {
      throw new TransformError(
        `[${op}] expected primitives whose attributes are data, got ${prim.name}, which holds functions: leave it out of what is exported`,
      );
    }
    const operands = n.ins.map(numberOf);
    applications.push({ primitive: prim.name, operands, attributes, results: outs.map(typeOf) });
    for (const o of outs) numbers.set(o, values++);
  }
  return {
    positional,
    keywords,
    inputs: leaves.slice(0, leaves.length - constants.length).map(typeOf),
    constants: constants.map(placeOf),
    applications,
    outputs: roots.map(numberOf),
    counts: [...counts].flatMap(([n, { of, axes, less, reciprocal }]) => {
      const constant = numbers.get(n);
      if (constant === undefined) return [];
      return [{ constant, of: of === null ? null : numberOf(of), axes, less, reciprocal }];
    }),
  };
};

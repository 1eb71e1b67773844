/** Functions of loops and branches, traced once on placeholders; and what is said about results that do not fit. */
import { TransformError } from "../../core/errors.js";
import { isPlainObject } from "../../core/guards.js";
import { isNDArray, type NDArray } from "../../graph/array.js";
import { type Aval, type Node, sameShape } from "../../graph/node.js";
import { rejectPromise, withTrace } from "../../graph/trace.js";
import { strictLeaves, structureOf } from "../../graph/tree.js";
import { handle } from "../check.js";
import { hole } from "../leaves.js";

/** A traced function: what it was given, and what it returned. */
export interface Traced {
  readonly holes: readonly Node[];
  readonly result: unknown;
}

/** Runs `call` on placeholders of the types `avals`. */
export const traceOn = (
  op: string,
  avals: readonly Aval[],
  call: (arrays: readonly NDArray[]) => unknown,
): Traced =>
  withTrace((traceId) => {
    const holes = avals.map((x) => hole(x, traceId));
    const result = call(holes.map(handle));
    rejectPromise(op, result);
    return { holes, result };
  });

const isArrayOrNothing = (x: unknown): x is NDArray | null | undefined =>
  x === null || x === undefined || isNDArray(x);

/** The arrays of a tree in which there may also be nothing. */
export const arraysOf = (op: string, what: string, tree: unknown): Node[] =>
  strictLeaves(op, what, tree, isArrayOrNothing)
    .filter(isNDArray)
    .map((a) => a.node);

const pathsOf = (tree: unknown, path: string, out: string[]): string[] => {
  if (Array.isArray(tree)) for (const [i, x] of tree.entries()) pathsOf(x, `${path}[${i}]`, out);
  else if (isPlainObject(tree)) for (const key in tree) pathsOf(tree[key], `${path}.${key}`, out);
  else if (isNDArray(tree)) out.push(path);
  return out;
};

const typeOf = ({ dtype, shape }: Aval): string => `${dtype.name}[${shape.join(", ")}]`;

/** Refuses a tree of results that differs from `wanted` in structure, or in the type of a leaf, which it names. */
export const requireSame = (
  op: string,
  what: string,
  wanted: unknown,
  got: unknown,
  cure: string,
): void => {
  const [structure, given] = [structureOf(wanted, isNDArray), structureOf(got, isNDArray)];
  if (structure !== given)
    throw new TransformError(
      `[${op}] expected ${what} of the structure ${structure}, got ${given}: ${cure}`,
    );
  const avals = arraysOf(op, what, wanted);
  const paths = pathsOf(wanted, what, []);
  for (const [i, y] of arraysOf(op, what, got).entries()) {
    const x = avals[i];
    if (x === undefined || (sameShape(x.shape, y.shape) && x.dtype === y.dtype)) continue;
    throw new TransformError(
      `[${op}] expected ${paths[i] ?? what} to stay ${typeOf(x)}, got ${typeOf(y)}: ${cure}`,
    );
  }
};

/** What two calls must have in common to share one trace: structure, types of arrays, values of everything else. */
import { DType } from "../core/dtype.js";
import { ArgumentError } from "../core/errors.js";
import { describe, isPlainObject } from "../core/guards.js";
import { isNDArray, type NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";

/** Tokens to be compared one by one. */
export type Signature = unknown[];

const list = Symbol("list");
const object = Symbol("object");
const value = Symbol("dtype");

/** Writes the type of an array; with `ranks`, its number of axes instead of their lengths. */
export const writeType = (n: Node, ranks: boolean, out: Signature): void => {
  out.push(n.dtype, n.shape.length);
  if (!ranks) for (const d of n.shape) out.push(d);
};

/**
 * Writes the signature of a tree of arguments and gathers its arrays in order.
 *
 * @throws ArgumentError for a value that cannot be compared
 */
export const writeArguments = (
  tree: unknown,
  path: string,
  ranks: boolean,
  out: Signature,
  arrays: NDArray[],
): void => {
  if (isNDArray(tree)) {
    writeType(tree.node, ranks, out);
    arrays.push(tree);
  } else if (Array.isArray(tree)) {
    out.push(list, tree.length);
    for (let i = 0; i < tree.length; i++) writeArguments(tree[i], path, ranks, out, arrays);
  } else if (isPlainObject(tree)) {
    const keys = Object.keys(tree);
    out.push(object, keys.length);
    for (const key of keys) {
      out.push(key);
      writeArguments(tree[key], path, ranks, out, arrays);
    }
  } else if (tree instanceof DType) out.push(value, tree);
  else if ((typeof tree !== "object" || tree === null) && typeof tree !== "function") {
    if (typeof tree === "symbol") throw incomparable(path, tree);
    out.push(tree);
  } else throw incomparable(path, tree);
};

const incomparable = (path: string, x: unknown): ArgumentError =>
  new ArgumentError(
    `[compile] expected ${path} to be a tree of arrays, numbers, strings, booleans or null, got ${describe(x)} in it: ` +
      "let the function reach it by closure instead",
  );

export const sameSignature = (a: Signature, b: Signature): boolean => {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
};

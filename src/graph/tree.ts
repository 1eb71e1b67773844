/** Trees: a leaf, or a list, tuple or plain object of trees; walked, mapped and rebuilt with their static types kept. */
import { ArgumentError } from "../core/errors.js";
import { describe, isPlainObject, setOwn } from "../core/guards.js";

/** A tree with leaves of type `L`. */
export type Tree<L> = L | readonly Tree<L>[] | { readonly [key: string]: Tree<L> };

/** Says whether a value is a leaf. */
export type Guard<L> = (x: unknown) => x is L;

/** Objects whose own fields are to be seen as a tree, such as modules: read and written in place, never rebuilt. */
export abstract class Branch {}

export const isBranch = (x: unknown): x is Branch => x instanceof Branch;

/** The type of tree `T` with each leaf of type `L` replaced by an `R`; what is neither leaf nor branch stays. */
export type MapLeaves<T, L, R> = T extends L
  ? R
  : T extends (...args: never) => unknown
    ? T
    : T extends object
      ? { -readonly [K in keyof T]: MapLeaves<T[K], L, R> }
      : T;

/**
 * Calls `visit` for every leaf, in order: lists by index, objects and {@link Branch}es by the order of their keys. Other values
 * are passed over.
 */
export const forEachLeaf = <L>(tree: unknown, isLeaf: Guard<L>, visit: (leaf: L) => void): void => {
  if (isLeaf(tree)) visit(tree);
  else if (Array.isArray(tree)) for (const item of tree) forEachLeaf(item, isLeaf, visit);
  else if (isPlainObject(tree)) for (const key in tree) forEachLeaf(tree[key], isLeaf, visit);
  else if (isBranch(tree))
    for (const key of Object.keys(tree)) forEachLeaf(Reflect.get(tree, key), isLeaf, visit);
};

const collect = <L>(tree: unknown, isLeaf: Guard<L>, out: L[]): void => {
  if (isLeaf(tree)) out.push(tree);
  else if (Array.isArray(tree)) for (const item of tree) collect(item, isLeaf, out);
  else if (isPlainObject(tree)) for (const key in tree) collect(tree[key], isLeaf, out);
  else if (isBranch(tree))
    for (const key of Object.keys(tree)) collect(Reflect.get(tree, key), isLeaf, out);
};

/** The leaves in order. Values that are neither leaf nor branch are passed over. */
export const leavesOf = <L>(tree: unknown, isLeaf: Guard<L>): L[] => {
  const out: L[] = [];
  collect(tree, isLeaf, out);
  return out;
};

/**
 * The leaves in order, when every value in the tree is a leaf or a branch.
 *
 * @param what the tree's name for the message, like `argument 0`
 * @throws ArgumentError naming the path of the first other value
 */
export const strictLeaves = <L>(op: string, what: string, tree: unknown, isLeaf: Guard<L>): L[] => {
  const out: L[] = [];
  const walk = (x: unknown, path: string): void => {
    if (isLeaf(x)) out.push(x);
    else if (Array.isArray(x)) for (const [i, item] of x.entries()) walk(item, `${path}[${i}]`);
    else if (isPlainObject(x)) for (const key in x) walk(x[key], `${path}.${key}`);
    else {
      throw new ArgumentError(
        `[${op}] expected ${what} to be an array or a tree of arrays, got ${describe(x)}${path === "" ? "" : ` at ${path}`}: ` +
          "wrap it with mx.array, or keep it out of the tree",
      );
    }
  };
  // The quick walk decides whether paths are needed at all.
  if (isLeaf(tree)) out.push(tree);
  else walk(tree, "");
  return out;
};

const rebuildWith = <L>(tree: unknown, isLeaf: Guard<L>, fn: (leaf: L) => unknown): unknown => {
  if (isLeaf(tree)) return fn(tree);
  if (Array.isArray(tree)) {
    const list: unknown[] = new Array(tree.length);
    for (let i = 0; i < tree.length; i++) list[i] = rebuildWith(tree[i], isLeaf, fn);
    return list;
  }
  if (isPlainObject(tree)) {
    const object: Record<string, unknown> = {};
    for (const key in tree) setOwn(object, key, rebuildWith(tree[key], isLeaf, fn));
    return object;
  }
  return tree;
};

/** The tree with each leaf replaced by `fn(leaf)`. Values that are neither leaf nor branch stay. */
export const mapLeaves = <T, L, R>(
  tree: T,
  isLeaf: Guard<L>,
  fn: (leaf: L) => R,
): MapLeaves<T, L, R> =>
  // The walk keeps the structure; that its type follows cannot be derived from an unknown.
  rebuildWith(tree, isLeaf, fn) as MapLeaves<T, L, R>;

/** A tree of the structure of `like` with `leaves`, in order, at its leaves: the inverse of {@link leavesOf}. */
export const rebuild = <T, L, R>(
  like: T,
  isLeaf: Guard<L>,
  leaves: readonly R[],
): MapLeaves<T, L, R> => {
  let i = 0;
  return rebuildWith(like, isLeaf, () => leaves[i++]) as MapLeaves<T, L, R>;
};

const quote = (key: string): string => (/^\w+$/.test(key) ? key : JSON.stringify(key));

/**
 * The structure as a string: `(*,[*,*],{a:*})`. Equal strings mean equal structure, keys in order. Values that are neither
 * leaf nor branch are written by `other`.
 */
export const structureOf = <L>(
  tree: unknown,
  isLeaf: Guard<L>,
  other: (x: unknown) => string = describe,
): string => {
  if (isLeaf(tree)) return "*";
  if (Array.isArray(tree)) {
    let s = "[";
    for (let i = 0; i < tree.length; i++)
      s += (i > 0 ? "," : "") + structureOf(tree[i], isLeaf, other);
    return `${s}]`;
  }
  if (isPlainObject(tree)) {
    let s = "{";
    for (const key in tree)
      s += `${s.length > 1 ? "," : ""}${quote(key)}:${structureOf(tree[key], isLeaf, other)}`;
    return `${s}}`;
  }
  return other(tree);
};

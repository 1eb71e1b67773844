/** Mapping, reducing and merging trees of anything: the tree utilities of mlx.utils beside flattening. */

import { ArgumentError } from "../core/errors.js";
import { describe, isPlainObject, setOwn } from "../core/guards.js";
import { requireFunction } from "../core/require.js";
import {
  type IsLeaf,
  type IsRecord,
  isList,
  join,
  type LeafOf,
  treeFlatten,
} from "./tree-paths.js";

/** Tree `T` with every leaf replaced by an `R`. */
export type MappedTree<T, R> = T extends readonly unknown[]
  ? { -readonly [K in keyof T]: MappedTree<T[K], R> }
  : T extends object
    ? IsRecord<T> extends true
      ? { -readonly [K in keyof T]: MappedTree<T[K], R> }
      : R
    : R;

interface TreeMapOptions {
  readonly isLeaf?: IsLeaf | null;
  readonly path?: string;
}

/** The child of a parallel tree; it has to be there. */
const child = (op: string, x: unknown, key: string | number, path: string): unknown => {
  const found: unknown = typeof x === "object" && x !== null ? Reflect.get(x, key) : undefined;
  if (found !== undefined) return found;
  throw new ArgumentError(
    `[${op}] expected trees of one structure, got ${describe(x)} without "${key}"${path === "" ? "" : ` at "${path}"`}: give it that entry`,
  );
};

type Visit = (path: string, leaves: readonly unknown[]) => unknown;

const mapTrees = (
  op: string,
  visit: Visit,
  trees: readonly unknown[],
  isLeaf: IsLeaf | null,
  at: string,
): unknown => {
  const [tree] = trees;
  const down = (key: string | number): unknown =>
    mapTrees(
      op,
      visit,
      trees.map((t) => (t === tree ? Reflect.get(Object(t), key) : child(op, t, key, at))),
      isLeaf,
      join(at, key),
    );
  if (isLeaf?.(tree) !== true) {
    if (isList(tree)) return tree.map((_, i) => down(i));
    if (isPlainObject(tree)) {
      const object: Record<string, unknown> = {};
      for (const key of Object.keys(tree)) setOwn(object, key, down(key));
      return object;
    }
  }
  return visit(at, trees);
};

const isOptions = (x: unknown): x is TreeMapOptions =>
  isPlainObject(x) &&
  Object.keys(x).length > 0 &&
  Object.entries(x).every(
    ([k, v]) =>
      (k === "isLeaf" && typeof v === "function") || (k === "path" && typeof v === "string"),
  );

/** Parallel trees, and the options when the last argument is `{ isLeaf }` or `{ path }`, which no tree is. */
const splitRest = (rest: readonly unknown[]): [readonly unknown[], TreeMapOptions] => {
  const last = rest.at(-1);
  return isOptions(last) ? [rest.slice(0, -1), last] : [rest, {}];
};

/**
 * The tree with `fn` applied to its leaves, together with the values at the same places of further trees. Options
 * `{ isLeaf }` may follow the trees.
 *
 * @throws ArgumentError when a further tree lacks an entry of the first
 * @example
 * const [params, grads] = [{ w: mx.array([1, 2]) }, { w: mx.array([2, 2]) }];
 * mx.treeMap((p, g) => p.subtract(g.multiply(0.5)), params, grads).w; // [0, 1]
 * @see mlx.utils.tree_map
 */
export const treeMap = <T, R>(
  fn: (leaf: LeafOf<T>, ...rest: LeafOf<T>[]) => R,
  tree: T,
  ...rest: readonly unknown[]
): MappedTree<T, R> => {
  requireFunction("treeMap", fn);
  const [others, { isLeaf = null }] = splitRest(rest);
  const visit: Visit = (_, [leaf, ...more]) => fn(leaf as LeafOf<T>, ...(more as LeafOf<T>[]));
  return mapTrees("treeMap", visit, [tree, ...others], isLeaf, "") as MappedTree<T, R>;
};

/**
 * {@link treeMap} with the dotted path of each leaf as first argument. Options `{ isLeaf, path }` may follow the trees,
 * `path` being put before every path.
 *
 * @example
 * const params = { weight: mx.ones([2]), bias: mx.ones([2]) };
 * mx.treeMapWithPath((path, w) => (path.endsWith("bias") ? w : w.multiply(0.5)), params);
 * @see mlx.utils.tree_map_with_path
 */
export const treeMapWithPath = <T, R>(
  fn: (path: string, leaf: LeafOf<T>, ...rest: LeafOf<T>[]) => R,
  tree: T,
  ...rest: readonly unknown[]
): MappedTree<T, R> => {
  requireFunction("treeMapWithPath", fn);
  const [others, { isLeaf = null, path = "" }] = splitRest(rest);
  const visit: Visit = (at, [leaf, ...more]) => fn(at, leaf as LeafOf<T>, ...(more as LeafOf<T>[]));
  return mapTrees("treeMapWithPath", visit, [tree, ...others], isLeaf, path) as MappedTree<T, R>;
};

export interface TreeReduceOptions<A> {
  /** What to start from; the first leaf without it. */
  readonly initializer?: A;
  readonly isLeaf?: IsLeaf | null;
}

/**
 * Combines all leaves, in order.
 *
 * @returns the result; `undefined` for a tree without leaves and no initializer
 * @example
 * mx.treeReduce((n, w) => n + w.size, { w: mx.ones([2, 3]), b: mx.zeros([3]) }, 0); // 9
 * @see mlx.utils.tree_reduce
 */
export function treeReduce<T>(
  fn: (accumulated: LeafOf<T>, leaf: LeafOf<T>) => LeafOf<T>,
  tree: T,
): LeafOf<T> | undefined;
export function treeReduce<T>(
  fn: (accumulated: LeafOf<T>, leaf: LeafOf<T>) => LeafOf<T>,
  tree: T,
  options: { readonly isLeaf: IsLeaf },
): LeafOf<T> | undefined;
export function treeReduce<T, A>(
  fn: (accumulated: A, leaf: LeafOf<T>) => A,
  tree: T,
  initializer: A | (TreeReduceOptions<A> & { readonly initializer: A }),
): A;
export function treeReduce(
  fn: (accumulated: unknown, leaf: unknown) => unknown,
  tree: unknown,
  given?: unknown,
): unknown {
  requireFunction("treeReduce", fn);
  const named = isReduceOptions(given);
  let result: unknown = named ? given.initializer : given;
  for (const [, leaf] of treeFlatten(tree, { isLeaf: named ? (given.isLeaf ?? null) : null })) {
    result = result === undefined ? leaf : fn(result, leaf);
  }
  return result;
}

const isReduceOptions = (x: unknown): x is TreeReduceOptions<unknown> =>
  isPlainObject(x) &&
  Object.keys(x).length > 0 &&
  Object.entries(x).every(
    ([k, v]) => k === "initializer" || (k === "isLeaf" && typeof v === "function"),
  );

const isEmptyTree = (x: unknown): boolean =>
  x === null ||
  x === undefined ||
  (isList(x) && x.length === 0) ||
  (isPlainObject(x) && Object.keys(x).length === 0);

/**
 * One tree of two that fill different places. Where both have a leaf `mergeFn` decides. Empty lists and objects count as
 * absent.
 *
 * @throws ArgumentError where both have a leaf and there is no `mergeFn`, or a leaf meets a subtree
 * @example
 * mx.treeMerge({ a: 1 }, { b: 2 }); // { a: 1, b: 2 }
 * @see mlx.utils.tree_merge
 */
export const treeMerge = (
  treeA: unknown,
  treeB: unknown,
  options:
    | ((a: unknown, b: unknown) => unknown)
    | { readonly mergeFn?: (a: unknown, b: unknown) => unknown } = {},
): unknown => {
  const mergeFn = typeof options === "function" ? options : options.mergeFn;
  const merge = (a: unknown, b: unknown, path: string): unknown => {
    if (isEmptyTree(a)) return b;
    if (isEmptyTree(b)) return a;
    if (isList(a) && isList(b)) {
      const length = Math.max(a.length, b.length);
      return Array.from({ length }, (_, i) => merge(a[i], b[i], join(path, i)));
    }
    if (isPlainObject(a) && isPlainObject(b)) {
      const out: Record<string, unknown> = {};
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
        setOwn(out, key, merge(a[key], b[key], join(path, key)));
      }
      return out;
    }
    if (mergeFn !== undefined) return mergeFn(a, b);
    throw new ArgumentError(
      `[treeMerge] expected each place in one tree only, got a leaf in both at "${path}": pass mergeFn to combine them`,
    );
  };
  return merge(treeA, treeB, "");
};

/** Trees as lists of leaves with dotted paths, and back. */
import { ArgumentError } from "../core/errors.js";
import { describe, isPlainObject, setOwn } from "../core/guards.js";
import { readOptions } from "../core/options.js";

/** A leaf test: subtrees it accepts are not entered. */
export type IsLeaf = (x: unknown) => boolean;

/** The types of the leaves of a tree: whatever is not a list, a tuple or a plain object. */
export type LeafOf<T> = T extends readonly (infer E)[]
  ? LeafOf<E>
  : T extends object
    ? IsRecord<T> extends true
      ? LeafOf<Required<T>[keyof T]>
      : T
    : T;

/** Class instances have methods; trees do not. */
export type IsRecord<T> = T extends (...args: never) => unknown
  ? false
  : Extract<T[keyof T], (...args: never) => unknown> extends never
    ? true
    : false;

export interface TreeFlattenOptions {
  /** Put before every path, with a dot. */
  readonly prefix?: string;
  readonly isLeaf?: IsLeaf | null;
}

export const join = (prefix: string, key: string | number): string =>
  prefix === "" ? String(key) : `${prefix}.${key}`;

export const isList = (x: unknown): x is readonly unknown[] => Array.isArray(x);

/** A place for {@link treeFlatten} to put leaves under their paths. */
export interface TreeFlattenInto<D> extends TreeFlattenOptions {
  readonly destination: D;
}

/**
 * The leaves with their dotted paths, in order, as pairs; or put into `destination`, an object. Empty lists and objects
 * vanish.
 *
 * @example
 * mx.treeFlatten({ layers: [{ w: 1 }, { w: 2 }] }); // [["layers.0.w", 1], ["layers.1.w", 2]]
 * mx.treeFlatten({ a: { b: 1 } }, { destination: {} }); // { "a.b": 1 }
 * @see mlx.utils.tree_flatten
 */
export function treeFlatten<T>(
  tree: T,
  options: TreeFlattenInto<Record<string, LeafOf<T>>>,
): Record<string, LeafOf<T>>;
export function treeFlatten<T>(tree: T, options?: TreeFlattenOptions): [string, LeafOf<T>][];
export function treeFlatten(
  tree: unknown,
  options: TreeFlattenOptions & { readonly destination?: object } = {},
): [string, unknown][] | object {
  const read = readOptions<typeof options>("treeFlatten", options, [
    "prefix",
    "isLeaf",
    "destination",
  ]);
  const { prefix = "", isLeaf = null, destination } = read;
  const out: [string, unknown][] = [];
  const walk = (x: unknown, path: string): void => {
    if (isLeaf?.(x) === true) out.push([path, x]);
    else if (isList(x)) for (const [i, item] of x.entries()) walk(item, join(path, i));
    else if (isPlainObject(x)) for (const key in x) walk(x[key], join(path, key));
    else out.push([path, x]);
  };
  walk(tree, prefix);
  if (destination === undefined) return out;
  for (const [path, leaf] of out) setOwn(destination, path, leaf);
  return destination;
}

/** A list index far beyond the number of entries is a mistake, or an attempt to fill the memory. */
const gapLimit = 100_000;

/** What {@link treeUnflatten} gives: lists and objects, with leaves of type `L`. */
export type Unflattened<L> = L | Unflattened<L>[] | { [key: string]: Unflattened<L> };

/**
 * The tree of leaves given with dotted paths, as pairs or as an object. Keys that are all whole numbers make a list, with
 * gaps filled by `{}`.
 *
 * @throws ArgumentError when a path is also the start of another, or for anything but pairs or an object
 * @example
 * mx.treeUnflatten([["layers.0.w", 1], ["layers.1.w", 2]]); // { layers: [{ w: 1 }, { w: 2 }] }
 * @see mlx.utils.tree_unflatten
 */
export const treeUnflatten = <L>(
  tree: readonly (readonly [string, L])[] | Readonly<Record<string, L>>,
): Unflattened<L> => {
  const given: unknown = tree;
  if (!Array.isArray(given) && !isPlainObject(given)) {
    throw new ArgumentError(
      `[treeUnflatten] expected pairs of path and leaf, or an object, got ${describe(given)}: see treeFlatten`,
    );
  }
  const pairs: readonly (readonly [string, L])[] = isPairs(tree) ? tree : Object.entries(tree);
  const build = (items: readonly (readonly [string, L])[], at: string): Unflattened<L> => {
    const [only] = items;
    if (items.length === 1 && only !== undefined && only[0] === "") return only[1];
    const groups = new Map<string, [string, L][]>();
    for (const [path, leaf] of items) {
      if (path === "") {
        throw new ArgumentError(
          `[treeUnflatten] expected each path to lead to a leaf or to a subtree, got both at "${at}": rename one`,
        );
      }
      const dot = path.indexOf(".");
      const key = dot < 0 ? path : path.slice(0, dot);
      const group = groups.get(key) ?? [];
      groups.set(key, group);
      group.push([dot < 0 ? "" : path.slice(dot + 1), leaf]);
    }
    const keys = [...groups.keys()];
    if (keys.every((k) => /^\d+$/.test(k))) {
      const highest = keys.reduce((n, k) => Math.max(n, Number(k)), 0);
      if (highest > gapLimit + keys.length) {
        throw new ArgumentError(
          `[treeUnflatten] expected a list with fewer than ${gapLimit} gaps, got index ${highest} at "${at}": rename the path`,
        );
      }
      const list: Unflattened<L>[] = [];
      for (const [key, group] of groups) list[Number(key)] = build(group, join(at, key));
      return Array.from(list, (x) => (x === undefined ? {} : x));
    }
    const object: { [key: string]: Unflattened<L> } = {};
    for (const [key, group] of groups) setOwn(object, key, build(group, join(at, key)));
    return object;
  };
  return build(pairs, "");
};

const isPairs = <L>(
  x: readonly (readonly [string, L])[] | Readonly<Record<string, L>>,
): x is readonly (readonly [string, L])[] => Array.isArray(x);

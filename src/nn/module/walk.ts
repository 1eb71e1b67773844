/** Walks the fields of modules as trees: filters, maps, finds the places of parameters. */
import { isPlainObject, setOwn } from "../../core/guards.js";
import { isNDArray, NDArray, rebind } from "../../graph/array.js";
import { keep } from "../../graph/scope.js";
import { type Branch, isBranch } from "../../graph/tree.js";

/** Decides about a value in a module; its key is dotted where it lies in a list or record of that module. */
export type FieldFilter<M> = (module: M, key: string, value: unknown) => boolean;

export const isList = (x: unknown): x is readonly unknown[] => Array.isArray(x);

const isContainer = (x: unknown): x is readonly unknown[] | Record<string, unknown> =>
  isList(x) || isPlainObject(x);

/** The entries of a list or record. */
const entriesOf = (
  x: readonly unknown[] | Record<string, unknown>,
): readonly (readonly [string, unknown])[] =>
  isList(x) ? x.map((item, i) => [String(i), item] as const) : Object.entries(x);

/** Whether a value is an array or module, or a list or record that has one at any depth or has nothing. */
export const holdsArrays = (x: unknown): boolean => {
  if (isNDArray(x) || isBranch(x)) return true;
  if (!isContainer(x)) return false;
  const entries = entriesOf(x);
  return entries.length === 0 || entries.some(([, item]) => holdsArrays(item));
};

/** The same for modules alone. */
export const holdsModules = (x: unknown): boolean => {
  if (isBranch(x)) return true;
  if (!isContainer(x)) return false;
  const entries = entriesOf(x);
  return entries.length === 0 || entries.some(([, item]) => holdsModules(item));
};

/** What a module holds: its fields with arrays or modules, private ones too; not its own list of frozen names. */
const fieldsOf = (module: object): readonly (readonly [string, unknown])[] =>
  Object.entries(module).filter(([key, value]) => key !== "_frozen" && holdsArrays(value));

/** The members by which a walk is steered. */
export interface Walk<M> {
  readonly isModule: (x: unknown) => x is M;
  readonly filter: FieldFilter<M>;
  readonly map: (value: unknown) => unknown;
  readonly isLeaf: FieldFilter<M>;
}

/** The tree of the accepted fields; what is refused inside a list or record leaves an empty object in its place. */
export const mapFields = <M extends Branch>(module: M, walk: Walk<M>): Record<string, unknown> => {
  const { isModule, filter, map, isLeaf } = walk;
  const unwrap = (owner: M, key: string, value: unknown): unknown => {
    if (isLeaf(owner, key, value)) return map(value);
    if (isModule(value)) return mapFields(value, walk);
    const item = (name: string, inner: unknown): unknown => {
      const path = `${key}.${name}`;
      return filter(owner, path, inner) ? unwrap(owner, path, inner) : {};
    };
    if (isList(value)) return value.map((inner, i) => item(String(i), inner));
    if (!isPlainObject(value)) return map(value);
    const record: Record<string, unknown> = {};
    for (const [name, inner] of Object.entries(value)) setOwn(record, name, item(name, inner));
    return record;
  };
  const tree: Record<string, unknown> = {};
  for (const [key, value] of fieldsOf(module))
    if (filter(module, key, value)) setOwn(tree, key, unwrap(module, key, value));
  return tree;
};

/** Where one array is kept. */
export interface Place {
  /** Dotted, from the module at the top. */
  readonly path: string;
  readonly owner: object;
  readonly key: string;
  readonly array: NDArray;
}

/** The places of all arrays that a filter accepts, in the order of the tree that {@link mapFields} gives. */
export const placesOf = <M extends Branch>(
  module: M,
  isModule: (x: unknown) => x is M,
  filter: FieldFilter<M>,
): Place[] => {
  const places: Place[] = [];
  const visit = (
    within: M,
    owner: object,
    key: string,
    name: string,
    path: string,
    value: unknown,
  ): void => {
    if (!filter(within, name, value)) return;
    if (isNDArray(value)) places.push({ path, owner, key, array: value });
    else if (isModule(value)) module_(value, path);
    else if (isContainer(value))
      for (const [inner, item] of entriesOf(value))
        visit(within, value, inner, `${name}.${inner}`, `${path}.${inner}`, item);
  };
  const module_ = (m: M, path: string): void => {
    for (const [key, value] of fieldsOf(m))
      visit(m, m, key, key, path === "" ? key : `${path}.${key}`, value);
  };
  module_(module, "");
  return places;
};

/** Puts a value into a field, list or record. */
export const putInto = (owner: object, key: string, value: unknown): void => {
  if (isBranch(owner)) Reflect.set(owner, key, value);
  else setOwn(owner, key, value);
};

/** A new value for the array at a place. */
export interface Change {
  readonly owner: object;
  readonly key: string;
  readonly array: NDArray;
  readonly value: NDArray;
}

/**
 * Gives arrays their new values through the handles that are there, so that the memory of the old values is free at once. A
 * handle that lies at several places is given to the first; the others get handles of their own.
 */
export const commit = (changes: readonly Change[]): void => {
  // Values may be handles that change themselves.
  const nodes = changes.map(({ value }) => value.node);
  const done = new Set<NDArray>();
  for (const [i, { owner, key, array }] of changes.entries()) {
    const node = nodes[i];
    if (node === undefined) continue;
    if (done.has(array)) putInto(owner, key, keep(new NDArray(node)));
    else if (array.node !== node) rebind(array, node);
    done.add(array);
  }
};

/** Brings a tree of new values to the fields of a module: all of it is checked before any of it is done. */
import { ArgumentError } from "../../core/errors.js";
import { describe, isPlainObject } from "../../core/guards.js";
import { isNDArray } from "../../graph/array.js";
import { isBranch } from "../../graph/tree.js";
import { type Change, holdsArrays, isList } from "./walk.js";

/** What is found where a tree and a module meet. */
interface Meeting {
  readonly owner: object;
  readonly key: string;
  readonly current: unknown;
  readonly value: unknown;
  readonly path: string;
}

/** True when the meeting is settled, false to go on inside. */
type Meet = (meeting: Meeting) => boolean;

const child = (x: unknown, key: string): unknown =>
  typeof x === "object" && x !== null && Object.hasOwn(x, key) ? Reflect.get(x, key) : undefined;

const pathTo = (path: string, key: string): string => (path === "" ? key : `${path}.${key}`);

/** Walks a tree and a module side by side. */
const meetAll = (op: string, into: object, tree: unknown, strict: boolean, meet: Meet): void => {
  const visit = (owner: object, value: unknown, path: string): void => {
    if (!isList(value) && !isPlainObject(value)) {
      if (!strict) return;
      throw new ArgumentError(
        `[${op}] expected a tree like the module${path === "" ? "" : ` at "${path}"`}, got ${describe(value)}: pass an object or a list`,
      );
    }
    if (isList(value) !== isList(owner) && Object.keys(value).length > 0) {
      if (!strict) return;
      throw new ArgumentError(
        `[${op}] expected ${isList(owner) ? "a list" : "an object"}${path === "" ? "" : ` at "${path}"`}, got ${describe(value)}: give it the structure of the module`,
      );
    }
    for (const [key, item] of Object.entries(value)) {
      const at = pathTo(path, key);
      const current = child(owner, key);
      if (meet({ owner, key, current, value: item, path: at })) continue;
      if (typeof current === "object" && current !== null && holdsArrays(current))
        visit(current, item, at);
      else if (strict && !isEmptyTree(item)) {
        throw new ArgumentError(
          `[${op}] expected names that the module has, got "${at}": take it out, or pass { strict: false }`,
        );
      }
    }
  };
  visit(into, tree, "");
};

/** Empty branches say nothing. */
const isEmptyTree = (x: unknown): boolean =>
  (isList(x) || isPlainObject(x)) && Object.values(x).every(isEmptyTree);

/** The changes that make the arrays of a module those of a tree. */
export const changesOf = (
  op: string,
  module: object,
  tree: unknown,
  strict: boolean,
): readonly Change[] => {
  const changes: Change[] = [];
  meetAll(op, module, tree, strict, ({ owner, key, current, value, path }) => {
    if (!isNDArray(current)) return false;
    if (isNDArray(value)) changes.push({ owner, key, array: current, value });
    else if (strict) {
      throw new ArgumentError(
        `[${op}] expected an array at "${path}", got ${describe(value)}: make it with mx.array`,
      );
    }
    return true;
  });
  return changes;
};

/** A module to be put in the place of another. */
export interface Replacement {
  readonly owner: object;
  readonly key: string;
  readonly value: object;
}

/** The replacements that a tree of modules asks for. */
export const replacementsOf = (
  op: string,
  module: object,
  tree: unknown,
  strict: boolean,
): readonly Replacement[] => {
  const found: Replacement[] = [];
  meetAll(op, module, tree, strict, ({ owner, key, current, value, path }) => {
    if (!isBranch(value)) return false;
    if (isBranch(current)) found.push({ owner, key, value });
    else if (strict) {
      throw new ArgumentError(
        `[${op}] expected a module of the model at "${path}", got ${describe(current)} there: modules take the places of modules`,
      );
    }
    return true;
  });
  return found;
};

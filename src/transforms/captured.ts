/** State that a compiled function reads and writes outside its arguments: found in trees, restored, written back. */
import { ArgumentError } from "../core/errors.js";
import { describe, isPlainObject, setOwn } from "../core/guards.js";
import { isNDArray, NDArray, rebind } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import { isOwned, own } from "../graph/owned.js";
import { isBranch } from "../graph/tree.js";
import { pick } from "./leaves.js";
import type { Signature } from "./signature.js";

type Key = string | number;

/** An object such as an optimizer, whose `state` is a tree. */
const isHolder = (x: unknown): x is { state: unknown } =>
  typeof x === "object" && x !== null && "state" in x && typeof x.state === "object";

type Kind = "list" | "object" | "holder" | "branch";

const kindOf = (x: unknown): Kind | null => {
  if (Array.isArray(x)) return "list";
  if (isPlainObject(x)) return "object";
  if (isBranch(x)) return "branch";
  return !isNDArray(x) && isHolder(x) ? "holder" : null;
};

const keysOf = (x: object, kind: Kind): readonly Key[] => {
  if (kind === "holder") return ["state"];
  return Array.isArray(x) ? x.map((_, i) => i) : Object.keys(x);
};

const child = (x: unknown, key: Key): unknown =>
  typeof x === "object" && x !== null && Object.hasOwn(x, key) ? Reflect.get(x, key) : undefined;

/** Of a holder, `state` may be an accessor of its class. */
const childOf = (x: object, kind: Kind, key: Key): unknown =>
  kind === "holder" ? Reflect.get(x, key) : child(x, key);

const put = (x: object, key: Key, value: unknown): void => {
  if (typeof key === "number") Reflect.set(x, key, value);
  else setOwn(x, key, value);
};

const isValue = (x: unknown): boolean =>
  (typeof x !== "object" || x === null) && typeof x !== "function" && typeof x !== "symbol";

/**
 * Writes the structure of captured state and gathers its arrays in order. What else is in the fields of a branch, functions
 * too, is compared by identity.
 *
 * @throws ArgumentError for an object that is neither a tree nor has a `state`
 */
export const writeCaptured = (
  op: string,
  tree: unknown,
  out: Signature,
  arrays: NDArray[],
  inBranch: boolean = false,
): void => {
  if (isNDArray(tree)) {
    arrays.push(tree);
    return;
  }
  const kind = kindOf(tree);
  if (kind !== null && typeof tree === "object" && tree !== null) {
    const keys = keysOf(tree, kind);
    out.push(kind, keys.length);
    const inside = inBranch || kind === "branch";
    for (const key of keys) {
      if (kind === "object" || kind === "branch") out.push(key);
      writeCaptured(op, childOf(tree, kind, key), out, arrays, inside);
    }
  } else if (inBranch || isValue(tree)) out.push(tree);
  else {
    throw new ArgumentError(
      `[compile] expected ${op} to be a tree of arrays, or objects whose state is one, got ${describe(tree)} in it: ` +
        "list the arrays themselves",
    );
  }
};

/** What containers held, to see afterwards what a function did to them, and to undo it. */
export type Contents = Map<object, readonly (readonly [Key, unknown])[]>;

/** Remembers what the containers of a tree hold. */
export const remember = (tree: unknown, into: Contents): void => {
  const kind = kindOf(tree);
  if (kind === null || typeof tree !== "object" || tree === null || into.has(tree)) return;
  const entries = keysOf(tree, kind).map((key) => [key, childOf(tree, kind, key)] as const);
  into.set(tree, entries);
  for (const [, value] of entries) remember(value, into);
};

/** Puts everything back. */
export const undo = (contents: Contents): void => {
  for (const [box, entries] of contents) {
    const kind = kindOf(box);
    if (kind === "list") Reflect.set(box, "length", entries.length);
    if (kind === "object" || kind === "branch")
      for (const key of Object.keys(box))
        if (!entries.some(([k]) => k === key)) Reflect.deleteProperty(box, key);
    for (const [key, value] of entries) if (Reflect.get(box, key) !== value) put(box, key, value);
  }
};

/** How a tree came out of the function: which arrays are new values of the same handle, which are in new places. */
export type Written =
  | {
      readonly is: "array";
      readonly index: number;
      readonly same: boolean;
      /** A new handle is the library's own. */
      readonly owned: boolean;
    }
  | { readonly is: "value"; readonly value: unknown }
  | {
      readonly is: Kind;
      readonly fresh: boolean;
      readonly entries: readonly (readonly [Key, Written])[];
    };

/** Stand-ins for captured handles while a function is traced. */
export type StandIns = Map<NDArray, NDArray>;

/** Puts stand-ins in the places of captured handles. */
export const fill = (tree: unknown, contents: Contents, standIns: StandIns): void => {
  const kind = kindOf(tree);
  const entries = typeof tree === "object" && tree !== null ? contents.get(tree) : undefined;
  if (kind === null || entries === undefined || typeof tree !== "object" || tree === null) return;
  for (const [key, value] of entries) {
    if (!isNDArray(value)) fill(value, contents, standIns);
    else {
      const standIn = standIns.get(value);
      if (standIn !== undefined) put(tree, key, standIn);
    }
  }
};

/** Puts captured handles back in their places, where the function left their stand-ins. */
export const unfill = (contents: Contents, standIns: StandIns): void => {
  for (const [box, entries] of contents) {
    for (const [key, value] of entries) {
      const standIn = isNDArray(value) ? standIns.get(value) : undefined;
      if (standIn !== undefined && Reflect.get(box, key) === standIn) put(box, key, value);
    }
  }
};

/** Describes what a function left in `tree`, which was `before`, and gathers the arrays. */
export const describeWritten = (
  tree: unknown,
  before: unknown,
  contents: Contents,
  standIns: StandIns,
  arrays: NDArray[],
): Written => {
  if (isNDArray(tree)) {
    const same = tree === before || (isNDArray(before) && tree === standIns.get(before));
    return { is: "array", index: arrays.push(tree) - 1, same, owned: isOwned(tree) };
  }
  const kind = kindOf(tree);
  if (kind === null || typeof tree !== "object" || tree === null)
    return { is: "value", value: tree };
  const fresh = tree !== before;
  if (fresh && kind === "branch") {
    throw new ArgumentError(
      `[compile] expected outputs with the objects they had, got another ${describe(tree)} in them: put it there before compiling`,
    );
  }
  const old = new Map(typeof before === "object" && before !== null ? contents.get(before) : []);
  const entries = keysOf(tree, kind).map((key) => {
    const inner = childOf(tree, kind, key);
    return [key, describeWritten(inner, old.get(key), contents, standIns, arrays)] as const;
  });
  return { is: kind, fresh, entries };
};

/** What belongs at a place that holds `current`: the same container or handle with new contents, or new ones. */
const written = (plan: Written, current: unknown, nodes: readonly Node[]): unknown => {
  if (plan.is === "value") return current === undefined ? plan.value : current;
  if (plan.is === "array") {
    const node = pick(nodes, plan.index);
    if (!plan.same || !isNDArray(current)) {
      const made = new NDArray(node);
      if (plan.owned) own(made);
      return made;
    }
    rebind(current, node);
    return current;
  }
  const reused = !plan.fresh && kindOf(current) === plan.is;
  const box = reused && typeof current === "object" && current !== null ? current : undefined;
  const target = box ?? (plan.is === "list" ? [] : {});
  if (plan.is === "list") Reflect.set(target, "length", plan.entries.length);
  for (const [key, inner] of plan.entries) {
    // A container that is made anew may still hold handles that were there.
    const from = box === undefined ? current : target;
    const old = plan.is === "holder" ? Reflect.get(target, key) : child(from, key);
    const value = written(inner, old, nodes);
    if (value !== old || box === undefined) put(target, key, value);
  }
  return target;
};

/** Writes `nodes` into `tree` as the traced call did. */
export const writeBack = (plan: Written, tree: unknown, nodes: readonly Node[]): void => {
  written(plan, tree, nodes);
};

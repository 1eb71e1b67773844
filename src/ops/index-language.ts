/** The language of indices: what `get`, `set` and `at` take, and its form as one string. */
import { bool, int32, isInteger } from "../core/dtype.js";
import { ArgumentError, DTypeError, IndexError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { isTypedArray, type TypedArrayInput } from "../core/typed.js";
import { NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import { type ArrayData, array } from "./creation-host.js";

/** Positions start, start + step, … before stop, as in Python: null means "from the end that step starts at". */
export class Slice {
  readonly start: number | null;
  readonly stop: number | null;
  readonly step: number;

  constructor(start: number | null, stop: number | null, step: number | null) {
    this.start = readBound(start, "start");
    this.stop = readBound(stop, "stop");
    this.step = readBound(step, "step") ?? 1;
    if (this.step === 0) {
      throw new IndexError("[slice] expected a step other than 0, got 0: use 1 or -1");
    }
  }

  /** First position, number of positions and step on an axis of `length`: bounds are clamped as in Python. */
  on(length: number): { readonly start: number; readonly count: number; readonly step: number } {
    const { step } = this;
    const low = step > 0 ? 0 : -1;
    const high = step > 0 ? length : length - 1;
    const clamp = (x: number | null, open: number): number => {
      if (x === null) return open;
      return Math.min(Math.max(x < 0 ? x + length : x, low), high);
    };
    const start = clamp(this.start, step > 0 ? low : high);
    const stop = clamp(this.stop, step > 0 ? high : low);
    const count = Math.max(0, Math.ceil((stop - start) / step));
    return count === 0 ? { start: 0, count, step: 1 } : { start, count, step };
  }
}

const readBound = (x: unknown, what: string): number | null => {
  if (x === null || x === undefined) return null;
  if (typeof x !== "number" || !Number.isInteger(x)) {
    throw new IndexError(`[slice] expected a whole number or null as ${what}, got ${describe(x)}`);
  }
  return x;
};

/** Lists of whole numbers (an index array) or of booleans (a mask), nested to any depth. */
export type IndexList = readonly (number | boolean | IndexList)[];

/**
 * One component of an index: a position, a slice, `null` for a new axis, an array or list of positions, a mask, or a string
 * with any number of components, such as `"..."` or `"1:3, ::-1"`.
 */
export type Index =
  | number
  | bigint
  | null
  | boolean
  | string
  | Slice
  | NDArray
  | TypedArrayInput
  | IndexList;

/** A component after reading. */
export type Component =
  | { readonly kind: "position"; readonly at: number }
  | { readonly kind: "slice"; readonly slice: Slice }
  | { readonly kind: "ellipsis" }
  | { readonly kind: "axis" }
  | { readonly kind: "positions"; readonly node: Node }
  | { readonly kind: "mask"; readonly node: Node };

const number = (text: string, whole: string): number => {
  if (!/^[+-]?\d+$/.test(text)) {
    throw new IndexError(
      `[index] expected positions, slices, "..." or None separated by commas, got "${text}" in "${whole}"`,
    );
  }
  return Number(text);
};

const parsePart = (part: string, whole: string): Component => {
  if (part === "...") return { kind: "ellipsis" };
  if (part === "None" || part === "null" || part === "newaxis") return { kind: "axis" };
  if (!part.includes(":")) return { kind: "position", at: number(part, whole) };
  const bounds = part.split(":").map((b) => (b.trim() === "" ? null : number(b.trim(), whole)));
  if (bounds.length > 3) {
    throw new IndexError(`[index] expected at most start:stop:step, got "${part}" in "${whole}"`);
  }
  return {
    kind: "slice",
    slice: new Slice(bounds[0] ?? null, bounds[1] ?? null, bounds[2] ?? null),
  };
};

/** The components of an index written as one string. */
export const parseIndex = (text: string): Component[] =>
  text
    .replace(/,\s*$/, "")
    .split(",")
    .map((part) => parsePart(part.trim(), text));

const isList = (x: unknown): x is readonly unknown[] => Array.isArray(x);

const kindOfList = (list: readonly unknown[]): "positions" | "mask" => {
  let kind: "positions" | "mask" | null = null;
  const visit = (x: unknown): void => {
    if (isList(x)) {
      x.forEach(visit);
      return;
    }
    const here = typeof x === "boolean" ? "mask" : "positions";
    if ((here === "positions" && !Number.isInteger(x)) || (kind !== null && kind !== here)) {
      throw new IndexError(
        `[index] expected a list of whole numbers or one of booleans, got ${describe(x)} in it`,
      );
    }
    kind = here;
  };
  visit(list);
  return kind ?? "positions";
};

const isData = (x: unknown): x is ArrayData => isList(x);

const readArray = (a: NDArray): Component => {
  if (a.dtype === bool) return { kind: "mask", node: a.node };
  if (!isInteger(a.dtype)) {
    throw new DTypeError(
      `[index] expected an array of integers, got ${a.dtype.name}: cast with x.astype(mx.int32)`,
    );
  }
  return { kind: "positions", node: a.node };
};

/** Reads what the user wrote, strings spliced in. */
export const readIndex = (given: readonly unknown[]): Component[] =>
  given.flatMap((x): Component[] => {
    if (typeof x === "number" && Number.isInteger(x)) return [{ kind: "position", at: x }];
    if (typeof x === "bigint") return [{ kind: "position", at: Number(x) }];
    if (x === null) return [{ kind: "axis" }];
    if (typeof x === "string") return parseIndex(x);
    if (x instanceof Slice) return [{ kind: "slice", slice: x }];
    if (x instanceof NDArray) return [readArray(x)];
    if (isTypedArray(x)) return [readArray(array(x))];
    if (typeof x === "boolean") return [{ kind: "mask", node: array(x).node }];
    if (isList(x) && isData(x)) {
      const kind = kindOfList(x);
      return [{ kind, node: array(x, kind === "mask" ? bool : int32).node }];
    }
    throw new ArgumentError(
      `[index] expected positions, mx.slice(…), "...", null, arrays of integers or lists, got ${describe(x)}`,
    );
  });

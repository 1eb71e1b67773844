/** Examples, trees of numbers and arrays, put together into batches: trees of arrays with one more axis in front. */
import { ArgumentError } from "../core/errors.js";
import { describe, isPlainObject, setOwn } from "../core/guards.js";
import { isTypedArray, type TypedArrayInput } from "../core/typed.js";
import { isNDArray, type NDArray } from "../graph/array.js";
import { array } from "../ops/creation-host.js";
import { stack } from "../ops/join.js";

/** What an example's leaf may be. */
export type Item = NDArray | TypedArrayInput | number | bigint | boolean;

/** The batch of examples of type `E`: the same tree with arrays at its leaves. */
export type BatchOf<E> = E extends Item
  ? NDArray
  : E extends object
    ? { -readonly [K in keyof E]: BatchOf<E[K]> }
    : never;

const leaves = (items: readonly unknown[], at: string): NDArray => {
  if (items.every(isNDArray)) return stack(items);
  if (items.every(isTypedArray)) return stack(items.map((x) => array(x)));
  if (items.every((x) => typeof x === "number")) return array(items);
  if (items.every((x) => typeof x === "bigint")) return array(items);
  if (items.every((x) => typeof x === "boolean")) return array(items);
  const other = items.find((x) => typeof x !== typeof items[0]) ?? items[0];
  throw new ArgumentError(
    `[dataset] expected examples of one kind${at}, got ${describe(items[0])} and ${describe(other)}: give numbers, typed arrays or arrays`,
  );
};

/** @throws ArgumentError when the examples differ in structure or hold other values */
export const stackExamples = (examples: readonly unknown[], at: string = ""): unknown => {
  const [first] = examples;
  const child = (key: string | number): unknown =>
    stackExamples(
      examples.map((x) => {
        if (typeof x === "object" && x !== null && key in x) return Reflect.get(x, key);
        throw new ArgumentError(
          `[dataset] expected examples of one structure, got one without "${key}"${at}: give each the same entries`,
        );
      }),
      ` at ${key}`,
    );
  if (Array.isArray(first)) return first.map((_, i) => child(i));
  if (!isPlainObject(first)) return leaves(examples, at);
  const object = {};
  for (const key of Object.keys(first)) setOwn(object, key, child(key));
  return object;
};

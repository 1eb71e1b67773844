/** What one of MLX's primitives is here: the fields of its state in a file, and what it does to arrays. */
import type { DType } from "../../core/dtype.js";
import { ArgumentError } from "../../core/errors.js";
import { NDArray } from "../../graph/array.js";
import type { Aval, Node } from "../../graph/node.js";
import type { Cursor } from "./cursor.js";

/** Reads one field of a state. */
export type Field<T> = (cursor: Cursor, what: string) => T;

export const int: Field<number> = (c, what) => c.int(what);
export const ints: Field<number[]> = (c, what) => c.ints(what);
export const longs: Field<number[]> = (c, what) => c.list(what, 8, () => c.long(what));
export const counts: Field<number[]> = (c, what) => c.list(what, 8, () => c.count(what));
export const count: Field<number> = (c, what) => c.count(what);
export const flag: Field<boolean> = (c, what) => c.flag(what);
export const float: Field<number> = (c, what) => c.float(what);
export const double: Field<number> = (c, what) => c.double(what);
export const text: Field<string> = (c, what) => c.text(what);
export const dtype: Field<DType> = (c, what) => c.dtype(what);

/** A number that stands for one of several words. */
export const oneOf =
  <const T extends string>(...words: readonly T[]): Field<T> =>
  (c, what) => {
    const at = c.at;
    const number = c.int(what);
    const word = words[number];
    if (word === undefined)
      throw c.fail(`a number below ${words.length} in ${what}`, `${number}`, at);
    return word;
  };

/** What an application knows besides its operands. */
export interface Setting {
  /** The types its results had when the function was exported. */
  readonly outs: readonly Aval[];
  /** Whether operands have the lengths they had then. */
  readonly fixed: boolean;
}

/** One application with its state: the results for operands. */
export type Application = (
  ins: readonly NDArray[],
  setting: Setting,
) => NDArray | readonly NDArray[];

/** Reads a state, and gives the application that it makes. */
export type MlxPrimitive = (cursor: Cursor, what: string) => Application;

type StateOf<F extends readonly Field<unknown>[]> = {
  readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never;
};

/** A primitive whose state has `fields`. */
export const primitive =
  <const F extends readonly Field<unknown>[]>(
    fields: F,
    apply: (
      ins: readonly NDArray[],
      state: StateOf<F>,
      setting: Setting,
    ) => NDArray | readonly NDArray[],
  ): MlxPrimitive =>
  (cursor, what) => {
    // Each field was read by the reader at its place.
    const state = fields.map((read) =>
      read(cursor, `the state of ${what}`),
    ) as unknown as StateOf<F>;
    return (ins, setting) => apply(ins, state, setting);
  };

/** Operand `i`. */
export const at = (ins: readonly NDArray[], i: number): NDArray => {
  const x = ins[i];
  if (x !== undefined) return x;
  throw new ArgumentError(`[importFunction] expected operand ${i}, got ${ins.length} operands`);
};

/** A primitive without state and with one operand. */
export const unary = (fn: (x: NDArray) => NDArray): MlxPrimitive =>
  primitive([], (ins) => fn(at(ins, 0)));

/** A primitive without state and with two operands. */
export const binary = (fn: (a: NDArray, b: NDArray) => NDArray): MlxPrimitive =>
  primitive([], (ins) => fn(at(ins, 0), at(ins, 1)));

export const wrapped = (n: Node): NDArray => new NDArray(n);

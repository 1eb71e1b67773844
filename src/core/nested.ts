/** Nested lists as sources of array data: their shape, the dtype their items ask for, and their bytes. */
import { type DType, float32 } from "./dtype.js";
import { ArgumentError, DTypeError, ShapeError } from "./errors.js";
import { describe, isScalar } from "./guards.js";
import { promote, scalarDtype } from "./promotion.js";
import { isTypedArray, type TypedArrayInput, typedDtype } from "./typed.js";
import { writer } from "./values.js";

/** What a walk over a nested list found. */
export interface NestedInfo {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

const isSeries = (x: unknown): x is readonly unknown[] | TypedArrayInput =>
  Array.isArray(x) || isTypedArray(x);

const place = (path: readonly number[]): string =>
  path.length === 0 ? "" : ` at [${path.join("][")}]`;

/** Shape by descent through first items: every other item has to agree. */
const outline = (op: string, data: unknown): number[] => {
  const shape: number[] = [];
  for (let x: unknown = data; isSeries(x); x = x[0]) {
    shape.push(x.length);
    if (shape.length > 64)
      throw new ArgumentError(
        `[${op}] expected at most 64 dimensions, got a list nested deeper: flatten it`,
      );
    if (isTypedArray(x)) break;
  }
  return shape;
};

const wideBigint = (op: string, v: bigint): DTypeError =>
  new DTypeError(
    `[${op}] expected an integer that fits int64, got ${v}: state a dtype, like uint64`,
  );

/**
 * Measures a nested list.
 *
 * @throws ShapeError for ragged lists, ArgumentError for an item that is no value, DTypeError for a bigint beyond int64
 * when `given` is null; each says where
 */
export const measure = (op: string, data: unknown, given: DType | null): NestedInfo => {
  const shape = outline(op, data);
  let dtype: DType | null = null;
  const path: number[] = [];
  const see = (d: DType): void => {
    dtype = dtype === null ? d : promote(dtype, d);
  };
  const ragged = (got: string): ShapeError =>
    new ShapeError(
      `[${op}] expected ${path.length < shape.length ? `a list of ${shape[path.length]}` : "a single value"}${place(path)}, ` +
        `as at its first neighbour, got ${got}: make the lists equally long and deep`,
    );
  const walk = (x: unknown): void => {
    const depth = path.length;
    if (isSeries(x)) {
      if (depth >= shape.length || x.length !== shape[depth]) throw ragged(`a list of ${x.length}`);
      if (isTypedArray(x)) {
        if (depth !== shape.length - 1) throw ragged(`a flat ${x[Symbol.toStringTag]}`);
        see(typedDtype(x));
        return;
      }
      for (let i = 0; i < x.length; i++) {
        path.push(i);
        walk(x[i]);
        path.pop();
      }
      return;
    }
    if (!isScalar(x)) {
      throw new ArgumentError(
        `[${op}] expected numbers, booleans, BigInts, { re, im }, typed arrays or arrays, got ${describe(x)}${place(path)}: convert it first`,
      );
    }
    if (depth !== shape.length) throw ragged("a single value");
    if (given === null && typeof x === "bigint" && BigInt.asIntN(64, x) !== x)
      throw wideBigint(op, x);
    // Numbers are by far the most common and need no promotion once float32 is reached.
    if (typeof x !== "number" || dtype !== float32) see(scalarDtype(x));
  };
  walk(data);
  return { shape, dtype: given ?? dtype ?? float32 };
};

/** The bytes of a measured nested list in `dtype`. */
export const encodeNested = (
  data: unknown,
  { shape, dtype }: NestedInfo,
): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(shape.reduce((a, b) => a * b, dtype.size));
  const write = writer(dtype, bytes);
  let next = 0;
  const walk = (x: unknown): void => {
    if (isSeries(x)) for (let i = 0; i < x.length; i++) walk(x[i]);
    else if (isScalar(x)) write(next++, x);
  };
  walk(data);
  return bytes;
};

/** Arrays from JavaScript data: numbers, nested lists, typed arrays, and lists that hold arrays. */
import type { DType } from "../core/dtype.js";
import { ArgumentError, ShapeError } from "../core/errors.js";
import { describe, type Scalar } from "../core/guards.js";
import { encodeNested, measure } from "../core/nested.js";
import { readPositional } from "../core/options.js";
import { isDType, promote } from "../core/promotion.js";
import { showShape } from "../core/shape.js";
import { encodeTyped, isTypedArray, type TypedArrayInput, typedDtype } from "../core/typed.js";
import { NDArray } from "../graph/array.js";
import { hostNode } from "../graph/host.js";
import { type Node, sameShape } from "../graph/node.js";
import * as p from "../primitives/index.js";

/** What arrays are made of: values, typed arrays, arrays, or lists of these, nested equally deep. */
export type ArrayData = Scalar | TypedArrayInput | NDArray | readonly ArrayData[];

/** Options of {@link array}. */
export interface ArrayOptions {
  /** The dtype to cast to, instead of the one the data asks for. */
  readonly dtype?: DType | null;
}

/** Options of {@link asarray}. */
export interface AsarrayOptions extends ArrayOptions {
  /** `false` refuses to copy, `true` always makes another array; by default an array that fits is returned itself. */
  readonly copy?: boolean | null;
}

const cast = (n: Node, dtype: DType | null): Node =>
  dtype === null || n.dtype === dtype ? n : p.cast(n, dtype);

const requireDtype = (op: string, given: unknown): DType | null => {
  if (given === undefined || given === null) return null;
  if (isDType(given)) return given;
  throw new ArgumentError(`[${op}] expected a dtype, got ${describe(given)}: pass mx.float32, say`);
};

const holdsArrays = (data: unknown): boolean =>
  data instanceof NDArray || (Array.isArray(data) && data.some(holdsArrays));

/** A list with arrays in it: its items become nodes, which are promoted and stacked. */
const stacked = (
  op: string,
  items: readonly unknown[],
  dtype: DType | null,
  path: string,
): Node => {
  const nodes = items.map((item, i) => build(op, item, dtype, `${path}[${i}]`));
  const [first] = nodes;
  if (first === undefined) return build(op, items, dtype, path);
  let common = first.dtype;
  for (const [i, n] of nodes.entries()) {
    common = promote(common, n.dtype);
    if (sameShape(n.shape, first.shape)) continue;
    throw new ShapeError(
      `[${op}] expected shape ${showShape(first.shape)} at ${path}[${i}], as at ${path}[0], got ${showShape(n.shape)}: ` +
        "give all items of a list one shape",
    );
  }
  const rows = nodes.map((n) => p.reshape(cast(n, common), [1, ...n.shape]));
  return p.concatenate(rows, 0);
};

const build = (op: string, data: unknown, dtype: DType | null, path: string): Node => {
  if (data instanceof NDArray) return cast(data.node, dtype);
  if (isTypedArray(data)) {
    const to = dtype ?? typedDtype(data);
    return hostNode([data.length], to, encodeTyped(to, data));
  }
  if (Array.isArray(data) && holdsArrays(data)) return stacked(op, data, dtype, path);
  const info = measure(op, data, dtype);
  return hostNode(info.shape, info.dtype, encodeNested(data, info));
};

/**
 * An array of the given data. Numbers give float32, booleans bool, BigInts int64, `{ re, im }` complex64, a mixture what
 * they promote to; a typed array keeps its dtype; arrays in lists are stacked. A dtype overrides: floats are truncated
 * into integers, integers wrap.
 *
 * @param data numbers, booleans, BigInts, `{ re, im }`, typed arrays, arrays, or nested lists of these
 * @throws ShapeError for lists of unequal length or depth, ArgumentError for other values; both say where
 * @example
 * mx.array([[1, 2], [3, 4]]);            // float32, shape [2, 2]
 * mx.array([1, 2, 3], mx.int32);
 * mx.array(new Float64Array([0.1]));     // float64
 * @see mlx.core.array
 */
export const array = (
  data: ArrayData,
  dtype?: DType | ArrayOptions | null,
  rest?: ArrayOptions,
): NDArray => {
  const options = readPositional<ArrayOptions>("array", "dtype", dtype ?? undefined, rest, [
    "dtype",
  ]);
  return new NDArray(build("array", data, requireDtype("array", options.dtype), ""));
};

/**
 * The data as an array: an array of the wanted dtype is returned itself, anything else as by {@link array}.
 *
 * @throws ArgumentError when `copy` is false and the data is not an array of that dtype
 * @example
 * mx.asarray([1, 2], { dtype: mx.int32 });
 * @see mlx.core.asarray
 */
export const asarray = (
  data: ArrayData,
  dtype?: DType | AsarrayOptions | null,
  rest?: AsarrayOptions,
): NDArray => {
  const options = readPositional<AsarrayOptions>("asarray", "dtype", dtype ?? undefined, rest, [
    "dtype",
    "copy",
  ]);
  const to = requireDtype("asarray", options.dtype);
  const fits = data instanceof NDArray && (to === null || data.dtype === to);
  if (options.copy === false && !fits) {
    throw new ArgumentError(
      "[asarray] expected an array of the wanted dtype with copy: false, got data that must be copied: leave copy out",
    );
  }
  if (fits && options.copy !== true) return data;
  return new NDArray(build("asarray", data, to, ""));
};

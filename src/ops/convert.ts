/** The same values in another dtype or another layout. */

import { type DType, int32 } from "../core/dtype.js";
import { ArgumentError, IndexError, ShapeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readOptions, readPositional } from "../core/options.js";
import { requireDType } from "../core/promotion.js";
import { requireIntegers, requireNumbers } from "../core/require.js";
import { readShape, showShape, stridesOf } from "../core/shape.js";
import { NDArray } from "../graph/array.js";
import { type Node, type Shape, sizeOf } from "../graph/node.js";
import * as p from "../primitives/index.js";
import { arrayOf, like, nodeOf, type Operand, wrap } from "./operand.js";
import { takeNode } from "./take.js";

/**
 * Values cast to a dtype: floats truncate toward zero into integers, anything nonzero is true, complex to real drops the
 * imaginary part. The gradient is cast back.
 *
 * @throws ArgumentError when it is not a dtype
 * @example mx.astype(mx.array([1.7]), mx.int32).tolist() // [1]
 * @see mlx.core.astype
 */
export function astype(a: Operand, dtype: DType): NDArray {
  requireDType("astype", dtype);
  return wrap(p.cast(nodeOf("astype", a), dtype));
}

export interface ContiguousOptions {
  readonly allowColMajor?: boolean;
}

/**
 * The array itself: arrays are contiguous where that matters.
 *
 * @example mx.contiguous(mx.array([1])).tolist() // [1]
 * @see mlx.core.contiguous
 */
export function contiguous(a: Operand, options?: ContiguousOptions): NDArray {
  readOptions<ContiguousOptions>("contiguous", options, ["allowColMajor"]);
  return wrap(nodeOf("contiguous", a));
}

/**
 * `inputs`, computed only after `dependencies`.
 *
 * @example mx.depends(mx.array([1]), mx.array([2])).tolist() // [1]
 * @see mlx.core.depends
 */
export function depends(inputs: NDArray, dependencies: NDArray | readonly NDArray[]): NDArray;
export function depends(
  inputs: readonly NDArray[],
  dependencies: NDArray | readonly NDArray[],
): NDArray[];
export function depends(
  inputs: NDArray | readonly NDArray[],
  dependencies: NDArray | readonly NDArray[],
): NDArray | NDArray[] {
  const read = (x: NDArray | readonly NDArray[]): Node[] => {
    const list: unknown = x instanceof NDArray ? [x] : x;
    if (Array.isArray(list)) return list.map((a) => arrayOf("depends", a));
    throw new ArgumentError(
      `[depends] expected an array or a list of arrays, got ${describe(x)}: pass arrays`,
    );
  };
  const values = read(inputs);
  const others = read(dependencies);
  const out = p.depends(values, others).map(wrap);
  const [only] = out;
  return inputs instanceof NDArray && only !== undefined ? only : out;
}

/**
 * The bytes of an array as another dtype. Between item sizes the last axis gets shorter or longer. Not differentiable.
 *
 * @throws ShapeError when the last axis does not hold whole items, ArgumentError when it is not a dtype
 * @example mx.view(mx.array([1]), mx.uint32).tolist() // [1065353216]
 * @see mlx.core.view
 */
export function view(a: Operand, dtype: DType): NDArray {
  requireDType("view", dtype);
  const n = nodeOf("view", a);
  const bytes = (n.shape.at(-1) ?? 1) * n.dtype.size;
  if (n.dtype.size !== dtype.size && (n.shape.length === 0 || bytes % dtype.size !== 0)) {
    throw new ShapeError(
      `[view] expected a last axis that holds whole items of ${dtype.name}, got shape ${showShape(n.shape)} of ${n.dtype.name}`,
    );
  }
  return wrap(p.bitcast(n, dtype));
}

export interface AsStridedOptions {
  readonly shape?: Shape | null;
  /** Steps per axis, in elements. */
  readonly strides?: readonly number[] | null;
  readonly offset?: number;
}

/**
 * Elements of the flattened array at offset + Σ index · stride: any layout, overlaps included.
 *
 * @throws ShapeError when shape and strides differ in length, IndexError when a place is outside the array
 * @example mx.asStrided(mx.arange(4), [3, 2], [1, 1]).tolist() // [[0, 1], [1, 2], [2, 3]]
 * @see mlx.core.as_strided
 */
export function asStrided(
  a: Operand,
  shape?: Shape | null | AsStridedOptions,
  strides?: readonly number[] | null | AsStridedOptions,
  offset?: number,
): NDArray {
  const n = nodeOf("asStrided", a);
  const rest =
    Array.isArray(strides) || strides === null ? { strides, offset: offset ?? 0 } : strides;
  const o = readPositional<AsStridedOptions>("asStrided", "shape", shape ?? undefined, rest, [
    "shape",
    "strides",
    "offset",
  ]);
  const to = o.shape == null ? n.shape : readShape("asStrided", o.shape);
  const steps =
    o.strides == null ? stridesOf(to) : requireIntegers("asStrided", "strides", o.strides);
  if (steps.length !== to.length) {
    throw new ShapeError(
      `[asStrided] expected a stride per axis, got strides ${showShape(steps)} for shape ${showShape(to)}`,
    );
  }
  const start = o.offset ?? 0;
  requireNumbers("asStrided", { offset: start });
  const size = sizeOf(n.shape);
  const reach = (pick: (x: number) => number): number =>
    start + to.reduce((sum, length, d) => sum + pick((length - 1) * (steps[d] ?? 0)), 0);
  const low = reach((x) => Math.min(x, 0));
  const high = reach((x) => Math.max(x, 0));
  if (sizeOf(to) > 0 && (low < 0 || high >= size)) {
    throw new IndexError(
      `[asStrided] expected places from 0 to ${size - 1}, got ${low} to ${high}: change strides or offset`,
    );
  }
  let at = p.constant(start, int32, to);
  steps.forEach((step, d) => {
    const along = p.iota(to, d, int32);
    at = p.add(at, p.multiply(along, like(along, step)));
  });
  return wrap(takeNode(p.reshape(n, [size]), at, 0));
}

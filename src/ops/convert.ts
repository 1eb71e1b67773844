/** The same values in another dtype or another layout. */
import type { DType } from "../core/dtype.js";
import { dtypes } from "../core/dtype.js";
import { ArgumentError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { NDArray } from "../graph/array.js";
import * as p from "../primitives/index.js";
import { nodeOf, type Operand, wrap } from "./operand.js";

/**
 * Values cast to a dtype: floats truncate toward zero into integers, anything nonzero is true, complex to real drops the
 * imaginary part. The gradient is cast back.
 *
 * @throws ArgumentError when it is not a dtype
 * @example mx.astype(mx.array([1.7]), mx.int32).tolist() // [1]
 * @see mlx.core.astype
 */
export function astype(a: Operand, dtype: DType): NDArray {
  if (!dtypes.includes(dtype)) {
    throw new ArgumentError(
      `[astype] expected a dtype, got ${describe(dtype)}: pass mx.float32, say`,
    );
  }
  return wrap(p.cast(nodeOf("astype", a), dtype));
}

/**
 * The array itself: arrays are contiguous where that matters.
 *
 * @example mx.contiguous(mx.array([1])).tolist() // [1]
 * @see mlx.core.contiguous
 */
export function contiguous(a: Operand, _options?: { readonly allowColMajor?: boolean }): NDArray {
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
  const nodes = (x: NDArray | readonly NDArray[]): readonly NDArray[] =>
    x instanceof NDArray ? [x] : x;
  const values = nodes(inputs).map((a) => nodeOf("depends", a));
  const others = nodes(dependencies).map((a) => nodeOf("depends", a));
  const out = p.depends(values, others).map(wrap);
  const [only] = out;
  return inputs instanceof NDArray && only !== undefined ? only : out;
}

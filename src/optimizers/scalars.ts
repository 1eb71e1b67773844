/** Scalars of an update step: constants of kernels where their values are known, array operations where they are not. */
import { bfloat16, type DType, float16, float32 } from "../core/dtype.js";
import { fromBfloat16Bits, fromFloat16Bits, toBfloat16Bits, toFloat16Bits } from "../core/half.js";
import { HostStorage } from "../core/storage.js";
import { reader } from "../core/values.js";
import { NDArray } from "../graph/array.js";
import { full } from "../ops/create.js";

/** The value of a 0-d array whose bytes are on the host, null otherwise. */
export const hostValue = (a: NDArray): number | null => {
  const { data, dtype } = a.node;
  if (!(data instanceof HostStorage) || a.size !== 1) return null;
  return Number(reader(dtype, data.bytes)(0));
};

/** A number as the nearest one of a float dtype. */
export const rounded = (x: number, dtype: DType): number => {
  if (dtype === float32) return Math.fround(x);
  if (dtype === float16) return fromFloat16Bits(toFloat16Bits(x));
  return dtype === bfloat16 ? fromBfloat16Bits(toBfloat16Bits(x)) : x;
};

/** An array as it is, a number as a 0-d array of `dtype`: either way an operand of that dtype. */
export const asScalar = (x: NDArray | number, dtype: DType): NDArray =>
  x instanceof NDArray ? x : full([], x, dtype);

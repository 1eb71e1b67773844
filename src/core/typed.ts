/** Typed arrays as sources of array data: which dtype each kind holds, and their bytes in another dtype. */
import {
  bfloat16,
  type DType,
  float16,
  float32,
  float64,
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
} from "./dtype.js";
import { encodeBfloat16, encodeFloat16 } from "./half.js";
import { encodeValues, type HostArray } from "./values.js";

/** A typed array that `array` accepts. */
export type TypedArrayInput = HostArray | Uint8ClampedArray;

const dtypeOfTag: ReadonlyMap<unknown, DType> = new Map<unknown, DType>([
  ["Uint8Array", uint8],
  ["Uint8ClampedArray", uint8],
  ["Uint16Array", uint16],
  ["Uint32Array", uint32],
  ["BigUint64Array", uint64],
  ["Int8Array", int8],
  ["Int16Array", int16],
  ["Int32Array", int32],
  ["BigInt64Array", int64],
  ["Float16Array", float16],
  ["Float32Array", float32],
  ["Float64Array", float64],
]);

export const isTypedArray = (x: unknown): x is TypedArrayInput =>
  ArrayBuffer.isView(x) && Symbol.toStringTag in x && dtypeOfTag.has(x[Symbol.toStringTag]);

/** The dtype a typed array holds. */
export const typedDtype = (x: TypedArrayInput): DType =>
  dtypeOfTag.get(x[Symbol.toStringTag]) ?? uint8;

/** Arrays of numbers, where conversions by the runtime's own loops apply. */
const isNumeric = (x: TypedArrayInput): x is Exclude<typeof x, BigInt64Array | BigUint64Array> =>
  x[Symbol.toStringTag] !== "BigInt64Array" && x[Symbol.toStringTag] !== "BigUint64Array";

/** A copy of the values as bytes of `dtype`, cast as `writer` of values.ts casts. */
export const encodeTyped = (dtype: DType, from: TypedArrayInput): Uint8Array<ArrayBuffer> => {
  if (typedDtype(from) === dtype) {
    return new Uint8Array(from.buffer, from.byteOffset, from.byteLength).slice();
  }
  if (isNumeric(from)) {
    if (dtype === float32) return new Uint8Array(Float32Array.from(from).buffer);
    if (dtype === float64) return new Uint8Array(Float64Array.from(from).buffer);
    if (dtype === float16 || dtype === bfloat16) {
      const to = new Uint16Array(from.length);
      (dtype === float16 ? encodeFloat16 : encodeBfloat16)(from, to);
      return new Uint8Array(to.buffer);
    }
  }
  return encodeValues(dtype, from);
};

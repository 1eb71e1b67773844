/** Elements of a buffer read as compute values and written back with one rounding, for reference implementations. */
import type { DType } from "../core/dtype.js";
import { fromBfloat16Bits, fromFloat16Bits, toBfloat16Bits, toFloat16Bits } from "../core/half.js";
import { elementBytes } from "./domains.js";
import type { Value } from "./scalar-values.js";

/** One buffer: elements by position, widened on `get` and narrowed on `set`. */
export interface Elements {
  readonly length: number;
  get(i: number): Value;
  set(i: number, v: Value): void;
}

/** Little-endian elements of `bytes`, which need not be aligned. complex64 is seen as pairs of float32. */
export const elementsOf = (storage: DType, bytes: Uint8Array): Elements => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Math.floor(bytes.byteLength / elementBytes(storage));
  switch (storage.name) {
    case "bool":
      return {
        length,
        get: (i) => (view.getUint8(i) ? 1 : 0),
        set: (i, v) => view.setUint8(i, v ? 1 : 0),
      };
    case "uint8":
      return { length, get: (i) => view.getUint8(i), set: (i, v) => view.setUint8(i, Number(v)) };
    case "int8":
      return { length, get: (i) => view.getInt8(i), set: (i, v) => view.setInt8(i, Number(v)) };
    case "uint16":
      return {
        length,
        get: (i) => view.getUint16(2 * i, true),
        set: (i, v) => view.setUint16(2 * i, Number(v), true),
      };
    case "int16":
      return {
        length,
        get: (i) => view.getInt16(2 * i, true),
        set: (i, v) => view.setInt16(2 * i, Number(v), true),
      };
    case "uint32":
      return {
        length,
        get: (i) => view.getUint32(4 * i, true),
        set: (i, v) => view.setUint32(4 * i, Number(v), true),
      };
    case "int32":
      return {
        length,
        get: (i) => view.getInt32(4 * i, true),
        set: (i, v) => view.setInt32(4 * i, Number(v), true),
      };
    case "uint64":
      return {
        length,
        get: (i) => view.getBigUint64(8 * i, true),
        set: (i, v) => view.setBigUint64(8 * i, BigInt(v), true),
      };
    case "int64":
      return {
        length,
        get: (i) => view.getBigInt64(8 * i, true),
        set: (i, v) => view.setBigInt64(8 * i, BigInt(v), true),
      };
    case "float16":
      return {
        length,
        get: (i) => fromFloat16Bits(view.getUint16(2 * i, true)),
        set: (i, v) => view.setUint16(2 * i, toFloat16Bits(Number(v)), true),
      };
    case "bfloat16":
      return {
        length,
        get: (i) => fromBfloat16Bits(view.getUint16(2 * i, true)),
        set: (i, v) => view.setUint16(2 * i, toBfloat16Bits(Number(v)), true),
      };
    case "float32":
    case "complex64":
      return {
        length,
        get: (i) => view.getFloat32(4 * i, true),
        set: (i, v) => view.setFloat32(4 * i, Number(v), true),
      };
    case "float64":
      return {
        length,
        get: (i) => view.getFloat64(8 * i, true),
        set: (i, v) => view.setFloat64(8 * i, Number(v), true),
      };
  }
};

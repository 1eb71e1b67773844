/** Between JavaScript values and the little-endian bytes of array elements, for all fourteen dtypes. */
import type { DType } from "./dtype.js";
import type { Scalar } from "./guards.js";
import {
  decodeBfloat16,
  decodeFloat16,
  fromBfloat16Bits,
  fromFloat16Bits,
  toBfloat16Bits,
  toFloat16Bits,
} from "./half.js";

/** The part of `Float16Array` that is used here; the runtime has the class from Node 24 on. */
export interface Float16ArrayLike extends ArrayLike<number>, Iterable<number> {
  readonly BYTES_PER_ELEMENT: number;
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly [Symbol.toStringTag]: "Float16Array";
}

/** What `data()` gives: the flat values of an array. */
export type HostArray =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array
  | Float16ArrayLike;

type Float16Constructor = new (buffer: ArrayBuffer) => Float16ArrayLike;

const isConstructor = (x: unknown): x is Float16Constructor => typeof x === "function";

/** The runtime's Float16Array, where it has one. */
export const float16Array = (): Float16Constructor | null => {
  const found: unknown = Reflect.get(globalThis, "Float16Array");
  return isConstructor(found) ? found : null;
};

/** A number as the integer it is cast to: truncated; NaN and infinities give 0. */
const whole = (v: number): number => (Number.isFinite(v) ? Math.trunc(v) : 0);

const toNumber = (v: Scalar): number => (typeof v === "object" ? v.re : Number(v));

/** For 32-bit and narrower integers, whose typed arrays wrap modulo their width. */
const toInt = (v: Scalar): number =>
  typeof v === "bigint" ? Number(BigInt.asIntN(32, v)) : toNumber(v);

const toBig = (v: Scalar): bigint => (typeof v === "bigint" ? v : BigInt(whole(toNumber(v))));

const toBool = (v: Scalar): number =>
  (
    typeof v === "object"
      ? v.re !== 0 || v.im !== 0
      : typeof v === "bigint"
        ? v !== 0n
        : v !== 0 && v !== false
  )
    ? 1
    : 0;

/** Stores values into elements of one dtype. */
export type Writer = (i: number, value: Scalar) => void;

/**
 * A function that stores a value as element `i` of `bytes`, cast as MLX casts: floats truncate toward zero into integers,
 * integers wrap modulo their width, anything nonzero (NaN too) is true, complex into real drops the imaginary part.
 * `bytes` must start on a multiple of the element size.
 */
export const writer = (dtype: DType, bytes: Uint8Array): Writer => {
  const { buffer, byteOffset: at } = bytes;
  const n = bytes.byteLength / dtype.size;
  switch (dtype.name) {
    case "bool":
      return (i, v) => {
        bytes[i] = toBool(v);
      };
    case "uint8":
      return intWriter(bytes);
    case "int8":
      return intWriter(new Int8Array(buffer, at, n));
    case "uint16":
      return intWriter(new Uint16Array(buffer, at, n));
    case "int16":
      return intWriter(new Int16Array(buffer, at, n));
    case "uint32":
      return intWriter(new Uint32Array(buffer, at, n));
    case "int32":
      return intWriter(new Int32Array(buffer, at, n));
    case "uint64":
      return bigWriter(new BigUint64Array(buffer, at, n));
    case "int64":
      return bigWriter(new BigInt64Array(buffer, at, n));
    case "float16": {
      const to = new Uint16Array(buffer, at, n);
      return (i, v) => {
        to[i] = toFloat16Bits(toNumber(v));
      };
    }
    case "bfloat16": {
      const to = new Uint16Array(buffer, at, n);
      return (i, v) => {
        to[i] = toBfloat16Bits(toNumber(v));
      };
    }
    case "float32":
      return floatWriter(new Float32Array(buffer, at, n));
    case "float64":
      return floatWriter(new Float64Array(buffer, at, n));
    case "complex64": {
      const to = new Float32Array(buffer, at, 2 * n);
      return (i, v) => {
        to[2 * i] = toNumber(v);
        to[2 * i + 1] = typeof v === "object" ? v.im : 0;
      };
    }
  }
};

const intWriter =
  (to: Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array): Writer =>
  (i, v) => {
    to[i] = toInt(v);
  };

const bigWriter =
  (to: BigUint64Array | BigInt64Array): Writer =>
  (i, v) => {
    to[i] = toBig(v);
  };

const floatWriter =
  (to: Float32Array | Float64Array): Writer =>
  (i, v) => {
    to[i] = toNumber(v);
  };

/** The bytes of `values` as elements of `dtype`, cast as {@link writer} does. */
export const encodeValues = (dtype: DType, values: ArrayLike<Scalar>): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(values.length * dtype.size);
  const write = writer(dtype, bytes);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value !== undefined) write(i, value);
  }
  return bytes;
};

/** The same bytes, in a buffer of their own that starts on an element boundary, copied only where they do not. */
const aligned = (size: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> =>
  bytes.byteOffset % size === 0 && bytes.buffer instanceof ArrayBuffer
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes);

/**
 * A function that reads element `i` of `bytes`: a number, a boolean for bool, a bigint for (u)int64, `{ re, im }` for complex64.
 */
export const reader = (dtype: DType, bytes: Uint8Array): ((i: number) => Scalar) => {
  const {
    buffer,
    byteOffset: at,
    byteLength,
  } = aligned(dtype.name === "complex64" ? 4 : dtype.size, bytes);
  const n = byteLength / dtype.size;
  switch (dtype.name) {
    case "bool":
      return (i) => (bytes[i] ?? 0) !== 0;
    case "float16": {
      const from = new Uint16Array(buffer, at, n);
      return (i) => fromFloat16Bits(from[i] ?? 0);
    }
    case "bfloat16": {
      const from = new Uint16Array(buffer, at, n);
      return (i) => fromBfloat16Bits(from[i] ?? 0);
    }
    case "complex64": {
      const from = new Float32Array(buffer, at, 2 * n);
      return (i) => ({ re: from[2 * i] ?? 0, im: from[2 * i + 1] ?? 0 });
    }
    default: {
      const from = flat(dtype, bytes);
      return (i) => from[i] ?? 0;
    }
  }
};

/**
 * The flat values of `bytes`, sharing their memory where the layout allows: a Float32Array for bfloat16 and (interleaved
 * parts) complex64, a Float16Array for float16 where the runtime has it, else a Float32Array, a Uint8Array for bool.
 */
export const flat = (dtype: DType, bytes: Uint8Array): HostArray => {
  const {
    buffer,
    byteOffset: at,
    byteLength,
  } = aligned(dtype.name === "complex64" ? 4 : dtype.size, bytes);
  const n = byteLength / dtype.size;
  switch (dtype.name) {
    case "bool":
    case "uint8":
      return new Uint8Array(buffer, at, n);
    case "int8":
      return new Int8Array(buffer, at, n);
    case "uint16":
      return new Uint16Array(buffer, at, n);
    case "int16":
      return new Int16Array(buffer, at, n);
    case "uint32":
      return new Uint32Array(buffer, at, n);
    case "int32":
      return new Int32Array(buffer, at, n);
    case "uint64":
      return new BigUint64Array(buffer, at, n);
    case "int64":
      return new BigInt64Array(buffer, at, n);
    case "float16": {
      const Float16 = float16Array();
      if (Float16 === null) return decodeFloat16(new Uint16Array(buffer, at, n));
      return new Float16(buffer.slice(at, at + byteLength));
    }
    case "bfloat16":
      return decodeBfloat16(new Uint16Array(buffer, at, n));
    case "float32":
      return new Float32Array(buffer, at, n);
    case "float64":
      return new Float64Array(buffer, at, n);
    case "complex64":
      return new Float32Array(buffer, at, 2 * n);
  }
};

/** Elements of a buffer in storage dtype seen as values with exact arithmetic, for reference implementations. */
import type { DType, DTypeName } from "../core/dtype.js";
import { InternalError } from "../core/errors.js";
import type { Complex } from "../core/guards.js";
import { fromBfloat16Bits, fromFloat16Bits, toBfloat16Bits, toFloat16Bits } from "../core/half.js";

/** Buffer elements as values of `V`; arithmetic is on values, narrowing happens when one is set. */
export interface Cells<V> {
  get(i: number): V;
  set(i: number, v: V): void;
  readonly zero: V;
  readonly one: V;
  /** Identities of max and min. */
  readonly lowest: V;
  readonly highest: V;
  add(a: V, b: V): V;
  mul(a: V, b: V): V;
  /** NaN-propagating. */
  max(a: V, b: V): V;
  min(a: V, b: V): V;
  /** Ascending with NaN last; equal zeros of both signs are ties. */
  compare(a: V, b: V): number;
}

const compareNumbers = (a: number, b: number): number => {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return Number(a > b) - Number(a < b);
};

type Access = Pick<Cells<number>, "get" | "set">;

const access = (dtype: DType, v: DataView): Access => {
  switch (dtype.name) {
    case "bool":
      return {
        get: (i) => Number(v.getUint8(i) !== 0),
        set: (i, x) => v.setUint8(i, Number(x !== 0)),
      };
    case "uint8":
      return { get: (i) => v.getUint8(i), set: (i, x) => v.setUint8(i, x) };
    case "int8":
      return { get: (i) => v.getInt8(i), set: (i, x) => v.setInt8(i, x) };
    case "uint16":
      return { get: (i) => v.getUint16(2 * i, true), set: (i, x) => v.setUint16(2 * i, x, true) };
    case "int16":
      return { get: (i) => v.getInt16(2 * i, true), set: (i, x) => v.setInt16(2 * i, x, true) };
    case "uint32":
      return { get: (i) => v.getUint32(4 * i, true), set: (i, x) => v.setUint32(4 * i, x, true) };
    case "int32":
      return { get: (i) => v.getInt32(4 * i, true), set: (i, x) => v.setInt32(4 * i, x, true) };
    case "float16":
      return {
        get: (i) => fromFloat16Bits(v.getUint16(2 * i, true)),
        set: (i, x) => v.setUint16(2 * i, toFloat16Bits(Math.fround(x)), true),
      };
    case "bfloat16":
      return {
        get: (i) => fromBfloat16Bits(v.getUint16(2 * i, true)),
        set: (i, x) => v.setUint16(2 * i, toBfloat16Bits(Math.fround(x)), true),
      };
    case "float32":
      return { get: (i) => v.getFloat32(4 * i, true), set: (i, x) => v.setFloat32(4 * i, x, true) };
    case "float64":
      return { get: (i) => v.getFloat64(8 * i, true), set: (i, x) => v.setFloat64(8 * i, x, true) };
    default:
      throw new InternalError(
        `[cells] expected a dtype whose values are numbers, got ${dtype.name}`,
      );
  }
};

type Arithmetic = Pick<Cells<number>, "add" | "mul" | "lowest" | "highest">;

/** Sums and products of integers wrap at 32 bits; narrower types wrap further when stored. */
const integer = (lowest: number, highest: number): Arithmetic => ({
  add: (a, b) => (highest > 2 ** 31 ? (a + b) >>> 0 : (a + b) | 0),
  mul: (a, b) => (highest > 2 ** 31 ? Math.imul(a, b) >>> 0 : Math.imul(a, b)),
  lowest,
  highest,
});

const real: Arithmetic = {
  add: (a, b) => a + b,
  mul: (a, b) => a * b,
  lowest: Number.NEGATIVE_INFINITY,
  highest: Number.POSITIVE_INFINITY,
};

const arithmetic: {
  readonly [N in Exclude<DTypeName, "int64" | "uint64" | "complex64">]: Arithmetic;
} = {
  bool: { add: Math.max, mul: Math.min, lowest: 0, highest: 1 },
  uint8: integer(0, 0xff),
  uint16: integer(0, 0xffff),
  uint32: integer(0, 0xffffffff),
  int8: integer(-0x80, 0x7f),
  int16: integer(-0x8000, 0x7fff),
  int32: integer(-0x80000000, 0x7fffffff),
  float16: real,
  bfloat16: real,
  float32: real,
  float64: real,
};

const plain = (dtype: DType, view: DataView): Cells<number> => {
  const { name } = dtype;
  if (name === "int64" || name === "uint64" || name === "complex64") {
    throw new InternalError(`[cells] expected a dtype whose values are numbers, got ${name}`);
  }
  return {
    ...access(dtype, view),
    ...arithmetic[name],
    zero: 0,
    one: 1,
    max: Math.max,
    min: Math.min,
    compare: compareNumbers,
  };
};

// Math.max and Math.min refuse bigints.
const maxBig = (a: bigint, b: bigint): bigint => [a, b][Number(b > a)] ?? a;
const minBig = (a: bigint, b: bigint): bigint => [a, b][Number(b < a)] ?? a;

const wide = (signed: boolean, v: DataView): Cells<bigint> => {
  const wrap = (x: bigint): bigint => (signed ? BigInt.asIntN(64, x) : BigInt.asUintN(64, x));
  return {
    get: (i) => (signed ? v.getBigInt64(8 * i, true) : v.getBigUint64(8 * i, true)),
    set: (i, x) => v.setBigUint64(8 * i, BigInt.asUintN(64, x), true),
    zero: 0n,
    one: 1n,
    lowest: signed ? -(2n ** 63n) : 0n,
    highest: signed ? 2n ** 63n - 1n : 2n ** 64n - 1n,
    add: (a, b) => wrap(a + b),
    mul: (a, b) => wrap(a * b),
    max: maxBig,
    min: minBig,
    compare: (a, b) => Number(a > b) - Number(a < b),
  };
};

const hasNaN = (z: Complex): boolean => Number.isNaN(z.re) || Number.isNaN(z.im);

/** Lexicographic: by the real part, then by the imaginary one. */
const compareComplex = (a: Complex, b: Complex): number => {
  if (hasNaN(a) || hasNaN(b)) return Number(hasNaN(a)) - Number(hasNaN(b));
  return Number(a.re > b.re) - Number(a.re < b.re) || Number(a.im > b.im) - Number(a.im < b.im);
};

const complex = (v: DataView): Cells<Complex> => ({
  get: (i) => ({ re: v.getFloat32(8 * i, true), im: v.getFloat32(8 * i + 4, true) }),
  set: (i, z) => {
    v.setFloat32(8 * i, z.re, true);
    v.setFloat32(8 * i + 4, z.im, true);
  },
  zero: { re: 0, im: 0 },
  one: { re: 1, im: 0 },
  lowest: { re: Number.NEGATIVE_INFINITY, im: Number.NEGATIVE_INFINITY },
  highest: { re: Number.POSITIVE_INFINITY, im: Number.POSITIVE_INFINITY },
  add: (a, b) => ({ re: a.re + b.re, im: a.im + b.im }),
  mul: (a, b) => ({ re: a.re * b.re - a.im * b.im, im: a.re * b.im + a.im * b.re }),
  max: (a, b) => (hasNaN(a) || (!hasNaN(b) && compareComplex(a, b) > 0) ? a : b),
  min: (a, b) => (hasNaN(a) || (!hasNaN(b) && compareComplex(a, b) < 0) ? a : b),
  compare: compareComplex,
});

export const cellsOf: {
  /** All dtypes whose values are JavaScript numbers. */
  readonly plain: (dtype: DType, view: DataView) => Cells<number>;
  readonly wide: (signed: boolean, view: DataView) => Cells<bigint>;
  readonly complex: (view: DataView) => Cells<Complex>;
} = { plain, wide, complex };

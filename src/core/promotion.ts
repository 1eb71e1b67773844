/** Which dtype results from which: MLX's promotion table, weak scalars, and the queries over dtypes. */
import {
  bfloat16,
  bool,
  complex64,
  type DType,
  dtypes,
  float16,
  float32,
  float64,
  int32,
  int64,
  isInexact,
  isInteger,
} from "./dtype.js";
import { ArgumentError, DTypeError } from "./errors.js";
import { describe, type Scalar } from "./guards.js";

const rank = (d: DType): number => {
  if (d.kind === "complex") return 3;
  if (d.kind === "float") return 2;
  return d.kind === "bool" ? 0 : 1;
};

const signedOf = (bytes: number): DType =>
  dtypes.find((d) => d.kind === "int" && d.size === bytes) ?? float32;

const derive = (a: DType, b: DType): DType => {
  if (a === b) return a;
  if (rank(a) !== rank(b)) return rank(a) > rank(b) ? a : b;
  if (a.kind === "float") {
    if (a.size === b.size) return float32; // float16 with bfloat16: neither holds the other
    return a.size > b.size ? a : b;
  }
  const wide = a.size >= b.size ? a : b;
  const narrow = wide === a ? b : a;
  if (wide.kind === narrow.kind) return wide;
  const [signed, unsigned] = a.kind === "int" ? [a, b] : [b, a];
  return signed.size > unsigned.size ? signed : signedOf(2 * unsigned.size);
};

const table: readonly DType[] = dtypes.flatMap((a) => dtypes.map((b) => derive(a, b)));

/** The dtype that an operation on two arrays computes in. */
export const promote = (a: DType, b: DType): DType =>
  a === b ? a : (table[a.code * dtypes.length + b.code] ?? float32);

/** Inexact dtypes as they are, every other one as float32. */
export const atLeastFloat = (d: DType): DType => (isInexact(d) ? d : float32);

/** The dtype of an array made from one scalar alone. */
export const scalarDtype = (value: Scalar): DType => {
  if (typeof value === "boolean") return bool;
  if (typeof value === "bigint") return int64;
  return typeof value === "number" ? float32 : complex64;
};

const isWhole = (value: number | bigint): boolean =>
  typeof value === "bigint" || Number.isInteger(value);

/**
 * The dtype that a scalar takes next to an array of dtype `d`, before the two are promoted: the array's own, save for
 * whole numbers next to bool (int32), other numbers next to what is not floating (float32), and complex (complex64).
 */
export const weakDtype = (value: Scalar, d: DType): DType => {
  if (typeof value === "boolean") return d;
  if (typeof value === "object") return complex64;
  if (isWhole(value)) return d === bool ? int32 : d;
  return d.kind === "float" ? d : float32;
};

/**
 * Refuses a whole number that an integer dtype cannot hold. For uint64 a negative number wraps, as in MLX.
 *
 * @throws DTypeError naming the operation, the value and the range
 */
export const checkScalarFits = (op: string, value: Scalar, d: DType): void => {
  if (!isInteger(d) || (typeof value !== "number" && typeof value !== "bigint")) return;
  const { min, max } = range(d);
  if (value <= max && (value >= min || (d.name === "uint64" && value >= -(2n ** 63n)))) return;
  throw new DTypeError(
    `[${op}] expected a scalar between ${min} and ${max} next to ${d.name}, got ${String(value)}: ` +
      "it would result in overflow, so cast the array first",
  );
};

const range = (d: DType): { min: bigint; max: bigint } => {
  const bits = BigInt(8 * d.size);
  return d.kind === "uint"
    ? { min: 0n, max: 2n ** bits - 1n }
    : { min: -(2n ** (bits - 1n)), max: 2n ** (bits - 1n) - 1n };
};

/** Anything with a dtype: an array, say. */
export interface Typed {
  readonly dtype: DType;
}

/**
 * The promotion of any number of arrays and dtypes.
 *
 * @throws ArgumentError without an argument
 * @example
 * mx.resultType(mx.int8, mx.zeros([2], mx.float16)); // float16
 * @see mlx.core.result_type
 */
export const resultType = (...arraysAndDtypes: readonly (DType | Typed)[]): DType => {
  let result: DType | null = null;
  for (const x of arraysAndDtypes) {
    const d = dtypeOf("resultType", x);
    result = result === null ? d : promote(result, d);
  }
  if (result === null) {
    throw new ArgumentError(
      "[resultType] expected at least one array or dtype, got none: pass one",
    );
  }
  return result;
};

const isDType = (x: unknown): x is DType => dtypes.some((d) => d === x);

const dtypeOf = (op: string, x: unknown): DType => {
  if (isDType(x)) return x;
  if (typeof x === "object" && x !== null && "dtype" in x && isDType(x.dtype)) return x.dtype;
  throw new ArgumentError(
    `[${op}] expected an array or a dtype, got ${describe(x)}: pass mx.float32, say`,
  );
};

/**
 * Whether promotion of `from` and `to` is `to`.
 *
 * @see mlx.core.can_cast
 */
export const canCast = (from: DType, to: DType): boolean => promote(from, to) === to;

export type DtypeCategoryName =
  | "complexfloating"
  | "floating"
  | "inexact"
  | "signedinteger"
  | "unsignedinteger"
  | "integer"
  | "number"
  | "generic";

/**
 * A set of dtypes, for {@link issubdtype}. The only instances are the eight exported ones.
 *
 * @see mlx.core.DtypeCategory
 */
export class DtypeCategory {
  readonly name: DtypeCategoryName;
  readonly parent: DtypeCategory | null;

  constructor(name: DtypeCategoryName, parent: DtypeCategory | null) {
    this.name = name;
    this.parent = parent;
  }

  toString(): string {
    return `DtypeCategory.${this.name}`;
  }
}

export const generic: DtypeCategory = new DtypeCategory("generic", null);
export const number: DtypeCategory = new DtypeCategory("number", generic);
export const integer: DtypeCategory = new DtypeCategory("integer", number);
export const signedinteger: DtypeCategory = new DtypeCategory("signedinteger", integer);
export const unsignedinteger: DtypeCategory = new DtypeCategory("unsignedinteger", integer);
export const inexact: DtypeCategory = new DtypeCategory("inexact", number);
export const floating: DtypeCategory = new DtypeCategory("floating", inexact);
export const complexfloating: DtypeCategory = new DtypeCategory("complexfloating", inexact);

const categories = {
  bool: generic,
  uint: unsignedinteger,
  int: signedinteger,
  float: floating,
  complex: complexfloating,
};

/**
 * Whether a dtype or category lies within another. A dtype lies within a dtype only if they are the same.
 *
 * @example
 * mx.issubdtype(mx.float16, mx.floating); // true
 * @see mlx.core.issubdtype
 */
export const issubdtype = (a: DType | DtypeCategory, b: DType | DtypeCategory): boolean => {
  if (a === b) return true;
  if (!(b instanceof DtypeCategory)) return false;
  let c: DtypeCategory | null = a instanceof DtypeCategory ? a : categories[a.kind];
  while (c !== null && c !== b) c = c.parent;
  return c === b;
};

const kinds = {
  bool: (d: DType) => d === bool,
  "signed integer": (d: DType) => d.kind === "int",
  "unsigned integer": (d: DType) => d.kind === "uint",
  integral: isInteger,
  "real floating": (d: DType) => d.kind === "float",
  "complex floating": (d: DType) => d.kind === "complex",
  numeric: (d: DType) => d !== bool,
};

/** The kinds of dtype that the array API standard names. */
export type DTypeKindName = keyof typeof kinds;

const isKindName = (x: unknown): x is DTypeKindName =>
  typeof x === "string" && Object.hasOwn(kinds, x);

/**
 * Whether a dtype is of a kind, is a given dtype, or fits one of several of these.
 *
 * @throws ArgumentError for an unknown kind
 * @example
 * mx.isdtype(mx.int8, ["bool", "integral"]); // true
 * @see mlx.core.isdtype
 */
export const isdtype = (
  dtype: DType,
  kind: DTypeKindName | DType | readonly (DTypeKindName | DType)[],
): boolean => {
  if (Array.isArray(kind)) return kind.map((k) => isdtype(dtype, k)).some((x) => x);
  if (isDType(kind)) return dtype === kind;
  if (isKindName(kind)) return kinds[kind](dtype);
  const names = Object.keys(kinds).map((k) => `"${k}"`);
  throw new ArgumentError(
    `[isdtype] expected a dtype or one of ${names.join(", ")}, got ${describe(kind)}: pass one of these`,
  );
};

/** Limits of a floating dtype. */
export interface FloatInfo {
  readonly min: number;
  readonly max: number;
  /** Distance from 1 to the next number. */
  readonly eps: number;
  readonly smallestNormal: number;
  readonly bits: number;
  readonly dtype: DType;
}

const float = (dtype: DType, fraction: number, exponent: number): FloatInfo => {
  const max = (2 - 2 ** -fraction) * 2 ** exponent;
  const bits = 8 * dtype.size;
  return { min: -max, max, eps: 2 ** -fraction, smallestNormal: 2 ** (1 - exponent), bits, dtype };
};

const floats: readonly FloatInfo[] = [
  float(float16, 10, 15),
  float(bfloat16, 7, 127),
  float(float32, 23, 127),
  float(float64, 52, 1023),
];

/**
 * Limits of a floating dtype; complex64 answers as float32, of which it is made.
 *
 * @throws DTypeError for integer and bool dtypes
 * @example
 * mx.finfo(mx.float32).eps; // 2 ** -23
 * @see mlx.core.finfo
 */
export const finfo = (dtype: DType): FloatInfo => {
  const real = dtype === complex64 ? float32 : dtype;
  const found = floats.find((f) => f.dtype === real);
  if (found !== undefined) return found;
  throw new DTypeError(
    `[finfo] expected a floating dtype, got ${dtype.name}: use iinfo for integers`,
  );
};

/** Limits of an integer dtype: bigints for 64 bits, else numbers. */
export interface IntegerInfo {
  readonly min: number | bigint;
  readonly max: number | bigint;
  readonly bits: number;
  readonly dtype: DType;
}

/**
 * Limits of an integer dtype.
 *
 * @throws DTypeError for other dtypes
 * @example
 * mx.iinfo(mx.int8).max; // 127
 * @see mlx.core.iinfo
 */
export const iinfo = (dtype: DType): IntegerInfo => {
  if (!isInteger(dtype)) {
    throw new DTypeError(
      `[iinfo] expected an integer dtype, got ${dtype.name}: use finfo for floats`,
    );
  }
  const { min, max } = range(dtype);
  const wide = dtype.size === 8;
  return {
    min: wide ? min : Number(min),
    max: wide ? max : Number(max),
    bits: 8 * dtype.size,
    dtype,
  };
};

/** Queries over dtypes: categories and kinds, limits of floats and of integers. */
import {
  bfloat16,
  bool,
  complex64,
  type DType,
  float16,
  float32,
  float64,
  isInteger,
} from "./dtype.js";
import { ArgumentError, DTypeError } from "./errors.js";
import { describe } from "./guards.js";
import { integerRange, isDType, requireDType } from "./promotion.js";

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

/** Every dtype. */
export const generic: DtypeCategory = new DtypeCategory("generic", null);
/** Every dtype but bool. */
export const number: DtypeCategory = new DtypeCategory("number", generic);
/** Signed and unsigned integers. */
export const integer: DtypeCategory = new DtypeCategory("integer", number);
/** int8, int16, int32, int64. */
export const signedinteger: DtypeCategory = new DtypeCategory("signedinteger", integer);
/** uint8, uint16, uint32, uint64. */
export const unsignedinteger: DtypeCategory = new DtypeCategory("unsignedinteger", integer);
/** Floating and complex dtypes. */
export const inexact: DtypeCategory = new DtypeCategory("inexact", number);
/** float16, bfloat16, float32, float64. */
export const floating: DtypeCategory = new DtypeCategory("floating", inexact);
/** complex64. */
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
  for (const x of [a, b]) if (!(x instanceof DtypeCategory)) requireDType("issubdtype", x);
  if (a === b) return true;
  if (!(b instanceof DtypeCategory)) return false;
  let c: DtypeCategory | null = a instanceof DtypeCategory ? a : categories[a.kind];
  while (c !== null && c !== b) c = c.parent;
  return c === b;
};

/** The kinds of dtype that the array API standard names. */
export type DTypeKindName =
  | "bool"
  | "signed integer"
  | "unsigned integer"
  | "integral"
  | "real floating"
  | "complex floating"
  | "numeric";

const kinds: Readonly<Record<DTypeKindName, (d: DType) => boolean>> = {
  bool: (d) => d === bool,
  "signed integer": (d) => d.kind === "int",
  "unsigned integer": (d) => d.kind === "uint",
  integral: isInteger,
  "real floating": (d) => d.kind === "float",
  "complex floating": (d) => d.kind === "complex",
  numeric: (d) => d !== bool,
};

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
  requireDType("isdtype", dtype);
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
 * mx.finfo(mx.float32).eps; // 1.1920928955078125e-7
 * @see mlx.core.finfo
 */
export const finfo = (dtype: DType): FloatInfo => {
  requireDType("finfo", dtype);
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
  requireDType("iinfo", dtype);
  if (!isInteger(dtype)) {
    throw new DTypeError(
      `[iinfo] expected an integer dtype, got ${dtype.name}: use finfo for floats`,
    );
  }
  const { min, max } = integerRange(dtype);
  const wide = dtype.size === 8;
  return {
    min: wide ? min : Number(min),
    max: wide ? max : Number(max),
    bits: 8 * dtype.size,
    dtype,
  };
};

/** The fourteen element types: their names, sizes and kinds, as interned values compared by identity. */

export type DTypeName =
  | "bool"
  | "uint8"
  | "uint16"
  | "uint32"
  | "uint64"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "float16"
  | "bfloat16"
  | "float32"
  | "float64"
  | "complex64";

export type DTypeKind = "bool" | "uint" | "int" | "float" | "complex";

/**
 * An element type. The only instances are the fourteen exported values, so `a.dtype === mx.float32` works.
 *
 * @see mlx.core.Dtype
 */
export class DType<N extends DTypeName = DTypeName> {
  readonly name: N;
  /** Bytes per element. */
  readonly size: number;
  readonly kind: DTypeKind;
  /** Position in {@link dtypes}: a small integer for tables and structural keys. */
  readonly code: number;

  constructor(name: N, size: number, kind: DTypeKind, code: number) {
    this.name = name;
    this.size = size;
    this.kind = kind;
    this.code = code;
  }

  toString(): string {
    return `mlx.core.${this.name}`;
  }
}

/** True or false, one byte. */
export const bool: DType<"bool"> = new DType("bool", 1, "bool", 0);
/** Whole numbers from 0 to 2⁸ - 1; like all integers they wrap. */
export const uint8: DType<"uint8"> = new DType("uint8", 1, "uint", 1);
/** Whole numbers from 0 to 2¹⁶ - 1. */
export const uint16: DType<"uint16"> = new DType("uint16", 2, "uint", 2);
/** Whole numbers from 0 to 2³² - 1. */
export const uint32: DType<"uint32"> = new DType("uint32", 4, "uint", 3);
/** Whole numbers from 0 to 2⁶⁴ - 1, BigInts in JavaScript. */
export const uint64: DType<"uint64"> = new DType("uint64", 8, "uint", 4);
/** Whole numbers from -2⁷ to 2⁷ - 1. */
export const int8: DType<"int8"> = new DType("int8", 1, "int", 5);
/** Whole numbers from -2¹⁵ to 2¹⁵ - 1. */
export const int16: DType<"int16"> = new DType("int16", 2, "int", 6);
/** Whole numbers from -2³¹ to 2³¹ - 1. */
export const int32: DType<"int32"> = new DType("int32", 4, "int", 7);
/** Whole numbers from -2⁶³ to 2⁶³ - 1, BigInts in JavaScript. */
export const int64: DType<"int64"> = new DType("int64", 8, "int", 8);
/** IEEE half precision, 11 bits of significand; computed with in float32. */
export const float16: DType<"float16"> = new DType("float16", 2, "float", 9);
/** The upper half of a float32, 8 bits of significand; computed with in float32. */
export const bfloat16: DType<"bfloat16"> = new DType("bfloat16", 2, "float", 10);
/** IEEE single precision, what numbers become. */
export const float32: DType<"float32"> = new DType("float32", 4, "float", 11);
/** IEEE double precision. */
export const float64: DType<"float64"> = new DType("float64", 8, "float", 12);
/** Two float32, real and imaginary part. */
export const complex64: DType<"complex64"> = new DType("complex64", 8, "complex", 13);

/** All fourteen, in the order of their codes. */
export const dtypes: readonly DType[] = [
  bool,
  uint8,
  uint16,
  uint32,
  uint64,
  int8,
  int16,
  int32,
  int64,
  float16,
  bfloat16,
  float32,
  float64,
  complex64,
];

export const isInteger = (d: DType): boolean => d.kind === "int" || d.kind === "uint";
export const isInexact = (d: DType): boolean => d.kind === "float" || d.kind === "complex";

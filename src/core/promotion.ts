/** Which dtype results from which: MLX's promotion table and its rule for weak scalars. */
import {
  bool,
  complex64,
  type DType,
  dtypes,
  float32,
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
  const { min, max } = integerRange(d);
  if (value <= max && (value >= min || (d.name === "uint64" && value >= -(2n ** 63n)))) return;
  throw new DTypeError(
    `[${op}] expected a scalar between ${min} and ${max} next to ${d.name}, got ${String(value)}: ` +
      "it would result in overflow, so cast the array first",
  );
};

/** The smallest and largest value of an integer dtype. */
export const integerRange = (d: DType): { min: bigint; max: bigint } => {
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

export const isDType = (x: unknown): x is DType => dtypes.some((d) => d === x);

/** @throws ArgumentError for anything but one of the fourteen dtypes */
export const requireDType = (op: string, dtype: unknown): void => {
  if (isDType(dtype)) return;
  throw new ArgumentError(`[${op}] expected a dtype, got ${describe(dtype)}: pass mx.float32, say`);
};

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
export const canCast = (from: DType, to: DType): boolean => {
  requireDType("canCast", from);
  requireDType("canCast", to);
  return promote(from, to) === to;
};

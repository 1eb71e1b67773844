/** The scalar instructions that kernels are made of: the one vocabulary shared by primitives, kernel IR and renderers. */
import type { DType, DTypeName } from "./dtype.js";

/** What a value is while a kernel computes with it. Narrow storage types widen on load and narrow on store. */
export type ComputeType = "bool" | "i32" | "u32" | "i64" | "u64" | "f32" | "f64";

/** Every scalar instruction; {@link scalarOps} says what each is. */
export type ScalarOp =
  | "neg"
  | "abs"
  | "sign"
  | "not"
  | "sqrt"
  | "rsqrt"
  | "exp"
  | "expm1"
  | "log"
  | "log1p"
  | "log2"
  | "log10"
  | "sin"
  | "cos"
  | "tan"
  | "asin"
  | "acos"
  | "atan"
  | "sinh"
  | "cosh"
  | "tanh"
  | "asinh"
  | "acosh"
  | "atanh"
  | "erf"
  | "erfinv"
  | "sigmoid"
  | "floor"
  | "ceil"
  | "trunc"
  | "round"
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "rem"
  | "pow"
  | "min"
  | "max"
  | "atan2"
  | "and"
  | "or"
  | "xor"
  | "shl"
  | "shr"
  | "rotl"
  | "lt"
  | "le"
  | "gt"
  | "ge"
  | "eq"
  | "ne"
  | "select"
  | "cast"
  | "bitcast"
  | "wrap_i8"
  | "wrap_i16"
  | "wrap_u8"
  | "wrap_u16"
  | "round_f16"
  | "round_bf16";

const computeTypes: Readonly<Record<DTypeName, ComputeType>> = {
  bool: "bool",
  uint8: "u32",
  uint16: "u32",
  uint32: "u32",
  uint64: "u64",
  int8: "i32",
  int16: "i32",
  int32: "i32",
  int64: "i64",
  float16: "f32",
  bfloat16: "f32",
  float32: "f32",
  float64: "f64",
  complex64: "f32",
};

/** What elements of a storage type are while a kernel computes with them; complex64 is seen as pairs of float32. */
export const computeTypeOf = (d: DType): ComputeType => computeTypes[d.name];

/** How an instruction's result type follows from its operands. */
export type ScalarTyping =
  /** all operands and the result share one type */
  | "same"
  /** operands share one type, the result is bool */
  | "compare"
  /** (bool, T, T) → T */
  | "select"
  /** the result type is stated by the instruction */
  | "cast";

export interface ScalarInfo {
  readonly arity: number;
  readonly typing: ScalarTyping;
  /** Operand types it is defined on. */
  readonly on: readonly ComputeType[];
}

const floats: readonly ComputeType[] = ["f32", "f64"];
const ints: readonly ComputeType[] = ["i32", "u32", "i64", "u64"];
const numbers: readonly ComputeType[] = [...ints, ...floats];
const bits: readonly ComputeType[] = ["bool", ...ints];
const all: readonly ComputeType[] = ["bool", ...numbers];

const unary = (on: readonly ComputeType[]): ScalarInfo => ({ arity: 1, typing: "same", on });
const binary = (on: readonly ComputeType[]): ScalarInfo => ({ arity: 2, typing: "same", on });
const compare: ScalarInfo = { arity: 2, typing: "compare", on: all };
const cast: ScalarInfo = { arity: 1, typing: "cast", on: all };

/**
 * Meaning, where the name alone does not say it:
 * - integers wrap modulo 2^width; on bool `add`, `max`, `or` are "or", `mul`, `min`, `and` are "and", `sub`, `xor` are "xor";
 * - `div` on integers truncates toward zero, by zero gives 0; `rem` takes the divisor's sign (ints and floats), by integer zero gives 0;
 * - `min`/`max` propagate NaN; comparisons with NaN are false except `ne`;
 * - `round` is half to even; `sign` of NaN is 0, of -0 is 0;
 * - `pow` on integers wraps, with a negative exponent gives 0; on floats as C's pow; on bool a or not b;
 * - `shl`/`shr` by the width or more give 0 (or the sign for signed `shr`);
 * - `not` is logical on bool, bitwise on ints; `rotl` is for u32;
 * - `cast` converts: float→int truncates (out of range saturates, NaN gives 0), anything nonzero (NaN too)→true;
 * - `bitcast` reinterprets between types of one width (f32/i32/u32, f64/i64/u64);
 * - `wrap_*` bring a 32-bit int back into the narrow range modulo 2^width;
 * - `round_f16`/`round_bf16` round an f32 to the nearest value of the half type (ties to even; overflow to infinity).
 */
export const scalarOps: Readonly<Record<ScalarOp, ScalarInfo>> = {
  neg: unary(numbers),
  abs: unary(numbers),
  sign: unary(numbers),
  not: unary(bits),
  sqrt: unary(floats),
  rsqrt: unary(floats),
  exp: unary(floats),
  expm1: unary(floats),
  log: unary(floats),
  log1p: unary(floats),
  log2: unary(floats),
  log10: unary(floats),
  sin: unary(floats),
  cos: unary(floats),
  tan: unary(floats),
  asin: unary(floats),
  acos: unary(floats),
  atan: unary(floats),
  sinh: unary(floats),
  cosh: unary(floats),
  tanh: unary(floats),
  asinh: unary(floats),
  acosh: unary(floats),
  atanh: unary(floats),
  erf: unary(floats),
  erfinv: unary(floats),
  sigmoid: unary(floats),
  floor: unary(floats),
  ceil: unary(floats),
  trunc: unary(floats),
  round: unary(floats),
  add: binary(all),
  sub: binary(all),
  mul: binary(all),
  div: binary(numbers),
  rem: binary(numbers),
  pow: binary(all),
  min: binary(all),
  max: binary(all),
  atan2: binary(floats),
  and: binary(bits),
  or: binary(bits),
  xor: binary(bits),
  shl: binary(ints),
  shr: binary(ints),
  rotl: binary(["u32"]),
  lt: compare,
  le: compare,
  gt: compare,
  ge: compare,
  eq: compare,
  ne: compare,
  select: { arity: 3, typing: "select", on: all },
  cast,
  bitcast: cast,
  wrap_i8: unary(["i32"]),
  wrap_i16: unary(["i32"]),
  wrap_u8: unary(["u32"]),
  wrap_u16: unary(["u32"]),
  round_f16: unary(["f32"]),
  round_bf16: unary(["f32"]),
};

/** Reductions a kernel can do. `argmax`/`argmin` keep the first extremum and skip NaN unless it comes first. */
export type Combine = "sum" | "prod" | "max" | "min" | "argmax" | "argmin";

/** Builds scalar expressions; `V` is opaque. Primitives describe their lowering with it. */
export interface Scalars<V> {
  op(fn: Exclude<ScalarOp, "cast" | "bitcast">, ...args: readonly V[]): V;
  cast(to: ComputeType, value: V): V;
  bitcast(to: ComputeType, value: V): V;
  constant(type: ComputeType, value: number | bigint | boolean): V;
  typeOf(value: V): ComputeType;
}

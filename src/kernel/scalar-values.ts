/** What every scalar instruction gives on single values: bools and 32-bit types as numbers, 64-bit integers as bigints. */
import { InternalError } from "../core/errors.js";
import { fromBfloat16Bits, fromFloat16Bits, toBfloat16Bits, toFloat16Bits } from "../core/half.js";
import { type ComputeType, type ScalarOp, scalarOps } from "../core/scalar.js";
import { hostMath } from "./host-math.js";

/** A value of any compute type. */
export type Value = number | bigint;
export type ScalarFunction = (a: Value, b: Value, c: Value) => Value;

/** Instructions that mean something on each class of operands (see `scalarOps`); select and the casts stand apart. */
type Apart = "select" | "cast" | "bitcast";
type Table<V> = { readonly [Op in Exclude<ScalarOp, Apart>]?: (a: V, b: V) => V | boolean };

export const roundHalfEven = (x: number): number => {
  const low = Math.floor(x);
  const over = x - low;
  if (over < 0.5 || (over === 0.5 && low % 2 === 0)) return low;
  // -0.4 rounds to -0.
  return low === -1 ? -0 : low + 1;
};

const compares: Table<Value> = {
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
};

const onFloats: Table<number> = {
  neg: (a) => -a,
  abs: Math.abs,
  sign: (a) => (a > 0 ? 1 : a < 0 ? -1 : 0),
  sqrt: Math.sqrt,
  rsqrt: (a) => 1 / Math.sqrt(a),
  floor: Math.floor,
  ceil: Math.ceil,
  trunc: Math.trunc,
  round: roundHalfEven,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  min: Math.min,
  max: Math.max,
  round_f16: (a) => fromFloat16Bits(toFloat16Bits(a)),
  round_bf16: (a) => fromBfloat16Bits(toBfloat16Bits(a)),
  ...hostMath,
};

const onBools: Table<number> = {
  not: (a) => a === 0,
  add: (a, b) => a | b,
  max: (a, b) => a | b,
  or: (a, b) => a | b,
  mul: (a, b) => a & b,
  min: (a, b) => a & b,
  and: (a, b) => a & b,
  sub: (a, b) => a ^ b,
  xor: (a, b) => a ^ b,
  pow: (a, b) => a | (b ^ 1),
};

/** Results are wrapped to the type afterwards; operands are exact, so only products and shifts need care. */
const onInts32 = (signed: boolean): Table<number> => ({
  neg: (a) => -a,
  abs: Math.abs,
  sign: Math.sign,
  not: (a) => ~a,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: Math.imul,
  div: (a, b) => (b === 0 ? 0 : Math.trunc(a / b)),
  rem: (a, b) => (b === 0 ? 0 : hostMath.rem(a, b)),
  pow: (a, b) => {
    if (b < 0) return 0;
    let result = 1;
    let base = a;
    for (let n = b; n > 0; n = Math.floor(n / 2)) {
      if (n % 2 === 1) result = Math.imul(result, base);
      base = Math.imul(base, base);
    }
    return result;
  },
  min: Math.min,
  max: Math.max,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b) => (b >>> 0 > 31 ? 0 : a << b),
  shr: (a, b) => {
    if (signed) return a >> Math.min(b >>> 0, 31);
    return b > 31 ? 0 : a >>> b;
  },
  rotl: (a, b) => (a << (b & 31)) | (a >>> (-b & 31)),
  wrap_i8: (a) => (a << 24) >> 24,
  wrap_i16: (a) => (a << 16) >> 16,
  wrap_u8: (a) => a & 0xff,
  wrap_u16: (a) => a & 0xffff,
});

const absolute = (a: bigint): bigint => (a < 0n ? -a : a);

const lesser = (a: bigint, b: bigint): bigint => {
  if (a < b) return a;
  return b;
};

const onInts64: Table<bigint> = {
  neg: (a) => -a,
  abs: absolute,
  sign: (a) => (a > 0n ? 1n : a < 0n ? -1n : 0n),
  not: (a) => ~a,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => (b === 0n ? 0n : a / b),
  rem: (a, b) => {
    if (b === 0n) return 0n;
    const r = a % b;
    return r !== 0n && r < 0n !== b < 0n ? r + b : r;
  },
  pow: (a, b) => {
    if (b < 0n) return 0n;
    let result = 1n;
    let base = a;
    for (let n = b; n > 0n; n >>= 1n) {
      if (n & 1n) result = BigInt.asUintN(64, result * base);
      base = BigInt.asUintN(64, base * base);
    }
    return result;
  },
  min: lesser,
  max: (a, b) => -lesser(-a, -b),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b) => (BigInt.asUintN(64, b) > 63n ? 0n : a << b),
  shr: (a, b) => a >> (BigInt.asUintN(64, b) > 63n ? 64n : b),
};

/** Brings a result into the range of its type: the one rounding of f32, wrapping of integers. */
export const settle: { readonly [T in ComputeType]: (v: Value) => Value } = {
  bool: (v) => (v ? 1 : 0),
  i32: (v) => Number(v) | 0,
  u32: (v) => Number(v) >>> 0,
  i64: (v) => BigInt.asIntN(64, BigInt(v)),
  u64: (v) => BigInt.asUintN(64, BigInt(v)),
  f32: (v) => Math.fround(Number(v)),
  f64: (v) => Number(v),
};

const signed32 = onInts32(true);
const unsigned32 = onInts32(false);

const lift = (table: Table<number>, fn: Exclude<ScalarOp, Apart>): ScalarFunction | null => {
  const f = table[fn];
  return f === undefined ? null : (a, b) => Number(f(Number(a), Number(b)));
};

const arithmetic = (fn: Exclude<ScalarOp, Apart>, type: ComputeType): ScalarFunction | null => {
  const compare = compares[fn];
  if (compare !== undefined) return (a, b) => (compare(a, b) ? 1 : 0);
  switch (type) {
    case "bool":
      return lift(onBools, fn);
    case "i32":
      return lift(signed32, fn);
    case "u32":
      return lift(unsigned32, fn);
    case "f32":
    case "f64":
      return lift(onFloats, fn);
    case "i64":
    case "u64": {
      const f = onInts64[fn];
      return f === undefined ? null : (a, b) => BigInt(f(BigInt(a), BigInt(b)));
    }
  }
};

const isWide = (t: ComputeType): boolean => t === "i64" || t === "u64";
const isFloat = (t: ComputeType): boolean => t === "f32" || t === "f64";

const bounds = {
  i32: [-2147483648, 2147483647],
  u32: [0, 4294967295],
  i64: [-(2n ** 63n), 2n ** 63n - 1n],
  u64: [0n, 2n ** 64n - 1n],
} as const;

const truncate = (x: number, to: "i32" | "u32" | "i64" | "u64"): Value => {
  const wide = isWide(to);
  if (Number.isNaN(x)) return wide ? 0n : 0;
  const [low, high] = bounds[to];
  if (x <= low) return low;
  if (x >= high) return high;
  return wide ? BigInt(Math.trunc(x)) : Math.trunc(x);
};

/** The nearest float32 of a 64-bit integer, in one rounding: bits that float64 cannot hold only break ties. */
const wideToF32 = (x: bigint): number => {
  const m = absolute(x);
  if (m < 1n << 53n) return Math.fround(Number(x));
  const top = m >> 11n;
  const odd = top << 11n === m ? top : top | 1n;
  return Math.fround(Number(x < 0n ? -odd : odd) * 2048);
};

const converter = (from: ComputeType, to: ComputeType): ((v: Value) => Value) => {
  if (to === "bool") return (v) => (Number(v) !== 0 ? 1 : 0);
  if (to === "f32") return isWide(from) ? (v) => wideToF32(BigInt(v)) : settle.f32;
  if (to === "f64") return settle.f64;
  if (isFloat(from)) return (v) => truncate(Number(v), to);
  if (isWide(from) && !isWide(to)) {
    return to === "i32"
      ? (v) => Number(BigInt.asIntN(32, BigInt(v)))
      : (v) => Number(BigInt.asUintN(32, BigInt(v)));
  }
  return settle[to];
};

const view = new DataView(new ArrayBuffer(8));

/** Writes a value's bits at the start of `view`, little-endian. */
const put: { readonly [T in ComputeType]: (v: Value) => void } = {
  bool: (v) => view.setInt32(0, Number(v), true),
  i32: (v) => view.setInt32(0, Number(v), true),
  u32: (v) => view.setUint32(0, Number(v), true),
  i64: (v) => view.setBigInt64(0, BigInt(v), true),
  u64: (v) => view.setBigUint64(0, BigInt(v), true),
  f32: (v) => view.setFloat32(0, Number(v), true),
  f64: (v) => view.setFloat64(0, Number(v), true),
};

const take: { readonly [T in ComputeType]: () => Value } = {
  bool: () => view.getInt32(0, true),
  i32: () => view.getInt32(0, true),
  u32: () => view.getUint32(0, true),
  i64: () => view.getBigInt64(0, true),
  u64: () => view.getBigUint64(0, true),
  f32: () => view.getFloat32(0, true),
  f64: () => view.getFloat64(0, true),
};

/**
 * The function of instruction `fn` on operands of type `from` (of a select: its second operand) with a result of type
 * `to`. Throws an InternalError where the instruction is not defined on that type.
 */
export const scalarFunction = (
  fn: ScalarOp,
  from: ComputeType,
  to: ComputeType,
): ScalarFunction => {
  if (fn === "select") return (a, b, c) => (a ? b : c);
  if (fn === "cast") return converter(from, to);
  if (fn === "bitcast") {
    return (a) => {
      put[from](a);
      return take[to]();
    };
  }
  const f = arithmetic(fn, from);
  if (f === null || !scalarOps[fn].on.includes(from)) {
    throw new InternalError(`[kernel] ${fn} is not defined on ${from}`);
  }
  const finish = settle[to];
  return (a, b, c) => finish(f(a, b, c));
};

/** A value as `type`, from what a caller passed as scalar argument or constant; whole numbers wrap. */
export const asType = (type: ComputeType, v: number | bigint | boolean): Value => {
  if (typeof v === "boolean") return asType(type, v ? 1 : 0);
  if (typeof v === "bigint") return converter("i64", type)(v);
  if (!isFloat(type) && type !== "bool" && Number.isInteger(v))
    return converter("i64", type)(BigInt(v));
  return converter("f64", type)(v);
};

/** Every scalar instruction in plain JavaScript: floats in doubles without rounding, integers exact. */
import { InternalError } from "../../src/core/errors.js";
import { type ComputeType, type ScalarOp, type Scalars, scalarOps } from "../../src/core/scalar.js";

/** One value of a kernel type: bool a boolean, 64-bit integers bigints, everything else a number. */
export interface Cell {
  readonly type: ComputeType;
  readonly v: number | bigint | boolean;
}

const isCell = (x: unknown): x is Cell =>
  typeof x === "object" && x !== null && "type" in x && "v" in x;

export const cellOf = (x: unknown): Cell => {
  if (!isCell(x)) throw new InternalError("[naive] not a value");
  return x;
};

const num = (c: Cell | undefined): number => Number(c?.v ?? 0);

const erf = (x: number): number => {
  if (Number.isNaN(x)) return x;
  if (Math.abs(x) > 6) return Math.sign(x);
  // All terms have one sign, so nothing cancels.
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
};

const erfinv = (y: number): number => {
  if (Math.abs(y) >= 1) return Math.abs(y) === 1 ? y * Number.POSITIVE_INFINITY : Number.NaN;
  const l = Math.log(1 - y * y);
  const k = 2 / (Math.PI * 0.147) + l / 2;
  let x = Math.sign(y) * Math.sqrt(Math.sqrt(k * k - l / 0.147) - k);
  for (let i = 0; i < 4; i++) {
    const slope = (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x);
    const d = (erf(x) - y) / slope;
    x -= d / (1 + x * d);
  }
  return x;
};

const halfEven = (x: number): number => {
  const r = Math.round(x);
  return Math.abs(x % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r;
};

const floatRem = (a: number, b: number): number => {
  const r = a % b;
  return r !== 0 && r < 0 !== b < 0 ? r + b : r;
};

type F = (a: number, b: number) => number;

const floats: Partial<Record<ScalarOp, F>> = {
  neg: (a) => -a,
  abs: Math.abs,
  sign: (a) => (a > 0 ? 1 : a < 0 ? -1 : 0),
  sqrt: Math.sqrt,
  rsqrt: (a) => 1 / Math.sqrt(a),
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  log2: Math.log2,
  log10: Math.log10,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  erf,
  erfinv,
  sigmoid: (a) => 1 / (1 + Math.exp(-a)),
  floor: Math.floor,
  ceil: Math.ceil,
  trunc: Math.trunc,
  round: halfEven,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  rem: floatRem,
  pow: (a, b) => (a === 1 || b === 0 ? 1 : a ** b),
  min: Math.min,
  max: Math.max,
  atan2: Math.atan2,
};

type B = (a: bigint, b: bigint, bits: number, signed: boolean) => bigint;

const power = (a: bigint, b: bigint): bigint => {
  if (b < 0n) return 0n;
  let [r, base] = [1n, a];
  for (let e = b; e > 0n; e >>= 1n) {
    if (e & 1n) r = BigInt.asIntN(64, r * base);
    base = BigInt.asIntN(64, base * base);
  }
  return r;
};

const integers: Partial<Record<ScalarOp, B>> = {
  neg: (a) => -a,
  abs: (a) => (a < 0n ? -a : a),
  sign: (a) => (a > 0n ? 1n : a < 0n ? -1n : 0n),
  not: (a) => ~a,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => (b === 0n ? 0n : a / b),
  rem: (a, b) => (b === 0n ? 0n : ((a % b) + b) % b),
  pow: power,
  min: (a, b) => (a < b ? a : b),
  max: (a, b) => (a > b ? a : b),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b, bits) => (b < 0n || b >= BigInt(bits) ? 0n : a << b),
  shr: (a, b, bits, signed) =>
    b < 0n || b >= BigInt(bits) ? (signed && a < 0n ? -1n : 0n) : a >> b,
  rotl: (a, b) => (a << (b % 32n)) | (a >> (32n - (b % 32n))),
  wrap_i8: (a) => BigInt.asIntN(8, a),
  wrap_i16: (a) => BigInt.asIntN(16, a),
  wrap_u8: (a) => BigInt.asUintN(8, a),
  wrap_u16: (a) => BigInt.asUintN(16, a),
};

type L = (a: boolean, b: boolean) => boolean;
const logic: Partial<Record<ScalarOp, L>> = {
  not: (a) => !a,
  add: (a, b) => a || b,
  max: (a, b) => a || b,
  or: (a, b) => a || b,
  mul: (a, b) => a && b,
  min: (a, b) => a && b,
  and: (a, b) => a && b,
  sub: (a, b) => a !== b,
  xor: (a, b) => a !== b,
  pow: (a, b) => a || !b,
};

const comparisons: Partial<Record<ScalarOp, (a: number | bigint, b: number | bigint) => boolean>> =
  {
    lt: (a, b) => a < b,
    le: (a, b) => a <= b,
    gt: (a, b) => a > b,
    ge: (a, b) => a >= b,
    eq: (a, b) => a === b,
    ne: (a, b) => a !== b,
  };

/** An integer brought into the range of its type. */
const fit = (type: ComputeType, v: bigint): Cell["v"] => {
  switch (type) {
    case "i32":
      return Number(BigInt.asIntN(32, v));
    case "u32":
      return Number(BigInt.asUintN(32, v));
    case "i64":
      return BigInt.asIntN(64, v);
    default:
      return BigInt.asUintN(64, v);
  }
};

const isFloat = (t: ComputeType): boolean => t === "f32" || t === "f64";

const saturate = (type: ComputeType, v: number): bigint => {
  if (Number.isNaN(v)) return 0n;
  const bits = type === "i32" || type === "u32" ? 32n : 64n;
  const signed = type === "i32" || type === "i64";
  const top = signed ? 2n ** (bits - 1n) - 1n : 2n ** bits - 1n;
  const bottom = signed ? -(2n ** (bits - 1n)) : 0n;
  if (v >= Number(top)) return top;
  if (v <= Number(bottom)) return bottom;
  return BigInt(Math.trunc(v));
};

const scratch = new DataView(new ArrayBuffer(8));

const missing = (fn: string, type: string): InternalError =>
  new InternalError(`[naive] no ${fn} on ${type}`);

/** Evaluates at once: a value is a {@link Cell}. */
export const eager: Scalars<unknown> = {
  op(fn, ...given) {
    const args = given.map(cellOf);
    const [a, b] = args;
    const typing = scalarOps[fn].typing;
    if (a === undefined) throw missing(fn, "nothing");
    if (typing === "select") {
      const [, yes, no] = args;
      if (yes?.type !== no?.type) throw missing(fn, `${yes?.type} and ${no?.type}`);
      return a.v ? yes : no;
    }
    if (b !== undefined && a.type !== b.type) throw missing(fn, `${a.type} and ${b.type}`);
    if (!scalarOps[fn].on.some((t) => t === a.type)) throw missing(fn, a.type);
    if (typing === "compare") {
      const compare = comparisons[fn];
      if (compare === undefined) throw missing(fn, a.type);
      const plain = (c: Cell | undefined): number | bigint =>
        typeof c?.v === "bigint" ? c.v : num(c);
      return { type: "bool", v: compare(plain(a), plain(b)) };
    }
    if (a.type === "bool") {
      const f = logic[fn];
      if (f === undefined) throw missing(fn, a.type);
      return { type: "bool", v: f(a.v === true, b?.v === true) };
    }
    if (isFloat(a.type)) {
      const f = floats[fn];
      if (f === undefined) throw missing(fn, a.type);
      return { type: a.type, v: f(num(a), num(b)) };
    }
    const f = integers[fn];
    if (f === undefined) throw missing(fn, a.type);
    const bits = a.type === "i32" || a.type === "u32" ? 32 : 64;
    return {
      type: a.type,
      v: fit(a.type, f(BigInt(a.v), BigInt(b?.v ?? 0), bits, a.type[0] === "i")),
    };
  },
  cast(to, value) {
    const c = cellOf(value);
    if (to === "bool") return { type: to, v: c.v !== 0 && c.v !== 0n && c.v !== false };
    if (isFloat(to)) return { type: to, v: Number(c.v) };
    const whole = isFloat(c.type) ? saturate(to, num(c)) : BigInt(c.v);
    return { type: to, v: fit(to, whole) };
  },
  bitcast(to, value) {
    const c = cellOf(value);
    if (c.type === "f32") scratch.setFloat32(0, num(c));
    else if (c.type === "f64") scratch.setFloat64(0, num(c));
    else if (c.type === "i64" || c.type === "u64")
      scratch.setBigUint64(0, BigInt.asUintN(64, BigInt(c.v)));
    else scratch.setUint32(0, num(c) >>> 0);
    if (to === "f32") return { type: to, v: scratch.getFloat32(0) };
    if (to === "f64") return { type: to, v: scratch.getFloat64(0) };
    if (to === "i64") return { type: to, v: scratch.getBigInt64(0) };
    if (to === "u64") return { type: to, v: scratch.getBigUint64(0) };
    return { type: to, v: to === "i32" ? scratch.getInt32(0) : scratch.getUint32(0) };
  },
  constant(type, value) {
    if (type === "bool") return { type, v: Boolean(value) };
    if (isFloat(type)) return { type, v: Number(value) };
    return { type, v: fit(type, BigInt(value)) };
  },
  typeOf: (value) => cellOf(value).type,
};

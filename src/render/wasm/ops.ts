/** Every scalar instruction of the kernel IR on scalars or vectors: a table total over instructions. */
import { InternalError } from "../../core/errors.js";
import type { ComputeType, ScalarOp } from "../../core/scalar.js";
import type { Code } from "./block.js";
import { fromBrain, fromHalf, toBrain, toHalf } from "./half.js";
import type { Ref } from "./lane-code.js";
import { type HostImports, Lanes } from "./lanes.js";
import { expand } from "./math/index.js";

/** Bytes of a value in a vector lane; bool has none of its own. */
export const widthOf = (t: ComputeType): 0 | 4 | 8 =>
  t === "bool" ? 0 : t === "f32" || t === "i32" || t === "u32" ? 4 : 8;

const isFloat = (t: ComputeType): boolean => t === "f32" || t === "f64";
const isUnsigned = (t: ComputeType): boolean => t === "u32" || t === "u64";

/**
 * Instructions on values of `lanes` lanes. With one lane every type can meet every other; vectors hold values of one
 * width, and bools as lane masks.
 */
export class Ops {
  readonly code: Code;
  readonly lanes: number;
  readonly narrow: Lanes;
  readonly wide: Lanes;
  /** Bytes per lane of vectors. */
  readonly width: 4 | 8;

  constructor(
    code: Code,
    lanes: number,
    width: 4 | 8,
    features: { readonly relaxed: boolean },
    host: HostImports,
  ) {
    this.code = code;
    this.lanes = lanes;
    this.width = width;
    this.narrow = new Lanes(code, "f32", lanes === 1 ? 1 : 4, features, host);
    this.wide = new Lanes(code, "f64", lanes === 1 ? 1 : 2, features, host);
  }

  of(t: ComputeType): Lanes {
    const width = widthOf(t);
    return (width === 0 ? this.width : width) === 4 ? this.narrow : this.wide;
  }

  constant(t: ComputeType, value: number | bigint | boolean): Ref {
    const l = this.of(t);
    if (t === "bool") {
      return this.lanes === 1 ? this.code.i32(value ? 1 : 0) : l.integer(value ? -1 : 0);
    }
    if (isFloat(t)) return l.constant(Number(value));
    return l.integer(typeof value === "boolean" ? Number(value) : value);
  }

  /** A scalar spread over the lanes. */
  splat(t: ComputeType, scalar: Ref): Ref {
    if (this.lanes === 1) return scalar;
    const l = this.of(t);
    if (t === "bool") {
      const mask = this.code.op("i32.sub", this.code.i32(0), scalar);
      const lane = this.width === 4 ? mask : this.code.op("i64.extend_i32_s", mask);
      return this.code.op(`${l.intShape}.splat`, lane);
    }
    return this.code.op(`${isFloat(t) ? l.shape : l.intShape}.splat`, scalar);
  }

  /** One lane as a scalar; bools as 0 or 1. */
  extract(t: ComputeType, value: Ref, lane: number): Ref {
    if (this.lanes === 1) return value;
    const l = this.of(t);
    if (isFloat(t)) return l.extract(value, lane);
    const bits = this.code.lane(`${l.intShape}.extract_lane`, [lane], value);
    if (t !== "bool") return bits;
    const low = this.width === 4 ? bits : this.code.op("i32.wrap_i64", bits);
    return this.code.op("i32.and", low, this.code.i32(1));
  }

  /** A vector from one scalar per lane. */
  gather(t: ComputeType, scalars: readonly Ref[]): Ref {
    const [first = 0, ...rest] = scalars;
    if (this.lanes === 1) return first;
    const l = this.of(t);
    if (isFloat(t)) return l.gather(scalars);
    let v = this.splat(t, first);
    rest.forEach((s, i) => {
      if (s === first) return;
      let lane = t === "bool" ? this.code.op("i32.sub", this.code.i32(0), s) : s;
      if (t === "bool" && this.width === 8) lane = this.code.op("i64.extend_i32_s", lane);
      v = this.code.lane(`${l.intShape}.replace_lane`, [i + 1], v, lane);
    });
    return v;
  }

  /** Whether any lane of a mask is set, as i32. */
  any(mask: Ref): Ref {
    return this.lanes === 1 ? mask : this.code.op("v128.any_true", mask);
  }

  /** `fn` on operands of type `from`, giving type `to`. `known` holds the values of constant operands. */
  apply(
    fn: ScalarOp,
    from: ComputeType,
    to: ComputeType,
    args: readonly Ref[],
    known: readonly (number | bigint | null)[] = [],
  ): Ref {
    return table[fn]({ o: this, l: this.of(from), t: from, to, args, known, fn });
  }

  /** The scalar version lane by lane, for what vectors cannot do. */
  perLane(x: Call, one: (args: readonly Ref[]) => Ref): Ref {
    if (this.lanes === 1) return one(x.args);
    const lanes = Array.from({ length: this.lanes }, (_, i) =>
      one(x.args.map((a) => this.extract(x.t, a, i))),
    );
    return this.gather(x.to, lanes);
  }
}

interface Call {
  readonly o: Ops;
  readonly l: Lanes;
  readonly t: ComputeType;
  readonly to: ComputeType;
  readonly args: readonly Ref[];
  readonly known: readonly (number | bigint | null)[];
  readonly fn: ScalarOp;
}

type Rule = (x: Call) => Ref;

const arg = (x: Call, i: number): Ref => x.args[i] ?? 0;
/** A scalar instruction of the operands' integer type. */
const int = (x: Call, name: string, ...args: readonly Ref[]): Ref =>
  x.o.code.op(`${widthOf(x.t) === 8 ? "i64" : "i32"}.${name}`, ...args);
const intConstant = (x: Call, n: number | bigint): Ref =>
  widthOf(x.t) === 8 ? x.o.code.i64(BigInt(n)) : x.o.code.i32(Number(n));
const sign = (x: Call): "u" | "s" => (isUnsigned(x.t) ? "u" : "s");

const math: Rule = (x) => {
  if (!isFloat(x.t)) throw new InternalError(`[render] ${x.fn} is not defined on ${x.t}`);
  return expand(x.l, x.fn, x.args);
};

/** Different for bools, integers and floats. */
const byKind =
  (bool: Rule, integer: Rule, float: Rule): Rule =>
  (x) =>
    x.t === "bool" ? bool(x) : isFloat(x.t) ? float(x) : integer(x);

const either: Rule = (x) => x.l.either(arg(x, 0), arg(x, 1));
const both: Rule = (x) => x.l.both(arg(x, 0), arg(x, 1));
const differ: Rule = (x) =>
  x.o.code.op(x.o.lanes === 1 ? "i32.xor" : "v128.xor", arg(x, 0), arg(x, 1));

const less = (x: Call, a: Ref, b: Ref): Ref => {
  const { o, l } = x;
  if (o.lanes === 1) return int(x, `lt_${sign(x)}`, a, b);
  if (!isUnsigned(x.t)) return l.ilt(a, b);
  if (o.width === 4) return o.code.op("i32x4.lt_u", a, b);
  const top = l.integer(1n << 63n);
  return l.ilt(l.ixor(a, top), l.ixor(b, top));
};

const compare =
  (
    bool: (x: Call, a: Ref, b: Ref) => Ref,
    integer: (x: Call, a: Ref, b: Ref) => Ref,
    float: "lt" | "le" | "gt" | "ge" | "eq" | "ne",
  ): Rule =>
  (x) => {
    const [a = 0, b = 0] = x.args;
    if (x.t === "bool") return bool(x, a, b);
    return isFloat(x.t) ? x.l[float](a, b) : integer(x, a, b);
  };

const extremum = (most: "min" | "max"): Rule =>
  byKind(
    most === "max" ? either : both,
    (x) => {
      const [a = 0, b = 0] = x.args;
      if (x.o.lanes > 1 && x.o.width === 4) return x.o.code.op(`i32x4.${most}_${sign(x)}`, a, b);
      return most === "max" ? x.l.select(less(x, a, b), b, a) : x.l.select(less(x, a, b), a, b);
    },
    (x) => x.l[most](arg(x, 0), arg(x, 1)),
  );

/** Traps are avoided by dividing by 1 where the divisor is 0 or -1. */
const divide: Rule = (x) =>
  x.o.perLane(x, ([a = 0, b = 0]) => {
    const { code } = x.o;
    const one = intConstant(x, 1);
    const zero = intConstant(x, 0);
    const none = int(x, "eqz", b);
    if (isUnsigned(x.t)) {
      return code.select(none, zero, int(x, "div_u", a, code.select(none, one, b)));
    }
    const minus = int(x, "eq", b, intConstant(x, -1));
    const safe = code.select(code.op("i32.or", none, minus), one, b);
    const q = code.select(minus, int(x, "sub", zero, a), int(x, "div_s", a, safe));
    return code.select(none, zero, q);
  });

const remainder: Rule = (x) =>
  x.o.perLane(x, ([a = 0, b = 0]) => {
    const { code } = x.o;
    const none = int(x, "eqz", b);
    const one = intConstant(x, 1);
    const zero = intConstant(x, 0);
    const r = int(x, `rem_${sign(x)}`, a, code.select(none, one, b));
    if (isUnsigned(x.t)) return code.select(none, zero, r);
    const opposite = int(x, "lt_s", int(x, "xor", r, b), zero);
    const adjust = code.op("i32.and", int(x, "ne", r, zero), opposite);
    return code.select(none, zero, code.select(adjust, int(x, "add", r, b), r));
  });

/** √a as a power: of −0 it is 0, of −∞ it is ∞. */
const root = ({ l }: Call, a: Ref): Ref => {
  const infinite = l.eq(a, l.constant(Number.NEGATIVE_INFINITY));
  return l.select(infinite, l.constant(Infinity), l.sqrt(l.add(a, l.constant(0))));
};

/** Exponents that are common and need no logarithm. */
const powers: ReadonlyMap<number, (x: Call, a: Ref) => Ref> = new Map([
  [2, ({ l }, a) => l.mul(a, a)],
  [3, ({ l }, a) => l.mul(l.mul(a, a), a)],
  [0.5, root],
  [-0.5, (x, a) => x.l.div(x.l.constant(1), root(x, a))],
  [-1, ({ l }, a) => l.div(l.constant(1), a)],
]);

/** Exponents of floats for which {@link Ops.apply} has short code when they are known. */
export const shortPowers: readonly number[] = [...powers.keys()];

const floatPower: Rule = (x) => {
  const short = powers.get(Number(x.known[1] ?? Number.NaN));
  return short === undefined ? math(x) : short(x, arg(x, 0));
};

const intPower: Rule = (x) => {
  const exponent = x.known[1];
  if (exponent !== undefined && exponent !== null && exponent >= 0 && exponent <= 64) {
    let result: Ref | null = null;
    let base = arg(x, 0);
    for (let n = Number(exponent); n > 0; n >>= 1) {
      if (n & 1) result = result === null ? base : x.l.imul(result, base);
      base = x.l.imul(base, base);
    }
    return result ?? x.l.integer(1);
  }
  return x.o.perLane(x, ([a = 0, b = 0]) => {
    const { code } = x.o;
    const one = intConstant(x, 1);
    const result = code.variable(one);
    const base = code.variable(a);
    const left = code.variable(b);
    code.pin(b);
    code.loop(code.i32(0), code.i32(widthOf(x.t) * 8), 1, () => {
      const odd = int(x, "and", code.get(left), one);
      const factor = code.select(int(x, "eqz", odd), one, code.get(base));
      code.set(result, int(x, "mul", code.get(result), factor));
      code.set(base, int(x, "mul", code.get(base), code.get(base)));
      code.set(left, int(x, "shr_u", code.get(left), one));
    });
    const power = code.get(result);
    code.pin(power);
    if (isUnsigned(x.t)) return power;
    return code.select(int(x, "lt_s", b, intConstant(x, 0)), intConstant(x, 0), power);
  });
};

const shift =
  (name: "shl" | "shr"): Rule =>
  (x) => {
    const bits = widthOf(x.t) * 8;
    const by = x.known[1];
    const arithmetic = name === "shr" && !isUnsigned(x.t);
    if (by !== undefined && by !== null) {
      const inside = by >= 0 && by < bits;
      if (!inside && !arithmetic) return x.l.integer(0);
      const n = inside ? Number(by) : bits - 1;
      if (name === "shl") return x.l.ishl(arg(x, 0), n);
      return arithmetic ? x.l.ishr(arg(x, 0), n) : x.l.ushr(arg(x, 0), n);
    }
    return x.o.perLane(x, ([a = 0, b = 0]) => {
      const { code } = x.o;
      const inside = int(x, "lt_u", b, intConstant(x, bits));
      if (arithmetic) return int(x, "shr_s", a, code.select(inside, b, intConstant(x, bits - 1)));
      const shifted = int(x, name === "shl" ? "shl" : "shr_u", a, b);
      return code.select(inside, shifted, intConstant(x, 0));
    });
  };

const rotate: Rule = (x) => {
  const by = x.known[1];
  if (by === undefined || by === null) {
    return x.o.perLane(x, ([a = 0, b = 0]) => x.o.code.op("i32.rotl", a, b));
  }
  const n = Number(BigInt.asUintN(5, BigInt(by)));
  if (n === 0) return arg(x, 0);
  if (n % 8 === 0 && x.o.lanes === 4) {
    const bytes = Array.from({ length: 16 }, (_, i) => (i & ~3) | ((i - n / 8) & 3));
    return x.o.code.lane("i8x16.shuffle", bytes, arg(x, 0), arg(x, 0));
  }
  return x.l.ior(x.l.ishl(arg(x, 0), n), x.l.ushr(arg(x, 0), 32 - n));
};

const signOf: Rule = (x) => {
  const { l, o } = x;
  const a = arg(x, 0);
  if (isFloat(x.t)) {
    const [zero, one] = [l.constant(0), l.constant(1)];
    return l.select(l.gt(a, zero), one, l.select(l.lt(a, zero), l.constant(-1), zero));
  }
  const zero = l.integer(0);
  const positive = l.select(less(x, zero, a), l.integer(1), zero);
  if (isUnsigned(x.t)) return positive;
  return o.lanes === 1
    ? x.o.code.select(less(x, a, zero), l.integer(-1), positive)
    : l.ior(l.ilt(a, zero), positive);
};

/** Sign-extends, or clears, what lies above the low bits. */
const wrap =
  (bits: 8 | 16, signed: boolean): Rule =>
  (x) =>
    signed
      ? x.l.ishr(x.l.ishl(arg(x, 0), 32 - bits), 32 - bits)
      : x.l.iand(arg(x, 0), x.l.integer(2 ** bits - 1));

const fromBool = (x: Call): Ref => {
  const { o, to } = x;
  const l = o.of(to);
  return l.select(arg(x, 0), o.constant(to, 1), o.constant(to, 0));
};

/** The name of the scalar conversion, or null where bits stay as they are. */
const conversion = (from: ComputeType, to: ComputeType): string | null => {
  const [a, b] = [widthOf(from), widthOf(to)];
  const wasm = (t: ComputeType): string => (isFloat(t) ? t : widthOf(t) === 8 ? "i64" : "i32");
  if (isFloat(to)) {
    if (from === "f32") return a === b ? null : "f64.promote_f32";
    if (from === "f64") return a === b ? null : "f32.demote_f64";
    return `${to}.convert_${wasm(from)}_${isUnsigned(from) ? "u" : "s"}`;
  }
  if (isFloat(from)) return `${wasm(to)}.trunc_sat_${from}_${isUnsigned(to) ? "u" : "s"}`;
  if (a === b) return null;
  return b === 4 ? "i32.wrap_i64" : `i64.extend_i32_${isUnsigned(from) ? "u" : "s"}`;
};

const cast: Rule = (x) => {
  const { o, l, t, to } = x;
  const a = arg(x, 0);
  if (t === to) return a;
  if (t === "bool") return fromBool(x);
  if (to === "bool") {
    if (isFloat(t)) return l.ne(a, l.constant(0));
    return o.lanes === 1
      ? int(x, "ne", a, intConstant(x, 0))
      : o.code.op(`${l.intShape}.ne`, a, l.integer(0));
  }
  const name = conversion(t, to);
  if (name === null) return a;
  if (o.lanes === 4 && isFloat(to)) return o.code.op(`f32x4.convert_i32x4_${sign(x)}`, a);
  if (o.lanes === 4) return o.code.op(`i32x4.trunc_sat_f32x4_${isUnsigned(to) ? "u" : "s"}`, a);
  return o.perLane(x, ([s = 0]) => o.code.op(name, s));
};

const bitcast: Rule = (x) => {
  if (isFloat(x.t) === isFloat(x.to)) return arg(x, 0);
  return isFloat(x.to) ? x.o.of(x.to).fromBits(arg(x, 0)) : x.l.bitsOf(arg(x, 0));
};

const not: Rule = byKind(
  (x) => x.l.not(arg(x, 0)),
  (x) => x.l.ixor(arg(x, 0), x.l.integer(-1)),
  math,
);

const table: { readonly [Op in ScalarOp]: Rule } = {
  neg: byKind(
    math,
    (x) => x.l.isub(x.l.integer(0), arg(x, 0)),
    (x) => x.l.neg(arg(x, 0)),
  ),
  abs: byKind(
    math,
    (x) => {
      const a = arg(x, 0);
      if (isUnsigned(x.t)) return a;
      if (x.o.lanes > 1) return x.o.code.op(`${x.l.intShape}.abs`, a);
      const zero = intConstant(x, 0);
      return x.o.code.select(int(x, "lt_s", a, zero), int(x, "sub", zero, a), a);
    },
    (x) => x.l.abs(arg(x, 0)),
  ),
  sign: signOf,
  not,
  sqrt: (x) => x.l.sqrt(arg(x, 0)),
  rsqrt: (x) => x.l.div(x.l.constant(1), x.l.sqrt(arg(x, 0))),
  exp: math,
  expm1: math,
  log: math,
  log1p: math,
  log2: math,
  log10: math,
  sin: math,
  cos: math,
  tan: math,
  asin: math,
  acos: math,
  atan: math,
  sinh: math,
  cosh: math,
  tanh: math,
  asinh: math,
  acosh: math,
  atanh: math,
  erf: math,
  erfinv: math,
  sigmoid: math,
  atan2: math,
  floor: (x) => x.l.floor(arg(x, 0)),
  ceil: (x) => x.l.ceil(arg(x, 0)),
  trunc: (x) => x.l.trunc(arg(x, 0)),
  round: (x) => x.l.nearest(arg(x, 0)),
  add: byKind(
    either,
    (x) => x.l.iadd(arg(x, 0), arg(x, 1)),
    (x) => x.l.add(arg(x, 0), arg(x, 1)),
  ),
  sub: byKind(
    differ,
    (x) => x.l.isub(arg(x, 0), arg(x, 1)),
    (x) => x.l.sub(arg(x, 0), arg(x, 1)),
  ),
  mul: byKind(
    both,
    (x) => x.l.imul(arg(x, 0), arg(x, 1)),
    (x) => x.l.mul(arg(x, 0), arg(x, 1)),
  ),
  div: byKind(math, divide, (x) => x.l.div(arg(x, 0), arg(x, 1))),
  rem: byKind(math, remainder, math),
  pow: byKind((x) => x.l.either(arg(x, 0), x.l.not(arg(x, 1))), intPower, floatPower),
  min: extremum("min"),
  max: extremum("max"),
  and: byKind(both, (x) => x.l.iand(arg(x, 0), arg(x, 1)), math),
  or: byKind(either, (x) => x.l.ior(arg(x, 0), arg(x, 1)), math),
  xor: byKind(differ, (x) => x.l.ixor(arg(x, 0), arg(x, 1)), math),
  shl: shift("shl"),
  shr: shift("shr"),
  rotl: rotate,
  lt: compare((x, a, b) => x.l.both(x.l.not(a), b), less, "lt"),
  le: compare(
    (x, a, b) => x.l.either(x.l.not(a), b),
    (x, a, b) => x.l.not(less(x, b, a)),
    "le",
  ),
  gt: compare(
    (x, a, b) => x.l.both(a, x.l.not(b)),
    (x, a, b) => less(x, b, a),
    "gt",
  ),
  ge: compare(
    (x, a, b) => x.l.either(a, x.l.not(b)),
    (x, a, b) => x.l.not(less(x, a, b)),
    "ge",
  ),
  eq: compare(
    (x) => x.l.not(differ(x)),
    (x, a, b) => x.l.ieq(a, b),
    "eq",
  ),
  ne: compare(differ, (x, a, b) => x.l.not(x.l.ieq(a, b)), "ne"),
  select: (x) => x.l.select(arg(x, 0), arg(x, 1), arg(x, 2)),
  cast,
  bitcast,
  wrap_i8: wrap(8, true),
  wrap_i16: wrap(16, true),
  wrap_u8: wrap(8, false),
  wrap_u16: wrap(16, false),
  round_f16: (x) => fromHalf(x.l, toHalf(x.l, arg(x, 0))),
  round_bf16: (x) => fromBrain(x.l, toBrain(x.l, arg(x, 0))),
};

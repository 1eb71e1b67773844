/** Logarithms: log, log1p, log2, log10. */
import type { LaneCode, MaskRef, Ref } from "../lane-code.js";
import { formatOf } from "./format.js";
import { polynomial, upperHalf } from "./polynomial.js";

/** (log(1 + f) − f + f²/2) / f³ on [√½ − 1, √2 − 1], for float32. */
const direct = [
  0.3333331346511841, -0.2500016689300537, 0.20002222061157227, -0.1665937304496765,
  0.1420963704586029, -0.1254923939704895, 0.12107814103364944, -0.10918719321489334,
  0.05342242866754532,
];
/** (log(1 + f) − 2s) / s³ in u = s² with s = f / (2 + f), for float64, where the direct polynomial would be long. */
const folded = [
  0.6666666666666735, 0.39999999999409347, 0.28571428743689004, 0.22222198428611656,
  0.1818357237861384, 0.15313831458284893, 0.14798266727903112,
];

interface Split {
  /** Exponent e as a float. */
  readonly e: Ref;
  /** m of x = 2^e·m, √½ ≤ m < √2. */
  readonly m: Ref;
  /** e as an integer shifted to the exponent's place. */
  readonly shifted: Ref;
}

/** For positive normal x. */
export const splitExponent = (c: LaneCode, x: Ref): Split => {
  const { significand, sqrtHalfBits } = formatOf(c);
  const bits = c.bitsOf(x);
  const offset = c.isub(bits, c.integer(sqrtHalfBits));
  const shifted = c.iand(offset, c.integer(-(1n << BigInt(significand))));
  return {
    e: c.toFloat(c.ishr(offset, significand)),
    m: c.fromBits(c.isub(bits, shifted)),
    shifted,
  };
};

/** log(1 + f) − f for f of a reduced argument. */
const logTail = (c: LaneCode, f: Ref): Ref => {
  const square = c.mul(f, f);
  if (c.float === "f32") {
    const cubic = c.mul(c.mul(square, f), polynomial(c, f, direct));
    return c.madd(square, c.constant(-0.5), cubic);
  }
  const half = c.mul(square, c.constant(0.5));
  const s = c.div(f, c.add(f, c.constant(2)));
  const u = c.mul(s, s);
  return c.madd(s, c.madd(u, polynomial(c, u, folded), half), c.neg(half));
};

/** Zero, negative, infinite and NaN operands. */
const special = (c: LaneCode, x: Ref): Ref => {
  const infinity = c.constant(Number.POSITIVE_INFINITY);
  const nonPositive = c.select(
    c.eq(x, c.constant(0)),
    c.constant(Number.NEGATIVE_INFINITY),
    c.constant(Number.NaN),
  );
  return c.select(c.ge(x, infinity), infinity, nonPositive);
};

const notOrdinary = (c: LaneCode, x: Ref): MaskRef =>
  c.not(c.both(c.gt(x, c.constant(0)), c.le(x, c.constant(formatOf(c).largest))));

/** Splits x, subnormal or not, and lets `finish` put the parts e, f and log(1 + f) − f together. */
const viaSplit = (c: LaneCode, x: Ref, finish: (e: Ref, f: Ref, tail: Ref) => Ref): Ref => {
  const { minNormal, significand } = formatOf(c);
  const lift = significand + 2;
  const small = c.lt(x, c.constant(minNormal));
  const { e, m } = splitExponent(c, c.select(small, c.mul(x, c.constant(2 ** lift)), x));
  const f = c.sub(m, c.constant(1));
  const exponent = c.select(small, c.sub(e, c.constant(lift)), e);
  const usual = finish(exponent, f, logTail(c, f));
  return c.unless(notOrdinary(c, x), () => special(c, x), usual);
};

/** log x, or log(2^extra·x) where `extra`, a whole number, is given. */
export const log = (c: LaneCode, x: Ref, extra?: Ref): Ref =>
  viaSplit(c, x, (e, f, tail) => {
    const { ln2High, ln2Low } = formatOf(c);
    const exponent = extra === undefined ? e : c.add(e, extra);
    const low = c.madd(exponent, c.constant(ln2Low), tail);
    return c.madd(exponent, c.constant(ln2High), c.add(low, f));
  });

/** log₂ e less one: f·log₂ e = f + f·0.44… keeps the exact part exact. */
const log2eLessOne = 0.4426950408889634;

export const log2 = (c: LaneCode, x: Ref): Ref =>
  viaSplit(c, x, (e, f, tail) => {
    const all = c.madd(tail, c.constant(log2eLessOne), c.madd(f, c.constant(log2eLessOne), tail));
    return c.add(c.add(all, f), e);
  });

interface Decimal {
  /** log₁₀ e in two parts, the first with half the bits of a significand. */
  readonly eHigh: number;
  readonly eLow: number;
  /** log₁₀ 2 in two parts, the products of the first with exponents exact. */
  readonly twoHigh: number;
  readonly twoLow: number;
}

const singleDecimal: Decimal = {
  eHigh: 0.43408203125,
  eLow: 0.0002124506572727114,
  twoHigh: 0.30078125,
  twoLow: 0.00024874566588550806,
};

const doubleDecimal: Decimal = {
  eHigh: 0.4342944622039795,
  eLow: 1.9699272335463627e-8,
  twoHigh: 0.30102999566361177,
  twoLow: 3.694239077158931e-13,
};

export const log10 = (c: LaneCode, x: Ref): Ref =>
  viaSplit(c, x, (e, f, tail) => {
    const k = c.float === "f32" ? singleDecimal : doubleDecimal;
    const high = upperHalf(c, f);
    const rest = c.add(c.sub(f, high), tail);
    const low = c.madd(
      e,
      c.constant(k.twoLow),
      c.madd(high, c.constant(k.eLow), c.mul(rest, c.constant(k.eHigh + k.eLow))),
    );
    return c.madd(e, c.constant(k.twoHigh), c.madd(high, c.constant(k.eHigh), low));
  });

export const log1p = (c: LaneCode, x: Ref): Ref => {
  const { bias, significand, ln2High, ln2Low } = formatOf(c);
  const one = c.constant(1);
  const u = c.add(x, one);
  // What rounding took from 1 + x, put back after scaling.
  const lost = c.sub(x, c.sub(u, one));
  const { e, m, shifted } = splitExponent(c, u);
  const scale = c.fromBits(c.isub(c.integer(BigInt(bias) << BigInt(significand)), shifted));
  const f = c.madd(lost, scale, c.sub(m, one));
  const tail = c.madd(e, c.constant(ln2Low), logTail(c, f));
  const y = c.copysign(c.madd(e, c.constant(ln2High), c.add(tail, f)), x);
  const ordinary = c.both(c.gt(x, c.constant(-1)), c.lt(x, c.constant(2 ** (bias - 1))));
  return c.unless(c.not(ordinary), () => c.host("log1p", x), y);
};

/** float32 logarithms: log, log1p, log2, log10. */
import type { LaneCode, MaskRef, Ref } from "../lane-code.js";
import { polynomial, upperHalf } from "./polynomial.js";

const sqrtHalfBits = 0x3f3504f3;
const minNormal = 2 ** -126;
const maxFloat = 3.4028234663852886e38;
const ln2High = 0.693359375;
const ln2Low = -2.1219444170128554e-4;
/** (log(1 + f) − f + f²/2) / f³ on [√½ − 1, √2 − 1]. */
const coefficients = [
  0.3333331346511841, -0.2500016689300537, 0.20002222061157227, -0.1665937304496765,
  0.1420963704586029, -0.1254923939704895, 0.12107814103364944, -0.10918719321489334,
  0.05342242866754532,
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
  const bits = c.bitsOf(x);
  const offset = c.isub(bits, c.integer(sqrtHalfBits));
  const shifted = c.iand(offset, c.integer(-(2 ** 23)));
  return { e: c.toFloat(c.ishr(offset, 23)), m: c.fromBits(c.isub(bits, shifted)), shifted };
};

/** log(1 + f) − f for f of a reduced argument. */
const logTail = (c: LaneCode, f: Ref): Ref => {
  const u = c.mul(f, f);
  return c.madd(u, c.constant(-0.5), c.mul(c.mul(u, f), polynomial(c, f, coefficients)));
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
  c.not(c.both(c.gt(x, c.constant(0)), c.le(x, c.constant(maxFloat))));

/** Splits x, subnormal or not, and lets `finish` put the parts e, f and log(1 + f) − f together. */
const viaSplit = (c: LaneCode, x: Ref, finish: (e: Ref, f: Ref, tail: Ref) => Ref): Ref => {
  const small = c.lt(x, c.constant(minNormal));
  const { e, m } = splitExponent(c, c.select(small, c.mul(x, c.constant(2 ** 25)), x));
  const f = c.sub(m, c.constant(1));
  const exponent = c.select(small, c.sub(e, c.constant(25)), e);
  const usual = finish(exponent, f, logTail(c, f));
  return c.unless(notOrdinary(c, x), () => special(c, x), usual);
};

/** log x, or log(2^extra·x) where `extra`, a whole number, is given. */
export const log = (c: LaneCode, x: Ref, extra?: Ref): Ref =>
  viaSplit(c, x, (e, f, tail) => {
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

const log10eHigh = 0.43408203125;
const log10eLow = 0.0002124506572727114;
const log10Of2High = 0.30078125;
const log10Of2Low = 0.00024874566588550806;

export const log10 = (c: LaneCode, x: Ref): Ref =>
  viaSplit(c, x, (e, f, tail) => {
    const high = upperHalf(c, f);
    const rest = c.add(c.sub(f, high), tail);
    const low = c.madd(
      e,
      c.constant(log10Of2Low),
      c.madd(high, c.constant(log10eLow), c.mul(rest, c.constant(log10eHigh + log10eLow))),
    );
    return c.madd(e, c.constant(log10Of2High), c.madd(high, c.constant(log10eHigh), low));
  });

export const log1p = (c: LaneCode, x: Ref): Ref => {
  const one = c.constant(1);
  const u = c.add(x, one);
  // What rounding took from 1 + x, put back after scaling.
  const lost = c.sub(x, c.sub(u, one));
  const { e, m, shifted } = splitExponent(c, u);
  const scale = c.fromBits(c.isub(c.integer(0x3f800000), shifted));
  const f = c.madd(lost, scale, c.sub(m, one));
  const tail = c.madd(e, c.constant(ln2Low), logTail(c, f));
  const y = c.copysign(c.madd(e, c.constant(ln2High), c.add(tail, f)), x);
  const ordinary = c.both(c.gt(x, c.constant(-1)), c.lt(x, c.constant(2 ** 126)));
  return c.unless(c.not(ordinary), () => c.host("log1p", x), y);
};

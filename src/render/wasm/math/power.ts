/** float32 pow: log₂|x| as an unevaluated sum of two floats, times y, then 2 to that. */
import type { LaneCode, Ref } from "../lane-code.js";
import { exp2Scaled } from "./exp.js";
import { splitExponent } from "./log.js";
import { polynomial, upperHalf } from "./polynomial.js";

/** 3·(atanh(s)/s − 1 − s²/3) / s⁴ in s², |s| ≤ (√2 − 1) / (√2 + 1). */
const atanhCoefficients = [0.6000022888183594, 0.42820635437965393, 0.35129451751708984];
/** 2 / (3 ln 2) */
const scale = 0.9617967009544373;
const scaleHigh = 0.961669921875;
const scaleLow = 0.00012677205086220056;

/** high + low = log₂ x within about 2^-36, `high` with half the bits of a float; x positive and normal. */
const log2Twofold = (c: LaneCode, x: Ref): { readonly high: Ref; readonly low: Ref } => {
  const one = c.constant(1);
  const two = c.constant(2);
  const three = c.constant(3);
  const { e, m } = splitExponent(c, x);
  const f = c.sub(m, one);
  // s = f / (2 + f) as sHigh + sLow
  const sum = c.add(f, two);
  const inverse = c.div(one, sum);
  const s = c.mul(f, inverse);
  const sHigh = upperHalf(c, s);
  const sumHigh = upperHalf(c, sum);
  const sumLow = c.sub(f, c.sub(sumHigh, two));
  const sLow = c.mul(c.sub(c.sub(f, c.mul(sHigh, sumHigh)), c.mul(sHigh, sumLow)), inverse);
  // t = 3 + s² + 3s⁴/5 + … as tHigh + tLow, so that atanh s = s·t / 3
  const u = c.mul(s, s);
  const square = c.mul(sHigh, sHigh);
  const tail = c.madd(
    c.add(s, sHigh),
    sLow,
    c.mul(c.mul(u, u), polynomial(c, u, atanhCoefficients)),
  );
  const tHigh = upperHalf(c, c.add(c.add(three, square), tail));
  const tLow = c.sub(tail, c.sub(c.sub(tHigh, three), square));
  // p = s·t as pHigh + pLow
  const product = c.mul(sHigh, tHigh);
  const cross = c.madd(sLow, tHigh, c.mul(tLow, s));
  const pHigh = upperHalf(c, c.add(product, cross));
  const pLow = c.sub(cross, c.sub(pHigh, product));
  // times 2 / (3 ln 2), plus e
  const zHigh = c.mul(pHigh, c.constant(scaleHigh));
  const zLow = c.madd(pHigh, c.constant(scaleLow), c.mul(pLow, c.constant(scale)));
  const high = upperHalf(c, c.add(c.add(zHigh, zLow), e));
  return { high, low: c.sub(zLow, c.sub(c.sub(high, e), zHigh)) };
};

/** Squares and cubes are products; exponents are mostly one number for all lanes, so the branches are predicted. */
export const pow = (c: LaneCode, x: Ref, y: Ref): Ref => {
  const square = c.mul(x, x);
  const notThree = c.ne(y, c.constant(3));
  const others = (): Ref => c.unless(notThree, () => general(c, x, y), c.mul(square, x));
  return c.unless(c.ne(y, c.constant(2)), others, square);
};

const general = (c: LaneCode, x: Ref, y: Ref): Ref => {
  const a = c.abs(x);
  const { high, low } = log2Twofold(c, a);
  const yHigh = upperHalf(c, y);
  const pHigh = c.mul(yHigh, high);
  const pLow = c.madd(c.sub(y, yHigh), high, c.mul(y, low));
  const z = c.atLeast(c.atMost(c.add(pHigh, pLow), c.constant(130)), c.constant(-160));
  const one = c.constant(1);
  const magnitude = exp2Scaled(c, z, (n) => {
    // Within one of zero unless z was clamped.
    const rest = c.add(c.sub(pHigh, n), pLow);
    return c.mul(c.atLeast(c.atMost(rest, one), c.constant(-1)), c.constant(Math.LN2));
  });
  const zero = c.constant(0);
  const half = c.mul(y, c.constant(0.5));
  const whole = c.eq(c.trunc(y), y);
  const odd = c.both(whole, c.ne(c.trunc(half), half));
  const ofNegative = c.select(
    whole,
    c.select(odd, c.neg(magnitude), magnitude),
    c.constant(Number.NaN),
  );
  const result = c.select(c.lt(x, zero), ofNegative, magnitude);
  const moderate = c.lt(c.abs(y), c.constant(2 ** 31));
  const inRange = c.both(
    c.ge(a, c.constant(2 ** -126)),
    c.le(a, c.constant(3.4028234663852886e38)),
  );
  const ordinary = c.both(inRange, moderate);
  const rare = (): Ref => {
    const isZero = c.both(c.eq(x, zero), moderate);
    const served = c.either(ordinary, isZero);
    return c.unless(c.not(served), () => c.host("pow", x, y), c.select(isZero, ofZero(), result));
  };
  // Rectified values are mostly zeros: they stay on vectors.
  const ofZero = (): Ref => {
    const power = c.select(c.lt(y, zero), c.constant(Number.POSITIVE_INFINITY), one);
    const value = c.select(c.gt(y, zero), zero, power);
    return c.select(odd, c.copysign(value, x), value);
  };
  return c.unless(c.not(ordinary), rare, result);
};

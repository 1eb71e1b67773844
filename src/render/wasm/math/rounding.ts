/** Float functions that need few instructions: rsqrt, sign, round, and the remainder with the divisor's sign. */
import type { LaneCode, Ref } from "../lane-code.js";
import { upperHalf } from "./polynomial.js";

export const rsqrt = (c: LaneCode, x: Ref): Ref => c.div(c.constant(1), c.sqrt(x));

export const sign = (c: LaneCode, x: Ref): Ref => {
  const zero = c.constant(0);
  const negative = c.select(c.lt(x, zero), c.constant(-1), zero);
  return c.select(c.gt(x, zero), c.constant(1), negative);
};

export const round = (c: LaneCode, x: Ref): Ref => c.nearest(x);

/**
 * |x| − q·|y| is exact for q below 2^12: |y| goes in two halves. Larger quotients, infinities and NaN are rare.
 */
export const rem = (c: LaneCode, x: Ref, y: Ref): Ref => {
  const zero = c.constant(0);
  const [a, b] = [c.abs(x), c.abs(y)];
  const q = c.trunc(c.div(a, b));
  const high = upperHalf(c, b);
  const r = c.sub(c.sub(a, c.mul(q, high)), c.mul(q, c.sub(b, high)));
  // The quotient may have been rounded up to the next whole number.
  const inRange = c.select(c.lt(r, zero), c.add(r, b), r);
  const likeX = c.copysign(inRange, x);
  const opposite = c.either(
    c.both(c.lt(likeX, zero), c.gt(y, zero)),
    c.both(c.gt(likeX, zero), c.lt(y, zero)),
  );
  const ordinary = c.both(c.lt(q, c.constant(4096)), c.le(b, c.constant(3.4028234663852886e38)));
  const usual = c.select(opposite, c.add(likeX, y), likeX);
  return c.unless(c.not(ordinary), () => c.host("rem", x, y), usual);
};

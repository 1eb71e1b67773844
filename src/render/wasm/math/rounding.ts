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

/** a modulo b for a ≥ 0, b > 0 and a quotient below 2^12, exactly: b goes in two halves. */
const modulo = (c: LaneCode, a: Ref, b: Ref): { readonly quotient: Ref; readonly r: Ref } => {
  const quotient = c.trunc(c.div(a, b));
  const high = upperHalf(c, b);
  const r = c.sub(c.sub(a, c.mul(quotient, high)), c.mul(quotient, c.sub(b, high)));
  // The quotient may have been rounded up to the next whole number.
  return { quotient, r: c.select(c.lt(r, c.constant(0)), c.add(r, b), r) };
};

/** float32. Quotients from 2^12 to 2^24 take two steps; larger ones, infinities and NaN the host. */
export const rem = (c: LaneCode, x: Ref, y: Ref): Ref => {
  const zero = c.constant(0);
  const limit = c.constant(4096);
  const [a, b] = [c.abs(x), c.abs(y)];
  const signed = (r: Ref): Ref => {
    const likeX = c.copysign(r, x);
    const opposite = c.either(
      c.both(c.lt(likeX, zero), c.gt(y, zero)),
      c.both(c.gt(likeX, zero), c.lt(y, zero)),
    );
    return c.select(opposite, c.add(likeX, y), likeX);
  };
  const inRange = c.lt(b, c.constant(2 ** 115));
  const once = modulo(c, a, b);
  const further = (): Ref => {
    const first = modulo(c, a, c.mul(b, limit));
    const twice = signed(modulo(c, first.r, b).r);
    const served = c.both(c.lt(first.quotient, limit), inRange);
    return c.unless(c.not(served), () => c.host("rem", x, y), twice);
  };
  return c.unless(c.not(c.both(c.lt(once.quotient, limit), inRange)), further, signed(once.r));
};

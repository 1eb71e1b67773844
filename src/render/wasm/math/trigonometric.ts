/** float32 sin, cos and tan: reduction modulo π/2 in exact steps, polynomials on |r| ≤ π/4, host math for large arguments. */
import type { LaneCode, Ref } from "../lane-code.js";
import { polynomial } from "./polynomial.js";

const shifter = 12582912;
const twoOverPi = 0.6366197466850281;
/** π/2 in pieces of 13 bits: products with |n| < 2^11 are exact. The last one has all its bits. */
const halfPi1 = 1.570556640625;
const halfPi2 = 0.0002396702766418457;
const halfPi3 = 1.5890691429376602e-8;
const halfPi4 = 2.5633440682570896e-12;
/** Where the pieces end being enough. */
const largest = 3200;

const sinCoefficients = [-0.16666655242443085, 0.008332189172506332, -0.0001951827434822917];
const cosCoefficients = [0.04166664555668831, -0.0013887309469282627, 2.4432327336398885e-5];
const tanCoefficients = [
  0.33333349227905273, 0.13332675397396088, 0.054058924317359924, 0.021286088973283768,
  0.010827898047864437, 9.750704339239746e-5, 0.004373131785541773,
];

interface Reduced {
  /** Integer whose two low bits are the quadrant. */
  readonly quadrant: Ref;
  /** r + low is the rest, |r| ≤ π/4. */
  readonly r: Ref;
  readonly low: Ref;
}

const reduce = (c: LaneCode, x: Ref): Reduced => {
  const magic = c.constant(shifter);
  const shifted = c.madd(x, c.constant(twoOverPi), magic);
  const n = c.sub(shifted, magic);
  const near = c.madd(n, c.constant(-halfPi2), c.madd(n, c.constant(-halfPi1), x));
  const third = c.mul(n, c.constant(halfPi3));
  const r = c.sub(near, third);
  const low = c.madd(n, c.constant(-halfPi4), c.sub(c.sub(near, r), third));
  return { quadrant: c.bitsOf(shifted), r, low };
};

const sinOfReduced = (c: LaneCode, { r, low }: Reduced): Ref => {
  const u = c.mul(r, r);
  const tail = c.madd(c.mul(polynomial(c, u, sinCoefficients), u), r, low);
  return c.copysign(c.add(r, tail), r);
};

const cosOfReduced = (c: LaneCode, { r, low }: Reduced): Ref => {
  const u = c.mul(r, r);
  const tail = c.madd(c.mul(u, u), polynomial(c, u, cosCoefficients), c.neg(c.mul(r, low)));
  return c.add(c.madd(u, c.constant(-0.5), tail), c.constant(1));
};

const tanOfReduced = (c: LaneCode, { r, low }: Reduced): Ref => {
  const u = c.mul(r, r);
  const cube = c.mul(c.mul(polynomial(c, u, tanCoefficients), u), r);
  // The derivative 1 + tan² carries the low part over.
  const t = c.add(r, cube);
  return c.copysign(c.add(r, c.madd(low, c.madd(t, t, c.constant(1)), cube)), r);
};

const isOdd = (c: LaneCode, quadrant: Ref): Ref =>
  c.ieq(c.iand(quadrant, c.integer(1)), c.integer(1));

/** Flips the sign of `y` where bit 1 of the quadrant is set. */
const signed = (c: LaneCode, y: Ref, quadrant: Ref): Ref =>
  c.fromBits(c.ixor(c.bitsOf(y), c.ishl(c.iand(quadrant, c.integer(2)), 30)));

const large = (c: LaneCode, x: Ref): Ref => c.gt(c.abs(x), c.constant(largest));

export const sin = (c: LaneCode, x: Ref): Ref => {
  const reduced = reduce(c, x);
  const { quadrant } = reduced;
  const y = c.select(isOdd(c, quadrant), cosOfReduced(c, reduced), sinOfReduced(c, reduced));
  return c.unless(large(c, x), () => c.host("sin", x), signed(c, y, quadrant));
};

export const cos = (c: LaneCode, x: Ref): Ref => {
  const reduced = reduce(c, x);
  const { quadrant } = reduced;
  const y = c.select(isOdd(c, quadrant), sinOfReduced(c, reduced), cosOfReduced(c, reduced));
  const turned = c.iadd(quadrant, c.integer(1));
  return c.unless(large(c, x), () => c.host("cos", x), signed(c, y, turned));
};

export const tan = (c: LaneCode, x: Ref): Ref => {
  const reduced = reduce(c, x);
  const t = tanOfReduced(c, reduced);
  const y = c.select(isOdd(c, reduced.quadrant), c.div(c.constant(-1), t), t);
  return c.unless(large(c, x), () => c.host("tan", x), y);
};

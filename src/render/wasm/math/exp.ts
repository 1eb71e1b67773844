/** float32 functions built on e^x: exp, expm1, sigmoid, tanh, sinh, cosh. */
import type { LaneCode, MaskRef, Ref } from "../lane-code.js";
import { oddPolynomial, polynomial } from "./polynomial.js";

/** Adding it to |x| < 2^22 leaves the nearest integer in the low bits. */
const shifter = 12582912;
const shifterBits = 0x4b400000;
const log2e = 1.4426950216293335;
/** Nine bits, so that n·ln2High is exact for every exponent n. */
const ln2High = 0.693359375;
const ln2Low = -2.1219444170128554e-4;
/** (e^r − 1 − r) / r² on |r| ≤ ln 2 / 2. */
const expCoefficients = [
  0.4999999403953552, 0.16666516661643982, 0.04166810214519501, 0.00836919341236353,
  0.0013838846934959292,
];
/** The same, its error measured against e^r − 1. */
const expm1Coefficients = [
  0.5, 0.1666666567325592, 0.04166646674275398, 0.008333643898367882, 0.001393503975123167,
  0.0001966197887668386,
];

interface Reduced {
  /** Bits of the shifted nearest integer n: n = bits − shifterBits. */
  readonly bits: Ref;
  /** x − n·ln 2 */
  readonly r: Ref;
}

/** For |x| < 10^4. */
const reduce = (c: LaneCode, x: Ref): Reduced => {
  const magic = c.constant(shifter);
  const shifted = c.madd(x, c.constant(log2e), magic);
  const n = c.sub(shifted, magic);
  const r = c.madd(n, c.constant(-ln2Low), c.madd(n, c.constant(-ln2High), x));
  return { bits: c.bitsOf(shifted), r };
};

const expOfReduced = (c: LaneCode, r: Ref): Ref =>
  c.add(c.madd(c.mul(r, r), polynomial(c, r, expCoefficients), r), c.constant(1));

/** y·2^(n + extra) for −250 < n + extra < 250: in two steps, because 2^n alone may not be a normal number. */
export const scaleTwice = (c: LaneCode, y: Ref, bits: Ref, extra: number): Ref => {
  const biased = c.iadd(bits, c.integer(254 + extra - shifterBits));
  const half = c.ushr(biased, 1);
  const first = c.fromBits(c.ishl(half, 23));
  const second = c.fromBits(c.ishl(c.isub(biased, half), 23));
  return c.mul(c.mul(y, first), second);
};

/** 2^(n + extra), which must be a normal number. */
const powerOfTwo = (c: LaneCode, bits: Ref, extra: number): Ref =>
  c.fromBits(c.ishl(c.iadd(bits, c.integer(127 + extra - shifterBits)), 23));

/** 2^z·e^r for a fractional rest r in units of one: z is clamped by the caller to [−160, 130]. */
export const exp2Scaled = (c: LaneCode, z: Ref, restOf: (n: Ref) => Ref): Ref => {
  const magic = c.constant(shifter);
  const shifted = c.add(z, magic);
  const r = restOf(c.sub(shifted, magic));
  return scaleTwice(c, expOfReduced(c, r), c.bitsOf(shifted), 0);
};

/** e^x for |x| < 87, in one step. */
export const expSmall = (c: LaneCode, x: Ref): Ref => {
  const { bits, r } = reduce(c, x);
  return c.mul(expOfReduced(c, r), powerOfTwo(c, bits, 0));
};

const isExtreme = (c: LaneCode, x: Ref): MaskRef => c.gt(c.abs(x), c.constant(87));

/** e^x where it is next to overflow, subnormal, or beyond either. */
const expOfExtreme = (c: LaneCode, x: Ref): Ref => {
  const within = c.both(c.gt(x, c.constant(-104)), c.lt(x, c.constant(89)));
  const limit = c.select(c.gt(x, c.constant(0)), c.constant(Infinity), c.constant(0));
  // The lanes beyond compute e^0: arithmetic on subnormals is slow.
  const border = (): Ref => {
    const { bits, r } = reduce(c, c.select(within, x, c.constant(0)));
    return scaleTwice(c, expOfReduced(c, r), bits, 0);
  };
  return c.unless(c.both(within, isExtreme(c, x)), border, limit);
};

/** The usual way serves NaN too: comparisons with it fail. */
export const exp = (c: LaneCode, x: Ref): Ref =>
  c.unless(isExtreme(c, x), () => expOfExtreme(c, x), expSmall(c, x));

export const expm1 = (c: LaneCode, x: Ref): Ref => {
  const clamped = c.atLeast(c.atMost(x, c.constant(89)), c.constant(-20));
  const { bits, r } = reduce(c, clamped);
  const p = c.madd(c.mul(r, r), polynomial(c, r, expm1Coefficients), r);
  // 2^n·p + (2^n − 1), halved until the last step because 2^128 is infinite.
  const half = powerOfTwo(c, bits, -1);
  const y = c.madd(p, half, c.sub(half, c.constant(0.5)));
  const tiny = c.lt(c.abs(x), c.constant(1e-4));
  return c.select(tiny, c.mul(x, c.madd(x, c.constant(0.5), c.constant(1))), c.add(y, y));
};

/** 1 / (1 + e) or e / (1 + e) with e = e^−|x| ≤ 1: nothing overflows, and subnormal results are kept. */
export const sigmoid = (c: LaneCode, x: Ref): Ref => {
  const one = c.constant(1);
  const e = exp(c, c.neg(c.abs(x)));
  return c.div(c.select(c.lt(x, c.constant(0)), e, one), c.add(one, e));
};

/** (tanh x − x) / x³ in u = x² on |x| ≤ 0.625. */
const tanhCoefficients = [
  -0.3333328068256378, 0.13331405818462372, -0.05373651534318924, 0.02062816731631756,
  -0.005692296661436558,
];

export const tanh = (c: LaneCode, x: Ref): Ref => {
  const one = c.constant(1);
  const a = c.abs(x);
  const near = oddPolynomial(c, x, tanhCoefficients);
  const capped = c.atMost(a, c.constant(10));
  const e = expSmall(c, c.add(capped, capped));
  const far = c.sub(one, c.div(c.constant(2), c.add(e, one)));
  return c.copysign(c.select(c.lt(a, c.constant(0.625)), near, far), x);
};

/** (sinh x − x) / x³ in u = x² on |x| ≤ 1. */
const sinhCoefficients = [
  0.1666666716337204, 0.00833331048488617, 0.00019842895562760532, 2.7822131869470468e-6,
];

/** e^a / 2 for a ≥ 0, infinite only where the half is. */
const halfExp = (c: LaneCode, a: Ref): Ref => {
  const { bits, r } = reduce(c, c.atMost(a, c.constant(92)));
  return scaleTwice(c, expOfReduced(c, r), bits, -1);
};

export const sinh = (c: LaneCode, x: Ref): Ref => {
  const a = c.abs(x);
  const h = halfExp(c, a);
  const far = c.sub(h, c.div(c.constant(0.25), h));
  const near = oddPolynomial(c, x, sinhCoefficients);
  return c.copysign(c.select(c.lt(a, c.constant(1)), near, far), x);
};

export const cosh = (c: LaneCode, x: Ref): Ref => {
  const h = halfExp(c, c.abs(x));
  return c.add(h, c.div(c.constant(0.25), h));
};

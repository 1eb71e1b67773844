/** Functions built on e^x: exp, expm1, sigmoid, tanh, sinh, cosh. */
import type { LaneCode, MaskRef, Ref } from "../lane-code.js";
import { formatOf } from "./format.js";
import { horner, oddPolynomial, polynomial } from "./polynomial.js";

interface Constants {
  /** (e^r − 1 − r) / r² on |r| ≤ ln 2 / 2. */
  readonly exp: readonly number[];
  /** The same, its error measured against e^r − 1. */
  readonly expm1: readonly number[];
  /** (tanh x − x) / x³ in u = x² on |x| ≤ 0.625. */
  readonly tanh: readonly number[];
  /** (sinh x − x) / x³ in u = x² on |x| ≤ 1. */
  readonly sinh: readonly number[];
  /** e^x is a normal number for |x| up to `normal`, zero below `underflow`, infinite above `overflow`. */
  readonly normal: number;
  readonly underflow: number;
  readonly overflow: number;
  /** e^x − 1 is −1 below. */
  readonly minusOne: number;
  /** x + x²/2 is e^x − 1 below. */
  readonly tiny: number;
  /** tanh x is 1 above. */
  readonly one: number;
}

const single: Constants = {
  exp: [
    0.4999999403953552, 0.16666516661643982, 0.04166810214519501, 0.00836919341236353,
    0.0013838846934959292,
  ],
  expm1: [
    0.5, 0.1666666567325592, 0.04166646674275398, 0.008333643898367882, 0.001393503975123167,
    0.0001966197887668386,
  ],
  tanh: [
    -0.3333328068256378, 0.13331405818462372, -0.05373651534318924, 0.02062816731631756,
    -0.005692296661436558,
  ],
  sinh: [0.1666666716337204, 0.00833331048488617, 0.00019842895562760532, 2.7822131869470468e-6],
  normal: 87,
  underflow: -104,
  overflow: 89,
  minusOne: -20,
  tiny: 1e-4,
  one: 10,
};

const double: Constants = {
  exp: [
    0.5000000000000011, 0.1666666666666641, 0.04166666666652975, 0.008333333333494954,
    0.0013888888943752343, 0.00019841269505800453, 2.4801492958213358e-5, 2.7557586797451748e-6,
    2.763030298835717e-7, 2.5000015959245785e-8,
  ],
  expm1: [
    0.5000000000000001, 0.1666666666666667, 0.041666666666652245, 0.008333333333326132,
    0.001388888889561241, 0.00019841269874841365, 2.480157451871837e-5, 2.7557255365071707e-6,
    2.756793522245427e-7, 2.5105234486667972e-8, 1.7687746287685004e-9,
  ],
  tanh: [
    -0.33333333333333315, 0.1333333333332996, -0.05396825396614944, 0.021869488470698653,
    -0.008863234338740799, 0.0035921142222878565, -0.0014557272089485388, 0.0005894566164422653,
    -0.00023702398770758821, 9.157832345652918e-5, -3.0205908428519077e-5, 6.050181229808694e-6,
  ],
  sinh: [
    0.16666666666666669, 0.008333333333332912, 0.0001984126984159341, 2.755731910675638e-6,
    2.505213099881371e-8, 1.6056659158807746e-10, 7.776600405185936e-13,
  ],
  normal: 708,
  underflow: -746,
  overflow: 710,
  minusOne: -40,
  tiny: 1e-9,
  one: 20,
};

const constantsOf = (c: LaneCode): Constants => (c.float === "f32" ? single : double);

interface Reduced {
  /** Bits of the shifted nearest integer n: n = bits − shifterBits. */
  readonly bits: Ref;
  /** x − n·ln 2 */
  readonly r: Ref;
}

/** For |x| < 10⁴. */
const reduce = (c: LaneCode, x: Ref): Reduced => {
  const { shifter, log2e, ln2High, ln2Low } = formatOf(c);
  const magic = c.constant(shifter);
  const shifted = c.madd(x, c.constant(log2e), magic);
  const n = c.sub(shifted, magic);
  const r = c.madd(n, c.constant(-ln2Low), c.madd(n, c.constant(-ln2High), x));
  return { bits: c.bitsOf(shifted), r };
};

/** e^r − 1, as part of e^r. Four lanes wait for units rather than for each other: Horner's rule has fewer instructions. */
const restOfReduced = (c: LaneCode, r: Ref): Ref => {
  const p = (c.float === "f32" ? horner : polynomial)(c, r, constantsOf(c).exp);
  return c.madd(c.mul(r, r), p, r);
};

const expOfReduced = (c: LaneCode, r: Ref): Ref => c.add(restOfReduced(c, r), c.constant(1));

/** y·2^(n + extra), |n + extra| up to about twice the greatest exponent: two steps, as 2^n alone may not be normal. */
export const scaleTwice = (c: LaneCode, y: Ref, bits: Ref, extra: number): Ref => {
  const { bias, significand, shifterBits } = formatOf(c);
  const biased = c.iadd(bits, c.integer(BigInt(2 * bias + extra) - shifterBits));
  const half = c.ushr(biased, 1);
  const first = c.fromBits(c.ishl(half, significand));
  const second = c.fromBits(c.ishl(c.isub(biased, half), significand));
  return c.mul(c.mul(y, first), second);
};

/** 2^(n + extra), which must be a normal number. */
const powerOfTwo = (c: LaneCode, bits: Ref, extra: number): Ref => {
  const { bias, significand, shifterBits } = formatOf(c);
  const biased = c.iadd(bits, c.integer(BigInt(bias + extra) - shifterBits));
  return c.fromBits(c.ishl(biased, significand));
};

/** 2^z·e^r for a fractional rest r in units of one: z is clamped by the caller to [−160, 130]. */
export const exp2Scaled = (c: LaneCode, z: Ref, restOf: (n: Ref) => Ref): Ref => {
  const magic = c.constant(formatOf(c).shifter);
  const shifted = c.add(z, magic);
  const r = restOf(c.sub(shifted, magic));
  return scaleTwice(c, expOfReduced(c, r), c.bitsOf(shifted), 0);
};

/** e^x where that is a normal number, in one step. */
export const expSmall = (c: LaneCode, x: Ref): Ref => {
  const { bits, r } = reduce(c, x);
  const scale = powerOfTwo(c, bits, 0);
  return c.madd(restOfReduced(c, r), scale, scale);
};

const isExtreme = (c: LaneCode, x: Ref): MaskRef =>
  c.gt(c.abs(x), c.constant(constantsOf(c).normal));

/** e^x everywhere, also where it is next to overflow or subnormal. */
const expOfExtreme = (c: LaneCode, x: Ref): Ref => {
  const { underflow, overflow } = constantsOf(c);
  const beyond = c.either(c.le(x, c.constant(underflow)), c.ge(x, c.constant(overflow)));
  const limit = c.select(c.gt(x, c.constant(0)), c.constant(Infinity), c.constant(0));
  // The lanes beyond compute e^0: arithmetic on subnormals is slow.
  const border = (): Ref => {
    const { bits, r } = reduce(c, c.select(beyond, c.constant(0), x));
    return scaleTwice(c, expOfReduced(c, r), bits, 0);
  };
  return c.unless(c.not(beyond), border, limit);
};

/** e^x of several values, looked over together. The usual way serves NaN too: comparisons with it fail. */
export const exps = (c: LaneCode, xs: readonly Ref[]): Ref[] =>
  c.instead(
    xs.map((x) => isExtreme(c, x)),
    (i) => expOfExtreme(c, xs[i] ?? 0),
    xs.map((x) => expSmall(c, x)),
  );

export const exp = (c: LaneCode, x: Ref): Ref => exps(c, [x])[0] ?? x;

export const expm1 = (c: LaneCode, x: Ref): Ref => {
  const k = constantsOf(c);
  const clamped = c.atLeast(c.atMost(x, c.constant(k.overflow)), c.constant(k.minusOne));
  const { bits, r } = reduce(c, clamped);
  const p = c.madd(c.mul(r, r), polynomial(c, r, k.expm1), r);
  // 2^n·p + (2^n − 1), halved until the last step because 2^n may be infinite.
  const half = powerOfTwo(c, bits, -1);
  const y = c.madd(p, half, c.sub(half, c.constant(0.5)));
  const tiny = c.lt(c.abs(x), c.constant(k.tiny));
  return c.select(tiny, c.mul(x, c.madd(x, c.constant(0.5), c.constant(1))), c.add(y, y));
};

/** 1 / (1 + e) or e / (1 + e) with e = e^−|x| ≤ 1: nothing overflows, and subnormal results are kept. */
export const sigmoids = (c: LaneCode, xs: readonly Ref[]): Ref[] => {
  const one = c.constant(1);
  const es = exps(
    c,
    xs.map((x) => c.neg(c.abs(x))),
  );
  return xs.map((x, i) => {
    const e = es[i] ?? one;
    return c.div(c.select(c.lt(x, c.constant(0)), e, one), c.add(one, e));
  });
};

export const sigmoid = (c: LaneCode, x: Ref): Ref => sigmoids(c, [x])[0] ?? x;

/**
 * (1 − e) / (1 + e) with e = e^−2|x| = 2^n·(1 − v): numerator and denominator are rounded once each, and small
 * arguments, which have n = 0, lose nothing.
 */
export const tanh = (c: LaneCode, x: Ref): Ref => {
  const k = constantsOf(c);
  const { shifter, log2e, ln2High, ln2Low } = formatOf(c);
  const one = c.constant(1);
  const magic = c.constant(shifter);
  const a = c.atMost(c.abs(x), c.constant(k.one));
  const shifted = c.madd(a, c.constant(-2 * log2e), magic);
  const n = c.sub(shifted, magic);
  const r = c.madd(n, c.constant(ln2Low), c.madd(n, c.constant(ln2High), c.add(a, a)));
  // 1 − e^−r
  const alternating = k.expm1.map((p, i) => (i % 2 === 0 ? -p : p));
  const v = c.madd(c.mul(r, r), polynomial(c, r, alternating), r);
  const scale = powerOfTwo(c, c.bitsOf(shifted), 0);
  const upper = c.madd(v, scale, c.sub(one, scale));
  const lower = c.sub(c.add(one, scale), c.mul(v, scale));
  return c.signed(c.div(upper, lower), x);
};

/** e^a / 2 for a ≥ 0, infinite only where the half is. */
const halfExp = (c: LaneCode, a: Ref): Ref => {
  const { bits, r } = reduce(c, c.atMost(a, c.constant(constantsOf(c).overflow + 2)));
  return scaleTwice(c, expOfReduced(c, r), bits, -1);
};

export const sinh = (c: LaneCode, x: Ref): Ref => {
  const a = c.abs(x);
  const h = halfExp(c, a);
  const far = c.sub(h, c.div(c.constant(0.25), h));
  const near = oddPolynomial(c, x, constantsOf(c).sinh);
  return c.copysign(c.select(c.lt(a, c.constant(1)), near, far), x);
};

export const cosh = (c: LaneCode, x: Ref): Ref => {
  const h = halfExp(c, c.abs(x));
  return c.add(h, c.div(c.constant(0.25), h));
};

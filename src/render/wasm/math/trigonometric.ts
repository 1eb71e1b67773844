/** sin, cos and tan: reduction modulo π/2 in exact steps, polynomials on |r| ≤ π/4, host math for large arguments. */
import type { LaneCode, MaskRef, Ref } from "../lane-code.js";
import { formatOf } from "./format.js";
import { polynomial } from "./polynomial.js";

interface Constants {
  readonly twoOverPi: number;
  /** π/2 in pieces so short that their products with the multiples of `range` are exact; the last has all its bits. */
  readonly halfPi: readonly [number, number, number, number];
  /** Where the pieces end being enough. */
  readonly range: number;
  /** (sin r − r) / r³ in r². */
  readonly sin: readonly number[];
  /** (cos r − 1 + r²/2) / r⁴ in r². */
  readonly cos: readonly number[];
}

const single: Constants = {
  twoOverPi: 0.6366197466850281,
  halfPi: [1.570556640625, 0.0002396702766418457, 1.5890691429376602e-8, 2.5633440682570896e-12],
  range: 3200,
  sin: [-0.16666655242443085, 0.008332189172506332, -0.0001951827434822917],
  cos: [0.04166664555668831, -0.0013887309469282627, 2.4432327336398885e-5],
};

const double: Constants = {
  twoOverPi: 0.6366197723675814,
  halfPi: [1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32],
  range: 1e6,
  sin: [
    -0.1666666666666663, 0.008333333333322087, -0.00019841269829563114, 2.7557313611875283e-6,
    -2.5050746223637416e-8, 1.5896138195938672e-10,
  ],
  cos: [
    0.041666666666666595, -0.001388888888887301, 2.4801587288822417e-5, -2.755731417061542e-7,
    2.0875699633066742e-9, -1.1358472484665655e-11,
  ],
};

/** (tan r − r) / r³ in r², for float32. */
const tanCoefficients = [
  0.33333349227905273, 0.13332675397396088, 0.054058924317359924, 0.021286088973283768,
  0.010827898047864437, 9.750704339239746e-5, 0.004373131785541773,
];

const constantsOf = (c: LaneCode): Constants => (c.float === "f32" ? single : double);

interface Reduced {
  /** Integer whose two low bits are the quadrant. */
  readonly quadrant: Ref;
  /** r + low is the rest, |r| ≤ π/4. */
  readonly r: Ref;
  readonly low: Ref;
}

const reduce = (c: LaneCode, x: Ref): Reduced => {
  const { twoOverPi, halfPi } = constantsOf(c);
  const [first, second, third, last] = halfPi;
  const magic = c.constant(formatOf(c).shifter);
  const shifted = c.madd(x, c.constant(twoOverPi), magic);
  const n = c.sub(shifted, magic);
  const near = c.madd(n, c.constant(-second), c.madd(n, c.constant(-first), x));
  const part = c.mul(n, c.constant(third));
  const r = c.sub(near, part);
  const low = c.madd(n, c.constant(-last), c.sub(c.sub(near, r), part));
  return { quadrant: c.bitsOf(shifted), r, low };
};

const sinOfReduced = (c: LaneCode, { r, low }: Reduced): Ref => {
  const u = c.mul(r, r);
  const tail = c.madd(c.mul(polynomial(c, u, constantsOf(c).sin), u), r, low);
  return c.copysign(c.add(r, tail), r);
};

const cosOfReduced = (c: LaneCode, { r, low }: Reduced): Ref => {
  const u = c.mul(r, r);
  const tail = c.madd(c.mul(u, u), polynomial(c, u, constantsOf(c).cos), c.neg(c.mul(r, low)));
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
  c.fromBits(
    c.ixor(c.bitsOf(y), c.ishl(c.iand(quadrant, c.integer(2)), c.float === "f32" ? 30 : 62)),
  );

const large = (c: LaneCode, x: Ref): MaskRef => c.gt(c.abs(x), c.constant(constantsOf(c).range));

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

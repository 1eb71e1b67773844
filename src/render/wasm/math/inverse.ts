/** float32 asin, acos, atan and atan2. */
import type { LaneCode, Ref } from "../lane-code.js";
import { oddPolynomial, polynomial } from "./polynomial.js";

const halfPiHigh = 1.5707963705062866;
const halfPiLow = -4.371138828673793e-8;

/** (asin x − x) / x³ in u = x² on |x| ≤ 0.7. */
const asinCoefficients = [
  0.16666673123836517, 0.07499496638774872, 0.04477724805474281, 0.028637507930397987,
  0.03501542657613754, -0.03684163838624954, 0.1519605666399002, -0.18542036414146423,
  0.1383168250322342,
];
/** (atan x − x) / x³ in u = x² on |x| ≤ 1. */
const atanCoefficients = [
  -0.33333298563957214, 0.1999852955341339, -0.14264015853405, 0.10950881987810135,
  -0.08399326354265213, 0.057882338762283325, -0.031098902225494385, 0.010870411992073059,
  -0.0017833949532359838,
];

/** Above 0.7, asin x = π/2 − 2 asin √((1 − x)/2). */
const cut = 0.7;

/** asin of |x| where that is at most 0.7, else of √((1 − |x|)/2). */
const asinReduced = (c: LaneCode, a: Ref): { readonly far: Ref; readonly p: Ref } => {
  const far = c.gt(a, c.constant(cut));
  const z = c.madd(a, c.constant(-0.5), c.constant(0.5));
  return { far, p: oddPolynomial(c, c.select(far, c.sqrt(z), a), asinCoefficients) };
};

export const asin = (c: LaneCode, x: Ref): Ref => {
  const { far, p } = asinReduced(c, c.abs(x));
  const folded = c.add(c.sub(c.constant(halfPiHigh), c.add(p, p)), c.constant(halfPiLow));
  return c.copysign(c.select(far, folded, p), x);
};

export const acos = (c: LaneCode, x: Ref): Ref => {
  const { far, p } = asinReduced(c, c.abs(x));
  const negative = c.lt(x, c.constant(0));
  const twice = c.add(p, p);
  const high = c.constant(halfPiHigh);
  const low = c.constant(halfPiLow);
  // π/2 ∓ asin, or for large |x| 2p and π − 2p
  const near = c.add(high, c.sub(low, c.copysign(p, x)));
  const mirrored = c.add(c.add(high, high), c.sub(c.add(low, low), twice));
  return c.select(far, c.select(negative, mirrored, twice), near);
};

/** atan of a quotient in [0, 1]. */
const atanOfRatio = (c: LaneCode, t: Ref): Ref => {
  const u = c.mul(t, t);
  return c.madd(c.mul(polynomial(c, u, atanCoefficients), u), t, t);
};

export const atan = (c: LaneCode, x: Ref): Ref => {
  const one = c.constant(1);
  const a = c.abs(x);
  const steep = c.gt(a, one);
  const p = atanOfRatio(c, c.select(steep, c.div(one, a), a));
  const y = c.select(steep, c.add(c.constant(halfPiHigh), c.sub(c.constant(halfPiLow), p)), p);
  return c.copysign(y, x);
};

export const atan2 = (c: LaneCode, y: Ref, x: Ref): Ref => {
  const [a, b] = [c.abs(y), c.abs(x)];
  const high = c.max(a, b);
  const low = c.min(a, b);
  const p = atanOfRatio(c, c.div(low, high));
  const [pi2, rest] = [c.constant(halfPiHigh), c.constant(halfPiLow)];
  const first = c.select(c.gt(a, b), c.add(pi2, c.sub(rest, p)), p);
  const left = c.add(c.add(pi2, pi2), c.sub(c.add(rest, rest), first));
  const angle = c.copysign(c.select(c.lt(x, c.constant(0)), left, first), y);
  // Two zeros, infinities, NaN, and quotients that lose bits below the normal numbers are not.
  const ordinary = c.both(
    c.both(c.ge(high, c.constant(2 ** -60)), c.le(high, c.constant(2 ** 60))),
    c.either(c.eq(low, c.constant(0)), c.ge(low, c.mul(high, c.constant(2 ** -60)))),
  );
  return c.unless(c.not(ordinary), () => c.host("atan2", y, x), angle);
};

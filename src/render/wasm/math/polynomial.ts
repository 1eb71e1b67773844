/** Polynomials and small idioms shared by the expansions. */
import type { LaneCode, Ref } from "../lane-code.js";
import { formatOf } from "./format.js";

/** Σ cᵢ xⁱ by Horner's rule, coefficients from the constant term up. */
export const polynomial = (c: LaneCode, x: Ref, coefficients: readonly number[]): Ref => {
  const [top = 0, ...rest] = coefficients.toReversed();
  return rest.reduce((sum, k) => c.madd(sum, x, c.constant(k)), c.constant(top));
};

/** x + x·u·p(u) with u = x²: odd functions near zero, the small term added last. */
export const oddPolynomial = (c: LaneCode, x: Ref, coefficients: readonly number[]): Ref => {
  const u = c.mul(x, x);
  return c.madd(c.mul(polynomial(c, u, coefficients), u), x, x);
};

/** `x` with the lower half of its significand cleared: a product of two such numbers is exact. */
export const upperHalf = (c: LaneCode, x: Ref): Ref =>
  c.fromBits(c.iand(c.bitsOf(x), c.integer(formatOf(c).upperHalf)));

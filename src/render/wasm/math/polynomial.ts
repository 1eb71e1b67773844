/** Polynomials and small idioms shared by the expansions. */
import type { LaneCode, Ref } from "../lane-code.js";
import { formatOf } from "./format.js";

/** Σ cᵢ xⁱ by Horner's rule, coefficients from the constant term up. */
export const horner = (c: LaneCode, x: Ref, coefficients: readonly number[]): Ref => {
  const [top = 0, ...rest] = coefficients.toReversed();
  return rest.reduce((sum, k) => c.madd(sum, x, c.constant(k)), c.constant(top));
};

/**
 * Σ cᵢ xⁱ, coefficients from the constant term up: neighbours are joined in pairs, so that about log₂ n instructions
 * wait for each other and not n. What limits these functions is how long their chains are, not how many instructions.
 */
export const polynomial = (c: LaneCode, x: Ref, coefficients: readonly number[]): Ref => {
  let terms = coefficients.map((k) => c.constant(k));
  let power = x;
  while (terms.length > 1) {
    const pairs: Ref[] = [];
    for (let i = 0; i < terms.length; i += 2) {
      const [low = 0, high] = terms.slice(i, i + 2);
      pairs.push(high === undefined ? low : c.madd(high, power, low));
    }
    terms = pairs;
    if (terms.length > 1) power = c.mul(power, power);
  }
  return terms[0] ?? c.constant(0);
};

/** x + x·u·p(u) with u = x²: odd functions near zero, the small term added last. */
export const oddPolynomial = (c: LaneCode, x: Ref, coefficients: readonly number[]): Ref => {
  const u = c.mul(x, x);
  return c.madd(c.mul(polynomial(c, u, coefficients), u), x, x);
};

/** `x` with the lower half of its significand cleared: a product of two such numbers is exact. */
export const upperHalf = (c: LaneCode, x: Ref): Ref =>
  c.fromBits(c.iand(c.bitsOf(x), c.integer(formatOf(c).upperHalf)));

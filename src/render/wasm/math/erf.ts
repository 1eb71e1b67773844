/** float32 erf and erfinv. */
import type { LaneCode, Ref } from "../lane-code.js";
import { expSmall } from "./exp.js";
import { log } from "./log.js";
import { horner, polynomial, upperHalf } from "./polynomial.js";

/** erf x / x − 1 in u = x² on |x| ≤ 1. */
const near = [
  0.12837916612625122, -0.3761262595653534, 0.11283578723669052, -0.026853347197175026,
  0.005187162198126316, -0.0007997853099368513, 7.806903886375949e-5,
];
/** −log erfc x on [1, 3.93]. */
const far = [
  0.0003415440151002258, 1.1270891427993774, 0.638144850730896, 0.103106789290905,
  -0.021838106215000153, 0.0029476757626980543, -0.00018638098845258355,
];

export const erf = (c: LaneCode, x: Ref): Ref => {
  const a = c.abs(x);
  const small = c.madd(x, polynomial(c, c.mul(x, x), near), x);
  const erfc = expSmall(c, c.neg(polynomial(c, c.atMost(a, c.constant(4)), far)));
  const y = c.select(c.lt(a, c.constant(1)), small, c.sub(c.constant(1), erfc));
  return c.copysign(y, x);
};

/**
 * MLX's two polynomials in t = log(1 − a²), from the constant term up, by Horner's rule as there: random normals must
 * be MLX's.
 */
const central = [
  8.86226892e-1, -2.32015476e-1, 1.15392581e-2, 2.31468678e-3, -1.47697632e-4, -5.6153076e-5,
  1.12963626e-7, 1.22774793e-6, 1.43285448e-7, 5.43877832e-9,
];
const tails = [
  8.40016484e-1, -2.64646143e-1, 4.83185798e-3, 3.02698812e-3, 3.93552968e-4, 2.84108955e-5,
  1.22150334e-6, 2.93243101e-8, 3.03697567e-10,
];

export const erfinv = (c: LaneCode, a: Ref): Ref => {
  // 1 − a² as if with one rounding, whether or not the machine fuses: all three products are exact.
  const high = upperHalf(c, a);
  const low = c.sub(a, high);
  const nearly = c.sub(c.constant(1), c.mul(high, high));
  const rest = c.sub(nearly, c.mul(c.add(high, high), low));
  const t = log(c, c.sub(rest, c.mul(low, low)));
  const extreme = c.gt(c.abs(t), c.constant(6.125));
  return c.mul(a, c.select(extreme, horner(c, t, tails), horner(c, t, central)));
};

/** float32 inverse hyperbolic functions: asinh, acosh, atanh; polynomials near zero, logarithms elsewhere. */
import type { LaneCode, Ref } from "../lane-code.js";
import { log } from "./log.js";
import { oddPolynomial, polynomial } from "./polynomial.js";

/** (asinh x − x) / x³ in u = x² on |x| ≤ 1.25. */
const asinhCoefficients = [
  -0.166665717959404, 0.07497337460517883, -0.04438134282827377, 0.029086623340845108,
  -0.018566835671663284, 0.010033831931650639, -0.003974660765379667, 0.0009778263047337532,
  -0.00010952148295473307,
];
/** (acosh(1 + t) / √(2t) − 1) / t on [0, 1]. */
const acoshCoefficients = [
  -0.08333330601453781, 0.018749278038740158, -0.0055738468654453754, 0.0018705505644902587,
  -0.000631038099527359, 0.0001749388175085187, -2.6717076252680272e-5,
];
/** (atanh x − x) / x³ in u = x² on |x| ≤ ½. */
const atanhCoefficients = [
  0.33333301544189453, 0.2000245451927185, 0.14223742485046387, 0.11816821992397308,
  0.051585935056209564, 0.1764063686132431,
];

/** log(a + root), or log 2a where a is so large that its square may overflow and the root is a. */
const logOfSum = (c: LaneCode, a: Ref, root: Ref): Ref => {
  const large = c.gt(a, c.constant(1e9));
  const extra = c.select(large, c.constant(1), c.constant(0));
  return log(c, c.select(large, a, c.add(a, root)), extra);
};

export const asinh = (c: LaneCode, x: Ref): Ref => {
  const one = c.constant(1);
  const a = c.abs(x);
  const far = logOfSum(c, a, c.sqrt(c.madd(a, a, one)));
  const near = oddPolynomial(c, x, asinhCoefficients);
  return c.copysign(c.select(c.lt(a, c.constant(1.25)), near, far), x);
};

export const acosh = (c: LaneCode, x: Ref): Ref => {
  const one = c.constant(1);
  const t = c.sub(x, one);
  const root = c.sqrt(c.add(t, t));
  const near = c.madd(c.mul(polynomial(c, t, acoshCoefficients), t), root, root);
  const far = logOfSum(c, x, c.sqrt(c.mul(t, c.add(x, one))));
  return c.select(c.lt(t, one), near, far);
};

export const atanh = (c: LaneCode, x: Ref): Ref => {
  const one = c.constant(1);
  const a = c.abs(x);
  const far = c.mul(c.constant(0.5), log(c, c.div(c.add(one, a), c.sub(one, a))));
  const near = oddPolynomial(c, x, atanhCoefficients);
  return c.copysign(c.select(c.lt(a, c.constant(0.5)), near, far), x);
};

/** Float functions to 300 bits by MPFR, and how far a computed value is from them. */
import gmp from "gmp-wasm";
import { hostMath } from "../../src/kernel/host-math.js";
import type { MathOp } from "../../src/render/wasm/math/index.js";

const { binding: mp } = await gmp.init();
const toNearest = gmp.mpfr_rnd_t.MPFR_RNDN;
const precision = 300;

type Big = ReturnType<typeof mp.mpfr_t>;

const big = (): Big => {
  const x = mp.mpfr_t();
  mp.mpfr_init2(x, precision);
  return x;
};

const [x, y, z, t, one] = [big(), big(), big(), big(), big()];
mp.mpfr_set_d(one, 1, toNearest);

type Unary = (to: Big, from: Big, mode: typeof toNearest) => number;

/** Functions that MPFR has. */
const own: Partial<Record<MathOp, Unary>> = {
  exp: mp.mpfr_exp,
  expm1: mp.mpfr_expm1,
  log: mp.mpfr_log,
  log1p: mp.mpfr_log1p,
  log2: mp.mpfr_log2,
  log10: mp.mpfr_log10,
  sin: mp.mpfr_sin,
  cos: mp.mpfr_cos,
  tan: mp.mpfr_tan,
  asin: mp.mpfr_asin,
  acos: mp.mpfr_acos,
  atan: mp.mpfr_atan,
  sinh: mp.mpfr_sinh,
  cosh: mp.mpfr_cosh,
  tanh: mp.mpfr_tanh,
  asinh: mp.mpfr_asinh,
  acosh: mp.mpfr_acosh,
  atanh: mp.mpfr_atanh,
  erf: mp.mpfr_erf,
};

/** Newton's method on erfc or erf from a double: three steps reach 300 bits. */
const inverseErf = (v: number): void => {
  const start = hostMath.erfinv(v);
  mp.mpfr_set_d(z, start, toNearest);
  if (!Number.isFinite(start) || start === 0) return;
  for (let step = 0; step < 4; step++) {
    // z −= (erf z − v)·√π/2·e^(z²)
    mp.mpfr_erf(t, z, toNearest);
    mp.mpfr_sub(t, t, x, toNearest);
    mp.mpfr_sqr(y, z, toNearest);
    mp.mpfr_exp(y, y, toNearest);
    mp.mpfr_mul(t, t, y, toNearest);
    mp.mpfr_const_pi(y, toNearest);
    mp.mpfr_sqrt(y, y, toNearest);
    mp.mpfr_mul(t, t, y, toNearest);
    mp.mpfr_div_2si(t, t, 1, toNearest);
    mp.mpfr_sub(z, z, t, toNearest);
  }
};

/** Leaves the function's value in `z`. */
const compute = (fn: MathOp, a: number, b: number): void => {
  mp.mpfr_set_d(x, a, toNearest);
  mp.mpfr_set_d(y, b, toNearest);
  const unary = own[fn];
  if (unary !== undefined) {
    unary(z, x, toNearest);
    return;
  }
  switch (fn) {
    case "pow":
      mp.mpfr_pow(z, x, y, toNearest);
      return;
    case "atan2":
      mp.mpfr_atan2(z, x, y, toNearest);
      return;
    case "rem":
      mp.mpfr_fmod(z, x, y, toNearest);
      if (mp.mpfr_zero_p(z) === 0 && mp.mpfr_signbit(z) !== mp.mpfr_signbit(y)) {
        mp.mpfr_add(z, z, y, toNearest);
      }
      return;
    case "rsqrt":
      mp.mpfr_sqrt(z, x, toNearest);
      mp.mpfr_div(z, one, z, toNearest);
      return;
    case "sigmoid":
      mp.mpfr_neg(t, x, toNearest);
      mp.mpfr_exp(t, t, toNearest);
      mp.mpfr_add(t, t, one, toNearest);
      mp.mpfr_div(z, one, t, toNearest);
      return;
    case "erfinv":
      inverseErf(a);
      return;
    default:
      throw new RangeError(`expected a transcendental function, got ${fn}`);
  }
};

export interface Format {
  /** Bits of the significand. */
  readonly bits: number;
  /** Exponent of the smallest subnormal number. */
  readonly smallest: number;
  /** Numbers below 2^limit are finite. */
  readonly limit: number;
  readonly largest: number;
}

export const formats: { readonly f32: Format; readonly f64: Format } = {
  f32: { bits: 24, smallest: -149, limit: 128, largest: 3.4028234663852886e38 },
  f64: { bits: 53, smallest: -1074, limit: 1024, largest: Number.MAX_VALUE },
};

export interface Deviation {
  /** The correctly rounded value. */
  readonly rounded: number;
  /** Distance of the computed from the exact value, in units of the last place. */
  readonly ulps: number;
}

/**
 * How far `got` is from `fn` at `a` (and `b`). Where the exact value is NaN, infinite or zero the distance is 0 if that
 * is what was computed, else infinite; the same holds of the sign of a zero.
 */
export const deviation = (
  fn: MathOp,
  format: Format,
  a: number,
  b: number,
  got: number,
): Deviation => {
  compute(fn, a, b);
  if (mp.mpfr_nan_p(z) !== 0)
    return { rounded: Number.NaN, ulps: Number.isNaN(got) ? 0 : Infinity };
  const negative = mp.mpfr_signbit(z) !== 0;
  if (mp.mpfr_inf_p(z) !== 0 || mp.mpfr_zero_p(z) !== 0) {
    const value = mp.mpfr_get_d(z, toNearest);
    return { rounded: value, ulps: Object.is(got, value) ? 0 : Infinity };
  }
  const unit = Math.max(mp.mpfr_get_exp(z) - format.bits, format.smallest);
  mp.mpfr_div_2si(z, z, unit, toNearest);
  mp.mpfr_rint(t, z, toNearest);
  const units = mp.mpfr_get_d(t, toNearest);
  const scaled = units * 2 ** Math.max(unit, -1074);
  const rounded = Math.abs(scaled) > format.largest ? (negative ? -Infinity : Infinity) : scaled;
  const overflows = !Number.isFinite(rounded);
  if (Object.is(got, rounded) && overflows) return { rounded, ulps: 0 };
  if (Number.isNaN(got) || (got === 0 && rounded === 0 && !Object.is(got, rounded))) {
    return { rounded, ulps: Infinity };
  }
  if (Number.isFinite(got)) mp.mpfr_set_d(t, got, toNearest);
  else {
    // An overflow that should not be counts as the first number that is too large.
    mp.mpfr_set_d(t, Math.sign(got), toNearest);
    mp.mpfr_mul_2si(t, t, format.limit, toNearest);
  }
  mp.mpfr_div_2si(t, t, unit, toNearest);
  mp.mpfr_sub(t, t, z, toNearest);
  return { rounded, ulps: Math.abs(mp.mpfr_get_d(t, toNearest)) };
};

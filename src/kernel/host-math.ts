/** The float functions on doubles, within about one ulp: what `Math` has, and what it lacks or does unlike C. */

/** Coefficients of p, highest first, in erf x = x + x·p(x²) for |x| ≤ 1 (Chebyshev fit). */
const erfNear: readonly number[] = [
  5.957176147748911e-11, -1.1372848856791674e-9, 1.4659775274047436e-8, -1.6350312701054695e-7,
  1.6461000484121368e-6, -1.4925595266831182e-5, 0.0001205533111164271, -0.000854832698083379,
  0.0052239776248180145, -0.026866170645076792, 0.11283791670954879, -0.3761263890318375,
  0.1283791670955126,
];

/** Coefficients of p, highest first, in erfc x = e^(−x²) p(t) / (x + 5/2), t = (x − 5/2)/(x + 5/2), for 1 ≤ x ≤ 28. */
const erfcFar: readonly number[] = [
  6.070564695290435e-8, -2.881805528117752e-7, 2.625624039956279e-7, 5.273933234432998e-7,
  -1.29652012279795e-7, -1.94396749273816e-6, -2.2942408622972956e-6, 6.739184635240412e-6,
  1.8238942242372197e-5, -1.952880282160454e-5, -0.00011260447310838971, 5.830742417188244e-5,
  0.0007026937160438395, -0.00043920824429272284, -0.0048187855232003, 0.00839304430175048,
  0.02836155013197818, -0.1712511452460359, 0.4539141166480967, -0.8046518494391489,
  1.054031820305718,
];

const horner = (coefficients: readonly number[], x: number): number => {
  let sum = 0;
  for (const c of coefficients) sum = sum * x + c;
  return sum;
};

/** The complementary error function for x ≥ 1, with a small relative error down to where it underflows. */
const erfcAbove = (x: number): number => {
  if (x > 28) return 0;
  // e^(−x²) needs x² to full precision: h² is exact.
  const h = Math.fround(x);
  return (
    (Math.exp(-h * h) * Math.exp((h - x) * (h + x)) * horner(erfcFar, (x - 2.5) / (x + 2.5))) /
    (x + 2.5)
  );
};

const erf = (x: number): number => {
  const a = Math.abs(x);
  if (a <= 1) return x + x * horner(erfNear, x * x);
  if (Number.isNaN(x)) return x;
  const y = 1 - erfcAbove(a);
  return x < 0 ? -y : y;
};

/** erf of x in [0, ∞) less `y`, free of cancellation: `z` is 1 − y. */
const erfMinus = (x: number, y: number, z: number): number =>
  x <= 1 ? erf(x) - y : z - erfcAbove(x);

const erfinv = (x: number): number => {
  const y = Math.abs(x);
  if (y === 0 || !(y < 1)) return y === 1 ? x * Number.POSITIVE_INFINITY : y > 1 ? Number.NaN : x;
  const z = 1 - y;
  // Winitzki's closed form errs by 0.2 % at most; Halley's method triples the digits at each step.
  const l = Math.log1p(-y * y);
  const b = 4.3307467508 + l / 2;
  let r = y < 1e-4 ? 0.886226925452758 * y : Math.sqrt(Math.sqrt(b * b - l / 0.147) - b);
  for (let step = 0; step < 3; step++) {
    const newton = erfMinus(r, y, z) / (1.1283791670955126 * Math.exp(-r * r));
    r -= newton / (1 + r * newton);
  }
  return x < 0 ? -r : r;
};

const sigmoid = (x: number): number => {
  if (!(x < 0)) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
};

/** C's pow: unlike `**`, 1 to any power is 1, and so is −1 to an infinite one. */
const pow = (x: number, y: number): number =>
  x === 1 || (x === -1 && Math.abs(y) === Number.POSITIVE_INFINITY) ? 1 : x ** y;

/** The remainder with the divisor's sign. */
const rem = (x: number, y: number): number => {
  const r = x % y;
  return r !== 0 && r < 0 !== y < 0 ? r + y : r;
};

export type HostBinary = "pow" | "atan2" | "rem";
export type HostUnary =
  | "sin"
  | "cos"
  | "tan"
  | "asin"
  | "acos"
  | "atan"
  | "sinh"
  | "cosh"
  | "tanh"
  | "asinh"
  | "acosh"
  | "atanh"
  | "exp"
  | "expm1"
  | "log"
  | "log1p"
  | "log2"
  | "log10"
  | "erf"
  | "erfinv"
  | "sigmoid";
export type HostMath = HostUnary | HostBinary;

/** Also what rendered code imports: see the WebAssembly calling convention. */
export const hostMath: Readonly<
  Record<HostUnary, (x: number) => number> & Record<HostBinary, (x: number, y: number) => number>
> = {
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  log2: Math.log2,
  log10: Math.log10,
  erf,
  erfinv,
  sigmoid,
  pow,
  atan2: Math.atan2,
  rem,
};

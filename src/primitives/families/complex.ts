/** Complex arithmetic and functions as expressions of real instructions, for the lowerings of elementwise primitives. */
import type { Scalars } from "../../core/scalar.js";
import type { Parts } from "../../graph/lowering.js";
import type { ComplexRule } from "./elementwise.js";
import { at } from "./operands.js";

type S = Scalars<unknown>;
/** A complex value with both parts. */
interface Z {
  readonly re: unknown;
  readonly im: unknown;
}

const f = (s: S, value: number): unknown => s.constant("f32", value);
const z = (s: S, p: Parts<unknown>): Z => ({ re: p.re, im: p.im ?? f(s, 0) });
const real = (s: S, value: number): Z => ({ re: f(s, value), im: f(s, 0) });

const neg = (s: S, a: Z): Z => ({ re: s.op("neg", a.re), im: s.op("neg", a.im) });
const add = (s: S, a: Z, b: Z): Z => ({ re: s.op("add", a.re, b.re), im: s.op("add", a.im, b.im) });
const sub = (s: S, a: Z, b: Z): Z => ({ re: s.op("sub", a.re, b.re), im: s.op("sub", a.im, b.im) });
const scale = (s: S, a: Z, k: number): Z => ({
  re: s.op("mul", a.re, f(s, k)),
  im: s.op("mul", a.im, f(s, k)),
});
const mul = (s: S, a: Z, b: Z): Z => ({
  re: s.op("sub", s.op("mul", a.re, b.re), s.op("mul", a.im, b.im)),
  im: s.op("add", s.op("mul", a.re, b.im), s.op("mul", a.im, b.re)),
});
/** i·a */
const turn = (s: S, a: Z): Z => ({ re: s.op("neg", a.im), im: a.re });
/** -i·a */
const unturn = (s: S, a: Z): Z => ({ re: a.im, im: s.op("neg", a.re) });
const pick = (s: S, cond: unknown, a: Z, b: Z): Z => ({
  re: s.op("select", cond, a.re, b.re),
  im: s.op("select", cond, a.im, b.im),
});

/** Smith's method: the parts of the divisor are divided first, so that squares cannot overflow. */
const div = (s: S, a: Z, b: Z): Z => {
  const wide = s.op("ge", s.op("abs", b.re), s.op("abs", b.im));
  const major = s.op("select", wide, b.re, b.im);
  const minor = s.op("select", wide, b.im, b.re);
  // By zero the quotient is infinite, as in C, not NaN.
  const zero = s.op("eq", major, f(s, 0));
  const ratio = s.op("select", zero, f(s, 0), s.op("div", minor, major));
  const den = s.op("add", major, s.op("mul", minor, ratio));
  const x = s.op("select", wide, a.re, a.im);
  const y = s.op("select", wide, a.im, a.re);
  const re = s.op("div", s.op("add", x, s.op("mul", y, ratio)), den);
  const im = s.op("div", s.op("sub", y, s.op("mul", x, ratio)), den);
  return { re, im: s.op("select", wide, im, s.op("neg", im)) };
};

/** |a|, in double precision: no overflow of the squares, and one rounding. */
const modulus = (s: S, a: Z): unknown => {
  const x = s.op("abs", a.re);
  const y = s.op("abs", a.im);
  const square = (v: unknown): unknown => s.op("mul", s.cast("f64", v), s.cast("f64", v));
  const m = s.cast("f32", s.op("sqrt", s.op("add", square(x), square(y))));
  const infinite = f(s, Number.POSITIVE_INFINITY);
  const far = s.op("or", s.op("eq", x, infinite), s.op("eq", y, infinite));
  return s.op("select", far, infinite, m);
};

const exp = (s: S, a: Z): Z => {
  const e = s.op("exp", a.re);
  const flat = s.op("eq", a.im, f(s, 0));
  return {
    re: s.op("mul", e, s.op("cos", a.im)),
    im: s.op("select", flat, a.im, s.op("mul", e, s.op("sin", a.im))),
  };
};
const log = (s: S, a: Z): Z => ({
  re: s.op("log", modulus(s, a)),
  im: s.op("atan2", a.im, a.re),
});

/** The principal root, from the half that does not cancel. */
const sqrt = (s: S, a: Z): Z => {
  const half = s.op("mul", s.op("add", modulus(s, a), s.op("abs", a.re)), f(s, 0.5));
  const big = s.op("sqrt", half);
  const zero = s.op("eq", big, f(s, 0));
  const small = s.op("div", s.op("mul", s.op("abs", a.im), f(s, 0.5)), big);
  const other = s.op("select", zero, f(s, 0), small);
  const right = s.op("ge", a.re, f(s, 0));
  const im = s.op("select", right, other, big);
  const below = s.op("lt", s.op("atan2", a.im, f(s, -1)), f(s, 0)); // the sign bit of the imaginary part
  return {
    re: s.op("select", right, big, other),
    im: s.op("select", below, s.op("neg", im), im),
  };
};

const sinh = (s: S, a: Z): Z => ({
  re: s.op("mul", s.op("sinh", a.re), s.op("cos", a.im)),
  im: s.op("mul", s.op("cosh", a.re), s.op("sin", a.im)),
});
const cosh = (s: S, a: Z): Z => ({
  re: s.op("mul", s.op("cosh", a.re), s.op("cos", a.im)),
  im: s.op("mul", s.op("sinh", a.re), s.op("sin", a.im)),
});
/** tanh(x+iy) = (t(1+u²) + iu(1-t²)) / (1+t²u²) with t = tanh x, u = tan y: no exponential overflows. */
const tanh = (s: S, a: Z): Z => {
  const t = s.op("tanh", a.re);
  const c = s.op("cos", a.im);
  const n = s.op("sin", a.im);
  const one = f(s, 1);
  const sech2 = s.op("mul", s.op("sub", one, t), s.op("add", one, t));
  const c2 = s.op("mul", c, c);
  const t2 = s.op("mul", t, t);
  const den = s.op("add", c2, s.op("mul", t2, s.op("mul", n, n)));
  return {
    re: s.op("div", t, den),
    im: s.op("div", s.op("mul", s.op("mul", n, c), sech2), den),
  };
};

/** log(z + sqrt(z² + 1)) on the right half plane, odd. */
const asinh = (s: S, a: Z): Z => {
  const left = s.op("lt", a.re, f(s, 0));
  const w = pick(s, left, neg(s, a), a);
  const root = sqrt(s, add(s, mul(s, w, w), real(s, 1)));
  const r = log(s, add(s, w, root));
  return pick(s, left, neg(s, r), r);
};
/** (log(1+z) - log(1-z)) / 2 */
const atanh = (s: S, a: Z): Z => {
  const one = real(s, 1);
  return scale(s, sub(s, log(s, add(s, one, a)), log(s, sub(s, one, a))), 0.5);
};
const asin = (s: S, a: Z): Z => unturn(s, asinh(s, turn(s, a)));
const acos = (s: S, a: Z): Z => sub(s, real(s, Math.PI / 2), asin(s, a));
/** log(z + sqrt(z+1) sqrt(z-1)) */
const acosh = (s: S, a: Z): Z => {
  const one = real(s, 1);
  const root = mul(s, sqrt(s, add(s, a, one)), sqrt(s, sub(s, a, one)));
  return log(s, add(s, a, root));
};

const isZero = (s: S, a: Z): unknown =>
  s.op("and", s.op("eq", a.re, f(s, 0)), s.op("eq", a.im, f(s, 0)));

const pow = (s: S, a: Z, b: Z): Z => {
  const general = exp(s, mul(s, b, log(s, a)));
  const nothing = isZero(s, b);
  const zero = pick(s, nothing, real(s, 1), real(s, 0));
  return pick(s, s.op("or", nothing, isZero(s, a)), zero, general);
};

const unary =
  (fn: (s: S, a: Z) => Z): ComplexRule =>
  (s, ins) =>
    fn(s, z(s, at(ins, 0)));
const binary =
  (fn: (s: S, a: Z, b: Z) => Z): ComplexRule =>
  (s, ins) =>
    fn(s, z(s, at(ins, 0)), z(s, at(ins, 1)));

/** Lexicographic order, real part first, as MLX compares complex numbers. */
const ordered = (s: S, strict: "lt" | "gt", part: "lt" | "le" | "gt" | "ge", a: Z, b: Z): unknown =>
  s.op("or", s.op(strict, a.re, b.re), s.op("and", s.op("eq", a.re, b.re), s.op(part, a.im, b.im)));
const comparison =
  (fn: (s: S, a: Z, b: Z) => unknown): ComplexRule =>
  (s, ins) => ({ re: fn(s, z(s, at(ins, 0)), z(s, at(ins, 1))), im: null });

const hasNaN = (s: S, a: Z): unknown => s.op("or", s.op("ne", a.re, a.re), s.op("ne", a.im, a.im));
const extremum = (strict: "lt" | "gt", part: "le" | "ge"): ComplexRule =>
  binary((s, a, b) => {
    const first = s.op("or", hasNaN(s, a), ordered(s, strict, part, a, b));
    return pick(s, s.op("and", first, s.op("not", hasNaN(s, b))), a, b);
  });

export const complexNeg: ComplexRule = unary(neg);
export const complexAdd: ComplexRule = binary(add);
export const complexSub: ComplexRule = binary(sub);
export const complexMul: ComplexRule = binary(mul);
export const complexDiv: ComplexRule = binary(div);
export const complexPow: ComplexRule = binary(pow);
export const complexAbs: ComplexRule = (s, ins) => ({ re: modulus(s, z(s, at(ins, 0))), im: null });
export const complexExp: ComplexRule = unary(exp);
/** (expm1(x) cos y - 2 sin²(y/2)) + i eˣ sin y */
export const complexExpm1: ComplexRule = unary((s, a) => {
  const h = s.op("sin", s.op("mul", a.im, f(s, 0.5)));
  const real = s.op("mul", s.op("expm1", a.re), s.op("cos", a.im));
  return {
    re: s.op("sub", real, s.op("mul", f(s, 2), s.op("mul", h, h))),
    im: s.op("mul", s.op("exp", a.re), s.op("sin", a.im)),
  };
});
export const complexLog: ComplexRule = unary(log);
/** Near 0 the real part is log1p(x(2+x) + y²) / 2. */
export const complexLog1p: ComplexRule = unary((s, a) => {
  const far = log(s, add(s, a, real(s, 1)));
  const xx = s.op("mul", a.re, s.op("add", f(s, 2), a.re));
  const q = s.op("log1p", s.op("add", xx, s.op("mul", a.im, a.im)));
  const near = s.op("lt", s.op("max", s.op("abs", a.re), s.op("abs", a.im)), f(s, 0.5));
  return { re: s.op("select", near, s.op("mul", q, f(s, 0.5)), far.re), im: far.im };
});
export const complexLog2: ComplexRule = unary((s, a) => scale(s, log(s, a), Math.LOG2E));
export const complexLog10: ComplexRule = unary((s, a) => scale(s, log(s, a), Math.LOG10E));
export const complexSqrt: ComplexRule = unary(sqrt);
export const complexRsqrt: ComplexRule = unary((s, a) => div(s, real(s, 1), sqrt(s, a)));
export const complexSigmoid: ComplexRule = unary((s, a) =>
  div(s, real(s, 1), add(s, real(s, 1), exp(s, neg(s, a)))),
);
export const complexSin: ComplexRule = unary((s, a) => unturn(s, sinh(s, turn(s, a))));
export const complexCos: ComplexRule = unary((s, a) => cosh(s, turn(s, a)));
export const complexTan: ComplexRule = unary((s, a) => unturn(s, tanh(s, turn(s, a))));
export const complexSinh: ComplexRule = unary(sinh);
export const complexCosh: ComplexRule = unary(cosh);
export const complexTanh: ComplexRule = unary(tanh);
export const complexAsin: ComplexRule = unary(asin);
export const complexAcos: ComplexRule = unary(acos);
export const complexAtan: ComplexRule = unary((s, a) => unturn(s, atanh(s, turn(s, a))));
export const complexAsinh: ComplexRule = unary(asinh);
export const complexAcosh: ComplexRule = unary(acosh);
export const complexAtanh: ComplexRule = unary(atanh);
export const complexEq: ComplexRule = comparison((s, a, b) =>
  s.op("and", s.op("eq", a.re, b.re), s.op("eq", a.im, b.im)),
);
export const complexNe: ComplexRule = comparison((s, a, b) =>
  s.op("or", s.op("ne", a.re, b.re), s.op("ne", a.im, b.im)),
);
export const complexLt: ComplexRule = comparison((s, a, b) => ordered(s, "lt", "lt", a, b));
export const complexLe: ComplexRule = comparison((s, a, b) => ordered(s, "lt", "le", a, b));
export const complexGt: ComplexRule = comparison((s, a, b) => ordered(s, "gt", "gt", a, b));
export const complexGe: ComplexRule = comparison((s, a, b) => ordered(s, "gt", "ge", a, b));
export const complexMax: ComplexRule = extremum("gt", "ge");
export const complexMin: ComplexRule = extremum("lt", "le");
export const complexSelect: ComplexRule = (s, ins) =>
  pick(s, at(ins, 0).re, z(s, at(ins, 1)), z(s, at(ins, 2)));

/** log(eᵃ + eᵇ) = m + log1p(e^(l - m)), m the one with the larger real part. */
export const complexLogaddexp = (
  s: Scalars<unknown>,
  ins: readonly Parts<unknown>[],
): Parts<unknown> => {
  const a = z(s, at(ins, 0));
  const b = z(s, at(ins, 1));
  const first = s.op("ge", a.re, b.re);
  const high = pick(s, first, a, b);
  const low = pick(s, first, b, a);
  return add(s, high, log(s, add(s, real(s, 1), exp(s, sub(s, low, high)))));
};

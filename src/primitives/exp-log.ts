/** Exponentials, logarithms, roots, powers, and the functions whose derivatives are exponentials. */
import type { Node } from "../graph/node.js";
import type { Primitive } from "../graph/primitive.js";
import { divide, multiply, negative, scale, shift, subtract } from "./arithmetic.js";
import { cast, promoted } from "./cast.js";
import { equal, select } from "./compare-select.js";
import { floatOf, onesLike, zerosLike } from "./constant.js";
import {
  complexExp,
  complexExpm1,
  complexLog,
  complexLog1p,
  complexLog2,
  complexLog10,
  complexLogaddexp,
  complexPow,
  complexRsqrt,
  complexSigmoid,
  complexSqrt,
} from "./families/complex.js";
import { elementwise, floatExpression, unaryOf } from "./families/elementwise.js";
import { at } from "./families/operands.js";

type Unary = (x: Node) => Node;
type Binary = (a: Node, b: Node) => Node;

export const expP: Primitive = elementwise({
  name: "exp",
  fn: "exp",
  derivative: [(g, s) => multiply(g, at(s.outs, 0))],
  complex: complexExp,
});

export const expm1P: Primitive = elementwise({
  name: "expm1",
  fn: "expm1",
  derivative: [(g, s) => multiply(g, shift(at(s.outs, 0), 1))],
  complex: complexExpm1,
});

export const logP: Primitive = elementwise({
  name: "log",
  fn: "log",
  derivative: [(g, s) => divide(g, at(s.ins, 0))],
  complex: complexLog,
});

export const log1pP: Primitive = elementwise({
  name: "log1p",
  fn: "log1p",
  derivative: [(g, s) => divide(g, shift(at(s.ins, 0), 1))],
  complex: complexLog1p,
});

export const log2P: Primitive = elementwise({
  name: "log2",
  fn: "log2",
  derivative: [(g, s) => divide(g, scale(at(s.ins, 0), Math.LN2))],
  complex: complexLog2,
});

export const log10P: Primitive = elementwise({
  name: "log10",
  fn: "log10",
  derivative: [(g, s) => divide(g, scale(at(s.ins, 0), Math.LN10))],
  complex: complexLog10,
});

export const sqrtP: Primitive = elementwise({
  name: "sqrt",
  fn: "sqrt",
  derivative: [(g, s) => divide(scale(g, 0.5), at(s.outs, 0))],
  complex: complexSqrt,
});

export const rsqrtP: Primitive = elementwise({
  name: "rsqrt",
  fn: "rsqrt",
  derivative: [(g, s) => multiply(scale(g, -0.5), divide(at(s.outs, 0), at(s.ins, 0)))],
  complex: complexRsqrt,
});

export const sigmoidP: Primitive = elementwise({
  name: "sigmoid",
  fn: "sigmoid",
  derivative: [
    (g, s) => {
      const y = at(s.outs, 0);
      return multiply(g, multiply(y, subtract(onesLike(y), y)));
    },
  ],
  complex: complexSigmoid,
});

export const erfP: Primitive = elementwise({
  name: "erf",
  fn: "erf",
  derivative: [
    (g, s) => {
      const x = at(s.ins, 0);
      return multiply(g, scale(exp(negative(multiply(x, x))), 2 / Math.sqrt(Math.PI)));
    },
  ],
});

export const erfinvP: Primitive = elementwise({
  name: "erfinv",
  fn: "erfinv",
  derivative: [
    (g, s) => {
      const y = at(s.outs, 0);
      return multiply(g, scale(exp(multiply(y, y)), Math.sqrt(Math.PI) / 2));
    },
  ],
});

/** d/da = b·a^(b-1); d/db = a^b·log a, 0 where the power is 0. */
export const powerP: Primitive = elementwise({
  name: "power",
  fn: "pow",
  derivative: [
    (g, s) => {
      const b = at(s.ins, 1);
      return multiply(g, multiply(b, power(at(s.ins, 0), subtract(b, onesLike(b)))));
    },
    (g, s) => {
      const a = at(s.ins, 0);
      const y = cast(at(s.outs, 0), floatOf(a.dtype));
      const slope = multiply(y, log(cast(a, y.dtype)));
      return multiply(g, select(equal(y, zerosLike(y)), zerosLike(y), slope));
    },
  ],
  complex: complexPow,
});

/** log(eᵃ + eᵇ) without overflow. */
export const logaddexpP: Primitive = floatExpression({
  name: "logaddexp",
  derivative: [
    (g, s) => multiply(g, sigmoid(subtract(at(s.ins, 0), at(s.ins, 1)))),
    (g, s) => multiply(g, sigmoid(subtract(at(s.ins, 1), at(s.ins, 0)))),
  ],
  real(s, a, b) {
    const high = s.op("max", a, b);
    const low = s.op("min", a, b);
    const sum = s.op("add", high, s.op("log1p", s.op("exp", s.op("sub", low, high))));
    // Two equal infinities have no difference; a single one dominates.
    const infinity = s.constant(s.typeOf(a), Number.POSITIVE_INFINITY);
    return s.op("select", s.op("eq", s.op("abs", high), infinity), high, sum);
  },
  complex: complexLogaddexp,
});

export const exp: Unary = unaryOf(expP);
export const expm1: Unary = unaryOf(expm1P);
export const log: Unary = unaryOf(logP);
export const log1p: Unary = unaryOf(log1pP);
export const log2: Unary = unaryOf(log2P);
export const log10: Unary = unaryOf(log10P);
export const sqrt: Unary = unaryOf(sqrtP);
export const rsqrt: Unary = unaryOf(rsqrtP);
export const sigmoid: Unary = unaryOf(sigmoidP);
export const erf: Unary = unaryOf(erfP);
export const erfinv: Unary = unaryOf(erfinvP);
export const power: Binary = promoted(powerP);
export const logaddexp: Binary = promoted(logaddexpP);

/** Hyperbolic functions and their inverses. */
import { complex64 } from "../core/dtype.js";
import type { Node } from "../graph/node.js";
import type { Primitive } from "../graph/primitive.js";
import { divide, multiply, shift, subtract } from "./arithmetic.js";
import { onesLike } from "./constant.js";
import { rsqrt } from "./exp-log.js";
import {
  complexAcosh,
  complexAsinh,
  complexAtanh,
  complexCosh,
  complexSinh,
  complexTanh,
} from "./families/complex.js";
import { elementwise, unaryOf } from "./families/elementwise.js";
import { at } from "./families/operands.js";

type Unary = (x: Node) => Node;

const squared = (x: Node): Node => multiply(x, x);
const oneMinusSquare = (x: Node): Node => subtract(onesLike(x), squared(x));

export const sinhP: Primitive = elementwise({
  name: "sinh",
  fn: "sinh",
  derivative: [(g, s) => multiply(g, cosh(at(s.ins, 0)))],
  complex: complexSinh,
});

export const coshP: Primitive = elementwise({
  name: "cosh",
  fn: "cosh",
  derivative: [(g, s) => multiply(g, sinh(at(s.ins, 0)))],
  complex: complexCosh,
});

export const tanhP: Primitive = elementwise({
  name: "tanh",
  fn: "tanh",
  derivative: [(g, s) => multiply(g, oneMinusSquare(at(s.outs, 0)))],
  complex: complexTanh,
});

export const arcsinhP: Primitive = elementwise({
  name: "arcsinh",
  fn: "asinh",
  derivative: [(g, s) => multiply(g, rsqrt(shift(squared(at(s.ins, 0)), 1)))],
  complex: complexAsinh,
});

/** 1/(sqrt(x-1) sqrt(x+1)): on the complex plane the roots must be taken apart. */
export const arccoshP: Primitive = elementwise({
  name: "arccosh",
  fn: "acosh",
  derivative: [
    (g, s) => {
      const x = at(s.ins, 0);
      if (x.dtype === complex64)
        return multiply(g, multiply(rsqrt(shift(x, -1)), rsqrt(shift(x, 1))));
      // One root, as in MLX: outside the domain the derivative of the formula. Adding 0 takes the sign from -0.
      return multiply(g, rsqrt(shift(multiply(shift(x, -1), shift(x, 1)), 0)));
    },
  ],
  complex: complexAcosh,
});

export const arctanhP: Primitive = elementwise({
  name: "arctanh",
  fn: "atanh",
  derivative: [(g, s) => divide(g, oneMinusSquare(at(s.ins, 0)))],
  complex: complexAtanh,
});

export const sinh: Unary = unaryOf(sinhP);
export const cosh: Unary = unaryOf(coshP);
export const tanh: Unary = unaryOf(tanhP);
export const arcsinh: Unary = unaryOf(arcsinhP);
export const arccosh: Unary = unaryOf(arccoshP);
export const arctanh: Unary = unaryOf(arctanhP);

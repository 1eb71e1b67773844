/** Circular functions and their inverses. */
import type { Node } from "../graph/node.js";
import type { Primitive } from "../graph/primitive.js";
import { add, divide, multiply, negative, shift, subtract } from "./arithmetic.js";
import { promoted } from "./cast.js";
import { onesLike } from "./constant.js";
import { rsqrt } from "./exp-log.js";
import {
  complexAcos,
  complexAsin,
  complexAtan,
  complexCos,
  complexSin,
  complexTan,
} from "./families/complex.js";
import { elementwise, unaryOf } from "./families/elementwise.js";
import { at } from "./families/operands.js";

type Unary = (x: Node) => Node;

const squared = (x: Node): Node => multiply(x, x);

export const sinP: Primitive = elementwise({
  name: "sin",
  fn: "sin",
  derivative: [(g, s) => multiply(g, cos(at(s.ins, 0)))],
  complex: complexSin,
});

export const cosP: Primitive = elementwise({
  name: "cos",
  fn: "cos",
  derivative: [(g, s) => negative(multiply(g, sin(at(s.ins, 0))))],
  complex: complexCos,
});

export const tanP: Primitive = elementwise({
  name: "tan",
  fn: "tan",
  derivative: [(g, s) => multiply(g, shift(squared(at(s.outs, 0)), 1))],
  complex: complexTan,
});

/** 1/sqrt(1 - x²) */
const arcSlope = (x: Node): Node => rsqrt(subtract(onesLike(x), squared(x)));

export const arcsinP: Primitive = elementwise({
  name: "arcsin",
  fn: "asin",
  derivative: [(g, s) => multiply(g, arcSlope(at(s.ins, 0)))],
  complex: complexAsin,
});

export const arccosP: Primitive = elementwise({
  name: "arccos",
  fn: "acos",
  derivative: [(g, s) => negative(multiply(g, arcSlope(at(s.ins, 0))))],
  complex: complexAcos,
});

export const arctanP: Primitive = elementwise({
  name: "arctan",
  fn: "atan",
  derivative: [(g, s) => divide(g, shift(squared(at(s.ins, 0)), 1))],
  complex: complexAtan,
});

/** The angle of (x, y), y first. */
export const arctan2P: Primitive = elementwise({
  name: "arctan2",
  fn: "atan2",
  derivative: [
    (g, s) => {
      const [y, x] = [at(s.ins, 0), at(s.ins, 1)];
      return multiply(g, divide(x, add(squared(y), squared(x))));
    },
    (g, s) => {
      const [y, x] = [at(s.ins, 0), at(s.ins, 1)];
      return negative(multiply(g, divide(y, add(squared(y), squared(x)))));
    },
  ],
});

export const sin: Unary = unaryOf(sinP);
export const cos: Unary = unaryOf(cosP);
export const tan: Unary = unaryOf(tanP);
export const arcsin: Unary = unaryOf(arcsinP);
export const arccos: Unary = unaryOf(arccosP);
export const arctan: Unary = unaryOf(arctanP);
export const arctan2: (y: Node, x: Node) => Node = promoted(arctan2P);

/** The four operations, and what is made of them piece by piece: abs, sign, extrema of two, remainder, rounding. */
import { type DType, float32 } from "../core/dtype.js";
import { bind } from "../graph/bind.js";
import type { Node } from "../graph/node.js";
import type { Primitive } from "../graph/primitive.js";
import { cast, conjugate, promoted, real } from "./cast.js";
import { equal, greater, less, select } from "./compare-select.js";
import { constantLike, zerosLike } from "./constant.js";
import {
  complexAbs,
  complexAdd,
  complexDiv,
  complexMax,
  complexMin,
  complexMul,
  complexNeg,
  complexSub,
} from "./families/complex.js";
import { elementwise, unaryOf } from "./families/elementwise.js";
import { at } from "./families/operands.js";

export const addP: Primitive = elementwise({
  name: "add",
  fn: "add",
  derivative: [(g) => g, (g) => g],
  complex: complexAdd,
});

export const subtractP: Primitive = elementwise({
  name: "subtract",
  fn: "sub",
  derivative: [(g) => g, (g) => negative(g)],
  complex: complexSub,
});

export const multiplyP: Primitive = elementwise({
  name: "multiply",
  fn: "mul",
  derivative: [(g, s) => multiply(g, at(s.ins, 1)), (g, s) => multiply(g, at(s.ins, 0))],
  complex: complexMul,
});

/** On integers truncates; the op layer divides floats only. */
export const divideP: Primitive = elementwise({
  name: "divide",
  fn: "div",
  derivative: [
    (g, s) => divide(g, at(s.ins, 1)),
    (g, s) => negative(multiply(g, divide(at(s.outs, 0), at(s.ins, 1)))),
  ],
  complex: complexDiv,
});

export const negativeP: Primitive = elementwise({
  name: "negative",
  fn: "neg",
  derivative: [(g) => negative(g)],
  complex: complexNeg,
});

/** The derivative is sign(x), for complex numbers z/|z|, written out because sign itself is flat. */
export const absP: Primitive = elementwise({
  name: "abs",
  fn: "abs",
  derivative: [
    (g, s) => {
      const x = at(s.ins, 0);
      if (x.dtype.kind !== "complex") return multiply(g, sign(x));
      return real(multiply(g, conjugate(direction(x, at(s.outs, 0)))));
    },
  ],
  realLinear: true,
  complex: complexAbs,
  result: (d: DType) => (d.kind === "complex" ? float32 : d),
});

/** z/|z|, 0 at 0. */
const direction = (x: Node, modulus: Node): Node => {
  const isZero = equal(modulus, zerosLike(modulus));
  return divide(x, cast(select(isZero, constantLike(modulus, 1), modulus), x.dtype));
};

export const signP: Primitive = elementwise({ name: "sign", fn: "sign" });

/** A tie goes to the second operand, as in MLX. */
export const maximumP: Primitive = elementwise({
  name: "maximum",
  fn: "max",
  derivative: [
    (g, s) => select(greater(at(s.ins, 0), at(s.ins, 1)), g, zerosLike(g)),
    (g, s) => select(greater(at(s.ins, 0), at(s.ins, 1)), zerosLike(g), g),
  ],
  complex: complexMax,
});

export const minimumP: Primitive = elementwise({
  name: "minimum",
  fn: "min",
  derivative: [
    (g, s) => select(less(at(s.ins, 0), at(s.ins, 1)), g, zerosLike(g)),
    (g, s) => select(less(at(s.ins, 0), at(s.ins, 1)), zerosLike(g), g),
  ],
  complex: complexMin,
});

/** The remainder has the divisor's sign: a - b·floor(a/b). */
export const remainderP: Primitive = elementwise({
  name: "remainder",
  fn: "rem",
  derivative: [
    (g) => g,
    (g, s) => {
      const a = at(s.ins, 0);
      const b = at(s.ins, 1);
      const whole =
        a.dtype.kind === "float" ? floor(divide(a, b)) : divide(subtract(a, at(s.outs, 0)), b);
      return negative(multiply(g, whole));
    },
  ],
});

export const floorP: Primitive = elementwise({ name: "floor", fn: "floor" });
export const ceilP: Primitive = elementwise({ name: "ceil", fn: "ceil" });
export const truncP: Primitive = elementwise({ name: "trunc", fn: "trunc" });
/** Half to even. */
export const roundP: Primitive = elementwise({ name: "round", fn: "round" });

type Unary = (x: Node) => Node;
type Binary = (a: Node, b: Node) => Node;

export const add: Binary = promoted(addP);
export const subtract: Binary = promoted(subtractP);
export const multiply: Binary = promoted(multiplyP);
export const divide: Binary = promoted(divideP);
export const maximum: Binary = promoted(maximumP);
export const minimum: Binary = promoted(minimumP);
export const remainder: Binary = promoted(remainderP);
export const negative: Unary = unaryOf(negativeP);
export const abs: Unary = unaryOf(absP);
/** -1, 0 or 1; of a complex number z/|z|, which is not flat. */
export const sign: Unary = (x) =>
  x.dtype.kind === "complex" ? direction(x, abs(x)) : bind(signP, [x], undefined);
export const floor: Unary = unaryOf(floorP);
export const ceil: Unary = unaryOf(ceilP);
export const trunc: Unary = unaryOf(truncP);
export const round: Unary = unaryOf(roundP);

/** `x·k` for a number k. */
export const scale = (x: Node, k: number): Node => multiply(x, constantLike(x, k));
/** `x + k` for a number k. */
export const shift = (x: Node, k: number): Node => add(x, constantLike(x, k));

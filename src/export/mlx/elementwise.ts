/** MLX's primitives that compute element by element. */
import { isInteger } from "../../core/dtype.js";
import * as a from "../../ops/arithmetic.js";
import {
  bitwiseAnd,
  bitwiseInvert,
  bitwiseOr,
  bitwiseXor,
  leftShift,
  rightShift,
} from "../../ops/bitwise.js";
import * as compare from "../../ops/compare.js";
import * as convert from "../../ops/convert.js";
import { where } from "../../ops/select.js";
import * as t from "../../ops/transcendental.js";
import * as u from "../../ops/unary.js";
import * as p from "../../primitives/index.js";
import {
  at,
  binary,
  dtype,
  flag,
  type MlxPrimitive,
  oneOf,
  primitive,
  unary,
  wrapped,
} from "./primitive.js";

const same = unary((x) => x);
const bits = {
  and: bitwiseAnd,
  or: bitwiseOr,
  xor: bitwiseXor,
  left: leftShift,
  right: rightShift,
};
const logarithms = { two: t.log2, ten: t.log10, e: t.log };

export const elementwise: Readonly<Record<string, MlxPrimitive>> = {
  Abs: unary(u.abs),
  Add: binary(a.add),
  ArcCos: unary(t.arccos),
  ArcCosh: unary(t.arccosh),
  ArcSin: unary(t.arcsin),
  ArcSinh: unary(t.arcsinh),
  ArcTan: unary(t.arctan),
  ArcTan2: binary(a.arctan2),
  ArcTanh: unary(t.arctanh),
  AsType: primitive([dtype], (ins, [d]) => convert.astype(at(ins, 0), d)),
  BitwiseBinary: primitive([oneOf("and", "or", "xor", "left", "right")], (ins, [how]) =>
    bits[how](at(ins, 0), at(ins, 1)),
  ),
  BitwiseInvert: unary(bitwiseInvert),
  Ceil: unary(u.ceil),
  Conjugate: unary(u.conj),
  Contiguous: same,
  Copy: same,
  Cos: unary(t.cos),
  Cosh: unary(t.cosh),
  Depends: primitive([], (ins, _state, { outs }) =>
    convert.depends(ins.slice(0, outs.length), ins.slice(outs.length)),
  ),
  Divide: binary((x, y) =>
    isInteger(x.dtype) ? wrapped(p.divide(x.node, y.node)) : a.divide(x, y),
  ),
  DivMod: primitive([], (ins) => a.divmod(at(ins, 0), at(ins, 1))),
  Equal: primitive([flag], (ins, [nan]) => {
    const [x, y] = [at(ins, 0), at(ins, 1)];
    const equal = compare.equal(x, y);
    return nan
      ? compare.logicalOr(equal, compare.logicalAnd(compare.isnan(x), compare.isnan(y)))
      : equal;
  }),
  Erf: unary(t.erf),
  ErfInv: unary(t.erfinv),
  Exp: unary(t.exp),
  Expm1: unary(t.expm1),
  Floor: unary(u.floor),
  // Rounds integers down, which the operation of that name does not.
  FloorDivide: binary((x, y) => a.divmod(x, y)[0]),
  Full: same,
  Greater: binary(compare.greater),
  GreaterEqual: binary(compare.greaterEqual),
  Imag: unary(u.imag),
  Less: binary(compare.less),
  LessEqual: binary(compare.lessEqual),
  Log: primitive([oneOf("two", "ten", "e")], (ins, [base]) => logarithms[base](at(ins, 0))),
  Log1p: unary(t.log1p),
  LogAddExp: binary(a.logaddexp),
  LogicalAnd: binary(compare.logicalAnd),
  LogicalNot: unary(compare.logicalNot),
  LogicalOr: binary(compare.logicalOr),
  Maximum: binary(a.maximum),
  Minimum: binary(a.minimum),
  Multiply: binary(a.multiply),
  Negative: unary(u.negative),
  NotEqual: binary(compare.notEqual),
  Power: binary(a.power),
  Real: unary(u.real),
  Remainder: binary(a.remainder),
  Round: unary((x) => u.round(x)),
  Select: primitive([], (ins) => where(at(ins, 0), at(ins, 1), at(ins, 2))),
  Sigmoid: unary(t.sigmoid),
  Sign: unary(u.sign),
  Sin: unary(t.sin),
  Sinh: unary(t.sinh),
  Sqrt: primitive([flag], (ins, [reciprocal]) =>
    reciprocal ? t.rsqrt(at(ins, 0)) : t.sqrt(at(ins, 0)),
  ),
  Square: unary(u.square),
  StopGradient: unary(u.stopGradient),
  Subtract: binary(a.subtract),
  Tan: unary(t.tan),
  Tanh: unary(t.tanh),
};

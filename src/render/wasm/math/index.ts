/** Expansion of the float functions into lane code: vector polynomials where they hold 2 ulp, host math elsewhere. */
import { InternalError } from "../../../core/errors.js";
import type { ScalarOp } from "../../../core/scalar.js";
import type { HostMath, LaneCode, Ref } from "../lane-code.js";
import { acosh, asinh, atanh } from "./area.js";
import { erf, erfinv } from "./erf.js";
import { cosh, exp, expm1, exps, sigmoid, sigmoids, sinh, tanh } from "./exp.js";
import { acos, asin, atan, atan2 } from "./inverse.js";
import { log, log1p, log2, log10 } from "./log.js";
import { pow } from "./power.js";
import { rem, round, rsqrt, sign } from "./rounding.js";
import { cos, sin, tan } from "./trigonometric.js";

/** The instructions on floats that are more than one Wasm instruction. */
export type MathOp = HostMath | "rsqrt" | "sign" | "round";

type Unary = (c: LaneCode, x: Ref) => Ref;
type Binary = (c: LaneCode, x: Ref, y: Ref) => Ref;
type BinaryOp = "pow" | "atan2" | "rem";
type Table = Readonly<Record<Exclude<MathOp, BinaryOp>, Unary> & Record<BinaryOp, Binary>>;

const onHost =
  (fn: Exclude<HostMath, BinaryOp>): Unary =>
  (c, x) =>
    c.host(fn, x);
const onHost2 =
  (fn: BinaryOp): Binary =>
  (c, x, y) =>
    c.host(fn, x, y);

const single: Table = {
  exp,
  expm1,
  sigmoid,
  tanh,
  sinh,
  cosh,
  log: (c, x) => log(c, x),
  log1p,
  log2,
  log10,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  asinh,
  acosh,
  atanh,
  erf,
  erfinv,
  rsqrt,
  sign,
  round,
  pow,
  atan2,
  rem,
};

const double: Table = {
  exp,
  expm1,
  sigmoid,
  tanh,
  sinh,
  cosh,
  log: (c, x) => log(c, x),
  log1p,
  log2,
  log10,
  sin,
  cos,
  tan: onHost("tan"),
  asin: onHost("asin"),
  acos: onHost("acos"),
  atan: onHost("atan"),
  asinh: onHost("asinh"),
  acosh: onHost("acosh"),
  atanh: onHost("atanh"),
  erf: onHost("erf"),
  erfinv: onHost("erfinv"),
  rsqrt,
  sign,
  round,
  pow: onHost2("pow"),
  atan2: onHost2("atan2"),
  rem: onHost2("rem"),
};

/** Whether {@link expand} serves `fn`. */
export const isMathOp = (fn: ScalarOp): fn is MathOp => Object.hasOwn(single, fn);

/** The value of a float function of more than one instruction at `args`, in the lanes of `c`. */
export const expand = (c: LaneCode, fn: ScalarOp, args: readonly Ref[]): Ref => {
  const [x, y] = args;
  const table = c.float === "f32" ? single : double;
  if (!isMathOp(fn)) throw new InternalError(`[${fn}] expected a function with an expansion`);
  if (x === undefined) throw new InternalError(`[${fn}] expected an operand, got none`);
  if (fn !== "pow" && fn !== "atan2" && fn !== "rem") return table[fn](c, x);
  if (y === undefined) throw new InternalError(`[${fn}] expected two operands, got one`);
  return table[fn](c, x, y);
};

/** Functions of several values at once, where that saves branches. */
const together: { readonly [Op in ScalarOp]?: (c: LaneCode, xs: readonly Ref[]) => Ref[] } = {
  exp: exps,
  sigmoid: sigmoids,
};

export const isTogether = (fn: ScalarOp): boolean => Object.hasOwn(together, fn);

/** {@link expand} of a function of one operand at several values. */
export const expandAll = (c: LaneCode, fn: ScalarOp, xs: readonly Ref[]): readonly Ref[] =>
  together[fn]?.(c, xs) ?? xs.map((x) => expand(c, fn, [x]));

/** What each method of NDArray does: it hands itself to the function of its name. */
import type { DType } from "../core/dtype.js";
import type { NDArray } from "../graph/array.js";
import type { Shape } from "../graph/node.js";
import {
  add,
  arctan2,
  divide,
  divmod,
  floorDivide,
  logaddexp,
  maximum,
  minimum,
  multiply,
  power,
  remainder,
  subtract,
} from "./arithmetic.js";
import {
  bitwiseAnd,
  bitwiseInvert,
  bitwiseOr,
  bitwiseXor,
  leftShift,
  rightShift,
} from "./bitwise.js";
import {
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  notEqual,
} from "./compare.js";
import { astype, view } from "./convert.js";
import { type DiagonalOptions, diag, diagonal, type TriangleOptions } from "./diagonal.js";
import type { Index } from "./index-language.js";
import { ArrayAt, getItem, setItem } from "./indexing.js";
import { matmul } from "./matmul.js";
import type { Operand } from "./operand.js";
import {
  type ArgOptions,
  type Axes,
  all,
  any,
  argmax,
  argmin,
  max,
  min,
  prod,
  type ReduceOptions,
  sum,
} from "./reduce.js";
import { cummax, cummin, cumprod, cumsum, logcumsumexp, type ScanOptions } from "./scan.js";
import {
  type AxisOptions,
  broadcastTo,
  expandDims,
  type FlattenOptions,
  flatten,
  moveaxis,
  reshape,
  squeeze,
  swapaxes,
  type TransposeOptions,
  transpose,
  unflatten,
} from "./shape.js";
import { type SplitOptions, split } from "./split.js";
import {
  logsumexp,
  mean,
  type SoftmaxOptions,
  softmax,
  std,
  type VarOptions,
  variance,
} from "./statistics.js";
import {
  arccos,
  arcsin,
  arctan,
  cos,
  cosh,
  erf,
  erfinv,
  exp,
  expm1,
  log,
  log1p,
  log2,
  log10,
  rsqrt,
  sigmoid,
  sin,
  sinh,
  sqrt,
  tan,
  tanh,
} from "./transcendental.js";
import {
  abs,
  ceil,
  conj,
  conjugate,
  floor,
  negative,
  type RoundOptions,
  reciprocal,
  round,
  sign,
  square,
  stopGradient,
} from "./unary.js";

const isList = (x: unknown): x is readonly number[] => Array.isArray(x);

/** The methods, as functions of `this`. */
export const methods = {
  get(this: NDArray, ...index: readonly Index[]): NDArray {
    return getItem(this, index);
  },
  set(this: NDArray, index: Index | readonly Index[], value: Operand): NDArray {
    return setItem(this, index, value);
  },
  at(this: NDArray, ...index: readonly Index[]): ArrayAt {
    return new ArrayAt(this, index);
  },
  reshape(this: NDArray, ...shape: readonly (number | readonly number[])[]): NDArray {
    const [first] = shape;
    return reshape(this, isList(first) ? first : shape.filter((x) => typeof x === "number"));
  },
  transpose(
    this: NDArray,
    ...axes: readonly (number | readonly number[] | null | TransposeOptions)[]
  ): NDArray {
    const [first] = axes;
    if (typeof first !== "number") return transpose(this, first);
    return transpose(
      this,
      axes.filter((x) => typeof x === "number"),
    );
  },
  add(this: NDArray, b: Operand): NDArray {
    return add(this, b);
  },
  subtract(this: NDArray, b: Operand): NDArray {
    return subtract(this, b);
  },
  multiply(this: NDArray, b: Operand): NDArray {
    return multiply(this, b);
  },
  divide(this: NDArray, b: Operand): NDArray {
    return divide(this, b);
  },
  floorDivide(this: NDArray, b: Operand): NDArray {
    return floorDivide(this, b);
  },
  remainder(this: NDArray, b: Operand): NDArray {
    return remainder(this, b);
  },
  power(this: NDArray, b: Operand): NDArray {
    return power(this, b);
  },
  maximum(this: NDArray, b: Operand): NDArray {
    return maximum(this, b);
  },
  minimum(this: NDArray, b: Operand): NDArray {
    return minimum(this, b);
  },
  arctan2(this: NDArray, b: Operand): NDArray {
    return arctan2(this, b);
  },
  logaddexp(this: NDArray, b: Operand): NDArray {
    return logaddexp(this, b);
  },
  divmod(this: NDArray, b: Operand): [NDArray, NDArray] {
    return divmod(this, b);
  },
  bitwiseAnd(this: NDArray, b: Operand): NDArray {
    return bitwiseAnd(this, b);
  },
  bitwiseOr(this: NDArray, b: Operand): NDArray {
    return bitwiseOr(this, b);
  },
  bitwiseXor(this: NDArray, b: Operand): NDArray {
    return bitwiseXor(this, b);
  },
  leftShift(this: NDArray, b: Operand): NDArray {
    return leftShift(this, b);
  },
  rightShift(this: NDArray, b: Operand): NDArray {
    return rightShift(this, b);
  },
  bitwiseInvert(this: NDArray): NDArray {
    return bitwiseInvert(this);
  },
  equal(this: NDArray, b: Operand): NDArray {
    return equal(this, b);
  },
  notEqual(this: NDArray, b: Operand): NDArray {
    return notEqual(this, b);
  },
  less(this: NDArray, b: Operand): NDArray {
    return less(this, b);
  },
  lessEqual(this: NDArray, b: Operand): NDArray {
    return lessEqual(this, b);
  },
  greater(this: NDArray, b: Operand): NDArray {
    return greater(this, b);
  },
  greaterEqual(this: NDArray, b: Operand): NDArray {
    return greaterEqual(this, b);
  },
  logicalAnd(this: NDArray, b: Operand): NDArray {
    return logicalAnd(this, b);
  },
  logicalOr(this: NDArray, b: Operand): NDArray {
    return logicalOr(this, b);
  },
  logicalNot(this: NDArray): NDArray {
    return logicalNot(this);
  },
  abs(this: NDArray): NDArray {
    return abs(this);
  },
  negative(this: NDArray): NDArray {
    return negative(this);
  },
  sign(this: NDArray): NDArray {
    return sign(this);
  },
  square(this: NDArray): NDArray {
    return square(this);
  },
  floor(this: NDArray): NDArray {
    return floor(this);
  },
  ceil(this: NDArray): NDArray {
    return ceil(this);
  },
  conj(this: NDArray): NDArray {
    return conj(this);
  },
  conjugate(this: NDArray): NDArray {
    return conjugate(this);
  },
  reciprocal(this: NDArray): NDArray {
    return reciprocal(this);
  },
  stopGradient(this: NDArray): NDArray {
    return stopGradient(this);
  },
  round(this: NDArray, decimals?: number | RoundOptions, options?: RoundOptions): NDArray {
    return round(this, decimals, options);
  },
  sqrt(this: NDArray): NDArray {
    return sqrt(this);
  },
  rsqrt(this: NDArray): NDArray {
    return rsqrt(this);
  },
  exp(this: NDArray): NDArray {
    return exp(this);
  },
  expm1(this: NDArray): NDArray {
    return expm1(this);
  },
  log(this: NDArray): NDArray {
    return log(this);
  },
  log2(this: NDArray): NDArray {
    return log2(this);
  },
  log10(this: NDArray): NDArray {
    return log10(this);
  },
  log1p(this: NDArray): NDArray {
    return log1p(this);
  },
  sin(this: NDArray): NDArray {
    return sin(this);
  },
  cos(this: NDArray): NDArray {
    return cos(this);
  },
  tan(this: NDArray): NDArray {
    return tan(this);
  },
  sinh(this: NDArray): NDArray {
    return sinh(this);
  },
  cosh(this: NDArray): NDArray {
    return cosh(this);
  },
  tanh(this: NDArray): NDArray {
    return tanh(this);
  },
  arcsin(this: NDArray): NDArray {
    return arcsin(this);
  },
  arccos(this: NDArray): NDArray {
    return arccos(this);
  },
  arctan(this: NDArray): NDArray {
    return arctan(this);
  },
  sigmoid(this: NDArray): NDArray {
    return sigmoid(this);
  },
  erf(this: NDArray): NDArray {
    return erf(this);
  },
  erfinv(this: NDArray): NDArray {
    return erfinv(this);
  },
  view(this: NDArray, dtype: DType): NDArray {
    return view(this, dtype);
  },
  astype(this: NDArray, dtype: DType): NDArray {
    return astype(this, dtype);
  },
  sum(this: NDArray, axis?: Axes | ReduceOptions, options?: ReduceOptions): NDArray {
    return sum(this, axis, options);
  },
  prod(this: NDArray, axis?: Axes | ReduceOptions, options?: ReduceOptions): NDArray {
    return prod(this, axis, options);
  },
  max(this: NDArray, axis?: Axes | ReduceOptions, options?: ReduceOptions): NDArray {
    return max(this, axis, options);
  },
  min(this: NDArray, axis?: Axes | ReduceOptions, options?: ReduceOptions): NDArray {
    return min(this, axis, options);
  },
  all(this: NDArray, axis?: Axes | ReduceOptions, options?: ReduceOptions): NDArray {
    return all(this, axis, options);
  },
  any(this: NDArray, axis?: Axes | ReduceOptions, options?: ReduceOptions): NDArray {
    return any(this, axis, options);
  },
  argmax(this: NDArray, axis?: number | null | ArgOptions, options?: ArgOptions): NDArray {
    return argmax(this, axis, options);
  },
  argmin(this: NDArray, axis?: number | null | ArgOptions, options?: ArgOptions): NDArray {
    return argmin(this, axis, options);
  },
  mean(this: NDArray, axis?: Axes | ReduceOptions, options?: ReduceOptions): NDArray {
    return mean(this, axis, options);
  },
  logsumexp(this: NDArray, axis?: Axes | ReduceOptions, options?: ReduceOptions): NDArray {
    return logsumexp(this, axis, options);
  },
  std(this: NDArray, axis?: Axes | VarOptions, options?: VarOptions): NDArray {
    return std(this, axis, options);
  },
  softmax(this: NDArray, axis?: Axes | SoftmaxOptions, options?: SoftmaxOptions): NDArray {
    return softmax(this, axis, options);
  },
  cumsum(this: NDArray, axis?: number | null | ScanOptions, options?: ScanOptions): NDArray {
    return cumsum(this, axis, options);
  },
  cumprod(this: NDArray, axis?: number | null | ScanOptions, options?: ScanOptions): NDArray {
    return cumprod(this, axis, options);
  },
  cummax(this: NDArray, axis?: number | null | ScanOptions, options?: ScanOptions): NDArray {
    return cummax(this, axis, options);
  },
  cummin(this: NDArray, axis?: number | null | ScanOptions, options?: ScanOptions): NDArray {
    return cummin(this, axis, options);
  },
  logcumsumexp(this: NDArray, axis?: number | null | ScanOptions, options?: ScanOptions): NDArray {
    return logcumsumexp(this, axis, options);
  },
  flatten(
    this: NDArray,
    startAxis?: number | FlattenOptions,
    endAxis?: number | FlattenOptions,
  ): NDArray {
    return flatten(this, startAxis, endAxis);
  },
  unflatten(this: NDArray, axis: number, shape: Shape): NDArray {
    return unflatten(this, axis, shape);
  },
  squeeze(this: NDArray, axis?: number | readonly number[] | null | AxisOptions): NDArray {
    return squeeze(this, axis);
  },
  expandDims(this: NDArray, axis: number | readonly number[] | AxisOptions): NDArray {
    return expandDims(this, axis);
  },
  swapaxes(this: NDArray, axis1: number, axis2: number): NDArray {
    return swapaxes(this, axis1, axis2);
  },
  moveaxis(this: NDArray, source: number, destination: number): NDArray {
    return moveaxis(this, source, destination);
  },
  broadcastTo(this: NDArray, shape: number | Shape): NDArray {
    return broadcastTo(this, shape);
  },
  split(
    this: NDArray,
    indicesOrSections: number | readonly number[],
    axis?: number | SplitOptions,
  ): NDArray[] {
    return split(this, indicesOrSections, axis);
  },
  diag(this: NDArray, k?: number | TriangleOptions): NDArray {
    return diag(this, k);
  },
  diagonal(this: NDArray, offset?: number | DiagonalOptions, options?: DiagonalOptions): NDArray {
    return diagonal(this, offset, options);
  },
  matmul(this: NDArray, b: Operand): NDArray {
    return matmul(this, b);
  },
  sub(this: NDArray, b: Operand): NDArray {
    return subtract(this, b);
  },
  mul(this: NDArray, b: Operand): NDArray {
    return multiply(this, b);
  },
  div(this: NDArray, b: Operand): NDArray {
    return divide(this, b);
  },
  neg(this: NDArray): NDArray {
    return negative(this);
  },
  pow(this: NDArray, b: Operand): NDArray {
    return power(this, b);
  },
  var(this: NDArray, axis?: Axes | VarOptions, options?: VarOptions): NDArray {
    return variance(this, axis, options);
  },
};

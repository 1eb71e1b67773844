/** Operations as methods of NDArray; importing this file is what puts them there. */
import type { DType } from "../core/dtype.js";
import { IndexError } from "../core/errors.js";
import { NDArray } from "../graph/array.js";
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
  type SplitOptions,
  split,
  squeeze,
  swapaxes,
  type TransposeOptions,
  transpose,
  unflatten,
} from "./shape.js";
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
  imag,
  negative,
  type RoundOptions,
  real,
  reciprocal,
  round,
  sign,
  square,
  stopGradient,
} from "./unary.js";

declare module "../graph/array.js" {
  interface NDArray {
    /** All axes reversed. */
    readonly T: NDArray;
    /** Real part; the array itself when it is real. */
    readonly real: NDArray;
    /** Imaginary part; zeros when the array is real. */
    readonly imag: NDArray;
    /** `a[index]`: positions, slices, `"..."`, null for a new axis, arrays and lists of positions, or one string of these. */
    get(...index: readonly Index[]): NDArray;
    /** `a[index] = value`, in place: this handle stands for the new values. A list is a list of components. */
    set(index: Index | readonly Index[], value: Operand): this;
    /** Functional updates: `a.at(index).add(value)` is a new array. */
    at(...index: readonly Index[]): ArrayAt;
    /** {@link mx.reshape}; lengths one by one or as a list. */
    reshape(shape: Shape): NDArray;
    reshape(...shape: readonly number[]): NDArray;
    /** {@link mx.transpose}; axes one by one or as a list, none to reverse them. */
    transpose(axes?: readonly number[] | null | TransposeOptions): NDArray;
    transpose(...axes: readonly number[]): NDArray;
    /** The arrays along axis 0. */
    [Symbol.iterator](): IterableIterator<NDArray>;
    /** {@link mx.add} of this array. */
    add(b: Operand): NDArray;
    /** {@link mx.subtract} of this array. */
    subtract(b: Operand): NDArray;
    /** {@link mx.multiply} of this array. */
    multiply(b: Operand): NDArray;
    /** {@link mx.divide} of this array. */
    divide(b: Operand): NDArray;
    /** {@link mx.floorDivide} of this array. */
    floorDivide(b: Operand): NDArray;
    /** {@link mx.remainder} of this array. */
    remainder(b: Operand): NDArray;
    /** {@link mx.power} of this array. */
    power(b: Operand): NDArray;
    /** {@link mx.maximum} of this array. */
    maximum(b: Operand): NDArray;
    /** {@link mx.minimum} of this array. */
    minimum(b: Operand): NDArray;
    /** {@link mx.arctan2} of this array. */
    arctan2(b: Operand): NDArray;
    /** {@link mx.logaddexp} of this array. */
    logaddexp(b: Operand): NDArray;
    /** {@link mx.divmod} of this array. */
    divmod(b: Operand): [NDArray, NDArray];
    /** {@link mx.bitwiseAnd} of this array. */
    bitwiseAnd(b: Operand): NDArray;
    /** {@link mx.bitwiseOr} of this array. */
    bitwiseOr(b: Operand): NDArray;
    /** {@link mx.bitwiseXor} of this array. */
    bitwiseXor(b: Operand): NDArray;
    /** {@link mx.leftShift} of this array. */
    leftShift(b: Operand): NDArray;
    /** {@link mx.rightShift} of this array. */
    rightShift(b: Operand): NDArray;
    /** {@link mx.bitwiseInvert} of this array. */
    bitwiseInvert(): NDArray;
    /** {@link mx.equal} of this array. */
    equal(b: Operand): NDArray;
    /** {@link mx.notEqual} of this array. */
    notEqual(b: Operand): NDArray;
    /** {@link mx.less} of this array. */
    less(b: Operand): NDArray;
    /** {@link mx.lessEqual} of this array. */
    lessEqual(b: Operand): NDArray;
    /** {@link mx.greater} of this array. */
    greater(b: Operand): NDArray;
    /** {@link mx.greaterEqual} of this array. */
    greaterEqual(b: Operand): NDArray;
    /** {@link mx.logicalAnd} of this array. */
    logicalAnd(b: Operand): NDArray;
    /** {@link mx.logicalOr} of this array. */
    logicalOr(b: Operand): NDArray;
    /** {@link mx.logicalNot} of this array. */
    logicalNot(): NDArray;
    /** {@link mx.abs} of this array. */
    abs(): NDArray;
    /** {@link mx.negative} of this array. */
    negative(): NDArray;
    /** {@link mx.sign} of this array. */
    sign(): NDArray;
    /** {@link mx.square} of this array. */
    square(): NDArray;
    /** {@link mx.floor} of this array. */
    floor(): NDArray;
    /** {@link mx.ceil} of this array. */
    ceil(): NDArray;
    /** {@link mx.conj} of this array. */
    conj(): NDArray;
    /** {@link mx.conjugate} of this array. */
    conjugate(): NDArray;
    /** {@link mx.reciprocal} of this array. */
    reciprocal(): NDArray;
    /** {@link mx.stopGradient} of this array. */
    stopGradient(): NDArray;
    /** {@link mx.round} of this array. */
    round(decimals?: number | RoundOptions, options?: RoundOptions): NDArray;
    /** {@link mx.sqrt} of this array. */
    sqrt(): NDArray;
    /** {@link mx.rsqrt} of this array. */
    rsqrt(): NDArray;
    /** {@link mx.exp} of this array. */
    exp(): NDArray;
    /** {@link mx.expm1} of this array. */
    expm1(): NDArray;
    /** {@link mx.log} of this array. */
    log(): NDArray;
    /** {@link mx.log2} of this array. */
    log2(): NDArray;
    /** {@link mx.log10} of this array. */
    log10(): NDArray;
    /** {@link mx.log1p} of this array. */
    log1p(): NDArray;
    /** {@link mx.sin} of this array. */
    sin(): NDArray;
    /** {@link mx.cos} of this array. */
    cos(): NDArray;
    /** {@link mx.tan} of this array. */
    tan(): NDArray;
    /** {@link mx.sinh} of this array. */
    sinh(): NDArray;
    /** {@link mx.cosh} of this array. */
    cosh(): NDArray;
    /** {@link mx.tanh} of this array. */
    tanh(): NDArray;
    /** {@link mx.arcsin} of this array. */
    arcsin(): NDArray;
    /** {@link mx.arccos} of this array. */
    arccos(): NDArray;
    /** {@link mx.arctan} of this array. */
    arctan(): NDArray;
    /** {@link mx.sigmoid} of this array. */
    sigmoid(): NDArray;
    /** {@link mx.erf} of this array. */
    erf(): NDArray;
    /** {@link mx.erfinv} of this array. */
    erfinv(): NDArray;
    /** {@link mx.view} of this array. */
    view(dtype: DType): NDArray;
    /** {@link mx.astype} of this array. */
    astype(dtype: DType): NDArray;
    /** {@link mx.sum} of this array. */
    sum(axis?: Axes | ReduceOptions, options?: ReduceOptions): NDArray;
    /** {@link mx.prod} of this array. */
    prod(axis?: Axes | ReduceOptions, options?: ReduceOptions): NDArray;
    /** {@link mx.max} of this array. */
    max(axis?: Axes | ReduceOptions, options?: ReduceOptions): NDArray;
    /** {@link mx.min} of this array. */
    min(axis?: Axes | ReduceOptions, options?: ReduceOptions): NDArray;
    /** {@link mx.all} of this array. */
    all(axis?: Axes | ReduceOptions, options?: ReduceOptions): NDArray;
    /** {@link mx.any} of this array. */
    any(axis?: Axes | ReduceOptions, options?: ReduceOptions): NDArray;
    /** {@link mx.argmax} of this array. */
    argmax(axis?: number | null | ArgOptions, options?: ArgOptions): NDArray;
    /** {@link mx.argmin} of this array. */
    argmin(axis?: number | null | ArgOptions, options?: ArgOptions): NDArray;
    /** {@link mx.mean} of this array. */
    mean(axis?: Axes | ReduceOptions, options?: ReduceOptions): NDArray;
    /** {@link mx.logsumexp} of this array. */
    logsumexp(axis?: Axes | ReduceOptions, options?: ReduceOptions): NDArray;
    /** {@link mx.std} of this array. */
    std(axis?: Axes | VarOptions, options?: VarOptions): NDArray;
    /** {@link mx.softmax} of this array. */
    softmax(axis?: Axes | SoftmaxOptions, options?: SoftmaxOptions): NDArray;
    /** {@link mx.cumsum} of this array. */
    cumsum(axis?: number | null | ScanOptions, options?: ScanOptions): NDArray;
    /** {@link mx.cumprod} of this array. */
    cumprod(axis?: number | null | ScanOptions, options?: ScanOptions): NDArray;
    /** {@link mx.cummax} of this array. */
    cummax(axis?: number | null | ScanOptions, options?: ScanOptions): NDArray;
    /** {@link mx.cummin} of this array. */
    cummin(axis?: number | null | ScanOptions, options?: ScanOptions): NDArray;
    /** {@link mx.logcumsumexp} of this array. */
    logcumsumexp(axis?: number | null | ScanOptions, options?: ScanOptions): NDArray;
    /** {@link mx.flatten} of this array. */
    flatten(startAxis?: number | FlattenOptions, endAxis?: number | FlattenOptions): NDArray;
    /** {@link mx.unflatten} of this array. */
    unflatten(axis: number, shape: Shape): NDArray;
    /** {@link mx.squeeze} of this array. */
    squeeze(axis?: number | readonly number[] | null | AxisOptions): NDArray;
    /** {@link mx.expandDims} of this array. */
    expandDims(axis: number | readonly number[] | AxisOptions): NDArray;
    /** {@link mx.swapaxes} of this array. */
    swapaxes(axis1: number, axis2: number): NDArray;
    /** {@link mx.moveaxis} of this array. */
    moveaxis(source: number, destination: number): NDArray;
    /** {@link mx.broadcastTo} of this array. */
    broadcastTo(shape: number | Shape): NDArray;
    /** {@link mx.split} of this array. */
    split(indicesOrSections: number | readonly number[], axis?: number | SplitOptions): NDArray[];
    /** {@link mx.diag} of this array. */
    diag(k?: number | TriangleOptions): NDArray;
    /** {@link mx.diagonal} of this array. */
    diagonal(offset?: number | DiagonalOptions, options?: DiagonalOptions): NDArray;
    /** {@link mx.matmul} of this array. */
    matmul(b: Operand): NDArray;
    /** Short for subtract. */
    sub(b: Operand): NDArray;
    /** Short for multiply. */
    mul(b: Operand): NDArray;
    /** Short for divide. */
    div(b: Operand): NDArray;
    /** Short for negative. */
    neg(): NDArray;
    /** Short for power. */
    pow(b: Operand): NDArray;
    /** Variance over axes. */
    var(axis?: Axes | VarOptions, options?: VarOptions): NDArray;
  }
}

const isList = (x: unknown): x is readonly number[] => Array.isArray(x);

const methods = {
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
  *[Symbol.iterator](this: NDArray): IterableIterator<NDArray> {
    if (this.ndim === 0)
      throw new IndexError("[iterate] expected an array with an axis, got a 0-d array: use item()");
    for (let i = 0; i < (this.shape[0] ?? 0); i++) yield getItem(this, [i]);
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

for (const name of Reflect.ownKeys(methods)) {
  const value: unknown = Reflect.get(methods, name);
  Object.defineProperty(NDArray.prototype, name, { value, configurable: true, writable: true });
}

const getter = (name: string, get: (this: NDArray) => NDArray): void => {
  Object.defineProperty(NDArray.prototype, name, { get, configurable: true });
};

getter("T", function () {
  return transpose(this);
});
getter("real", function () {
  return real(this);
});
getter("imag", function () {
  return imag(this);
});

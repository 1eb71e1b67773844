/** Operations as methods of NDArray; importing this file is what puts them there. */
import type { DType } from "../core/dtype.js";
import { IndexError } from "../core/errors.js";
import { NDArray } from "../graph/array.js";
import type { Shape } from "../graph/node.js";
import type { DiagonalOptions, TriangleOptions } from "./diagonal.js";
import type { Index } from "./index-language.js";
import { type ArrayAt, getItem } from "./indexing.js";
import { methods } from "./method-table.js";
import type { Operand } from "./operand.js";
import type { ArgOptions, Axes, ReduceOptions } from "./reduce.js";
import type { ScanOptions } from "./scan.js";
import {
  type AxisOptions,
  type FlattenOptions,
  type TransposeOptions,
  transpose,
} from "./shape.js";
import type { SplitOptions } from "./split.js";
import type { SoftmaxOptions, VarOptions } from "./statistics.js";
import { imag, type RoundOptions, real } from "./unary.js";

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

Object.defineProperty(NDArray.prototype, Symbol.iterator, {
  *value(this: NDArray): IterableIterator<NDArray> {
    if (this.ndim === 0) {
      throw new IndexError("[iterate] expected an array with an axis, got a 0-d array: use item()");
    }
    for (let i = 0; i < (this.shape[0] ?? 0); i++) yield getItem(this, [i]);
  },
  configurable: true,
  writable: true,
});

/**
 * Kernel IR: a set of axes and a DAG of scalar values over them. A value's domain (the axes it varies over) is derived
 * from its operands; loops, stages, scratch and hoisting follow from the domains.
 */
import type { DType } from "../core/dtype.js";
import type { Combine, ComputeType, ScalarOp } from "../core/scalar.js";

/** Bit set of axes, at most 30. */
export type Mask = number;
/** Position of a value in `Kernel.vals`; operands always come before their users. */
export type ValId = number;
/** grid axes are split over tiles and threads; row axes are looped over inside; contract axes belong to the one contraction. */
export type Role = "grid" | "row" | "contract";

/** Axes are listed outermost first, grid before row before contract. */
export interface Axis {
  readonly size: number;
  readonly role: Role;
}

/** An integer expression over axes and values, in elements. */
export type Ix =
  | {
      readonly k: "affine";
      readonly off: number;
      readonly terms: readonly (readonly [axis: number, stride: number])[];
    }
  /** (of div by) · stride, or (of mod by) · stride; `of` is never negative. */
  | { readonly k: "div" | "mod"; readonly of: Ix; readonly by: number; readonly stride: number }
  | { readonly k: "sum"; readonly of: readonly Ix[] }
  /** An i32 value (already wrapped and clamped by an `index` value) times a stride. */
  | { readonly k: "value"; readonly of: ValId; readonly stride: number };

/** Holds where lo <= ix < hi. */
export interface Guard {
  readonly ix: Ix;
  readonly lo: number;
  readonly hi: number;
}

/**
 * A buffer argument in its storage dtype. complex64 buffers are seen as float32 with twice the elements.
 * `partial` buffers receive one row per slab of grid points from terminal reductions: those over the whole grid or, where
 * there is a contraction, over some grid axes of what follows it.
 */
export interface Buf {
  readonly storage: DType;
  readonly access: "read" | "write" | "partial";
}

/** What a value is, its type aside. */
type Form =
  /** Widened to the compute type. Where a guard fails nothing is read and the value is `fill`. */
  | {
      readonly op: "load";
      readonly buf: number;
      readonly ix: Ix;
      readonly guards: readonly Guard[];
      readonly fill: number;
    }
  | { readonly op: "const"; readonly value: number | bigint }
  /** Argument `index` of the kernel: a scalar known when it is called. */
  | { readonly op: "param"; readonly index: number }
  /** The i32 value of an index expression. */
  | { readonly op: "coord"; readonly ix: Ix }
  /** A bool: all guards hold. */
  | { readonly op: "within"; readonly guards: readonly Guard[] }
  /** An i32 in [0, size): a negative operand wraps once; out of range is clamped and raises `code`. */
  | { readonly op: "index"; readonly in: ValId; readonly size: number; readonly code: number }
  | { readonly op: "scalar"; readonly fn: ScalarOp; readonly in: readonly ValId[] }
  /** For argmax/argmin `at` is the position to report (an i32/u32 value); the result is u32. */
  | {
      readonly op: "reduce";
      readonly how: Combine;
      readonly in: ValId;
      readonly over: Mask;
      readonly at: ValId | null;
    }
  /** Sum of a·b over contract axes. At most one per kernel. */
  | { readonly op: "contract"; readonly a: ValId; readonly b: ValId; readonly over: Mask };

export type Val = { readonly dtype: ComputeType } & Form;

/**
 * Writes `value`, narrowed to the buffer's storage dtype, at `ix`, for every point of `over`: the axes it runs over
 * (its value may vary over fewer). Stores of one kernel cover disjoint elements.
 */
export interface Store {
  readonly buf: number;
  readonly ix: Ix;
  readonly value: ValId;
  readonly over: Mask;
}

/**
 * The size of axis 0, when it is a grid axis, is an argument of the rendered code and not part of its identity;
 * every other number is.
 */
export interface Kernel {
  readonly axes: readonly Axis[];
  readonly bufs: readonly Buf[];
  /** Types of the scalar arguments. */
  readonly params: readonly ComputeType[];
  readonly vals: readonly Val[];
  readonly stores: readonly Store[];
}

/** Number of grid points that share one row of a `partial` buffer; fixed, so that results do not depend on threads. */
export const slabRows = 64;

export const isKernel = (p: Kernel | { readonly routine: string }): p is Kernel => "vals" in p;

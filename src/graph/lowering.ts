/** How a primitive tells the scheduler what it computes: views, scalar expressions, reductions, contractions, routines. */

import type { Routine } from "../core/routine.js";
import type { Combine, ScalarOp, Scalars } from "../core/scalar.js";
import type { Kernel } from "../kernel/ir.js";
import type { Control } from "./control.js";
import type { Aval, Node } from "./node.js";

/**
 * An index transform, read from output to input; it costs nothing when folded into a consumer.
 * - broadcast: input dimension `i` is output dimension `dims[i]`; input dimensions of size 1 are repeated
 * - reshape: same elements in row-major order
 * - permute: output dimension `d` is input dimension `axes[d]`
 * - slice: output `i` reads input `start + i * step` per dimension (`step` may be negative, never 0)
 * - pad: output `i` reads input `(i - low) / (interior + 1)` where that is a whole number in range, else zero
 * - window: output dimensions `axis` and `axis + 1`, at `i` and `j`, read input `i * stride + j * dilation` of `axis`
 */
export type View =
  | { readonly op: "broadcast"; readonly dims: readonly number[] }
  | { readonly op: "reshape" }
  | { readonly op: "permute"; readonly axes: readonly number[] }
  | { readonly op: "slice"; readonly start: readonly number[]; readonly step: readonly number[] }
  | { readonly op: "pad"; readonly low: readonly number[]; readonly interior: readonly number[] }
  | {
      readonly op: "window";
      readonly axis: number;
      readonly stride: number;
      readonly dilation: number;
    };

/** A complex value during lowering is its two parts; a real one has only `re`. */
export interface Parts<V> {
  readonly re: V;
  readonly im: V | null;
}

/** What an expression lowering may ask for beside its operands. */
export interface Position<V> {
  /** This element's index along output dimension `d`, an i32. */
  coordinate(d: number): V;
  /** This element's row-major position among dimensions `from`..end of the output, an i32. */
  flat(from: number): V;
  /** `value` (an integer) as a safe i32 index below `size`: negative wraps once; out of range clamps and raises a fault. */
  index(value: V, size: number): V;
  /** The element of operand `i` at per-dimension positions (one i32 each; must be in range), converted to parts. */
  element(operand: number, at: readonly V[]): Parts<V>;
}

export type Lowering<A> =
  /** The output is operand `input` itself: stop_gradient, copies inside transforms. */
  | { readonly kind: "alias"; input(attrs: A, out: number): number }
  | { readonly kind: "view"; view(attrs: A, input: Aval, output: Aval): View }
  /**
   * Elementwise on operands of the output's shape: one instruction on their compute types; `complex` says what it does
   * on complex operands, where it is defined there.
   */
  | {
      readonly kind: "scalar";
      readonly fn: Exclude<ScalarOp, "cast" | "bitcast">;
      readonly complex?: (s: Scalars<unknown>, ins: readonly Parts<unknown>[]) => Parts<unknown>;
    }
  /** Elementwise on operands of the output's shape, as an expression of instructions (cast, real, imag, composites). */
  | {
      readonly kind: "expression";
      emit(
        s: Scalars<unknown>,
        ins: readonly Parts<unknown>[],
        attrs: A,
        operands: readonly Aval[],
        out: Aval,
      ): Parts<unknown>;
    }
  /** A scalar constant repeated over the output's shape. Its value is an argument of the kernel, not part of its code. */
  | {
      readonly kind: "constant";
      value(attrs: A): number | bigint | boolean | { readonly re: number; readonly im: number };
    }
  /** Computed from the position, reading operands at computed places: iota, random bits, gather. */
  | {
      readonly kind: "indexed";
      emit(
        s: Scalars<unknown>,
        at: Position<unknown>,
        attrs: A,
        operands: readonly Aval[],
        out: Aval,
      ): Parts<unknown>;
    }
  /** Combines over `axes(attrs)` of operand 0; those dimensions stay with size 1 when `keepdims(attrs)`, else disappear. */
  | { readonly kind: "reduce"; readonly how: Combine; axes(attrs: A): readonly number[] }
  /** Operands [...batch, m, k] and [...batch, k, n] of equal batch shape, real: result [...batch, m, n]. */
  | { readonly kind: "contract" }
  /** Operands laid one after another along an axis. */
  | { readonly kind: "concatenate"; axis(attrs: A): number }
  /** No kernel of its own, though it has its own derivatives: other primitives compute it. */
  | { readonly kind: "composition"; decompose(ins: readonly Node[], attrs: A): readonly Node[] }
  /** A hand-written kernel over whole contiguous operands. */
  | { readonly kind: "routine"; describe(attrs: A, operands: readonly Aval[]): Routine }
  /** A loop or a branch over recorded graphs. */
  | { readonly kind: "control"; describe(attrs: A): Control }
  /** Kernels written elsewhere, run one after the other on whole contiguous operands and results. */
  | { readonly kind: "kernels"; describe(attrs: A): readonly GivenKernel[] };

/** A kernel, and its buffers among the operands and, behind them, the results. */
export interface GivenKernel {
  readonly kernel: Kernel;
  readonly buffers: readonly number[];
}

/** Collects what makes two attribute values compute differently, for structural keys of the kernel cache. */
export interface KeySink {
  int(value: number): void;
  ints(values: readonly number[]): void;
  /** Any string; slower than the others. */
  text(value: string): void;
}

export type { Combine, ScalarOp, Scalars };

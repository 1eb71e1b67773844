/** Kernels that are not expressions over a domain: loops with carried state, written by hand per renderer. */
import type { DType } from "../core/dtype.js";

/** How scattered values meet what is there. */
export type ScatterMode = "replace" | "add" | "prod" | "max" | "min";

/**
 * All operands are contiguous, row-major. Buffers in order: inputs, then outputs.
 * - scatter: buffers base, updates, index arrays (int32, one per entry of `axes`), out. `out` = base with, for each of
 *   `count` index tuples in order, the block of `slice` sizes of updates placed at the tuple (zero on other axes).
 *   Negative indices wrap; out of range is skipped and raises fault `code`.
 * - scan: buffers x, out; shape [outer, length, inner]; running combination along the middle axis.
 * - sort: buffers x, values, indices (uint32); shape [outer, length, inner]; stable, NaN last.
 */
export type Routine =
  | {
      readonly routine: "scatter";
      readonly dtype: DType;
      readonly shape: readonly number[];
      readonly axes: readonly number[];
      readonly slice: readonly number[];
      readonly count: number;
      readonly mode: ScatterMode;
      readonly code: number;
    }
  | {
      readonly routine: "scan";
      readonly dtype: DType;
      readonly how: "sum" | "prod" | "max" | "min";
      readonly outer: number;
      readonly length: number;
      readonly inner: number;
      readonly reverse: boolean;
      readonly exclusive: boolean;
    }
  | {
      readonly routine: "sort";
      readonly dtype: DType;
      readonly outer: number;
      readonly length: number;
      readonly inner: number;
    };

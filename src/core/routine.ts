/** Kernels that are not expressions over a domain: loops with carried state, written by hand per renderer. */
import type { DType } from "../core/dtype.js";

/** How scattered values meet what is there. */
export type ScatterMode = "replace" | "add" | "prod" | "max" | "min";

/** Factorisations and solutions of stacks of matrices, see {@link Routine}. */
export type MatrixRoutine =
  | "cholesky"
  | "lu"
  | "solve"
  | "triangular"
  | "inverse"
  | "qr"
  | "eigh"
  | "eigvalsh"
  | "eig"
  | "eigvals"
  | "svd"
  | "svdvals";

/**
 * Transforms of `outer` · `inner` lines that lie along the middle axis of [outer, length, inner], X_k = scale · Σ over j of
 * x_j · e^(∓2πi·j·k/n), of `n` points.
 * - forward, inverse: complex64 lines of n points; the exponent is negative in forward, positive in inverse
 * - real: n float32 to the first ⌊n/2⌋ + 1 of the forward transform (complex64)
 * - half: such coefficients to n float32, the real part of the inverse transform over them, the others counted as zero
 * With `doubled` all coefficients but the first and, where n is even, the last, count twice: they stand for their
 * conjugates too.
 */
export interface FourierSizes {
  readonly dtype: DType;
  readonly what: "forward" | "inverse" | "real" | "half";
  readonly n: number;
  readonly outer: number;
  readonly inner: number;
  readonly scale: number;
  readonly doubled: boolean;
}

/**
 * Attention: queries [outer, batch, heads, queries, depth], keys [outer, batch, keyHeads, keys, depth] and values
 * [outer, batch, keyHeads, keys, width]; head h reads key head h / (heads / keyHeads). Scores are scale · q · k, seen
 * through the masks: what a causal or boolean mask hides is the lowest finite float32, another mask is added.
 */
export interface AttentionSizes {
  readonly dtype: DType;
  readonly outer: number;
  readonly batch: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly queries: number;
  readonly keys: number;
  readonly depth: number;
  readonly width: number;
  readonly scale: number;
  /** A query sees keys up to its own position, the last query the last key. */
  readonly causal: boolean;
  /** Of shape [outer, …shape], the axes of size 1 repeated over [batch, heads, queries, keys]. */
  readonly mask: { readonly dtype: DType; readonly shape: readonly number[] } | null;
}

/** How elements and the scales of their groups are written. */
export type QuantizationMode = "affine" | "mxfp4" | "mxfp8" | "nvfp4";

/** A quantization format: numbers of `bits` bits, `groupSize` neighbours under one scale. */
export interface QuantizedFormat {
  readonly mode: QuantizationMode;
  readonly groupSize: number;
  readonly bits: number;
}

/**
 * Products of `count` matrices x [rows, depth] with quantized ones: with wᵀ of w [columns, depth] where `transpose`, else
 * with w [depth, columns]; groups lie along the rows of w. There are `matrices` quantized ones, as many as products
 * unless `picks` say which takes part; all of that `outer` times.
 */
export interface QuantizedSizes {
  readonly format: QuantizedFormat;
  /** Of x and of the result: float32 or a half. */
  readonly dtype: DType;
  /** Of scales: uint8, or with biases a floating one. */
  readonly scales: DType;
  readonly transpose: boolean;
  readonly outer: number;
  readonly count: number;
  readonly matrices: number;
  readonly picks: boolean;
  readonly rows: number;
  readonly depth: number;
  readonly columns: number;
}

/**
 * All operands are contiguous, row-major. Buffers in order: inputs, then outputs.
 * - scatter: buffers base, updates, index arrays (int32, one per entry of `axes`), out. `out` = base with, for each of
 *   `count` index tuples in order, the block of `slice` sizes of updates placed at the tuple (zero on other axes).
 *   Negative indices wrap; out of range is skipped and raises fault `code`.
 * - scan: buffers x, out; shape [outer, length, inner]; running combination along the middle axis.
 * - sort: buffers x, values, indices (uint32); shape [outer, length, inner]; stable, NaN last. With `only` one of the
 *   results, there is only its buffer; real values alone are sorted with −0 before 0. With `kth`
 *   only the element of that place is sure to be where sorting puts it, none before it greater, none after it smaller.
 * - matrix: `count` matrices `a`, m×n, row-major, one behind the other. Complex dtypes have real eigenvalues of Hermitian
 *   and real singular values in the real dtype of their parts; eigenvalues and eigenvectors of `eig` are complex64.
 *   Raises fault `code` where there is no result, or goes on with infinities and NaN where `code` is 0.
 *   - cholesky: a, l
 *   - lu: a, packed factors, pivots (uint32, min(m, n)), order of rows (uint32, m)
 *   - solve, triangular: a, b (n×k), x; `option`: the upper triangle of `a` is read, else the lower
 *   - inverse: a, x
 *   - qr: a, q (m×min), r (min×n)
 *   - eigh, eig: a, w, v; eigvalsh, eigvals: a, w
 *   - svd: a, u, s, vt; `option`: u is m×m and vt n×n, else they have min(m, n) columns and rows; svdvals: a, s
 * - fourier: buffers x, out; `dtype` is that of x.
 * - attention: buffers q, k, v, mask if any, sinks [outer, heads] (float32) if any, out, and per query (float32) `top`,
 *   the largest score, and `total`, the sum of e^(score − top); a sink counts as one more score.
 * - attentionGradient: buffers q, k, v, mask if any, top, total, the cotangent `g` of out, and per query `delta`
 *   (float32); then dq, dk, dv. With p = e^(score − top) / total, the cotangent of a score is p · (g · v − delta), zero
 *   where it is hidden.
 * - quantizedProduct: buffers x, words (uint32), scales, biases in mode affine, picks (int32, [outer, count], in range) if
 *   any, out.
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
      readonly only?: "values" | "indices";
      readonly kth?: number;
    }
  | {
      readonly routine: "matrix";
      readonly what: MatrixRoutine;
      readonly dtype: DType;
      readonly count: number;
      readonly m: number;
      readonly n: number;
      readonly k: number;
      readonly option: boolean;
      readonly code: number;
    }
  | ({ readonly routine: "fourier" } & FourierSizes)
  | ({ readonly routine: "attention"; readonly sinks: boolean } & AttentionSizes)
  | ({ readonly routine: "attentionGradient" } & AttentionSizes)
  | ({ readonly routine: "quantizedProduct" } & QuantizedSizes);

/** What raised a fault. */
export const faults = { index: 1, singular: 2, eigenvalues: 3, singularValues: 4 } as const;

/** What a renderer makes of a program, and the calling convention between kernels and whoever runs them. */

import type { Routine } from "../core/routine.js";
import type { Kernel } from "../kernel/ir.js";

/**
 * A library's matrix products, imported from module `blas` as `f32` and `f64`: (transposeA, transposeB, m, n, k, a, lda,
 * b, ldb, c, ldc), all i32, sets c (m × n) to a · b. Matrices are row-major at addresses of the memory, the leading
 * dimensions in elements.
 */
export interface Library {
  /** How many threads may call it at the same time. */
  readonly threads: number;
  /** It pays for products of so many multiply-adds, with so many rows and columns. */
  readonly leastWork: number;
  readonly leastSide: number;
}

/** A part of a kernel that begins when the one before it is done; its tiles may run in any order on any thread. */
export interface Phase {
  /** How many tiles the grid has for an outer size. */
  tiles(outer: number): number;
  /** A rough cost of one tile in nanoseconds, to decide whether forking pays. */
  readonly tileCost: number;
}

/** The functions of a kernel, which become a module of their own or one of many kernels. */
export interface KernelCode {
  /** The functions that it imports. */
  readonly imports: readonly { readonly module: string; readonly name: string }[];
  /** A module that exports the kernel as `k` and the kernels of `others`, rendered with the same features, as `k1`, `k2` and so on. */
  bytes(others?: readonly KernelCode[]): Uint8Array<ArrayBuffer>;
}

/**
 * A kernel as WebAssembly. Its module imports `env.memory` (shared or not, as rendered for) and, where used,
 * functions of module `m` (host math on f64, see kernel/host-math.ts) or `blas` (see `Library`), and, for
 * matrix routines and Fourier transforms, `host.matrix` and `host.fourier`, which do all of the work in JavaScript (see
 * kernel/host-routines.ts); it exports `k(args, start, end, scratch)`:
 * run tiles start..end (i32) with the argument block at address `args` and `scratchBytes` of thread-private scratch.
 *
 * Argument block: i32 outer size (axis 0), i32 address of the fault word (the first nonzero code raised stays there),
 * i32 number of the phase, i32 address of the memory that phases share, then one i32 address per buffer from byte 16, then from the next multiple of 8 one 8-byte slot per
 * parameter holding its compute type little-endian (bool as i32).
 *
 * An output may lie exactly where an input lies, for the pairs that kernel/overwrite.ts names: what a point reads of such an
 * input is read before the point's first store.
 */
export interface Rendered extends Phase {
  readonly code: KernelCode;
  readonly scratchBytes: number;
  /** The phases after the first. */
  readonly later?: readonly Phase[];
  /** Bytes of the memory in which phases hand results on. */
  sharedBytes?(outer: number): number;
}

export interface Features {
  /** relaxed-simd instructions are there (fused multiply-add). */
  readonly relaxed: boolean;
  /** The compiler joins pairs of vectors in neighbouring places to vectors of twice the length: code is to be made so that it can. */
  readonly wide?: boolean;
  /** The memory is shared: the module's import must say so. */
  readonly shared: boolean;
  /** The library for large matrix products, if there is one; found when it is first asked for. */
  library?(): Library | null;
}

export type Render = (program: Kernel | Routine, features: Features) => Rendered;

export const argBytes = {
  outer: 0,
  fault: 4,
  phase: 8,
  shared: 12,
  buffers: 16,
  params: (buffers: number): number => 16 + 4 * buffers + ((4 * buffers) % 8),
  total: (buffers: number, params: number): number =>
    16 + 4 * buffers + ((4 * buffers) % 8) + 8 * params,
} as const;

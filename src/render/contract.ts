/** What a renderer makes of a program, and the calling convention between kernels and whoever runs them. */

import type { Routine } from "../core/routine.js";
import type { Kernel } from "../kernel/ir.js";

/**
 * A WebAssembly module of one kernel. It imports `env.memory` (shared or not, as rendered for) and, where used,
 * functions of module `m` (host math on f64, see kernel/host-math.ts), and exports `k(args, start, end, scratch)`:
 * run tiles start..end (i32) with the argument block at address `args` and `scratchBytes` of thread-private scratch.
 *
 * Argument block: i32 outer size (axis 0), i32 address of the fault word (the first nonzero code raised stays there),
 * two i32 reserved, then one i32 address per buffer from byte 16, then from the next multiple of 8 one 8-byte slot per
 * parameter holding its compute type little-endian (bool as i32).
 */
export interface Rendered {
  readonly bytes: Uint8Array;
  readonly scratchBytes: number;
  /** How many tiles the grid has for an outer size; tiles are independent and may run in any order on any thread. */
  tiles(outer: number): number;
  /** A rough cost of one tile in nanoseconds, to decide whether forking pays. */
  readonly tileCost: number;
}

export interface Features {
  /** relaxed-simd instructions are there (fused multiply-add). */
  readonly relaxed: boolean;
  /** The memory is shared: the module's import must say so. */
  readonly shared: boolean;
}

export type Render = (program: Kernel | Routine, features: Features) => Rendered;

export const argBytes = {
  outer: 0,
  fault: 4,
  buffers: 16,
  params: (buffers: number): number => 16 + 4 * buffers + ((4 * buffers) % 8),
  total: (buffers: number, params: number): number =>
    16 + 4 * buffers + ((4 * buffers) % 8) + 8 * params,
} as const;

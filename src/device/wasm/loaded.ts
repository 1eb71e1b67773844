/** Kernels that are instantiated, each a place in the function table, and the modules that they came in. */
import type { Routine } from "../../core/routine.js";
import type { Kernel } from "../../kernel/ir.js";
import type { Rendered } from "../../render/contract.js";
import type { Loaded } from "../contract.js";

/** What a module exports its kernels as: `k`, `k1`, `k2` and so on. */
export const exportName = (position: number): string => (position === 0 ? "k" : `k${position}`);

/** A module of one or several kernels, as other threads need it. */
export class LoadedModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Places of its kernels in the function table; -1 for those that are gone. */
  private readonly slots: number[];

  constructor(bytes: Uint8Array<ArrayBuffer>, slots: readonly number[]) {
    this.bytes = bytes;
    this.slots = [...slots];
  }

  get places(): readonly number[] {
    return this.slots;
  }

  /** Forgets a kernel that nothing names any more, so that its place can go to another one; gives that place. */
  leave(position: number): number {
    const slot = this.slots[position] ?? -1;
    this.slots[position] = -1;
    return slot;
  }
}

/** A kernel that command lists can name by its place in the function table. */
export class LoadedKernel implements Loaded {
  readonly program: Kernel | Routine;
  readonly rendered: Rendered;
  readonly slot: number;
  /** Whether other threads can run it: they have no host math but what `Math` has. */
  readonly portable: boolean;
  readonly module: LoadedModule;

  constructor(
    program: Kernel | Routine,
    rendered: Rendered,
    slot: number,
    portable: boolean,
    module: LoadedModule,
  ) {
    this.program = program;
    this.rendered = rendered;
    this.slot = slot;
    this.portable = portable;
    this.module = module;
  }

  workBytes(outer: number): number {
    return this.rendered.sharedBytes?.(outer) ?? 0;
  }
}

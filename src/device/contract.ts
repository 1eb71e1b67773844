/** What a device is: memory, loaded kernels, and a queue of command lists. */

import type { Routine } from "../core/routine.js";
import type { Storage } from "../core/storage.js";
import type { Kernel } from "../kernel/ir.js";

/** A kernel the device can run: rendered, compiled and cached by structure. */
export interface Loaded {
  readonly program: Kernel | Routine;
  /** Bytes of working memory that a command needs while it runs. */
  workBytes(outer: number): number;
}

/** Where a buffer argument comes from: a slot bound at submission, and a byte offset inside it. */
export interface Ref {
  readonly slot: number;
  readonly offset: number;
}

/** One kernel call. `outer` is the size of axis 0 (1 for routines and kernels without grid axes). */
export interface Command {
  readonly loaded: Loaded;
  readonly outer: number;
  readonly buffers: readonly Ref[];
  /** Working memory of the size the kernel asks for; none where it asks for none. */
  readonly work?: Ref;
  /** For each scalar parameter of the kernel: its position in the parameters bound at submission. */
  readonly params: readonly number[];
}

/** A prepared list: encoded once, run any number of times with other buffers and parameters. */
export interface Executable {
  readonly slots: number;
  readonly commands: readonly Command[];
  release(): void;
}

/** An error raised by running code, e.g. an index out of range: the first `code` that occurred. */
export interface Fault {
  readonly code: number;
}

export type Scalar = number | bigint | boolean;

export interface Device {
  readonly name: string;
  /** Whether `read` works; false for devices that answer only asynchronously. */
  readonly synchronous: boolean;
  /** 64-byte aligned, and safe to over-read by 64 bytes. Throws a DeviceError that says how much is live. */
  allocate(bytes: number): Storage;
  upload(bytes: Uint8Array): Storage;
  /** Whether this storage is in this device's memory, and not disposed. */
  owns(storage: Storage): boolean;
  load(program: Kernel | Routine): Loaded;
  prepare(commands: readonly Command[], slots: number): Executable;
  /** Runs the list in order; returns the fault, if any, once done. */
  run(executable: Executable, slots: readonly Storage[], params: readonly Scalar[]): Fault | null;
  /** The same without blocking; submissions complete in order. */
  submit(
    executable: Executable,
    slots: readonly Storage[],
    params: readonly Scalar[],
  ): Promise<Fault | null>;
  memory(): MemoryInfo;
  /** Asks for dead storages to be found and freed now, where the platform can. */
  collect(): void;
}

export interface MemoryInfo {
  readonly activeBytes: number;
  readonly peakBytes: number;
  readonly heapBytes: number;
  readonly limitBytes: number;
}

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

/** A slot of a loop's own that names another slice in each round: first `first`, then `stride` bytes further. */
export interface LoopSlice {
  readonly slot: number;
  readonly first: Ref;
  readonly stride: number;
}

/**
 * What a loop hands from one round to the next, through two slots of its own: `into` is where a round finds it (`initial`
 * in the first), `out` where it leaves it. That is `result` in the last round of a counted loop and `spare` before it,
 * `result` again before that; a loop with a test has the last value copied into `result` where it is not there.
 */
export interface LoopCarry {
  readonly into: number;
  readonly out: number;
  readonly initial: Ref;
  readonly result: Ref;
  readonly spare: Ref;
  readonly bytes: number;
}

/** Steps that are run again and again. Their references may name the loop's own slots besides those around it. */
export interface Loop {
  readonly kind: "loop";
  /** How many rounds there are, at least one; null for as long as the test says. */
  readonly count: number | null;
  /** Run before each round: it goes on while the byte at `flag` is not 0 then. */
  readonly test: { readonly steps: readonly Step[]; readonly flag: Ref } | null;
  readonly body: readonly Step[];
  readonly slices: readonly LoopSlice[];
  readonly carries: readonly LoopCarry[];
}

/** Steps of which only one list is run: the first where the byte at `flag` is not 0. */
export interface Branch {
  readonly kind: "branch";
  readonly flag: Ref;
  readonly sides: readonly [readonly Step[], readonly Step[]];
}

export type Step = Command | Loop | Branch;

export const isCommand = (step: Step): step is Command => "loaded" in step;

/** The kernel calls in some steps, those inside of loops and branches once. */
export const commandsIn = (steps: readonly Step[]): Command[] =>
  steps.flatMap((step) => {
    if (isCommand(step)) return [step];
    if (step.kind === "branch") return step.sides.flatMap(commandsIn);
    return [...commandsIn(step.test?.steps ?? []), ...commandsIn(step.body)];
  });

/** A prepared list: encoded once, run any number of times with other buffers and parameters. */
export interface Executable {
  readonly slots: number;
  readonly steps: readonly Step[];
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
  /** Loads what will run together, which may take less time than loading one by one. */
  loadAll(programs: readonly (Kernel | Routine)[]): readonly Loaded[];
  /** Slots from `slots` on are those of the loops among the steps. */
  prepare(steps: readonly Step[], slots: number): Executable;
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

/** The CPU device: generated WebAssembly over one linear memory, command lists walked inside WebAssembly. */
import { ArgumentError, InternalError } from "../../core/errors.js";
import type { Routine } from "../../core/routine.js";
import type { Storage } from "../../core/storage.js";
import type { Kernel } from "../../kernel/ir.js";
import type { Features, Render } from "../../render/contract.js";
import type {
  Command,
  Device,
  Executable,
  Fault,
  Loaded,
  MemoryInfo,
  Scalar,
} from "../contract.js";
import type { Block } from "./allocator.js";
import { WasmExecutable } from "./executable.js";
import { detectFeatures } from "./features.js";
import { faultAddress, Heap } from "./heap.js";
import { parallelism } from "./host.js";
import { Loader, type LoaderCounts } from "./loader.js";
import { Pool } from "./pool.js";
import { WasmStorage } from "./storage.js";

export interface WasmDeviceOptions {
  readonly render: Render;
  /** Most bytes the heap may take; 4 GiB or what the engine allows by default. */
  readonly limitBytes?: number;
  /** False leaves dead arrays to finalizers, as in browsers. */
  readonly synchronousCollection?: boolean;
  /** How many threads run kernels, the calling one included; as many as there are cores by default. */
  readonly threads?: number;
  /** Shares whatever can be, from the first moment, whether that pays or not: so that tests see threads. */
  readonly alwaysShare?: boolean;
}

/** Two awake threads beat one from about this much work, as estimated (simple kernels on hot caches take a fifth of it). */
const shareNanoseconds = 7_000;
/** Starting threads takes a few milliseconds: they come when the work that they could have shared took longer. */
const startNanoseconds = 10_000_000;
/** An asynchronous list lets the event loop turn after this many milliseconds. */
const sliceMilliseconds = 4;
const mostThreads = 64;
/** After so many pools with a thread that ended by itself there are no more. */
const mostLosses = 3;

/** Lets the threads of a device end with it. */
const pools = new FinalizationRegistry<{ pool: Pool | null }>(({ pool }) => pool?.stop());

export class WasmDevice implements Device {
  readonly name: string = "wasm";
  readonly synchronous: boolean = true;
  readonly features: Features;
  private readonly heap: Heap;
  private readonly loader: Loader;
  private readonly alwaysShare: boolean;
  private scratch: Block | null = null;
  /** Apart from the device, so that it can be found when the device is gone. */
  private readonly helpers: { pool: Pool | null } = { pool: null };
  private threads: number;
  private losses = 0;
  /** Nanoseconds of work that threads could have shared, had there been any. */
  private missed = 0;

  constructor(options: WasmDeviceOptions) {
    this.features = detectFeatures();
    const { limitBytes = Infinity, synchronousCollection = true } = options;
    this.threads = this.mostThreads(options.threads ?? parallelism());
    this.alwaysShare = options.alwaysShare ?? false;
    pools.register(this, this.helpers);
    this.heap = new Heap(this.features.shared, limitBytes, synchronousCollection);
    this.loader = new Loader(this.heap.linear, this.features, options.render);
  }

  allocate(bytes: number): Storage {
    return new WasmStorage(this.heap, this.heap.reserve(bytes), bytes);
  }

  upload(bytes: Uint8Array): Storage {
    const block = this.heap.reserve(bytes.byteLength);
    this.heap.linear.u8.set(bytes, block.address);
    return new WasmStorage(this.heap, block, bytes.byteLength);
  }

  owns(storage: Storage): boolean {
    return storage instanceof WasmStorage && storage.heap === this.heap;
  }

  load(program: Kernel | Routine): Loaded {
    return this.loader.load(program);
  }

  prepare(commands: readonly Command[], slots: number): Executable {
    const { heap } = this;
    const block = heap.reserve(WasmExecutable.bytes(commands));
    try {
      const executable = new WasmExecutable(
        heap,
        commands,
        slots,
        block.address,
        faultAddress,
        this.alwaysShare ? 0 : shareNanoseconds,
      );
      this.provideScratch(executable.scratchBytes);
      executable.own(block);
      return executable;
    } catch (error) {
      heap.giveBack(block);
      throw error;
    }
  }

  run(executable: Executable, slots: readonly Storage[], params: readonly Scalar[]): Fault | null {
    const list = this.mine(executable);
    const { heap } = this;
    if (heap.queue.busy) heap.queue.drain();
    list.patch(list.locate(slots), params);
    heap.linear.i32[faultAddress >>> 2] = 0;
    const pool = list.sharedCost > 0 ? this.poolFor(list) : null;
    if (pool === null) this.walk(list, list.first, null, Infinity);
    else this.runShared(list, pool);
    return this.fault();
  }

  submit(
    executable: Executable,
    slots: readonly Storage[],
    params: readonly Scalar[],
  ): Promise<Fault | null> {
    const list = this.mine(executable);
    // Found now, so that what is disposed after submission is still read.
    const addresses = list.locate(slots).slice();
    let pool = list.sharedCost > 0 ? this.poolFor(list) : null;
    let at = -1;
    return this.heap.queue.push({
      step: () => {
        if (at < 0) {
          list.patch(addresses, params);
          this.heap.linear.i32[faultAddress >>> 2] = 0;
          at = list.first;
          if (pool?.stopped) pool = null;
        }
        at = this.walk(list, at, pool, performance.now() + sliceMilliseconds);
        if (at === list.end) return true;
        if (pool !== null) this.watch(list, pool, false);
        return false;
      },
      result: () => this.fault(),
      keep: [list, slots],
    });
  }

  memory(): MemoryInfo {
    return this.heap.info();
  }

  /** The most bytes the heap may grow to; what is in use already stays. */
  setLimit(bytes: number): void {
    this.heap.setLimit(bytes);
  }

  /** Lets the peak start anew from what is live now. */
  resetPeak(): void {
    this.heap.resetPeak();
  }

  collect(): void {
    this.heap.collect();
  }

  /** How many threads may run kernels from now on, the calling one included. Throws an ArgumentError below 1. */
  setThreads(count: number): void {
    if (!Number.isInteger(count) || count < 1)
      throw new ArgumentError(
        `[setThreads] expected a whole number of at least 1, got ${count}: 1 means the calling thread alone`,
      );
    this.heap.queue.drain();
    this.losses = 0;
    this.threads = this.mostThreads(count);
    const { pool } = this.helpers;
    if (pool === null || pool.threads === this.threads) return;
    pool.stop();
    this.helpers.pool = null;
  }

  /** How many threads may run kernels, the calling one included, and how many do by now. */
  threadCounts(): { readonly most: number; readonly running: number } {
    return { most: this.threads, running: 1 + (this.helpers.pool?.ready ?? 0) };
  }

  /** Ends one of the threads without asking it, to see what happens then. */
  killThread(thread: number): void {
    this.helpers.pool?.kill(thread);
  }

  /** How many kernels were compiled, are kept and were dropped. */
  counts(): LoaderCounts {
    return this.loader.counts();
  }

  private mine(executable: Executable): WasmExecutable {
    if (executable instanceof WasmExecutable && executable.heap === this.heap) return executable;
    throw new InternalError("[run] expected a list prepared by this device");
  }

  /** The threads that shall help with this list, if any. */
  private poolFor(list: WasmExecutable): Pool | null {
    const { helpers, heap } = this;
    if (this.threads === 1) return null;
    if (helpers.pool?.broken) {
      if (heap.queue.busy) return null;
      this.lose(helpers.pool);
    }
    if (helpers.pool === null) {
      this.missed += list.sharedCost;
      const early = this.missed < startNanoseconds && !this.alwaysShare;
      if (early || this.losses >= mostLosses) return null;
      this.missed = 0;
      const scratch = this.scratch?.size ?? 0;
      helpers.pool = Pool.start(heap, this.threads, this.loader.walker, scratch);
      if (helpers.pool === null) this.threads = 1;
    }
    return helpers.pool?.helps(list, this.alwaysShare) ? helpers.pool : null;
  }

  /** Does without a pool in which a thread has ended; another may follow. */
  private lose(pool: Pool): void {
    pool.stop();
    if (this.helpers.pool === pool) this.helpers.pool = null;
    this.losses++;
  }

  /** Leaves a list that cannot be finished. */
  private abandon(list: WasmExecutable, pool: Pool | null): void {
    list.rewind();
    pool?.abort();
  }

  private watch(list: WasmExecutable, pool: Pool, sleep: boolean): void {
    try {
      pool.wait(sleep);
    } catch (error) {
      this.abandon(list, pool);
      this.lose(pool);
      throw error;
    }
  }

  private mostThreads(wanted: number): number {
    return this.features.shared ? Math.min(Math.max(1, Math.floor(wanted)), mostThreads) : 1;
  }

  private runShared(list: WasmExecutable, pool: Pool): void {
    const start = performance.now();
    let at = this.walk(list, list.first, pool, Infinity);
    while (at < list.end) {
      this.watch(list, pool, true);
      at = this.walk(list, at, pool, Infinity);
    }
    pool.judge(performance.now() - start, list.cost);
  }

  /** Runs from record `at` until the deadline, or until others keep it waiting. */
  private walk(list: WasmExecutable, at: number, pool: Pool | null, deadline: number): number {
    const { scratch } = this;
    const base = pool?.base ?? 0;
    try {
      return this.loader.walk(at, list.end, scratch?.address ?? 0, base, deadline);
    } catch (error) {
      this.abandon(list, pool);
      throw error;
    }
  }

  /** What the list that just ran left behind. */
  private fault(): Fault | null {
    const code = this.heap.linear.i32[faultAddress >>> 2] ?? 0;
    return code === 0 ? null : { code };
  }

  private provideScratch(bytes: number): void {
    if (this.helpers.pool?.provideScratch(bytes) === false) this.setThreads(1);
    if (bytes === 0 || (this.scratch !== null && this.scratch.size >= bytes)) return;
    const larger = this.heap.reserve(bytes);
    if (this.scratch !== null) this.heap.giveBack(this.scratch);
    this.scratch = larger;
  }
}

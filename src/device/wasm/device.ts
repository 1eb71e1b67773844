/** The CPU device: generated WebAssembly over one linear memory, command lists walked inside WebAssembly. */
import { ArgumentError, type DeviceError, InternalError } from "../../core/errors.js";
import type { Routine } from "../../core/routine.js";
import type { Storage } from "../../core/storage.js";
import type { Kernel } from "../../kernel/ir.js";
import type { Features, Render } from "../../render/contract.js";
import type {
  Device,
  Executable,
  Fault,
  Loaded,
  MemoryInfo,
  Scalar,
  Step as Work,
} from "../contract.js";
import type { Block } from "./allocator.js";
import {
  type BlasChoice,
  type BlasFound,
  type BlasInfo,
  blasByEnvironment,
  findBlas,
} from "./blas.js";
import { encodingOf, WasmExecutable } from "./executable.js";
import { detectFeatures } from "./features.js";
import { faultAddress, Heap } from "./heap.js";
import { parallelism } from "./host.js";
import { Leader } from "./leader.js";
import { Loader, type LoaderCounts } from "./loader.js";
import { Pool, threadLost } from "./pool.js";
import type { Progress } from "./queue.js";
import { WasmStorage } from "./storage.js";
import { joinVectors, notWide, splitVectors, type WideInfo, wideByEnvironment } from "./wide.js";
import type { ThreadCode } from "./worker.js";

export interface WasmDeviceOptions {
  readonly render: Render;
  /** Most bytes the heap may take; 4 GiB or what the engine allows by default. */
  readonly limitBytes?: number;
  /** False leaves dead arrays to finalizers, as in browsers. */
  readonly synchronousCollection?: boolean;
  /** How many threads run kernels, the calling one included; as many as there are cores by default. */
  readonly threads?: number;
  /** False does without shared memory, and so without other threads, as where pages are not cross-origin isolated. */
  readonly sharedMemory?: boolean;
  /** For tests of what happens then: says of an allocation that there shall be no room for it. */
  readonly refuse?: (bytes: number) => boolean;
  /** Shares whatever can be, from the first moment, whether that pays or not: so that tests see threads. */
  readonly alwaysShare?: boolean;
  /** Which library of the system computes large matrix products; as the environment says by default. */
  readonly blas?: BlasChoice;
  /** Whether pairs of vectors are to be joined, by an experimental flag of V8; as the environment says by default. */
  readonly wide?: boolean;
}

/** Two awake threads beat one from about this much work, as estimated (simple kernels on hot caches take a fifth of it). */
const shareNanoseconds = 7_000;
/** Starting threads takes a few milliseconds: they come when the work that they could have shared took longer. */
const startNanoseconds = 10_000_000;
/** Asynchronous lists of this much work are walked by another thread; handing one over takes some 50 µs. */
const leadNanoseconds = 1_000_000;
/** An asynchronous list walked here lets the event loop turn after this many milliseconds. */
const sliceMilliseconds = 4;
/** How long a thread that blocks for an asynchronous list sleeps between looks at the others. */
const watchMilliseconds = 20;
const mostThreads = 64;
/** After so many pools with a thread that ended by itself there are no more. */
const mostLosses = 3;

type Step = (blocks: boolean) => Progress;

interface Helpers {
  pool: Pool | null;
  leader: Leader | null;
}

/** Lets the threads of a device end with it. */
const pools = new FinalizationRegistry<Helpers>(({ pool, leader }) => {
  pool?.stop();
  leader?.stop();
});

export class WasmDevice implements Device {
  readonly name: string = "wasm";
  readonly synchronous: boolean = true;
  private current: Features;
  private wideState: WideInfo = notWide;
  private readonly render: Render;
  private readonly heap: Heap;
  private readonly loader: Loader;
  private readonly alwaysShare: boolean;
  private scratch: Block | null = null;
  /** Apart from the device, so that it can be found when the device is gone. */
  private readonly helpers: Helpers = { pool: null, leader: null };
  private threads: number;
  private losses = 0;
  /** Nanoseconds of work that threads could have shared, had there been any; that a leader could have taken over. */
  private missed = 0;
  private unled = 0;
  private readonly walked = { here: 0, led: 0 };
  private choice: BlasChoice;
  /** The chosen library or why there is none; null as long as nobody asked. */
  private found: BlasFound | null = null;

  constructor(options: WasmDeviceOptions) {
    const features = detectFeatures();
    const shared = features.shared && options.sharedMemory !== false;
    this.current = { ...features, shared, library: () => this.library().blas };
    this.render = options.render;
    if (options.wide ?? wideByEnvironment()) this.tryWide();
    this.choice = options.blas ?? blasByEnvironment();
    const { limitBytes = Infinity, synchronousCollection = true } = options;
    this.threads = this.mostThreads(options.threads ?? parallelism());
    this.alwaysShare = options.alwaysShare ?? false;
    pools.register(this, this.helpers);
    const { refuse = null } = options;
    this.heap = new Heap(this.features.shared, limitBytes, synchronousCollection, refuse);
    this.loader = new Loader(this.heap.linear, this.features, options.render);
  }

  /** What kernels are rendered for. */
  get features(): Features {
    return this.current;
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
    return storage instanceof WasmStorage && storage.heap === this.heap && storage.alive;
  }

  load(program: Kernel | Routine): Loaded {
    return this.loader.load(program);
  }

  loadAll(programs: readonly (Kernel | Routine)[]): readonly Loaded[] {
    return this.loader.loadAll(programs);
  }

  prepare(steps: readonly Work[], slots: number): Executable {
    const { heap } = this;
    const encoding = encodingOf(steps, slots);
    const block = heap.reserve(encoding.bytes);
    try {
      const executable = new WasmExecutable(
        heap,
        encoding,
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
    const pool = list.sharedCost > 0 ? this.poolFor(list) : null;
    const leader = this.leaderFor(list);
    const start = (): void => {
      list.patch(addresses, params);
      this.heap.linear.i32[faultAddress >>> 2] = 0;
    };
    const step =
      leader === null ? this.sliced(list, pool, start) : this.led(list, pool, leader, start);
    return this.heap.queue.push({ step, result: () => this.fault(), keep: [list, slots] });
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

  /** At most so many bytes beyond what is needed are taken from the system at once from now on. */
  setSpare(bytes: number): void {
    this.heap.setSpare(bytes);
  }

  /** Waits for all that was submitted. */
  drain(): void {
    this.heap.queue.drain();
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
    if (this.threads === 1) this.stopLeader();
    if (this.helpers.pool?.threads !== this.threads) this.stopPool();
  }

  /**
   * Which library computes large matrix products: none, the first that is found, or the one at a path. What was loaded
   * so far is rendered anew when it is loaded again.
   */
  setBlas(choice: BlasChoice): void {
    this.heap.queue.drain();
    this.choice = choice;
    this.found = null;
    this.loader.forget(this.current);
  }

  /** Whether pairs of vectors are joined from now on, if they can be; `wideInfo` says. Kernels are rendered anew as by `setBlas`. */
  setWide(on: boolean): void {
    this.heap.queue.drain();
    if (on) this.tryWide();
    else {
      if (this.wideState.used) splitVectors();
      this.wideState = notWide;
      this.current = { ...this.current, wide: false };
    }
    this.loader.forget(this.current);
  }

  /** Whether pairs of vectors are joined, or why they are not. */
  wideInfo(): WideInfo {
    return this.wideState;
  }

  /** The library in use, or why there is none; it is looked for now unless it was. */
  blasInfo(): BlasInfo {
    return this.library().info;
  }

  /** How many threads may run kernels, the calling one included, and how many do by now. */
  threadCounts(): { readonly most: number; readonly running: number } {
    return { most: this.threads, running: 1 + (this.helpers.pool?.ready ?? 0) };
  }

  /** How many asynchronous lists the calling thread has walked so far, wholly or in part, and how many another one. */
  asynchronousCounts(): { readonly here: number; readonly led: number } {
    return { ...this.walked };
  }

  /** Ends one of the threads without asking it, to see what happens then; number 0 is that which leads. */
  killThread(thread: number): void {
    if (thread === 0) this.helpers.leader?.kill();
    else this.helpers.pool?.kill(thread);
  }

  /** How many kernels were compiled, are kept and were dropped. */
  counts(): LoaderCounts {
    return this.loader.counts();
  }

  private library(): BlasFound {
    if (this.found !== null) return this.found;
    this.found = findBlas(this.choice, this.heap.linear.memory);
    const { blas } = this.found;
    if (blas === null) return this.found;
    this.loader.link(blas);
    // Threads are told of the library when they start.
    this.heap.queue.drain();
    if (this.helpers.pool !== null) this.missed = startNanoseconds;
    if (this.helpers.leader !== null) this.unled = startNanoseconds;
    this.stopPool();
    this.stopLeader();
    return this.found;
  }

  private tryWide(): void {
    if (this.wideState.used) return;
    this.wideState = joinVectors(this.render, this.current);
    this.current = { ...this.current, wide: this.wideState.used };
  }

  private stopPool(): void {
    this.helpers.pool?.stop();
    this.helpers.pool = null;
  }

  private stopLeader(): void {
    this.helpers.leader?.stop();
    this.helpers.leader = null;
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
      helpers.pool = Pool.start(heap, this.threads, this.threadCode(), this.scratch?.size ?? 0);
      if (helpers.pool === null) this.threads = 1;
    }
    return helpers.pool?.helps(list, this.alwaysShare) ? helpers.pool : null;
  }

  /** The thread that shall walk this asynchronous list, if it is not to be this one. */
  private leaderFor(list: WasmExecutable): Leader | null {
    const { helpers, heap } = this;
    if (this.threads === 1 || !list.portable) return null;
    if (list.cost < leadNanoseconds && !this.alwaysShare) return null;
    if (helpers.leader?.lost) {
      if (heap.queue.busy) return null;
      this.loseLeader(helpers.leader);
    }
    if (helpers.leader === null) {
      this.unled += list.cost;
      const early = this.unled < startNanoseconds && !this.alwaysShare;
      if (early || this.losses >= mostLosses) return null;
      this.unled = 0;
      helpers.leader = Leader.start(heap, this.threadCode(), () => heap.queue.wake());
    }
    return helpers.leader?.learn(list) ? helpers.leader : null;
  }

  private threadCode(): ThreadCode {
    const { walker, host } = this.loader;
    return { walker, blas: this.found?.blas?.source ?? null, host: host.url };
  }

  private loseLeader(leader: Leader): void {
    leader.stop();
    if (this.helpers.leader === leader) this.helpers.leader = null;
    this.losses++;
  }

  /** The steps of an asynchronous list that is walked here. */
  private sliced(list: WasmExecutable, pool: Pool | null, start: () => void): Step {
    let at = -1;
    return (blocks) => {
      if (at < 0) {
        start();
        at = list.first;
        this.walked.here++;
      }
      const helping = pool?.stopped ? null : pool;
      at = this.walk(list, at, helping, blocks ? Infinity : performance.now() + sliceMilliseconds);
      if (at === list.end) return "done";
      if (helping !== null) this.watch(list, helping, blocks);
      return "more";
    };
  }

  /** The steps of an asynchronous list that another thread walks: it is begun, and then waited for. */
  private led(list: WasmExecutable, pool: Pool | null, leader: Leader, start: () => void): Step {
    let begun = false;
    let helping = pool;
    let instead: Step | null = null;
    return (blocks) => {
      if (instead !== null) return instead(blocks);
      if (!begun) {
        if (leader.lost || leader.stopped || (blocks && !leader.ready)) {
          instead = this.sliced(list, pool, start);
          return instead(blocks);
        }
        if (!leader.ready) return "waiting";
        start();
        if (helping?.stopped) helping = null;
        leader.begin(list, this.scratch?.address ?? 0, helping?.base ?? 0);
        begun = true;
        this.walked.led++;
        if (!blocks) return "waiting";
      }
      while (!leader.done) {
        this.watchLeader(list, helping, leader);
        if (!blocks) return "waiting";
        leader.wait(watchMilliseconds);
      }
      if (!leader.take(list)) throw this.lost(list, helping, leader);
      helping?.judge(leader.elapsed, list.cost);
      return "done";
    };
  }

  /** Throws a DeviceError when the thread that leads is gone, or one that helps it. */
  private watchLeader(list: WasmExecutable, pool: Pool | null, leader: Leader): void {
    if (leader.lost) throw this.lost(list, pool, leader);
    if (pool === null) return;
    try {
      pool.wait(false);
    } catch (error) {
      leader.abandon();
      if (leader.done) leader.take(list);
      this.abandon(list, pool);
      this.lose(pool);
      throw error;
    }
  }

  /** Gives up a list whose leader is gone. */
  private lost(list: WasmExecutable, pool: Pool | null, leader: Leader): DeviceError {
    this.abandon(list, pool);
    if (pool !== null) this.lose(pool);
    this.loseLeader(leader);
    return threadLost();
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

/** The CPU device: generated WebAssembly over one linear memory, command lists walked inside WebAssembly. */
import { ArgumentError, InternalError } from "../../core/errors.js";
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
import {
  type BlasChoice,
  type BlasFound,
  type BlasInfo,
  blasByEnvironment,
  findBlas,
} from "./blas.js";
import { Crew } from "./crew.js";
import { encodingOf, WasmExecutable } from "./executable.js";
import { detectFeatures } from "./features.js";
import { faultAddress, Heap } from "./heap.js";
import { parallelism } from "./host.js";
import { Loader, type LoaderCounts } from "./loader.js";
import { Runner } from "./runner.js";
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

export class WasmDevice implements Device {
  readonly name: string = "wasm";
  readonly synchronous: boolean = true;
  private current: Features;
  private wideState: WideInfo = notWide;
  private readonly render: Render;
  private readonly heap: Heap;
  private readonly loader: Loader;
  private readonly alwaysShare: boolean;
  private readonly crew: Crew;
  private readonly runner: Runner;
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
    this.alwaysShare = options.alwaysShare ?? false;
    const { refuse = null } = options;
    this.heap = new Heap(this.features.shared, limitBytes, synchronousCollection, refuse);
    this.loader = new Loader(this.heap.linear, this.features, options.render);
    const threads = options.threads ?? parallelism();
    const always = this.alwaysShare;
    this.crew = new Crew(this.heap, { shared, threads, always }, () => this.threadCode());
    this.runner = new Runner(this.heap, this.loader.walk, this.crew);
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
      this.runner.provideScratch(executable.scratchBytes);
      executable.own(block);
      return executable;
    } catch (error) {
      heap.giveBack(block);
      throw error;
    }
  }

  run(executable: Executable, slots: readonly Storage[], params: readonly Scalar[]): Fault | null {
    return this.runner.run(this.mine(executable), slots, params);
  }

  submit(
    executable: Executable,
    slots: readonly Storage[],
    params: readonly Scalar[],
  ): Promise<Fault | null> {
    return this.runner.submit(this.mine(executable), slots, params);
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
    this.crew.setThreads(count);
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
    return { most: this.crew.threads, running: this.crew.running };
  }

  /** How many asynchronous lists the calling thread has walked so far, wholly or in part, and how many another one. */
  asynchronousCounts(): { readonly here: number; readonly led: number } {
    return { ...this.runner.walked };
  }

  /** Ends one of the threads without asking it, to see what happens then; number 0 is that which leads. */
  killThread(thread: number): void {
    this.crew.kill(thread);
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
    this.crew.restart();
    return this.found;
  }

  private threadCode(): ThreadCode {
    const { walker, host } = this.loader;
    return { walker, blas: this.found?.blas?.source ?? null, host: host.url };
  }

  private tryWide(): void {
    if (this.wideState.used) return;
    this.wideState = joinVectors(this.render, this.current);
    this.current = { ...this.current, wide: this.wideState.used };
  }

  private mine(executable: Executable): WasmExecutable {
    if (executable instanceof WasmExecutable && executable.heap === this.heap) return executable;
    throw new InternalError("[run] expected a list prepared by this device");
  }
}

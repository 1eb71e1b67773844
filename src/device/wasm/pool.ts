/** The threads that help with command lists: started, told of kernels, waited for, given up when they fail. */
import { DeviceError } from "../../core/errors.js";
import type { Block } from "./allocator.js";
import { control, line } from "./control.js";
import { type WasmExecutable, wakeNanoseconds } from "./executable.js";
import type { Heap } from "./heap.js";
import { isOpen, sleepOn, startThread, type Thread } from "./host.js";
import { News, reserve } from "./news.js";
import { Profit } from "./profit.js";
import { record } from "./records.js";
import { type ThreadCode, type WorkerData, workerSource } from "./worker.js";

/** Milliseconds between looks at threads that keep the others waiting. */
const patience = 20;
export const threadLost = (): DeviceError =>
  new DeviceError(
    "[eval] expected every worker thread to go on, got one that ended in the middle of its work: evaluate again",
  );

export class Pool {
  /** With the calling one. */
  readonly threads: number;
  /** Whether its threads were told to end. */
  stopped = false;
  private readonly heap: Heap;
  private readonly block: Block;
  private readonly started: Thread[] = [];
  /** Numbers of the threads that have ended. */
  private readonly ended = new Set<number>();
  private readonly news: News;
  private scratch: Block | null = null;
  private freed = false;
  private looked = 0;
  private readonly profit = new Profit();

  private constructor(heap: Heap, threads: number, block: Block) {
    this.heap = heap;
    this.threads = threads;
    this.block = block;
    this.news = new News(heap, this.base + control.firstNews, this.base + control.newsCount);
  }

  /** A pool of `threads` with the calling one; null where threads or memory are not to be had. */
  static start(heap: Heap, threads: number, code: ThreadCode, scratchBytes: number): Pool | null {
    const block = reserve(heap, control.bytes(threads));
    if (block === null) return null;
    const pool = new Pool(heap, threads, block);
    const { i32, memory } = heap.linear;
    i32.fill(0, block.address >>> 2, (block.address + block.size) >>> 2);
    i32[pool.word(control.threads)] = threads;
    for (let t = 0; t < threads; t++) i32[pool.wordOf(t, line.marker)] = -1;
    if (!pool.provideScratch(scratchBytes)) {
      heap.giveBack(block);
      return null;
    }
    for (let thread = 1; thread < threads; thread++) {
      const data: WorkerData = { ...code, memory, base: block.address, thread };
      const started = startThread(
        workerSource,
        data,
        () => pool.hasEnded(thread),
        () => pool.free(),
      );
      if (started === null) {
        for (let t = thread; t < threads; t++) pool.ended.add(t);
        pool.stop();
        return null;
      }
      pool.started.push(started);
    }
    return pool;
  }

  /** The address of its control block. */
  get base(): number {
    return this.block.address;
  }

  /** How many threads help by now. */
  get ready(): number {
    return this.load(control.ready) - this.ended.size;
  }

  /** Whether a thread has ended that should not have. */
  get broken(): boolean {
    return this.load(control.failed) !== 0 || (!this.stopped && this.ended.size > 0);
  }

  /** Whether a list shall be run together, which it is whenever it can be if `always`; wakes the others if so. */
  helps(list: WasmExecutable, always: boolean): boolean {
    const ready = this.load(control.ready);
    if (ready === 0) return false;
    if (!always && this.profit.rests(performance.now())) return false;
    const sleepers = this.load(control.sleepers);
    const large = always || list.sharedCost >= wakeNanoseconds;
    if (sleepers >= ready && !large) return false;
    if (list.knownTo !== this) {
      if (!this.news.publish(list.sharedKernels, this.readByAll())) return false;
      list.knownTo = this;
    }
    if (sleepers > 0 && large) Atomics.notify(this.heap.linear.i32, this.word(control.epoch));
    return true;
  }

  /** Gives every thread scratch of its own; false where there is no memory for it. */
  provideScratch(bytes: number): boolean {
    const each = Math.ceil(bytes / line.bytes) * line.bytes;
    const all = each * (this.threads - 1);
    if (all === 0 || (this.scratch !== null && this.scratch.size >= all)) return true;
    const larger = reserve(this.heap, all);
    if (larger === null) return false;
    const { i32 } = this.heap.linear;
    for (let t = 1; t < this.threads; t++)
      Atomics.store(i32, this.wordOf(t, line.scratch), larger.address + (t - 1) * each);
    if (this.scratch !== null) this.heap.giveBack(this.scratch);
    this.scratch = larger;
    return true;
  }

  /**
   * To be called when a list cannot go on: sees whether the threads it waits for are alive, and sleeps until they have
   * done something if `sleep` says so. Throws a DeviceError if one of them is gone.
   */
  wait(sleep: boolean): void {
    const now = performance.now();
    if (now - this.looked > patience) {
      this.looked = now;
      if (this.load(control.failed) !== 0 || this.hasLost()) {
        throw threadLost();
      }
    }
    if (!sleep || this.load(control.open) === 0) return;
    const { i32 } = this.heap.linear;
    Atomics.store(i32, this.word(control.waiting), 1);
    const done = this.load(control.done);
    const tiles = i32[(this.load(control.job) + record.tiles) >>> 2] ?? 0;
    if (done + this.load(control.own) < tiles)
      sleepOn(i32, this.word(control.done), done, patience);
    Atomics.store(i32, this.word(control.waiting), 0);
    const { f64 } = this.heap.linear;
    const waited = (this.base + control.waited) >>> 3;
    f64[waited] = (f64[waited] ?? 0) + performance.now() - now;
  }

  /** Ends an open fork whose tiles will not all be done; nothing runs any more afterwards. */
  abort(): void {
    const { i32, i64 } = this.heap.linear;
    const closed = (BigInt(this.load(control.epoch) >>> 0) + 1n) << 32n;
    for (let t = 0; t < this.threads; t++)
      Atomics.store(i64, this.wordOf(t, line.share) >>> 1, BigInt.asIntN(64, closed));
    i32[this.word(control.open)] = 0;
    for (let t = 1; t < this.threads; t++) {
      while (Atomics.load(i32, this.wordOf(t, line.busy)) !== 0 && !this.isDead(t))
        sleepOn(i32, this.wordOf(t, line.busy), 1, 1);
    }
  }

  /** Judges by a list that took `milliseconds`, `cost` by estimate, whether forks pay at present. */
  judge(milliseconds: number, cost: number): void {
    const { i32, f64 } = this.heap.linear;
    const [helped, waited] = [
      (this.base + control.helped) >>> 3,
      (this.base + control.waited) >>> 3,
    ];
    if (i32[this.word(control.forks)] === 0) return;
    const own = 1 - (f64[helped] ?? 0) / cost;
    const alone = (milliseconds - (f64[waited] ?? 0)) / Math.max(own, 1e-3);
    i32[this.word(control.forks)] = 0;
    f64[helped] = 0;
    f64[waited] = 0;
    this.profit.note(milliseconds, alone, performance.now());
  }

  /** Lets the threads end. There must be no open fork. */
  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    const { i32 } = this.heap.linear;
    Atomics.store(i32, this.word(control.stop), 1);
    Atomics.add(i32, this.word(control.epoch), 2);
    Atomics.notify(i32, this.word(control.epoch));
    this.free();
  }

  /** Gives back its memory once no thread can touch it. */
  free(): void {
    const none =
      this.ended.size === this.threads - 1 || this.load(control.gone) === this.threads - 1;
    if (this.freed || !this.stopped || !none) return;
    this.freed = true;
    this.news.free();
    if (this.scratch !== null) this.heap.giveBack(this.scratch);
    this.heap.giveBack(this.block);
  }

  /** For tests of what happens then: ends a thread without asking it. */
  kill(thread: number): void {
    this.started[thread - 1]?.terminate();
  }

  private hasEnded(thread: number): void {
    this.ended.add(thread);
    this.free();
  }

  private isDead(thread: number): boolean {
    if (this.ended.has(thread)) return true;
    const marker = this.heap.linear.i32[this.wordOf(thread, line.marker)] ?? -1;
    return isOpen(marker) === false;
  }

  /** Whether a thread ended while it may have been running tiles. */
  private hasLost(): boolean {
    for (let t = 1; t < this.threads; t++) {
      const busy = Atomics.load(this.heap.linear.i32, this.wordOf(t, line.busy)) !== 0;
      if (busy && this.isDead(t)) return true;
    }
    return false;
  }

  /** How many of the kernels made known every thread has instantiated. */
  private readByAll(): number {
    let read = Infinity;
    for (let t = 1; t < this.threads; t++) {
      const installed = Atomics.load(this.heap.linear.i32, this.wordOf(t, line.installed));
      read = Math.min(read, installed);
    }
    return read;
  }

  private word(offset: number): number {
    return (this.base + offset) >>> 2;
  }

  private wordOf(thread: number, offset: number): number {
    return this.word(line.first + thread * line.bytes + offset);
  }

  private load(offset: number): number {
    return Atomics.load(this.heap.linear.i32, this.word(offset));
  }
}

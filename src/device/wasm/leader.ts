/** The thread that walks asynchronous command lists, so that the one with the event loop runs no kernel meanwhile. */
import type { Block } from "./allocator.js";
import { lead, state } from "./control.js";
import type { WasmExecutable } from "./executable.js";
import type { Heap } from "./heap.js";
import { isOpen, sleepOn, startThread, type Thread } from "./host.js";
import { News, reserve } from "./news.js";
import { leaderSource, type ThreadCode, type WorkerData } from "./worker.js";

/** A thread that is not there by then is not waited for any more. */
const longestStart = 2000;

export class Leader {
  private readonly heap: Heap;
  private readonly block: Block;
  private readonly news: News;
  private readonly began: number = performance.now();
  private thread: Thread | null = null;
  private ended = false;
  /** Whether it was told to end. */
  stopped = false;
  private freed = false;

  private constructor(heap: Heap, block: Block) {
    this.heap = heap;
    this.block = block;
    this.news = new News(heap, block.address + lead.firstNews, block.address + lead.newsCount);
  }

  /** Starts the thread; it calls `tell` whenever it is ready or has done a list. Null where that is not possible. */
  static start(heap: Heap, code: ThreadCode, tell: () => void): Leader | null {
    const block = reserve(heap, lead.bytes);
    if (block === null) return null;
    const { i32, memory } = heap.linear;
    i32.fill(0, block.address >>> 2, (block.address + lead.bytes) >>> 2);
    i32[(block.address + lead.marker) >>> 2] = -1;
    const leader = new Leader(heap, block);
    const data: WorkerData = { ...code, memory, base: block.address, thread: 0 };
    const told = (): void => {
      leader.free();
      tell();
    };
    const ended = (): void => {
      leader.ended = true;
      told();
    };
    leader.thread = startThread(leaderSource, data, ended, told);
    if (leader.thread === null) {
      heap.giveBack(block);
      return null;
    }
    return leader;
  }

  /** Whether it has ended, or does not come. */
  get lost(): boolean {
    if (this.ended || this.load(lead.gone) !== 0) return true;
    if (this.ready) return isOpen(this.heap.linear.i32[this.word(lead.marker)] ?? -1) === false;
    return performance.now() - this.began > longestStart;
  }

  get ready(): boolean {
    return this.load(lead.ready) !== 0;
  }

  get done(): boolean {
    return this.load(lead.state) === state.done;
  }

  /** Milliseconds that the last list took. */
  get elapsed(): number {
    return this.heap.linear.f64[(this.block.address + lead.elapsed) >>> 3] ?? 0;
  }

  /** Makes the list's kernels known; false where there is no memory for it. */
  learn(list: WasmExecutable): boolean {
    if (list.knownToLeader === this) return true;
    if (!this.news.publish(list.kernels, this.load(lead.installed))) return false;
    list.knownToLeader = this;
    return true;
  }

  /** Lets it walk a list, which has been patched. */
  begin(list: WasmExecutable, scratch: number, pool: number): void {
    const { i32 } = this.heap.linear;
    i32[this.word(lead.first)] = list.first;
    i32[this.word(lead.end)] = list.end;
    i32[this.word(lead.scratch)] = scratch;
    i32[this.word(lead.pool)] = pool;
    i32[this.word(lead.quit)] = 0;
    Atomics.store(i32, this.word(lead.state), state.running);
    Atomics.notify(i32, this.word(lead.state));
  }

  /** Takes notice that the list has ended; whether it came to its end. */
  take(list: WasmExecutable): boolean {
    const { i32 } = this.heap.linear;
    Atomics.store(i32, this.word(lead.state), state.idle);
    return i32[this.word(lead.first)] === list.end;
  }

  /** Holds the calling thread up until the list has ended or some time has passed. */
  wait(milliseconds: number): void {
    sleepOn(this.heap.linear.i32, this.word(lead.state), state.running, milliseconds);
  }

  /** Makes it leave the list soon, unless it has gone. */
  abandon(): void {
    Atomics.store(this.heap.linear.i32, this.word(lead.quit), 1);
    while (!this.done && !this.lost) this.wait(1);
  }

  /** Lets the thread end. It must not have a list. */
  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    const { i32 } = this.heap.linear;
    Atomics.store(i32, this.word(lead.stop), 1);
    Atomics.store(i32, this.word(lead.state), state.stopping);
    Atomics.notify(i32, this.word(lead.state));
    this.free();
  }

  /** For tests of what happens then: ends the thread without asking it. */
  kill(): void {
    this.thread?.terminate();
  }

  private free(): void {
    if (this.freed || !this.stopped || !(this.ended || this.load(lead.gone) !== 0)) return;
    this.freed = true;
    this.news.free();
    this.heap.giveBack(this.block);
  }

  private word(offset: number): number {
    return (this.block.address + offset) >>> 2;
  }

  private load(offset: number): number {
    return Atomics.load(this.heap.linear.i32, this.word(offset));
  }
}

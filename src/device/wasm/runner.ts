/** Runs encoded command lists: at once, in slices between turns of the event loop, or led by another thread. */
import type { DeviceError } from "../../core/errors.js";
import type { Storage } from "../../core/storage.js";
import type { Fault, Scalar } from "../contract.js";
import type { Block } from "./allocator.js";
import type { Crew } from "./crew.js";
import type { WasmExecutable } from "./executable.js";
import { faultAddress, type Heap } from "./heap.js";
import type { Leader } from "./leader.js";
import type { Walk } from "./loader.js";
import { type Pool, threadLost } from "./pool.js";
import type { Progress } from "./queue.js";

/** An asynchronous list walked here lets the event loop turn after this many milliseconds. */
const sliceMilliseconds = 4;
/** How long a thread that blocks for an asynchronous list sleeps between looks at the others. */
const watchMilliseconds = 20;

type Step = (blocks: boolean) => Progress;

export class Runner {
  /** How many asynchronous lists the calling thread has walked, wholly or in part, and how many another one. */
  readonly walked: { here: number; led: number } = { here: 0, led: 0 };
  private readonly heap: Heap;
  private readonly walkList: Walk;
  private readonly crew: Crew;
  private scratch: Block | null = null;

  constructor(heap: Heap, walk: Walk, crew: Crew) {
    this.heap = heap;
    this.walkList = walk;
    this.crew = crew;
  }

  run(list: WasmExecutable, slots: readonly Storage[], params: readonly Scalar[]): Fault | null {
    const { heap } = this;
    if (heap.queue.busy) heap.queue.drain();
    list.patch(list.locate(slots), params);
    heap.linear.i32[faultAddress >>> 2] = 0;
    const pool = list.sharedCost > 0 ? this.crew.poolFor(list) : null;
    if (pool === null) this.walk(list, list.first, null, Infinity);
    else this.runShared(list, pool);
    return this.fault();
  }

  submit(
    list: WasmExecutable,
    slots: readonly Storage[],
    params: readonly Scalar[],
  ): Promise<Fault | null> {
    // Found now, so that what is disposed after submission is still read.
    const addresses = list.locate(slots).slice();
    const pool = list.sharedCost > 0 ? this.crew.poolFor(list) : null;
    const leader = this.crew.leaderFor(list);
    const start = (): void => {
      list.patch(addresses, params);
      this.heap.linear.i32[faultAddress >>> 2] = 0;
    };
    const step =
      leader === null ? this.sliced(list, pool, start) : this.led(list, pool, leader, start);
    return this.heap.queue.push({ step, result: () => this.fault(), keep: [list, slots] });
  }

  /** Makes sure that every thread has so much scratch. */
  provideScratch(bytes: number): void {
    this.crew.provideScratch(bytes);
    if (bytes === 0 || (this.scratch !== null && this.scratch.size >= bytes)) return;
    const larger = this.heap.reserve(bytes);
    if (this.scratch !== null) this.heap.giveBack(this.scratch);
    this.scratch = larger;
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
      this.crew.lose(pool);
      throw error;
    }
  }

  /** Gives up a list whose leader is gone. */
  private lost(list: WasmExecutable, pool: Pool | null, leader: Leader): DeviceError {
    this.abandon(list, pool);
    if (pool !== null) this.crew.lose(pool);
    this.crew.loseLeader(leader);
    return threadLost();
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
      this.crew.lose(pool);
      throw error;
    }
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
      return this.walkList(at, list.end, scratch?.address ?? 0, base, deadline);
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
}

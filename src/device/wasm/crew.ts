/** The threads of a device: how many there may be, when they start, what becomes of those that end by themselves. */
import type { WasmExecutable } from "./executable.js";
import type { Heap } from "./heap.js";
import { Leader } from "./leader.js";
import { Pool } from "./pool.js";
import type { ThreadCode } from "./worker.js";

/** Starting threads takes a few milliseconds: they come when the work that they could have shared took longer. */
const startNanoseconds = 10_000_000;
/** Asynchronous lists of this much work are walked by another thread; handing one over takes some 50 µs. */
const leadNanoseconds = 1_000_000;
const mostThreads = 64;
/** After so many pools with a thread that ended by itself there are no more. */
const mostLosses = 3;

interface CrewOptions {
  /** Whether the memory is shared: else there are no other threads. */
  readonly shared: boolean;
  readonly threads: number;
  readonly always: boolean;
}

interface Helpers {
  pool: Pool | null;
  leader: Leader | null;
}

/** Lets the threads of a device end with it. */
const crews = new FinalizationRegistry<Helpers>(({ pool, leader }) => {
  pool?.stop();
  leader?.stop();
});

export class Crew {
  /** How many threads may run kernels, the calling one included. */
  threads: number;
  private readonly heap: Heap;
  private readonly most: number;
  /** Whether they share whatever can be, from the first moment. */
  private readonly always: boolean;
  private readonly code: () => ThreadCode;
  /** Apart from this object, so that they can be found when it is gone. */
  private readonly helpers: Helpers = { pool: null, leader: null };
  private scratchBytes = 0;
  private losses = 0;
  /** Nanoseconds of work that threads could have shared, had there been any; that a leader could have taken over. */
  private missed = 0;
  private unled = 0;

  constructor(heap: Heap, { shared, threads, always }: CrewOptions, code: () => ThreadCode) {
    this.heap = heap;
    this.most = shared ? mostThreads : 1;
    this.threads = this.allowed(threads);
    this.always = always;
    this.code = code;
    crews.register(this, this.helpers);
  }

  /** How many threads run kernels by now, the calling one included. */
  get running(): number {
    return 1 + (this.helpers.pool?.ready ?? 0);
  }

  /** How many threads there may be from now on. */
  setThreads(count: number): void {
    this.heap.queue.drain();
    this.losses = 0;
    this.threads = this.allowed(count);
    if (this.threads === 1) this.stopLeader();
    if (this.helpers.pool?.threads !== this.threads) this.stopPool();
  }

  /** Ends one of the threads without asking it, to see what happens then; number 0 is that which leads. */
  kill(thread: number): void {
    if (thread === 0) this.helpers.leader?.kill();
    else this.helpers.pool?.kill(thread);
  }

  /** Starts all threads anew, with what is then to be told to them, when they are next needed. */
  restart(): void {
    this.heap.queue.drain();
    if (this.helpers.pool !== null) this.missed = startNanoseconds;
    if (this.helpers.leader !== null) this.unled = startNanoseconds;
    this.stopPool();
    this.stopLeader();
  }

  /** Gives every thread so much scratch; goes on with the calling one alone where there is no memory for it. */
  provideScratch(bytes: number): void {
    this.scratchBytes = Math.max(this.scratchBytes, bytes);
    if (this.helpers.pool?.provideScratch(bytes) === false) this.setThreads(1);
  }

  /** The threads that shall help with this list, if any. */
  poolFor(list: WasmExecutable): Pool | null {
    const { helpers, heap } = this;
    if (this.threads === 1) return null;
    if (helpers.pool?.broken) {
      if (heap.queue.busy) return null;
      this.lose(helpers.pool);
    }
    if (helpers.pool === null) {
      this.missed += list.sharedCost;
      const early = this.missed < startNanoseconds && !this.always;
      if (early || this.losses >= mostLosses) return null;
      this.missed = 0;
      helpers.pool = Pool.start(heap, this.threads, this.code(), this.scratchBytes);
      if (helpers.pool === null) this.threads = 1;
    }
    return helpers.pool?.helps(list, this.always) ? helpers.pool : null;
  }

  /** The thread that shall walk this asynchronous list, if it is not to be this one. */
  leaderFor(list: WasmExecutable): Leader | null {
    const { helpers, heap } = this;
    if (this.threads === 1 || !list.portable) return null;
    if (list.cost < leadNanoseconds && !this.always) return null;
    if (helpers.leader?.lost) {
      if (heap.queue.busy) return null;
      this.loseLeader(helpers.leader);
    }
    if (helpers.leader === null) {
      this.unled += list.cost;
      const early = this.unled < startNanoseconds && !this.always;
      if (early || this.losses >= mostLosses) return null;
      this.unled = 0;
      helpers.leader = Leader.start(heap, this.code(), () => heap.queue.wake());
    }
    return helpers.leader?.learn(list) ? helpers.leader : null;
  }

  /** Does without a leader that has ended; another may follow. */
  loseLeader(leader: Leader): void {
    leader.stop();
    if (this.helpers.leader === leader) this.helpers.leader = null;
    this.losses++;
  }

  /** Does without a pool in which a thread has ended; another may follow. */
  lose(pool: Pool): void {
    pool.stop();
    if (this.helpers.pool === pool) this.helpers.pool = null;
    this.losses++;
  }

  private stopPool(): void {
    this.helpers.pool?.stop();
    this.helpers.pool = null;
  }

  private stopLeader(): void {
    this.helpers.leader?.stop();
    this.helpers.leader = null;
  }

  private allowed(wanted: number): number {
    return Math.min(Math.max(1, Math.floor(wanted)), this.most);
  }
}

/** Frees blocks whose owner has become unreachable, inside a synchronous job where the engine allows it. */
import type { Block } from "./allocator.js";
import { findsDead, type SyncCollector, syncCollector } from "./host.js";

/** A block in somebody's hands; `block` is null once it is given back. Never refers to its owner strongly. */
export interface Tenancy {
  block: Block | null;
  /** Position among the live ones. */
  place: number;
  ref: WeakRef<object> | null;
}

/**
 * Collections are asked for when the bytes held have grown by the headroom since the last one. The headroom follows
 * their cost: it doubles while they would take more than 1/20 of the time between them, and shrinks when they are
 * cheap, so that small loops reuse memory that is still in the cache.
 */
const leastHeadroom = 32 * 2 ** 20;
const firstHeadroom = 64 * 2 ** 20;
const mostHeadroom = 256 * 2 ** 20;
/** The same for the number of owners, whose own memory counts too. */
const ownersHeadroom = 50_000;
/** New WeakRefs get slower the more of them were made since the last checkpoint. */
const ownersPerCheckpoint = 1024;

export class Liveness {
  private readonly live: Tenancy[] = [];
  private readonly release: (block: Block) => void;
  /** Set where dead owners cannot be found inside a job. */
  private finalizers: FinalizationRegistry<Tenancy> | null = null;
  /** Undefined until first needed: making it costs a context. */
  private found: SyncCollector | null | undefined;
  /** Whether young collections are of use; undefined until first needed: finding out costs one or two. */
  private minors: boolean | undefined;
  private sinceCheckpoint = 0;
  private bytes = 0;
  private headroom = firstHeadroom;
  private nextBytes = firstHeadroom;
  private nextOwners = ownersHeadroom;
  private lastEnd = 0;
  private minorsToSkip = 0;

  /**
   * `release` takes back a block whose owner is gone. With `synchronous` false, owners are found by finalizers alone,
   * as in browsers.
   */
  constructor(release: (block: Block) => void, synchronous: boolean) {
    this.release = release;
    if (!synchronous || Reflect.get(globalThis, "process") === undefined) this.waitForFinalizers();
  }

  /** Ties `block` to the life of `owner`. */
  hold(owner: object, block: Block): Tenancy {
    const tenancy: Tenancy = { block, place: this.live.length, ref: null };
    if (this.finalizers === null) tenancy.ref = new WeakRef(owner);
    else this.finalizers.register(owner, tenancy, tenancy);
    this.live.push(tenancy);
    if (++this.sinceCheckpoint === ownersPerCheckpoint) {
      this.sinceCheckpoint = 0;
      this.collector()?.checkpoint();
    }
    this.bytes += block.size;
    return tenancy;
  }

  /** Gives the block back now; a second time does nothing. */
  end(tenancy: Tenancy): void {
    const { block } = tenancy;
    if (block === null) return;
    tenancy.block = null;
    this.finalizers?.unregister(tenancy);
    const moved = this.live.pop();
    if (moved !== undefined && moved !== tenancy) {
      moved.place = tenancy.place;
      this.live[moved.place] = moved;
    }
    this.bytes -= block.size;
    this.release(block);
  }

  /** Whether enough has been taken since the last collection to ask for one before `bytes` more are. */
  pressing(bytes: number): boolean {
    return this.bytes + bytes > this.nextBytes || this.live.length > this.nextOwners;
  }

  /** Finds and frees what is dead, cheaply first. */
  relieve(): void {
    const start = performance.now();
    const collector = this.collector();
    if (collector !== null) {
      let freed = 0;
      if (this.useMinors(collector) && this.minorsToSkip-- <= 0) {
        collector.minor();
        freed = this.sweep();
      }
      // Young collections miss what has lived through some of them.
      if (freed < this.headroom / 2) {
        collector.major();
        this.minorsToSkip = this.sweep() > this.headroom / 2 ? 8 : 0;
      }
    }
    this.plan(start);
  }

  /** Finds and frees all that is dead. */
  collect(): void {
    const collector = this.collector();
    if (collector === null) return;
    const start = performance.now();
    collector.major();
    this.sweep();
    this.plan(start);
  }

  private plan(start: number): void {
    const end = performance.now();
    const cost = end - start;
    const between = start - this.lastEnd;
    if (cost * 20 > between) this.headroom = Math.min(mostHeadroom, this.headroom * 2);
    else if (cost * 100 < between) this.headroom = Math.max(leastHeadroom, this.headroom / 2);
    this.lastEnd = end;
    this.nextBytes = this.bytes + this.headroom;
    this.nextOwners = this.live.length + Math.max(ownersHeadroom, this.live.length);
  }

  private collector(): SyncCollector | null {
    if (this.found === undefined) {
      this.found = this.finalizers === null ? syncCollector() : null;
      if (this.found === null && this.finalizers === null) this.waitForFinalizers();
    }
    return this.found;
  }

  private useMinors(collector: SyncCollector): boolean {
    if (this.minors === undefined) this.minors = findsDead(() => collector.minor());
    return this.minors;
  }

  private waitForFinalizers(): void {
    const finalizers = new FinalizationRegistry<Tenancy>((tenancy) => this.end(tenancy));
    for (const tenancy of this.live) {
      const owner = tenancy.ref?.deref();
      if (owner !== undefined) finalizers.register(owner, tenancy, tenancy);
    }
    this.finalizers = finalizers;
  }

  /** Frees what dead owners held and says how much. Only here are WeakRefs read: it keeps their targets for the job. */
  private sweep(): number {
    const before = this.bytes;
    for (let i = this.live.length - 1; i >= 0; i--) {
      const tenancy = this.live[i];
      if (tenancy !== undefined && tenancy.ref?.deref() === undefined) this.end(tenancy);
    }
    return before - this.bytes;
  }
}

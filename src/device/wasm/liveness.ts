/** Frees blocks whose owner has become unreachable, inside a synchronous job where the engine allows it. */
import type { Block } from "./allocator.js";
import { findsDead, type SyncCollector, syncCollector } from "./host.js";

/** A block in somebody's hands; `block` is null once it is given back. Never refers to its owner strongly. */
export interface Tenancy {
  block: Block | null;
  /** The list it is in, and its position there. */
  readonly list: Tenancy[];
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
/**
 * Where young collections find dead owners, which takes some 0.05 ms, they are also asked for whenever so many bytes of
 * large blocks are new: a large result then goes where the last one was, which the caches still hold. The room follows
 * the cost in the same way, and grows while nothing is found.
 */
const largeBlock = 2 ** 20;
const leastRoom = 4 * 2 ** 20;
const firstRoom = 16 * 2 ** 20;
const mostTries = 6;
/** New WeakRefs get slower the more of them were made since the last checkpoint. */
const ownersPerCheckpoint = 1024;

export class Liveness {
  private readonly small: Tenancy[] = [];
  private readonly large: Tenancy[] = [];
  private readonly release: (block: Block) => void;
  /** Set where dead owners cannot be found inside a job. */
  private finalizers: FinalizationRegistry<Tenancy> | null = null;
  /** Undefined until first needed: making it costs a context. */
  private found: SyncCollector | null | undefined;
  /** Whether young collections are of use; undefined until first needed: finding out costs one or two. */
  private minors: boolean | undefined;
  private failedTries = 0;
  private sinceCheckpoint = 0;
  private bytes = 0;
  private headroom = firstHeadroom;
  private nextBytes = firstHeadroom;
  private nextOwners = ownersHeadroom;
  private lastEnd = 0;
  private largeBytes = 0;
  private room = firstRoom;
  private nextLarge = firstRoom;
  private lastLook = 0;
  private lookCost = Infinity;
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
    const isLarge = block.size >= largeBlock;
    const list = isLarge ? this.large : this.small;
    const tenancy: Tenancy = { block, list, place: list.length, ref: null };
    if (this.finalizers === null) tenancy.ref = new WeakRef(owner);
    else this.finalizers.register(owner, tenancy, tenancy);
    list.push(tenancy);
    if (++this.sinceCheckpoint === ownersPerCheckpoint) {
      this.sinceCheckpoint = 0;
      this.collector()?.checkpoint();
    }
    this.bytes += block.size;
    if (isLarge) this.largeBytes += block.size;
    return tenancy;
  }

  /** Gives the block back now; a second time does nothing. */
  end(tenancy: Tenancy): void {
    const { block } = tenancy;
    if (block === null) return;
    tenancy.block = null;
    this.finalizers?.unregister(tenancy);
    const { list } = tenancy;
    const moved = list.pop();
    if (moved !== undefined && moved !== tenancy) {
      moved.place = tenancy.place;
      list[moved.place] = moved;
    }
    this.bytes -= block.size;
    if (block.size >= largeBlock) this.largeBytes -= block.size;
    this.release(block);
  }

  private get owners(): number {
    return this.small.length + this.large.length;
  }

  private isFull(bytes: number): boolean {
    return this.bytes + bytes > this.nextBytes || this.owners > this.nextOwners;
  }

  /** Whether enough has been taken since the last collection to ask for one before `bytes` more are. */
  pressing(bytes: number): boolean {
    if (this.isFull(bytes)) return true;
    return bytes >= largeBlock && this.largeBytes + bytes > this.nextLarge;
  }

  /** Finds and frees what is dead before `bytes` more are taken, cheaply first. */
  relieve(bytes: number): void {
    if (!this.isFull(bytes)) {
      this.look();
      return;
    }
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

  /** Frees the large blocks whose owners a young collection finds dead. */
  private look(): void {
    const collector = this.collector();
    if (collector === null || !this.useMinors(collector)) {
      const later = collector !== null && this.minors === undefined;
      this.nextLarge = later ? this.largeBytes + firstRoom : Infinity;
      return;
    }
    const start = performance.now();
    collector.minor();
    const before = this.bytes;
    this.sweepList(this.large);
    const end = performance.now();
    const between = start - this.lastLook;
    const found = this.bytes < before;
    // What was interrupted takes long now and then.
    this.lookCost = Math.min(end - start, this.lookCost * 1.25);
    if (!found || this.lookCost * 20 > between) this.room = Math.min(mostHeadroom, this.room * 2);
    else if (this.lookCost * 40 < between) this.room = Math.max(leastRoom, this.room / 2);
    this.lastLook = end;
    this.nextLarge = this.largeBytes + this.room;
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
    this.nextOwners = this.owners + Math.max(ownersHeadroom, this.owners);
    if (this.nextLarge !== Infinity) this.nextLarge = this.largeBytes + this.room;
  }

  private collector(): SyncCollector | null {
    if (this.found === undefined) {
      this.found = this.finalizers === null ? syncCollector() : null;
      if (this.found === null && this.finalizers === null) this.waitForFinalizers();
    }
    return this.found;
  }

  /** While old objects are being marked, young collections find nothing either: asked at several times before giving up. */
  private useMinors(collector: SyncCollector): boolean {
    if (this.minors === undefined) {
      if (findsDead(() => collector.minor())) this.minors = true;
      else if (++this.failedTries === mostTries) this.minors = false;
    }
    return this.minors === true;
  }

  private waitForFinalizers(): void {
    const finalizers = new FinalizationRegistry<Tenancy>((tenancy) => this.end(tenancy));
    for (const tenancy of [...this.small, ...this.large]) {
      const owner = tenancy.ref?.deref();
      if (owner !== undefined) finalizers.register(owner, tenancy, tenancy);
    }
    this.finalizers = finalizers;
  }

  /** Frees what dead owners held and says how much. Only here are WeakRefs read: it keeps their targets for the job. */
  private sweep(): number {
    const before = this.bytes;
    this.sweepList(this.small);
    this.sweepList(this.large);
    return before - this.bytes;
  }

  private sweepList(list: readonly Tenancy[]): void {
    for (let i = list.length - 1; i >= 0; i--) {
      const tenancy = list[i];
      if (tenancy !== undefined && tenancy.ref?.deref() === undefined) this.end(tenancy);
    }
  }
}

/** The device's memory as its users see it: blocks that are freed when their owner is, up to a limit. */
import { DeviceError } from "../../core/errors.js";
import type { MemoryInfo } from "../contract.js";
import { Allocator, type Block, unit } from "./allocator.js";
import { macrotask } from "./host.js";
import { Liveness, type Tenancy } from "./liveness.js";
import { LinearMemory, pageBytes } from "./memory.js";
import { Queue } from "./queue.js";

/** The word where running code leaves the first fault. It lies before all blocks; address 0 stays unused. */
export const faultAddress: number = unit;
const firstBlock = 2 * unit;
/** Reading this far behind any block is harmless. */
const slack = unit;
/**
 * Large blocks are this much longer than asked for, or those of one power of two would all start at the same place of a
 * page and compete for the same cache sets: a sum of 15 buffers takes 2.6 times as long then.
 */
const stagger = 3 * unit;
const largeBlock = 4096;
const initialPages = 16;
const leastGrowth = 4 * 2 ** 20;

const readable = (bytes: number): string => {
  if (bytes < 2 ** 20) return `${Math.ceil(bytes / 1024)} KiB`;
  return bytes < 2 ** 30
    ? `${(bytes / 2 ** 20).toFixed(1)} MiB`
    : `${(bytes / 2 ** 30).toFixed(2)} GiB`;
};

export class Heap {
  readonly linear: LinearMemory;
  /** Submitted work: blocks given back meanwhile are kept until it is done. */
  readonly queue: Queue = new Queue(macrotask, () => this.freeRetired());
  private readonly allocator: Allocator;
  private readonly liveness: Liveness;
  private readonly retired: Block[] = [];
  private limit: number;
  private spare = Number.POSITIVE_INFINITY;
  private peak = 0;

  private readonly refuse: ((bytes: number) => boolean) | null;

  /** With `synchronous` false dead owners are found by finalizers alone. What `refuse` says is not to be had. */
  constructor(
    shared: boolean,
    limitBytes: number,
    synchronous: boolean,
    refuse: ((bytes: number) => boolean) | null = null,
  ) {
    this.refuse = refuse;
    this.linear = new LinearMemory(shared, initialPages);
    this.limit = Math.min(limitBytes, this.linear.maxBytes);
    this.allocator = new Allocator(firstBlock, this.linear.bytes - slack);
    this.liveness = new Liveness((block) => this.giveBack(block), synchronous);
  }

  /** A block that is in nobody's hands yet. Throws a DeviceError when there is no room, and can be used after that. */
  reserve(bytes: number): Block {
    if (this.liveness.pressing(bytes)) this.liveness.relieve(bytes);
    const none = bytes > this.limit || this.refuse?.(bytes) === true;
    const block = none ? null : (this.take(bytes) ?? this.takeAfterCollection(bytes));
    if (block === null) {
      throw new DeviceError(
        `[allocate] expected room for ${readable(bytes)}, got ${readable(this.allocator.usedBytes)} live of a limit of ` +
          `${readable(this.limit)}: drop or dispose arrays, work in smaller pieces, or raise the memory limit`,
      );
    }
    this.peak = Math.max(this.peak, this.allocator.usedBytes);
    return block;
  }

  giveBack(block: Block): void {
    if (this.queue.busy) this.retired.push(block);
    else this.allocator.free(block);
  }

  /** Ties a block to the life of its owner. */
  hold(owner: object, block: Block): Tenancy {
    return this.liveness.hold(owner, block);
  }

  /** Gives a block back before its owner is gone; a second time does nothing. */
  end(tenancy: Tenancy): void {
    this.liveness.end(tenancy);
  }

  /** A copy of bytes once all submitted work is done. */
  read(address: number, bytes: number): Uint8Array {
    this.queue.drain();
    return this.linear.u8.slice(address, address + bytes);
  }

  /** The same without holding up the event loop; `owner` stays alive until then. */
  readAsync(owner: { readonly address: number }, bytes: number): Promise<Uint8Array> {
    const { address } = owner;
    if (!this.queue.busy) return Promise.resolve(this.read(address, bytes));
    return this.queue.push({
      step: () => "done",
      result: () => this.linear.u8.slice(address, address + bytes),
      keep: owner,
    });
  }

  /** Forgets the peak so far. */
  resetPeak(): void {
    this.peak = this.allocator.usedBytes;
  }

  collect(): void {
    this.liveness.collect();
  }

  /** The most the heap may grow to from now on; what is in use already stays. */
  setLimit(bytes: number): void {
    this.limit = Math.min(bytes, this.linear.maxBytes);
  }

  /** The most that is taken beyond what is needed. */
  setSpare(bytes: number): void {
    this.spare = bytes;
  }

  info(): MemoryInfo {
    return {
      activeBytes: this.allocator.usedBytes,
      peakBytes: this.peak,
      heapBytes: this.linear.bytes,
      limitBytes: this.limit,
    };
  }

  private take(asked: number): Block | null {
    const bytes = asked >= largeBlock ? asked + stagger : asked;
    return (
      this.allocator.allocate(bytes) ?? (this.grow(bytes) ? this.allocator.allocate(bytes) : null)
    );
  }

  private takeAfterCollection(bytes: number): Block | null {
    this.queue.drain();
    this.collect();
    return this.take(bytes);
  }

  /** Grows by half, or by no more than needed where that is too much. */
  private grow(bytes: number): boolean {
    const { linear } = this;
    const needed = this.allocator.missing(bytes);
    const most = Math.floor(this.limit / pageBytes) * pageBytes;
    if (linear.bytes + needed > most) return false;
    const spare = Math.min(Math.max(leastGrowth, linear.bytes / 2) - needed, this.spare);
    const generous = Math.min(most, linear.bytes + needed + Math.max(0, spare));
    if (!linear.grow(generous) && !linear.grow(linear.bytes + needed)) return false;
    this.allocator.extend(linear.bytes - slack);
    return true;
  }

  private freeRetired(): void {
    for (const block of this.retired) this.allocator.free(block);
    this.retired.length = 0;
  }
}

/** Which ranges of an address space are in use: constant-time allocation from size-class bins, coalescing at once. */
import { InternalError } from "../../core/errors.js";

/** Alignment and granularity, in bytes. */
export const unit = 64;

/** A range in use or free; all blocks together tile the space. */
export interface Block {
  readonly address: number;
  /** In bytes, a multiple of `unit`. */
  readonly size: number;
}

class Range implements Block {
  address: number;
  size: number;
  free = true;
  /** Neighbours by address. */
  before: Range | null = null;
  after: Range | null = null;
  /** Neighbours in the bin. */
  next: Range | null = null;
  previous: Range | null = null;

  constructor(address: number, size: number) {
    this.address = address;
    this.size = size;
  }
}

/** Below 64 units a bin holds one size; above, each power of two has 16 bins. */
const exact = 64;
const steps = 16;
const bins = exact + 21 * steps;

const log2 = (n: number): number => 31 - Math.clz32(n);

/** The bin that holds free ranges of `units`. */
const binOf = (units: number): number => {
  if (units < exact) return units;
  const level = log2(units);
  return exact + (level - 6) * steps + ((units >>> (level - 4)) & (steps - 1));
};

/** The first bin all of whose ranges hold `units`. */
const binFor = (units: number): number =>
  units < exact ? units : binOf(units + (1 << (log2(units) - 4)) - 1);

/** Addresses from `start` to an end that can be moved up. */
export class Allocator {
  private end: number;
  private used = 0;
  private last: Range | null = null;
  private readonly heads: (Range | null)[] = new Array<Range | null>(bins).fill(null);
  /** One bit per bin that is not empty. */
  private readonly filled = new Int32Array(Math.ceil(bins / 32));

  constructor(start: number, end: number) {
    this.end = Math.ceil(start / unit) * unit;
    this.extend(end);
  }

  get usedBytes(): number {
    return this.used;
  }

  /** Adds the addresses up to `end` to the free ones. */
  extend(end: number): void {
    const size = Math.floor((end - this.end) / unit) * unit;
    if (size <= 0) return;
    const range = new Range(this.end, size);
    range.before = this.last;
    if (this.last !== null) this.last.after = range;
    this.last = range;
    this.end += size;
    this.insert(this.merge(range));
  }

  /** How much `extend` must at least add before `allocate(bytes)` can succeed: the last range may be free already. */
  missing(bytes: number): number {
    const tail = this.last?.free ? this.last.size : 0;
    return Math.max(0, Math.ceil(bytes / unit) * unit - tail);
  }

  /** A block of at least `bytes` (and at least one unit), or null where no free range is large enough. */
  allocate(bytes: number): Block | null {
    const units = Math.max(1, Math.ceil(bytes / unit));
    const range = this.find(units);
    if (range === null) return null;
    this.remove(range);
    const rest = range.size - units * unit;
    if (rest > 0) this.split(range, units * unit);
    range.free = false;
    this.used += range.size;
    return range;
  }

  free(block: Block): void {
    if (!(block instanceof Range) || block.free) {
      throw new InternalError(
        `[free] expected a block in use, got ${block.size} bytes at ${block.address}`,
      );
    }
    this.used -= block.size;
    block.free = true;
    this.insert(this.merge(block));
  }

  /** The ranges in address order, for tests. */
  *ranges(): Generator<{
    readonly address: number;
    readonly size: number;
    readonly free: boolean;
  }> {
    let first = this.last;
    while (first?.before) first = first.before;
    for (let r = first; r !== null; r = r.after) yield r;
  }

  private find(units: number): Range | null {
    const from = binFor(units);
    for (let word = from >>> 5; word < this.filled.length; word++) {
      const bits = (this.filled[word] ?? 0) & (word === from >>> 5 ? -1 << (from & 31) : -1);
      if (bits !== 0) return this.heads[word * 32 + log2(bits & -bits)] ?? null;
    }
    // The own bin may still hold one that is large enough.
    for (let r = this.heads[binOf(units)] ?? null; r !== null; r = r.next) {
      if (r.size >= units * unit) return r;
    }
    return null;
  }

  private split(range: Range, size: number): void {
    const rest = new Range(range.address + size, range.size - size);
    rest.before = range;
    rest.after = range.after;
    if (range.after === null) this.last = rest;
    else range.after.before = rest;
    range.after = rest;
    range.size = size;
    this.insert(rest);
  }

  /** Joins a free range with free neighbours; the result is in no bin. */
  private merge(range: Range): Range {
    let joined = range;
    const { before, after } = range;
    if (before?.free) {
      this.remove(before);
      this.absorb(before, range);
      joined = before;
    }
    if (after?.free) {
      this.remove(after);
      this.absorb(joined, after);
    }
    return joined;
  }

  private absorb(range: Range, after: Range): void {
    range.size += after.size;
    range.after = after.after;
    if (after.after === null) this.last = range;
    else after.after.before = range;
  }

  private insert(range: Range): void {
    const bin = binOf(range.size / unit);
    const head = this.heads[bin] ?? null;
    range.previous = null;
    range.next = head;
    if (head !== null) head.previous = range;
    this.heads[bin] = range;
    this.filled[bin >>> 5] = (this.filled[bin >>> 5] ?? 0) | (1 << (bin & 31));
  }

  private remove(range: Range): void {
    const { next, previous } = range;
    if (next !== null) next.previous = previous;
    if (previous !== null) {
      previous.next = next;
      return;
    }
    const bin = binOf(range.size / unit);
    this.heads[bin] = next;
    if (next === null) this.filled[bin >>> 5] = (this.filled[bin >>> 5] ?? 0) & ~(1 << (bin & 31));
  }
}

/** Kernels made known to other threads: a chain of modules in shared memory that each thread reads at its own pace. */
import { DeviceError } from "../../core/errors.js";
import type { Block } from "./allocator.js";
import { news } from "./control.js";
import type { Heap } from "./heap.js";
import type { LoadedKernel, LoadedModule } from "./loaded.js";

/** A block, or null where there is no memory for it: help is not worth a failure. */
export const reserve = (heap: Heap, bytes: number): Block | null => {
  try {
    return heap.reserve(bytes);
  } catch (error) {
    if (error instanceof DeviceError) return null;
    throw error;
  }
};

export class News {
  private readonly heap: Heap;
  /** Addresses of the words that hold the first entry's address and the number of entries. */
  private readonly first: number;
  private readonly count: number;
  private readonly known = new WeakSet<LoadedModule>();
  /** Entries that some thread may not have read yet, the first being number `dropped` + 1. */
  private readonly entries: Block[] = [];
  private dropped = 0;

  constructor(heap: Heap, first: number, count: number) {
    this.heap = heap;
    this.first = first;
    this.count = count;
  }

  /** Makes kernels known; false where there is no memory for that. All threads have read the first `read` entries. */
  publish(kernels: Iterable<LoadedKernel>, read: number): boolean {
    this.forget(read);
    for (const { module } of kernels) {
      if (this.known.has(module)) continue;
      const { bytes, places } = module;
      const code = news.places + 4 * places.length;
      const block = reserve(this.heap, code + bytes.length);
      if (block === null) return false;
      const { i32, u8 } = this.heap.linear;
      const at = block.address;
      i32[(at + news.kernels) >>> 2] = places.length;
      i32[(at + news.length) >>> 2] = bytes.length;
      i32.set(places, (at + news.places) >>> 2);
      u8.set(bytes, at + code);
      const last = this.entries.at(-1);
      const next = last === undefined ? this.first : last.address + news.next;
      Atomics.store(i32, next >>> 2, at);
      this.entries.push(block);
      this.known.add(module);
      Atomics.add(i32, this.count >>> 2, 1);
    }
    return true;
  }

  /** Gives all entries back; no thread may read them any more. */
  free(): void {
    for (const block of this.entries) this.heap.giveBack(block);
    this.entries.length = 0;
  }

  /** Frees what all threads have read; the last one read is where they go on from. */
  private forget(read: number): void {
    while (this.dropped + 1 < read) {
      const block = this.entries.shift();
      if (block === undefined) return;
      this.dropped++;
      this.heap.giveBack(block);
    }
  }
}

/** A command list in linear memory: encoded once, its pointers and parameters patched at every run. */
import { InternalError } from "../../core/errors.js";
import type { ComputeType } from "../../core/scalar.js";
import type { Storage } from "../../core/storage.js";
import { isKernel } from "../../kernel/ir.js";
import { argBytes } from "../../render/contract.js";
import { commandsIn, type Executable, type Scalar, type Step } from "../contract.js";
import type { Block } from "./allocator.js";
import type { Heap } from "./heap.js";
import {
  type Begin,
  blockBytes,
  fixesAt,
  type Item,
  itemsOf,
  kernelOf,
  type Piece,
  type Pointer,
  sortPointers,
  type Turn,
} from "./items.js";
import type { Tenancy } from "./liveness.js";
import type { LoadedKernel } from "./loaded.js";
import type { LinearMemory } from "./memory.js";
import { fixBytes, flag, loopBlock, loopEntry, record, turn } from "./records.js";
import { WasmStorage } from "./storage.js";

/** Tiles are run in chunks of about this long. */
const chunkNanoseconds = 30_000;
/** What is worth waking a thread for: work of about this long. */
export const wakeNanoseconds = 80_000;

const paramTypes = (kernel: LoadedKernel): readonly ComputeType[] =>
  isKernel(kernel.program) ? kernel.program.params : [];

/** A list before it has a place in memory. */
export interface Encoding {
  readonly steps: readonly Step[];
  readonly slots: number;
  readonly items: readonly Item[];
  /** Pointers that are set by whoever runs the list. */
  readonly pointers: readonly Pointer[];
  /** Bytes of records and blocks. */
  readonly bytes: number;
}

export const encodingOf = (steps: readonly Step[], slots: number): Encoding => {
  const items = itemsOf(steps);
  const pointers = sortPointers(items, slots);
  const bytes = items.reduce((sum, item) => sum + record.bytes + blockBytes(item), 0);
  return { steps, slots, items, pointers, bytes };
};

/** Writes one parameter's slot. */
type WriteParam = (memory: LinearMemory, address: number, value: Scalar) => void;

const writeInt: WriteParam = (memory, address, value) => {
  memory.i32[address >>> 2] =
    typeof value === "bigint" ? Number(BigInt.asIntN(32, value)) : Number(value);
};

const writeWide: WriteParam = (memory, address, value) => {
  memory.i64[address >>> 3] = BigInt(value);
};

const writeParam: { readonly [T in ComputeType]: WriteParam } = {
  bool: (memory, address, value) => {
    memory.i32[address >>> 2] = value ? 1 : 0;
  },
  i32: writeInt,
  u32: writeInt,
  i64: writeWide,
  u64: writeWide,
  f32: (memory, address, value) => {
    memory.f32[address >>> 2] = Number(value);
  },
  f64: (memory, address, value) => {
    memory.f64[address >>> 3] = Number(value);
  },
};

interface ParamPatch {
  readonly position: number;
  readonly address: number;
  readonly write: WriteParam;
}

export class WasmExecutable implements Executable {
  readonly slots: number;
  readonly steps: readonly Step[];
  /** Addresses of the first record and behind the last. */
  readonly first: number;
  readonly end: number;
  /** Nanoseconds that all of it takes, and what threads can share of it takes, as estimated. */
  readonly cost: number;
  readonly sharedCost: number;
  /** The kernels that threads can share. */
  readonly sharedKernels: ReadonlySet<LoadedKernel>;
  /** Whom these kernels were made known to. */
  knownTo: object | null = null;
  /** Whom all its kernels were made known to. */
  knownToLeader: object | null = null;
  /** All kernels; whether other threads can run each of them. */
  readonly kernels: ReadonlySet<LoadedKernel>;
  readonly portable: boolean;
  readonly scratchBytes: number;
  readonly heap: Heap;
  private tenancy: Tenancy | null = null;
  /** Addresses of the pointers into each slot are words `starts[slot]` to `starts[slot + 1]` of `words`. */
  private readonly starts: Int32Array;
  private readonly words: Int32Array;
  private readonly offsets: Float64Array;
  /** Addresses bound last, to patch only what changed. */
  private readonly bound: Float64Array;
  private readonly located: Float64Array;
  private readonly params: readonly ParamPatch[];

  /** Where the blocks of the items are, while the list is encoded. */
  private readonly blocks = new Map<Item, number>();

  /**
   * Encodes into memory from `address`, of which as many bytes must be reserved as the encoding has; `fault` is the fault
   * word's address. Commands that take `share` nanoseconds or more are for all threads.
   */
  constructor(heap: Heap, encoding: Encoding, address: number, fault: number, share: number) {
    const { steps, slots, items, pointers } = encoding;
    this.heap = heap;
    this.slots = slots;
    this.steps = steps;
    this.first = address;
    this.end = this.first + items.length * record.bytes;
    this.bound = new Float64Array(slots).fill(-1);
    this.located = new Float64Array(slots);
    this.starts = new Int32Array(slots + 1);
    this.words = new Int32Array(pointers.length);
    this.offsets = new Float64Array(pointers.length);
    let next = this.end;
    for (const item of items) {
      this.blocks.set(item, next);
      next += blockBytes(item);
    }
    heap.linear.i32.fill(0, this.first >>> 2, next >>> 2);
    const shared = new Set<LoadedKernel>();
    let [cost, sharedCost] = [0, 0];
    for (const [i, item] of items.entries()) {
      const at = this.first + i * record.bytes;
      if (item.kind === "begin") this.encodeLoop(item, at);
      else if (item.kind === "turn") this.encodeTurn(item, at);
      else {
        const nanoseconds = this.encode(item, at, fault, share) * item.rounds;
        cost += nanoseconds;
        if (!this.isShared(i)) continue;
        sharedCost += nanoseconds;
        shared.add(kernelOf(item.command));
      }
    }
    const kernels = commandsIn(steps).map(kernelOf);
    this.kernels = new Set(kernels);
    this.portable = kernels.every((k) => k.portable);
    this.cost = cost;
    this.sharedCost = sharedCost;
    this.sharedKernels = shared;
    this.indexPointers(pointers);
    this.params = this.indexParams(items);
    this.scratchBytes = kernels.reduce((most, k) => Math.max(most, k.rendered.scratchBytes), 0);
    this.blocks.clear();
  }

  /** Takes over the block it was encoded in: it is given back with `release` or when this list is unreachable. */
  own(block: Block): void {
    this.tenancy = this.heap.hold(this, block);
  }

  release(): void {
    if (this.tenancy !== null) this.heap.end(this.tenancy);
  }

  /** The addresses of the buffers, valid until the next call. */
  locate(slots: readonly Storage[]): Float64Array {
    if (this.tenancy?.block === null)
      throw new InternalError("[run] expected a list in use, got a released one");
    if (slots.length < this.slots)
      throw new InternalError(`[run] expected ${this.slots} buffers, got ${slots.length}`);
    for (let s = 0; s < this.slots; s++) {
      const storage = slots[s];
      if (!(storage instanceof WasmStorage) || storage.heap !== this.heap) {
        throw new InternalError(`[run] slot ${s} is not in this device's memory: upload it first`);
      }
      this.located[s] = storage.address;
    }
    return this.located;
  }

  /** Makes the list run on these buffers and parameters. */
  patch(addresses: Float64Array, params: readonly Scalar[]): void {
    const { linear } = this.heap;
    const { i32 } = linear;
    for (let s = 0; s < this.slots; s++) {
      const address = addresses[s] ?? 0;
      if (this.bound[s] === address) continue;
      this.bound[s] = address;
      const end = this.starts[s + 1] ?? 0;
      for (let i = this.starts[s] ?? 0; i < end; i++) {
        i32[this.words[i] ?? 0] = address + (this.offsets[i] ?? 0);
      }
    }
    for (const { position, address, write } of this.params) {
      const value = params[position];
      if (value === undefined)
        throw new InternalError(`[run] expected a parameter ${position}, got ${params.length}`);
      write(linear, address, value);
    }
  }

  /** Forgets where it was paused. */
  rewind(): void {
    const { i32 } = this.heap.linear;
    for (let at = this.first; at < this.end; at += record.bytes) i32[(at + record.next) >>> 2] = 0;
  }

  private blockOf(item: Item): number {
    return this.blocks.get(item) ?? 0;
  }

  /** Whether threads may share record `i`. */
  private isShared(i: number): boolean {
    const at = this.first + i * record.bytes;
    return ((this.heap.linear.i32[(at + record.flags) >>> 2] ?? 0) & flag.serial) === 0;
  }

  /** Writes one record and its argument block; gives back how long the command takes. */
  private encode(p: Piece, address: number, fault: number, share: number): number {
    const { i32, f32 } = this.heap.linear;
    const { outer } = p.command;
    const { slot, portable } = kernelOf(p.command);
    const at = address >>> 2;
    const block = this.blockOf(p);
    const tiles = p.phase.tiles(outer);
    const cost = Math.max(p.phase.tileCost, 1);
    const all = tiles * cost;
    const serial = tiles < 2 || all < share || !portable;
    i32[at + record.kernel / 4] = slot;
    i32[at + record.tiles / 4] = tiles;
    i32[at + record.args / 4] = block;
    i32[at + record.flags / 4] =
      (serial ? flag.serial : 0) | (all >= wakeNanoseconds ? flag.large : 0);
    f32[at + record.cost / 4] = cost;
    i32[at + record.chunk / 4] = Math.max(1, Math.min(tiles, Math.round(chunkNanoseconds / cost)));
    i32[(block + argBytes.outer) >>> 2] = outer;
    i32[(block + argBytes.fault) >>> 2] = fault;
    i32[(block + argBytes.phase) >>> 2] = p.number;
    return all;
  }

  private encodeRecord(address: number, code: number, block: number, target: number): void {
    const { i32 } = this.heap.linear;
    const at = address >>> 2;
    i32[at + record.kernel / 4] = code;
    i32[at + record.args / 4] = block;
    i32[at + record.flags / 4] = flag.serial | flag.turn;
    i32[at + record.target / 4] = this.first + target * record.bytes;
  }

  private encodeTurn(t: Turn, address: number): void {
    this.encodeRecord(address, t.code, this.blockOf(t.block ?? t), t.target);
  }

  /** Writes the first record of a loop and its block: the slots it moves, and the pointers to these. */
  private encodeLoop(begin: Begin, address: number): void {
    const { i32 } = this.heap.linear;
    const { entries, loop } = begin;
    const block = this.blockOf(begin);
    const first = block + loopBlock.entries;
    this.encodeRecord(address, turn.begin, block, 0);
    i32[(block + loopBlock.count) >>> 2] = loop.count ?? 0;
    i32[(block + loopBlock.end) >>> 2] = first + entries.length * loopEntry.bytes;
    let fix = block + fixesAt(begin);
    for (const [i, { step, partner, pointers }] of entries.entries()) {
      const at = (first + i * loopEntry.bytes) >>> 2;
      i32[at + loopEntry.step / 4] = step;
      i32[at + loopEntry.partner / 4] = partner < 0 ? 0 : first + partner * loopEntry.bytes;
      i32[at + loopEntry.from / 4] = fix;
      for (const { item, at: word, ref } of pointers) {
        i32[fix >>> 2] = this.blockOf(item) + word;
        i32[(fix + 4) >>> 2] = ref.offset;
        fix += fixBytes;
      }
      i32[at + loopEntry.to / 4] = fix;
    }
  }

  private indexPointers(pointers: readonly Pointer[]): void {
    for (const { ref } of pointers)
      this.starts[ref.slot + 1] = (this.starts[ref.slot + 1] ?? 0) + 1;
    for (let s = 0; s < this.slots; s++)
      this.starts[s + 1] = (this.starts[s + 1] ?? 0) + (this.starts[s] ?? 0);
    const next = this.starts.slice();
    for (const { ref, item, at: place } of pointers) {
      const at = next[ref.slot] ?? 0;
      next[ref.slot] = at + 1;
      this.words[at] = (this.blockOf(item) + place) >>> 2;
      this.offsets[at] = ref.offset;
    }
  }

  private indexParams(items: readonly Item[]): ParamPatch[] {
    const patches: ParamPatch[] = [];
    for (const item of items) {
      if (item.kind !== "piece") continue;
      const { command: c } = item;
      const types = paramTypes(kernelOf(c));
      if (types.length !== c.params.length) {
        throw new InternalError(
          `[prepare] expected ${types.length} parameters for a kernel, got ${c.params.length}`,
        );
      }
      const first = this.blockOf(item) + argBytes.params(c.buffers.length);
      types.forEach((type, j) => {
        patches.push({
          position: c.params[j] ?? 0,
          address: first + 8 * j,
          write: writeParam[type],
        });
      });
    }
    return patches;
  }
}

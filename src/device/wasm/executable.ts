/** A command list in linear memory: encoded once, its pointers and parameters patched at every run. */
import { InternalError } from "../../core/errors.js";
import type { ComputeType } from "../../core/scalar.js";
import type { Storage } from "../../core/storage.js";
import { isKernel } from "../../kernel/ir.js";
import { argBytes, type Phase } from "../../render/contract.js";
import type { Command, Executable, Ref, Scalar } from "../contract.js";
import type { Block } from "./allocator.js";
import type { Heap } from "./heap.js";
import type { Tenancy } from "./liveness.js";
import { LoadedKernel } from "./loader.js";
import type { LinearMemory } from "./memory.js";
import { WasmStorage } from "./storage.js";
import { flag, record } from "./walker.js";

/** Tiles are run in chunks of about this long. */
const chunkNanoseconds = 30_000;
/** What is worth waking a thread for: work of about this long. */
export const wakeNanoseconds = 80_000;

const alignUp = (n: number, to: number): number => Math.ceil(n / to) * to;

const kernelOf = (command: Command): LoadedKernel => {
  if (command.loaded instanceof LoadedKernel) return command.loaded;
  throw new InternalError("[prepare] expected kernels loaded by this device");
};

const paramTypes = (kernel: LoadedKernel): readonly ComputeType[] =>
  isKernel(kernel.program) ? kernel.program.params : [];

/** One phase of a command: what a record runs. */
interface Piece {
  readonly command: Command;
  readonly number: number;
  readonly phase: Phase;
}

const piecesOf = (commands: readonly Command[]): readonly Piece[] => {
  const pieces: Piece[] = [];
  for (const command of commands) {
    const { rendered } = kernelOf(command);
    pieces.push({ command, number: 0, phase: rendered });
    rendered.later?.forEach((phase, i) => {
      pieces.push({ command, number: i + 1, phase });
    });
  }
  return pieces;
};

const argsOf = ({ command }: Piece): number =>
  alignUp(argBytes.total(command.buffers.length, command.params.length), 16);

/** Bytes of records and argument blocks. */
const encodedBytes = (pieces: readonly Piece[]): number =>
  pieces.reduce((bytes, p) => bytes + record.bytes + argsOf(p), 0);

/** The pointers of a piece: which slot, and where in its argument block. */
const pointersOf = ({ command }: Piece): readonly (readonly [ref: Ref, at: number])[] => {
  const buffers = command.buffers.map((ref, b) => [ref, argBytes.buffers + 4 * b] as const);
  return command.work === undefined ? buffers : [...buffers, [command.work, argBytes.shared]];
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
  readonly commands: readonly Command[];
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

  /**
   * Encodes into memory from `address`, of which `bytes(commands)` must be reserved; `fault` is the fault word's
   * address. Commands that take `share` nanoseconds or more are for all threads.
   */
  constructor(
    heap: Heap,
    commands: readonly Command[],
    slots: number,
    address: number,
    fault: number,
    share: number,
  ) {
    this.heap = heap;
    this.slots = slots;
    this.commands = commands;
    this.first = address;
    const pieces = piecesOf(commands);
    this.end = this.first + pieces.length * record.bytes;
    this.bound = new Float64Array(slots).fill(-1);
    this.located = new Float64Array(slots);
    this.starts = new Int32Array(slots + 1);
    const pointers = pieces.reduce((n, p) => n + pointersOf(p).length, 0);
    this.words = new Int32Array(pointers);
    this.offsets = new Float64Array(pointers);
    const args = this.argAddresses(pieces);
    const kernels = new Set<LoadedKernel>();
    let [cost, sharedCost] = [0, 0];
    pieces.forEach((p, i) => {
      const nanoseconds = this.encode(p, this.first + i * record.bytes, args[i] ?? 0, fault, share);
      cost += nanoseconds;
      if (!this.isShared(i)) return;
      sharedCost += nanoseconds;
      kernels.add(kernelOf(p.command));
    });
    this.kernels = new Set(commands.map(kernelOf));
    this.portable = [...this.kernels].every((k) => k.portable);
    this.cost = cost;
    this.sharedCost = sharedCost;
    this.sharedKernels = kernels;
    this.indexPointers(pieces, args);
    this.params = this.indexParams(pieces, args);
    this.scratchBytes = commands.reduce(
      (most, c) => Math.max(most, kernelOf(c).rendered.scratchBytes),
      0,
    );
  }

  static bytes(commands: readonly Command[]): number {
    return encodedBytes(piecesOf(commands));
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

  private argAddresses(pieces: readonly Piece[]): number[] {
    let next = this.end;
    return pieces.map((p) => {
      const address = next;
      next += argsOf(p);
      return address;
    });
  }

  /** Whether threads may share record `i`. */
  private isShared(i: number): boolean {
    const at = this.first + i * record.bytes;
    return ((this.heap.linear.i32[(at + record.flags) >>> 2] ?? 0) & flag.serial) === 0;
  }

  /** Writes one record and its argument block; gives back how long the command takes. */
  private encode(p: Piece, address: number, block: number, fault: number, share: number): number {
    const { i32, f32 } = this.heap.linear;
    const { outer } = p.command;
    const { slot, portable } = kernelOf(p.command);
    const at = address >>> 2;
    const tiles = p.phase.tiles(outer);
    const cost = Math.max(p.phase.tileCost, 1);
    const all = tiles * cost;
    const serial = tiles < 2 || all < share || !portable;
    i32.fill(0, at, at + record.bytes / 4);
    i32[at + record.kernel / 4] = slot;
    i32[at + record.tiles / 4] = tiles;
    i32[at + record.args / 4] = block;
    i32[at + record.flags / 4] =
      (serial ? flag.serial : 0) | (all >= wakeNanoseconds ? flag.large : 0);
    f32[at + record.cost / 4] = cost;
    i32[at + record.chunk / 4] = Math.max(1, Math.min(tiles, Math.round(chunkNanoseconds / cost)));
    i32.fill(0, block >>> 2, (block + argsOf(p)) >>> 2);
    i32[(block + argBytes.outer) >>> 2] = outer;
    i32[(block + argBytes.fault) >>> 2] = fault;
    i32[(block + argBytes.phase) >>> 2] = p.number;
    return all;
  }

  private indexPointers(pieces: readonly Piece[], args: readonly number[]): void {
    const pointers = pieces.map(pointersOf);
    for (const [{ slot }] of pointers.flat()) {
      if (slot < 0 || slot >= this.slots)
        throw new InternalError(`[prepare] expected slots below ${this.slots}, got ${slot}`);
      this.starts[slot + 1] = (this.starts[slot + 1] ?? 0) + 1;
    }
    for (let s = 0; s < this.slots; s++)
      this.starts[s + 1] = (this.starts[s + 1] ?? 0) + (this.starts[s] ?? 0);
    const next = this.starts.slice();
    pointers.forEach((list, i) => {
      for (const [{ slot, offset }, place] of list) {
        const at = next[slot] ?? 0;
        next[slot] = at + 1;
        this.words[at] = ((args[i] ?? 0) + place) >>> 2;
        this.offsets[at] = offset;
      }
    });
  }

  private indexParams(pieces: readonly Piece[], args: readonly number[]): ParamPatch[] {
    const patches: ParamPatch[] = [];
    pieces.forEach(({ command: c }, i) => {
      const types = paramTypes(kernelOf(c));
      if (types.length !== c.params.length) {
        throw new InternalError(
          `[prepare] expected ${types.length} parameters for a kernel, got ${c.params.length}`,
        );
      }
      const first = (args[i] ?? 0) + argBytes.params(c.buffers.length);
      types.forEach((type, j) => {
        patches.push({
          position: c.params[j] ?? 0,
          address: first + 8 * j,
          write: writeParam[type],
        });
      });
    });
    return patches;
  }
}

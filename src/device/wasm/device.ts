/** The CPU device: generated WebAssembly over one linear memory, command lists walked inside WebAssembly. */
import { InternalError } from "../../core/errors.js";
import type { Routine } from "../../core/routine.js";
import type { Storage } from "../../core/storage.js";
import type { Kernel } from "../../kernel/ir.js";
import type { Features, Render } from "../../render/contract.js";
import type {
  Command,
  Device,
  Executable,
  Fault,
  Loaded,
  MemoryInfo,
  Scalar,
} from "../contract.js";
import type { Block } from "./allocator.js";
import { WasmExecutable } from "./executable.js";
import { detectFeatures } from "./features.js";
import { faultAddress, Heap } from "./heap.js";
import { Loader, type LoaderCounts } from "./loader.js";
import { WasmStorage } from "./storage.js";

export interface WasmDeviceOptions {
  readonly render: Render;
  /** Most bytes the heap may take; 4 GiB or what the engine allows by default. */
  readonly limitBytes?: number;
  /** False leaves dead arrays to finalizers, as in browsers. */
  readonly synchronousCollection?: boolean;
}

export class WasmDevice implements Device {
  readonly name: string = "wasm";
  readonly synchronous: boolean = true;
  readonly features: Features;
  private readonly heap: Heap;
  private readonly loader: Loader;
  private scratch: Block | null = null;

  constructor(options: WasmDeviceOptions) {
    this.features = detectFeatures();
    const { limitBytes = Infinity, synchronousCollection = true } = options;
    this.heap = new Heap(this.features.shared, limitBytes, synchronousCollection);
    this.loader = new Loader(this.heap.linear, this.features, options.render);
  }

  allocate(bytes: number): Storage {
    return new WasmStorage(this.heap, this.heap.reserve(bytes), bytes);
  }

  upload(bytes: Uint8Array): Storage {
    const block = this.heap.reserve(bytes.byteLength);
    this.heap.linear.u8.set(bytes, block.address);
    return new WasmStorage(this.heap, block, bytes.byteLength);
  }

  owns(storage: Storage): boolean {
    return storage instanceof WasmStorage && storage.heap === this.heap;
  }

  load(program: Kernel | Routine): Loaded {
    return this.loader.load(program);
  }

  prepare(commands: readonly Command[], slots: number): Executable {
    const { heap } = this;
    const block = heap.reserve(WasmExecutable.bytes(commands));
    try {
      const executable = new WasmExecutable(heap, commands, slots, block.address, faultAddress);
      this.provideScratch(executable.scratchBytes);
      executable.own(block);
      return executable;
    } catch (error) {
      heap.giveBack(block);
      throw error;
    }
  }

  run(executable: Executable, slots: readonly Storage[], params: readonly Scalar[]): Fault | null {
    const list = this.mine(executable);
    const { heap } = this;
    if (heap.queue.busy) heap.queue.drain();
    list.patch(list.locate(slots), params);
    heap.linear.i32[faultAddress >>> 2] = 0;
    this.walk(list.first, list.end);
    return this.fault();
  }

  submit(
    executable: Executable,
    slots: readonly Storage[],
    params: readonly Scalar[],
  ): Promise<Fault | null> {
    const list = this.mine(executable);
    // Found now, so that what is disposed after submission is still read.
    const addresses = list.locate(slots).slice();
    let pause = -1;
    return this.heap.queue.push({
      step: () => {
        if (pause < 0) {
          list.patch(addresses, params);
          this.heap.linear.i32[faultAddress >>> 2] = 0;
        }
        const from = pause < 0 ? list.first : (list.pauses[pause] ?? list.end);
        pause++;
        const to = list.pauses[pause] ?? list.end;
        this.walk(from, to);
        return to >= list.end;
      },
      result: () => this.fault(),
      keep: [list, slots],
    });
  }

  memory(): MemoryInfo {
    return this.heap.info();
  }

  /** The most bytes the heap may grow to; what is in use already stays. */
  setLimit(bytes: number): void {
    this.heap.setLimit(bytes);
  }

  /** Lets the peak start anew from what is live now. */
  resetPeak(): void {
    this.heap.resetPeak();
  }

  collect(): void {
    this.heap.collect();
  }

  /** How many kernels were compiled, are kept and were dropped. */
  counts(): LoaderCounts {
    return this.loader.counts();
  }

  private mine(executable: Executable): WasmExecutable {
    if (executable instanceof WasmExecutable && executable.heap === this.heap) return executable;
    throw new InternalError("[run] expected a list prepared by this device");
  }

  private walk(from: number, to: number): void {
    this.loader.walk(from, to, this.scratch?.address ?? 0);
  }

  /** What the list that just ran left behind. */
  private fault(): Fault | null {
    const code = this.heap.linear.i32[faultAddress >>> 2] ?? 0;
    return code === 0 ? null : { code };
  }

  private provideScratch(bytes: number): void {
    if (bytes === 0 || (this.scratch !== null && this.scratch.size >= bytes)) return;
    const larger = this.heap.reserve(bytes);
    if (this.scratch !== null) this.heap.giveBack(this.scratch);
    this.scratch = larger;
  }
}

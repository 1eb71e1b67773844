/** An array's bytes in the device's linear memory. */
import { DeviceError } from "../../core/errors.js";
import { Storage } from "../../core/storage.js";
import type { Block } from "./allocator.js";
import type { Heap } from "./heap.js";
import type { Tenancy } from "./liveness.js";

export class WasmStorage extends Storage {
  override readonly byteLength: number;
  readonly heap: Heap;
  private readonly tenancy: Tenancy;

  constructor(heap: Heap, block: Block, byteLength: number) {
    super();
    this.heap = heap;
    this.byteLength = byteLength;
    this.tenancy = heap.hold(this, block);
  }

  /** False once disposed. */
  get alive(): boolean {
    return this.tenancy.block !== null;
  }

  /** Where the bytes start. Throws a DeviceError once disposed. */
  get address(): number {
    const { block } = this.tenancy;
    if (block === null)
      throw new DeviceError(
        "[read] expected live memory, got a disposed array: keep it or copy it",
      );
    return block.address;
  }

  override read(): Uint8Array {
    return this.heap.read(this.address, this.byteLength);
  }

  override readAsync(): Promise<Uint8Array> {
    return this.heap.readAsync(this, this.byteLength);
  }

  protected override free(): void {
    this.heap.end(this.tenancy);
  }
}

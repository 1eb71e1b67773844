/** The one linear memory of the device, and typed views on it that stay current as it grows. */
import { DeviceError } from "../../core/errors.js";

export const pageBytes = 65536;
const maxPages = 65536;

const create = (
  shared: boolean,
  pages: number,
): { memory: WebAssembly.Memory; maximum: number } => {
  for (let maximum = maxPages; maximum >= pages; maximum /= 2) {
    try {
      return { memory: new WebAssembly.Memory({ initial: pages, maximum, shared }), maximum };
    } catch {
      // Address space can be short, on 32-bit systems or under limits: ask for less.
    }
  }
  throw new DeviceError(
    `[device] expected ${pages * pageBytes} bytes of WebAssembly memory, got none: free memory`,
  );
};

/** Grows but never shrinks. Views are new objects after growth: take them from here at each use. */
export class LinearMemory {
  readonly memory: WebAssembly.Memory;
  readonly maxBytes: number;
  u8: Uint8Array;
  i32: Int32Array;
  u32: Uint32Array;
  f32: Float32Array;
  f64: Float64Array;
  i64: BigInt64Array;

  constructor(shared: boolean, initialPages: number) {
    const { memory, maximum } = create(shared, initialPages);
    this.memory = memory;
    this.maxBytes = maximum * pageBytes;
    const { buffer } = memory;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.i64 = new BigInt64Array(buffer);
  }

  get bytes(): number {
    return this.u8.byteLength;
  }

  /** Makes room for at least `bytes` in all; false where the engine refuses. */
  grow(bytes: number): boolean {
    const pages = Math.ceil((bytes - this.bytes) / pageBytes);
    if (pages <= 0) return true;
    try {
      this.memory.grow(pages);
    } catch {
      return false;
    }
    const { buffer } = this.memory;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.i64 = new BigInt64Array(buffer);
    return true;
  }
}

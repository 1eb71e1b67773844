/** Renders a program and runs it in a memory of its own, on bytes. */
import assert from "node:assert/strict";
import type { Routine } from "../../src/core/routine.js";
import { hostMath } from "../../src/kernel/host-math.js";
import type { Kernel } from "../../src/kernel/ir.js";
import { argBytes, type Features } from "../../src/render/contract.js";
import { render } from "../../src/render/wasm/index.js";

type Entry = (args: number, start: number, end: number, scratch: number) => void;
const isEntry = (f: unknown): f is Entry => typeof f === "function";

const plainFeatures: Features = { relaxed: false, shared: false };
const fault = 64;
const args = 128;
const firstBuffer = 1024;
const guard = 0xa5;

export interface Ran {
  readonly outputs: readonly Uint8Array[];
  readonly fault: number;
}

/** A program instantiated once and run any number of times. */
export class RenderedProgram {
  readonly #rendered;
  readonly #memory: WebAssembly.Memory;
  readonly #entry: Entry;

  constructor(program: Kernel | Routine, features: Features = plainFeatures) {
    this.#rendered = render(program, features);
    this.#memory = new WebAssembly.Memory({ initial: 4 });
    const module = new WebAssembly.Module(this.#rendered.code.bytes());
    const imports = { env: { memory: this.#memory }, m: { ...hostMath } };
    const { k } = new WebAssembly.Instance(module, imports).exports;
    if (!isEntry(k)) throw new TypeError("expected the module to export k");
    this.#entry = k;
  }

  /** Runs all tiles, the last one first; buffers are the inputs, then outputs of the given sizes. */
  run(inputs: readonly Uint8Array[], outputBytes: readonly number[], outer = 1): Ran {
    let next = firstBuffer;
    const place = (bytes: number): number => {
      const at = next;
      next = Math.ceil((next + bytes + 64) / 64) * 64;
      return at;
    };
    const addresses = [...inputs.map((b) => b.length), ...outputBytes].map(place);
    const shared = place(this.#rendered.sharedBytes?.(outer) ?? 0);
    const scratchEnd = next + this.#rendered.scratchBytes;
    const missing = scratchEnd + 4096 - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / 65536));
    const heap = new Uint8Array(this.#memory.buffer);
    const words = new Int32Array(this.#memory.buffer);
    heap.fill(0, 0, next);
    heap.fill(guard, next, scratchEnd + 64);
    words[(args + argBytes.outer) / 4] = outer;
    words[(args + argBytes.fault) / 4] = fault;
    inputs.forEach((b, i) => {
      heap.set(b, addresses[i] ?? 0);
    });
    addresses.forEach((address, i) => {
      words[(args + argBytes.buffers) / 4 + i] = address;
    });
    words[(args + argBytes.shared) / 4] = shared;
    [this.#rendered, ...(this.#rendered.later ?? [])].forEach((phase, number) => {
      words[(args + argBytes.phase) / 4] = number;
      for (let tile = phase.tiles(outer) - 1; tile >= 0; tile--)
        this.#entry(args, tile, tile + 1, next);
    });
    assert.equal(heap[scratchEnd], guard, "wrote past its scratch");
    const outputs = outputBytes.map((n, i) => {
      const at = addresses[inputs.length + i] ?? 0;
      const behind = heap.subarray(at + n, at + n + 8);
      assert.ok(
        behind.every((b) => b === 0),
        "wrote past an output",
      );
      return heap.slice(at, at + n);
    });
    return { outputs, fault: words[fault / 4] ?? 0 };
  }
}

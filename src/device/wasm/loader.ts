/** Kernels as table entries: rendered, compiled and instantiated once per structure. */
import { InternalError } from "../../core/errors.js";
import type { Routine } from "../../core/routine.js";
import { hostMath } from "../../kernel/host-math.js";
import { isKernel, type Kernel } from "../../kernel/ir.js";
import { programKey } from "../../kernel/key.js";
import { check } from "../../kernel/spec.js";
import type { Features, Render, Rendered } from "../../render/contract.js";
import type { Loaded } from "../contract.js";
import type { LinearMemory } from "./memory.js";
import { walkerModule } from "./walker.js";

/** A kernel that command lists can name by its place in the function table. */
export class LoadedKernel implements Loaded {
  readonly program: Kernel | Routine;
  readonly rendered: Rendered;
  readonly slot: number;

  constructor(program: Kernel | Routine, rendered: Rendered, slot: number) {
    this.program = program;
    this.rendered = rendered;
    this.slot = slot;
  }
}

/** Runs records from address `first` up to `end`. */
export type Walk = (first: number, end: number, scratch: number) => void;

const isWalk = (f: unknown): f is Walk => typeof f === "function";
const isBytes = (b: Uint8Array): b is Uint8Array<ArrayBuffer> => b.buffer instanceof ArrayBuffer;

/** How many kernels are kept for reuse. Those of living command lists stay in the table besides. */
const cacheSize = 4096;

export interface LoaderCounts {
  readonly compiled: number;
  readonly cached: number;
  readonly evicted: number;
}

export class Loader {
  readonly walk: Walk;
  private readonly render: Render;
  private readonly features: Features;
  private readonly imports: WebAssembly.Imports;
  private readonly table: WebAssembly.Table;
  /** Least recently used first. */
  private readonly cache = new Map<string, LoadedKernel>();
  private readonly freeSlots: number[] = [];
  private usedSlots = 0;
  private compiled = 0;
  private evicted = 0;
  /** A slot is free again when nothing can name it: neither the cache nor a command list. */
  private readonly slots: FinalizationRegistry<number>;

  constructor(memory: LinearMemory, features: Features, render: Render) {
    this.render = render;
    this.features = features;
    this.table = new WebAssembly.Table({ initial: 64, element: "anyfunc" });
    this.imports = { env: { memory: memory.memory }, m: { ...hostMath } };
    this.slots = new FinalizationRegistry((slot) => {
      this.table.set(slot, null);
      this.freeSlots.push(slot);
    });
    const walker = new WebAssembly.Module(walkerModule(features.shared));
    const { walk } = new WebAssembly.Instance(walker, {
      env: { memory: memory.memory, table: this.table },
    }).exports;
    if (!isWalk(walk)) throw new InternalError("[device] the walker exports no function");
    this.walk = walk;
  }

  counts(): LoaderCounts {
    return { compiled: this.compiled, cached: this.cache.size, evicted: this.evicted };
  }

  load(program: Kernel | Routine): LoadedKernel {
    const key = programKey(program);
    const known = this.cache.get(key);
    if (known !== undefined) {
      this.cache.delete(key);
      this.cache.set(key, known);
      return known;
    }
    if (isKernel(program)) check(program);
    const loaded = this.compile(program);
    this.cache.set(key, loaded);
    this.evict();
    return loaded;
  }

  private compile(program: Kernel | Routine): LoadedKernel {
    const rendered = this.render(program, this.features);
    const bytes = isBytes(rendered.bytes) ? rendered.bytes : new Uint8Array(rendered.bytes);
    const { k } = new WebAssembly.Instance(new WebAssembly.Module(bytes), this.imports).exports;
    const slot = this.freeSlots.pop() ?? this.usedSlots++;
    if (slot >= this.table.length) this.table.grow(this.table.length);
    this.table.set(slot, k);
    this.compiled++;
    const loaded = new LoadedKernel(program, rendered, slot);
    this.slots.register(loaded, slot);
    return loaded;
  }

  private evict(): void {
    if (this.cache.size <= cacheSize) return;
    const [oldest] = this.cache.keys();
    if (oldest === undefined) return;
    this.cache.delete(oldest);
    this.evicted++;
  }
}

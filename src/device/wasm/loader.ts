/** Kernels as table entries: rendered, compiled and instantiated once per structure. */
import { InternalError } from "../../core/errors.js";
import type { Routine } from "../../core/routine.js";
import { hostMath } from "../../kernel/host-math.js";
import { isKernel, type Kernel } from "../../kernel/ir.js";
import { programKey } from "../../kernel/key.js";
import { check } from "../../kernel/spec.js";
import type { Features, Render, Rendered } from "../../render/contract.js";
import type { Loaded } from "../contract.js";
import type { Blas } from "./blas.js";
import { findHostCode, type HostCode } from "./host-code.js";
import { hostImports } from "./host-thread.js";
import type { LinearMemory } from "./memory.js";
import { walkerModule } from "./walker.js";

/** A kernel that command lists can name by its place in the function table. */
export class LoadedKernel implements Loaded {
  readonly program: Kernel | Routine;
  readonly rendered: Rendered;
  readonly slot: number;
  /** Whether other threads can run it: they have no host math but what `Math` has. */
  readonly portable: boolean;

  constructor(program: Kernel | Routine, rendered: Rendered, slot: number, portable: boolean) {
    this.program = program;
    this.rendered = rendered;
    this.slot = slot;
    this.portable = portable;
  }

  workBytes(outer: number): number {
    return this.rendered.sharedBytes?.(outer) ?? 0;
  }
}

/** Runs records from address `at` up to `end`, see the walker. */
export type Walk = (
  at: number,
  end: number,
  scratch: number,
  control: number,
  deadline: number,
) => number;

const isWalk = (f: unknown): f is Walk => typeof f === "function";
const isBytes = (b: Uint8Array): b is Uint8Array<ArrayBuffer> => b.buffer instanceof ArrayBuffer;

const isPortable = (module: WebAssembly.Module, blas: Blas | null, host: HostCode): boolean =>
  WebAssembly.Module.imports(module).every(({ module: from, name }) => {
    if (from === "blas") return blas !== null && blas.threads > 1;
    if (from === "host") return host.present;
    return (
      from === "env" || (from === "m" && Reflect.get(Math, name) === Reflect.get(hostMath, name))
    );
  });

/** How many kernels are kept for reuse. Those of living command lists stay in the table besides. */
const cacheSize = 4096;

export interface LoaderCounts {
  readonly compiled: number;
  readonly cached: number;
  readonly evicted: number;
}

export class Loader {
  readonly walk: Walk;
  /** The module of `walk`, which other threads run too. */
  readonly walker: Uint8Array<ArrayBuffer>;
  /** What other threads load for routines in JavaScript. */
  readonly host: HostCode;
  private readonly render: Render;
  private features: Features;
  private readonly imports: Record<string, WebAssembly.ModuleImports>;
  private readonly table: WebAssembly.Table;
  /** Least recently used first. */
  private readonly cache = new Map<string, LoadedKernel>();
  private readonly freeSlots: number[] = [];
  private usedSlots = 0;
  /** What module `blas` is, once some kernel may import it. */
  private blas: Blas | null = null;
  private compiled = 0;
  private evicted = 0;
  /** A slot is free again when nothing can name it: neither the cache nor a command list. */
  private readonly slots: FinalizationRegistry<number>;

  constructor(memory: LinearMemory, features: Features, render: Render) {
    this.render = render;
    this.features = features;
    this.table = new WebAssembly.Table({ initial: 64, element: "anyfunc" });
    this.host = findHostCode(() => this.forget(this.features));
    this.imports = {
      env: { memory: memory.memory },
      m: { ...hostMath },
      host: hostImports(() => memory),
    };
    this.slots = new FinalizationRegistry((slot) => {
      this.table.set(slot, null);
      this.freeSlots.push(slot);
    });
    this.walker = walkerModule(features.shared);
    const { walk } = new WebAssembly.Instance(new WebAssembly.Module(this.walker), {
      env: { memory: memory.memory, table: this.table, now: () => performance.now() },
    }).exports;
    if (!isWalk(walk)) throw new InternalError("[device] the walker exports no function");
    this.walk = walk;
  }

  counts(): LoaderCounts {
    return { compiled: this.compiled, cached: this.cache.size, evicted: this.evicted };
  }

  /** From now on kernels that import module `blas` are linked with this library. */
  link(blas: Blas): void {
    this.blas = blas;
    this.imports.blas = { ...blas.imports };
  }

  /** Renders kernels anew, for these features, when they are next loaded. */
  forget(features: Features): void {
    this.features = features;
    this.cache.clear();
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
    const module = new WebAssembly.Module(bytes);
    const { k } = new WebAssembly.Instance(module, this.imports).exports;
    const slot = this.freeSlots.pop() ?? this.usedSlots++;
    if (slot >= this.table.length) this.table.grow(this.table.length);
    this.table.set(slot, k);
    this.compiled++;
    const loaded = new LoadedKernel(
      program,
      rendered,
      slot,
      isPortable(module, this.blas, this.host),
    );
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

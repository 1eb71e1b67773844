/** Kernels as table entries: rendered, compiled and instantiated once per structure. */
import { InternalError } from "../../core/errors.js";
import type { Routine } from "../../core/routine.js";
import { hostMath } from "../../kernel/host-math.js";
import { isKernel, type Kernel } from "../../kernel/ir.js";
import { programKey } from "../../kernel/key.js";
import { check } from "../../kernel/spec.js";
import type { Features, KernelCode, Render, Rendered } from "../../render/contract.js";
import type { Blas } from "./blas.js";
import { findHostCode, type HostCode } from "./host-code.js";
import { hostImports } from "./host-thread.js";
import { exportName, LoadedKernel, LoadedModule } from "./loaded.js";
import type { LinearMemory } from "./memory.js";
import { walkerModule } from "./walker.js";

/** Runs records from address `at` up to `end`, see the walker. */
export type Walk = (
  at: number,
  end: number,
  scratch: number,
  control: number,
  deadline: number,
) => number;

const isWalk = (f: unknown): f is Walk => typeof f === "function";

const importsHost = (code: KernelCode): boolean => code.imports.some((i) => i.module === "host");

const isPortable = (code: KernelCode, blas: Blas | null, host: HostCode): boolean =>
  code.imports.every(({ module: from, name }) => {
    if (from === "blas") return blas !== null && blas.threads > 1;
    if (from === "host") return host.present;
    return from === "m" && Reflect.get(Math, name) === Reflect.get(hostMath, name);
  });

/** Most kernels of one module: browsers compile no large ones at once. */
const mostTogether = 128;

/** How many kernels are kept for reuse. Those of living command lists stay in the table besides. */
const cacheSize = 4096;

/** A program that is not loaded yet. */
interface Fresh {
  readonly key: string;
  readonly program: Kernel | Routine;
  readonly rendered: Rendered;
}

/** Which kernel of which module. */
interface Place {
  readonly module: LoadedModule;
  readonly position: number;
}

export interface LoaderCounts {
  readonly compiled: number;
  /** Modules that these kernels are in. */
  readonly modules: number;
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
  private modules = 0;
  private evicted = 0;
  /** A slot is free again when nothing can name it: neither the cache nor a command list. */
  private readonly slots: FinalizationRegistry<Place>;

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
    this.slots = new FinalizationRegistry(({ module, position }) => {
      const slot = module.leave(position);
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
    return {
      compiled: this.compiled,
      modules: this.modules,
      cached: this.cache.size,
      evicted: this.evicted,
    };
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
    const [loaded] = this.loadAll([program]);
    if (loaded === undefined) throw new InternalError("[device] a program was not loaded");
    return loaded;
  }

  /** Loads programs; those that are not yet become one module, as far as all threads can run them at once. */
  loadAll(programs: readonly (Kernel | Routine)[]): readonly LoadedKernel[] {
    const keys = programs.map(programKey);
    const loaded = new Map<string, LoadedKernel>();
    const missing = new Map<string, Fresh>();
    for (const [i, key] of keys.entries()) {
      const known = this.cache.get(key);
      const program = programs[i];
      if (known !== undefined) {
        this.cache.delete(key);
        this.cache.set(key, known);
        loaded.set(key, known);
      } else if (program !== undefined && !missing.has(key)) {
        if (isKernel(program)) check(program);
        missing.set(key, { key, program, rendered: this.render(program, this.features) });
      }
    }
    const together: Fresh[] = [];
    for (const fresh of missing.values()) {
      const { code } = fresh.rendered;
      const portable = isPortable(code, this.blas, this.host);
      // Code in JavaScript takes other threads a while to load: nothing else shall wait for that.
      if (portable && !importsHost(code)) together.push(fresh);
      else this.compile([fresh], portable, loaded);
    }
    for (let i = 0; i < together.length; i += mostTogether)
      this.compile(together.slice(i, i + mostTogether), true, loaded);
    return keys.flatMap((key) => loaded.get(key) ?? []);
  }

  /** Makes one module of kernels, which all threads can run if they are `portable`. */
  private compile(
    kernels: readonly Fresh[],
    portable: boolean,
    loaded: Map<string, LoadedKernel>,
  ): void {
    const [first, ...others] = kernels;
    if (first === undefined) return;
    const bytes = first.rendered.code.bytes(others.map((k) => k.rendered.code));
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), this.imports);
    const slots = kernels.map(() => this.freeSlots.pop() ?? this.usedSlots++);
    const module = new LoadedModule(bytes, slots);
    for (const [position, { key, program, rendered }] of kernels.entries()) {
      const slot = slots[position] ?? 0;
      if (slot >= this.table.length) this.table.grow(this.table.length);
      this.table.set(slot, instance.exports[exportName(position)]);
      const kernel = new LoadedKernel(program, rendered, slot, portable, module);
      this.slots.register(kernel, { module, position });
      loaded.set(key, kernel);
      this.cache.set(key, kernel);
      this.compiled++;
      this.evict();
    }
    this.modules++;
  }

  private evict(): void {
    if (this.cache.size <= cacheSize) return;
    const [oldest] = this.cache.keys();
    if (oldest === undefined) return;
    this.cache.delete(oldest);
    this.evicted++;
  }
}

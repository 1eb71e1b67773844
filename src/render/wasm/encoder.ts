/** Encodes WebAssembly modules: growing byte buffers, function bodies with structured control flow, sections. */
import { opcode, type WasmType } from "./opcodes.js";

export type { WasmType } from "./opcodes.js";

const typeCode: Readonly<Record<WasmType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

/** A byte buffer that grows, with the number formats of Wasm. */
export class Bytes {
  #data: Uint8Array = new Uint8Array(256);
  length = 0;

  #reserve(extra: number): void {
    if (this.length + extra <= this.#data.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#data.length, this.length + extra));
    grown.set(this.#data.subarray(0, this.length));
    this.#data = grown;
  }

  byte(b: number): this {
    this.#reserve(1);
    this.#data[this.length++] = b;
    return this;
  }

  append(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#data.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }

  /** Unsigned LEB128 of an integer below 2^32. */
  unsigned(n: number): this {
    let rest = n;
    while (rest >= 0x80) {
      this.byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    return this.byte(rest);
  }

  /** Signed LEB128 of a 32-bit integer. */
  signed(n: number): this {
    let rest = n | 0;
    while (rest < -0x40 || rest >= 0x40) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    return this.byte(rest & 0x7f);
  }

  /** Signed LEB128 of a 64-bit integer. */
  signed64(n: bigint): this {
    let rest = BigInt.asIntN(64, n);
    while (rest < -0x40n || rest >= 0x40n) {
      this.byte(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    return this.byte(Number(rest & 0x7fn));
  }

  name(text: string): this {
    const bytes = new TextEncoder().encode(text);
    return this.unsigned(bytes.length).append(bytes);
  }

  done(): Uint8Array {
    return this.#data.slice(0, this.length);
  }
}

/** A place to branch to: `br` to a block leaves it, to a loop repeats it. */
export type Label = number;

/** One function: its locals and its code. Methods append instructions. */
export class Func {
  readonly #position: () => number;
  readonly params: readonly WasmType[];
  readonly results: readonly WasmType[];
  readonly #locals: WasmType[] = [];
  readonly #free = new Map<WasmType, number[]>();
  readonly #code = new Bytes();
  #depth = 0;

  constructor(position: () => number, params: readonly WasmType[], results: readonly WasmType[]) {
    this.#position = position;
    this.params = params;
    this.results = results;
  }

  /** Position among the module's functions; asking for it settles the imports. */
  get index(): number {
    return this.#position();
  }

  /** A local of this type, fresh or given back before. Its value is undefined. */
  local(type: WasmType): number {
    const again = this.#free.get(type)?.pop();
    if (again !== undefined) return again;
    return this.params.length + this.#locals.push(type) - 1;
  }

  /** Gives a local back for reuse. */
  release(local: number): void {
    const type = this.#locals[local - this.params.length];
    if (type === undefined) return;
    const list = this.#free.get(type);
    if (list === undefined) this.#free.set(type, [local]);
    else list.push(local);
  }

  get(local: number): this {
    this.#code.byte(0x20).unsigned(local);
    return this;
  }

  set(local: number): this {
    this.#code.byte(0x21).unsigned(local);
    return this;
  }

  tee(local: number): this {
    this.#code.byte(0x22).unsigned(local);
    return this;
  }

  i32(n: number): this {
    this.#code.byte(0x41).signed(n);
    return this;
  }

  i64(n: bigint): this {
    this.#code.byte(0x42).signed64(n);
    return this;
  }

  f32(x: number): this {
    this.#code.byte(0x43).append(new Uint8Array(new Float32Array([x]).buffer));
    return this;
  }

  f64(x: number): this {
    this.#code.byte(0x44).append(new Uint8Array(new Float64Array([x]).buffer));
    return this;
  }

  /** A vector constant from its sixteen bytes. */
  v128(bytes: Uint8Array): this {
    this.#code.byte(0xfd).unsigned(12).append(bytes);
    return this;
  }

  /**
   * Any instruction of the table by its text-format name. Immediates: the lane of lane instructions; the byte offset
   * (default 0) of memory instructions, then the lane where there is one; the sixteen lanes of a shuffle.
   */
  op(name: string, ...immediates: readonly number[]): this {
    const op = opcode(name);
    if (op.prefix !== 0) this.#code.byte(op.prefix).unsigned(op.code);
    else this.#code.byte(op.code);
    if (op.immediate === "memory" || op.immediate === "memoryLane") {
      this.#code.unsigned(op.align).unsigned(immediates[0] ?? 0);
      if (op.immediate === "memoryLane") this.#code.byte(immediates[1] ?? 0);
    } else {
      for (const n of immediates) this.#code.byte(n);
    }
    return this;
  }

  drop(): this {
    this.#code.byte(0x1a);
    return this;
  }

  /** Picks the first of two stack values where the i32 on top is not zero. */
  select(type: WasmType): this {
    if (type === "v128") this.#code.byte(0x1c).byte(1).byte(typeCode.v128);
    else this.#code.byte(0x1b);
    return this;
  }

  call(f: { readonly index: number }): this {
    this.#code.byte(0x10).unsigned(f.index);
    return this;
  }

  /** Calls the entry of the module's table whose number is on top, by a signature of `Module.signature`. */
  callIndirect(signature: number): this {
    this.#code.byte(0x11).unsigned(signature).byte(0);
    return this;
  }

  return(): this {
    this.#code.byte(0x0f);
    return this;
  }

  /** memory.copy: destination, source and length in bytes are on the stack. */
  copy(): this {
    this.#code.byte(0xfc).byte(10).byte(0).byte(0);
    return this;
  }

  /** memory.fill: address, byte value and length in bytes are on the stack. */
  fill(): this {
    this.#code.byte(0xfc).byte(11).byte(0);
    return this;
  }

  #structure(code: number, type: WasmType | null, body: (label: Label) => void): void {
    this.#code.byte(code).byte(type === null ? 0x40 : typeCode[type]);
    body(this.#depth++);
    this.#depth--;
    this.#code.byte(0x0b);
  }

  block(body: (label: Label) => void, type: WasmType | null = null): this {
    this.#structure(0x02, type, (label) => this.#nested(label, body));
    return this;
  }

  loop(body: (label: Label) => void, type: WasmType | null = null): this {
    this.#structure(0x03, type, (label) => this.#nested(label, body));
    return this;
  }

  /** The condition (i32) is on the stack. */
  if(then: () => void, otherwise?: () => void, type: WasmType | null = null): this {
    this.#structure(0x04, type, (label) => {
      this.#nested(label, then);
      if (otherwise !== undefined) {
        this.#code.byte(0x05);
        this.#nested(label, otherwise);
      }
    });
    return this;
  }

  #nested(label: Label, body: (label: Label) => void): void {
    const outer = this.#depth;
    this.#depth = label + 1;
    body(label);
    this.#depth = outer;
  }

  br(label: Label): this {
    this.#code.byte(0x0c).unsigned(this.#depth - 1 - label);
    return this;
  }

  /** Branches if the i32 on the stack is not zero. */
  brIf(label: Label): this {
    this.#code.byte(0x0d).unsigned(this.#depth - 1 - label);
    return this;
  }

  /** The code section entry. */
  body(): Uint8Array {
    const runs: { count: number; readonly type: WasmType }[] = [];
    for (const type of this.#locals) {
      const last = runs.at(-1);
      if (last !== undefined && last.type === type) last.count++;
      else runs.push({ count: 1, type });
    }
    const bytes = new Bytes().unsigned(runs.length);
    for (const { count, type } of runs) bytes.unsigned(count).byte(typeCode[type]);
    bytes.append(this.#code.done()).byte(0x0b);
    return new Bytes().unsigned(bytes.length).append(bytes.done()).done();
  }
}

/** An imported function. */
export interface Import {
  readonly index: number;
  readonly module: string;
  readonly name: string;
}

/**
 * A module with the imported memory `env.memory` and, if it says so, the imported table `env.table`. Imports must all be asked for before the
 * index of a function is needed, that is before the first call or export.
 *
 * @example
 * const m = new Module({ shared: false });
 * const f = m.func(["i32"], ["i32"]);
 * f.get(0).i32(1).op("i32.add");
 * m.export("k", f);
 * new WebAssembly.Module(m.finish());
 */
export class Module {
  readonly #shared: boolean;
  readonly #table: boolean;
  readonly #wide: boolean;
  #settled = false;
  readonly #types: string[] = [];
  readonly #typeBytes: Uint8Array[] = [];
  readonly #imports: { readonly entry: Import; readonly type: number }[] = [];
  readonly #funcs: { readonly func: Func; readonly type: number }[] = [];
  readonly #exports: { readonly name: string; readonly index: number }[] = [];

  constructor(features: {
    readonly shared: boolean;
    readonly table?: boolean;
    readonly wide?: boolean;
  }) {
    this.#shared = features.shared;
    this.#wide = features.wide ?? false;
    this.#table = features.table ?? false;
  }

  /** The number of a function type, for indirect calls. */
  signature(params: readonly WasmType[], results: readonly WasmType[] = []): number {
    return this.#type(params, results);
  }

  #type(params: readonly WasmType[], results: readonly WasmType[]): number {
    const key = `${params.join()}>${results.join()}`;
    const at = this.#types.indexOf(key);
    if (at >= 0) return at;
    const bytes = new Bytes().byte(0x60).unsigned(params.length);
    for (const p of params) bytes.byte(typeCode[p]);
    bytes.unsigned(results.length);
    for (const r of results) bytes.byte(typeCode[r]);
    this.#typeBytes.push(bytes.done());
    return this.#types.push(key) - 1;
  }

  /** The imported function `module.name`; asking twice gives the same one. */
  import(
    module: string,
    name: string,
    params: readonly WasmType[],
    results: readonly WasmType[],
  ): Import {
    const known = this.#imports.find(({ entry }) => entry.module === module && entry.name === name);
    if (known !== undefined) return known.entry;
    if (this.#settled) throw new RangeError(`[wasm] import ${module}.${name} comes too late`);
    const entry: Import = { index: this.#imports.length, module, name };
    this.#imports.push({ entry, type: this.#type(params, results) });
    return entry;
  }

  func(params: readonly WasmType[], results: readonly WasmType[] = []): Func {
    const position = this.#funcs.length;
    const index = (): number => {
      this.#settled = true;
      return this.#imports.length + position;
    };
    const func = new Func(index, params, results);
    this.#funcs.push({ func, type: this.#type(params, results) });
    return func;
  }

  export(name: string, func: Func): void {
    this.#exports.push({ name, index: func.index });
  }

  finish(): Uint8Array {
    const out = new Bytes().append(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));
    const section = (id: number, entries: readonly Uint8Array[]): void => {
      const bytes = new Bytes().unsigned(entries.length);
      for (const e of entries) bytes.append(e);
      out.byte(id).unsigned(bytes.length).append(bytes.done());
    };
    const memory = new Bytes()
      .name("env")
      .name("memory")
      .byte(2)
      .byte(this.#shared ? 3 : 0)
      .unsigned(0);
    if (this.#shared) memory.unsigned(65536);
    const table = new Bytes().name("env").name("table").byte(1).byte(0x70).byte(0).unsigned(0);
    section(1, this.#typeBytes);
    section(2, [
      ...this.#imports.map(({ entry, type }) =>
        new Bytes().name(entry.module).name(entry.name).byte(0).unsigned(type).done(),
      ),
      memory.done(),
      ...(this.#table ? [table.done()] : []),
    ]);
    section(
      3,
      this.#funcs.map(({ type }) => new Bytes().unsigned(type).done()),
    );
    section(
      7,
      this.#exports.map(({ name, index }) => new Bytes().name(name).byte(0).unsigned(index).done()),
    );
    section(
      10,
      this.#funcs.map(({ func }) => func.body()),
    );
    // Engines keep compiled code by a module's bytes: what is compiled under other flags has to differ in them.
    if (this.#wide) out.byte(0).unsigned(5).name("wide");
    return out.done();
  }
}

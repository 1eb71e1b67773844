/** Encodes WebAssembly modules: function bodies with structured control flow, sections, kernels linked into one module. */
import { InternalError } from "../../core/errors.js";
import type { KernelCode } from "../contract.js";
import { Bytes } from "./bytes.js";
import { opcode, type WasmType } from "./opcodes.js";

export type { WasmType } from "./opcodes.js";

const typeCode: Readonly<Record<WasmType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

/** A place to branch to: `br` to a block leaves it, to a loop repeats it. */
export type Label = number;

/** One function: its locals and its code. Methods append instructions. */
export class Func {
  readonly params: readonly WasmType[];
  readonly results: readonly WasmType[];
  readonly #locals: WasmType[] = [];
  readonly #free = new Map<WasmType, number[]>();
  readonly #code = new Bytes();
  /** Where in the code whose number belongs: numbers are known when modules are linked. */
  readonly #calls: { readonly at: number; readonly callee: Callee }[] = [];
  #depth = 0;

  constructor(params: readonly WasmType[], results: readonly WasmType[]) {
    this.params = params;
    this.results = results;
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

  call(callee: Callee): this {
    this.#code.byte(0x10);
    this.#calls.push({ at: this.#code.length, callee });
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

  /** memory.init: destination, first byte of the segment and length are on the stack. */
  init(segment: Segment): this {
    this.#code.byte(0xfc).byte(8);
    this.#calls.push({ at: this.#code.length, callee: segment });
    this.#code.byte(0);
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

  /** The code section entry, given the numbers of functions. */
  body(numberOf: (callee: Callee) => number): Uint8Array {
    const runs: { count: number; readonly type: WasmType }[] = [];
    for (const type of this.#locals) {
      const last = runs.at(-1);
      if (last !== undefined && last.type === type) last.count++;
      else runs.push({ count: 1, type });
    }
    const bytes = new Bytes().unsigned(runs.length);
    for (const { count, type } of runs) bytes.unsigned(count).byte(typeCode[type]);
    let from = 0;
    for (const { at, callee } of this.#calls) {
      bytes.append(this.#code.part(from, at)).unsigned(numberOf(callee));
      from = at;
    }
    bytes.append(this.#code.part(from, this.#code.length)).byte(0x0b);
    return new Bytes().unsigned(bytes.length).append(bytes.done()).done();
  }
}

/** An imported function. */
export interface Import {
  readonly module: string;
  readonly name: string;
}

/** What code names by a number that its module gives it. */
export type Callee = Func | Import | Segment;

/** Bytes that come with a module. */
export interface Segment {
  readonly bytes: Uint8Array;
}

/**
 * A module with the imported memory `env.memory` and, if it says so, the imported table `env.table`.
 *
 * @example
 * const m = new Module({ shared: false });
 * const f = m.func(["i32"], ["i32"]);
 * f.get(0).i32(1).op("i32.add");
 * m.export("k", f);
 * new WebAssembly.Module(m.bytes());
 */
export class Module implements KernelCode {
  readonly #shared: boolean;
  readonly #table: boolean;
  readonly #wide: boolean;
  readonly #types: Types = new Types();
  readonly #imports: { readonly entry: Import; readonly type: number }[] = [];
  readonly #funcs: { readonly func: Func; readonly type: number }[] = [];
  readonly #data: Segment[] = [];
  readonly #exports: { readonly name: string; readonly func: Func }[] = [];

  constructor(features: {
    readonly shared: boolean;
    readonly table?: boolean;
    readonly wide?: boolean;
  }) {
    this.#shared = features.shared;
    this.#wide = features.wide ?? false;
    this.#table = features.table ?? false;
  }

  /** The number of a function type, for indirect calls. A module that makes them is not linked behind another one. */
  signature(params: readonly WasmType[], results: readonly WasmType[] = []): number {
    return this.#types.add(params, results);
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
    const entry: Import = { module, name };
    this.#imports.push({ entry, type: this.#types.add(params, results) });
    return entry;
  }

  get imports(): readonly Import[] {
    return this.#imports.map(({ entry }) => entry);
  }

  func(params: readonly WasmType[], results: readonly WasmType[] = []): Func {
    const func = new Func(params, results);
    this.#funcs.push({ func, type: this.#types.add(params, results) });
    return func;
  }

  /** Bytes for `Func.init`. */
  data(bytes: Uint8Array): Segment {
    const segment: Segment = { bytes };
    this.#data.push(segment);
    return segment;
  }

  export(name: string, func: Func): void {
    this.#exports.push({ name, func });
  }

  bytes(others: readonly KernelCode[] = []): Uint8Array<ArrayBuffer> {
    const modules: Module[] = [this];
    for (const other of others) {
      if (!(other instanceof Module) || other.#table)
        throw new InternalError("[wasm] expected the code of kernels, made by this renderer");
      modules.push(other);
    }
    const types = new Types();
    const imports: Uint8Array[] = [];
    const funcs: { readonly func: Func; readonly type: number }[] = [];
    const numbers = new Map<Callee, number>();
    const named = new Map<string, number>();
    // Imports come before all functions. The types of the first module keep their numbers.
    for (const m of modules) {
      const typeOf = types.merge(m.#types);
      for (const { entry, type } of m.#imports) {
        const key = `${entry.module}.${entry.name}`;
        const known = named.get(key) ?? imports.length;
        numbers.set(entry, known);
        if (named.has(key)) continue;
        named.set(key, known);
        const bytes = new Bytes().name(entry.module).name(entry.name).byte(0);
        imports.push(bytes.unsigned(typeOf[type] ?? 0).done());
      }
      for (const { func, type } of m.#funcs) funcs.push({ func, type: typeOf[type] ?? 0 });
    }
    for (const [i, { func }] of funcs.entries()) numbers.set(func, imports.length + i);
    const data = modules.flatMap((m) => m.#data);
    for (const [i, segment] of data.entries()) numbers.set(segment, i);
    const numberOf = (callee: Callee): number => {
      const number = numbers.get(callee);
      if (number === undefined) throw new InternalError("[wasm] a call of a foreign function");
      return number;
    };
    const exports = modules.flatMap((m, i) =>
      m.#exports.map(({ name, func }) =>
        new Bytes()
          .name(i === 0 ? name : `${name}${i}`)
          .byte(0)
          .unsigned(numberOf(func))
          .done(),
      ),
    );
    const out = new Bytes().append(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));
    const section = (id: number, entries: readonly Uint8Array[]): void => {
      const bytes = new Bytes().unsigned(entries.length);
      for (const e of entries) bytes.append(e);
      out.byte(id).unsigned(bytes.length).append(bytes.part(0, bytes.length));
    };
    section(1, types.entries);
    section(2, [...imports, ...this.#surroundings()]);
    section(
      3,
      funcs.map(({ type }) => new Bytes().unsigned(type).done()),
    );
    section(7, exports);
    if (data.length > 0) {
      const count = new Bytes().unsigned(data.length);
      out.byte(12).unsigned(count.length).append(count.part(0, count.length));
    }
    section(
      10,
      funcs.map(({ func }) => func.body(numberOf)),
    );
    if (data.length > 0) {
      section(
        11,
        data.map(({ bytes }) => new Bytes().byte(1).unsigned(bytes.length).append(bytes).done()),
      );
    }
    // Engines keep compiled code by a module's bytes: what is compiled under other flags has to differ in them.
    if (this.#wide) out.byte(0).unsigned(5).name("wide");
    return out.done();
  }

  /** The imports of memory and table. */
  #surroundings(): readonly Uint8Array[] {
    const memory = new Bytes()
      .name("env")
      .name("memory")
      .byte(2)
      .byte(this.#shared ? 3 : 0)
      .unsigned(0);
    if (this.#shared) memory.unsigned(65536);
    if (!this.#table) return [memory.done()];
    const table = new Bytes().name("env").name("table").byte(1).byte(0x70).byte(0).unsigned(0);
    return [memory.done(), table.done()];
  }
}

/** The function types of a module, each once. */
class Types {
  readonly #keys: string[] = [];
  readonly entries: Uint8Array[] = [];

  add(params: readonly WasmType[], results: readonly WasmType[]): number {
    const key = `${params.join()}>${results.join()}`;
    const at = this.#keys.indexOf(key);
    if (at >= 0) return at;
    const bytes = new Bytes().byte(0x60).unsigned(params.length);
    for (const p of params) bytes.byte(typeCode[p]);
    bytes.unsigned(results.length);
    for (const r of results) bytes.byte(typeCode[r]);
    this.#keys.push(key);
    return this.entries.push(bytes.done()) - 1;
  }

  /** Takes over what it does not have yet; for each number there the number here. */
  merge(other: Types): readonly number[] {
    return other.#keys.map((key, i) => {
      const at = this.#keys.indexOf(key);
      if (at >= 0) return at;
      this.#keys.push(key);
      return this.entries.push(other.entries[i] ?? new Uint8Array(0)) - 1;
    });
  }
}

/** SSA code in nested regions, to become a function body: merges equal values and hoists invariants. */
import { Emitter } from "./emit.js";
import type { Callee, Func, WasmType } from "./encoder.js";
import type { Ref } from "./lane-code.js";
import { opcode } from "./opcodes.js";
import type { Arm, Kind, Node, Region } from "./regions.js";

/** A mutable local, e.g. an accumulator. */
export interface Variable {
  readonly local: number;
  readonly type: WasmType;
}

const commutes = /\.(add|mul|and|or|xor|eq|ne|min|max|min_s|min_u|max_s|max_u)$/;
const commutative = new Map<string, boolean>();

function isCommutative(name: string): boolean {
  const known = commutative.get(name);
  if (known !== undefined) return known;
  const answer = commutes.test(name);
  commutative.set(name, answer);
  return answer;
}

/**
 * Builds one function. Values are pure and are computed where they are first needed, in the outermost loop in which
 * their operands are known; effects (stores, assignments, loops) happen in the order they were added.
 * A value read from a variable must be used before the variable is set again, or pinned.
 */
export class Code {
  readonly func: Func;
  readonly #relaxed: boolean;
  /** Whether neighbouring vectors are to be done so that the compiler can join them; see `Features`. */
  readonly wide: boolean;
  readonly #nodes: Node[] = [];
  readonly #root: Region;
  #region: Region;

  constructor(func: Func, features: { readonly relaxed: boolean; readonly wide?: boolean }) {
    this.func = func;
    this.wide = features.wide ?? false;
    this.#relaxed = features.relaxed;
    this.#root = this.#newRegion(null, "function");
    this.#region = this.#root;
  }

  #newRegion(parent: Region | null, kind: Region["kind"]): Region {
    const depth = parent === null ? 0 : parent.depth + 1;
    return { parent, kind, depth, effects: [], memo: new Map(), free: new Set() };
  }

  #node(ref: Ref): Node {
    const node = this.#nodes[ref];
    if (node === undefined) throw new RangeError(`[wasm] no value ${ref}`);
    return node;
  }

  #push(kind: Kind, name: string, type: WasmType, region: Region, more: Partial<Node> = {}): Ref {
    const fields = {
      args: [],
      immediates: [],
      bytes: null,
      callee: null,
      from: -1,
      arms: [],
      local: -1,
      ...more,
    };
    return this.#nodes.push({ kind, name, type, region, uses: 0, cold: 0, ...fields }) - 1;
  }

  typeOf(ref: Ref): WasmType {
    return this.#node(ref).type;
  }

  /** The outermost loop around the current place in which all `args` are known. Arms of branches are not left. */
  #home(args: readonly Ref[]): Region {
    let needed = 0;
    for (const a of args) needed = Math.max(needed, this.#node(a).region.depth);
    let region = this.#region;
    while (region.kind === "loop" && region.parent !== null && region.depth > needed)
      region = region.parent;
    return region;
  }

  #known(key: string, from: Region): Ref | undefined {
    for (let r: Region | null = from; r !== null; r = r.parent) {
      const found = r.memo.get(key);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** i32 constants made so far: by far the most frequent ones. */
  readonly #integers = new Map<number, Ref>();

  #constant(type: WasmType, bytes: Uint8Array): Ref {
    const key = `${type}:${bytes.join()}`;
    const known = this.#root.memo.get(key);
    if (known !== undefined) return known;
    const ref = this.#push("const", type, type, this.#root, { bytes });
    this.#root.memo.set(key, ref);
    return ref;
  }

  i32(n: number): Ref {
    const known = this.#integers.get(n);
    if (known !== undefined) return known;
    const ref = this.#constant("i32", new Uint8Array(new Int32Array([n]).buffer));
    this.#integers.set(n, ref);
    return ref;
  }

  i64(n: bigint): Ref {
    return this.#constant("i64", new Uint8Array(new BigInt64Array([n]).buffer));
  }

  f32(x: number): Ref {
    return this.#constant("f32", new Uint8Array(new Float32Array([x]).buffer));
  }

  f64(x: number): Ref {
    return this.#constant("f64", new Uint8Array(new Float64Array([x]).buffer));
  }

  v128(bytes: Uint8Array): Ref {
    return this.#constant("v128", bytes);
  }

  /** The i32 value of a constant, or null. */
  constantOf(ref: Ref): number | null {
    const { bytes, type } = this.#node(ref);
    if (bytes === null || type !== "i32") return null;
    const [b0 = 0, b1 = 0, b2 = 0, b3 = 0] = bytes;
    return b0 | (b1 << 8) | (b2 << 16) | (b3 << 24);
  }

  /** The bytes of a constant, or null. */
  bytesOf(ref: Ref): Uint8Array | null {
    return this.#node(ref).bytes;
  }

  /** Parameter `index` of the function. */
  param(index: number): Ref {
    const type = this.func.params[index];
    if (type === undefined) throw new RangeError(`[wasm] no parameter ${index}`);
    const known = this.#root.memo.get(`param${index}`);
    if (known !== undefined) return known;
    const ref = this.#push("fixed", "param", type, this.#root, { local: index });
    this.#root.memo.set(`param${index}`, ref);
    return ref;
  }

  /**
   * Whether `b` comes first where operands may be swapped, so that equal expressions are found. In code for joined
   * vectors what is known outside loops comes first, as it then does in all copies of an expression.
   */
  #follows(a: Ref, b: Ref): boolean {
    const [x, y] = this.wide ? [this.#node(a).region.depth, this.#node(b).region.depth] : [0, 0];
    return x === y ? a > b : x > y;
  }

  /** A pure instruction without immediates. */
  op(name: string, ...args: readonly Ref[]): Ref {
    return this.lane(name, [], ...args);
  }

  /** A pure instruction with its immediates (lanes). */
  lane(name: string, immediates: readonly number[], ...args: readonly Ref[]): Ref {
    const type = opcode(name).result;
    if (type === null) throw new RangeError(`[wasm] ${name} has no result`);
    const [a, b] = args;
    const swaps = a !== undefined && b !== undefined && isCommutative(name) && this.#follows(a, b);
    const ordered = swaps ? [b, a] : args;
    const key = `${name}|${ordered.join()}|${immediates.join()}`;
    const region = this.#home(args);
    const known = this.#known(key, region);
    if (known !== undefined) return known;
    const ref = this.#push("op", name, type, region, { args: ordered, immediates });
    region.memo.set(key, ref);
    return ref;
  }

  /**
   * Reads memory that nothing writes meanwhile: such loads are merged and hoisted. With `fresh` the load is made for
   * this place alone and stays here.
   */
  load(name: string, address: Ref, offset = 0, fresh = false): Ref {
    if (!fresh) return this.lane(name, [offset], address);
    const type = opcode(name).result;
    if (type === null) throw new RangeError(`[wasm] ${name} has no result`);
    return this.#push("op", name, type, this.#region, { args: [address], immediates: [offset] });
  }

  store(name: string, address: Ref, value: Ref, offset = 0): void {
    this.#region.effects.push({ k: "store", name, args: [address, value], immediates: [offset] });
  }

  storeLane(name: string, address: Ref, value: Ref, offset: number, lane: number): void {
    this.#region.effects.push({
      k: "store",
      name,
      args: [address, value],
      immediates: [offset, lane],
    });
  }

  /** Calls a function without side effects. */
  call(callee: Callee, type: WasmType, ...args: readonly Ref[]): Ref {
    return this.#push("call", "call", type, this.#home(args), { args, callee });
  }

  /** `yes` where cond (i32) is not zero; both are computed. */
  select(cond: Ref, yes: Ref, no: Ref): Ref {
    const key = `select|${yes},${no},${cond}`;
    const region = this.#home([cond, yes, no]);
    const known = this.#known(key, region);
    if (known !== undefined) return known;
    const ref = this.#push("op", "select", this.typeOf(yes), region, { args: [yes, no, cond] });
    region.memo.set(key, ref);
    return ref;
  }

  /** `yes()` or `no()`; only the chosen one is computed. */
  choose(cond: Ref, type: WasmType, yes: () => Ref, no: () => Ref): Ref {
    const arm = (value: () => Ref): Arm => {
      const region = this.#newRegion(this.#region, "arm");
      return { region, value: this.#inside(region, value) };
    };
    return this.#push("branch", "if", type, this.#region, {
      args: [cond],
      arms: [arm(yes), arm(no)],
    });
  }

  #inside<T>(region: Region, body: () => T): T {
    const outer = this.#region;
    this.#region = region;
    const result = body();
    this.#region = outer;
    return result;
  }

  variable(init: Ref): Variable {
    const type = this.typeOf(init);
    const v = { local: this.func.local(type), type };
    this.set(v, init);
    return v;
  }

  get(v: Variable): Ref {
    return this.#push("get", "get", v.type, this.#region, { from: v.local });
  }

  set(v: Variable, value: Ref): void {
    this.#region.effects.push({ k: "set", local: v.local, value });
  }

  /** Computes the value here, before any later effect. */
  pin(value: Ref): void {
    this.#region.effects.push({ k: "pin", value });
  }

  /** for (i = start; i < end; i += step), signed; the step is positive. */
  loop(start: Ref, end: Ref, step: number, body: (i: Ref) => void): void {
    const first = this.constantOf(start);
    const last = this.constantOf(end);
    const known = first !== null && last !== null;
    if (known && first >= last) return;
    if (known && first + step >= last) {
      body(start);
      return;
    }
    const region = this.#newRegion(this.#region, "loop");
    const index = this.func.local("i32");
    const i = this.#push("fixed", "index", "i32", region, { local: index });
    this.#inside(region, () => body(i));
    this.#region.effects.push({
      k: "loop",
      index,
      start,
      end,
      step,
      body: region,
      checked: !known,
    });
  }

  if(cond: Ref, then: () => void, otherwise?: () => void): void {
    const yes = this.#newRegion(this.#region, "arm");
    const no = this.#newRegion(this.#region, "arm");
    this.#inside(yes, then);
    if (otherwise !== undefined) this.#inside(no, otherwise);
    this.#region.effects.push({ k: "if", cond, yes, no });
  }

  /** Writes the function body. */
  finish(): void {
    new Emitter(this.func, this.#nodes, this.#root).run(this.#relaxed);
  }
}

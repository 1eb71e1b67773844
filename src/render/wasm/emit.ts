/** Writes SSA code as a function body: fuses products into sums, assigns locals, leaves values on the stack. */
import type { Func } from "./encoder.js";
import type { Ref } from "./lane-code.js";
import type { Arm, Effect, Node, Region } from "./regions.js";

/** Values are computed where they are first needed; those needed again are kept in locals as long as that. */
export class Emitter {
  readonly func: Func;
  readonly #nodes: Node[];
  readonly #root: Region;
  readonly #visited = new Set<Ref>();

  constructor(func: Func, nodes: Node[], root: Region) {
    this.func = func;
    this.#nodes = nodes;
    this.#root = root;
  }

  /** `relaxed`: fused multiply-add is there. */
  run(relaxed: boolean): void {
    this.#countRegion(this.#root);
    if (relaxed) this.#fuse();
    this.#emitConstants();
    this.#emitEffects(this.#root);
  }

  #node(ref: Ref): Node {
    const node = this.#nodes[ref];
    if (node === undefined) throw new RangeError(`[wasm] no value ${ref}`);
    return node;
  }

  // Counting: every place that will push a value, plus one for each region that holds it while it runs.

  #countRegion(region: Region): void {
    for (const e of region.effects) {
      switch (e.k) {
        case "store":
          for (const a of e.args) this.#use(a, region);
          break;
        case "set":
        case "pin":
          this.#use(e.value, region);
          break;
        case "loop":
          this.#use(e.start, region);
          this.#use(e.end, e.body);
          this.#countRegion(e.body);
          break;
        case "if":
          this.#use(e.cond, region);
          this.#countRegion(e.yes);
          this.#countRegion(e.no);
          break;
      }
    }
  }

  #use(ref: Ref, from: Region): void {
    const node = this.#node(ref);
    if (node.kind === "const") {
      // In loops constants come from locals, except in branches: those are rare, and locals compete for registers.
      if (from.kind !== "arm") node.uses += from.depth > 0 ? 2 : 1;
      else node.cold++;
      return;
    }
    for (let r = from; r !== node.region && r.parent !== null; r = r.parent) {
      if (r.free.has(ref)) break;
      r.free.add(ref);
      node.uses++;
    }
    node.uses++;
    const visited = this.#visited;
    if (visited.has(ref)) return;
    visited.add(ref);
    for (const a of node.args) this.#use(a, node.region);
    for (const { region, value } of node.arms) {
      this.#countRegion(region);
      this.#use(value, region);
    }
  }

  /** A product used once, by a sum in the same region, becomes part of a fused multiply-add. */
  #fuse(): void {
    this.#nodes.forEach((node, ref) => {
      if (node.kind !== "op" || node.uses === 0) return;
      const [shape = "", what = ""] = node.name.split(".");
      if ((shape !== "f32x4" && shape !== "f64x2") || (what !== "add" && what !== "sub")) return;
      const [a, b] = node.args;
      if (a === undefined || b === undefined) return;
      const product = (r: Ref): Node | null => {
        const n = this.#node(r);
        return n.name === `${shape}.mul` && n.uses === 1 && n.region === node.region ? n : null;
      };
      const second = product(b);
      const factors = second ?? (what === "add" ? product(a) : null);
      if (factors === null) return;
      const name = `${shape}.relaxed_${what === "add" ? "madd" : "nmadd"}`;
      this.#nodes[ref] = { ...node, name, args: [...factors.args, second === null ? b : a] };
    });
  }

  #emitConstants(): void {
    for (const node of this.#nodes) {
      if (node.kind !== "const" || node.uses === 0 || node.type === "i32" || node.type === "i64")
        continue;
      if (node.uses === 1 && node.type !== "v128") continue;
      this.#literal(node);
      node.local = this.func.local(node.type);
      this.func.set(node.local);
    }
  }

  #literal(node: Node): void {
    const bytes = node.bytes?.slice() ?? new Uint8Array(16);
    if (node.type === "v128") this.func.v128(bytes);
    else if (node.type === "i32") this.func.i32(new Int32Array(bytes.buffer)[0] ?? 0);
    else if (node.type === "i64") this.func.i64(new BigInt64Array(bytes.buffer)[0] ?? 0n);
    else if (node.type === "f32") this.func.f32(new Float32Array(bytes.buffer)[0] ?? 0);
    else this.func.f64(new Float64Array(bytes.buffer)[0] ?? 0);
  }

  #emitEffects(region: Region): void {
    const f = this.func;
    for (const e of region.effects) {
      switch (e.k) {
        case "store":
          for (const a of e.args) this.#value(a);
          f.op(e.name, ...e.immediates);
          break;
        case "set":
          this.#value(e.value);
          f.set(e.local);
          break;
        case "pin":
          if (this.#materialise(e.value)) this.#drop(e.value);
          break;
        case "loop":
          this.#emitLoop(e);
          break;
        case "if":
          this.#holding([e.yes, e.no], () => {
            this.#value(e.cond);
            const no = e.no.effects.length > 0 ? () => this.#emitEffects(e.no) : undefined;
            f.if(() => this.#emitEffects(e.yes), no);
          });
          break;
      }
    }
  }

  #emitLoop(e: Effect & { readonly k: "loop" }): void {
    const f = this.func;
    this.#holding([e.body], () => {
      this.#value(e.start);
      f.set(e.index);
      const repeat = (): void => {
        f.loop((again) => {
          this.#emitEffects(e.body);
          f.get(e.index).i32(e.step).op("i32.add").tee(e.index);
          this.#value(e.end);
          f.op("i32.lt_s").brIf(again);
        });
      };
      if (!e.checked) return repeat();
      f.get(e.index);
      this.#peek(e.end);
      f.op("i32.lt_s").if(repeat);
    });
    f.release(e.index);
  }

  /** Runs `body` while the outside values of the regions sit in locals. */
  #holding(regions: readonly Region[], body: () => void): void {
    for (const r of regions) for (const ref of r.free) this.#materialise(ref);
    body();
    for (const r of regions) for (const ref of r.free) this.#drop(ref);
  }

  /** Sees to it that the value is in a local. */
  #materialise(ref: Ref): boolean {
    const node = this.#node(ref);
    if (node.kind === "const" || node.kind === "fixed") return false;
    if (node.local >= 0) return true;
    this.#compute(node);
    node.local = this.func.local(node.type);
    this.func.set(node.local);
    return true;
  }

  #drop(ref: Ref): void {
    const node = this.#node(ref);
    if (node.kind === "const" || node.kind === "fixed") return;
    node.uses--;
    if (node.uses === 0 && node.local >= 0) this.func.release(node.local);
  }

  /** Pushes a value that is in a local, or a constant, without counting a use. */
  #peek(ref: Ref): void {
    const node = this.#node(ref);
    if (node.local >= 0) this.func.get(node.local);
    else this.#literal(node);
  }

  #value(ref: Ref): void {
    const node = this.#node(ref);
    if (node.local >= 0 || node.kind === "const") {
      this.#peek(ref);
      this.#drop(ref);
      return;
    }
    this.#compute(node);
    node.uses--;
    if (node.uses === 0) return;
    node.local = this.func.local(node.type);
    this.func.tee(node.local);
  }

  #compute(node: Node): void {
    const f = this.func;
    if (node.kind === "get") {
      f.get(node.from);
      return;
    }
    if (node.kind === "branch") {
      const [yes, no] = node.arms;
      const [cond] = node.args;
      if (yes === undefined || no === undefined || cond === undefined) return;
      const arm = (a: Arm) => (): void => {
        this.#emitEffects(a.region);
        this.#value(a.value);
      };
      this.#holding([yes.region, no.region], () => {
        this.#value(cond);
        f.if(arm(yes), arm(no), node.type);
      });
      return;
    }
    for (const a of node.args) this.#value(a);
    if (node.callee !== null) f.call(node.callee);
    else if (node.name === "select") f.select(node.type);
    else f.op(node.name, ...node.immediates);
  }
}

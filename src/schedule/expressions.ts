/** Kernel values under construction: hash-consed, typed, with the scalar builder that primitives' lowerings use. */
import { InternalError } from "../core/errors.js";
import type { Combine, ComputeType, ScalarOp, Scalars } from "../core/scalar.js";
import { scalarOps } from "../core/scalar.js";
import { domainOf } from "../kernel/domains.js";
import { axisIx, textOfIx } from "../kernel/index-math.js";
import type { Guard, Ix, Mask, Val, ValId } from "../kernel/ir.js";

const guardText = (gs: readonly Guard[]): string =>
  gs.map((g) => `${textOfIx(g.ix)}in${g.lo}:${g.hi}`).join("&");

/** The values of one kernel. Equal values are one value. */
export class Values implements Scalars<ValId> {
  readonly vals: Val[] = [];
  private readonly domains: Mask[] = [];
  private readonly known = new Map<string, ValId>();

  private intern(text: string, make: () => Val): ValId {
    const old = this.known.get(text);
    if (old !== undefined) return old;
    const made = make();
    const id = this.vals.push(made) - 1;
    this.domains.push(domainOf(made, this.domains));
    this.known.set(text, id);
    return id;
  }

  get(id: ValId): Val {
    const v = this.vals[id];
    if (v === undefined) throw new InternalError(`[lower] no value ${id}`);
    return v;
  }

  typeOf(id: ValId): ComputeType {
    return this.get(id).dtype;
  }

  load(dtype: ComputeType, buf: number, ix: Ix, guards: readonly Guard[]): ValId {
    return this.intern(`load ${dtype} ${buf} ${textOfIx(ix)} ${guardText(guards)}`, () => {
      return { op: "load", dtype, buf, ix, guards, fill: 0 };
    });
  }

  constant(type: ComputeType, value: number | bigint | boolean): ValId {
    const wide = type === "i64" || type === "u64";
    const v = typeof value === "boolean" ? Number(value) : value;
    const exact = wide ? BigInt(v) : Number(v);
    const text = Object.is(exact, -0) ? "-0" : `${exact}`;
    return this.intern(`const ${type} ${text}`, () => ({ op: "const", dtype: type, value: exact }));
  }

  param(dtype: ComputeType, index: number): ValId {
    return this.intern(`param ${dtype} ${index}`, () => ({ op: "param", dtype, index }));
  }

  coord(ix: Ix): ValId {
    if (ix.k === "affine" && ix.terms.length === 0) return this.constant("i32", ix.off);
    if (ix.k === "value" && ix.stride === 1) return ix.of;
    return this.intern(`coord ${textOfIx(ix)}`, () => ({ op: "coord", dtype: "i32", ix }));
  }

  within(guards: readonly Guard[]): ValId {
    return this.intern(`within ${guardText(guards)}`, () => ({
      op: "within",
      dtype: "bool",
      guards,
    }));
  }

  index(value: ValId, size: number, code: number): ValId {
    const narrow =
      this.typeOf(value) === "i32" ? value : this.cast("i32", this.saturated(value, size));
    return this.intern(`index ${narrow} ${size} ${code}`, () => ({
      op: "index",
      dtype: "i32",
      in: narrow,
      size,
      code,
    }));
  }

  /** Brings a wide or unsigned index into i32 without making one that is out of range look valid. */
  private saturated(value: ValId, size: number): ValId {
    const type = this.typeOf(value);
    if (type === "bool") return value;
    const top = this.constant(type, type === "i64" || type === "u64" ? BigInt(size) : size);
    const capped = this.op("min", value, top);
    if (type !== "i64") return capped;
    return this.op("max", capped, this.constant(type, BigInt(-size - 1)));
  }

  op(fn: Exclude<ScalarOp, "cast" | "bitcast">, ...args: readonly ValId[]): ValId {
    const info = scalarOps[fn];
    const first = args[info.typing === "select" ? 1 : 0];
    if (first === undefined || args.length !== info.arity)
      throw new InternalError(`[lower] ${fn} takes ${info.arity} operands`);
    const dtype = info.typing === "compare" ? "bool" : this.typeOf(first);
    return this.scalar(fn, dtype, args);
  }

  cast(to: ComputeType, value: ValId): ValId {
    return this.typeOf(value) === to ? value : this.scalar("cast", to, [value]);
  }

  bitcast(to: ComputeType, value: ValId): ValId {
    return this.typeOf(value) === to ? value : this.scalar("bitcast", to, [value]);
  }

  private scalar(fn: ScalarOp, dtype: ComputeType, args: readonly ValId[]): ValId {
    return this.intern(`${fn} ${dtype} ${args.join(",")}`, () => ({
      op: "scalar",
      dtype,
      fn,
      in: args,
    }));
  }

  /** `value`, made to vary over all of `axes`: reductions and contractions walk only what their operands vary over. */
  spread(value: ValId, axes: Mask): ValId {
    const missing = axes & ~(this.domains[value] ?? 0);
    if (missing === 0) return value;
    const always: Guard[] = [];
    for (let a = 0; missing >> a !== 0; a++) {
      if ((missing >> a) & 1) always.push({ ix: axisIx(a), lo: 0, hi: 2 ** 30 });
    }
    return this.op("select", this.within(always), value, this.constant(this.typeOf(value), 0));
  }

  reduce(how: Combine, value: ValId, over: Mask, at: ValId | null): ValId {
    const dtype = at === null ? this.typeOf(value) : "u32";
    return this.intern(`reduce ${how} ${value} ${over} ${at}`, () => ({
      op: "reduce",
      dtype,
      how,
      in: value,
      over,
      at,
    }));
  }

  contract(a: ValId, b: ValId, over: Mask): ValId {
    return this.intern(`contract ${a} ${b} ${over}`, () => ({
      op: "contract",
      dtype: this.typeOf(a),
      a,
      b,
      over,
    }));
  }
}

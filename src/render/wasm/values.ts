/** The values of a kernel as code: each is written once per frame, as a scalar or a vector. */
import { InternalError } from "../../core/errors.js";
import type { ComputeType } from "../../core/scalar.js";
import { elementBytes, ixDomain, operandsOf } from "../../kernel/domains.js";
import type { Buf, Guard, Ix, Val, ValId } from "../../kernel/ir.js";
import { argBytes } from "../contract.js";
import type { Code } from "./block.js";
import { Addresses, type Frame, type Lane } from "./frame.js";
import type { Ref } from "./lane-code.js";
import { expandAll, isTogether } from "./math/index.js";
import { type Ops, shortPowers, widthOf } from "./ops.js";
import { has, type Plan } from "./plan.js";
import { loadEverySecond, loadGather, loadScalar, loadVector } from "./storage.js";
import { transpose } from "./transpose.js";

type Load = Extract<Val, { op: "load" }>;
type Scalar = Extract<Val, { op: "scalar" }>;

const wasmType = (t: ComputeType): "i32" | "i64" | "f32" | "f64" => {
  if (t === "f32" || t === "f64") return t;
  return widthOf(t) === 8 ? "i64" : "i32";
};

/** Writes values of the IR at frames; memoised in the frame where they are first asked for. */
export class Values {
  readonly code: Code;
  readonly plan: Plan;
  readonly scalar: Ops;
  readonly vector: Ops;
  readonly addresses: Addresses;
  readonly #args: Ref;
  /** Values kept in scratch memory by an earlier loop: how to read them back at a frame. */
  readonly stashed: Map<ValId, (frame: Frame) => Lane> = new Map();

  constructor(code: Code, plan: Plan, scalar: Ops, vector: Ops, args: Ref) {
    this.code = code;
    this.plan = plan;
    this.scalar = scalar;
    this.vector = vector;
    this.#args = args;
    const bases = plan.kernel.bufs.map((_, i) =>
      code.load("i32.load", args, argBytes.buffers + 4 * i),
    );
    this.addresses = new Addresses(code, plan, bases, (frame, id, lane) => {
      const { ref, vector: spread } = this.at(frame, id);
      return spread ? this.vector.extract(this.#val(id).dtype, ref, lane) : ref;
    });
  }

  #val(id: ValId): Val {
    const v = this.plan.kernel.vals[id];
    if (v === undefined) throw new InternalError(`[render] expected a value ${id}`);
    return v;
  }

  buf(i: number): Buf {
    const b = this.plan.kernel.bufs[i];
    if (b === undefined) throw new InternalError(`[render] expected a buffer ${i}`);
    return b;
  }

  typeOf(id: ValId): ComputeType {
    return this.#val(id).dtype;
  }

  /** Whether a value has one element per lane. */
  varies(id: ValId): boolean {
    return this.plan.lanes > 1 && has(this.plan.domains[id] ?? 0, this.plan.vector);
  }

  #ixVaries(ix: Ix): boolean {
    return this.plan.lanes > 1 && has(ixDomain(ix, this.plan.domains), this.plan.vector);
  }

  /** The value at a frame. */
  at(frame: Frame, id: ValId): Lane {
    for (let f: Frame | null = frame; f !== null; f = f.parent) {
      const known = f.memo.get(id);
      if (known !== undefined) return known;
    }
    const stash = (this.plan.stages[id] ?? 0) < frame.stage ? this.stashed.get(id) : undefined;
    const lane = stash?.(frame) ?? { ref: this.#compute(frame, id), vector: this.varies(id) };
    frame.memo.set(id, lane);
    return lane;
  }

  /** The value as a scalar; it must not vary over the lanes. */
  scalarAt(frame: Frame, id: ValId): Ref {
    const { ref, vector } = this.at(frame, id);
    if (vector) throw new InternalError(`[render] value ${id} varies over the lanes`);
    return ref;
  }

  /** The value as a vector. */
  vectorAt(frame: Frame, id: ValId): Ref {
    const v = this.#val(id);
    if (v.op === "const") return this.vector.constant(v.dtype, v.value);
    const { ref, vector } = this.at(frame, id);
    return vector ? ref : this.vector.splat(v.dtype, ref);
  }

  #compute(frame: Frame, id: ValId): Ref {
    const { code } = this;
    const v = this.#val(id);
    const spread = this.varies(id);
    const o = spread ? this.vector : this.scalar;
    switch (v.op) {
      case "const":
        return this.scalar.constant(v.dtype, v.value);
      case "param": {
        const offset = argBytes.params(this.plan.kernel.bufs.length) + 8 * v.index;
        return code.load(`${wasmType(v.dtype)}.load`, this.#args, offset);
      }
      case "scalar": {
        const many = spread && isTogether(v.fn) ? this.#beside(frame, id, v) : null;
        if (many !== null) return many;
        const args = v.in.map((a) => (spread ? this.vectorAt(frame, a) : this.scalarAt(frame, a)));
        const known = v.in.map((a) => {
          const operand = this.#val(a);
          return operand.op === "const" ? operand.value : null;
        });
        const from = v.fn === "select" ? v.dtype : this.typeOf(v.in[0] ?? -1);
        if (v.fn === "pow" && known[1] === null && (from === "f32" || from === "f64")) {
          return this.#power(frame, v, o, args);
        }
        return o.apply(v.fn, from, v.dtype, args, known);
      }
      case "load":
        // Loads under guards are written inside branches: what they read must be known before.
        operandsOf(v, (operand) => {
          this.at(frame, operand);
        });
        return spread ? this.#loadVector(frame, v) : this.#loadScalar(frame, v);
      case "coord":
        return spread ? this.#lanesOf(frame, v.ix) : this.addresses.index(frame, v.ix);
      case "within":
        return spread ? this.#withinVector(frame, v.guards) : this.#holds(frame, v.guards, 0);
      case "index":
        return this.#index(frame, v, o);
      default:
        throw new InternalError(`[render] ${v.op} ${id} is not there yet`);
    }
  }

  /** The value at this frame and at those beside it, all at once. */
  #beside(frame: Frame, id: ValId, v: Scalar): Ref | null {
    const [operand] = v.in;
    const { beside } = frame;
    if (beside === null || beside.length === 1 || operand === undefined) return null;
    const xs = beside.map((f) => this.vectorAt(f, operand));
    const results = expandAll(this.vector.of(v.dtype), v.fn, xs);
    beside.forEach((f, i) => {
      f.memo.set(id, { ref: results[i] ?? 0, vector: true });
    });
    return results[beside.indexOf(frame)] ?? 0;
  }

  /** An exponent that is the same everywhere is looked at first: it is often one that needs no logarithm. */
  #power(frame: Frame, v: Scalar, o: Ops, args: readonly Ref[]): Ref {
    const { code, scalar } = this;
    const apply = (known: number | null): Ref =>
      o.apply("pow", v.dtype, v.dtype, args, [null, known]);
    const [, exponent = -1] = v.in;
    if (this.varies(exponent)) return apply(null);
    const e = this.scalarAt(frame, exponent);
    const type = o.lanes > 1 ? "v128" : wasmType(v.dtype);
    const choose = (n: number, no: () => Ref): Ref => {
      const is = scalar.apply("eq", v.dtype, "bool", [e, scalar.constant(v.dtype, n)]);
      return code.choose(is, type, () => apply(n), no);
    };
    const others = shortPowers.reduceRight(
      (no: () => Ref, n) => () => choose(n, no),
      () => apply(null),
    );
    return others();
  }

  // Guards

  #guard(frame: Frame, g: Guard, lane: number): Ref {
    const { code } = this;
    const i = this.addresses.index(frame, g.ix, lane);
    if (g.hi <= g.lo) return code.i32(0);
    return code.op("i32.lt_u", this.addresses.plus(i, -g.lo), code.i32(g.hi - g.lo));
  }

  /** Whether all guards hold in one lane, as i32. */
  #holds(frame: Frame, guards: readonly Guard[], lane: number): Ref {
    const { code } = this;
    let all: Ref | null = null;
    for (const g of guards) {
      const one = this.#guard(frame, g, lane);
      all = all === null ? one : code.op("i32.and", all, one);
    }
    return all ?? code.i32(1);
  }

  #withinVector(frame: Frame, guards: readonly Guard[]): Ref {
    const { code, vector } = this;
    let all: Ref | null = null;
    for (const g of guards) {
      let one: Ref;
      if (!this.#ixVaries(g.ix)) one = vector.splat("bool", this.#guard(frame, g, 0));
      else if (vector.width === 4 && g.hi > g.lo) {
        const moved = vector.narrow.isub(this.#lanesOf(frame, g.ix), vector.narrow.integer(g.lo));
        one = code.op("i32x4.lt_u", moved, vector.narrow.integer(g.hi - g.lo));
      } else {
        const lanes = Array.from({ length: vector.lanes }, (_, l) => this.#guard(frame, g, l));
        one = vector.gather("bool", lanes);
      }
      all = all === null ? one : code.op("v128.and", all, one);
    }
    return all ?? vector.constant("bool", true);
  }

  /** An index expression in every lane, as a vector of i32. */
  #lanesOf(frame: Frame, ix: Ix): Ref {
    const { code, vector } = this;
    const stride = this.addresses.lanesStride(ix);
    if (stride !== null && vector.width === 4) {
      const first = vector.splat("i32", this.addresses.index(frame, ix));
      if (stride === 0) return first;
      const steps = new Int32Array([0, stride, 2 * stride, 3 * stride]);
      return code.op("i32x4.add", first, code.v128(new Uint8Array(steps.buffer)));
    }
    const lanes = Array.from({ length: vector.lanes }, (_, l) =>
      this.addresses.index(frame, ix, l),
    );
    return vector.gather("i32", lanes);
  }

  #index(frame: Frame, v: Extract<Val, { op: "index" }>, o: Ops): Ref {
    const { code } = this;
    const t = this.typeOf(v.in);
    const l = o.of(t);
    const raw = o === this.vector ? this.vectorAt(frame, v.in) : this.scalarAt(frame, v.in);
    const unsigned = t === "u32" || t === "u64";
    const size = l.integer(v.size);
    const wrapped = unsigned ? raw : l.select(l.ilt(raw, l.integer(0)), l.iadd(raw, size), raw);
    const apply = (fn: "ge" | "lt", a: Ref, b: Ref): Ref => o.apply(fn, t, "bool", [a, b]);
    const low = unsigned ? null : apply("lt", wrapped, l.integer(0));
    const high = apply("ge", wrapped, size);
    let bad = low === null ? high : l.either(low, high);
    if (o === this.vector && frame.tail !== null) bad = l.both(bad, frame.tail.mask);
    code.if(o.any(bad), () => {
      const fault = code.load("i32.load", this.#args, argBytes.fault);
      code.if(code.op("i32.eqz", code.load("i32.load", fault, 0, true)), () => {
        code.store("i32.store", fault, code.i32(v.code));
      });
    });
    const capped = l.select(high, l.integer(Math.max(0, v.size - 1)), wrapped);
    const clamped = low === null ? capped : l.select(low, l.integer(0), capped);
    return o.apply("cast", t, "i32", [clamped]);
  }

  // Loads

  #loadScalar(frame: Frame, v: Load): Ref {
    return this.#loadLane(frame, v, 0);
  }

  /** One element, in one lane. */
  #loadLane(frame: Frame, v: Load, lane: number): Ref {
    const { storage } = this.buf(v.buf);
    const guarded = v.guards.length > 0;
    const load = (): Ref => {
      const { address, offset } = this.addresses.place(
        frame,
        v.buf,
        elementBytes(storage),
        v.ix,
        lane,
        guarded,
      );
      return loadScalar(this.scalar, storage, address, offset);
    };
    if (!guarded) return load();
    const fill = (): Ref => this.scalar.constant(v.dtype, v.fill);
    return this.code.choose(this.#holds(frame, v.guards, lane), wasmType(v.dtype), load, fill);
  }

  #loadVector(frame: Frame, v: Load): Ref {
    const { code, vector } = this;
    const along = v.guards.filter((g) => this.#ixVaries(g.ix));
    const still = v.guards.filter((g) => !this.#ixVaries(g.ix));
    const fill = (): Ref => vector.constant(v.dtype, v.fill);
    const inside = (): Ref => {
      if (along.length === 0) return this.#loadLanes(frame, v);
      const one = (lane: number): Ref => this.#loadLane(frame, { ...v, guards: along }, lane);
      const each = (): Ref =>
        vector.gather(
          v.dtype,
          Array.from({ length: vector.lanes }, (_, l) => one(l)),
        );
      const regular = along.every((g) => this.addresses.lanesStride(g.ix) !== null);
      if (!regular || this.addresses.lanesStride(v.ix) === null) return each();
      const ends = [0, vector.lanes - 1].map((l) => this.#holds(frame, along, l));
      const whole = ends.reduce((a, b) => code.op("i32.and", a, b));
      return code.choose(whole, "v128", () => this.#loadLanes(frame, v), each);
    };
    if (still.length === 0) return inside();
    return code.choose(this.#holds(frame, still, 0), "v128", inside, fill);
  }

  /** All lanes, wherever they lie; guards are known to hold. */
  #loadLanes(frame: Frame, v: Load): Ref {
    const { vector, code } = this;
    const { storage } = this.buf(v.buf);
    const bytes = elementBytes(storage);
    const stride = this.addresses.lanesStride(v.ix);
    const exact = v.guards.length > 0;
    const place = (lane: number): { address: Ref; offset: number } =>
      this.addresses.place(frame, v.buf, bytes, v.ix, lane, exact);
    if (stride === 1) {
      const { address, offset } = place(0);
      return loadVector(vector, storage, address, offset);
    }
    if (stride === 0) {
      const { address, offset } = place(0);
      return vector.splat(v.dtype, loadScalar(this.scalar, storage, address, offset));
    }
    if (stride === 2 && bytes === 4 && vector.width === 4) {
      const first = pairStart(v.ix);
      const { address, offset } = this.addresses.place(frame, v.buf, bytes, first.ix, 0, exact);
      return loadEverySecond(vector, address, offset, first.odd);
    }
    if (stride === -1 && bytes === vector.width && frame.tail === null) {
      const { address, offset } = place(vector.lanes - 1);
      const v128 = loadVector(vector, storage, address, offset);
      const reversed = vector.width === 4 ? words([3, 2, 1, 0], 0) : words([2, 3, 0, 1], 0);
      return code.lane("i8x16.shuffle", reversed, v128, v128);
    }
    const { across, domains } = this.plan;
    if (frame.group !== null && !exact && across >= 0) {
      const buf = this.buf(v.buf);
      const rows = transpose(vector, this.addresses, frame.group, across, domains, v, buf);
      if (rows !== null) return rows[frame.group.indexOf(frame)] ?? 0;
    }
    return loadGather(
      vector,
      storage,
      Array.from({ length: vector.lanes }, (_, l) => place(l)),
    );
  }
}

/** Byte lanes of a shuffle of 32-bit words. */
export const words = (lanes: readonly number[], plus: number): number[] =>
  lanes.flatMap((w) => [0, 1, 2, 3].map((b) => 4 * (w + plus) + b));

/** For a stride of two: the even element of the pair that holds the first lane's, and which of the two it is. */
function pairStart(ix: Ix): { readonly ix: Ix; readonly odd: 0 | 1 } {
  if (ix.k !== "affine" || ix.off % 2 !== 1) return { ix, odd: 0 };
  return { ix: { ...ix, off: ix.off - 1 }, odd: 1 };
}

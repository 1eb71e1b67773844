/** Lowers one group of operations to kernel IR by pulling values from its stores back to loads, folding views on the way. */

import type { DType } from "../core/dtype.js";
import { complex64, float32 } from "../core/dtype.js";
import { InternalError } from "../core/errors.js";
import { faults } from "../core/routine.js";
import type { ComputeType } from "../core/scalar.js";
import { computeTypeOf } from "../core/scalar.js";
import type { Parts, Position } from "../graph/lowering.js";
import { sizeOf } from "../graph/node.js";
import { addIx, constantIx, linearIx, offsetIx, scaleIx, textOfIx } from "../kernel/index-math.js";
import type { Buf, Guard, Ix, Kernel, Mask, Store, ValId } from "../kernel/ir.js";
import { coalesce } from "./coalesce.js";
import { Values } from "./expressions.js";
import type { Edge, Op, Tensor } from "./graph.js";

import type { GroupPlan, Partial } from "./group.js";
import { reductionIdentity, reductionPosition } from "./reduction.js";
import { throughView } from "./views.js";

/** A kernel with what its arguments are. */
export interface Lowered {
  readonly kernel: Kernel;
  /** Tensor behind each buffer argument. */
  readonly tensors: readonly Tensor[];
  /** For each scalar argument the constant operation it comes from and which part of it. */
  readonly params: readonly { readonly op: Op; readonly part: "re" | "im" }[];
}

/** Instructions whose result can leave the range of a narrow integer type. */
const overflowing: ReadonlySet<string> = new Set([
  "add",
  "sub",
  "mul",
  "neg",
  "abs",
  "div",
  "pow",
  "shl",
  "not",
]);

const wraps = { int8: "wrap_i8", int16: "wrap_i16", uint8: "wrap_u8", uint16: "wrap_u16" } as const;
const rounds = { float16: "round_f16", bfloat16: "round_bf16" } as const;
const hasKey = <T extends object>(table: T, key: PropertyKey): key is keyof T =>
  Object.hasOwn(table, key);

class Lowerer {
  private readonly group: GroupPlan;
  private readonly members: ReadonlySet<Op>;
  readonly values = new Values();
  readonly bufs: Buf[] = [];
  readonly tensors: Tensor[] = [];
  readonly params: { op: Op; part: "re" | "im" }[] = [];
  readonly paramTypes: ComputeType[] = [];
  private readonly memo = new Map<string, Parts<ValId>>();
  /** Conditions of the pads around the value being lowered: its loads must not happen outside them. */
  private guards: readonly Guard[] = [];

  constructor(group: GroupPlan) {
    this.group = group;
    this.members = new Set(group.ops);
  }

  buffer(t: Tensor, access: Buf["access"]): number {
    const at = this.tensors.findIndex((x, i) => x === t && this.bufs[i]?.access === access);
    if (at >= 0) return at;
    this.tensors.push(t);
    return this.bufs.push({ storage: t.dtype === complex64 ? float32 : t.dtype, access }) - 1;
  }

  private producer(t: Tensor): Op | null {
    const op = t.producers[0];
    return op !== undefined && op.into === null && this.members.has(op) ? op : null;
  }

  read(edge: Edge, at: readonly Ix[]): Parts<ValId> {
    const outer = this.guards;
    const own: Guard[] = [];
    let ix = at;
    for (let i = edge.views.length - 1; i >= 0; i--) {
      const step = edge.views[i];
      if (step !== undefined) ix = throughView(step, ix, this.group.axes, own);
    }
    if (own.length > 0) this.guards = [...outer, ...own];
    const op = this.producer(edge.tensor);
    const value = op === null ? this.load(edge.tensor, ix) : this.value(op, ix);
    this.guards = outer;
    if (own.length === 0 || op === null) return value;
    const inside = this.values.within(own);
    const masked = (v: ValId): ValId => {
      return this.values.op("select", inside, v, this.values.constant(this.values.typeOf(v), 0));
    };
    return { re: masked(value.re), im: value.im === null ? null : masked(value.im) };
  }

  private load(t: Tensor, at: readonly Ix[]): Parts<ValId> {
    const buf = this.buffer(t, "read");
    const ix = linearIx(at, t.shape);
    const type = computeTypeOf(t.dtype);
    if (t.dtype !== complex64)
      return { re: this.values.load(type, buf, ix, this.guards), im: null };
    const twice = scaleIx(ix, 2);
    return {
      re: this.values.load(type, buf, twice, this.guards),
      im: this.values.load(type, buf, offsetIx(twice, 1), this.guards),
    };
  }

  value(op: Op, at: readonly Ix[]): Parts<ValId> {
    if (this.guards.length > 0 && (op.kind === "reduce" || op.kind === "contract")) {
      // Reduced at its own place, over axes that the guards around may speak of in another sense.
      const outer = this.guards;
      this.guards = [];
      const value = this.value(op, at);
      this.guards = outer;
      return value;
    }
    const context =
      this.guards.length === 0
        ? ""
        : this.guards.map((g) => `${textOfIx(g.ix)},${g.lo},${g.hi}`).join("&");
    const key = `${op.id}@${at.map(textOfIx).join(",")}@${context}`;
    const known = this.memo.get(key);
    if (known !== undefined) return known;
    const made = this.compute(op, at);
    this.memo.set(key, made);
    return made;
  }

  private compute(op: Op, at: readonly Ix[]): Parts<ValId> {
    const l = op.lowering;
    const s = this.values;
    switch (l.kind) {
      case "copy":
        return this.read(this.operand(op, 0), at);
      case "constant":
        return this.constant(op);
      case "scalar": {
        const ins = op.ins.map((e) => this.read(e, at));
        if (ins.some((p) => p.im !== null)) {
          if (l.complex === undefined)
            throw new InternalError(`[lower] ${l.fn} is not defined on complex values`);
          return asParts(l.complex(opaque(s), ins));
        }
        const v = s.op(l.fn, ...ins.map((p) => p.re));
        return { re: overflowing.has(l.fn) ? this.narrow(v, op.out.dtype) : v, im: null };
      }
      case "expression": {
        const ins = op.ins.map((e) => this.read(e, at));
        const made = asParts(l.emit(opaque(s), ins, op.attrs, op.ins, op.out));
        const converts = op.ins.some((e) => e.dtype !== op.out.dtype);
        return { re: this.narrow(made.re, op.out.dtype, converts), im: made.im };
      }
      case "indexed": {
        const made = asParts(l.emit(opaque(s), this.position(op, at), op.attrs, op.ins, op.out));
        return { re: this.narrow(made.re, op.out.dtype, true), im: made.im };
      }
      case "reduce":
        return this.reduction(op, l.how, l.axes(op.attrs));
      case "contract":
        return this.contraction(op);
      default:
        throw new InternalError(`[lower] ${l.kind} is not computed inside a kernel`);
    }
  }

  private operand(op: Op, i: number): Edge {
    const e = op.ins[i];
    if (e === undefined) throw new InternalError(`[lower] operation has no operand ${i}`);
    return e;
  }

  /** Back into the range of a narrow storage type; halves are rounded only where a conversion says so. */
  private narrow(v: ValId, d: DType, round = false): ValId {
    if (hasKey(wraps, d.name)) return this.values.op(wraps[d.name], v);
    if (round && hasKey(rounds, d.name)) return this.values.op(rounds[d.name], v);
    return v;
  }

  private constant(op: Op): Parts<ValId> {
    const type = computeTypeOf(op.out.dtype);
    const part = (p: "re" | "im"): ValId => {
      let i = this.params.findIndex((x) => x.op === op && x.part === p);
      if (i < 0) {
        i = this.params.push({ op, part: p }) - 1;
        this.paramTypes.push(type);
      }
      return this.values.param(type, i);
    };
    return { re: part("re"), im: op.out.dtype === complex64 ? part("im") : null };
  }

  private home(op: Op): readonly Ix[] {
    const ix = this.group.home.get(op);
    if (ix === undefined)
      throw new InternalError("[lower] a reduction or contraction without a place in its kernel");
    return ix;
  }

  private mask(ixs: readonly (Ix | undefined)[]): Mask {
    let mask = 0;
    for (const ix of ixs) {
      if (ix?.k === "affine") for (const [axis] of ix.terms) mask |= 1 << axis;
    }
    return mask;
  }

  private reduction(
    op: Op,
    how: Parameters<Values["reduce"]>[0],
    axes: readonly number[],
  ): Parts<ValId> {
    const edge = this.operand(op, 0);
    const s = this.values;
    if (axes.some((a) => edge.shape[a] === 0)) {
      const zero = s.constant(computeTypeOf(op.out.dtype), reductionIdentity(how));
      return { re: zero, im: op.out.dtype === complex64 ? zero : null };
    }
    const at = this.home(op);
    const read = this.read(edge, at);
    // Of a terminal reduction the kernel does a part.
    const over = this.group.partials.get(op)?.over ?? this.mask(axes.map((a) => at[a]));
    const value = {
      re: s.spread(read.re, over),
      im: read.im === null ? null : s.spread(read.im, over),
    };
    const arg = how === "argmax" || how === "argmin";
    if (over === 0) return arg ? { re: s.constant("u32", 0), im: null } : value;
    const position = arg ? s.coord(reductionPosition(at, edge.shape, axes)) : null;
    if (value.im === null) return { re: s.reduce(how, value.re, over, position), im: null };
    if (how !== "sum") throw new InternalError(`[lower] no ${how} reduction of complex values`);
    return { re: s.reduce(how, value.re, over, null), im: s.reduce(how, value.im, over, null) };
  }

  private contraction(op: Op): Parts<ValId> {
    const s = this.values;
    const [ea, eb] = [this.operand(op, 0), this.operand(op, 1)];
    if (ea.shape.at(-1) === 0) return { re: s.constant(computeTypeOf(op.out.dtype), 0), im: null };
    const at = this.home(op);
    const [m, n, k] = at.slice(-3);
    if (m === undefined || n === undefined || k === undefined)
      throw new InternalError("[lower] a contraction needs m, n, k");
    const batch = at.slice(0, -3);
    const a = s.spread(this.read(ea, [...batch, m, k]).re, this.mask([m, k]));
    const b = s.spread(this.read(eb, [...batch, k, n]).re, this.mask([k, n]));
    const over = this.mask([k]);
    return { re: over === 0 ? s.op("mul", a, b) : s.contract(a, b, over), im: null };
  }

  private position(op: Op, at: readonly Ix[]): Position<unknown> {
    const shape = op.out.shape;
    return {
      coordinate: (d) => this.values.coord(at[d] ?? constantIx(0)),
      flat: (from) => this.values.coord(linearIx(at.slice(from), shape.slice(from))),
      index: (v, size) => this.values.index(asVal(v), size, faults.index),
      element: (i, where) =>
        this.read(
          this.operand(op, i),
          where.map((v) => this.indexOf(asVal(v))),
        ),
    };
  }

  /** The index expression of an i32 value: sums of coordinates stay affine. */
  private indexOf(v: ValId): Ix {
    const val = this.values.get(v);
    if (val.op === "coord") return val.ix;
    if (val.op === "const") return constantIx(Number(val.value));
    if (val.op === "scalar" && val.fn === "add") {
      const [a, b] = val.in;
      if (a !== undefined && b !== undefined) return addIx(this.indexOf(a), this.indexOf(b));
    }
    return { k: "value", of: v, stride: 1 };
  }

  store(op: Op): readonly Store[] {
    const at =
      op.kind === "reduce" || op.kind === "contract" ? this.resultPlace(op) : this.home(op);
    const value = this.value(op, at);
    const target = op.into === null ? op.out : op.into.tensor;
    const into = op.into;
    const place =
      into === null ? at : at.map((ix, d) => (d === into.axis ? offsetIx(ix, into.offset) : ix));
    const ix = linearIx(place, target.shape);
    const buf = this.buffer(target, "write");
    const over = this.mask(at);
    if (value.im === null) return [{ buf, ix, value: value.re, over }];
    const twice = scaleIx(ix, 2);
    return [
      { buf, ix: twice, value: value.re, over },
      { buf, ix: offsetIx(twice, 1), value: value.im, over },
    ];
  }

  /** One partial result per slab of the grid goes to `partial`, whose first dimension the device supplies. */
  storePartial(op: Op, { tensor, rest }: Partial): Store {
    const result = this.resultPlace(op);
    const value = this.value(op, result).re;
    const buf = this.buffer(tensor, "partial");
    const at = [...result, ...rest];
    return { buf, ix: linearIx(at, tensor.shape.slice(1)), value, over: this.mask(at) };
  }

  private resultPlace(op: Op): readonly Ix[] {
    const at = this.home(op);
    if (op.kind === "contract") return at.slice(0, -1);
    const l = op.lowering;
    const axes = l.kind === "reduce" ? l.axes(op.attrs) : [];
    const keeps = op.out.shape.length === at.length;
    return keeps
      ? at.map((ix, d) => (axes.includes(d) ? constantIx(0) : ix))
      : at.filter((_, d) => !axes.includes(d));
  }
}

/** Lowerings see values as opaque; what they hand back is what they were given. */
const asVal = (v: unknown): ValId => {
  if (typeof v !== "number")
    throw new InternalError("[lower] a lowering returned something that is not a value");
  return v;
};

const asParts = (p: Parts<unknown>): Parts<ValId> => ({
  re: asVal(p.re),
  im: p.im === null ? null : asVal(p.im),
});

const opaque = (s: Values): import("../core/scalar.js").Scalars<unknown> => ({
  op: (fn, ...args) => s.op(fn, ...args.map(asVal)),
  cast: (to, v) => s.cast(to, asVal(v)),
  bitcast: (to, v) => s.bitcast(to, asVal(v)),
  constant: (type, v) => s.constant(type, v),
  typeOf: (v) => s.typeOf(asVal(v)),
});

/** Null where the group stores nothing, its results being empty. */
export const lowerGroup = (group: GroupPlan): Lowered | null => {
  const low = new Lowerer(group);
  const stores: Store[] = [];
  for (const op of group.stored) if (sizeOf(op.out.shape) > 0) stores.push(...low.store(op));
  for (const [op, partial] of group.partials) stores.push(low.storePartial(op, partial));
  if (stores.length === 0) return null;
  const raw: Kernel = {
    axes: group.axes,
    bufs: low.bufs,
    params: low.paramTypes,
    vals: low.values.vals,
    stores,
  };
  return { kernel: coalesce(raw), tensors: low.tensors, params: low.params };
};

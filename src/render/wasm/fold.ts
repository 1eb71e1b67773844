/** Sums, products and extrema of rows in locals: one per vector in flight, combined when the row is done. */
import { InternalError } from "../../core/errors.js";
import type { Combine, ComputeType, ScalarOp } from "../../core/scalar.js";
import type { Val, ValId } from "../../kernel/ir.js";
import type { Variable } from "./block.js";
import type { WasmType } from "./encoder.js";
import type { Frame } from "./frame.js";
import type { Ref } from "./lane-code.js";
import type { Ops } from "./ops.js";
import { type Values, words } from "./values.js";

export type Reduce = Extract<Val, { op: "reduce" }>;

/** A reduction being computed for the frames of one point. */
export interface Accumulator {
  /** Takes in the operand at a frame inside the row loops; `slot` tells the vectors in flight apart. */
  update(frame: Frame, slot: number): void;
  /** Moves what was collected into a wider accumulator: called after every block of a long row. */
  flush(): void;
  /** Puts the result where the point's frames find it. */
  finish(): void;
  /** What was collected, frame by frame, instead of `finish`: for another accumulator to join. */
  collected(): readonly Ref[];
  /** Takes in what an accumulator of a part of the row collected, the first part first. */
  join(parts: readonly Ref[]): void;
  /** The types of the values that are collected and joined. */
  readonly kinds: readonly WasmType[];
}

const foldOps = { sum: "add", prod: "mul", max: "max", min: "min" } as const;

/** What a reduction of nothing is. */
export function identityOf(how: Combine, t: ComputeType): number | bigint {
  if (how === "sum" || how === "prod") return how === "sum" ? 0 : 1;
  const low = how === "max" || how === "argmax";
  switch (t) {
    case "bool":
      return low ? 0 : 1;
    case "i32":
      return low ? -2147483648 : 2147483647;
    case "u32":
      return low ? 0 : 4294967295;
    case "i64":
      return low ? -(2n ** 63n) : 2n ** 63n - 1n;
    case "u64":
      return low ? 0n : 2n ** 64n - 1n;
    default:
      return low ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
}

/** The instruction that combines two contributions. */
export const foldOp = (how: Combine): ScalarOp => {
  if (how === "argmax" || how === "argmin")
    throw new InternalError(`[render] ${how} does not fold`);
  return foldOps[how];
};

/** All lanes of a vector folded into one scalar: halves are swapped and combined as vectors. */
export function foldLanes(values: Values, t: ComputeType, fn: ScalarOp, v: Ref): Ref {
  const { vector, code } = values;
  const swaps =
    vector.width === 4
      ? [
          [2, 3, 0, 1],
          [1, 0, 3, 2],
        ]
      : [[2, 3, 0, 1]];
  const all = swaps.reduce((a, lanes) => {
    const swapped = code.lane("i8x16.shuffle", words(lanes, 0), a, a);
    return vector.apply(fn, t, t, [a, swapped]);
  }, v);
  return vector.extract(t, all, 0);
}

/** sum, prod, max and min of one frame. */
export class Fold implements Accumulator {
  readonly #values: Values;
  readonly #frame: Frame;
  readonly #id: ValId;
  readonly #v: Reduce;
  readonly #along: boolean;
  readonly #spread: boolean;
  readonly #ops: Ops;
  readonly #t: ComputeType;
  readonly #fn: ScalarOp;
  readonly #slots: readonly Variable[];
  /** Sums in float64 of what was flushed: two for vectors of four. */
  readonly #wide: readonly Variable[];
  /**
   * For max and min of float vectors, one per slot: lanes that met NaN. An extremum that ignores NaN and this mask
   * take two instructions, one that propagates it six.
   */
  readonly #nans: readonly Variable[];

  constructor(
    values: Values,
    frame: Frame,
    id: ValId,
    v: Reduce,
    along: boolean,
    spread: boolean,
    slots: number,
    wide: boolean,
  ) {
    const { code } = values;
    this.#values = values;
    this.#frame = frame;
    this.#id = id;
    this.#v = v;
    this.#along = along;
    this.#spread = spread;
    this.#ops = spread ? values.vector : values.scalar;
    this.#t = values.typeOf(v.in);
    this.#fn = foldOp(v.how);
    const zero = this.#identity();
    this.#slots = Array.from({ length: along ? slots : 1 }, () => code.variable(zero));
    const float = this.#t === "f32" || this.#t === "f64";
    const tracked =
      spread && float && values.vector.lanes > 1 && (v.how === "max" || v.how === "min");
    const clear = tracked ? code.v128(new Uint8Array(16)) : 0;
    this.#nans = tracked ? this.#slots.map(() => code.variable(clear)) : [];
    const many = spread && this.#t === "f32" ? 2 : 1;
    const wideZero = spread ? code.v128(new Uint8Array(16)) : code.f64(0);
    this.#wide = Array.from({ length: wide && float ? many : 0 }, () => code.variable(wideZero));
  }

  #identity(): Ref {
    return this.#ops.constant(this.#t, identityOf(this.#v.how, this.#t));
  }

  update(frame: Frame, slot: number): void {
    const { code } = this.#values;
    const acc = this.#slots[slot % this.#slots.length];
    if (acc === undefined) return;
    let value = this.#spread
      ? this.#values.vectorAt(frame, this.#v.in)
      : this.#values.scalarAt(frame, this.#v.in);
    if (this.#along && frame.tail !== null) {
      value = this.#ops.of(this.#t).select(frame.tail.mask, value, this.#identity());
    }
    const nan = this.#nans[slot % this.#slots.length];
    if (nan === undefined) {
      code.set(acc, this.#ops.apply(this.#fn, this.#t, this.#t, [code.get(acc), value]));
      return;
    }
    const l = this.#ops.of(this.#t);
    code.set(acc, code.op(`${l.shape}.p${this.#fn}`, value, code.get(acc)));
    code.set(nan, l.either(code.get(nan), l.ne(value, value)));
  }

  /** The slots combined. */
  #total(): Ref {
    const { code } = this.#values;
    const l = this.#ops.of(this.#t);
    const refs = this.#slots.map((s, i) => {
      const nan = this.#nans[i];
      if (nan === undefined) return code.get(s);
      return l.select(code.get(nan), l.constant(Number.NaN), code.get(s));
    });
    return refs.reduce((a, b) => this.#ops.apply(this.#fn, this.#t, this.#t, [a, b]));
  }

  flush(): void {
    if (this.#wide.length === 0) return;
    const { code } = this.#values;
    const total = this.#total();
    this.#wide.forEach((w, half) => {
      const part = this.#widened(total, half);
      code.set(w, code.op(`${this.#spread ? "f64x2" : "f64"}.add`, code.get(w), part));
    });
    for (const s of this.#slots) code.set(s, this.#identity());
  }

  #widened(total: Ref, half: number): Ref {
    const { code } = this.#values;
    if (this.#t === "f64") return total;
    if (!this.#spread) return code.op("f64.promote_f32", total);
    const low =
      half === 0 ? total : code.lane("i8x16.shuffle", words([2, 3, 2, 3], 0), total, total);
    return code.op("f64x2.promote_low_f32x4", low);
  }

  get kinds(): readonly WasmType[] {
    const { code } = this.#values;
    if (this.#wide.length > 0) return this.#wide.map((w) => w.type);
    return [this.#spread ? "v128" : code.typeOf(this.#identity())];
  }

  collected(): readonly Ref[] {
    const { code } = this.#values;
    this.flush();
    if (this.#wide.length === 0) return [this.#along ? this.#folded() : this.#total()];
    const wide = this.#wide.map((w) => code.get(w));
    if (!this.#along) return wide;
    const [a = 0, b] = wide;
    return [this.#across(b === undefined ? a : code.op("f64x2.add", a, b))];
  }

  join(parts: readonly Ref[]): void {
    const { code } = this.#values;
    const add = this.#spread ? "f64x2.add" : "f64.add";
    this.#wide.forEach((w, i) => {
      code.set(w, code.op(add, code.get(w), parts[i] ?? 0));
    });
    const [slot] = this.#slots;
    const [part] = parts;
    if (this.#wide.length > 0 || slot === undefined || part === undefined) return;
    code.set(slot, this.#ops.apply(this.#fn, this.#t, this.#t, [code.get(slot), part]));
  }

  finish(): void {
    const { code } = this.#values;
    const result = this.#wide.length > 0 ? this.#finishWide() : this.#finishPlain();
    code.pin(result);
    this.#frame.memo.set(this.#id, { ref: result, vector: this.#spread && !this.#along });
  }

  #folded(): Ref {
    return foldLanes(this.#values, this.#t, this.#fn, this.#total());
  }

  #finishPlain(): Ref {
    return this.#along ? this.#folded() : this.#total();
  }

  /** The sum of both lanes. */
  #across(both: Ref): Ref {
    const { code } = this.#values;
    const [x, y] = [0, 1].map((l) => code.lane("f64x2.extract_lane", [l], both));
    return code.op("f64.add", x ?? 0, y ?? 0);
  }

  #finishWide(): Ref {
    const { code } = this.#values;
    this.flush();
    const [a = 0, b] = this.#wide.map((w) => code.get(w));
    const narrow = (x: Ref): Ref => (this.#t === "f64" ? x : code.op("f32.demote_f64", x));
    if (!this.#spread) return narrow(a);
    if (this.#along) return narrow(this.#across(b === undefined ? a : code.op("f64x2.add", a, b)));
    if (b === undefined) return a;
    const [low, high] = [a, b].map((x) => code.op("f32x4.demote_f64x2_zero", x));
    return code.lane("i8x16.shuffle", words([0, 1, 4, 5], 0), low ?? 0, high ?? 0);
  }
}

/** Scans of contiguous elements: prefixes inside vectors, the carry spread over the lanes. */
import { InternalError } from "../../../core/errors.js";
import { type ComputeType, computeTypeOf } from "../../../core/scalar.js";
import type { Variable } from "../block.js";
import type { Ref } from "../lane-code.js";
import { loadScalar, loadVector, storeScalar, storeVector } from "../storage.js";
import type { Frame } from "./frame.js";
import { combiner, identity, inDoubles, type Scan } from "./scan-carry.js";

/** Byte lanes of a shuffle that takes elements of `bytes`. */
const elements = (bytes: number, picked: readonly number[]): number[] =>
  picked.flatMap((e) => Array.from({ length: bytes }, (_, b) => e * bytes + b));

/** Extrema of floats are those of integers in the same order; NaN is the most extreme of them. */
const keyOf = { max: 0x7fffffff, min: -0x80000000 } as const;
const infinityKeys = { max: -0x7f800001, min: 0x7f800000 } as const;

/** The elements of a row in steps of several, or one by one at its end. */
export class RowScan {
  readonly #f: Frame;
  readonly #r: Scan;
  /** The type of the carry, and of values once converted. */
  readonly #type: ComputeType;
  readonly #how: "double" | "key" | "plain";
  /** Bytes of a carry; lanes of a vector of carries; elements per step. */
  readonly #bytes: 4 | 8;
  readonly #lanes: 1 | 2 | 4;
  readonly step: 1 | 2 | 4;

  constructor(f: Frame, r: Scan) {
    this.#f = f;
    this.#r = r;
    const t = computeTypeOf(r.dtype);
    this.#how = inDoubles(r) ? "double" : t === "f32" ? "key" : "plain";
    this.#type = this.#how === "double" ? "f64" : this.#how === "key" ? "i32" : t;
    this.#bytes = /64$/.test(this.#type) ? 8 : 4;
    // In float64 the order of additions shows.
    const ordered = this.#how === "plain" && t === "f64" && combiner[r.how] !== r.how;
    this.#lanes = t === "bool" || ordered ? 1 : this.#bytes === 8 ? 2 : 4;
    this.step = this.#how === "double" ? 4 : this.#lanes;
  }

  get #ops(): Frame["one"] {
    return this.#lanes === 2 ? this.#f.two : this.#f.four;
  }

  get #identity(): number | bigint {
    const { how } = this.#r;
    if (this.#how === "key" && (how === "max" || how === "min")) return infinityKeys[how];
    return identity(this.#r, this.#type);
  }

  #combined(a: Ref, b: Ref, one: boolean): Ref {
    const o = one ? this.#f.one : this.#ops;
    return o.apply(combiner[this.#r.how], this.#type, this.#type, [a, b]);
  }

  // Single carries

  start(): Ref {
    return this.#f.one.constant(this.#type, this.#identity);
  }

  combine(a: Ref, b: Ref): Ref {
    return this.#combined(a, b, true);
  }

  get #memory(): "f64" | "i64" | "i32" {
    if (this.#type === "f64") return "f64";
    return this.#bytes === 8 ? "i64" : "i32";
  }

  loadCarry(address: Ref): Ref {
    return this.#f.code.load(`${this.#memory}.load`, address, 0, true);
  }

  storeCarry(address: Ref, carry: Ref): void {
    this.#f.code.store(`${this.#memory}.store`, address, carry);
  }

  #flipped(key: Ref): Ref {
    const { code } = this.#f;
    const sign = code.op("i32.shr_s", key, code.i32(31));
    return code.op("i32.xor", key, code.op("i32.shr_u", sign, code.i32(1)));
  }

  #load(address: Ref): Ref {
    const { code, one } = this.#f;
    const x = loadScalar(one, this.#r.dtype, address, 0, true);
    if (this.#how === "plain") return x;
    if (this.#how === "double") return code.op("f64.promote_f32", x);
    const key = this.#flipped(code.op("i32.reinterpret_f32", x));
    return code.select(code.op("f32.ne", x, x), code.i32(this.#nanKey()), key);
  }

  #store(address: Ref, carry: Ref): void {
    const { code, one } = this.#f;
    const x =
      this.#how === "plain"
        ? carry
        : this.#how === "double"
          ? code.op("f32.demote_f64", carry)
          : code.op("f32.reinterpret_i32", this.#flipped(carry));
    storeScalar(one, this.#r.dtype, address, x);
  }

  #nanKey(): number {
    const { how } = this.#r;
    if (how !== "max" && how !== "min") throw new InternalError(`[scan] ${how} has no order`);
    return keyOf[how];
  }

  // Vectors of carries

  /** Elements in the other order. */
  #turned(v: Ref): Ref {
    if (!this.#r.reverse) return v;
    const count = this.step;
    const order = Array.from({ length: count }, (_, i) => count - 1 - i);
    return this.#f.code.lane("i8x16.shuffle", elements(16 / count, order), v, v);
  }

  #flippedAll(keys: Ref): Ref {
    const { code } = this.#f;
    const sign = code.op("i32x4.shr_s", keys, code.i32(31));
    return code.op("v128.xor", keys, code.op("i32x4.shr_u", sign, code.i32(1)));
  }

  /** The elements of one step in the order of the scan. */
  #loadAll(address: Ref): readonly Ref[] {
    const { code, four, two } = this.#f;
    const o = this.step === 2 ? two : four;
    const x = this.#turned(loadVector(o, this.#r.dtype, address, 0, true));
    if (this.#how === "plain") return [x];
    if (this.#how === "key") {
      const keys = this.#flippedAll(x);
      const nan = four.constant("i32", this.#nanKey());
      return [code.op("v128.bitselect", nan, keys, code.op("f32x4.ne", x, x))];
    }
    const upper = code.lane("i8x16.shuffle", elements(8, [1, 0]), x, x);
    return [x, upper].map((half) => code.op("f64x2.promote_low_f32x4", half));
  }

  #storeAll(address: Ref, parts: readonly Ref[]): void {
    const { code, four, two } = this.#f;
    const [a = 0, b = 0] = parts;
    const o = this.step === 2 ? two : four;
    let x = a;
    if (this.#how === "key") x = this.#flippedAll(a);
    if (this.#how === "double") {
      const [low, high] = [a, b].map((v) => code.op("f32x4.demote_f64x2_zero", v));
      x = code.lane("i8x16.shuffle", elements(8, [0, 2]), low ?? 0, high ?? 0);
    }
    storeVector(o, this.#r.dtype, this.#turned(x)).all(address, 0);
  }

  /** The last `count` lanes of `before`, then the first ones of `v`. */
  #shifted(before: Ref, v: Ref, count: number): Ref {
    const lanes = this.#lanes;
    const picked = Array.from({ length: lanes }, (_, i) => lanes - count + i);
    return this.#f.code.lane("i8x16.shuffle", elements(this.#bytes, picked), before, v);
  }

  /** The last lane in all lanes. */
  #spread(v: Ref): Ref {
    const lanes = Array.from({ length: this.#lanes }, () => this.#lanes - 1);
    return this.#f.code.lane("i8x16.shuffle", elements(this.#bytes, lanes), v, v);
  }

  /** Scans of the elements of one step alone. */
  #prefixes(parts: readonly Ref[]): readonly Ref[] {
    const none = this.#ops.constant(this.#type, this.#identity);
    let last: Ref | null = null;
    return parts.map((part) => {
      let v = part;
      for (let by = 1; by < this.#lanes; by *= 2)
        v = this.#combined(this.#shifted(none, v, by), v, false);
      if (last !== null) v = this.#combined(last, v, false);
      last = this.#spread(v);
      return v;
    });
  }

  // Rows

  /** Address of the elements of the step that begins at step `s`, `count` of them. */
  #at(base: Ref, s: Ref, count: number): Ref {
    const f = this.#f;
    const { length, dtype, reverse } = this.#r;
    const l = reverse ? f.sub(f.constant(length - count), s) : s;
    return f.at(base, l, dtype.size);
  }

  /** Where whole steps from `from` to `to` end. */
  #whole(from: Ref, to: Ref): Ref {
    const f = this.#f;
    if (this.step === 1) return from;
    return f.add(from, f.code.op("i32.and", f.sub(to, from), f.constant(-this.step)));
  }

  /** The combination of the elements from step `from` up to `to`. */
  total(source: Ref, from: Ref, to: Ref): Ref {
    const f = this.#f;
    const { code } = f;
    const carry = code.variable(this.start());
    const whole = this.#whole(from, to);
    if (this.step > 1) {
      const none = this.#ops.constant(this.#type, this.#identity);
      const two = f.add(from, code.op("i32.and", f.sub(whole, from), f.constant(-2 * this.step)));
      const sums: Variable[] = Array.from({ length: this.#how === "double" ? 4 : 2 }, () =>
        code.variable(none),
      );
      const take = (s: Ref, first: number): void => {
        this.#loadAll(this.#at(source, s, this.step)).forEach((part, i) => {
          const sum = sums[first + i];
          if (sum !== undefined) code.set(sum, this.#combined(code.get(sum), part, false));
        });
      };
      code.loop(from, two, 2 * this.step, (s) => {
        take(s, 0);
        take(f.add(s, f.constant(this.step)), sums.length / 2);
      });
      code.loop(two, whole, this.step, (s) => take(s, 0));
      const all = sums.map((s) => code.get(s)).reduce((a, b) => this.#combined(a, b, false));
      for (let lane = 0; lane < this.#lanes; lane++) {
        code.set(carry, this.combine(code.get(carry), this.#ops.extract(this.#type, all, lane)));
      }
    }
    code.loop(whole, to, 1, (s) => {
      code.set(carry, this.combine(code.get(carry), this.#load(this.#at(source, s, 1))));
    });
    const total = code.get(carry);
    code.pin(total);
    return total;
  }

  /** Scans the elements from step `from` up to `to`, with what came before them. */
  scan(source: Ref, target: Ref, from: Ref, to: Ref, before: Ref): void {
    const f = this.#f;
    const { code } = f;
    const { exclusive } = this.#r;
    const carry = code.variable(before);
    const whole = this.#whole(from, to);
    if (this.step > 1) {
      const none = this.#ops.constant(this.#type, this.#identity);
      const all = code.variable(this.#ops.splat(this.#type, before));
      code.loop(from, whole, this.step, (s) => {
        const prefixes = this.#prefixes(this.#loadAll(this.#at(source, s, this.step)));
        const spread = code.get(all);
        const shown = prefixes.map((p, i) => {
          const mine = exclusive ? this.#shifted(prefixes[i - 1] ?? none, p, 1) : p;
          return this.#combined(spread, mine, false);
        });
        const after = this.#combined(spread, this.#spread(prefixes.at(-1) ?? none), false);
        code.pin(after);
        this.#storeAll(this.#at(target, s, this.step), shown);
        code.set(all, after);
      });
      code.set(carry, this.#ops.extract(this.#type, code.get(all), 0));
    }
    code.loop(whole, to, 1, (s) => {
      const was = code.get(carry);
      const after = this.combine(was, this.#load(this.#at(source, s, 1)));
      code.pin(after);
      this.#store(this.#at(target, s, 1), exclusive ? was : after);
      code.set(carry, after);
    });
  }
}

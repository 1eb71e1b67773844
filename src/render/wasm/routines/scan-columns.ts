/** Scans along an outer axis: columns side by side share vectors, their carries lie in memory. */
import { computeTypeOf } from "../../../core/scalar.js";
import type { Ref } from "../lane-code.js";
import type { Ops } from "../ops.js";
import { loadScalar, loadVector, storeScalar, storeVector } from "../storage.js";
import type { Frame } from "./frame.js";
import { combiner, identity, inDoubles, type Scan } from "./scan-carry.js";

/** A group of adjacent columns: how its carry is kept in scratch, and combined with the values of one position. */
interface Group {
  readonly lanes: number;
  /** Bytes of carry per column. */
  readonly carryBytes: number;
  start(address: Ref): void;
  /** Takes the values at `source` in; writes what the scan gives to `target`, if there is one. */
  step(carry: Ref, source: Ref, target: Ref | null): void;
  /** Takes in another group's carry. */
  join(carry: Ref, other: Ref): void;
}

/** Carries of the compute type. */
const plainGroup = (f: Frame, r: Scan, o: Ops): Group => {
  const { code } = f;
  const t = computeTypeOf(r.dtype);
  const scalar = t === "f32" || t === "f64" ? t : t === "i64" || t === "u64" ? "i64" : "i32";
  const kind = o.lanes === 1 ? scalar : "v128";
  const carryBytes = scalar === "f64" || scalar === "i64" ? 8 : 4;
  return {
    lanes: o.lanes,
    carryBytes,
    start: (address) => code.store(`${kind}.store`, address, o.constant(t, identity(r, t))),
    step(carry, source, target) {
      const before = code.load(`${kind}.load`, carry, 0, true);
      const value =
        o.lanes === 1
          ? loadScalar(o, r.dtype, source, 0, true)
          : loadVector(o, r.dtype, source, 0, true);
      const after = o.apply(combiner[r.how], t, t, [before, value]);
      const shown = r.exclusive ? before : after;
      code.pin(after);
      if (target !== null && o.lanes === 1) storeScalar(o, r.dtype, target, shown);
      else if (target !== null) storeVector(o, r.dtype, shown).all(target, 0);
      code.store(`${kind}.store`, carry, after);
    },
    join(carry, other) {
      const parts = [carry, other].map((address) => code.load(`${kind}.load`, address, 0, true));
      code.store(`${kind}.store`, carry, o.apply(combiner[r.how], t, t, parts));
    },
  };
};

/** Four columns of floats whose carries are doubles. */
const doubleGroup = (f: Frame, r: Scan): Group => {
  const { code, four, two } = f;
  const upperToLower = [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7];
  const bothLower = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
  const rounded = (low: Ref, high: Ref): Ref =>
    code.lane(
      "i8x16.shuffle",
      bothLower,
      code.op("f32x4.demote_f64x2_zero", low),
      code.op("f32x4.demote_f64x2_zero", high),
    );
  return {
    lanes: 4,
    carryBytes: 8,
    start(address) {
      const init = two.constant("f64", identity(r, "f64"));
      code.store("v128.store", address, init);
      code.store("v128.store", address, init, 16);
    },
    step(carry, source, target) {
      const values = loadVector(four, r.dtype, source, 0, true);
      const parts = [values, code.lane("i8x16.shuffle", upperToLower, values, values)];
      const before = parts.map((_, i) => code.load("v128.load", carry, 16 * i, true));
      const after = parts.map((part, i) => {
        const doubles = code.op("f64x2.promote_low_f32x4", part);
        return two.apply(combiner[r.how], "f64", "f64", [before[i] ?? 0, doubles]);
      });
      for (const v of after) code.pin(v);
      const [low = 0, high = 0] = r.exclusive ? before : after;
      if (target !== null) storeVector(four, r.dtype, rounded(low, high)).all(target, 0);
      after.forEach((v, i) => {
        code.store("v128.store", carry, v, 16 * i);
      });
    },
    join(carry, other) {
      for (const at of [0, 16]) {
        const parts = [carry, other].map((address) => code.load("v128.load", address, at, true));
        code.store("v128.store", carry, two.apply(combiner[r.how], "f64", "f64", parts), at);
      }
    },
  };
};

/** One column of floats whose carry is a double. */
const doubleColumn = (f: Frame, r: Scan): Group => {
  const { code, one } = f;
  return {
    lanes: 1,
    carryBytes: 8,
    start: (address) => code.store("f64.store", address, one.constant("f64", identity(r, "f64"))),
    step(carry, source, target) {
      const before = code.load("f64.load", carry, 0, true);
      const value = code.op("f64.promote_f32", loadScalar(one, r.dtype, source, 0, true));
      const after = one.apply(combiner[r.how], "f64", "f64", [before, value]);
      code.pin(after);
      const shown = code.op("f32.demote_f64", r.exclusive ? before : after);
      if (target !== null) storeScalar(one, r.dtype, target, shown);
      code.store("f64.store", carry, after);
    },
    join(carry, other) {
      const parts = [carry, other].map((address) => code.load("f64.load", address, 0, true));
      code.store("f64.store", carry, one.apply(combiner[r.how], "f64", "f64", parts));
    },
  };
};

const groupsFor = (f: Frame, r: Scan): readonly [wide: Group | null, single: Group] => {
  if (inDoubles(r)) return [doubleGroup(f, r), doubleColumn(f, r)];
  const single = plainGroup(f, r, f.one);
  if (r.dtype.kind === "bool") return [null, single];
  return [plainGroup(f, r, r.dtype.size === 8 ? f.two : f.four), single];
};

/** Columns side by side, position by position, their carries in memory. */
export class ColumnScan {
  readonly #f: Frame;
  readonly #r: Scan;
  readonly #wide: Group | null;
  readonly #single: Group;
  readonly #count: Ref;

  constructor(f: Frame, r: Scan, count: Ref) {
    this.#f = f;
    this.#r = r;
    [this.#wide, this.#single] = groupsFor(f, r);
    this.#count = count;
  }

  #each(body: (g: Group, i: Ref) => void): void {
    const { code } = this.#f;
    const wide = this.#wide;
    const lanes = wide?.lanes ?? 1;
    const zero = this.#f.constant(0);
    const whole = wide === null ? zero : code.op("i32.and", this.#count, this.#f.constant(-lanes));
    if (wide !== null) code.loop(zero, whole, lanes, (i) => body(wide, i));
    code.loop(whole, this.#count, 1, (i) => body(this.#single, i));
  }

  #carry(carries: Ref, i: Ref): Ref {
    return this.#f.at(carries, i, this.#single.carryBytes);
  }

  /** What the carries are before anything came. */
  start(carries: Ref): void {
    this.#each((g, i) => g.start(this.#carry(carries, i)));
  }

  /** Takes in the carries at `others`. */
  join(carries: Ref, others: Ref): void {
    this.#each((g, i) => g.join(this.#carry(carries, i), this.#carry(others, i)));
  }

  /** Takes in positions from step `from` up to `to`; writes what they give where there is a target. */
  walk(carries: Ref, source: Ref, target: Ref | null, from: Ref, to: Ref): void {
    const f = this.#f;
    const { inner, dtype, length, reverse } = this.#r;
    f.code.loop(from, to, 1, (step) => {
      const l = reverse ? f.sub(f.constant(length - 1), step) : step;
      const offset = f.times(l, inner * dtype.size);
      const from = f.add(source, offset);
      const to = target === null ? null : f.add(target, offset);
      this.#each((g, i) => {
        const out = to === null ? null : f.at(to, i, dtype.size);
        g.step(this.#carry(carries, i), f.at(from, i, dtype.size), out);
      });
    });
  }
}

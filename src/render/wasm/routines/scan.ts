/** Scans: running sums, products and extrema; float32 and narrower floats accumulate in doubles, rounding at each store. */

import { type DType, float32 } from "../../../core/dtype.js";
import { InternalError } from "../../../core/errors.js";
import type { Routine } from "../../../core/routine.js";
import type { ComputeType, ScalarOp } from "../../../core/scalar.js";
import { computeTypeOf } from "../../../core/scalar.js";

import type { Ref } from "../lane-code.js";
import type { Ops } from "../ops.js";
import { loadScalar, loadVector, storeScalar, storeVector } from "../storage.js";
import { chosen, combinePairs, loadPair, type Pair, storePair } from "./complex.js";
import type { Frame, Work } from "./frame.js";

type Scan = Extract<Routine, { routine: "scan" }>;

const combiner = { sum: "add", prod: "mul", max: "max", min: "min" } as const satisfies Record<
  Scan["how"],
  ScalarOp
>;

/** Columns of one tile where columns lie side by side: their carries stay in the first-level cache. */
const columns = 1024;

/** Complex sums are real sums of twice as many columns. */
const simplified = (r: Scan): Scan =>
  r.dtype.kind === "complex" && r.how === "sum" ? { ...r, dtype: float32, inner: 2 * r.inner } : r;

const limits = (t: ComputeType, dtype: DType): readonly [number | bigint, number | bigint] => {
  if (t === "f32" || t === "f64") return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const bits = BigInt(8 * dtype.size);
  if (t === "bool") return [0, 1];
  const [low, high] =
    dtype.kind === "int"
      ? [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n]
      : [0n, (1n << bits) - 1n];
  return t === "i64" || t === "u64" ? [low, high] : [Number(low), Number(high)];
};

/** What the carry is before anything came. */
const identity = (r: Scan, t: ComputeType): number | bigint => {
  const [low, high] = limits(t, r.dtype);
  const wide = t === "i64" || t === "u64";
  switch (r.how) {
    case "sum":
      // -0 + x is x for every x; an exclusive scan shows its first carry, which is 0.
      if (wide) return 0n;
      return (t === "f32" || t === "f64") && !r.exclusive ? -0 : 0;
    case "prod":
      return wide ? 1n : 1;
    case "max":
      return low;
    case "min":
      return high;
  }
};

/** Whether values widen to doubles for the carry. */
const inDoubles = (r: Scan): boolean =>
  computeTypeOf(r.dtype) === "f32" && (r.how === "sum" || r.how === "prod");

/** Walks the scanned axis: `step` gets the address offset of each position, in order. */
const walk = (f: Frame, r: Scan, body: (offset: Ref, step: Ref) => void): void => {
  const bytes = r.inner * r.dtype.size;
  f.code.loop(f.constant(0), f.constant(r.length), 1, (step) => {
    const l = r.reverse ? f.sub(f.constant(r.length - 1), step) : step;
    body(f.times(l, bytes), step);
  });
};

/** One column, its carry in a local. */
const scanColumn = (f: Frame, r: Scan, source: Ref, target: Ref): void => {
  const { code, one } = f;
  const t = computeTypeOf(r.dtype);
  const double = inDoubles(r);
  const type = double ? "f64" : t;
  const carry = code.variable(one.constant(type, identity(r, type)));
  walk(f, r, (offset) => {
    const loaded = loadScalar(one, r.dtype, f.add(source, offset), 0, true);
    const value = double ? code.op("f64.promote_f32", loaded) : loaded;
    const before = code.get(carry);
    const after = one.apply(combiner[r.how], type, type, [before, value]);
    const shown = r.exclusive ? before : after;
    const result = double ? code.op("f32.demote_f64", shown) : shown;
    code.pin(after);
    storeScalar(one, r.dtype, f.add(target, offset), result);
    code.set(carry, after);
  });
};

const scanComplexColumn = (f: Frame, r: Scan, source: Ref, target: Ref): void => {
  const { code } = f;
  const start = r.how === "prod" ? 1 : r.how === "max" ? -Infinity : Infinity;
  const re = code.variable(code.f64(start));
  const im = code.variable(code.f64(r.how === "prod" ? 0 : start));
  walk(f, r, (offset, step) => {
    const value = loadPair(f, f.add(source, offset));
    const before: Pair = { re: code.get(re), im: code.get(im) };
    const combined = combinePairs(f, r.how, before, value);
    const first = code.op("i32.eqz", step);
    const after = r.exclusive ? combined : chosen(f, first, value, combined);
    code.pin(after.re);
    code.pin(after.im);
    storePair(f, f.add(target, offset), r.exclusive ? before : after);
    code.set(re, after.re);
    code.set(im, after.im);
  });
};

/** A group of adjacent columns: how its carry is kept in scratch, and combined with the values of one position. */
interface Group {
  readonly lanes: number;
  /** Bytes of carry per column. */
  readonly carryBytes: number;
  start(address: Ref): void;
  step(carry: Ref, source: Ref, target: Ref): void;
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
      if (o.lanes === 1) storeScalar(o, r.dtype, target, shown);
      else storeVector(o, r.dtype, shown).all(target, 0);
      code.store(`${kind}.store`, carry, after);
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
      storeVector(four, r.dtype, rounded(low, high)).all(target, 0);
      after.forEach((v, i) => {
        code.store("v128.store", carry, v, 16 * i);
      });
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
      storeScalar(one, r.dtype, target, code.op("f32.demote_f64", r.exclusive ? before : after));
      code.store("f64.store", carry, after);
    },
  };
};

const groupsFor = (f: Frame, r: Scan): readonly [wide: Group | null, single: Group] => {
  if (inDoubles(r)) return [doubleGroup(f, r), doubleColumn(f, r)];
  const single = plainGroup(f, r, f.one);
  if (r.dtype.kind === "bool") return [null, single];
  return [plainGroup(f, r, r.dtype.size === 8 ? f.two : f.four), single];
};

/** `count` adjacent columns, position by position, their carries in scratch. */
const scanColumns = (f: Frame, r: Scan, count: Ref, source: Ref, target: Ref): void => {
  const { code } = f;
  const [wide, single] = groupsFor(f, r);
  const { size } = r.dtype;
  const whole = wide === null ? f.constant(0) : code.op("i32.and", count, f.constant(-wide.lanes));
  const each = (body: (g: Group, i: Ref) => void): void => {
    if (wide !== null) code.loop(f.constant(0), whole, wide.lanes, (i) => body(wide, i));
    code.loop(whole, count, 1, (i) => body(single, i));
  };
  const carry = (i: Ref): Ref => f.at(f.scratch, i, single.carryBytes);
  each((g, i) => g.start(carry(i)));
  walk(f, r, (offset) => {
    const from = f.add(source, offset);
    const to = f.add(target, offset);
    each((g, i) => g.step(carry(i), f.at(from, i, size), f.at(to, i, size)));
  });
};

export const scanWork = (routine: Scan): Work => {
  const r = simplified(routine);
  const { outer, length, inner, dtype } = r;
  const pairs = dtype.kind === "complex";
  if (pairs && r.how === "sum") throw new InternalError("[scan] complex sums are real sums");
  const single = inner === 1 || pairs;
  const chunk = single ? 1 : Math.min(inner, columns);
  const chunks = Math.ceil(inner / chunk);
  const plane = length * inner * dtype.size;
  return {
    scratchBytes: single ? 0 : 8 * chunk + 16,
    tiles: length === 0 ? 0 : outer * chunks,
    tileCost: length * chunk * (single ? 1.5 : 0.7),
    write(f) {
      const [o, part] = f.divmod(f.tile, chunks);
      const first = f.times(part, chunk);
      const offset = f.add(f.times(o, plane), f.times(first, dtype.size));
      const source = f.add(f.buffer(0), offset);
      const target = f.add(f.buffer(1), offset);
      const rest = f.sub(f.constant(inner), first);
      if (pairs) scanComplexColumn(f, r, source, target);
      else if (single) scanColumn(f, r, source, target);
      else scanColumns(f, r, f.min(rest, f.constant(chunk)), source, target);
    },
  };
};

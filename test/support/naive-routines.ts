/** Reductions and hand-written routines in plain JavaScript, over whole columns of values. */

import type { DType } from "../../src/core/dtype.js";
import { IndexError, InternalError, LinAlgError } from "../../src/core/errors.js";
import type { Routine } from "../../src/core/routine.js";
import type { Combine } from "../../src/core/scalar.js";
import { computeTypeOf } from "../../src/core/scalar.js";
import { type Shape, sizeOf } from "../../src/graph/node.js";
import { type Fourier, halfOf } from "../../src/kernel/fourier/index.js";
import { itemsOf, type Matrices, runMatrix } from "../../src/kernel/matrix/index.js";
import { type Mat, zeros } from "../../src/kernel/matrix/mat.js";

import { type Cell, cellOf, eager } from "./naive-scalars.js";

export type Value = Cell["v"];

/** The elements of an array: real parts, and imaginary parts for complex64. */
export interface Column {
  readonly re: readonly Value[];
  readonly im: readonly number[] | null;
}

/** Element `i` of a list that has one. */
export const at = <T>(list: readonly T[], i: number): T => {
  const x = list[i];
  if (x === undefined) throw new InternalError(`[naive] no element ${i} among ${list.length}`);
  return x;
};

export const coordinates = (shape: Shape, flat: number): number[] => {
  const out: number[] = new Array(shape.length).fill(0);
  for (let d = shape.length - 1; d >= 0; d--) {
    const n = at(shape, d);
    out[d] = flat % n;
    flat = Math.floor(flat / n);
  }
  return out;
};

export const flatten = (shape: Shape, place: readonly number[]): number =>
  shape.reduce((flat, n, d) => flat * n + at(place, d), 0);

/** Back into the range of a narrow integer dtype. */
export const narrow = (v: Value, d: DType): Value => {
  if (d.size >= 4 || (d.kind !== "int" && d.kind !== "uint")) return v;
  const wrapped = d.kind === "int" ? BigInt.asIntN : BigInt.asUintN;
  return Number(wrapped(8 * d.size, BigInt(v)));
};

const isNaNValue = (v: Value): boolean => typeof v === "number" && Number.isNaN(v);

/** Combines the values of one reduction; NaN propagates through extrema, argument extrema skip it unless it is first. */
export const combine = (how: Combine, d: DType, values: readonly Value[]): Value => {
  const type = computeTypeOf(d);
  if (how === "argmax" || how === "argmin") {
    let best = 0;
    for (let i = 1; i < values.length; i++) {
      const [v, b] = [at(values, i), at(values, best)];
      if (how === "argmax" ? v > b : v < b) best = i;
    }
    return best;
  }
  const fn = { sum: "add", prod: "mul", max: "max", min: "min" } as const;
  const start = how === "prod" ? 1 : 0;
  const [head, ...tail] = values;
  const empty = type === "bool" ? how === "min" || how === "prod" : start;
  if (head === undefined) return cellOf(eager.constant(type, empty)).v;
  let acc: unknown = { type, v: head };
  for (const v of tail) acc = eager.op(fn[how], acc, { type, v });
  return cellOf(acc).v;
};

const compareValues = (a: Value, b: Value): number => {
  if (isNaNValue(a) || isNaNValue(b)) return Number(isNaNValue(a)) - Number(isNaNValue(b));
  return a < b ? -1 : a > b ? 1 : 0;
};

/** Calls `f` with the flat positions of every line along the middle axis. */
const lines = (
  { outer, length, inner }: { outer: number; length: number; inner: number },
  f: (positions: number[]) => void,
): void => {
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < inner; i++)
      f(Array.from({ length }, (_, k) => (o * length + k) * inner + i));
};

const scan = (r: Routine & { routine: "scan" }, x: readonly Value[], out: Value[]): void => {
  const identity: Record<typeof r.how, number> = {
    sum: 0,
    prod: 1,
    max: Number.NEGATIVE_INFINITY,
    min: Number.POSITIVE_INFINITY,
  };
  lines(r, (positions) => {
    const way = r.reverse ? positions.reverse() : positions;
    const seen: Value[] = [];
    for (const p of way) {
      const before = seen.length === 0 ? null : combine(r.how, r.dtype, seen);
      seen.push(at(x, p));
      const first = (): Value => cellOf(eager.constant(computeTypeOf(r.dtype), identity[r.how])).v;
      out[p] = r.exclusive ? (before ?? first()) : combine(r.how, r.dtype, seen);
    }
  });
};

const scatter = (r: Routine & { routine: "scatter" }, ins: readonly Column[]): Column => {
  const [base, updates, ...indices] = ins;
  if (base === undefined || updates === undefined) throw new InternalError("[naive] scatter");
  const re = [...base.re];
  const im = base.im === null ? null : [...base.im];
  const block = sizeOf(r.slice);
  for (let t = 0; t < r.count; t++) {
    for (let j = 0; j < block; j++) {
      const place = coordinates(r.slice, j);
      r.axes.forEach((axis, k) => {
        const i = Number(at(at(indices, k).re, t));
        const n = at(r.shape, axis);
        if (i < -n || i >= n) throw new IndexError(`[scatter] index ${i} is out of range for ${n}`);
        place[axis] = at(place, axis) + (i < 0 ? i + n : i);
      });
      const to = flatten(r.shape, place);
      const v = at(updates.re, t * block + j);
      const old = at(re, to);
      const how = { add: "sum", prod: "prod", max: "max", min: "min" } as const;
      re[to] = r.mode === "replace" ? v : narrow(combine(how[r.mode], r.dtype, [old, v]), r.dtype);
      if (im !== null && updates.im !== null) im[to] = at(updates.im, t * block + j);
    }
  }
  return { re, im };
};

/** The library's own loops, in doubles from end to end: what they compute is tested by what must hold of their results. */
const matrices = (r: Matrices, ins: readonly Column[]): Column[] => {
  const { ins: taken, outs } = itemsOf(r);
  const results = outs.map(({ size, dtype }) => ({
    re: new Array<Value>(r.count * size),
    im: dtype.kind === "complex" ? new Array<number>(r.count * size) : null,
  }));
  for (let i = 0; i < r.count; i++) {
    const given = taken.map(({ size }, j): Mat => {
      const { re, im } = at(ins, j);
      const part = (values: readonly Value[]): Float64Array =>
        Float64Array.from(values.slice(i * size, (i + 1) * size).map(Number));
      return { re: part(re), im: im === null ? null : part(im) };
    });
    const made = outs.map(({ size, dtype }) => zeros(size, dtype.kind === "complex"));
    if (!runMatrix(r, given, made) && r.code !== 0) throw new LinAlgError("[naive] no result");
    for (const [j, { re, im }] of made.entries()) {
      const out = at(results, j);
      re.forEach((v, p) => {
        out.re[i * re.length + p] = v;
        if (out.im !== null) out.im[i * re.length + p] = im?.[p] ?? 0;
      });
    }
  }
  return results;
};

/** Sums by the definition. */
const fourier = (r: Fourier, x: Column): Column => {
  const { n, outer, inner } = r;
  const from = r.what === "half" ? halfOf(n) : n;
  const to = r.what === "real" ? halfOf(n) : n;
  const sign = r.what === "forward" || r.what === "real" ? -1 : 1;
  const weight = (k: number): number => (r.doubled && k > 0 && 2 * k < n ? 2 : 1);
  const re: number[] = new Array(outer * to * inner).fill(0);
  const im: number[] = new Array(outer * to * inner).fill(0);
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < inner; i++)
      for (let k = 0; k < to; k++) {
        let [sr, si] = [0, 0];
        for (let j = 0; j < from; j++) {
          const angle = (sign * 2 * Math.PI * ((j * k) % n)) / n;
          const [c, s] = [Math.cos(angle), Math.sin(angle)];
          const p = (o * from + j) * inner + i;
          const [a, b] = [Number(at(x.re, p)), x.im === null ? 0 : at(x.im, p)];
          const w = r.what === "half" ? weight(j) : 1;
          sr += w * (a * c - b * s);
          si += w * (a * s + b * c);
        }
        const w = r.scale * (r.what === "real" ? weight(k) : 1);
        re[(o * to + k) * inner + i] = w * sr;
        im[(o * to + k) * inner + i] = w * si;
      }
  return { re, im: r.what === "half" ? null : im };
};

export const routine = (r: Routine, ins: readonly Column[]): Column[] => {
  if (r.routine === "attention" || r.routine === "attentionGradient")
    throw new InternalError("[naive] attention is what it decomposes into");
  if (r.routine === "quantizedProduct")
    throw new InternalError("[naive] a quantized product is what it decomposes into");
  if (r.routine === "scatter") return [scatter(r, ins)];
  if (r.routine === "matrix") return matrices(r, ins);
  const x = at(ins, 0);
  if (r.routine === "fourier") return [fourier(r, x)];
  if (r.routine === "scan") {
    const out: Value[] = new Array(x.re.length).fill(0);
    scan(r, x.re, out);
    return [{ re: out.map((v) => narrow(v, r.dtype)), im: null }];
  }
  const values: Value[] = new Array(x.re.length).fill(0);
  const indices: Value[] = new Array(x.re.length).fill(0);
  const im = x.im === null ? null : [...x.im];
  lines(r, (positions) => {
    const imaginary = (p: number): number => (x.im === null ? 0 : at(x.im, p));
    const order = positions
      .map((p, k) => ({ p, k }))
      .sort(
        (a, b) =>
          compareValues(at(x.re, a.p), at(x.re, b.p)) ||
          compareValues(imaginary(a.p), imaginary(b.p)),
      );
    order.forEach(({ p, k }, i) => {
      values[at(positions, i)] = at(x.re, p);
      indices[at(positions, i)] = k;
      if (im !== null) im[at(positions, i)] = imaginary(p);
    });
  });
  return [
    { re: values, im },
    { re: indices, im: null },
  ];
};

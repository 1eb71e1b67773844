/** What each reduction gives: one accumulator per result, as exact as its type can hold, rounded once. */
import type { Combine, ComputeType } from "../core/scalar.js";
import { scalarFunction, settle, type Value } from "./scalar-values.js";

/** Collects the contributions to one result. */
export interface Accumulator {
  reset(): void;
  /** `at` is the position that argmax and argmin report. */
  add(value: Value, at: Value): void;
  result(): Value;
}

/** A float sum with the rounding errors of its additions carried along (Neumaier). */
const compensated = (type: ComputeType): Accumulator => {
  let sum = 0;
  let lost = 0;
  return {
    reset: () => {
      sum = 0;
      lost = 0;
    },
    add: (value) => {
      const v = Number(value);
      const next = sum + v;
      lost += Math.abs(sum) >= Math.abs(v) ? sum - next + v : v - next + sum;
      sum = next;
    },
    result: () => settle[type](Number.isFinite(sum) ? sum + lost : sum),
  };
};

/** Least and greatest value of each type: what max and min of nothing are. */
const extremes: { readonly [T in ComputeType]: readonly [low: Value, high: Value] } = {
  bool: [0, 1],
  i32: [-2147483648, 2147483647],
  u32: [0, 4294967295],
  i64: [-(2n ** 63n), 2n ** 63n - 1n],
  u64: [0n, 2n ** 64n - 1n],
  f32: [-Infinity, Infinity],
  f64: [-Infinity, Infinity],
};

const folded = (how: "sum" | "prod" | "max" | "min", type: ComputeType): Accumulator => {
  const fn = how === "sum" ? "add" : how === "prod" ? "mul" : how;
  const apply = scalarFunction(fn, type, type);
  const [low, high] = extremes[type];
  const wide = type === "i64" || type === "u64";
  const start = how === "max" ? low : how === "min" ? high : settle[type](how === "sum" ? 0 : 1);
  const blank: Value = wide ? 0n : 0;
  let state = start;
  return {
    reset: () => {
      state = start;
    },
    add: (value) => {
      state = apply(state, value, blank);
    },
    result: () => state,
  };
};

/** Keeps the first extremum; comparisons with NaN are false, so NaN wins only when it comes first. */
const positions = (greatest: boolean): Accumulator => {
  let best: Value = 0;
  let where: Value = 0;
  let empty = true;
  return {
    reset: () => {
      empty = true;
      where = 0;
    },
    add: (value, at) => {
      if (!empty && !(greatest ? value > best : value < best)) return;
      best = value;
      where = at;
      empty = false;
    },
    result: () => settle.u32(where),
  };
};

/** The accumulator of a reduction over values of `type`. */
export const accumulator = (how: Combine, type: ComputeType): Accumulator => {
  if (how === "argmax" || how === "argmin") return positions(how === "argmax");
  if (how === "sum" && (type === "f32" || type === "f64")) return compensated(type);
  return folded(how, type);
};

/** a·b as a contraction adds it up: exact for f32, else of the type itself. */
export const product = (type: ComputeType): ((a: Value, b: Value) => Value) => {
  if (type === "f32") return (a, b) => Number(a) * Number(b);
  const mul = scalarFunction("mul", type, type);
  const blank: Value = type === "i64" || type === "u64" ? 0n : 0;
  return (a, b) => mul(a, b, blank);
};

/** What a scan carries from one element to the next: its type, its start, and how it is combined. */
import type { DType } from "../../../core/dtype.js";
import type { Routine } from "../../../core/routine.js";
import { type ComputeType, computeTypeOf, type ScalarOp } from "../../../core/scalar.js";

export type Scan = Extract<Routine, { routine: "scan" }>;

export const combiner: Readonly<Record<Scan["how"], ScalarOp>> = {
  sum: "add",
  prod: "mul",
  max: "max",
  min: "min",
};

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
export const identity = (r: Scan, t: ComputeType): number | bigint => {
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
export const inDoubles = (r: Scan): boolean =>
  computeTypeOf(r.dtype) === "f32" && (r.how === "sum" || r.how === "prod");

/** Straight-line code on lanes: the same expansion of a function serves one scalar or a vector of 2 or 4 lanes. */
import type { HostMath } from "../../kernel/host-math.js";

export type { HostMath };

/** A value of the block being built. */
export type Ref = number;
/** A per-lane truth value; its representation is the implementation's own. */
export type MaskRef = Ref;

/** One float type F (f32 or f64) and the integer I of its width; every lane does the same. */
export interface LaneCode {
  readonly float: "f32" | "f64";
  constant(x: number): Ref;
  integer(x: number | bigint): Ref;
  add(a: Ref, b: Ref): Ref;
  sub(a: Ref, b: Ref): Ref;
  mul(a: Ref, b: Ref): Ref;
  div(a: Ref, b: Ref): Ref;
  /** a·b + c, with one rounding where the machine has it, else with two: results may differ in the last bit. */
  madd(a: Ref, b: Ref, c: Ref): Ref;
  neg(a: Ref): Ref;
  abs(a: Ref): Ref;
  sqrt(a: Ref): Ref;
  floor(a: Ref): Ref;
  ceil(a: Ref): Ref;
  trunc(a: Ref): Ref;
  /** Round half to even. */
  nearest(a: Ref): Ref;
  /** NaN-propagating. */
  min(a: Ref, b: Ref): Ref;
  max(a: Ref, b: Ref): Ref;
  /** `a`, or `bound` where that is less; NaN in `a` stays. One instruction, unlike `min`. */
  atMost(a: Ref, bound: Ref): Ref;
  /** `a`, or `bound` where that is greater; NaN in `a` stays. */
  atLeast(a: Ref, bound: Ref): Ref;
  copysign(magnitude: Ref, sign: Ref): Ref;
  /** The same for a magnitude that has no sign. */
  signed(magnitude: Ref, sign: Ref): Ref;
  lt(a: Ref, b: Ref): MaskRef;
  le(a: Ref, b: Ref): MaskRef;
  gt(a: Ref, b: Ref): MaskRef;
  ge(a: Ref, b: Ref): MaskRef;
  eq(a: Ref, b: Ref): MaskRef;
  ne(a: Ref, b: Ref): MaskRef;
  both(a: MaskRef, b: MaskRef): MaskRef;
  either(a: MaskRef, b: MaskRef): MaskRef;
  not(a: MaskRef): MaskRef;
  select(mask: MaskRef, yes: Ref, no: Ref): Ref;
  iadd(a: Ref, b: Ref): Ref;
  isub(a: Ref, b: Ref): Ref;
  imul(a: Ref, b: Ref): Ref;
  iand(a: Ref, b: Ref): Ref;
  ior(a: Ref, b: Ref): Ref;
  ixor(a: Ref, b: Ref): Ref;
  ishl(a: Ref, by: number): Ref;
  /** Arithmetic. */
  ishr(a: Ref, by: number): Ref;
  /** Logical. */
  ushr(a: Ref, by: number): Ref;
  ieq(a: Ref, b: Ref): MaskRef;
  ilt(a: Ref, b: Ref): MaskRef;
  /** Truncates; saturates out of range, NaN gives 0. For f64 only |a| < 2^51 need be right. */
  toInt(a: Ref): Ref;
  /** For f64 only |a| < 2^51 need be right. */
  toFloat(a: Ref): Ref;
  bitsOf(a: Ref): Ref;
  fromBits(a: Ref): Ref;
  /** Calls a host function on every lane, in f64, rounding the result once: slow and accurate. */
  host(fn: HostMath, ...args: readonly Ref[]): Ref;
  /** `rare()` in the lanes of `mask`, `usual` elsewhere; the code of `rare` runs only when some lane needs it. */
  unless(mask: MaskRef, rare: () => Ref, usual: Ref): Ref;
  /** Several values at once: `rare` in all lanes of all, where it gives the same in the others, or `usual` in all. */
  instead(masks: readonly MaskRef[], rare: (i: number) => Ref, usual: readonly Ref[]): Ref[];
}

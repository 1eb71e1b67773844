/** The contract of a primitive: shape rule, one derivative, batching word, lowering; jvp, vjp and vmap are derived. */

import type { KeySink, Lowering } from "./lowering.js";
import type { Aval, Node } from "./node.js";
import type { Recorded } from "./recorded.js";

/** A symbolic zero. */
export type Zero = null;
export type Tangents = readonly (Node | Zero)[];

/** One application as its rules see it. */
export interface Site<A> {
  readonly ins: readonly Node[];
  readonly outs: readonly Node[];
  readonly attrs: A;
}

/** A method's type, so that it stays bivariant in `A`: every Primitive<A> is an AnyPrimitive. */
export type Derivative<A> = { of(g: Node, at: Site<A>): Node }["of"];
export type BilinearTranspose<A> = {
  of(ct: Node, other: Node, self: Aval, attrs: A): Node;
}["of"];

/** A reverse rule beside the derived one, with the reason it exists. */
export interface Reverse<A> {
  readonly why: "speed" | "mlx-ties" | "control";
  /** `wanted` says of which operands cotangents are of use. */
  pull(cts: Tangents, at: Site<A>, wanted: (operand: number) => boolean): Tangents;
}

/**
 * The differentiation family, and what the family cannot derive.
 * - elementwise: `derivative[i](g)` is the tangent `J_i g`; for real operands also the cotangent
 * - linear: linear in `operands` jointly; `transpose` sees those as avals only (their entries in `others` are null)
 * - bilinear: linear in each of two operands separately
 * - affine: linear in operand `linear`; a change of the others enters as an equivalent change of that one
 * - routine: states its jvp; reverse is derived by transposing it
 * - composite: all rules come from `decompose`
 * - flat: piecewise constant, or a wall on purpose (stop_gradient)
 */
export type Rule<A> =
  | {
      readonly family: "elementwise";
      readonly derivative: readonly (Derivative<A> | Zero)[];
      readonly realLinear?: true;
    }
  | {
      readonly family: "linear";
      readonly operands: readonly number[] | "all";
      transpose(
        ct: Node,
        avals: readonly Aval[],
        others: readonly (Node | null)[],
        attrs: A,
      ): Tangents;
    }
  | {
      readonly family: "bilinear";
      readonly transpose: readonly [BilinearTranspose<A>, BilinearTranspose<A>];
    }
  | {
      readonly family: "affine";
      readonly linear: number;
      transpose(ct: Node, at: Site<A>): Node;
      enters(ts: Tangents, at: Site<A>): Node;
    }
  | {
      readonly family: "routine";
      jvp(ts: Tangents, at: Site<A>): Tangents;
      readonly reverse?: Reverse<A>;
    }
  | {
      readonly family: "composite";
      decompose(ins: readonly Node[], attrs: A): readonly Node[];
      jvp?(ts: Tangents, at: Site<A>): Tangents;
      readonly reverse?: Reverse<A>;
    }
  | { readonly family: "flat" };

/** `A` is the type of its static attributes, undefined for none. */
export interface Primitive<A = undefined> {
  readonly name: string;
  readonly rule: Rule<A>;
  /** Shapes and dtypes of the results. Operands arrive already broadcast and cast by the op layer. */
  infer(ins: readonly Aval[], attrs: A): readonly Aval[];
  /** The attributes of the same op with one more leading axis of `size` on every operand and result. */
  lift(attrs: A, size: number): A;
  /** Saves work where mapping can be cheaper than lifting; null to fall back on lifting. */
  batch?(
    ins: readonly Node[],
    mapped: readonly boolean[],
    size: number,
    attrs: A,
  ): readonly Node[] | null;
  /** What the scheduler makes of it; null for a composite without a kernel of its own (it is decomposed). */
  readonly lower: Lowering<A> | null;
  /** For a composite that is a recorded graph: the engine may keep one plan for the whole of it. */
  record?(attrs: A): Recorded;
  /** Writes what of `attrs` matters for the code of a kernel; required when A is not undefined. */
  key?(attrs: A, sink: KeySink): void;
  /** Unique small integer, given by {@link define}. */
  readonly code: number;
}

/** A primitive whose attribute type is not known here. Method bivariance makes every Primitive<A> one. */
export type AnyPrimitive = Primitive<unknown>;

let codes = 0;

/** Completes a primitive with its code. */
export const define = <A>(p: Omit<Primitive<A>, "code">): Primitive<A> => ({ ...p, code: ++codes });

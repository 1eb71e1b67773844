/** Casts, and the maps between real and complex numbers: linear over the reals, closed under transposition. */

import { complex64, type DType, float32 } from "../core/dtype.js";
import { DTypeError } from "../core/errors.js";
import { promote } from "../core/promotion.js";
import type { Scalars } from "../core/scalar.js";
import { computeTypeOf } from "../core/scalar.js";
import { bind } from "../graph/bind.js";
import type { Parts } from "../graph/lowering.js";
import type { Aval, Node } from "../graph/node.js";
import { define, type Primitive } from "../graph/primitive.js";
import { zerosLike } from "./constant.js";
import { at, requireEqual, same } from "./families/operands.js";

export interface CastAttrs {
  readonly dtype: DType;
}

const first = [0] as const;

const convert = (s: Scalars<unknown>, x: Parts<unknown>, to: DType): Parts<unknown> => {
  const type = computeTypeOf(to);
  if (to.kind === "complex") {
    return { re: s.cast("f32", x.re), im: x.im ?? s.constant("f32", 0) };
  }
  if (to.kind === "bool" && x.im !== null) {
    return { re: s.op("or", s.cast("bool", x.re), s.cast("bool", x.im)), im: null };
  }
  return { re: s.cast(type, x.re), im: null };
};

/** Values as another dtype; complex to real drops the imaginary part. */
export const castP: Primitive<CastAttrs> = define<CastAttrs>({
  name: "cast",
  rule: {
    family: "linear",
    operands: first,
    transpose: (ct, avals) => [cast(ct, at(avals, 0).dtype)],
  },
  infer: (ins, attrs): readonly Aval[] => [{ shape: at(ins, 0).shape, dtype: attrs.dtype }],
  lift: same,
  lower: { kind: "expression", emit: (s, ins, attrs) => convert(s, at(ins, 0), attrs.dtype) },
  key: (attrs, sink) => sink.int(attrs.dtype.code),
});

const requireComplex = (name: string, x: Aval): void => {
  if (x.dtype !== complex64)
    throw new DTypeError(`[${name}] expected complex64, got ${x.dtype.name}: cast it`);
};

const partOf = (name: "real" | "imag"): Primitive =>
  define<undefined>({
    name,
    rule: {
      family: "linear",
      operands: first,
      transpose: (ct) => [
        name === "real" ? cast(ct, complex64) : complex(zerosLike(floated(ct)), floated(ct)),
      ],
    },
    infer(ins): readonly Aval[] {
      const x = at(ins, 0);
      requireComplex(name, x);
      return [{ shape: x.shape, dtype: float32 }];
    },
    lift: same,
    lower: {
      kind: "expression",
      emit(s, ins) {
        const x = at(ins, 0);
        return { re: name === "real" ? x.re : (x.im ?? s.constant("f32", 0)), im: null };
      },
    },
  });

export const realP: Primitive = partOf("real");
export const imagP: Primitive = partOf("imag");

/** Two float32 arrays as real and imaginary part. */
export const complexP: Primitive = define<undefined>({
  name: "complex",
  rule: {
    family: "linear",
    operands: "all",
    transpose: (ct) => [real(ct), imag(ct)],
  },
  infer(ins): readonly Aval[] {
    const x = at(ins, 0);
    requireEqual("complex", x, at(ins, 1));
    if (x.dtype !== float32)
      throw new DTypeError(`[complex] expected float32 parts, got ${x.dtype.name}: cast them`);
    return [{ shape: x.shape, dtype: complex64 }];
  },
  lift: same,
  lower: {
    kind: "expression",
    emit: (_s, ins) => ({ re: at(ins, 0).re, im: at(ins, 1).re }),
  },
});

/** The complex conjugate. */
export const conjugateP: Primitive = define<undefined>({
  name: "conjugate",
  rule: {
    family: "linear",
    operands: first,
    transpose: (ct) => [conjugate(ct)],
  },
  infer(ins): readonly Aval[] {
    const x = at(ins, 0);
    requireComplex("conjugate", x);
    return [x];
  },
  lift: same,
  lower: {
    kind: "expression",
    emit(s, ins) {
      const x = at(ins, 0);
      return { re: x.re, im: x.im === null ? s.constant("f32", 0) : s.op("neg", x.im) };
    },
  },
});

const floated = (x: Node): Node => cast(x, float32);

/** `x` as `dtype`; `x` itself if it has that dtype. */
export const cast = (x: Node, dtype: DType): Node =>
  x.dtype === dtype ? x : bind(castP, [x], { dtype });

/** The real part; a real array as it is. */
export const real = (x: Node): Node => (x.dtype === complex64 ? bind(realP, [x], undefined) : x);

/** The imaginary part; zeros for a real array. */
export const imag = (x: Node): Node =>
  x.dtype === complex64 ? bind(imagP, [x], undefined) : zerosLike(x);

/** `re + i·im`, complex64. */
export const complex = (re: Node, im: Node): Node =>
  bind(complexP, [floated(re), floated(im)], undefined);

/** The complex conjugate; a real array as it is. */
export const conjugate = (x: Node): Node =>
  x.dtype === complex64 ? bind(conjugateP, [x], undefined) : x;

/** A binary builder that first casts both operands to the dtype that MLX promotes them to. */
export const promoted =
  (p: Primitive): ((a: Node, b: Node) => Node) =>
  (a, b) => {
    if (a.dtype === b.dtype) return bind(p, [a, b], undefined);
    const dtype = promote(a.dtype, b.dtype);
    return bind(p, [cast(a, dtype), cast(b, dtype)], undefined);
  };

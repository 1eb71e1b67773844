/** The same bytes read as another dtype, of the same item size or of another one (the last axis then shrinks or grows). */

import { complex64, type DType, float32 } from "../core/dtype.js";
import { ShapeError } from "../core/errors.js";
import type { Scalars } from "../core/scalar.js";
import { computeTypeOf } from "../core/scalar.js";
import { bind } from "../graph/bind.js";
import type { Parts } from "../graph/lowering.js";
import type { Aval, Node } from "../graph/node.js";
import { define, type Primitive } from "../graph/primitive.js";
import { expandDims, reshape } from "./broadcast-sum.js";
import { type CastAttrs, complex, imag, real } from "./cast.js";
import { concatenate } from "./concatenate.js";
import { at, same } from "./families/operands.js";
import { sliceAxis } from "./pad-slice.js";

type S = Scalars<unknown>;
const u = (s: S, k: number): unknown => s.constant("u32", k);
const masked = (s: S, x: unknown, bytes: number): unknown =>
  bytes >= 4 ? x : s.op("and", x, u(s, 2 ** (8 * bytes) - 1));

/** The bits of a half from the float32 of its value. */
const halfBits = (s: S, x: unknown): unknown => {
  const bits = s.bitcast("u32", x);
  const sign = s.op("and", s.op("shr", bits, u(s, 16)), u(s, 0x8000));
  const size = s.op("and", bits, u(s, 0x7fffffff));
  const scaled = s.op("mul", s.op("abs", x), s.constant("f32", 2 ** 24));
  const tiny = s.cast("u32", s.op("min", scaled, s.constant("f32", 1024)));
  const normal = s.op("sub", s.op("shr", size, u(s, 13)), u(s, 112 << 10));
  const finite = s.op("select", s.op("lt", size, u(s, 0x38800000)), tiny, normal);
  const infinite = s.op("select", s.op("lt", size, u(s, 0x47800000)), finite, u(s, 0x7c00));
  const any = s.op("select", s.op("gt", size, u(s, 0x7f800000)), u(s, 0x7e00), infinite);
  return s.op("or", sign, any);
};

const fromHalfBits = (s: S, h: unknown): unknown => {
  const size = s.op("and", h, u(s, 0x7fff));
  const tiny = s.bitcast("u32", s.op("mul", s.cast("f32", size), s.constant("f32", 2 ** -24)));
  const wide = s.op("shl", size, u(s, 13));
  const normal = s.op("add", wide, u(s, 112 * 2 ** 23));
  const special = s.op("or", wide, u(s, 0x7f800000));
  const finite = s.op("select", s.op("lt", size, u(s, 0x400)), tiny, normal);
  const bits = s.op("select", s.op("ge", size, u(s, 0x7c00)), special, finite);
  const sign = s.op("shl", s.op("and", h, u(s, 0x8000)), u(s, 16));
  return s.bitcast("f32", s.op("or", bits, sign));
};

/** The bits of a value: u64 for eight bytes, else u32. */
const toBits = (s: S, x: Parts<unknown>, d: DType): unknown => {
  switch (d.name) {
    case "float16":
      return halfBits(s, x.re);
    case "bfloat16":
      return s.op("shr", s.bitcast("u32", x.re), u(s, 16));
    case "bool":
      return s.cast("u32", x.re);
    case "complex64": {
      const low = s.cast("u64", s.bitcast("u32", x.re));
      const high = s.cast("u64", s.bitcast("u32", x.im ?? s.constant("f32", 0)));
      return s.op("or", low, s.op("shl", high, s.constant("u64", 32n)));
    }
    default:
      return d.size === 8 ? s.bitcast("u64", x.re) : masked(s, s.bitcast("u32", x.re), d.size);
  }
};

const wrapping = { 1: "wrap_i8", 2: "wrap_i16" } as const;

const fromBits = (s: S, bits: unknown, d: DType): Parts<unknown> => {
  switch (d.name) {
    case "float16":
      return { re: fromHalfBits(s, bits), im: null };
    case "bfloat16":
      return { re: s.bitcast("f32", s.op("shl", bits, u(s, 16))), im: null };
    case "bool":
      return { re: s.op("ne", bits, u(s, 0)), im: null };
    case "complex64": {
      const part = (x: unknown): unknown => s.bitcast("f32", s.cast("u32", x));
      const low = s.op("and", bits, s.constant("u64", 0xffffffffn));
      const high = s.op("shr", bits, s.constant("u64", 32n));
      return { re: part(low), im: part(high) };
    }
    case "int8":
      return { re: s.op(wrapping[1], s.bitcast("i32", bits)), im: null };
    case "int16":
      return { re: s.op(wrapping[2], s.bitcast("i32", bits)), im: null };
    default:
      return { re: s.bitcast(computeTypeOf(d), bits), im: null };
  }
};

/** Reinterprets elements as a dtype of the same size. */
export const bitcastP: Primitive<CastAttrs> = define<CastAttrs>({
  name: "bitcast",
  rule: { family: "flat" },
  infer: (ins, attrs): readonly Aval[] => [{ shape: at(ins, 0).shape, dtype: attrs.dtype }],
  lift: same,
  lower: {
    kind: "expression",
    emit: (s, ins, attrs, operands) =>
      fromBits(s, toBits(s, at(ins, 0), at(operands, 0).dtype), attrs.dtype),
  },
  key: (attrs, sink) => sink.int(attrs.dtype.code),
});

/** Reinterprets the bytes of the last axis as a dtype of another size. */
export const regroupP: Primitive<CastAttrs> = define<CastAttrs>({
  name: "regroup",
  rule: { family: "flat" },
  infer(ins, { dtype }): readonly Aval[] {
    const x = at(ins, 0);
    const last = x.shape.length - 1;
    const length = ((x.shape[last] ?? 0.5) * x.dtype.size) / dtype.size;
    if (!Number.isInteger(length)) {
      throw new ShapeError(
        `[view] expected a last axis of whole ${dtype.name} items, got ${x.dtype.name}[${x.shape.join(", ")}]: pad it or keep the item size`,
      );
    }
    return [{ shape: [...x.shape.slice(0, last), length], dtype }];
  },
  lift: same,
  lower: {
    kind: "indexed",
    emit(s, position, { dtype }, operands) {
      const x = at(operands, 0);
      const last = x.shape.length - 1;
      const lead = x.shape.slice(0, last).map((_, d) => position.coordinate(d));
      const j = position.coordinate(last);
      const i32 = (k: number): unknown => s.constant("i32", k);
      const bitsAt = (place: unknown): unknown =>
        toBits(s, position.element(0, [...lead, place]), x.dtype);
      if (dtype.size < x.dtype.size) {
        const count = i32(x.dtype.size / dtype.size);
        const amount = s.op("mul", s.op("rem", j, count), i32(8 * dtype.size));
        const wide = x.dtype.size === 8 ? "u64" : "u32";
        const bits = s.op("shr", bitsAt(s.op("div", j, count)), s.cast(wide, amount));
        const low = wide === "u64" ? s.op("and", bits, s.constant("u64", 0xffffffffn)) : bits;
        return fromBits(s, masked(s, s.cast("u32", low), dtype.size), dtype);
      }
      const count = dtype.size / x.dtype.size;
      const wide = dtype.size === 8 ? "u64" : "u32";
      let bits: unknown = null;
      for (let i = 0; i < count; i++) {
        const part = s.cast(wide, bitsAt(s.op("add", s.op("mul", j, i32(count)), i32(i))));
        const amount = 8 * x.dtype.size * i;
        const placed = s.op(
          "shl",
          part,
          s.constant(wide, wide === "u64" ? BigInt(amount) : amount),
        );
        bits = bits === null ? part : s.op("or", bits, placed);
      }
      return fromBits(s, bits, dtype);
    },
  },
  key: (attrs, sink) => sink.int(attrs.dtype.code),
});

/** The bytes of `x` as `dtype`. Between item sizes the last axis must hold whole items. */
export const bitcast = (x: Node, dtype: DType): Node => {
  if (x.dtype === dtype) return x;
  const last = x.shape.length - 1;
  // Between complex numbers and their parts the map is linear, and made of what says so.
  if (x.dtype === complex64 && dtype === float32 && last >= 0) {
    const parts = [real(x), imag(x)].map((part) => expandDims(part, [last + 1]));
    const lead = x.shape.slice(0, last);
    return reshape(concatenate(parts, last + 1), [...lead, 2 * at(x.shape, last)]);
  }
  if (x.dtype === float32 && dtype === complex64 && last >= 0 && at(x.shape, last) % 2 === 0) {
    const shape = [...x.shape.slice(0, last), at(x.shape, last) / 2];
    const pairs = reshape(x, [...shape, 2]);
    const part = (k: number): Node => reshape(sliceAxis(pairs, last + 1, k, k + 1), shape);
    return complex(part(0), part(1));
  }
  return bind(x.dtype.size === dtype.size ? bitcastP : regroupP, [x], { dtype });
};

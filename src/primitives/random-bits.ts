/** Random bits by the Threefry-2x32 hash of a key and a position: the same numbers as MLX. */
import { type DType, uint8, uint16, uint32 } from "../core/dtype.js";
import { DTypeError, ShapeError } from "../core/errors.js";
import type { Scalars } from "../core/scalar.js";
import { bind } from "../graph/bind.js";
import { type Aval, type Node, type Shape, sizeOf } from "../graph/node.js";
import { define, type Primitive } from "../graph/primitive.js";
import { at, same, writeList } from "./families/operands.js";

/** Bytes of random bits per element. */
export type BitWidth = 1 | 2 | 4;

export interface RandomBitsAttrs {
  /** For each key; the leading axes of the key operand come before it. */
  readonly shape: Shape;
  readonly width: BitWidth;
}

const dtypeOf: Readonly<Record<BitWidth, DType>> = { 1: uint8, 2: uint16, 4: uint32 };
const rotations = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const;

type S = Scalars<unknown>;

/** Threefry-2x32 with 20 rounds, on u32 values. */
const threefry = (
  s: S,
  key: readonly [unknown, unknown],
  counter: readonly [unknown, unknown],
): readonly [unknown, unknown] => {
  const u = (k: number): unknown => s.constant("u32", k);
  const [k0, k1] = key;
  const ks = [k0, k1, s.op("xor", s.op("xor", k0, k1), u(0x1bd11bda))];
  let a = s.op("add", counter[0], k0);
  let b = s.op("add", counter[1], k1);
  for (let i = 0; i < 5; i++) {
    for (const r of at(rotations, i % 2)) {
      a = s.op("add", a, b);
      b = s.op("xor", s.op("rotl", b, u(r)), a);
    }
    a = s.op("add", a, at(ks, (i + 1) % 3));
    b = s.op("add", b, s.op("add", at(ks, (i + 2) % 3), u(i + 1)));
  }
  return [a, b];
};

/** Word `j` of the stream: the words of one hash are half the stream apart. */
const word = (s: S, key: readonly [unknown, unknown], j: unknown, words: number): unknown => {
  const u = (k: number): unknown => s.constant("u32", k);
  const half = Math.floor(words / 2);
  const odd = words % 2;
  const first = s.op("lt", j, u(half + odd));
  const low = s.op("select", first, j, s.op("sub", j, u(half + odd)));
  const high = s.op("add", low, u(half + odd));
  // The middle word of an odd stream is hashed with 0 in place of a partner.
  const partner = odd === 1 ? s.op("select", s.op("eq", low, u(half)), u(0), high) : high;
  const [a, b] = threefry(s, key, [low, partner]);
  return s.op("select", first, a, b);
};

/** Operand: keys [..., 2], uint32. Result: [..., ...shape], unsigned integers of `width` bytes. */
export const randomBitsP: Primitive<RandomBitsAttrs> = define<RandomBitsAttrs>({
  name: "randomBits",
  rule: { family: "flat" },
  infer(ins, attrs): readonly Aval[] {
    const key = at(ins, 0);
    if (key.dtype !== uint32)
      throw new DTypeError(
        `[random] expected a key of dtype uint32, got ${key.dtype.name}: make it with mx.random.key`,
      );
    if (key.shape[key.shape.length - 1] !== 2)
      throw new ShapeError(
        `[random] expected a key of shape [2], got [${key.shape.join(", ")}]: make it with mx.random.key`,
      );
    return [{ shape: [...key.shape.slice(0, -1), ...attrs.shape], dtype: dtypeOf[attrs.width] }];
  },
  // The leading axes come from the key; an unmapped key is never mapped, so lanes share its numbers.
  lift: same,
  lower: {
    kind: "indexed",
    emit(s, position, { shape, width }, operands) {
      const lead = at(operands, 0)
        .shape.slice(0, -1)
        .map((_, d) => position.coordinate(d));
      const part = (k: number): unknown => position.element(0, [...lead, s.constant("i32", k)]).re;
      const words = Math.ceil((sizeOf(shape) * width) / 4);
      const element = s.cast("u32", position.flat(lead.length));
      const u = (k: number): unknown => s.constant("u32", k);
      if (width === 4) return { re: word(s, [part(0), part(1)], element, words), im: null };
      const perWord = 4 / width;
      const j = s.op("div", element, u(perWord));
      const bits = s.op("mul", s.op("rem", element, u(perWord)), u(8 * width));
      const shifted = s.op("shr", word(s, [part(0), part(1)], j, words), bits);
      return { re: s.op("and", shifted, u(2 ** (8 * width) - 1)), im: null };
    },
  },
  key(attrs, sink) {
    writeList(sink, attrs.shape);
    sink.int(attrs.width);
  },
});

/** Random bits of `width` bytes per element, of `shape` for each key in `key` ([..., 2], uint32). */
export const randomBits = (key: Node, shape: Shape, width: BitWidth): Node =>
  bind(randomBitsP, [key], { shape, width });

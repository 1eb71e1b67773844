/**
 * How packed codes come into vectors: a chunk is what one vector of words holds, some codes in each of its four lanes;
 * vector j of a chunk takes one code of each lane.
 */
import type { DType } from "../../../core/dtype.js";
import type { QuantizedFormat } from "../../../core/routine.js";
import type { Ref } from "../lane-code.js";
import type { Frame } from "../routines/frame.js";
import { loadScalar } from "../storage.js";

/** Vectors that are cut out of one word by masks, before it is shifted. */
const mostMasks = 4;
/** What four-bit floats are looked up as: twice their value, plus this. */
export const fp4Offset = 12;

/** Codes of one lane: as many as it holds, and no more than a quarter of a group. */
export const codesOf = ({ bits, groupSize }: QuantizedFormat): number => {
  const whole = bits === 3 ? 8 : bits === 5 || bits === 6 ? 4 : 32 / bits;
  return Math.min(whole, groupSize / 4);
};

/** Which code of its lane each vector of a chunk takes. */
export const orderOf = (format: QuantizedFormat): readonly number[] => {
  const codes = codesOf(format);
  const all = Array.from({ length: codes }, (_, j) => j);
  if (format.mode === "affine" || format.bits === 8) return all;
  // Bytes are looked up: first what their low halves hold.
  const half = codes / 2;
  return all.map((j) => (j < half ? 2 * j : 2 * (j - half) + 1));
};

/** The bit at which the codes of a lane begin. */
const startOf = ({ bits }: QuantizedFormat, lane: number): number =>
  bits === 5 && lane % 2 === 1 ? 4 : 0;

const bytesOf = (values: Iterable<number>, float: boolean): Uint8Array => {
  const list = [...values];
  return new Uint8Array((float ? Float32Array.from(list) : Int32Array.from(list)).buffer);
};

const lanes = [0, 1, 2, 3] as const;

/** Code that reads chunks of one format. */
export class Chunks {
  readonly format: QuantizedFormat;
  /** Codes of a lane, of a chunk, and bytes of that. */
  readonly codes: number;
  readonly elements: number;
  readonly bytes: number;
  readonly perGroup: number;
  readonly order: readonly number[];
  readonly #f: Frame;
  readonly #relaxed: boolean;
  readonly #masks: number;

  /** With fewer masks more registers are free, and words are shifted more often. */
  constructor(
    f: Frame,
    format: QuantizedFormat,
    features: { readonly relaxed: boolean },
    masks: number = mostMasks,
  ) {
    this.#f = f;
    this.#masks = masks;
    this.#relaxed = features.relaxed;
    this.format = format;
    this.codes = codesOf(format);
    this.elements = 4 * this.codes;
    this.bytes = (this.elements * format.bits) / 8;
    this.perGroup = format.groupSize / this.elements;
    this.order = orderOf(format);
  }

  /** The words of a chunk, the codes of a lane in its low bits. Nothing behind the chunk is read. */
  load(address: Ref, offset: number): Ref {
    const { code } = this.#f;
    const { bits } = this.format;
    if (bits === 3 || bits === 5 || bits === 6) {
      const start = code.load("v128.load64_zero", address, offset);
      const rest = bits === 5 ? 16 : 32;
      const all = code.lane(`v128.load${rest}_lane`, [offset + 8, 64 / rest], address, start);
      const bytes = lanes.flatMap((l) => {
        const first = (l * this.codes * bits - startOf(this.format, l)) / 8;
        return [first, first + 1, first + 2, 15];
      });
      return code.lane("i8x16.shuffle", bytes, all, all);
    }
    if (this.bytes === 16) return code.load("v128.load", address, offset);
    if (this.bytes === 8) return code.load("v128.load16x4_u", address, offset);
    const narrow = code.load("v128.load32_zero", address, offset);
    const wider = code.op("i16x8.extend_low_i8x16_u", narrow);
    return code.op("i32x4.extend_low_i16x8_u", wider);
  }

  #shifted(word: Ref, by: number): Ref {
    return by === 0 ? word : this.#f.four.narrow.ushr(word, by);
  }

  /** Four-bit floats as bytes of a word: those of the low or of the high halves of its bytes. */
  #looked(word: Ref, high: boolean): Ref {
    const { code, four } = this.#f;
    const table = [0, 1, 2, 3, 4, 6, 8, 12];
    const both = [...table.map((v) => fp4Offset + v), ...table.map((v) => fp4Offset - v)];
    const halves = four.narrow.iand(
      this.#shifted(word, high ? 4 : 0),
      four.narrow.integer(0x0f0f0f0f),
    );
    const op = this.#relaxed ? "i8x16.relaxed_swizzle" : "i8x16.swizzle";
    return code.op(op, code.v128(Uint8Array.from(both)), halves);
  }

  /** Where vector j is: its word is looked up or shifted by `down` bits, and then cut at field `at`. */
  #field(j: number): {
    readonly high: boolean;
    readonly down: number;
    readonly at: number;
    readonly bits: number;
  } {
    const { mode, bits } = this.format;
    const fp4 = mode !== "affine" && bits === 4;
    const own = fp4 ? j % (this.codes / 2) : j;
    const at = own % Math.min(this.#masks, this.codes);
    const width = fp4 ? 8 : bits;
    return { high: own !== j, down: (own - at) * width, at, bits: width };
  }

  /**
   * Vector j of a chunk as floats: its codes times {@link factors}; four-bit floats doubled and {@link fp4Offset} added,
   * eight-bit floats times 2^-120.
   */
  raw(word: Ref, j: number): Ref {
    const { code, four } = this.#f;
    const l = four.narrow;
    const { mode, bits } = this.format;
    if (mode !== "affine" && bits === 8) {
      const left = j === 3 ? word : l.ishl(word, 24 - 8 * j);
      return l.iand(l.ishr(left, 4), l.integer(0x87f00000));
    }
    const field = this.#field(j);
    const own = this.#shifted(
      mode === "affine" ? word : this.#looked(word, field.high),
      field.down,
    );
    const last = field.bits === 8 && field.at === 3;
    const masks = lanes.map((n) => (2 ** field.bits - 1) << this.#shift(field.at, n));
    const cut = last ? l.ushr(own, 24) : l.iand(own, code.v128(bytesOf(masks, false)));
    return code.op("f32x4.convert_i32x4_s", cut);
  }

  #shift(at: number, lane: number): number {
    const { bits } = this.#field(0);
    return bits === 8 && at === 3 ? 0 : startOf(this.format, lane) + at * bits;
  }

  /** What the lanes of vector j are multiples of, or with -1 the inverse. */
  factors(j: number, power: 1 | -1): readonly number[] {
    const { mode, bits } = this.format;
    if (mode !== "affine" && bits === 8) return lanes.map(() => 1);
    const { at } = this.#field(j);
    return lanes.map((n) => 2 ** (power * this.#shift(at, n)));
  }

  /** {@link factors} as a constant. */
  factor(j: number, power: 1 | -1): Ref {
    return this.#f.code.v128(bytesOf(this.factors(j, power), true));
  }

  /** Vector j of a chunk as the numbers it stands for. */
  decoded(word: Ref, j: number, scale: Ref, bias: Ref | null): Ref {
    const l = this.#f.four.narrow;
    const raw = this.raw(word, j);
    const { mode, bits } = this.format;
    if (mode === "affine")
      return l.madd(raw, l.mul(scale, this.factor(j, -1)), bias ?? l.constant(0));
    if (bits === 8) return l.mul(l.mul(raw, l.constant(2 ** 120)), scale);
    const offset = bytesOf(
      this.factors(j, 1).map((x) => x * fp4Offset),
      true,
    );
    const halved = l.mul(scale, l.mul(this.factor(j, -1), l.constant(0.5)));
    return l.mul(l.sub(raw, this.#f.code.v128(offset)), halved);
  }
}

/** The scale or bias of a group, as one float. */
export const loadScale = (
  f: Frame,
  format: QuantizedFormat,
  dtype: DType,
  address: Ref,
  offset = 0,
): Ref => {
  const { code, one } = f;
  if (format.mode === "affine") return loadScalar(one, dtype, address, offset);
  const stored = code.load("i32.load8_u", address, offset);
  const shifted = (x: Ref, by: number): Ref => code.op("i32.shl", x, code.i32(by));
  const float = (x: Ref): Ref => code.op("f32.reinterpret_i32", x);
  if (format.mode !== "nvfp4") {
    // 2^-127 is below the normal numbers: a single bit of the fraction.
    return float(code.select(stored, shifted(stored, 23), code.i32(1 << 22)));
  }
  const size = code.op("i32.and", stored, code.i32(0x7f));
  const tiny = code.op("f32.mul", code.op("f32.convert_i32_s", size), code.f32(2 ** -9));
  const normal = float(code.op("i32.add", shifted(size, 20), code.i32(120 << 23)));
  const magnitude = code.select(code.op("i32.lt_u", size, code.i32(8)), tiny, normal);
  const negative = code.op("i32.gt_u", stored, code.i32(0x7f));
  return code.select(negative, code.op("f32.neg", magnitude), magnitude);
};

/** Chunks of a group that are written one behind the other without a loop. */
const unrolled = 4;

/** Code for every chunk of a group: `by` moves an address to chunks that a loop counts, `q` counts others. */
export const eachChunk = (
  f: Frame,
  perGroup: number,
  body: (q: number, by: (base: Ref, bytes: number) => Ref) => void,
): void => {
  if (perGroup <= unrolled) {
    for (let q = 0; q < perGroup; q++) body(q, (base) => base);
    return;
  }
  f.code.loop(f.constant(0), f.constant(perGroup), 1, (q) =>
    body(0, (base, bytes) => f.at(base, q, bytes)),
  );
};

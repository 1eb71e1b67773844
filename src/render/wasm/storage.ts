/** Loads and stores of every storage type: widened to the compute type, narrowed back with one rounding. */

import type { DType } from "../../core/dtype.js";
import { computeTypeOf } from "../../core/scalar.js";
import { elementBytes } from "../../kernel/domains.js";
import { fromBrain, fromHalf, toBrain, toHalf } from "./half.js";
import type { Ref } from "./lane-code.js";
import type { Ops } from "./ops.js";

/** The scalar load that brings one element, unconverted, into a lane's integer or float. */
const scalarLoad = (o: Ops, storage: DType): string => {
  switch (storage.name) {
    case "bool":
      return o.lanes > 1 && o.width === 8 ? "i64.load8_u" : "i32.load8_u";
    case "uint8":
      return "i32.load8_u";
    case "int8":
      return "i32.load8_s";
    case "uint16":
    case "float16":
    case "bfloat16":
      return "i32.load16_u";
    case "int16":
      return "i32.load16_s";
    case "int32":
    case "uint32":
      return "i32.load";
    case "int64":
    case "uint64":
      return "i64.load";
    case "float64":
      return "f64.load";
    default:
      return "f32.load";
  }
};

/** From what a load brought to the compute type. */
const widen = (o: Ops, storage: DType, raw: Ref): Ref => {
  switch (storage.name) {
    case "bool": {
      const l = o.narrow;
      if (o.lanes === 1) return o.code.op("i32.ne", raw, o.code.i32(0));
      const ints = o.width === 4 ? l : o.wide;
      return o.code.op(`${ints.intShape}.ne`, raw, ints.integer(0));
    }
    case "float16":
      return fromHalf(o.narrow, raw);
    case "bfloat16":
      return fromBrain(o.narrow, raw);
    default:
      return raw;
  }
};

/** One element. `o` has one lane. */
export function loadScalar(o: Ops, storage: DType, address: Ref, offset = 0, fresh = false): Ref {
  return widen(o, storage, o.code.load(scalarLoad(o, storage), address, offset, fresh));
}

/** Consecutive elements, one per lane. */
export function loadVector(o: Ops, storage: DType, address: Ref, offset = 0, fresh = false): Ref {
  const { code } = o;
  const load = (name: string): Ref => code.load(name, address, offset, fresh);
  const size = elementBytes(storage);
  if (size === o.width) return load("v128.load");
  if (size === 2) {
    return widen(o, storage, load(`v128.load16x4_${storage.name === "int16" ? "s" : "u"}`));
  }
  const s = storage.name === "int8" ? "s" : "u";
  if (o.width === 4) {
    const bytes = code.op(`i16x8.extend_low_i8x16_${s}`, load("v128.load32_zero"));
    return widen(o, storage, code.op(`i32x4.extend_low_i16x8_${s}`, bytes));
  }
  const halves = code.op("i16x8.extend_low_i8x16_u", load("v128.load16_splat"));
  const words = code.op("i32x4.extend_low_i16x8_u", halves);
  return widen(o, storage, code.op("i64x2.extend_low_i32x4_u", words));
}

/** Every second of eight 32-bit elements, from the first or the second on. */
export function loadEverySecond(o: Ops, address: Ref, offset: number, from: 0 | 1): Ref {
  const low = o.code.load("v128.load", address, offset);
  const high = o.code.load("v128.load", address, offset + 16);
  const bytes = [0, 2, 4, 6].flatMap((w) => [0, 1, 2, 3].map((b) => 4 * (w + from) + b));
  return o.code.lane("i8x16.shuffle", bytes, low, high);
}

/** Elements at an address and offset per lane. */
export function loadGather(
  o: Ops,
  storage: DType,
  places: readonly { readonly address: Ref; readonly offset: number }[],
): Ref {
  const { code } = o;
  const size = elementBytes(storage);
  if (o.lanes > 1 && size === o.width) {
    const bits = size * 8;
    let v: Ref | null = null;
    places.forEach(({ address, offset }, lane) => {
      v =
        v === null
          ? code.load(`v128.load${bits}_zero`, address, offset)
          : code.lane(`v128.load${bits}_lane`, [offset, lane], address, v);
    });
    return v ?? 0;
  }
  const name = scalarLoad(o, storage);
  const raw = places.map(({ address, offset }) => code.load(name, address, offset));
  const [first = 0] = raw;
  if (o.lanes === 1) return widen(o, storage, first);
  const shape = o.width === 4 ? "i32x4" : "i64x2";
  let v = code.op(`${shape}.splat`, first);
  raw.forEach((r, lane) => {
    if (lane > 0) v = code.lane(`${shape}.replace_lane`, [lane], v, r);
  });
  return widen(o, storage, v);
}

/** From the compute type to the bits to be stored, still one per 32- or 64-bit lane. */
const narrow = (o: Ops, storage: DType, value: Ref): Ref => {
  if (storage.name === "float16") return toHalf(o.narrow, value);
  if (storage.name === "bfloat16") return toBrain(o.narrow, value);
  return value;
};

/** One element. `o` has one lane. */
export function storeScalar(o: Ops, storage: DType, address: Ref, value: Ref, offset = 0): void {
  const size = elementBytes(storage);
  const t = computeTypeOf(storage);
  const float = t === "f32" || t === "f64";
  const name =
    size === 1
      ? "i32.store8"
      : size === 2
        ? "i32.store16"
        : float
          ? `${t}.store`
          : size === 4
            ? "i32.store"
            : "i64.store";
  o.code.store(name, address, narrow(o, storage, value), offset);
}

/** The elements to be stored, side by side from byte 0 of a vector. */
function pack(o: Ops, storage: DType, value: Ref): Ref {
  const { code } = o;
  const size = elementBytes(storage);
  if (size === o.width) return value;
  const bits = narrow(o, storage, value);
  if (o.width === 8) {
    // Only bools are narrower: bytes 0 and 8, as 0 or 1.
    const ones = code.op("v128.and", bits, o.wide.integer(1));
    return code.lane("i8x16.shuffle", [0, 8, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], ones, ones);
  }
  const low = storage.name === "bool" ? 1 : size === 1 ? 0xff : 0xffff;
  const half = storage.name === "float16" || storage.name === "bfloat16";
  const masked = half ? bits : code.op("v128.and", bits, o.narrow.integer(low));
  const words = code.op("i16x8.narrow_i32x4_u", masked, masked);
  return size === 2 ? words : code.op("i8x16.narrow_i16x8_u", words, words);
}

/** Writes some lanes of a vector: all of them side by side, or chosen ones. */
export interface VectorStore {
  all(address: Ref, offset: number): void;
  lane(address: Ref, offset: number, lane: number): void;
}

export function storeVector(o: Ops, storage: DType, value: Ref): VectorStore {
  const { code } = o;
  const packed = pack(o, storage, value);
  const bits = elementBytes(storage) * 8;
  const whole = bits * o.lanes;
  return {
    all(address, offset) {
      if (whole === 128) code.store("v128.store", address, packed, offset);
      else code.storeLane(`v128.store${whole}_lane`, address, packed, offset, 0);
    },
    lane(address, offset, lane) {
      code.storeLane(`v128.store${bits}_lane`, address, packed, offset, lane);
    },
  };
}

/** Sort keys: unsigned integers in the order of the elements, NaN last, zeros of both signs equal. */
import type { DType } from "../../../core/dtype.js";
import type { Ref } from "../lane-code.js";
import type { Frame } from "./frame.js";

/** Instructions that move elements of so many bytes unconverted. */
export const rawLoad: Readonly<Record<number, string>> = {
  1: "i32.load8_u",
  2: "i32.load16_u",
  4: "i32.load",
  8: "i64.load",
};
export const rawStore: Readonly<Record<number, string>> = {
  1: "i32.store8",
  2: "i32.store16",
  4: "i32.store",
  8: "i64.store",
};

/** The element's bits, zero-extended; narrow floats in the upper half. */
const loadBits = (f: Frame, dtype: DType, address: Ref): Ref => {
  const { code } = f;
  const bits = code.load(rawLoad[dtype.size] ?? "i32.load", address, 0, true);
  return dtype.kind === "float" && dtype.size === 2 ? code.op("i32.shl", bits, code.i32(16)) : bits;
};

/** The key of a float's bits: −0 as 0 unless `zeros` differ, NaN above everything. Infinity's bits are given. */
const floatKey = (f: Frame, bits: Ref, infinity: Ref, type: "i32" | "i64", zeros: boolean): Ref => {
  const { code } = f;
  const op = (name: string, a: Ref, b: Ref): Ref => code.op(`${type}.${name}`, a, b);
  const n = (x: bigint): Ref =>
    type === "i32" ? code.i32(Number(BigInt.asIntN(32, x))) : code.i64(x);
  const width = type === "i32" ? 32n : 64n;
  const top = n(1n << (width - 1n));
  const magnitude = op("and", bits, n((1n << (width - 1n)) - 1n));
  // Negative numbers are complemented, the others get the top bit.
  const flip = op("or", op("shr_s", bits, n(width - 1n)), top);
  const flipped = op("xor", bits, flip);
  const ordered = zeros ? flipped : code.select(code.op(`${type}.eqz`, magnitude), top, flipped);
  return code.select(op("gt_u", magnitude, infinity), n(-1n), ordered);
};

export const widenKey = (f: Frame, key: Ref): Ref => f.code.op("i64.extend_i32_u", key);

/**
 * The key of the element at `address`: an i32, or an i64 for elements of eight bytes. Where `zeros` differ, −0 comes
 * before 0, and a real element can be told from its key.
 */
export const loadKey = (f: Frame, dtype: DType, address: Ref, zeros: boolean = false): Ref => {
  const { code } = f;
  switch (dtype.name) {
    case "bool":
    case "uint8":
    case "uint16":
    case "uint32":
    case "uint64":
      return loadBits(f, dtype, address);
    case "int8":
    case "int16":
    case "int32": {
      const top = 2 ** (8 * dtype.size - 1);
      return code.op("i32.xor", loadBits(f, dtype, address), code.i32(top));
    }
    case "int64":
      return code.op("i64.xor", loadBits(f, dtype, address), code.i64(-(1n << 63n)));
    case "float16":
      return floatKey(f, loadBits(f, dtype, address), code.i32(0x7c000000), "i32", zeros);
    case "bfloat16":
    case "float32":
      return floatKey(f, loadBits(f, dtype, address), code.i32(0x7f800000), "i32", zeros);
    case "float64":
      return floatKey(f, loadBits(f, dtype, address), code.i64(0x7ffn << 52n), "i64", zeros);
    case "complex64": {
      const half = (offset: number): Ref =>
        floatKey(
          f,
          code.load("i32.load", address, offset, true),
          code.i32(0x7f800000),
          "i32",
          false,
        );
      const [re, im] = [half(0), half(4)];
      const nan = (key: Ref): Ref => code.op("i32.eq", key, code.i32(-1));
      const upper = code.op("i64.shl", widenKey(f, re), code.i64(32n));
      const both = code.op("i64.or", upper, widenKey(f, im));
      return code.select(code.op("i32.or", nan(re), nan(im)), code.i64(-1n), both);
    }
  }
};

/** Writes the real element whose key this is, zeros of both signs having had different ones. */
export const storeElement = (f: Frame, dtype: DType, address: Ref, key: Ref): void => {
  const { code } = f;
  const { size, kind } = dtype;
  const type = size === 8 ? "i64" : "i32";
  const n = (x: bigint): Ref => (size === 8 ? code.i64(x) : code.i32(Number(BigInt.asIntN(32, x))));
  const op = (name: string, a: Ref, b: Ref): Ref => code.op(`${type}.${name}`, a, b);
  let bits = key;
  if (kind === "int") bits = op("xor", key, n(1n << BigInt(8 * size - 1)));
  if (kind === "float") {
    const width = size === 8 ? 64n : 32n;
    const sign = op("shr_s", key, n(width - 1n));
    bits = op(
      "xor",
      key,
      op("or", op("xor", sign, n(-1n)), n(BigInt.asIntN(64, 1n << (width - 1n)))),
    );
    if (size === 2) bits = op("shr_u", bits, n(16n));
  }
  code.store(rawStore[size] ?? "i32.store", address, bits);
};

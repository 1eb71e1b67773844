/** Sort: keys whose unsigned order is the elements' order, merged bottom-up together with their places. */
import type { DType } from "../../../core/dtype.js";
import type { Routine } from "../../../core/routine.js";
import type { Ref } from "../lane-code.js";
import type { Frame, Work } from "./frame.js";

type Sort = Extract<Routine, { routine: "sort" }>;

const rawLoad: Readonly<Record<number, string>> = {
  1: "i32.load8_u",
  2: "i32.load16_u",
  4: "i32.load",
  8: "i64.load",
};
const rawStore: Readonly<Record<number, string>> = {
  1: "i32.store8",
  2: "i32.store16",
  4: "i32.store",
  8: "i64.store",
};

/** The element's bits, narrow integers sign-extended, narrow floats in the upper half. */
const loadBits = (f: Frame, dtype: DType, address: Ref): Ref => {
  const { code } = f;
  if (dtype.kind === "int" && dtype.size < 4) {
    return code.load(dtype.size === 1 ? "i32.load8_s" : "i32.load16_s", address, 0, true);
  }
  const bits = code.load(rawLoad[dtype.size] ?? "i32.load", address, 0, true);
  return dtype.kind === "float" && dtype.size === 2 ? code.op("i32.shl", bits, code.i32(16)) : bits;
};

/** The key of a float's bits: −0 as 0, NaN above everything. Infinity's bits are given. */
const floatKey = (f: Frame, bits: Ref, infinity: Ref, type: "i32" | "i64"): Ref => {
  const { code } = f;
  const op = (name: string, a: Ref, b: Ref): Ref => code.op(`${type}.${name}`, a, b);
  const n = (x: bigint): Ref =>
    type === "i32" ? code.i32(Number(BigInt.asIntN(32, x))) : code.i64(x);
  const width = type === "i32" ? 32n : 64n;
  const top = n(1n << (width - 1n));
  const magnitude = op("and", bits, n((1n << (width - 1n)) - 1n));
  // Negative numbers are complemented, the others get the top bit.
  const flip = op("or", op("shr_s", bits, n(width - 1n)), top);
  const ordered = code.select(code.op(`${type}.eqz`, magnitude), top, op("xor", bits, flip));
  return code.select(op("gt_u", magnitude, infinity), n(-1n), ordered);
};

const widenKey = (f: Frame, key: Ref): Ref => f.code.op("i64.extend_i32_u", key);

/** The key of the element at `address`: an i32, or an i64 for elements of eight bytes. */
const loadKey = (f: Frame, dtype: DType, address: Ref): Ref => {
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
    case "int32":
      return code.op("i32.xor", loadBits(f, dtype, address), code.i32(-0x80000000));
    case "int64":
      return code.op("i64.xor", loadBits(f, dtype, address), code.i64(-(1n << 63n)));
    case "float16":
      return floatKey(f, loadBits(f, dtype, address), code.i32(0x7c000000), "i32");
    case "bfloat16":
    case "float32":
      return floatKey(f, loadBits(f, dtype, address), code.i32(0x7f800000), "i32");
    case "float64":
      return floatKey(f, loadBits(f, dtype, address), code.i64(0x7ffn << 52n), "i64");
    case "complex64": {
      const half = (offset: number): Ref =>
        floatKey(f, code.load("i32.load", address, offset, true), code.i32(0x7f800000), "i32");
      const [re, im] = [half(0), half(4)];
      const nan = (key: Ref): Ref => code.op("i32.eq", key, code.i32(-1));
      const upper = code.op("i64.shl", widenKey(f, re), code.i64(32n));
      const both = code.op("i64.or", upper, widenKey(f, im));
      return code.select(code.op("i32.or", nan(re), nan(im)), code.i64(-1n), both);
    }
  }
};

/** How entries (a key and a place) are kept in scratch: two areas, so that merging goes from one to the other. */
interface Entries {
  /** Bytes of one area. */
  readonly area: number;
  put(area: Ref, i: Ref, key: Ref, place: Ref): void;
  /** Copies entry `from` of one area, or `other` where that one's key is less, to entry `to` of the other area. */
  merge(source: Ref, target: Ref, to: Ref, from: Ref, other: Ref, more: MoreOf): Ref;
  place(area: Ref, i: Ref): Ref;
}

/** Whether the first run goes next, given whether its key is not greater. */
type MoreOf = (notGreater: Ref) => Ref;

/** Keys of 32 bits: key and place in one i64, so that ties are broken by place. */
const packed = (f: Frame, length: number): Entries => {
  const { code } = f;
  return {
    area: 8 * (length + 1),
    put(area, i, key, place) {
      const upper = code.op("i64.shl", widenKey(f, key), code.i64(32n));
      code.store("i64.store", f.at(area, i, 8), code.op("i64.or", upper, widenKey(f, place)));
    },
    merge(source, target, to, from, other, more) {
      const a = code.load("i64.load", f.at(source, from, 8), 0, true);
      const b = code.load("i64.load", f.at(source, other, 8), 0, true);
      const first = more(code.op("i64.le_u", a, b));
      code.pin(first);
      code.store("i64.store", f.at(target, to, 8), code.select(first, a, b));
      return first;
    },
    place: (area, i) => code.load("i32.load", f.at(area, i, 8), 0, true),
  };
};

/** Keys of 64 bits: sixteen bytes, the key and then the place. */
const paired = (f: Frame, length: number): Entries => {
  const { code } = f;
  return {
    area: 16 * (length + 1),
    put(area, i, key, place) {
      code.store("i64.store", f.at(area, i, 16), key);
      code.store("i32.store", f.at(area, i, 16), place, 8);
    },
    merge(source, target, to, from, other, more) {
      const [at, alternative] = [f.at(source, from, 16), f.at(source, other, 16)];
      const a = code.load("i64.load", at, 0, true);
      const b = code.load("i64.load", alternative, 0, true);
      const first = more(code.op("i64.le_u", a, b));
      code.pin(first);
      const entry = code.load("v128.load", code.select(first, at, alternative), 0, true);
      code.store("v128.store", f.at(target, to, 16), entry);
      return first;
    },
    place: (area, i) => code.load("i32.load", f.at(area, i, 16), 8, true),
  };
};

/** Merges runs of 1, 2, 4, … entries; returns the address of the area that ends up sorted. */
const mergeSort = (f: Frame, entries: Entries, length: number): Ref => {
  const { code } = f;
  const source = code.variable(f.scratch);
  const target = code.variable(f.add(f.scratch, f.constant(entries.area)));
  const passes = Math.ceil(Math.log2(length));
  code.loop(f.constant(0), f.constant(passes), 1, (pass) => {
    const from = code.get(source);
    const to = code.get(target);
    code.pin(from);
    code.pin(to);
    const width = code.op("i32.shl", f.constant(1), pass);
    const last = f.sub(code.op("i32.shl", width, f.constant(1)), f.constant(1));
    const shift = f.add(pass, f.constant(1));
    const runs = code.op("i32.shr_u", f.add(f.constant(length), last), shift);
    code.loop(f.constant(0), runs, 1, (run) => {
      const low = code.op("i32.shl", run, shift);
      const middle = f.min(f.add(low, width), f.constant(length));
      const high = f.min(f.add(middle, width), f.constant(length));
      const taken = code.variable(low);
      code.loop(low, high, 1, (k) => {
        const i = code.get(taken);
        code.pin(i);
        // What of the output did not come from the first run came from the second.
        const j = f.add(f.sub(k, i), middle);
        const first = entries.merge(from, to, k, i, j, (notGreater) => {
          const left = code.op("i32.lt_u", i, middle);
          const over = code.op("i32.ge_u", j, high);
          return code.op("i32.and", left, code.op("i32.or", over, notGreater));
        });
        code.set(taken, f.add(i, first));
      });
    });
    code.set(source, to);
    code.set(target, from);
  });
  return code.get(source);
};

export const sortWork = (r: Sort): Work => {
  const { dtype, outer, length, inner } = r;
  const { size } = dtype;
  const entryBytes = size === 8 ? 16 : 8;
  return {
    scratchBytes: 2 * entryBytes * (length + 1),
    tiles: length === 0 ? 0 : outer * inner,
    tileCost: 4 * length * (1 + Math.log2(Math.max(length, 1))),
    write(f) {
      const { code } = f;
      const entries = (size === 8 ? paired : packed)(f, length);
      const load = rawLoad[size] ?? "i32.load";
      const store = rawStore[size] ?? "i32.store";
      const [o, column] = f.divmod(f.tile, inner);
      const first = f.add(f.times(o, length * inner), column);
      const [x, values, indices] = [f.buffer(0), f.buffer(1), f.buffer(2)];
      const place = (l: Ref): Ref => f.add(first, f.times(l, inner));
      code.loop(f.constant(0), f.constant(length), 1, (l) => {
        entries.put(f.scratch, l, loadKey(f, dtype, f.at(x, place(l), size)), l);
      });
      const sorted = mergeSort(f, entries, length);
      code.pin(sorted);
      code.loop(f.constant(0), f.constant(length), 1, (rank) => {
        const l = entries.place(sorted, rank);
        const to = place(rank);
        const value = code.load(load, f.at(x, place(l), size), 0, true);
        code.pin(l);
        code.store(store, f.at(values, to, size), value);
        code.store("i32.store", f.at(indices, to, 4), l);
      });
    },
  };
};

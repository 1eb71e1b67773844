/** Merge sort, bottom-up, of entries: a key together with the place it came from. */
import type { Ref } from "../lane-code.js";
import type { Frame } from "./frame.js";
import { widenKey } from "./sort-keys.js";

/** How entries (a key and a place) are kept in scratch: two areas, so that merging goes from one to the other. */
export interface Entries {
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
export const packed = (f: Frame, length: number): Entries => {
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
export const paired = (f: Frame, length: number): Entries => {
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

/** Merges runs of 1, 2, 4, … of the entries with keys `keyAt`; returns the address of the area that ends up sorted. */
export const mergeSort = (
  f: Frame,
  entries: Entries,
  length: number,
  keyAt: (l: Ref) => Ref,
): Ref => {
  const { code } = f;
  code.loop(f.constant(0), f.constant(length), 1, (l) => {
    entries.put(f.scratch, l, keyAt(l), l);
  });
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

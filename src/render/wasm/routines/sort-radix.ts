/** Radix sort of entries with keys of up to 32 bits: a stable counting sort per byte of the key, lowest first. */
import type { Ref } from "../lane-code.js";
import type { Frame } from "./frame.js";
import { packed } from "./sort-merge.js";

/** Shorter rows are merged: clearing and summing the counts costs as much as sorting them. */
export const radixFrom = 512;

const buckets = 256;

/** Bytes of scratch: two areas of entries, then one table of counts per byte of the key. */
export const radixBytes = (length: number, digits: number): number =>
  16 * (length + 1) + 4 * buckets * digits;

/**
 * Sorts `length` entries by their keys' bytes `digits`, lowest first; `keyAt` gives the keys. Returns the address of the
 * area that ends up sorted.
 */
export const radixSort = (
  f: Frame,
  length: number,
  digits: readonly number[],
  keyAt: (l: Ref) => Ref,
): Ref => {
  const { code } = f;
  const entries = packed(f, length);
  const areas = [f.scratch, f.add(f.scratch, f.constant(entries.area))] as const;
  const tables = f.add(f.scratch, f.constant(2 * entries.area));
  const count = digits.length;
  const end = f.constant(length);
  const zero = f.constant(0);

  code.loop(zero, f.constant(4 * buckets * count), 16, (i) => {
    code.store("v128.store", f.add(tables, i), f.four.constant("i32", 0));
  });

  /** Where byte `digit` of the key has its counter, as an address without the table's offset. */
  const bucket = (key: Ref, digit: number): Ref => {
    const shifted = code.op("i32.shr_u", key, f.constant(8 * digit));
    return f.at(tables, code.op("i32.and", shifted, f.constant(buckets - 1)), 4);
  };
  const table = (n: number): number => 4 * buckets * n;

  code.loop(zero, end, 1, (l) => {
    const key = keyAt(l);
    entries.put(areas[0], l, key, l);
    digits.forEach((digit, n) => {
      const at = bucket(key, digit);
      const before = code.load("i32.load", at, table(n), true);
      code.store("i32.store", at, f.add(before, f.constant(1)), table(n));
    });
  });

  digits.forEach((digit, n) => {
    const [from, to] = n % 2 === 0 ? areas : [areas[1], areas[0]];
    const first = code.variable(zero);
    // Counts become the places where the buckets begin.
    code.loop(zero, f.constant(4 * buckets), 4, (i) => {
      const at = f.add(tables, i);
      const size = code.load("i32.load", at, table(n), true);
      const begin = code.get(first);
      const next = f.add(begin, size);
      code.pin(next);
      code.store("i32.store", at, begin, table(n));
      code.set(first, next);
    });
    code.loop(zero, end, 1, (l) => {
      const entry = code.load("i64.load", f.at(from, l, 8), 0, true);
      const key = code.op("i32.wrap_i64", code.op("i64.shr_u", entry, code.i64(32n)));
      const at = bucket(key, digit);
      const place = code.load("i32.load", at, table(n), true);
      code.pin(place);
      code.store("i64.store", f.at(to, place, 8), entry);
      code.store("i32.store", at, f.add(place, f.constant(1)), table(n));
    });
  });
  return count % 2 === 0 ? areas[0] : areas[1];
};

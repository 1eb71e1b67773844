/** Entries of a sort: a key, with the place it came from where that is asked for, as they lie in memory. */
import type { Ref } from "../lane-code.js";
import type { Frame } from "./frame.js";
import { widenKey } from "./sort-keys.js";

/** How entries are made, moved and read. An entry in hand is one value or two. */
export interface Entries {
  /** Bytes of one entry. */
  readonly bytes: number;
  make(key: Ref, place: Ref): readonly Ref[];
  load(address: Ref): readonly Ref[];
  store(address: Ref, entry: readonly Ref[]): void;
  /** Byte `digit` of the key, as i32. */
  digit(entry: readonly Ref[], digit: number): Ref;
  /** The key, where entries have no places. */
  key(entry: readonly Ref[]): Ref;
  place(entry: readonly Ref[]): Ref;
}

const first = (entry: readonly Ref[]): Ref => entry[0] ?? 0;
const buckets = 256;

const low = (f: Frame, bits: Ref): Ref => f.code.op("i32.and", bits, f.constant(buckets - 1));

/** Keys of 32 bits alone. */
const bare = (f: Frame): Entries => ({
  bytes: 4,
  make: (key) => [key],
  load: (address) => [f.code.load("i32.load", address, 0, true)],
  store: (address, entry) => f.code.store("i32.store", address, first(entry)),
  digit: (entry, d) => low(f, f.code.op("i32.shr_u", first(entry), f.constant(8 * d))),
  key: first,
  place: first,
});

/** Keys of 64 bits alone. */
const wide = (f: Frame): Entries => ({
  bytes: 8,
  make: (key) => [key],
  load: (address) => [f.code.load("i64.load", address, 0, true)],
  store: (address, entry) => f.code.store("i64.store", address, first(entry)),
  digit: (entry, d) => {
    const shifted = f.code.op("i64.shr_u", first(entry), f.code.i64(BigInt(8 * d)));
    return low(f, f.code.op("i32.wrap_i64", shifted));
  },
  key: first,
  place: first,
});

/** Keys of 32 bits: key and place in one i64. */
const packed = (f: Frame): Entries => {
  const wideEntries = wide(f);
  return {
    ...wideEntries,
    make(key, place) {
      const upper = f.code.op("i64.shl", widenKey(f, key), f.code.i64(32n));
      return [f.code.op("i64.or", upper, widenKey(f, place))];
    },
    digit: (entry, d) => wideEntries.digit(entry, d + 4),
    place: (entry) => f.code.op("i32.wrap_i64", first(entry)),
  };
};

/** Keys of 64 bits: sixteen bytes, the key and then the place. */
const paired = (f: Frame): Entries => ({
  ...wide(f),
  bytes: 16,
  make: (key, place) => [key, place],
  load: (address) => [
    f.code.load("i64.load", address, 0, true),
    f.code.load("i32.load", address, 8, true),
  ],
  store(address, [key = 0, place = 0]) {
    f.code.store("i64.store", address, key);
    f.code.store("i32.store", address, place, 8);
  },
  place: (entry) => entry[1] ?? 0,
});

/** Entries for elements of `size` bytes. */
export const entriesFor = (f: Frame, size: number, places: boolean): Entries => {
  if (size === 8) return places ? paired(f) : wide(f);
  return places ? packed(f) : bare(f);
};

/** Bytes of one of these entries. */
export const entryBytes = (size: number, places: boolean): number =>
  (size === 8 ? 8 : 4) * (places ? 2 : 1);

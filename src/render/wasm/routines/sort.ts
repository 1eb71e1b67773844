/** Sort and selection: keys in the elements' order are sorted with their places, by bytes where rows are long, else by merging. */
import type { DType } from "../../../core/dtype.js";
import type { Routine } from "../../../core/routine.js";
import type { Ref } from "../lane-code.js";
import type { Frame, Work } from "./frame.js";
import { entriesFor, entryBytes } from "./sort-entries.js";
import { loadKey, rawLoad, rawStore, storeElement } from "./sort-keys.js";
import { mergeBytes, mergeSort } from "./sort-merge.js";
import {
  blockBytes,
  blockPhases,
  blockScratch,
  blocksOf,
  type Row,
  radixBytes,
  radixFrom,
  radixSort,
} from "./sort-radix.js";
import { radixSelect, selectPhases } from "./sort-select.js";

type Sort = Extract<Routine, { routine: "sort" }>;

/** The bytes of a key that tell elements apart, lowest first. */
const digitsOf = ({ size, kind }: DType): readonly number[] => {
  // Narrow floats have theirs in the upper half.
  if (kind === "float" && size === 2) return [2, 3];
  return Array.from({ length: size }, (_, i) => i);
};

/** How a row of elements is read and the sorted one written; keys without places are told back into elements. */
const rowOf = (f: Frame, r: Sort, row: Ref): Row => {
  const { code } = f;
  const { dtype, length, inner } = r;
  const { size } = dtype;
  const places = hasPlaces(r);
  const entries = entriesFor(f, size, places);
  const [o, column] = f.divmod(row, inner);
  const first = f.add(f.times(o, length * inner), column);
  const at = (l: Ref): Ref => f.add(first, f.times(l, inner));
  const x = f.buffer(0);
  const values = r.only === "indices" ? null : f.buffer(1);
  const indices = r.only === "values" ? null : f.buffer(r.only === "indices" ? 1 : 2);
  const load = rawLoad[size] ?? "i32.load";
  const store = rawStore[size] ?? "i32.store";
  return {
    entries,
    first(l) {
      const address = f.at(x, at(l), size);
      return entries.make(loadKey(f, dtype, address, !places), l);
    },
    last(rank, entry) {
      const to = at(rank);
      if (!places) {
        if (values !== null) storeElement(f, dtype, f.at(values, to, size), entries.key(entry));
        return;
      }
      const l = entries.place(entry);
      if (values !== null) {
        const value = code.load(load, f.at(x, at(l), size), 0, true);
        code.store(store, f.at(values, to, size), value);
      }
      if (indices !== null) code.store("i32.store", f.at(indices, to, 4), l);
    },
  };
};

/** Complex numbers cannot be told back from their keys. */
const hasPlaces = ({ only, dtype }: Sort): boolean => only !== "values" || dtype.kind === "complex";

export const sortWork = (r: Sort): Work => {
  const { dtype, outer, length, inner, kth = null } = r;
  const { size } = dtype;
  const digits = kth === null ? digitsOf(dtype) : digitsOf(dtype).toReversed();
  const rows = length === 0 ? 0 : outer * inner;
  const bytes = entryBytes(size, hasPlaces(r));
  const blocks = blocksOf(rows, length, bytes, digits);
  if (blocks !== null) {
    const blockRow = (f: Frame, row: Ref): Row => rowOf(f, r, row);
    const [first, ...more] =
      kth === null || digits.length === 1
        ? blockPhases(blocks, blockRow)
        : selectPhases(blocks, kth, blockRow);
    if (first !== undefined) {
      const sharedBytes = blockBytes(blocks);
      return { scratchBytes: blockScratch, sharedBytes, phases: [first, ...more] };
    }
  }
  const radix = length >= radixFrom * (size === 8 ? 4 : 1);
  const cost = radix ? 4 + 2 * digits.length : 4 + 4 * Math.log2(Math.max(length, 1));
  return {
    scratchBytes: radix ? radixBytes(length, bytes, digits.length) : mergeBytes(length, bytes),
    phases: [
      {
        tiles: rows,
        tileCost: length * cost,
        write(f) {
          const row = rowOf(f, r, f.tile);
          if (!radix) mergeSort(f, row, length);
          else if (kth === null) radixSort(f, row, length, digits);
          else radixSelect(f, row, length, kth, digits);
        },
      },
    ],
  };
};

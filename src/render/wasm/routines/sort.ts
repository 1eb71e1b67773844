/** Sort: keys in the elements' order are sorted with their places, by bytes where rows are long, else by merging. */
import type { DType } from "../../../core/dtype.js";
import type { Routine } from "../../../core/routine.js";
import type { Ref } from "../lane-code.js";
import type { Work } from "./frame.js";
import { loadKey, rawLoad, rawStore } from "./sort-keys.js";
import { mergeSort, packed, paired } from "./sort-merge.js";
import { radixBytes, radixFrom, radixSort } from "./sort-radix.js";

type Sort = Extract<Routine, { routine: "sort" }>;

/** The bytes of a 32-bit key that tell elements apart, lowest first; none for wider keys. */
const digitsOf = (dtype: DType): readonly number[] => {
  if (dtype.size === 4) return [0, 1, 2, 3];
  if (dtype.size === 8) return [];
  // Narrow floats have theirs in the upper half.
  if (dtype.kind === "float") return [2, 3];
  return dtype.size === 1 ? [0] : [0, 1];
};

export const sortWork = (r: Sort): Work => {
  const { dtype, outer, length, inner } = r;
  const { size } = dtype;
  const digits = digitsOf(dtype);
  const radix = digits.length > 0 && length >= radixFrom;
  const entryBytes = size === 8 ? 16 : 8;
  return {
    scratchBytes: radix ? radixBytes(length, digits.length) : 2 * entryBytes * (length + 1),
    phases: [
      {
        tiles: length === 0 ? 0 : outer * inner,
        tileCost: length * (radix ? 6 + 3 * digits.length : 4 + 4 * Math.log2(Math.max(length, 1))),
        write(f) {
          const { code } = f;
          const entries = (size === 8 ? paired : packed)(f, length);
          const load = rawLoad[size] ?? "i32.load";
          const store = rawStore[size] ?? "i32.store";
          const [o, column] = f.divmod(f.tile, inner);
          const first = f.add(f.times(o, length * inner), column);
          const [x, values, indices] = [f.buffer(0), f.buffer(1), f.buffer(2)];
          const place = (l: Ref): Ref => f.add(first, f.times(l, inner));
          const keyAt = (l: Ref): Ref => loadKey(f, dtype, f.at(x, place(l), size));
          const sorted = radix
            ? radixSort(f, length, digits, keyAt)
            : mergeSort(f, entries, length, keyAt);
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
      },
    ],
  };
};

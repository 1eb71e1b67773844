/** Merge sort, bottom-up, of entries. */
import type { Ref } from "../lane-code.js";
import type { Frame } from "./frame.js";
import type { Row } from "./sort-radix.js";

/** Bytes of one area: two of them, so that merging goes from one to the other. */
const areaOf = (length: number, bytes: number): number => bytes * (length + 1);

export const mergeBytes = (length: number, bytes: number): number => 2 * areaOf(length, bytes);

/** Merges runs of 1, 2, 4, … of the entries of a row. */
export const mergeSort = (f: Frame, row: Row, length: number): void => {
  const { code } = f;
  const { entries } = row;
  const { bytes } = entries;
  // Places make keys of one word differ; of wide ones the first run's goes first where they are equal.
  const compare = bytes === 4 ? "i32.le_u" : "i64.le_u";
  code.loop(f.constant(0), f.constant(length), 1, (l) => {
    entries.store(f.at(f.scratch, l, bytes), row.first(l));
  });
  const source = code.variable(f.scratch);
  const target = code.variable(f.add(f.scratch, f.constant(areaOf(length, bytes))));
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
        const a = entries.load(f.at(from, i, bytes));
        const b = entries.load(f.at(from, j, bytes));
        const left = code.op("i32.lt_u", i, middle);
        const over = code.op("i32.ge_u", j, high);
        const notGreater = code.op(compare, a[0] ?? 0, b[0] ?? 0);
        const first = code.op("i32.and", left, code.op("i32.or", over, notGreater));
        code.pin(first);
        const chosen = a.map((part, n) => code.select(first, part, b[n] ?? part));
        entries.store(f.at(to, k, bytes), chosen);
        code.set(taken, f.add(i, first));
      });
    });
    code.set(source, to);
    code.set(target, from);
  });
  const sorted: Ref = code.get(source);
  code.pin(sorted);
  code.loop(f.constant(0), f.constant(length), 1, (rank) => {
    const entry = entries.load(f.at(sorted, rank, bytes));
    for (const part of entry) code.pin(part);
    row.last(rank, entry);
  });
};

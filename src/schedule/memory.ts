/** Places intermediates in one arena by their lifetimes over the command order. */

export interface Interval {
  readonly bytes: number;
  /** Index of the first command that writes it and of the last that touches it. */
  readonly from: number;
  readonly to: number;
}

const align = 64;
/** Tensors of the same power-of-two size would otherwise compete for the same cache sets. */
const stagger = 256;

/** Offsets for `intervals`, overlapping only where lifetimes do not; largest first, lowest free offset. */
export const planMemory = (
  intervals: readonly Interval[],
): { readonly offsets: number[]; readonly bytes: number } => {
  const offsets = new Array<number>(intervals.length).fill(0);
  const order = intervals
    .map((_, i) => i)
    .sort((a, b) => (intervals[b]?.bytes ?? 0) - (intervals[a]?.bytes ?? 0) || a - b);
  const placed: { readonly interval: Interval; readonly offset: number; readonly end: number }[] =
    [];
  let total = 0;
  for (const i of order) {
    const interval = intervals[i];
    if (interval === undefined) continue;
    const size =
      Math.ceil(interval.bytes / align) * align + (interval.bytes >= 65536 ? stagger : align);
    const rivals = placed
      .filter((p) => p.interval.from <= interval.to && interval.from <= p.interval.to)
      .sort((a, b) => a.offset - b.offset);
    let offset = 0;
    for (const r of rivals) {
      if (r.offset - offset >= size) break;
      offset = Math.max(offset, r.end);
    }
    offsets[i] = offset;
    placed.push({ interval, offset, end: offset + size });
    total = Math.max(total, offset + size);
  }
  return { offsets, bytes: total };
};

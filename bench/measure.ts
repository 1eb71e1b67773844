/** Times several contenders in turn, so that a drifting machine drifts for all of them alike. */

/** One library's way to do a case: called once per sample, done when it returns (or its promise resolves). */
export type Contender = () => void | Promise<void>;

export interface Figure {
  /** Median time of one call, in milliseconds. */
  readonly median: number;
  /** Median over rounds of this contender's time divided by the first one's in the same round. */
  readonly ratio: number;
}

const median = (xs: readonly number[]): number => {
  const sorted = [...xs].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [lo, hi] = [sorted[middle - 1], sorted[middle]];
  if (hi === undefined) return Number.NaN;
  return sorted.length % 2 === 0 && lo !== undefined ? (lo + hi) / 2 : hi;
};

const timed = async (f: Contender, calls: number): Promise<number> => {
  const start = performance.now();
  for (let i = 0; i < calls; i++) {
    const pending = f();
    if (pending !== undefined) await pending;
  }
  return (performance.now() - start) / calls;
};

/** Runs every contender in turn for `rounds` rounds, each round long enough to be measured. */
export const measure = async (
  contenders: readonly Contender[],
  rounds: number,
  milliseconds: number,
): Promise<Figure[]> => {
  const calls: number[] = [];
  for (const f of contenders) {
    await timed(f, 1);
    // Code tiers up over its first calls, and memory is first touched: what is measured is the steady state.
    const warm = performance.now();
    let n = 0;
    while (performance.now() - warm < milliseconds * 10 || n < 3) {
      await timed(f, 1);
      n++;
    }
    calls.push(Math.max(1, Math.round(milliseconds / (await timed(f, 1)))));
  }
  const samples: number[][] = contenders.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, f] of contenders.entries()) samples[i]?.push(await timed(f, calls[i] ?? 1));
  }
  const first = samples[0] ?? [];
  return samples.map((own) => ({
    median: median(own),
    ratio: median(own.map((t, round) => t / (first[round] ?? Number.NaN))),
  }));
};

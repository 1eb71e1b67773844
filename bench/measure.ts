/** Times several contenders in turn, so that a drifting machine drifts for all of them alike. */
import type { Timed } from "./library.js";

export interface Figure {
  /** Median time of one call, in milliseconds. */
  readonly median: number;
  /** The fastest round, in milliseconds. */
  readonly least: number;
  /** Median over rounds of this contender's time divided by the first one's in the same round. */
  readonly ratio: number;
}

/** A figure, or why there is none. */
export type Outcome = Figure | { readonly error: string };

export interface Effort {
  readonly rounds: number;
  /** How long one contender runs in one round, at least, in milliseconds. */
  readonly milliseconds: number;
  /** How long it runs before anything is measured. */
  readonly warm: number;
  /** What one contender may spend on one workload: slower ones take fewer rounds, one at least. */
  readonly budget: number;
}

export const thorough: Effort = { rounds: 11, milliseconds: 60, warm: 600, budget: 8000 };
export const quick: Effort = { rounds: 3, milliseconds: 20, warm: 100, budget: 2000 };

const median = (xs: readonly number[]): number => {
  const sorted = [...xs].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [lo, hi] = [sorted[middle - 1], sorted[middle]];
  if (hi === undefined) return Number.NaN;
  return sorted.length % 2 === 0 && lo !== undefined ? (lo + hi) / 2 : hi;
};

/** One contender's rounds: how many calls a turn takes, what its turns took, why it stopped. */
class Turns {
  readonly times: number[] = [];
  error: string | null = null;
  #calls = 1;
  #rounds = 0;
  readonly #job: Timed;

  constructor(job: Timed) {
    this.#job = job;
  }

  async #try(f: () => Promise<void>): Promise<void> {
    if (this.error !== null) return;
    try {
      await f();
    } catch (error) {
      this.error = error instanceof Error ? error.message : String(error);
    }
  }

  /** Code tiers up over its first calls, and memory is first touched: what is measured is the steady state. */
  warm(effort: Effort): Promise<void> {
    return this.#try(async () => {
      const start = performance.now();
      const times = [await this.#job.time(1)];
      while (performance.now() - start < effort.warm) times.push(await this.#job.time(1));
      // The median of the last calls: a turn sized by one call with a collection in it would measure cold ones.
      const one = median(times.slice(-99));
      this.#calls = Math.max(1, Math.round(effort.milliseconds / one));
      const affordable = Math.floor(effort.budget / (one * this.#calls));
      this.#rounds = Math.min(effort.rounds, Math.max(1, affordable));
    });
  }

  turn(): Promise<void> {
    if (this.times.length >= this.#rounds) return Promise.resolve();
    return this.#try(async () => {
      this.times.push(await this.#job.time(this.#calls));
    });
  }
}

/** Runs every contender in turn, A B C A B C …, each turn long enough to be measured. */
export const measure = async (jobs: readonly Timed[], effort: Effort): Promise<Outcome[]> => {
  const contenders = jobs.map((job) => new Turns(job));
  for (const contender of contenders) await contender.warm(effort);
  for (let round = 0; round < effort.rounds; round++) {
    for (const contender of contenders) await contender.turn();
  }
  const first = contenders[0]?.times ?? [];
  return contenders.map(({ times, error }) => {
    if (error !== null) return { error };
    const ratios = times.map((t, round) => t / (first[round] ?? Number.NaN));
    return { median: median(times), least: Math.min(...times), ratio: median(ratios) };
  });
};

/** The greatest difference of two results, relative to the greatest magnitude among them. */
export const difference = (a: readonly number[], b: readonly number[]): number => {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let scale = 1e-30;
  for (const x of [...a, ...b]) if (Math.abs(x) > scale) scale = Math.abs(x);
  let worst = 0;
  for (const [i, x] of a.entries()) {
    const d = Math.abs(x - (b[i] ?? Number.NaN)) / scale;
    if (!(d <= worst)) worst = Number.isNaN(d) ? Number.POSITIVE_INFINITY : d;
  }
  return worst;
};

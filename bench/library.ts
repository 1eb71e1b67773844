/** What a library must offer to be measured: jobs, each one computation made ready to run again and again. */

/** Sizes and choices of a workload, understood alike by every library. */
export type Params = Readonly<Record<string, number | string>>;

/** One computation with its inputs in place. */
export interface Job {
  /** Computes once, to the end; what it allocates is given back as the library's users would. */
  run(): void | Promise<void>;
  /** Samples of the result, to be compared with those of other libraries; called before any `run`. */
  result(): number[] | Promise<number[]>;
  /** Frees the inputs. */
  close?(): void | Promise<void>;
}

/** Makes the job of one kind of workload. */
export type Factory = (params: Params) => Job | null | Promise<Job | null>;

/** A library that runs in this process or in one of its own. */
export interface Library {
  readonly name: string;
  readonly version: string;
  /** How it runs: threads, options. */
  readonly how: string;
  /** `null` where the library cannot do the workload. */
  open(kind: string, params: Params): Promise<Timed | null>;
  close(): Promise<void>;
}

/** A job as the harness sees it, wherever it runs. */
export interface Timed {
  /** Milliseconds per call, over so many calls in a row. */
  time(calls: number): Promise<number>;
  result(): Promise<readonly number[]>;
  close(): Promise<void>;
}

/** The number named `key`, or an error that names it. */
export const size = (params: Params, key: string): number => {
  const value = params[key];
  if (typeof value !== "number") throw new TypeError(`workload without a number "${key}"`);
  return value;
};

/** A job of this process, timed. */
const timed = (job: Job): Timed => ({
  async time(calls) {
    const start = performance.now();
    for (let i = 0; i < calls; i++) {
      const pending = job.run();
      if (pending !== undefined) await pending;
    }
    return (performance.now() - start) / calls;
  },
  async result() {
    return await job.result();
  },
  async close() {
    await job.close?.();
  },
});

/** A library of this process: a table from kinds of workload to jobs. */
export const local = (
  name: string,
  version: string,
  how: string,
  kinds: Readonly<Record<string, Factory>>,
): Library => ({
  name,
  version,
  how,
  async open(kind, params) {
    const job = await kinds[kind]?.(params);
    return job === null || job === undefined ? null : timed(job);
  },
  async close() {},
});

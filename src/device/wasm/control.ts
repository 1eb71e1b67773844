/** The words through which threads share a command's tiles: where they lie, and what the walker and the pool agree on. */

/**
 * Offsets in a pool's control block; one cache line for what changes at every fork, one for who sleeps, one for the
 * count of finished tiles, then one per thread.
 */
export const control = {
  /** Names a fork; grows by two with each. Workers wait for it to change. */
  epoch: 0,
  /** The record whose tiles are shared. */
  job: 4,
  /** Tiles per claim. */
  chunk: 8,
  /** How many threads have a share: the one that forks is number 0. */
  threads: 12,
  /** Set when workers shall end. */
  stop: 16,
  /** How many modules were made known to the workers, and the first of them (see `news`). */
  newsCount: 20,
  firstNews: 24,
  /** Of thread 0 alone: whether a fork is open, its finished tiles in it, how many forks there were. */
  open: 28,
  own: 32,
  forks: 36,
  /** Of thread 0 alone, f64: nanoseconds of work that others did by the kernels' estimates; milliseconds waited. */
  helped: 40,
  waited: 48,
  sleepers: 64,
  ready: 68,
  /** Set by a worker that cannot go on. */
  failed: 72,
  /** How many workers have ended on request. */
  gone: 76,
  /** Tiles that workers have finished. */
  done: 128,
  /** Set while thread 0 sleeps until `done` changes. */
  waiting: 132,
  bytes: (threads: number): number => 192 + 64 * threads,
} as const;

/** Offsets in the line of one thread. */
export const line = {
  first: 192,
  bytes: 64,
  /** i64: the fork (high word) and its next unclaimed tile (low word). */
  share: 0,
  end: 8,
  scratch: 12,
  /** Whether the thread may be running tiles. */
  busy: 16,
  /** How many modules it has instantiated. */
  installed: 20,
  /** A file descriptor of the thread's own, which is closed when it ends in whatever way; −1 where there is none. */
  marker: 24,
} as const;

/**
 * One module made known to the workers: the next one's address, how many kernels it has and how many bytes, the place of
 * each kernel in the table or -1, then the bytes.
 */
export const news = { next: 0, kernels: 4, length: 8, places: 12 } as const;

/** Offsets in the leader's control block. */
export const lead = {
  /** What it does, see `state`. */
  state: 0,
  stop: 4,
  /** The list: first record, end, and where it came to. */
  first: 8,
  end: 12,
  /** Scratch of its own, and the control block of the pool that helps, or 0. */
  scratch: 16,
  pool: 20,
  newsCount: 24,
  firstNews: 28,
  /** How many modules it has instantiated. */
  installed: 32,
  ready: 36,
  /** Set when the list cannot be finished. */
  quit: 40,
  /** Set when the thread has ended, as asked or because it could not go on. */
  gone: 44,
  /** A file descriptor of the thread's own, see `line.marker`. */
  marker: 48,
  /** f64: milliseconds that the last list took. */
  elapsed: 56,
  bytes: 64,
} as const;

/** What a leader is at: nothing; a list; it has ended one, and nobody has taken notice; it shall end itself. */
export const state = { idle: 0, running: 1, done: 2, stopping: 3 } as const;

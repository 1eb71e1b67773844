/** How command lists lie in memory: the records that the walker runs, and the blocks that loops and branches have. */

/** One command in memory, 32 bytes; of those that say where to go on, `kernel` is a `turn` and `args` a block of its own. */
export const record = {
  bytes: 32,
  kernel: 0,
  tiles: 4,
  args: 8,
  flags: 12,
  /** Where a command that was paused goes on. */
  next: 16,
  /** f32: nanoseconds per tile, as estimated. */
  cost: 20,
  /** Tiles per call: many, so that calls cost nothing; not all, so that a better compiled kernel is taken up soon. */
  chunk: 24,
  /** The record that a turn leads to. */
  target: 28,
} as const;

/** Bits of a record's flags: it is never shared; it is worth waking somebody for; it is a turn. */
export const flag = { serial: 1, large: 2, turn: 4 } as const;

/**
 * What a turn does. begin: sets the loop's slots for the first round. next: moves them and goes on at the target, unless
 * this was the last round. test: where the flag is 0, brings results home and goes on at the target. again: as next, for
 * loops with a test. branch: goes on at the target where the flag is 0. jump: goes on at the target.
 */
export const turn = { begin: 0, next: 1, test: 2, again: 3, branch: 4, jump: 5 } as const;

/** The block of a loop, or of a branch, which has only a flag. Entries follow, one per slot. */
export const loopBlock = {
  /** Rounds to go, this one included; how many there are at first. */
  left: 0,
  count: 4,
  /** Where the entries end. */
  end: 8,
  /** Address of the byte that is tested. */
  flag: 12,
  entries: 16,
} as const;

/**
 * A slot: what hands on comes before what it is handed by. Its pointers are at the words that `from` to `to` list, each
 * with what is added.
 */
export const loopEntry = {
  bytes: 32,
  /** Where the slot is in this round. */
  now: 0,
  /** Where it is in the first round, and for what is written alternately, in the second; else 0. */
  first: 4,
  second: 8,
  /** How far it moves; of what is handed on, how many bytes it has. */
  step: 12,
  /** The entry of the slot that this one is in the next round, or 0. */
  partner: 16,
  /** What two alternating addresses differ in, or 0. */
  mask: 20,
  from: 24,
  to: 28,
} as const;

export const fixBytes = 8;

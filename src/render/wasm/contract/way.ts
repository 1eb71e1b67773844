/** A way to compute a product, and what ways share. */
import type { Func } from "../encoder.js";
import type { Group } from "./product.js";

/** The functions that depend on what the operands and the epilogue compute. */
export interface Ends {
  /** (args, to, batch, first, count, k, depth): rows of a, k contiguous, `pitch` bytes apart. */
  packA(pitch: number): Func;
  /** The same for panels of b: k rows of `panel` columns each. */
  packB(panel: number, pitch: number): Func;
  /** (args, to, batch, first, count, k, depth): columns of b, k contiguous, `pitch` bytes apart. */
  packColumns(pitch: number): Func;
  /** (args, from, batch, m, rows, n, columns): finishes rows of c that lie `pitch` bytes apart. */
  finish(pitch: number): Func;
}

/** How many tiles there are, and a function (args, tile, scratch, again) that does one. */
export interface Way {
  readonly tile: Func;
  readonly scratchBytes: number;
  /** Expected nanoseconds per tile. */
  readonly cost: number;
  tiles(outer: number): number;
  /**
   * Leaves 1 on the stack where the tile of local `t` finds what it shares with the tile before it still in scratch.
   * `outer` is a local.
   */
  pushAgain(f: Func, t: number, outer: number): void;
}

/** Pushes the size of a group. */
export const pushSize = (f: Func, group: Group, outer: number): void => {
  if (group.outer) f.get(outer).i32(group.size).op("i32.mul");
  else f.i32(group.size);
};

/** Pushes how many blocks of `most` the group has. */
export const pushBlocks = (f: Func, group: Group, most: number, outer: number): void => {
  if (!group.outer) {
    f.i32(Math.ceil(group.size / most));
    return;
  }
  pushSize(f, group, outer);
  f.i32(most - 1)
    .op("i32.add")
    .i32(most)
    .op("i32.div_u");
};

/** Sets `to` to the smaller of what is on the stack and `most`. */
export const setAtMost = (f: Func, to: number, most: number): void => {
  f.set(to).get(to).i32(most).get(to).i32(most).op("i32.lt_s").select("i32").set(to);
};

/**
 * Takes the fastest index off local `t`: a block of at most `most` of the group. Leaves its start and extent in locals;
 * `outer` is a local too.
 */
export const cut = (
  f: Func,
  group: Group,
  most: number,
  to: {
    readonly t: number;
    readonly outer: number;
    readonly start: number;
    readonly extent: number;
  },
): void => {
  const { t, outer, start, extent } = to;
  f.get(t);
  pushBlocks(f, group, most, outer);
  f.op("i32.rem_u").i32(most).op("i32.mul").set(start);
  f.get(t);
  pushBlocks(f, group, most, outer);
  f.op("i32.div_u").set(t);
  pushSize(f, group, outer);
  f.get(start).op("i32.sub");
  setAtMost(f, extent, most);
};

/** How attention is cut into blocks of queries and keys, and where a tile keeps them: sizes from shapes, nothing else. */
import type { AttentionSizes } from "../../../core/routine.js";
import { rowTile } from "../contract/micro.js";
import { panelColumns, panelLine } from "./pack.js";

/** Queries and keys of a block: their scores, keys and values stay in the L2 cache. */
const most = { queries: 120, keys: 256 } as const;

const roundUp = (x: number, to: number): number => Math.ceil(x / to) * to;

/** Equal parts of at most `limit`, each a multiple of `unit`. */
const even = (size: number, limit: number, unit: number): number =>
  roundUp(Math.ceil(size / Math.ceil(size / limit)), unit);

/** Bytes of a row of floats, lines apart from those of other arrays. */
export const pitchOf = (columns: number): number => roundUp(4 * columns, 64) + 64;
/** Bytes of a panel of `lines` lines. */
export const panelOf = (lines: number): number => lines * panelLine + 64;
export const panelsOf = (columns: number): number => Math.ceil(columns / panelColumns);

export interface Blocks {
  readonly queries: number;
  readonly keys: number;
  readonly queryBlocks: number;
  /** Numbers of rows that blocks have: all alike but the last. */
  readonly queryCounts: readonly number[];
  readonly keyCounts: readonly number[];
}

/** Numbers of rows that blocks of `size` rows have. */
export const countsOf = (size: number, block: number): readonly number[] => [
  ...new Set([Math.min(size, block), size % block === 0 ? block : size % block]),
];

/** Blocks of `keys` keys in all, which may be a part of them. */
export const blocksOf = (
  s: AttentionSizes,
  keys: number = s.keys,
  limits: { readonly queries: number; readonly keys: number } = most,
): Blocks => {
  const block = even(s.queries, limits.queries, rowTile);
  const keyBlock = even(keys, limits.keys, 2 * panelColumns);
  return {
    queries: block,
    keys: keyBlock,
    queryBlocks: Math.ceil(s.queries / block),
    queryCounts: countsOf(s.queries, block),
    keyCounts: countsOf(keys, keyBlock),
  };
};

/** Bytes of scratch, given out piece by piece. */
export class Layout {
  total = 0;

  take(bytes: number): number {
    const at = this.total;
    this.total += roundUp(bytes, 64);
    return at;
  }
}

/** How a matrix product is cut into tiles and blocks: sizes from shapes and dtypes, nothing else. */
import { slabRows } from "../../../kernel/ir.js";
import { bytesOf, lanesOf, panelVectors, rowTile } from "./micro.js";
import type { Group, Product } from "./product.js";

/** Multiply-adds per nanosecond that a core is expected to do in the micro-kernel. */
const speed = { f32: 26, f64: 13 } as const;
/** How much faster joined vectors are. */
const wideGain = 1.8;
/** Bytes of one packed row of k: what two vectors of b and five rows of a need stays in the L1 cache. */
const longestK = 2048;
const blockK = 1280;
const columnsMost = 256;
/** So few rows that packing b is not paid for by its reuse. */
export const fewRows = 20;
/** Packed b of all k steps is kept while consecutive tiles share it, up to so many bytes. */
const packedMost = 4 << 20;

/** A cut of a batched product into tiles of `batches` × `rows` × `columns`, k in `steps` blocks of `depth`. */
export interface Plan {
  readonly batches: number;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly steps: number;
  /** Columns of one panel of b. */
  readonly panel: number;
  /** Rows of a that are packed at a time. */
  readonly unit: number;
  readonly few: boolean;
  /** Bytes of one panel of packed b, of one packed block of b, of one packed row of a, of one row of c. */
  readonly bPanel: number;
  readonly bBlock: number;
  readonly aRow: number;
  readonly cRow: number;
  /** Whether b is packed for all k steps, and so can be kept from tile to tile. */
  readonly keepB: boolean;
  /** Expected nanoseconds per tile. */
  readonly cost: number;
}

const roundUp = (x: number, to: number): number => Math.ceil(x / to) * to;
/** Equal parts of at most `most`, each a multiple of `unit`. */
const even = (size: number, most: number, unit: number): number =>
  roundUp(Math.ceil(size / Math.max(1, Math.ceil(size / most))), unit);

/** The size of a group when the outer size of the call is `outer`. */
export const sizeOf = (group: Group, outer: number): number =>
  group.outer ? group.size * outer : group.size;

/** The plan for any number of rows or, with `few`, for at most `fewRows`; for joined vectors if `wide`. */
export const planOf = (p: Product, type: "f32" | "f64", few: boolean, wide: boolean): Plan => {
  const bytes = bytesOf(type);
  const panel = panelVectors(wide) * lanesOf(type);
  const rate = speed[type] * (wide ? wideGain : 1);
  const k = p.k.size;
  // Blocks of k start at multiples of the lanes, as vectors along k must.
  // Where hardly any rows share b, reading it is what counts: long lines of it, in few blocks of k.
  const [whole, part] = few ? [longestK / 4, blockK / 4] : [longestK, blockK];
  const depth = k * bytes <= whole ? Math.max(1, k) : even(k, part / bytes, lanesOf(type));
  const steps = Math.ceil(k / depth);
  const [batch, m, n] = [p.batch, p.m, p.n].map((g) => Math.max(1, sizeOf(g, p.hint)));
  const [batchSize = 1, rowsAll = 1, columnsAll = 1] = [batch, m, n];
  const fits = Math.max(64, Math.floor(packedMost / (Math.max(1, k) * bytes) / 64) * 64);
  const widest = few ? 4 * columnsMost : Math.min(columnsMost, fits);
  const columns = p.n.outer ? widest : even(Math.max(1, p.n.size), widest, panel);
  const one = (rowsAll * columnsAll * Math.max(1, k)) / rate + 100;
  const target = Math.min(1e6, Math.max(3e4, (one * batchSize) / 8));
  const perRow = (columns * Math.max(1, k)) / rate + columns / 8;
  // A slab of rows that are summed up lies in one tile.
  const least = p.sums === null ? rowTile : slabRows;
  const most = Math.min(
    1280,
    Math.max(p.sums === null ? 4 * rowTile : slabRows, Math.floor(target / perRow / least) * least),
  );
  const rows = few ? fewRows : p.m.outer ? most : even(Math.max(1, p.m.size), most, least);
  const batches = one >= target ? 1 : Math.max(1, Math.min(batchSize, Math.floor(target / one)));
  const bPanel = depth * panel * bytes + 64;
  const bBlock = (columns / panel) * bPanel;
  return {
    batches,
    rows,
    columns,
    depth,
    steps,
    panel,
    few,
    unit: 4 * rowTile,
    bPanel,
    bBlock,
    aRow: roundUp(depth * bytes, 64) + 64,
    cRow: columns * bytes + 64,
    keepB: steps * bBlock <= packedMost + (64 << 10),
    cost: Math.max(50, Math.min(rows, rowsAll) * perRow * batches),
  };
};

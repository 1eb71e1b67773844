/** The gradient of attention: scores are computed again block by block, so that none are kept beyond one. */
import { bool, float32 } from "../../../core/dtype.js";
import type { AttentionSizes, Routine } from "../../../core/routine.js";
import type { Features } from "../../contract.js";
import type { Func, Module } from "../encoder.js";
import type { Ref } from "../lane-code.js";
import type { Ops } from "../ops.js";
import { Frame } from "../routines/frame.js";
import { loadScalar, loadVector, storeScalar, storeVector } from "../storage.js";
import { blocksOf, countsOf, Layout, panelOf, panelsOf, pitchOf } from "./blocks.js";
import { maskAt } from "./heads.js";
import { emitHide } from "./hide.js";
import { packAcross, packPanels, packRows } from "./pack.js";
import { emitRowsOut } from "./rows.js";
import { emitPull } from "./scores.js";
import { cost, type Int, Steps, type Tiles } from "./steps.js";
import { sweepsOf } from "./sweep.js";

type Gradient = Extract<Routine, { routine: "attentionGradient" }>;

/** Twelve arrays of a block and its scores twice stay in the L2 cache. */
const most = { queries: 120, keys: 128 } as const;

/** Chunks of keys for some sixteen tiles, each enough to be worth it; no more than four, for they cost memory. */
const chunksFor = (s: AttentionSizes): number => {
  const groups = Math.max(1, s.outer * s.batch * s.keyHeads);
  return Math.max(1, Math.min(4, Math.ceil(16 / groups), Math.floor(s.keys / 128)));
};

/** A function (args, tile, scratch) that adds up the chunks of one head, from shared memory to buffer `to`. */
const emitSum = (
  module: Module,
  features: Features,
  { dtype, queries, depth }: AttentionSizes,
  chunks: number,
  to: number,
): Func => {
  const func = module.func(["i32", "i32", "i32"]);
  const f = new Frame(func, features);
  const { code, one, four } = f;
  const size = queries * depth;
  const from = f.at(f.shared, f.tile, chunks * size * 4);
  const out = f.at(f.buffer(to), f.tile, size * dtype.size);
  const total = (o: Ops, load: (at: number) => Ref): Ref => {
    let sum = load(0);
    for (let c = 1; c < chunks; c++) sum = o.narrow.add(sum, load(4 * c * size));
    return sum;
  };
  const whole = size - (size % 4);
  code.loop(f.constant(0), f.constant(whole), 4, (i) => {
    const at = f.at(from, i, 4);
    const sum = total(four, (offset) => loadVector(four, float32, at, offset, true));
    storeVector(four, dtype, sum).all(f.at(out, i, dtype.size), 0);
  });
  code.loop(f.constant(whole), f.constant(size), 1, (i) => {
    const at = f.at(from, i, 4);
    const sum = total(one, (offset) => loadScalar(one, float32, at, offset, true));
    storeScalar(one, dtype, f.at(out, i, dtype.size), sum);
  });
  code.finish();
  return func;
};

/**
 * A tile is a chunk of the keys of one key head: it goes over all queries that read them, so that every result has one
 * writer. What the chunks contribute to the queries' gradient is added up in a second phase.
 */
export const gradientTiles = (module: Module, s: Gradient, features: Features): Tiles => {
  const { dtype, keyHeads, depth, width } = s;
  const chunks = chunksFor(s);
  const chunk = Math.ceil(s.keys / chunks);
  const blocks = blocksOf(s, chunk, most);
  const keyCounts = [...blocks.keyCounts, ...countsOf(s.keys - (chunks - 1) * chunk, blocks.keys)];
  const repeats = s.heads / keyHeads;
  const row = { depth: pitchOf(8 * panelsOf(depth)), width: pitchOf(8 * panelsOf(width)) };
  const panel = {
    depth: panelOf(depth),
    width: panelOf(width),
    queries: panelOf(blocks.queries),
    keys: panelOf(blocks.keys),
  };
  const pitch = pitchOf(blocks.keys);
  const layout = new Layout();

  const f = module.func(["i32", "i32", "i32"]);
  const x = new Steps(f);
  const zero = x.constant(0);
  const take = (bytes: number): Int => x.scratch(layout.take(bytes));
  const queries = take(blocks.queries * row.depth);
  const queryPanels = take(panelsOf(depth) * panel.queries);
  const outs = take(blocks.queries * row.width);
  const outPanels = take(panelsOf(width) * panel.queries);
  const keysAcross = take(panelsOf(blocks.keys) * panel.depth);
  const keyPanels = take(panelsOf(depth) * panel.keys);
  const valuesAcross = take(panelsOf(blocks.keys) * panel.width);
  const weights = take(blocks.queries * pitch);
  const cotangents = take(blocks.queries * pitch);
  const dQueries = take(blocks.queries * row.depth);
  const dKeys = take(blocks.keys * row.depth);
  const dValues = take(blocks.keys * row.width);

  const ofDepth = { dtype, columns: depth };
  const ofWidth = { dtype, columns: width };
  const packQueries = packRows(module, features, ofDepth, row.depth, s.scale);
  const packQueryPanels = packPanels(module, features, ofDepth, panel.queries, s.scale);
  const packOuts = packRows(module, features, ofWidth, row.width, 1);
  const packOutPanels = packPanels(module, features, ofWidth, panel.queries, 1);
  const packKeysAcross = packAcross(module, features, ofDepth, panel.depth);
  const packKeyPanels = packPanels(module, features, ofDepth, panel.keys, 1);
  const packValuesAcross = packAcross(module, features, ofWidth, panel.width);
  const sweep = sweepsOf(module, features);
  const along = { aStep: 4, cRow: pitch };
  const score = sweep({ ...along, aRow: row.depth, bPanel: panel.depth }, blocks.queryCounts);
  const weigh = sweep({ ...along, aRow: row.width, bPanel: panel.width }, blocks.queryCounts);
  const across = { aRow: 4, aStep: pitch, bPanel: panel.queries };
  const sumKeys = sweep({ ...across, cRow: row.depth }, keyCounts);
  const sumValues = sweep({ ...across, cRow: row.width }, keyCounts);
  const sumQueries = sweep(
    { aRow: pitch, aStep: 4, bPanel: panel.keys, cRow: row.depth },
    blocks.queryCounts,
  );
  const hidden = s.causal || s.mask !== null;
  const hide = hidden ? emitHide(module, features, s, pitch, "scores") : null;
  // Where a row sees nothing, hidden scores have weights.
  const blank = s.mask?.dtype === bool || (s.causal && s.queries > s.keys);
  const clear = blank ? emitHide(module, features, s, pitch, "cotangents") : null;
  const pull = emitPull(module, features, pitch);
  const addQueries = emitRowsOut(
    module,
    features,
    { dtype: float32, columns: depth },
    row.depth,
    s.scale,
  );
  const storeKeys = emitRowsOut(module, features, ofDepth, row.depth, null);
  const storeValues = emitRowsOut(module, features, ofWidth, row.width, null);

  /** One chunk of floats needs no adding up. */
  const direct = chunks === 1 && dtype === float32;
  const [tops = 0, totals = 0, outCotangents = 0, deltas = 0, dq = 0, dk = 0, dv = 0] = Array.from(
    { length: 7 },
    (_, i) => (s.mask === null ? 3 : 4) + i,
  );
  const at = (buffer: number, index: Int, columns: number, bytes = dtype.size): Int =>
    x.place(buffer, index, columns * bytes);
  const part = x.keep(x.rest(x.tile, chunks));
  const keyHead = x.keep(x.quotient(x.tile, chunks));
  const from = x.keep(x.times(part, chunk));
  const to = x.keep(x.least(x.add(from, x.constant(chunk)), x.constant(s.keys)));
  const firstHead = x.keep(x.times(keyHead, repeats));
  const endHead = x.keep(x.add(firstHead, x.constant(repeats)));
  /** Where a row of the part that a tile contributes to a head's queries is. */
  const partOf = (head: Int, query: Int): Int => {
    const first = x.times(x.add(x.times(head, chunks), part), s.queries);
    const row = x.times(x.add(first, query), 4 * depth);
    return direct ? x.add(x.place(dq, zero, 4), row) : x.add(x.shared, row);
  };
  x.blocks(firstHead, endHead, 1, (head) => {
    x.zero(partOf(head, zero), s.queries * depth * 4);
  });
  x.blocks(from, to, blocks.keys, (column, columns) => {
    const key = x.keep(x.add(x.times(keyHead, s.keys), column));
    x.call(packKeysAcross, at(1, key, depth), keysAcross, columns);
    x.call(packKeyPanels, at(1, key, depth), keyPanels, columns);
    x.call(packValuesAcross, at(2, key, width), valuesAcross, columns);
    x.zero(dKeys, blocks.keys * row.depth);
    x.zero(dValues, blocks.keys * row.width);
    const panels = x.keep(x.quotient(x.add(columns, x.constant(7)), 8));
    x.blocks(firstHead, endHead, 1, (head) => {
      const mask = s.mask === null ? zero : x.keep(maskAt(x, s, 3, head));
      // The first query that sees a key of the block; rows that see nothing see every key alike.
      const sees = x.sub(column, x.constant(s.keys - s.queries));
      const skips = s.causal && s.queries <= s.keys;
      const start = skips
        ? x.times(x.quotient(x.most(sees, zero), blocks.queries), blocks.queries)
        : zero;
      x.blocks(start, x.constant(s.queries), blocks.queries, (query, rows) => {
        const first = x.keep(x.add(x.times(head, s.queries), query));
        x.call(packQueries, at(0, first, depth), queries, rows);
        x.call(packQueryPanels, at(0, first, depth), queryPanels, rows);
        x.call(packOuts, at(outCotangents, first, width), outs, rows);
        x.call(packOutPanels, at(outCotangents, first, width), outPanels, rows);
        const fresh = x.constant(1);
        x.call(score, queries, keysAcross, weights, rows, x.constant(depth), panels, fresh);
        if (hide !== null) {
          const hides = (): void => x.call(hide, weights, mask, query, column, rows, columns);
          const edge = x.add(query, x.constant(s.keys - s.queries + 1));
          if (s.mask !== null) hides();
          else x.if(x.less(edge, x.add(column, columns)), hides);
        }
        x.call(weigh, outs, valuesAcross, cotangents, rows, x.constant(width), panels, fresh);
        const scalars = [tops, totals, deltas].map((b) => at(b, first, 1, 4));
        x.call(pull, weights, cotangents, ...scalars, rows, columns);
        if (clear !== null) x.call(clear, cotangents, mask, query, column, rows, columns);
        const [deep, wide] = [x.constant(panelsOf(depth)), x.constant(panelsOf(width))];
        x.call(sumValues, weights, outPanels, dValues, columns, rows, wide, zero);
        x.call(sumKeys, cotangents, queryPanels, dKeys, columns, rows, deep, zero);
        x.call(sumQueries, cotangents, keyPanels, dQueries, rows, columns, deep, fresh);
        x.call(addQueries, dQueries, partOf(head, query), rows);
      });
    });
    x.call(storeKeys, dKeys, at(dk, key, depth), columns);
    x.call(storeValues, dValues, at(dv, key, width), columns);
  });
  const size = chunk * s.queries * repeats * (s.causal ? 0.5 : 1);
  const heads = s.outer * s.batch * s.heads;
  const products = {
    tile: f,
    tiles: s.outer * s.batch * keyHeads * chunks,
    tileCost: size * ((3 * depth + 2 * width) * cost.product + cost.score),
  };
  const sums = {
    tile: emitSum(module, features, s, chunks, dq),
    tiles: heads,
    tileCost: s.queries * depth * chunks * cost.sum,
  };
  return {
    phases: direct ? [products] : [products, sums],
    scratchBytes: layout.total,
    sharedBytes: direct ? 0 : heads * chunks * s.queries * depth * 4,
  };
};

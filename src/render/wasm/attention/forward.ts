/** Attention, block by block: the softmax of a row goes on from key block to key block, no scores are kept beyond one. */
import type { Routine } from "../../../core/routine.js";
import type { Features } from "../../contract.js";
import type { Module } from "../encoder.js";
import { blocksOf, Layout, panelOf, panelsOf, pitchOf } from "./blocks.js";
import { maskAt, sinkAt } from "./heads.js";
import { emitHide } from "./hide.js";
import { packAcross, packPanels, packRows, panelLine } from "./pack.js";
import { emitFinishRows, emitStart, emitWeigh } from "./scores.js";
import { cost, Steps, type Tiles } from "./steps.js";
import { sweepsOf } from "./sweep.js";

type Attention = Extract<Routine, { routine: "attention" }>;

/** A tile is a block of queries of one head. */
export const forwardTiles = (module: Module, s: Attention, features: Features): Tiles => {
  const { dtype, heads, keyHeads, depth, width } = s;
  const blocks = blocksOf(s);
  const repeats = heads / keyHeads;
  const pitch = {
    query: pitchOf(depth),
    key: panelOf(depth),
    value: panelOf(blocks.keys),
    score: pitchOf(blocks.keys),
    out: pitchOf(panelsOf(width) * 8),
  };
  const layout = new Layout();
  const [query, key, value, score, out, running] = [
    blocks.queries * pitch.query,
    panelsOf(blocks.keys) * pitch.key,
    panelsOf(width) * pitch.value,
    blocks.queries * pitch.score,
    blocks.queries * pitch.out,
    8 * blocks.queries,
  ].map((bytes) => layout.take(bytes));
  const at = {
    pitch: pitch.score,
    outPitch: pitch.out,
    outBytes: panelsOf(width) * panelLine,
    total: 4 * blocks.queries,
  };
  const buffers = { mask: 3, sinks: s.mask === null ? 3 : 4 };
  const results = buffers.sinks + (s.sinks ? 1 : 0);

  const packQueries = packRows(module, features, { dtype, columns: depth }, pitch.query, s.scale);
  const packKeys = packAcross(module, features, { dtype, columns: depth }, pitch.key);
  const packValues = packPanels(module, features, { dtype, columns: width }, pitch.value, 1);
  const sweep = sweepsOf(module, features);
  const scores = sweep(
    { aRow: pitch.query, aStep: 4, bPanel: pitch.key, cRow: pitch.score },
    blocks.queryCounts,
  );
  const mix = sweep(
    { aRow: pitch.score, aStep: 4, bPanel: pitch.value, cRow: pitch.out },
    blocks.queryCounts,
  );
  const hide =
    s.causal || s.mask !== null ? emitHide(module, features, s, pitch.score, "scores") : null;
  const start = emitStart(module, features, s.sinks, at.total);
  const weigh = emitWeigh(module, features, at);
  const finish = emitFinishRows(module, features, s, at);

  const f = module.func(["i32", "i32", "i32"]);
  const x = new Steps(f);
  const zero = x.constant(0);
  const places = [query, key, value, score, out, running].map((o = 0) => x.scratch(o));
  const [queryAt = zero, keyAt = zero, valueAt = zero, scoreAt = zero, outAt = zero, runAt = zero] =
    places;
  // Under a causal mask late queries see more keys: they go first.
  const last = x.constant(blocks.queryBlocks - 1);
  const row = x.keep(x.times(x.sub(last, x.rest(x.tile, blocks.queryBlocks)), blocks.queries));
  const head = x.keep(x.quotient(x.tile, blocks.queryBlocks));
  const rows = x.keep(x.least(x.constant(blocks.queries), x.sub(x.constant(s.queries), row)));
  const first = x.keep(x.add(x.times(head, s.queries), row));
  const keyHead = x.keep(x.times(x.quotient(head, repeats), s.keys));
  const mask = s.mask === null ? zero : x.keep(maskAt(x, s, buffers.mask, head));

  x.call(packQueries, x.place(0, first, depth * dtype.size), queryAt, rows);
  x.zero(outAt, blocks.queries * pitch.out);
  x.call(start, runAt, s.sinks ? sinkAt(x, s, buffers.sinks, head) : zero, rows);
  // Rows that see nothing see every key alike, so that no block may be left out for them.
  const own = x.add(row, x.constant(s.keys - s.queries));
  const all = x.constant(s.keys);
  const skips = s.causal && s.queries <= s.keys;
  const end = skips ? x.keep(x.least(all, x.add(own, rows))) : all;
  x.blocks(zero, end, blocks.keys, (column, columns) => {
    const from = x.keep(x.add(keyHead, column));
    x.call(packKeys, x.place(1, from, depth * dtype.size), keyAt, columns);
    x.call(packValues, x.place(2, from, width * dtype.size), valueAt, columns);
    const panels = x.quotient(x.add(columns, x.constant(7)), 8);
    x.call(scores, queryAt, keyAt, scoreAt, rows, x.constant(depth), panels, x.constant(1));
    if (hide !== null) {
      const hides = (): void => x.call(hide, scoreAt, mask, row, column, rows, columns);
      if (s.mask !== null) hides();
      else x.if(x.less(x.add(own, x.constant(1)), x.add(column, columns)), hides);
    }
    x.call(weigh, scoreAt, outAt, runAt, rows, columns);
    const outPanels = x.constant(panelsOf(width));
    x.call(mix, scoreAt, valueAt, outAt, rows, columns, outPanels, zero);
  });
  x.call(
    finish,
    outAt,
    runAt,
    x.place(results, first, width * dtype.size),
    x.place(results + 1, first, 4),
    x.place(results + 2, first, 4),
    rows,
  );
  const size = Math.min(s.queries, blocks.queries) * s.keys * (s.causal ? 0.5 : 1);
  const phase = {
    tile: f,
    tiles: s.outer * s.batch * heads * blocks.queryBlocks,
    tileCost: size * ((depth + width) * cost.product + cost.score),
  };
  return { phases: [phase], scratchBytes: layout.total, sharedBytes: 0 };
};

/** The softmax of a block's rows, which goes on from key block to key block. */
import type { AttentionSizes } from "../../../core/routine.js";
import type { Features } from "../../contract.js";
import type { Func, Module } from "../encoder.js";
import type { Ref } from "../lane-code.js";
import { expSmall } from "../math/exp.js";
import type { Ops } from "../ops.js";
import { Frame } from "../routines/frame.js";
import { storeScalar, storeVector } from "../storage.js";
import { panelColumns } from "./pack.js";

/** From here on e^x is below the normal numbers, and the power of two it is a multiple of becomes 0. */
const vanishing = -88;
const scoreColumns = 16;

/** e^x for the x of a softmax, NaN for NaN. */
const weight = (o: Ops, x: Ref): Ref => {
  const l = o.narrow;
  return expSmall(l, l.atLeast(x, l.constant(vanishing)));
};

/** The largest of a vector's lanes, in all of them; NaNs lose. */
const largest = (f: Frame, v: Ref): Ref => {
  const { code } = f;
  const halves = code.lane(
    "i8x16.shuffle",
    [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7],
    v,
    v,
  );
  const pairs = code.op("f32x4.pmax", v, halves);
  const swapped = code.lane(
    "i8x16.shuffle",
    [4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11],
    pairs,
    pairs,
  );
  return code.op("f32x4.pmax", pairs, swapped);
};

const summed = (f: Frame, v: Ref): Ref => {
  const { code } = f;
  const lane = (i: number): Ref => code.lane("f32x4.extract_lane", [i], v);
  const add = (a: Ref, b: Ref): Ref => code.op("f32.add", a, b);
  return add(add(lane(0), lane(2)), add(lane(1), lane(3)));
};

/** Where the running extremes and sums of a block's rows lie: `top` and `total`, one float per row. */
export interface Running {
  readonly pitch: number;
  readonly outPitch: number;
  /** Bytes of a row of sums to be scaled. */
  readonly outBytes: number;
  /** Bytes from `top` to `total`. */
  readonly total: number;
}

/** A function (running, sink, rows) for rows that have seen nothing, or a sink at an address. */
export const emitStart = (
  module: Module,
  features: Features,
  sinks: boolean,
  total: number,
): Func => {
  const func = module.func(["i32", "i32", "i32"]);
  const f = new Frame(func, features);
  const { code } = f;
  const [running = 0, sink = 0, rows = 0] = [0, 1, 2].map((i) => code.param(i));
  const top = sinks ? code.load("f32.load", sink) : code.f32(Number.NEGATIVE_INFINITY);
  code.loop(f.constant(0), rows, 1, (r) => {
    code.store("f32.store", f.at(running, r, 4), top);
    code.store("f32.store", f.at(running, r, 4), code.f32(sinks ? 1 : 0), total);
  });
  code.finish();
  return func;
};

/**
 * A function (scores, sums, running, rows, columns): scores become weights e^(score − top) with `top` the largest score of
 * the row so far; `total` and the weighted sums of former blocks are scaled to it, and `total` grows by the weights.
 */
export const emitWeigh = (module: Module, features: Features, at: Running): Func => {
  const func = module.func(["i32", "i32", "i32", "i32", "i32"]);
  const f = new Frame(func, features);
  const { code, four } = f;
  const [scores = 0, sums = 0, running = 0, rows = 0, columns = 0] = [0, 1, 2, 3, 4].map((i) =>
    code.param(i),
  );
  const l = four.narrow;
  const none = f.one.narrow.constant(Number.NEGATIVE_INFINITY);
  const padded = code.op(
    "i32.and",
    f.add(columns, f.constant(scoreColumns - 1)),
    f.constant(-scoreColumns),
  );
  const parts = [0, 16, 32, 48];
  code.loop(f.constant(0), rows, 1, (r) => {
    const line = f.at(scores, r, at.pitch);
    const own = f.at(running, r, 4);
    code.loop(columns, padded, 1, (c) => code.store("f32.store", f.at(line, c, 4), none));
    const before = code.load("f32.load", own, 0, true);
    code.pin(before);
    const tops = parts.map(() => code.variable(code.op("f32x4.splat", before)));
    code.loop(f.constant(0), padded, scoreColumns, (c) => {
      const from = f.at(line, c, 4);
      tops.forEach((top, i) => {
        const score = code.load("v128.load", from, parts[i], true);
        code.set(top, code.op("f32x4.pmax", code.get(top), score));
      });
    });
    const [a = 0, b = 0, c = 0, d = 0] = tops.map((t) => code.get(t));
    const pmax = (x: Ref, y: Ref): Ref => code.op("f32x4.pmax", x, y);
    const top = code.lane("f32x4.extract_lane", [0], largest(f, pmax(pmax(a, b), pmax(c, d))));
    code.pin(top);
    // Scores that are all −∞ so far weigh nothing.
    const finite = code.select(code.op("f32.eq", top, none), code.f32(0), top);
    const shift = code.op("f32x4.splat", finite);
    code.pin(shift);
    code.if(code.op("f32.ne", top, before), () => {
      const scale = weight(four, l.sub(code.op("f32x4.splat", before), shift));
      code.pin(scale);
      const total = code.load("f32.load", own, at.total, true);
      const first = code.lane("f32x4.extract_lane", [0], scale);
      code.store("f32.store", own, top);
      code.store("f32.store", own, code.op("f32.mul", total, first), at.total);
      const out = f.at(sums, r, at.outPitch);
      code.loop(f.constant(0), f.constant(at.outBytes), 16, (o) => {
        const to = f.add(out, o);
        code.store("v128.store", to, l.mul(code.load("v128.load", to, 0, true), scale));
      });
    });
    const totals = [0, 1].map(() => code.variable(l.constant(0)));
    code.loop(f.constant(0), padded, panelColumns, (c) => {
      const to = f.at(line, c, 4);
      totals.forEach((total, i) => {
        const w = weight(four, l.sub(code.load("v128.load", to, 16 * i, true), shift));
        code.store("v128.store", to, w, 16 * i);
        code.set(total, l.add(code.get(total), w));
      });
    });
    const [low = 0, high = 0] = totals.map((t) => code.get(t));
    const old = code.load("f32.load", own, at.total, true);
    code.store("f32.store", own, code.op("f32.add", old, summed(f, l.add(low, high))), at.total);
  });
  code.finish();
  return func;
};

/** A function (sums, running, out, tops, totals, rows) that divides the sums and stores them and the rows' scalars. */
export const emitFinishRows = (
  module: Module,
  features: Features,
  s: AttentionSizes,
  at: Running,
): Func => {
  const func = module.func(["i32", "i32", "i32", "i32", "i32", "i32"]);
  const f = new Frame(func, features);
  const { code, one, four } = f;
  const [sums = 0, running = 0, out = 0, tops = 0, totals = 0, rows = 0] = [0, 1, 2, 3, 4, 5].map(
    (i) => code.param(i),
  );
  const { dtype, width } = s;
  const whole = width - (width % 4);
  code.loop(f.constant(0), rows, 1, (r) => {
    const own = f.at(running, r, 4);
    const total = code.load("f32.load", own, at.total, true);
    code.pin(total);
    const from = f.at(sums, r, at.outPitch);
    const to = f.at(out, r, width * dtype.size);
    code.store("f32.store", f.at(tops, r, 4), code.load("f32.load", own, 0, true));
    code.store("f32.store", f.at(totals, r, 4), total);
    const all = code.op("f32x4.splat", total);
    code.loop(f.constant(0), f.constant(whole), 4, (c) => {
      const sum = code.load("v128.load", f.at(from, c, 4), 0, true);
      storeVector(four, dtype, four.narrow.div(sum, all)).all(f.at(to, c, dtype.size), 0);
    });
    for (let c = whole; c < width; c++) {
      const sum = code.load("f32.load", from, 4 * c, true);
      storeScalar(one, dtype, to, code.op("f32.div", sum, total), c * dtype.size);
    }
  });
  code.finish();
  return func;
};

/**
 * A function (scores, cotangents, tops, totals, deltas, rows, columns): scores become weights p, and cotangents g of
 * weights those of scores, p · (g − delta).
 */
export const emitPull = (module: Module, features: Features, pitch: number): Func => {
  const func = module.func(["i32", "i32", "i32", "i32", "i32", "i32", "i32"]);
  const f = new Frame(func, features);
  const { code, four } = f;
  const [scores = 0, cotangents = 0, tops = 0, totals = 0, deltas = 0, rows = 0, columns = 0] = [
    0, 1, 2, 3, 4, 5, 6,
  ].map((i) => code.param(i));
  const l = four.narrow;
  code.loop(f.constant(0), rows, 1, (r) => {
    const line = f.at(scores, r, pitch);
    const other = f.at(cotangents, r, pitch);
    const scalar = (base: Ref): Ref => code.load("f32.load", f.at(base, r, 4), 0, true);
    const shift = code.op("f32x4.splat", scalar(tops));
    const scale = code.op("f32x4.splat", code.op("f32.div", code.f32(1), scalar(totals)));
    const delta = code.op("f32x4.splat", scalar(deltas));
    for (const v of [shift, scale, delta]) code.pin(v);
    code.loop(f.constant(0), columns, panelColumns, (c) => {
      const [to, at] = [f.at(line, c, 4), f.at(other, c, 4)];
      for (const offset of [0, 16]) {
        const w = weight(four, l.sub(code.load("v128.load", to, offset, true), shift));
        const p = l.mul(w, scale);
        const g = code.load("v128.load", at, offset, true);
        code.store("v128.store", to, p, offset);
        code.store("v128.store", at, l.mul(p, l.sub(g, delta)), offset);
      }
    });
  });
  code.finish();
  return func;
};

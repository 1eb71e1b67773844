/** What attention and its gradient mean, row by row in doubles: the reference that every renderer is compared with. */
import { bool, float32 } from "../core/dtype.js";
import { InternalError } from "../core/errors.js";
import type { AttentionSizes, Routine } from "../core/routine.js";
import { type Cells, cellsOf } from "./cells.js";

type Numbers = Pick<Cells<number>, "get" | "set">;

/** What stands for a hidden score. */
const lowest = -(2 - 2 ** -23) * 2 ** 127;

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const pick = <T>(list: readonly T[], i: number): T => {
  const item = list[i];
  if (item === undefined) throw new InternalError(`[attention] expected a buffer ${i}`);
  return item;
};

/** One row of queries: where it is, and where its keys begin. */
interface Row {
  readonly outer: number;
  readonly batch: number;
  readonly head: number;
  readonly query: number;
  /** Numbers of the row and of the first key among all. */
  readonly at: number;
  readonly keys: number;
}

const eachRow = (s: AttentionSizes, visit: (row: Row) => void): void => {
  const repeats = s.heads / s.keyHeads;
  let at = 0;
  for (let outer = 0; outer < s.outer; outer++)
    for (let batch = 0; batch < s.batch; batch++)
      for (let head = 0; head < s.heads; head++)
        for (let query = 0; query < s.queries; query++) {
          const keyHead = (outer * s.batch + batch) * s.keyHeads + Math.floor(head / repeats);
          visit({ outer, batch, head, query, at: at++, keys: keyHead * s.keys });
        }
};

const dot = (a: Numbers, i: number, b: Numbers, j: number, n: number): number => {
  let sum = 0;
  for (let c = 0; c < n; c++) sum += a.get(i * n + c) * b.get(j * n + c);
  return sum;
};

/** The scores of a row, and which of them are hidden. */
const scoresOf = (
  s: AttentionSizes,
  row: Row,
  [q, k, mask]: readonly [Numbers, Numbers, Numbers | null],
): { scores: number[]; hidden: boolean[] } => {
  const hidden: boolean[] = [];
  const scores = Array.from({ length: s.keys }, (_, j) => {
    let score = s.scale * dot(q, row.at, k, row.keys + j, s.depth);
    hidden[j] = s.causal && j > row.query + s.keys - s.queries;
    if (mask !== null && s.mask !== null) {
      const place = [row.batch, row.head, row.query, j];
      const at = s.mask.shape.reduce(
        (flat, size, d) => flat * size + (size === 1 ? 0 : (place[d] ?? 0)),
        row.outer,
      );
      const value = Number(mask.get(at));
      if (s.mask.dtype !== bool) score += value;
      else if (value === 0) hidden[j] = true;
    }
    return hidden[j] === true ? lowest : score;
  });
  return { scores, hidden };
};

const forward = (
  s: Extract<Routine, { routine: "attention" }>,
  inputs: readonly [Numbers, Numbers, Numbers | null],
  v: Numbers,
  sinks: Numbers | null,
  [out, tops, totals]: readonly [Numbers, Numbers, Numbers],
): void => {
  eachRow(s, (row) => {
    const { scores } = scoresOf(s, row, inputs);
    const sink = sinks === null ? null : sinks.get(row.outer * s.heads + row.head);
    const top = Math.max(...scores, ...(sink === null ? [] : [sink]));
    const weights = scores.map((score) => Math.exp(score - top));
    let total = sink === null ? 0 : Math.exp(sink - top);
    for (const w of weights) total += w;
    tops.set(row.at, top);
    totals.set(row.at, total);
    for (let c = 0; c < s.width; c++) {
      let sum = 0;
      weights.forEach((w, j) => {
        sum += w * v.get((row.keys + j) * s.width + c);
      });
      out.set(row.at * s.width + c, sum / total);
    }
  });
};

const gradient = (
  s: Extract<Routine, { routine: "attentionGradient" }>,
  inputs: readonly [Numbers, Numbers, Numbers | null],
  [v, top, total, g, delta]: readonly [Numbers, Numbers, Numbers, Numbers, Numbers],
  [dq, dk, dv]: readonly [Numbers, Numbers, Numbers],
): void => {
  const { depth, width } = s;
  const [q, k] = inputs;
  const all = s.outer * s.batch * s.keyHeads * s.keys;
  const [sumK, sumV] = [new Float64Array(all * depth), new Float64Array(all * width)];
  const add = (list: Float64Array, i: number, x: number): void => {
    list[i] = (list[i] ?? 0) + x;
  };
  eachRow(s, (row) => {
    const { scores, hidden } = scoresOf(s, row, inputs);
    const sumQ = new Float64Array(depth);
    scores.forEach((score, j) => {
      const key = row.keys + j;
      const p = Math.exp(score - top.get(row.at)) / total.get(row.at);
      for (let c = 0; c < width; c++) add(sumV, key * width + c, p * g.get(row.at * width + c));
      if (hidden[j] === true) return;
      const ds = s.scale * p * (dot(g, row.at, v, key, width) - delta.get(row.at));
      for (let c = 0; c < depth; c++) {
        add(sumQ, c, ds * k.get(key * depth + c));
        add(sumK, key * depth + c, ds * q.get(row.at * depth + c));
      }
    });
    sumQ.forEach((x, c) => {
      dq.set(row.at * depth + c, x);
    });
  });
  sumK.forEach((x, i) => {
    dk.set(i, x);
  });
  sumV.forEach((x, i) => {
    dv.set(i, x);
  });
};

/** Runs attention or its gradient on its buffers, as `Routine` lists them. */
export const interpretAttention = (
  r: Extract<Routine, { routine: "attention" | "attentionGradient" }>,
  buffers: readonly Uint8Array[],
): void => {
  let next = 0;
  const take = (dtype = r.dtype): Numbers => cellsOf.plain(dtype, viewOf(pick(buffers, next++)));
  const [q, k, v] = [take(), take(), take()];
  const mask = r.mask === null ? null : take(r.mask.dtype);
  if (r.routine === "attention") {
    const sinks = r.sinks ? take(float32) : null;
    forward(r, [q, k, mask], v, sinks, [take(), take(float32), take(float32)]);
    return;
  }
  const [top, total, g, delta] = [take(float32), take(float32), take(), take(float32)];
  gradient(r, [q, k, mask], [v, top, total, g, delta], [take(), take(), take()]);
};

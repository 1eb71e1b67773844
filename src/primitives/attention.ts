/** Attention: products of softmax weights with values, whose scores are never stored, and its gradient. */
import { bool, type DType, float32, float64, int32 } from "../core/dtype.js";
import { DTypeError, ShapeError } from "../core/errors.js";
import { promote } from "../core/promotion.js";
import type { AttentionSizes, Routine } from "../core/routine.js";
import { bindAll } from "../graph/bind.js";
import type { KeySink } from "../graph/lowering.js";
import { type Aval, type Node, type Shape, sizeOf } from "../graph/node.js";
import { define, type Primitive, type Reverse } from "../graph/primitive.js";
import { add, divide, maximum, multiply, negative, scale, subtract } from "./arithmetic.js";
import { broadcast, reshape, sum } from "./broadcast-sum.js";
import { cast } from "./cast.js";
import { lessEqual, select } from "./compare-select.js";
import { constantLike, iota, zerosLike } from "./constant.js";
import { exp } from "./exp-log.js";
import { max } from "./extremum.js";
import { at, same } from "./families/operands.js";
import { matmul } from "./matmul.js";
import { transposeLast } from "./permute.js";
import { stopGradient } from "./stop-gradient.js";

/** What attention does beside its operands. */
export interface AttentionAttrs {
  readonly scale: number;
  /** A query sees keys up to its own position, the last query the last key. */
  readonly causal: boolean;
  /** Whether a mask follows the values: boolean, or added to the scores. */
  readonly mask: boolean;
  /** Whether sinks come last. */
  readonly sinks: boolean;
}

/** What the gradient needs of it. */
export type AttentionGradientAttrs = Omit<AttentionAttrs, "sinks">;

type Masking = AttentionGradientAttrs;

interface Sizes {
  readonly lead: Shape;
  readonly batch: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly repeats: number;
  readonly queries: number;
  readonly keys: number;
  readonly depth: number;
  readonly width: number;
}

/** Operands have the same leading axes before [batch, heads, rows, channels]. */
const sizesOf = (ins: readonly Aval[]): Sizes => {
  const [q, k, v] = [at(ins, 0).shape, at(ins, 1).shape, at(ins, 2).shape];
  const [batch = 0, heads = 0, queries = 0, depth = 0] = q.slice(-4);
  const [keyHeads = 1, keys = 0] = k.slice(-3);
  const repeats = heads / keyHeads;
  const width = v.at(-1) ?? 0;
  return { lead: q.slice(0, -4), batch, heads, keyHeads, repeats, queries, keys, depth, width };
};

/** Axes of [..., batch, key heads, query heads per key head, queries, last]. */
const grouped = (s: Sizes, last: number): number[] => [
  ...s.lead,
  s.batch,
  s.keyHeads,
  s.repeats,
  s.queries,
  last,
];

/** The query heads of a key head as further rows of it. */
const folded = (x: Node, s: Sizes): Node =>
  reshape(x, [
    ...s.lead,
    s.batch,
    s.keyHeads,
    s.repeats * s.queries,
    at(x.shape, x.shape.length - 1),
  ]);

/** One number per query, repeated over the keys. */
const overKeys = (x: Node, s: Sizes): Node =>
  broadcast(reshape(x, grouped(s, 1)), grouped(s, s.keys));

const lowest = (d: DType): number =>
  d === float64 ? -Number.MAX_VALUE : -(2 - 2 ** -23) * 2 ** 127;

/** A mask over scores of shape {@link grouped}. */
const maskOver = (mask: Node, s: Sizes): Node => {
  const [b = 1, h = 1, r = 1, c = 1] = mask.shape.slice(-4);
  const heads = h === 1 ? [1, 1] : [s.keyHeads, s.repeats];
  return broadcast(reshape(mask, [...s.lead, b, ...heads, r, c]), grouped(s, s.keys));
};

/** The inverse of {@link maskOver}, for cotangents. */
const unmask = (x: Node, mask: Node, s: Sizes): Node => {
  const rank = s.lead.length;
  const [b = 1, h = 1, r = 1, c = 1] = mask.shape.slice(-4);
  const axes: number[] = [];
  if (b === 1) axes.push(rank);
  if (h === 1) axes.push(rank + 1, rank + 2);
  if (r === 1) axes.push(rank + 3);
  if (c === 1) axes.push(rank + 4);
  return cast(reshape(sum(x, axes), mask.shape), mask.dtype);
};

/** What a causal or boolean mask hides of `x`, of shape {@link grouped}, becomes `hidden`. */
const hide = (x: Node, mask: Node | null, attrs: Masking, s: Sizes, hidden: number): Node => {
  let y = x;
  if (attrs.causal) {
    // From positions alone: nothing is stored.
    const rank = x.shape.length;
    const row = iota(x.shape, rank - 2, int32);
    const column = iota(x.shape, rank - 1, int32);
    const seen = lessEqual(column, add(row, constantLike(row, s.keys - s.queries)));
    y = select(seen, y, constantLike(x, hidden));
  }
  if (mask === null || mask.dtype !== bool) return y;
  return select(maskOver(mask, s), y, constantLike(x, hidden));
};

/** Scores of shape {@link grouped}, in float32 at least. */
const scoresOf = (ins: readonly Node[], attrs: Masking, s: Sizes): Node => {
  const q = at(ins, 0);
  const wide = promote(q.dtype, float32);
  const mask = attrs.mask ? at(ins, 3) : null;
  const product = matmul(folded(cast(q, wide), s), transposeLast(cast(at(ins, 1), wide)));
  const scores = scale(reshape(product, grouped(s, s.keys)), attrs.scale);
  const added =
    mask === null || mask.dtype === bool ? scores : add(scores, cast(maskOver(mask, s), wide));
  return hide(added, mask, attrs, s, lowest(wide));
};

/** Sinks, one per head, as one more score of shape {@link grouped}. */
const sinkOver = (sinks: Node, s: Sizes): Node =>
  broadcast(reshape(sinks, [...s.lead, 1, s.keyHeads, s.repeats, 1, 1]), grouped(s, 1));

/** The parts of attention by other primitives: its result, and per query the largest score and the sum of weights. */
const attentionParts = (ins: readonly Node[], attrs: AttentionAttrs): readonly Node[] => {
  const s = sizesOf(ins);
  const q = at(ins, 0);
  const scores = scoresOf(ins, attrs, s);
  const wide = scores.dtype;
  const sink = attrs.sinks ? sinkOver(cast(at(ins, ins.length - 1), wide), s) : null;
  const axis = scores.shape.length - 1;
  const none = zerosLike({ shape: grouped(s, 1), dtype: wide });
  const largest = s.keys === 0 ? none : reshape(max(scores, [axis]), grouped(s, 1));
  // Weights are quotients in which it cancels.
  const top = stopGradient(sink === null ? largest : maximum(largest, sink));
  const e = exp(subtract(scores, broadcast(top, scores.shape)));
  const sums = reshape(sum(e, [axis]), grouped(s, 1));
  const total = sink === null ? sums : add(sums, exp(subtract(sink, top)));
  const weights = divide(e, broadcast(total, e.shape));
  const flat = reshape(weights, [...s.lead, s.batch, s.keyHeads, s.repeats * s.queries, s.keys]);
  const mixed = matmul(flat, cast(at(ins, 2), wide));
  const rows = [...s.lead, s.batch, s.heads, s.queries];
  return [
    cast(reshape(mixed, [...rows, s.width]), q.dtype),
    reshape(top, rows),
    reshape(total, rows),
  ];
};

/** Weights and cotangents of scores, of shape {@link grouped}, of one step backwards. */
const weightsBack = (
  ins: readonly Node[],
  attrs: Masking,
  [top, total, g, delta]: readonly [Node, Node, Node, Node],
): readonly [weights: Node, cotangents: Node] => {
  const s = sizesOf(ins);
  const e = exp(subtract(scoresOf(ins, attrs, s), overKeys(top, s)));
  const weights = divide(e, overKeys(total, s));
  const wide = e.dtype;
  const values = transposeLast(cast(at(ins, 2), wide));
  const back = reshape(matmul(folded(cast(g, wide), s), values), grouped(s, s.keys));
  const raw = multiply(weights, subtract(back, overKeys(delta, s)));
  return [weights, hide(raw, attrs.mask ? at(ins, 3) : null, attrs, s, 0)];
};

const gradientOperands = (
  ins: readonly Node[],
  attrs: AttentionGradientAttrs,
): readonly [top: Node, total: Node, g: Node, delta: Node] => {
  const first = attrs.mask ? 4 : 3;
  return [at(ins, first), at(ins, first + 1), at(ins, first + 2), at(ins, first + 3)];
};

const gradientParts = (ins: readonly Node[], attrs: AttentionGradientAttrs): readonly Node[] => {
  const s = sizesOf(ins);
  const others = gradientOperands(ins, attrs);
  const [q, k] = [at(ins, 0), at(ins, 1)];
  const [weights, raw] = weightsBack(ins, attrs, others);
  const wide = weights.dtype;
  const ds = scale(raw, attrs.scale);
  const keyed = (x: Node): Node =>
    reshape(x, [...s.lead, s.batch, s.keyHeads, s.repeats * s.queries, s.keys]);
  const across = (x: Node): Node => transposeLast(keyed(x));
  return [
    cast(reshape(matmul(keyed(ds), cast(k, wide)), q.shape), q.dtype),
    cast(matmul(across(ds), folded(cast(q, wide), s)), q.dtype),
    cast(matmul(across(weights), folded(cast(others[2], wide), s)), q.dtype),
  ];
};

/** Runs over the keys once more, and streams as attention itself does; only masks need all cotangents of scores. */
const reverse: Reverse<AttentionAttrs> = {
  why: "speed",
  pull(cts, { ins, outs, attrs }) {
    const [g = null, , gTotal = null] = cts;
    const s = sizesOf(ins);
    const [out, top, total] = [at(outs, 0), at(outs, 1), at(outs, 2)];
    if (g === null && gTotal === null) return ins.map(() => null);
    const gOut = g ?? zerosLike(out);
    const own = sum(multiply(cast(gOut, float32), cast(out, float32)), [out.shape.length - 1]);
    const delta = gTotal === null ? own : subtract(own, multiply(total, gTotal));
    const { scale, causal, mask, sinks } = attrs;
    const masking = { scale, causal, mask };
    const operands = ins.slice(0, mask ? 4 : 3);
    const pulled: (Node | null)[] = [
      ...bindAll(attentionGradientP, [...operands, top, total, gOut, delta], masking),
    ];
    if (mask) {
      const m = at(ins, 3);
      // By other primitives, with all scores in memory: computed only where someone asks for it.
      const back =
        m.dtype === bool ? null : weightsBack(ins, masking, [top, total, gOut, delta])[1];
      pulled.push(back === null ? null : unmask(back, m, s));
    }
    if (sinks) {
      const rank = s.lead.length;
      const rows = [...s.lead, s.batch, s.heads, s.queries];
      const logits = reshape(at(ins, ins.length - 1), [...s.lead, 1, s.heads, 1]);
      const weight = divide(exp(subtract(broadcast(logits, rows), top)), total);
      pulled.push(negative(sum(multiply(weight, delta), [rank, rank + 2])));
    }
    return pulled;
  },
};

const requireOperands = (name: string, ins: readonly Aval[]): Sizes => {
  const s = sizesOf(ins);
  const q = at(ins, 0);
  if (q.dtype.kind !== "float" || q.dtype === float64) {
    throw new DTypeError(
      `[${name}] expected float32 or a half, got ${q.dtype.name}: compose it of other primitives`,
    );
  }
  if (!Number.isInteger(s.repeats) || s.keys === 0 || s.depth === 0) {
    throw new ShapeError(
      `[${name}] expected keys and whole groups of heads, got shapes ${ins.map((x) => `[${x.shape.join(", ")}]`).join(", ")}`,
    );
  }
  return s;
};

const routineSizes = (attrs: Masking, ins: readonly Aval[]): AttentionSizes => {
  const { lead, batch, heads, keyHeads, queries, keys, depth, width } = sizesOf(ins);
  const mask = attrs.mask ? at(ins, 3) : null;
  return {
    dtype: at(ins, 0).dtype,
    outer: sizeOf(lead),
    batch,
    heads,
    keyHeads,
    queries,
    keys,
    depth,
    width,
    scale: attrs.scale,
    causal: attrs.causal,
    mask: mask === null ? null : { dtype: mask.dtype, shape: mask.shape.slice(-4) },
  };
};

const writeMasking = (attrs: Masking, sink: KeySink): void => {
  sink.text(`${attrs.scale}`);
  sink.int((attrs.causal ? 1 : 0) + (attrs.mask ? 2 : 0));
};

/**
 * Operands q [..., batch, heads, queries, depth], k [..., batch, key heads, keys, depth], v [..., batch, key heads, keys, width],
 * then a mask [..., b, h, r, c] with axes that are whole or 1, and sinks [..., heads] in float32. Results: softmax(scores) · v,
 * and the softmax's largest scores and sums [..., batch, heads, queries] in float32; the derivative holds the largest fixed.
 */
export const attentionP: Primitive<AttentionAttrs> = define<AttentionAttrs>({
  name: "attention",
  rule: { family: "composite", decompose: attentionParts, reverse },
  infer(ins) {
    const s = requireOperands("attention", ins);
    const rows = [...s.lead, s.batch, s.heads, s.queries];
    return [
      { shape: [...rows, s.width], dtype: at(ins, 0).dtype },
      { shape: rows, dtype: float32 },
      { shape: rows, dtype: float32 },
    ];
  },
  lift: same,
  lower: {
    kind: "routine",
    describe: (attrs, operands): Routine => ({
      routine: "attention",
      ...routineSizes(attrs, operands),
      sinks: attrs.sinks,
    }),
  },
  key(attrs, sink) {
    writeMasking(attrs, sink);
    sink.int(attrs.sinks ? 1 : 0);
  },
});

/**
 * Operands q, k, v and a mask if there is one as for attention, its largest scores and sums, the cotangent g of its result
 * and delta [..., batch, heads, queries], the sum of g · result over channels. Results: the gradients of q, k and v.
 */
export const attentionGradientP: Primitive<AttentionGradientAttrs> = define<AttentionGradientAttrs>(
  {
    name: "attentionGradient",
    rule: { family: "composite", decompose: gradientParts },
    infer(ins) {
      requireOperands("attentionGradient", ins);
      return ins.slice(0, 3);
    },
    lift: same,
    lower: {
      kind: "routine",
      describe: (attrs, operands): Routine => ({
        routine: "attentionGradient",
        ...routineSizes(attrs, operands),
      }),
    },
    key: writeMasking,
  },
);

/** Attention on operands as {@link attentionP} takes them. */
export const attention = (ins: readonly Node[], attrs: AttentionAttrs): Node =>
  at(bindAll(attentionP, ins, attrs), 0);

/** The same by other primitives, on any floating dtype and with no keys at all: what is faster where little is to be done. */
export const composedAttention = (ins: readonly Node[], attrs: AttentionAttrs): Node =>
  at(attentionParts(ins, attrs), 0);

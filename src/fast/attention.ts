/** Scaled dot-product attention: grouped queries, masks, sinks; the softmax is one kernel between two products. */
import { bool, type DType, float32, float64, int32 } from "../core/dtype.js";
import { ArgumentError, DeviceError, DTypeError, ShapeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readOptions } from "../core/options.js";
import { promote } from "../core/promotion.js";
import { broadcastsTo, showShape } from "../core/shape.js";
import { NDArray } from "../graph/array.js";
import type { Node, Shape } from "../graph/node.js";
import { maxNode } from "../ops/extremum.js";
import { castTo, constant, like, spread, wrap } from "../ops/operand.js";
import { reduceNode } from "../ops/reduce.js";
import * as p from "../primitives/index.js";

export interface AttentionOptions {
  /** Multiplies the scores, usually 1 / √channels. */
  readonly scale: number;
  /**
   * "causal": a query sees keys up to its own position, the last query the last key; a boolean array, true where a query
   * sees a key; or an array that is added to the scores. Arrays broadcast to [batch, heads, queries, keys].
   */
  readonly mask?: "causal" | NDArray | null;
  /** A logit per query head that joins the softmax and has no value. */
  readonly sinks?: NDArray | null;
  /** Refuses where there is no kernel that does it all at once. */
  readonly forceFused?: boolean;
}

const op = "scaledDotProductAttention";

const requireShapes = (q: Node, k: Node, v: Node): void => {
  const misfit = (what: string): ShapeError =>
    new ShapeError(
      `[${op}] expected ${what}, got shapes ${showShape(q.shape)}, ${showShape(k.shape)} and ${showShape(v.shape)}: they are [batch, heads, rows, channels]`,
    );
  if ([q, k, v].some((n) => n.shape.length !== 4)) throw misfit("three arrays of four axes");
  const [bq, hq = 0, , dq] = q.shape;
  const [bk, hk = 0, lk, dk] = k.shape;
  const [bv, hv, lv] = v.shape;
  if (bq !== bk || bq !== bv) throw misfit("equal batches");
  if (dq !== dk) throw misfit("queries and keys of equal length");
  if (hk !== hv || lk !== lv) throw misfit("as many values as keys");
  if (hk === 0 || hq % hk !== 0) throw misfit("a whole number of query heads per key head");
};

/** A mask, of up to four axes, over scores [batch, key heads, query heads per key head, queries, keys]. */
const maskNode = (mask: NDArray, q: Node, scores: Shape): Node => {
  const [batch = 1, hk = 1, repeats = 1, rows = 1, columns = 1] = scores;
  const whole = [batch, hk * repeats, rows, columns];
  const { node } = mask;
  if (!broadcastsTo(node.shape, whole)) {
    throw new ShapeError(
      `[${op}] expected a mask that broadcasts to ${showShape(whole)}, got ${showShape(node.shape)}`,
    );
  }
  if (node.dtype !== bool && promote(node.dtype, q.dtype) !== q.dtype) {
    throw new DTypeError(
      `[${op}] expected a boolean mask or one of dtype ${q.dtype.name}, got ${node.dtype.name}: cast it`,
    );
  }
  const missing = new Array<number>(4 - node.shape.length).fill(1);
  const [b = 1, h = 1, r = 1, c = 1] = [...missing, ...node.shape];
  return spread(p.reshape(node, [b, h === 1 ? 1 : hk, h === 1 ? 1 : repeats, r, c]), scores);
};

const lowest = (d: DType): number =>
  d === float64 ? -Number.MAX_VALUE : -(2 - 2 ** -23) * 2 ** 127;

const masked = (scores: Node, mask: AttentionOptions["mask"], q: Node): Node => {
  if (mask === null || mask === undefined) return scores;
  const hidden = like(scores, lowest(scores.dtype));
  const ndim = scores.shape.length;
  const [rows = 0, columns = 0] = scores.shape.slice(-2);
  if (mask === "causal") {
    // From positions alone: nothing is stored.
    const row = p.iota(scores.shape, ndim - 2, int32);
    const column = p.iota(scores.shape, ndim - 1, int32);
    const seen = p.lessEqual(column, p.add(row, like(row, columns - rows)));
    return p.select(seen, scores, hidden);
  }
  if (!(mask instanceof NDArray)) {
    throw new ArgumentError(
      `[${op}] expected mask "causal", an array or null, got ${describe(mask)}`,
    );
  }
  const m = maskNode(mask, q, scores.shape);
  return m.dtype === bool ? p.select(m, scores, hidden) : p.add(scores, castTo(m, scores.dtype));
};

const sinkNode = (sinks: NDArray, q: Node, hk: number, wide: DType): Node => {
  const { node } = sinks;
  const hq = q.shape[1] ?? 1;
  if (node.shape.length !== 1 || node.shape[0] !== hq) {
    throw new ShapeError(
      `[${op}] expected sinks of shape [${hq}], one per query head, got ${showShape(node.shape)}`,
    );
  }
  if (promote(node.dtype, q.dtype) !== q.dtype) {
    throw new DTypeError(
      `[${op}] expected sinks of dtype ${q.dtype.name}, got ${node.dtype.name}: cast them`,
    );
  }
  return castTo(p.reshape(node, [1, hk, hq / hk, 1, 1]), wide);
};

/**
 * softmax(q · kᵀ · scale + mask) · v for q [batch, heads, queries, channels], k and v [batch, key heads, keys, …]. Each key
 * head serves heads / key heads query heads. The softmax is computed in float32.
 *
 * @throws ShapeError for shapes that do not fit, DTypeError for arrays that are not floating, ArgumentError for another mask
 * @example
 * const q = mx.ones([1, 2, 3, 4]);
 * mx.fast.scaledDotProductAttention(q, q, q, { scale: 0.5, mask: "causal" }).shape; // [1, 2, 3, 4]
 * @see mlx.core.fast.scaled_dot_product_attention
 */
export function scaledDotProductAttention(
  q: NDArray,
  k: NDArray,
  v: NDArray,
  options: AttentionOptions,
): NDArray {
  const { scale, mask, sinks, forceFused } = readOptions<AttentionOptions>(op, options, [
    "scale",
    "mask",
    "sinks",
    "forceFused",
  ]);
  if (typeof scale !== "number")
    throw new ArgumentError(`[${op}] expected scale as a number, got ${describe(scale)}`);
  requireShapes(q.node, k.node, v.node);
  if (forceFused === true) {
    throw new DeviceError(
      `[${op}] expected a fused kernel, got none on this device: leave forceFused out`,
    );
  }
  const dtype = promote(promote(q.node.dtype, k.node.dtype), v.node.dtype);
  if (dtype.kind !== "float")
    throw new DTypeError(`[${op}] expected floating arrays, got ${dtype.name}: cast them`);
  const queries = castTo(q.node, dtype);
  const keys = castTo(k.node, dtype);
  const values = castTo(v.node, dtype);
  const [batch = 0, hq = 0, rows = 0, depth = 0] = queries.shape;
  const [, hk = 0, columns = 0] = keys.shape;
  const width = values.shape[3] ?? 0;
  const repeats = hq / hk;
  const wide = promote(dtype, float32);
  // The query heads of a key head are further rows of one product.
  const folded = p.reshape(queries, [batch, hk, repeats * rows, depth]);
  const raw = p.reshape(p.matmul(folded, p.transposeLast(keys)), [
    batch,
    hk,
    repeats,
    rows,
    columns,
  ]);
  const scaled = castTo(raw, wide);
  const scores = masked(p.multiply(scaled, like(scaled, scale)), mask, queries);
  const last = [4];
  const sink = sinks === null || sinks === undefined ? null : sinkNode(sinks, queries, hk, wide);
  const one = [batch, hk, repeats, rows, 1];
  let top: Node;
  if (columns > 0) {
    top = reduceNode(maxNode, scores, last, true);
    if (sink !== null) top = p.maximum(top, spread(sink, one));
  } else top = constant(0, wide, one);
  top = p.stopGradient(top);
  const e = p.exp(p.subtract(scores, spread(top, scores.shape)));
  let total = reduceNode(p.sum, e, last, true);
  if (sink !== null) total = p.add(total, p.exp(p.subtract(spread(sink, one), top)));
  const weights = castTo(p.divide(e, spread(total, e.shape)), dtype);
  const mixed = p.matmul(p.reshape(weights, [batch, hk, repeats * rows, columns]), values);
  return wrap(p.reshape(mixed, [batch, hq, rows, width]));
}

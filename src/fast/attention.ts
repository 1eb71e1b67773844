/** Scaled dot-product attention: grouped queries, masks, sinks; in one kernel where that is faster or saves memory. */
import { bool, float32, float64 } from "../core/dtype.js";
import { ArgumentError, DeviceError, DTypeError, ShapeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readOptions } from "../core/options.js";
import { promote } from "../core/promotion.js";
import { broadcastsTo, showShape } from "../core/shape.js";
import { NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import { arrayOf, castTo, wrap } from "../ops/operand.js";
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
  /** One kernel for everything, also where several are faster; refuses where there is none. */
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

/** A mask as attention takes it: its four axes are whole or 1. */
const maskNode = (mask: NDArray, q: Node, keys: number): Node => {
  const [batch = 1, heads = 1, rows = 1] = q.shape;
  const whole = [batch, heads, rows, keys];
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
  const typed = node.dtype === bool ? node : castTo(node, q.dtype);
  return p.reshape(typed, [...missing, ...node.shape]);
};

const readMask = (mask: AttentionOptions["mask"], q: Node, keys: number): Node | null => {
  if (mask === null || mask === undefined || mask === "causal") return null;
  if (mask instanceof NDArray) return maskNode(mask, q, keys);
  throw new ArgumentError(
    `[${op}] expected mask "causal", an array or null, got ${describe(mask)}`,
  );
};

const sinkNode = (sinks: NDArray, q: Node): Node => {
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
  return castTo(node, promote(q.dtype, float32));
};

/** From so many queries and keys on scores are better never stored: the composition's products are as fast before. */
const least = 96;
/** Fewer queries are enough where each reads many keys; a handful have hardly any scores. */
const few = { queries: 16, keys: 256 } as const;

const streams = (q: Node, k: Node, force: boolean): boolean => {
  const [, , rows = 0, depth = 0] = q.shape;
  const columns = k.shape[2] ?? 0;
  const can = q.dtype !== float64 && depth > 0 && columns > 0;
  if (force && !can) {
    throw new DeviceError(
      `[${op}] expected operands that one kernel can take, got ${q.dtype.name} of shapes ${showShape(q.shape)} and ${showShape(k.shape)}: leave forceFused out`,
    );
  }
  if (!can || force) return can;
  return (rows >= least && columns >= least) || (rows >= few.queries && columns >= few.keys);
};

/**
 * softmax(q · kᵀ · scale + mask) · v for q [batch, heads, queries, channels], k and v [batch, key heads, keys, …]. Each key
 * head serves heads / key heads query heads. The softmax is computed in float32. Long rows are computed block by block, as
 * are their gradients, so that memory grows with queries + keys and not with their product; a mask's gradient is the exception.
 *
 * @throws ShapeError for shapes that do not fit, DTypeError for arrays that are not floating, ArgumentError for another mask,
 * DeviceError for `forceFused` without a kernel
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
  const [nq, nk, nv] = [arrayOf(op, q), arrayOf(op, k), arrayOf(op, v)];
  requireShapes(nq, nk, nv);
  const dtype = promote(promote(nq.dtype, nk.dtype), nv.dtype);
  if (dtype.kind !== "float")
    throw new DTypeError(`[${op}] expected floating arrays, got ${dtype.name}: cast them`);
  const queries = castTo(nq, dtype);
  const keys = castTo(nk, dtype);
  const values = castTo(nv, dtype);
  const seen = readMask(mask, queries, keys.shape[2] ?? 0);
  const sink = sinks === null || sinks === undefined ? null : sinkNode(sinks, queries);
  const ins = [queries, keys, values];
  if (seen !== null) ins.push(seen);
  if (sink !== null) ins.push(sink);
  const attrs = { scale, causal: mask === "causal", mask: seen !== null, sinks: sink !== null };
  const fused = streams(queries, keys, forceFused === true);
  return wrap(fused ? p.attention(ins, attrs) : p.composedAttention(ins, attrs));
}

/** Scaled dot-product attention: grouped queries, masks, sinks; the softmax is one kernel between two products. */
import { bool, float32, float64 } from "../core/dtype.js";
import { ArgumentError, DeviceError, DTypeError, ShapeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readOptions } from "../core/options.js";
import { promote } from "../core/promotion.js";
import { broadcastsTo, showShape } from "../core/shape.js";
import { NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import { castTo, wrap } from "../ops/operand.js";
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

/** From so many queries and keys on. */
const leastRows = 96;
const leastColumns = 96;

/** Whether scores are better never stored: blocks of them are worth what packing their operands costs. */
const streams = (q: Node, k: Node): boolean => {
  const [, , rows = 0, depth = 0] = q.shape;
  const columns = k.shape[2] ?? 0;
  return q.dtype !== float64 && depth > 0 && rows >= leastRows && columns >= leastColumns;
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
  const seen = readMask(mask, queries, keys.shape[2] ?? 0);
  const sink = sinks === null || sinks === undefined ? null : sinkNode(sinks, queries);
  const ins = [queries, keys, values];
  if (seen !== null) ins.push(seen);
  if (sink !== null) ins.push(sink);
  const attrs = { scale, causal: mask === "causal", mask: seen !== null, sinks: sink !== null };
  return wrap(streams(queries, keys) ? p.attention(ins, attrs) : p.composedAttention(ins, attrs));
}

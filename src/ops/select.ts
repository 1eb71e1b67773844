/** Selection and clean-up: where, clip, nanToNum. */
import { bool, complex64 } from "../core/dtype.js";
import { finfo } from "../core/dtype-info.js";
import { ArgumentError, DTypeError } from "../core/errors.js";
import { readPositional } from "../core/options.js";
import { broadcastShapes } from "../core/shape.js";
import type { NDArray } from "../graph/array.js";
import * as p from "../primitives/index.js";
import { castTo, like, nodeOf, type Operand, pair, spread, wrap } from "./operand.js";

/**
 * x where the condition is true (nonzero), else y; x and y promote pairwise. Gradients reach only the chosen side.
 *
 * @throws ShapeError when the shapes do not broadcast
 * @example mx.where(mx.array([true, false]), 1, 0).tolist() // [1, 0]
 * @see mlx.core.where
 */
export function where(condition: Operand, x: Operand, y: Operand): NDArray {
  const c = castTo(nodeOf("where", condition), bool);
  const [u, v] = pair("where", x, y);
  const shape = broadcastShapes("where", c.shape, u.shape);
  return wrap(p.select(spread(c, shape), spread(u, shape), spread(v, shape)));
}

/**
 * Values below `aMin` and above `aMax` replaced by them; null leaves a side open. At a bound the gradient goes to the bound.
 *
 * @throws ArgumentError when both bounds are null, ShapeError when the shapes do not broadcast
 * @example mx.clip(mx.array([-1, 0.5, 2]), 0, 1).tolist() // [0, 0.5, 1]
 * @see mlx.core.clip
 */
export function clip(a: Operand, aMin: Operand | null, aMax: Operand | null): NDArray {
  if ((aMin ?? null) === null && (aMax ?? null) === null) {
    throw new ArgumentError("[clip] expected at least one bound, got neither: pass aMin or aMax");
  }
  let out = wrap(nodeOf("clip", a));
  if (aMin !== null && aMin !== undefined) {
    const [x, low] = pair("clip", out, aMin);
    out = wrap(p.maximum(x, low));
  }
  if (aMax !== null && aMax !== undefined) {
    const [x, high] = pair("clip", out, aMax);
    out = wrap(p.minimum(x, high));
  }
  return out;
}

export interface NanToNumOptions {
  readonly nan?: number;
  /** Replaces Infinity; by default the largest number of the dtype. */
  readonly posinf?: number | null;
  /** Replaces -Infinity; by default the lowest number of the dtype. */
  readonly neginf?: number | null;
}

/**
 * NaN and infinities replaced by numbers; integers stay as they are.
 *
 * @throws DTypeError for complex64
 * @example mx.nanToNum(mx.array([NaN, 1])).tolist() // [0, 1]
 * @see mlx.core.nan_to_num
 */
export function nanToNum(
  a: Operand,
  nan?: number | NanToNumOptions,
  options?: NanToNumOptions,
): NDArray {
  const n = nodeOf("nanToNum", a);
  const o = readPositional<NanToNumOptions>("nanToNum", "nan", nan, options, [
    "nan",
    "posinf",
    "neginf",
  ]);
  if (n.dtype === complex64) {
    throw new DTypeError("[nanToNum] expected a real array, got complex64: treat its parts");
  }
  if (n.dtype.kind !== "float") return wrap(n);
  const top = finfo(n.dtype).max;
  const isNan = p.notEqual(n, n);
  const isHigh = p.equal(n, like(n, Number.POSITIVE_INFINITY));
  const isLow = p.equal(n, like(n, Number.NEGATIVE_INFINITY));
  let out = p.select(isNan, like(n, o.nan ?? 0), n);
  out = p.select(isHigh, like(n, o.posinf ?? top), out);
  return wrap(p.select(isLow, like(n, o.neginf ?? -top), out));
}

/** Normalisation over the last axis, in float32 inside. */
import { type DType, float32, isInexact } from "../core/dtype.js";
import { ArgumentError, DTypeError, ShapeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { promote } from "../core/promotion.js";
import { showShape } from "../core/shape.js";
import { isNDArray, type NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import { castTo, nodeOf, spread, wrap } from "../ops/operand.js";
import * as p from "../primitives/index.js";

const requireRows = (op: string, x: Node): void => {
  if (x.shape.length === 0) {
    throw new ShapeError(`[${op}] expected an array with an axis, got a 0-d array: reshape it`);
  }
  if (x.dtype.kind !== "float" && isInexact(x.dtype)) {
    throw new DTypeError(`[${op}] expected a real array, got ${x.dtype.name}: treat its parts`);
  }
};

const requireEps = (op: string, eps: unknown): void => {
  if (typeof eps === "number") return;
  throw new ArgumentError(
    `[${op}] expected a number as eps, got ${describe(eps)}: it comes after the arrays, which may be null`,
  );
};

/** A weight or bias over the last axis of `x`, which it has to match; null for none. */
const parameter = (op: string, name: string, x: Node, given: unknown): Node | null => {
  if (given === null || given === undefined) return null;
  if (!isNDArray(given)) {
    throw new ArgumentError(
      `[${op}] expected an array or null as ${name}, got ${describe(given)}: pass null for none`,
    );
  }
  const { node } = given;
  if (node.shape.length !== 1 || node.shape[0] !== x.shape.at(-1)) {
    throw new ShapeError(
      `[${op}] expected a ${name} of shape [${x.shape.at(-1)}], got ${showShape(node.shape)}`,
    );
  }
  return node;
};

const outDType = (x: Node, parts: readonly (Node | null)[]): DType => {
  let d = x.dtype;
  for (const n of parts) if (n !== null) d = promote(d, n.dtype);
  return isInexact(d) ? d : float32;
};

/** y, cast to the dtype of the result, times weight plus bias. */
const scaleAndShift = (y: Node, x: Node, weight: Node | null, bias: Node | null): Node => {
  // As in MLX, a bias alone does not widen the result.
  const dtype = outDType(x, weight === null ? [] : [weight, bias]);
  let out = castTo(y, dtype);
  if (weight !== null) out = p.multiply(out, spread(castTo(weight, dtype), x.shape));
  if (bias !== null) out = p.add(out, spread(castTo(bias, dtype), x.shape));
  return out;
};

/** What the statistics are computed in: at least float32. */
const widen = (x: Node): Node => castTo(x, promote(x.dtype, float32));

/**
 * x · rsqrt(mean(x²) + eps) over the last axis, times a weight unless it is null.
 *
 * @throws ShapeError when the weight is not as long as the last axis, ArgumentError without a number as eps
 * @example mx.fast.rmsNorm(mx.array([[3, 4]]), null, 0).shape // [1, 2]
 * @see mlx.core.fast.rms_norm
 */
export function rmsNorm(x: NDArray, weight: NDArray | null, eps: number): NDArray {
  const n = nodeOf("rmsNorm", x);
  requireRows("rmsNorm", n);
  requireEps("rmsNorm", eps);
  const w = parameter("rmsNorm", "weight", n, weight);
  return wrap(scaleAndShift(p.standardize(widen(n), eps, false), n, w, null));
}

/**
 * (x - mean) · rsqrt(variance + eps) over the last axis, times a weight and plus a bias unless they are null.
 *
 * @throws ShapeError when weight or bias are not as long as the last axis, ArgumentError without a number as eps
 * @example mx.fast.layerNorm(mx.array([[1, 3]]), null, null, 0).tolist() // [[-1, 1]]
 * @see mlx.core.fast.layer_norm
 */
export function layerNorm(
  x: NDArray,
  weight: NDArray | null,
  bias: NDArray | null,
  eps: number,
): NDArray {
  const n = nodeOf("layerNorm", x);
  requireRows("layerNorm", n);
  requireEps("layerNorm", eps);
  const w = parameter("layerNorm", "weight", n, weight);
  const b = parameter("layerNorm", "bias", n, bias);
  return wrap(scaleAndShift(p.standardize(widen(n), eps, true), n, w, b));
}

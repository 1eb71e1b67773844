/** Normally distributed vectors of given means and covariances. */
import { type DType, float32 } from "../core/dtype.js";
import { DTypeError, ShapeError } from "../core/errors.js";
import { broadcastPair, readShape, showShape } from "../core/shape.js";
import type { NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import { castTo, nodeOf, spread, wrap } from "../ops/operand.js";
import * as p from "../primitives/index.js";
import { readArguments } from "./arguments.js";
import { keyOr } from "./state.js";
import { requireFit, type SampleOptions, symmetricNode } from "./uniform.js";

export interface MultivariateNormalOptions extends SampleOptions {}

const op = "random.multivariateNormal";

/** Means of shape [..., n] and covariances of shape [..., n, n]. */
const requireParameters = (mean: Node, cov: Node): void => {
  const n = mean.shape.at(-1);
  const rows = cov.shape.at(-2);
  if (n !== undefined && rows === n && cov.shape.at(-1) === n) return;
  throw new ShapeError(
    `[${op}] expected means of shape [..., n] and covariances of shape [..., n, n], got ${showShape(mean.shape)} and ${showShape(cov.shape)}: reshape them`,
  );
};

/**
 * Normally distributed vectors with means [..., n] and covariances [..., n, n], which are not checked for symmetry. `shape` is
 * that of the samples without the axis of the vectors; the leading axes of the parameters broadcast to it, and by default it
 * is what they broadcast to.
 *
 * @throws DTypeError for other dtypes than float32, ShapeError when the parameters do not fit each other or the shape
 * @example
 * const covariance = mx.array([[2, 0.5], [0.5, 1]]);
 * mx.random.multivariateNormal(mx.array([1, -2]), covariance, [4]).shape; // [4, 2]
 * @see mlx.core.random.multivariate_normal
 */
export function multivariateNormal(
  mean: NDArray,
  cov: NDArray,
  shape?: number | readonly number[] | MultivariateNormalOptions,
  dtype?: DType | MultivariateNormalOptions,
  options?: MultivariateNormalOptions,
): NDArray {
  const o = readArguments<MultivariateNormalOptions>(
    op,
    ["shape", "dtype", "key"],
    [shape, dtype, options],
  );
  const d = o.dtype ?? float32;
  if (d !== float32)
    throw new DTypeError(`[${op}] expected float32, got ${d.name}: cast the result`);
  const m = castTo(nodeOf(op, mean), float32);
  const c = castTo(nodeOf(op, cov), float32);
  requireParameters(m, c);
  const common = broadcastPair(op, m.shape.slice(0, -1), c.shape.slice(0, -2));
  const given = readShape(op, o.shape ?? []);
  const lead = given.length === 0 ? common : given;
  const full = [...lead, m.shape.at(-1) ?? 0];
  requireFit("multivariateNormal", m, full);
  requireFit("multivariateNormal", c, [...full, full.at(-1) ?? 0]);
  const z = p.scale(p.erfinv(symmetricNode(keyOr("multivariateNormal", o.key), full)), Math.SQRT2);
  const [u, s, vt] = p.svd(c, false);
  const columns = p.broadcast(
    p.sqrt(s),
    c.shape,
    c.shape.flatMap((_, i) => (i === c.shape.length - 2 ? [] : [i])),
  );
  const root = p.matmul(p.multiply(u, columns), vt);
  const rows = p.reshape(z, [...lead, 1, full.at(-1) ?? 0]);
  const product = p.matmul(rows, spread(root, [...lead, ...c.shape.slice(-2)]));
  return wrap(p.add(p.reshape(product, full), spread(m, full)));
}

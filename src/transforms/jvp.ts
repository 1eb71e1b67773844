/** Jacobian-vector products: forward-mode differentiation of a function of arrays. */
import { requireFunction } from "../core/require.js";
import type { NDArray } from "../graph/array.js";
import { withTrace } from "../graph/trace.js";
import {
  type ArrayArguments,
  type Arrays,
  handle,
  handlesOrZeros,
  type Outputs,
  readOutputs,
  requireArrays,
  requireVectors,
} from "./check.js";
import { forward } from "./forward.js";
import { traced } from "./leaves.js";

const wording = { op: "jvp", vector: "tangent", of: "primal" } as const;

/**
 * Computes `fun(...primals)` and the product of its Jacobian with the tangents.
 *
 * `fun` takes any number of arrays and returns an array or a list of arrays. `tangents` are the same in number, shape and
 * dtype as the primals. The result is `[outputs, jvps]`, two lists of equal number and shapes.
 *
 * @throws TransformError when tangents do not match the primals, or `fun` returns something else or a promise
 * @example
 * const [outputs, jvps] = mx.jvp(mx.sin, [mx.array(2)], [mx.array(1)]);
 * @see mlx.core.jvp
 */
export function jvp<const P extends readonly NDArray[], const R extends Outputs>(
  fun: (...primals: Arrays<P>) => R,
  primals: P,
  tangents: ArrayArguments<P>,
): [outputs: Arrays<R>, jvps: Arrays<R>];
export function jvp(
  fun: (...primals: NDArray[]) => unknown,
  primals: unknown,
  tangents: unknown,
): [NDArray[], NDArray[]] {
  requireFunction("jvp", fun);
  const ps = requireArrays("jvp", "primals", primals);
  const ts = requireArrays("jvp", "tangents", tangents);
  requireVectors(wording, ts, ps);
  return withTrace((traceId) => {
    const xs = ps.map((p) => traced(p, traceId));
    const outs = readOutputs("jvp", fun(...xs.map(handle)));
    return [outs.map(handle), handlesOrZeros(forward(outs, xs, ts), outs)];
  });
}

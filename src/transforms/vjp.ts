/** Vector-Jacobian products: reverse-mode differentiation of a function of arrays. */
import { requireFunction } from "../core/require.js";
import type { NDArray } from "../graph/array.js";
import { withTrace } from "../graph/trace.js";
import { cast } from "../primitives/index.js";
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
import { pick, traced } from "./leaves.js";
import { reverse } from "./reverse.js";

const wording = { op: "vjp", vector: "cotangent", of: "output" } as const;

/**
 * Computes `fun(...primals)` and the product of the cotangents with its Jacobian.
 *
 * `fun` takes any number of arrays and returns an array or a list of arrays; it may look at values to decide what to do.
 * `cotangents` are the same in number, shape and dtype as the outputs. The result is `[outputs, vjps]`, two lists; `vjps`
 * are the same in number, shape and dtype as `primals`, zeros for those that do not matter.
 *
 * @throws TransformError when cotangents do not match the outputs, or `fun` returns something else or a promise
 * @example
 * const [outputs, vjps] = mx.vjp((x) => x.multiply(mx.sin(x)), [mx.array(2)], [mx.array(1)]);
 * @see mlx.core.vjp
 */
export function vjp<const P extends readonly NDArray[], const R extends Outputs>(
  fun: (...primals: Arrays<P>) => R,
  primals: P,
  cotangents: ArrayArguments<R>,
): [outputs: Arrays<R>, vjps: Arrays<P>];
export function vjp(
  fun: (...primals: NDArray[]) => unknown,
  primals: unknown,
  cotangents: unknown,
): [NDArray[], NDArray[]] {
  requireFunction("vjp", fun);
  const ps = requireArrays("vjp", "primals", primals);
  const cts = requireArrays("vjp", "cotangents", cotangents);
  return withTrace((traceId) => {
    const xs = ps.map((p) => traced(p, traceId));
    const outs = readOutputs("vjp", fun(...xs.map(handle)));
    requireVectors(wording, cts, outs);
    const results = reverse(outs, cts, xs).map((c, i) => c && cast(c, pick(ps, i).dtype));
    return [outs.map(handle), handlesOrZeros(results, ps)];
  });
}

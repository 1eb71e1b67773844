/** Derivatives as linear maps: the function is evaluated once, its map is applied as often as wanted. */

import { TransformError } from "../core/errors.js";
import { requireFunction } from "../core/require.js";
import { isNDArray, type NDArray } from "../graph/array.js";
import { bindAll } from "../graph/bind.js";
import { type Node, use } from "../graph/node.js";
import { rejectPromise, withTrace } from "../graph/trace.js";
import { type MapLeaves, rebuild, strictLeaves, structureOf } from "../graph/tree.js";
import { cast, compiledP } from "../primitives/index.js";
import { handle, handlesOrZeros, requireVectors, type Wording } from "./check.js";
import { close } from "./control/closed.js";
import { savedFor } from "./control/saved.js";
import { forward } from "./forward.js";
import { hole, pick, traced } from "./leaves.js";
import { record } from "./record.js";
import { reverse } from "./reverse.js";

/** Trees like those of `A`, with arrays of their own. */
type Like<A> = MapLeaves<A, NDArray, NDArray>;

const nodesOf = (op: string, what: string, tree: unknown): Node[] =>
  strictLeaves(op, what, tree, isNDArray).map((a) => a.node);

/** A function evaluated on traced primals. */
interface Run {
  readonly xs: readonly Node[];
  readonly outs: readonly Node[];
  readonly result: unknown;
}

const runOn = (
  op: string,
  fun: (...args: never[]) => unknown,
  primals: readonly unknown[],
  nodes: readonly Node[],
  traceId: number,
): Run => {
  const xs = nodes.map((n) => traced(n, traceId));
  const fresh = rebuild(primals, isNDArray, xs.map(handle));
  const result: unknown = Reflect.apply(fun, undefined, [...fresh]);
  rejectPromise(op, result);
  return { xs, outs: nodesOf(op, "the result", result), result };
};

/** What is not younger than the traced primals is there without the function. */
const olderThan =
  (xs: readonly Node[]) =>
  (n: Node): boolean =>
    n.id <= (xs.at(-1)?.id ?? 0);

/** The map from values for `holes` to values of `roots`; nulls stay. What it takes besides is computed once. */
const mapOf = (
  holes: readonly Node[],
  roots: readonly (Node | null)[],
  free: (n: Node) => boolean,
): ((values: readonly Node[]) => (Node | null)[]) => {
  const present = roots.filter((r) => r !== null);
  const kept = savedFor(present, holes, free, () => false);
  const closed = close([...holes, ...kept], present);
  const attrs = record([...closed.leaves, ...closed.places], closed.roots, true);
  const constants = [...kept, ...closed.captured];
  // Later calls need them.
  use(constants);
  return (values) => {
    const outs = present.length === 0 ? [] : bindAll(compiledP, [...values, ...constants], attrs);
    let next = 0;
    return roots.map((r) => (r === null ? null : pick(outs, next++)));
  };
};

const requireTree = (
  wording: Wording,
  like: unknown,
  given: unknown,
  types: readonly Node[],
): Node[] => {
  const [want, got] = [structureOf(like, isNDArray), structureOf(given, isNDArray)];
  if (want !== got) {
    throw new TransformError(
      `[${wording.op}] expected ${wording.vector}s of the structure ${want}, got ${got}: pass a tree like the ${wording.of}s`,
    );
  }
  const vectors = nodesOf(wording.op, `the ${wording.vector}s`, given);
  requireVectors(wording, vectors, types);
  return vectors;
};

/**
 * Evaluates `fun(...primals)` once and gives `[outputs, linear]`: `linear(...tangents)` is the product of the Jacobian at
 * the primals with the tangents, as often as wanted.
 *
 * Primals, outputs and tangents are trees of arrays; tangents have the shapes and dtypes of the primals. What the map needs
 * of the evaluation is kept as long as the map is. It can itself be differentiated, mapped and compiled.
 *
 * @throws TransformError when tangents do not match the primals
 * @example
 * const [y, linear] = mx.linearize((x: mx.NDArray) => x.multiply(x), [mx.array(3)]);
 * y;                   // 9
 * linear(mx.array(1)); // 6
 * linear(mx.array(2)); // 12
 */
export function linearize<A extends readonly unknown[], R>(
  fun: (...primals: A) => R,
  primals: readonly [...A],
): [outputs: R, linear: (...tangents: Like<A>) => Like<R>] {
  requireFunction("linearize", fun);
  const nodes = nodesOf("linearize", "primals", primals);
  return withTrace((traceId) => {
    const { xs, outs, result } = runOn("linearize", fun, primals, nodes, traceId);
    const holes = xs.map((x) => hole(x));
    const apply = mapOf(holes, forward(outs, xs, holes), olderThan(xs));
    const wording = { op: "linearize", vector: "tangent", of: "primal" } as const;
    const linear = (...tangents: Like<A>): Like<R> => {
      const ts = requireTree(wording, primals, tangents, holes);
      return rebuild(result, isNDArray, handlesOrZeros(apply(ts), outs)) as Like<R>;
    };
    // The function's result, as it is.
    return [result as R, linear];
  });
}

/**
 * Evaluates `fun(...primals)` once and gives `[outputs, pull]`: `pull(cotangents)` is the product of the cotangents with the
 * Jacobian at the primals, a list with a tree for each primal, as often as wanted.
 *
 * Primals, outputs and cotangents are trees of arrays; cotangents have the shapes and dtypes of the outputs. What the way
 * back needs of the evaluation is kept as long as `pull` is. It can itself be differentiated, mapped and compiled.
 *
 * @throws TransformError when cotangents do not match the outputs
 * @example
 * const [y, pull] = mx.vjpFunction((x: mx.NDArray) => x.multiply(x), [mx.array([1, 2])]);
 * y;                           // [1, 4]
 * pull(mx.array([1, 0]))[0];   // [2, 0]
 * pull(mx.array([0, 1]))[0];   // [0, 4]
 */
export function vjpFunction<A extends readonly unknown[], R>(
  fun: (...primals: A) => R,
  primals: readonly [...A],
): [outputs: R, pull: (cotangents: Like<R>) => Like<A>] {
  requireFunction("vjpFunction", fun);
  const nodes = nodesOf("vjpFunction", "primals", primals);
  return withTrace((traceId) => {
    const { xs, outs, result } = runOn("vjpFunction", fun, primals, nodes, traceId);
    const holes = outs.map((y) => hole(y));
    const made = reverse(outs, holes, xs).map((c, i) => c && cast(c, pick(xs, i).dtype));
    const apply = mapOf(holes, made, olderThan(xs));
    const types = xs.map((x) => hole(x));
    const wording = { op: "vjpFunction", vector: "cotangent", of: "output" } as const;
    const like: unknown = rebuild(result, isNDArray, outs.map(handle));
    const pull = (cotangents: Like<R>): Like<A> => {
      const cts = requireTree(wording, like, cotangents, holes);
      return rebuild(primals, isNDArray, handlesOrZeros(apply(cts), types)) as unknown as Like<A>;
    };
    return [result as R, pull];
  });
}

/** Whole Jacobians and Hessians: the linear maps of derivatives applied to all unit vectors at once. */

import { int32 } from "../core/dtype.js";
import { ArgumentError, DTypeError, TransformError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { requireFunction } from "../core/require.js";
import { isNDArray, type NDArray } from "../graph/array.js";
import { type Node, type Shape, sizeOf } from "../graph/node.js";
import { rejectPromise, withTrace } from "../graph/trace.js";
import { type MapLeaves, mapLeaves, rebuild, strictLeaves } from "../graph/tree.js";
import { cast, constant, equal, iota, moveAxis, onesLike, reshape } from "../primitives/index.js";
import { handle, handlesOrZeros, requireVectors } from "./check.js";
import { forward } from "./forward.js";
import { type Gradients, type GradOptions, select } from "./grad.js";
import { hole, pick, traced } from "./leaves.js";
import { replayBatched } from "./replay.js";
import { reverse } from "./reverse.js";

type Numbers = number | readonly number[];

/** The result's tree with, at each leaf, a tree like the arguments. */
type Jacobian<R, A extends readonly unknown[], N> = MapLeaves<R, NDArray, Gradients<A, N>>;
/** The same twice: first derivatives by the arguments, each by the arguments again. */
type Hessian<A extends readonly unknown[], N> = MapLeaves<
  Gradients<A, N>,
  NDArray,
  Gradients<A, N>
>;

/** Unit vectors: item `i` is like `x`, zero but for a one at its element `i`. */
const units = (x: Node): Node => {
  const size = sizeOf(x.shape);
  const rows = iota([size, size], 0, int32);
  const columns = iota([size, size], 1, int32);
  return reshape(cast(equal(rows, columns), x.dtype), [size, ...x.shape]);
};

/** What a Jacobian is taken of. */
interface Problem {
  readonly outs: readonly Node[];
  readonly result: unknown;
  readonly xs: readonly Node[];
  /** A tree like the selected arguments from one array per selected leaf. */
  shaped(arrays: readonly NDArray[]): unknown;
}

const requireReal = (op: string, what: string, nodes: readonly Node[]): void => {
  for (const { dtype } of nodes) {
    if (dtype.kind === "float") continue;
    throw new DTypeError(
      `[${op}] expected ${what} of floating dtypes, got ${dtype.name}: cast it, or use jvp and vjp`,
    );
  }
};

const problem = (
  op: string,
  fun: (...args: never[]) => unknown,
  argnums: readonly number[],
  args: readonly unknown[],
  traceId: number,
): Problem => {
  const counts: number[] = [];
  const nodes = argnums.flatMap((i) => {
    if (i >= args.length) {
      throw new ArgumentError(
        `[${op}] expected an argument ${i} to differentiate by, got ${args.length} arguments: pass it or change argnums`,
      );
    }
    const leaves = strictLeaves(op, `argument ${i}`, args[i], isNDArray).map((a) => a.node);
    counts.push(leaves.length);
    return leaves;
  });
  requireReal(op, "arguments", nodes);
  const xs = nodes.map((n) => traced(n, traceId));
  const trees = (arrays: readonly NDArray[]): unknown[] => {
    let from = 0;
    return argnums.map((i, k) => {
      const own = arrays.slice(from, from + pick(counts, k));
      from += pick(counts, k);
      return rebuild(args[i], isNDArray, own);
    });
  };
  const given = [...args];
  for (const [k, tree] of trees(xs.map(handle)).entries()) given[pick(argnums, k)] = tree;
  const result: unknown = Reflect.apply(fun, undefined, given);
  rejectPromise(op, result);
  const outs = strictLeaves(op, "the result", result, isNDArray).map((a) => a.node);
  return {
    outs,
    result,
    xs,
    shaped: (arrays) => {
      const list = trees(arrays);
      return list.length === 1 ? list[0] : list;
    },
  };
};

const zeros = (y: Node, x: Node): Node => constant(0, y.dtype, [...y.shape, ...x.shape]);

/** By columns: for each element of the arguments how all results change. */
const byColumns = ({ outs, xs }: Problem): Node[][] => {
  const columns = xs.map((x, k) => {
    const t = hole(x);
    const made = forward(
      outs,
      xs,
      xs.map((_, i) => (i === k ? t : null)),
    );
    const roots = made.filter((y) => y !== null);
    const wide = replayBatched(roots, [t], [units(x)], sizeOf(x.shape));
    let next = 0;
    return made.map((y) => (y === null ? null : pick(wide, next++)));
  });
  return outs.map((y, i) =>
    xs.map((x, k): Node => {
      const column = pick(columns, k)[i] ?? null;
      if (column === null) return zeros(y, x);
      return reshape(moveAxis(column, 0, y.shape.length), [...y.shape, ...x.shape]);
    }),
  );
};

/** By rows: for each element of the results how it depends on all arguments. */
const byRows = ({ outs, xs }: Problem): Node[][] =>
  outs.map((y) => {
    const c = hole(y);
    const made = reverse([y], [c], xs);
    const roots = made.filter((g) => g !== null);
    const wide = replayBatched(roots, [c], [units(y)], sizeOf(y.shape));
    let next = 0;
    return xs.map((x, k): Node => {
      const rows = made[k] === null ? null : pick(wide, next++);
      const shape: Shape = [...y.shape, ...x.shape];
      return rows === null ? zeros(y, x) : cast(reshape(rows, shape), y.dtype);
    });
  });

const jacobian = (
  op: string,
  fun: (...args: never[]) => unknown,
  argnums: unknown,
  rule: (p: Problem) => Node[][],
): ((...args: readonly unknown[]) => unknown) => {
  requireFunction(op, fun);
  const selection = select(op, argnums);
  if (selection.argnames !== null) {
    throw new ArgumentError(`[${op}] expected positions, got argnames: pass argnums`);
  }
  return (...args) =>
    withTrace((traceId) => {
      const p = problem(op, fun, selection.argnums, args, traceId);
      requireReal(op, "results", p.outs);
      const trees = rule(p).map((row) => p.shaped(row.map(handle)));
      let next = 0;
      return mapLeaves(p.result, isNDArray, () => trees[next++]);
    });
};

/**
 * The function that computes the Jacobian of `fun` in forward mode, column by column and all at once: best for few inputs.
 *
 * The result has the tree of what `fun` returns, with a tree like the argument at each leaf; an output of shape [a] and an
 * argument of shape [b] give [a, b]. Several positions give a list there, ascending.
 *
 * @param argnums position or positions of the arguments to differentiate by; the first by default
 * @throws DTypeError for arrays that are not of floats; ArgumentError for positions that do not exist
 * @example
 * mx.jacfwd((x: mx.NDArray) => x.multiply(x))(mx.array([1, 2])); // [[2, 0], [0, 4]]
 */
export function jacfwd<A extends readonly unknown[], R, const N extends Numbers = 0>(
  fun: (...args: A) => R,
  argnums?: N | GradOptions<N>,
): (...args: A) => Jacobian<R, A, N> {
  return jacobian("jacfwd", fun, argnums, byColumns) as (...args: A) => Jacobian<R, A, N>;
}

/**
 * The function that computes the Jacobian of `fun` in reverse mode, row by row and all at once: best for few outputs. What
 * it gives is what {@link jacfwd} gives.
 *
 * @param argnums position or positions of the arguments to differentiate by; the first by default
 * @throws DTypeError for arrays that are not of floats; ArgumentError for positions that do not exist
 * @example
 * mx.jacrev((x: mx.NDArray) => mx.stack([x.sum(), x.prod()]))(mx.array([2, 3])); // [[1, 1], [3, 2]]
 */
export function jacrev<A extends readonly unknown[], R, const N extends Numbers = 0>(
  fun: (...args: A) => R,
  argnums?: N | GradOptions<N>,
): (...args: A) => Jacobian<R, A, N> {
  return jacobian("jacrev", fun, argnums, byRows) as (...args: A) => Jacobian<R, A, N>;
}

/**
 * The function that computes all second derivatives of `fun`, which returns one array: forward mode over reverse mode.
 *
 * For a scalar result and an argument of shape [n] that is [n, n]; trees give trees of trees, as in {@link jacfwd} of
 * {@link jacrev}. For a product with a vector {@link hvp} needs no more than a gradient.
 *
 * @param argnums position or positions of the arguments to differentiate by; the first by default
 * @throws DTypeError for arrays that are not of floats; ArgumentError for positions that do not exist
 * @example
 * mx.hessian((x: mx.NDArray) => x.prod())(mx.array([2, 3])); // [[0, 1], [1, 0]]
 */
export function hessian<A extends readonly unknown[], const N extends Numbers = 0>(
  fun: (...args: A) => NDArray,
  argnums?: N | GradOptions<N>,
): (...args: A) => Hessian<A, N> {
  const rows = jacobian("hessian", fun, argnums, byRows);
  return jacobian("hessian", rows, argnums, byColumns) as (...args: A) => Hessian<A, N>;
}

/**
 * The Hessian of a scalar function at the primals times vectors, without the Hessian: the derivative of the gradient.
 *
 * Primals and vectors are lists of trees of arrays of the same types; so is the result.
 *
 * @throws TransformError when the result is no scalar array, or vectors do not match the primals
 * @example
 * const [v] = mx.hvp((x: mx.NDArray) => x.prod(), [mx.array([2, 3])], [mx.array([1, 10])]);
 * v; // [10, 1]
 */
export function hvp<A extends readonly unknown[]>(
  fun: (...primals: A) => NDArray,
  primals: readonly [...A],
  vectors: MapLeaves<A, NDArray, NDArray>,
): MapLeaves<A, NDArray, NDArray> {
  requireFunction("hvp", fun);
  const nodesOf = (what: string, tree: unknown): Node[] =>
    strictLeaves("hvp", what, tree, isNDArray).map((a) => a.node);
  const ps = nodesOf("primals", primals);
  const ts = nodesOf("vectors", vectors);
  requireVectors({ op: "hvp", vector: "tangent", of: "primal" }, ts, ps);
  return withTrace((traceId) => {
    const xs = ps.map((n) => traced(n, traceId));
    // The same trees with fresh arrays.
    const given = rebuild(primals, isNDArray, xs.map(handle)) as unknown as A;
    const result: unknown = fun(...given);
    rejectPromise("hvp", result);
    if (!isNDArray(result) || result.ndim !== 0) {
      throw new TransformError(
        `[hvp] expected the function to return a scalar array, got ${isNDArray(result) ? `shape [${result.shape.join(", ")}]` : describe(result)}: reduce it with sum or mean`,
      );
    }
    const grads = reverse([result.node], [onesLike(result.node)], xs);
    const present = grads.filter((g) => g !== null);
    const made = forward(present, xs, ts);
    let next = 0;
    const products = grads.map((g, i) => {
      const t = g === null ? null : (made[next++] ?? null);
      return t && cast(t, pick(ps, i).dtype);
    });
    return rebuild(primals, isNDArray, handlesOrZeros(products, ps)) as unknown as MapLeaves<
      A,
      NDArray,
      NDArray
    >;
  });
}

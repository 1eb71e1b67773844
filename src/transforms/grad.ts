/** Gradients of scalar functions with respect to whole trees of arrays. */

import { ArgumentError, TransformError } from "../core/errors.js";
import { describe, isPlainObject } from "../core/guards.js";
import { readPositional } from "../core/options.js";
import { requireFunction } from "../core/require.js";
import { isNDArray, NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import { rejectPromise, withTrace } from "../graph/trace.js";
import { type MapLeaves, mapLeaves, rebuild, strictLeaves } from "../graph/tree.js";
import { cast, constant, stopGradient } from "../primitives/index.js";
import { handle, handlesOrZeros } from "./check.js";
import { pick, traced } from "./leaves.js";
import { reverse } from "./reverse.js";

/** The gradient with respect to a value of type `T`: the same tree. */
export type Gradient<T> = MapLeaves<T, NDArray, NDArray>;

/** Gradients for the positions `N`: bare for one, else a tuple in ascending order of positions. */
export type Gradients<A extends readonly unknown[], N> = N extends number
  ? Gradient<A[N]>
  : N extends readonly [infer One extends number]
    ? Gradient<A[One]>
    : N extends readonly number[]
      ? { -readonly [I in keyof N]: N[I] extends number ? Gradient<A[N[I]]> : never }
      : never;

export interface GradOptions<N> {
  /** Which positional arguments, ascending; by default the first. */
  readonly argnums?: N;
}

export interface NamedGradOptions<K, N> {
  /** Which entries of the last argument, an object, which stands for Python's keyword arguments. */
  readonly argnames: K | readonly K[];
  /** Positional arguments besides; none by default. */
  readonly argnums?: N;
}

type Last<A extends readonly unknown[]> = A extends readonly [...unknown[], infer L] ? L : never;
type Named<A extends readonly unknown[], K extends PropertyKey> = {
  [P in K]: Gradient<P extends keyof Last<A> ? Last<A>[P] : never>;
};
type Positional<A extends readonly unknown[], N> = [N] extends [never] ? null : Gradients<A, N>;

/** What a function given to valueAndGrad may return: the scalar, or the scalar and anything else. */
export type ValueAndAux = NDArray | readonly [NDArray, ...unknown[]];

type Numbers = number | readonly number[];

/**
 * The function that computes the gradient of `fun`, which returns one scalar array.
 *
 * The gradient has the structure of the argument: an array, or a list or object of trees of arrays. Several positions
 * give a list, ascending. With `argnames` the result is `[positional or null, { name: gradient }]`.
 *
 * @param argnums position or positions of the arguments to differentiate by; also as `{ argnums, argnames }`
 * @throws TransformError when the result is not a scalar array; ArgumentError for positions that do not exist and for
 *   leaves that are not arrays
 * @example
 * const df = mx.grad((p: { w: mx.NDArray }) => p.w.multiply(p.w).sum());
 * df({ w: mx.array([1, 2]) }).w; // [2, 4]
 * @see mlx.core.grad
 */
export function grad<A extends readonly unknown[]>(
  fun: (...args: A) => NDArray,
): (...args: A) => Gradient<A[0]>;
export function grad<A extends readonly unknown[], const N extends Numbers>(
  fun: (...args: A) => NDArray,
  argnums: N | GradOptions<N>,
): (...args: A) => Gradients<A, N>;
export function grad<
  A extends readonly unknown[],
  const K extends keyof Last<A> & string,
  const N extends Numbers = never,
>(
  fun: (...args: A) => NDArray,
  options: NamedGradOptions<K, N>,
): (...args: A) => [Positional<A, N>, Named<A, K>];
export function grad(fun: (...args: never[]) => unknown, argnums?: unknown): unknown {
  requireFunction("grad", fun);
  const selection = select("grad", argnums);
  return (...args: unknown[]) => differentiate("grad", fun, selection, args)[1];
}

/**
 * The function that computes `fun` and its gradient: `[value, gradient]`.
 *
 * `fun` returns a scalar array, or a list that starts with one; the rest is auxiliary, and arrays in it are constants for
 * every derivative. The value is whatever `fun` returned.
 *
 * @param argnums as in {@link grad}
 * @throws TransformError when the (first) result is not a scalar array; ArgumentError as in {@link grad}
 * @example
 * const [value, gradient] = mx.valueAndGrad((x: mx.NDArray) => mx.sum(mx.square(x)))(mx.array([1, 2]));
 * @see mlx.core.value_and_grad
 */
export function valueAndGrad<A extends readonly unknown[], const R extends ValueAndAux>(
  fun: (...args: A) => R,
): (...args: A) => [value: R, gradient: Gradient<A[0]>];
export function valueAndGrad<
  A extends readonly unknown[],
  const R extends ValueAndAux,
  const N extends Numbers,
>(
  fun: (...args: A) => R,
  argnums: N | GradOptions<N>,
): (...args: A) => [value: R, gradient: Gradients<A, N>];
export function valueAndGrad<
  A extends readonly unknown[],
  const R extends ValueAndAux,
  const K extends keyof Last<A> & string,
  const N extends Numbers = never,
>(
  fun: (...args: A) => R,
  options: NamedGradOptions<K, N>,
): (...args: A) => [value: R, gradient: [Positional<A, N>, Named<A, K>]];
export function valueAndGrad(fun: (...args: never[]) => unknown, argnums?: unknown): unknown {
  requireFunction("valueAndGrad", fun);
  const selection = select("valueAndGrad", argnums);
  return (...args: unknown[]) => differentiate("valueAndGrad", fun, selection, args);
}

export interface Selection {
  /** Ascending. */
  readonly argnums: readonly number[];
  readonly argnames: readonly string[] | null;
}

/** Reads which arguments to differentiate by. */
export const select = (op: string, given: unknown): Selection => {
  const options = readPositional<{ argnums: unknown; argnames: unknown }>(
    op,
    "argnums",
    given ?? undefined,
    undefined,
    ["argnums", "argnames"],
  );
  const names = options.argnames ?? null;
  const argnames = names === null ? null : (Array.isArray(names) ? names : [names]).map(String);
  const wanted = options.argnums ?? (argnames === null ? 0 : []);
  const argnums: unknown[] = Array.isArray(wanted) ? wanted : [wanted];
  const numbers = argnums.map((n) => {
    if (typeof n === "number" && Number.isInteger(n) && n >= 0) return n;
    throw new ArgumentError(
      `[${op}] expected argument positions from 0, got ${describe(n)}: count from the first argument`,
    );
  });
  const duplicate = (list: readonly unknown[]): boolean => new Set(list).size !== list.length;
  if (duplicate(numbers) || duplicate(argnames ?? [])) {
    throw new ArgumentError(`[${op}] expected each argument once, got one twice: remove it`);
  }
  if (numbers.length + (argnames?.length ?? 0) === 0) {
    throw new ArgumentError(
      `[${op}] expected at least one argument to differentiate by, got none: pass argnums or argnames`,
    );
  }
  return { argnums: numbers.sort((a, b) => a - b), argnames };
};

/** One argument, or entry of the last argument, to differentiate by. */
interface Target {
  readonly tree: unknown;
  readonly from: number;
  readonly to: number;
}

const differentiate = (
  op: string,
  fun: (...args: never[]) => unknown,
  { argnums, argnames }: Selection,
  args: readonly unknown[],
): [value: unknown, gradient: unknown] => {
  const nodes: Node[] = [];
  const target = (what: string, tree: unknown): Target => {
    const from = nodes.length;
    for (const a of strictLeaves(op, what, tree, isNDArray)) nodes.push(a.node);
    return { tree, from, to: nodes.length };
  };
  const positional = argnums.map((i) => {
    if (i < args.length) return target(`argument ${i}`, args[i]);
    throw new ArgumentError(
      `[${op}] expected an argument ${i} to differentiate by, got ${args.length} arguments: pass it or change argnums`,
    );
  });
  const keywords: unknown = args[args.length - 1];
  const named = (argnames ?? []).map((name) => {
    if (isPlainObject(keywords) && name in keywords)
      return target(`argument ${name}`, keywords[name]);
    throw new ArgumentError(
      `[${op}] expected the last argument to be an object with ${name}, got ${describe(keywords)}: pass it by that name`,
    );
  });
  return withTrace((traceId) => {
    const xs = nodes.map((n) => traced(n, traceId));
    const fresh = (t: Target): unknown =>
      rebuild(t.tree, isNDArray, xs.slice(t.from, t.to).map(handle));
    const given = [...args];
    for (const [k, i] of argnums.entries()) given[i] = fresh(pick(positional, k));
    if (argnames !== null && isPlainObject(keywords)) {
      const last = {
        ...(isPlainObject(given[args.length - 1]) ? Object(given[args.length - 1]) : keywords),
      };
      for (const [k, name] of argnames.entries()) last[name] = fresh(pick(named, k));
      given[args.length - 1] = last;
    }
    const result: unknown = Reflect.apply(fun, undefined, given);
    const value = readValue(op, result);
    const seed = constant(1, value.dtype);
    const cts = reverse([value], [seed], xs).map((c, i) => c && cast(c, pick(nodes, i).dtype));
    const gradients = handlesOrZeros(cts, nodes);
    const gradientOf = (t: Target): unknown =>
      rebuild(t.tree, isNDArray, gradients.slice(t.from, t.to));
    const list = positional.map(gradientOf);
    const byPosition = list.length === 1 ? list[0] : list;
    if (argnames === null) return [detachAux(result), byPosition];
    const byName = Object.fromEntries(
      argnames.map((name, k) => [name, gradientOf(pick(named, k))]),
    );
    return [detachAux(result), [list.length === 0 ? null : byPosition, byName]];
  });
};

/** The scalar that is differentiated. */
const readValue = (op: string, result: unknown): Node => {
  rejectPromise(op, result);
  const first: unknown = op !== "grad" && Array.isArray(result) ? result[0] : result;
  if (!isNDArray(first)) {
    const also = op === "grad" ? "" : ", or a list that starts with one";
    throw new TransformError(
      `[${op}] expected the function to return a scalar array${also}, got ${describe(result)}: return the loss`,
    );
  }
  if (first.ndim !== 0) {
    throw new TransformError(
      `[${op}] expected the function to return a scalar of shape [], got shape [${first.shape.join(", ")}]: ` +
        "reduce it with sum or mean, or use vjp",
    );
  }
  return first.node;
};

/** Auxiliary results as constants for enclosing transforms. */
const detachAux = (result: unknown): unknown => {
  if (!Array.isArray(result)) return result;
  const [first, ...aux]: unknown[] = result;
  const constantAux = mapLeaves(aux, isNDArray, (a) => new NDArray(stopGradient(a.node)));
  return [first, ...constantAux];
};

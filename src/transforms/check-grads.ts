/** Derivatives held against finite differences: a test for functions with rules of their own. */

import { float64 } from "../core/dtype.js";
import { ArgumentError, TransformError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readOptions } from "../core/options.js";
import { requireFunction } from "../core/require.js";
import { reader } from "../core/values.js";
import { evaluateNodes, isNDArray, NDArray } from "../graph/array.js";
import { hostNode } from "../graph/host.js";
import { type Node, sizeOf } from "../graph/node.js";
import { rejectPromise } from "../graph/trace.js";
import { rebuild, strictLeaves } from "../graph/tree.js";
import { cast } from "../primitives/index.js";
import { jvp } from "./jvp.js";
import { pick } from "./leaves.js";
import { vjp } from "./vjp.js";

export type GradMode = "forward" | "reverse";

export interface CheckGradsOptions {
  /** Derivatives of which order are checked, and of all below; default 2. */
  readonly order?: number;
  /** Default both; derivatives of higher order are taken in all combinations. */
  readonly modes?: readonly GradMode[];
  /** How far derivatives may be off, absolutely and relatively; default 1e-6 where the results are float64, else 0.02. */
  readonly atol?: number;
  readonly rtol?: number;
  /** Step of the differences; default 1e-4, larger where the results are not float64. */
  readonly eps?: number;
}

/** A function of some arrays, and what it is called in messages. */
interface Checked {
  readonly fun: (...xs: NDArray[]) => NDArray[];
  readonly name: string;
}

interface Limits {
  readonly atol: number | undefined;
  readonly rtol: number | undefined;
  readonly eps: number | undefined;
}

const isFloat = (n: Node): boolean => n.dtype.kind === "float";

const valuesOf = (x: NDArray): number[] => {
  evaluateNodes("checkGrads", [x.node]);
  const read = reader(x.dtype, x.node.data?.read() ?? new Uint8Array(0));
  return Array.from({ length: x.size }, (_, i) => Number(read(i)));
};

const arrayOf = (like: NDArray, values: readonly number[]): NDArray => {
  const bytes = new Uint8Array(Float64Array.from(values).buffer);
  return new NDArray(cast(hostNode(like.shape, float64, bytes), like.dtype));
};

/** Reproducible directions, so that a failure can be looked at again; random numbers of the program stay as they are. */
const directions = (seed: number): ((like: NDArray) => NDArray) => {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  return (like) => arrayOf(like, Array.from({ length: sizeOf(like.shape) }, next));
};

const dot = (as: readonly (readonly number[])[], bs: readonly (readonly number[])[]): number =>
  as.reduce((sum, a, i) => a.reduce((t, x, k) => t + x * (bs[i]?.[k] ?? 0), sum), 0);

/** (f(x + eps · v) − f(x − eps · v)) / (2 · eps), for each result. */
const difference = (
  { fun }: Checked,
  xs: readonly NDArray[],
  vs: readonly NDArray[],
  eps: number,
): number[][] => {
  const at = (step: number): number[][] =>
    fun(
      ...xs.map((x, i) => {
        const v = valuesOf(pick(vs, i));
        return arrayOf(
          x,
          valuesOf(x).map((a, k) => a + step * (v[k] ?? 0)),
        );
      }),
    ).map(valuesOf);
  const [up, down] = [at(eps), at(-eps)];
  return up.map((list, i) => list.map((a, k) => (a - (down[i]?.[k] ?? 0)) / (2 * eps)));
};

const requireClose = (
  got: readonly number[],
  want: readonly number[],
  atol: number,
  rtol: number,
  what: string,
): void => {
  for (const [k, w] of want.entries()) {
    const g = got[k] ?? Number.NaN;
    if (Math.abs(g - w) <= atol + rtol * Math.abs(w) || Object.is(g, w)) continue;
    throw new TransformError(
      `[checkGrads] expected ${what} to be ${w} as by central differences, got ${g} at element ${k}: ` +
        "look at the derivatives of what the function is made of, or for a kink nearby",
    );
  }
};

/** Checks derivatives of first order, and gives the functions that compute them, for the next. */
const checkOnce = (
  f: Checked,
  xs: readonly NDArray[],
  modes: readonly GradMode[],
  limits: Limits,
  seed: number,
): Checked[] => {
  const direction = directions(seed);
  const vs = xs.map(direction);
  const outs = f.fun(...xs);
  const exact = outs.every((y) => y.dtype === float64);
  const {
    atol = exact ? 1e-6 : 0.02,
    rtol = exact ? 1e-6 : 0.02,
    eps = exact ? 1e-4 : 0.01,
  } = limits;
  const cts = outs.map(direction);
  const numeric = difference(f, xs, vs, eps);
  const next: Checked[] = [];
  for (const mode of modes) {
    const name = `${mode === "forward" ? "jvp" : "vjp"} of ${f.name}`;
    if (mode === "forward") {
      const tangents = jvp(f.fun, [...xs], vs)[1];
      for (const [i, t] of tangents.entries())
        requireClose(valuesOf(t), numeric[i] ?? [], atol, rtol, `${name}, result ${i},`);
      next.push({ name, fun: (...ys) => jvp(f.fun, ys, vs)[1] });
    } else {
      const pulled = vjp(f.fun, [...xs], cts)[1];
      const along = dot(pulled.map(valuesOf), vs.map(valuesOf));
      requireClose(
        [along],
        [dot(cts.map(valuesOf), numeric)],
        atol,
        rtol,
        `${name} times a vector`,
      );
      next.push({ name, fun: (...ys) => vjp(f.fun, ys, cts)[1] });
    }
  }
  return next;
};

/**
 * Checks derivatives of `fun` at the primals against central differences, computed in float64: tangents along a random
 * direction, and cotangents against them; derivatives of higher order are those of the functions that compute the lower.
 *
 * Primals and results are trees of arrays. Arrays of floats are converted to float64 and varied; others stay. Returns when
 * all is well.
 *
 * @throws TransformError naming the derivative that is off, and by how much; ArgumentError for options that are none
 * @example
 * mx.checkGrads((x: mx.NDArray) => mx.sin(x).multiply(x), [mx.array([0.5, 2])]);
 * mx.checkGrads((x: mx.NDArray) => mx.tanh(x), [mx.array(0.5)], { order: 3, modes: ["forward"] });
 */
export function checkGrads<A extends readonly unknown[]>(
  fun: (...primals: A) => unknown,
  primals: readonly [...A],
  options?: CheckGradsOptions,
): void {
  requireFunction("checkGrads", fun);
  const names = ["order", "modes", "atol", "rtol", "eps"] as const;
  const given = readOptions<CheckGradsOptions>("checkGrads", options, names);
  const { order = 2, modes = ["forward", "reverse"] } = given;
  if (!Array.isArray(modes)) {
    throw new ArgumentError(
      `[checkGrads] expected modes as a list of "forward" and "reverse", got ${describe(modes)}: pass one`,
    );
  }
  if (!Number.isInteger(order) || order < 1) {
    throw new ArgumentError(
      `[checkGrads] expected order to be a whole number of at least 1, got ${order}: leave it out for 2`,
    );
  }
  for (const mode of modes) {
    if (mode === "forward" || mode === "reverse") continue;
    throw new ArgumentError(
      `[checkGrads] expected modes among "forward" and "reverse", got ${describe(mode)}: leave them out for both`,
    );
  }
  const leaves = strictLeaves("checkGrads", "primals", primals, isNDArray);
  const varied = leaves
    .filter((a) => isFloat(a.node))
    .map((a) => new NDArray(cast(a.node, float64)));
  if (varied.length === 0) {
    throw new ArgumentError(
      "[checkGrads] expected at least one array of floats among the primals, got none: there is nothing to vary",
    );
  }
  const inner = (...xs: NDArray[]): NDArray[] => {
    let next = 0;
    const now = leaves.map((a) => (isFloat(a.node) ? pick(xs, next++) : a));
    // The same trees with arrays of float64.
    const result: unknown = fun(...(rebuild(primals, isNDArray, now) as unknown as A));
    rejectPromise("checkGrads", result);
    return strictLeaves("checkGrads", "the result", result, isNDArray).filter((y) =>
      isFloat(y.node),
    );
  };
  const limits: Limits = { atol: given.atol, rtol: given.rtol, eps: given.eps };
  let level: Checked[] = [{ name: "the function", fun: inner }];
  for (let k = 0; k < order; k++)
    level = level.flatMap((f, i) => checkOnce(f, varied, modes, limits, 1 + k * 31 + i));
}

/** Functions with derivatives or batching rules of the user's own. */

import { ArgumentError, TransformError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { requireFunction } from "../core/require.js";
import { isNDArray, NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import type { Tangents } from "../graph/primitive.js";
import { rejectPromise } from "../graph/trace.js";
import { leavesOf, rebuild, strictLeaves } from "../graph/tree.js";
import { type CallAttrs, call, cast, moveAxis, zerosLike } from "../primitives/index.js";
import { handle } from "./check.js";
import { pick } from "./leaves.js";
import { mapNodes, repeat } from "./replay.js";
import { transposeTangents } from "./reverse.js";

/** The arguments as rules see them: a single one bare, several as a tuple. */
export type Primals<A extends readonly unknown[]> = A extends readonly [infer One] ? One : A;

/** A tree of the structure of `T` in which arrays may be missing. */
export type Partially<T> = T extends NDArray
  ? NDArray | null
  : T extends readonly unknown[]
    ? { [K in keyof T]: Partially<T[K]> }
    : T extends object
      ? { [K in keyof T]: Partially<T[K]> }
      : T;

/** The axis of each array of a tree, null for one that is not mapped. */
export type AxesOf<T> = T extends NDArray
  ? number | null
  : T extends readonly unknown[]
    ? { [K in keyof T]: AxesOf<T[K]> }
    : T extends object
      ? { [K in keyof T]: AxesOf<T[K]> }
      : T;

/** Cotangents of the primals from those of the outputs; arrays in the order of the primals' arrays. */
export type CustomVjp<A extends readonly unknown[], R> = (
  primals: Primals<A>,
  cotangents: R,
  outputs: R,
) => unknown;

/** Tangents of the outputs; a tangent that is zero comes as null. */
export type CustomJvp<A extends readonly unknown[], R> = (
  primals: Primals<A>,
  tangents: Partially<Primals<A>>,
) => Partially<R>;

/** The outputs for inputs with mapped axes, and the axes of the outputs. */
export type CustomVmap<A extends readonly unknown[], R> = (
  inputs: Primals<A>,
  axes: AxesOf<Primals<A>>,
) => readonly [outputs: R, axes: unknown];

/** A function with rules of its own; each of `vjp`, `jvp`, `vmap` sets a rule and returns the same function. */
export interface CustomFunction<A extends readonly unknown[], R> {
  (...args: A): R;
  vjp(rule: CustomVjp<A, R>): CustomFunction<A, R>;
  jvp(rule: CustomJvp<A, R>): CustomFunction<A, R>;
  vmap(rule: CustomVmap<A, R>): CustomFunction<A, R>;
}

export interface CustomRules<A extends readonly unknown[], R> {
  readonly vjp?: CustomVjp<A, R>;
  readonly jvp?: CustomJvp<A, R>;
  readonly vmap?: CustomVmap<A, R>;
}

type Rule = (...args: never[]) => unknown;
interface Rules {
  vjp: Rule | null;
  jvp: Rule | null;
  vmap: Rule | null;
}

/**
 * `fun` with derivatives or a batching rule of your own, given here or set by the methods `vjp`, `jvp`, `vmap`.
 *
 * Arguments may be trees; with exactly one argument, rules get that argument bare. A rule that is not given comes from the
 * others or from `fun`: a vjp is the transpose of the jvp, batching maps `fun` and keeps its derivatives. Arrays that `fun`
 * captures are constants for a vjp rule.
 *
 * @throws TransformError when a rule returns another number of arrays than it must
 * @example
 * const clipped = mx.customFunction((x: mx.NDArray) => x);
 * clipped.vjp((x, cotangent) => mx.clip(cotangent, -1, 1));
 * @see mlx.core.custom_function
 */
export function customFunction<A extends readonly unknown[], R>(
  fun: (...args: A) => R,
  rules: CustomRules<A, R> = {},
): CustomFunction<A, R> {
  requireFunction("customFunction", fun);
  const own: Rules = { vjp: rules.vjp ?? null, jvp: rules.jvp ?? null, vmap: rules.vmap ?? null };
  const set =
    (name: keyof Rules) =>
    (rule: Rule): CustomFunction<A, R> => {
      if (typeof rule !== "function")
        throw new ArgumentError(
          `[customFunction] expected a function as ${name}, got ${describe(rule)}: pass one`,
        );
      own[name] = rule;
      return custom;
    };
  const custom: CustomFunction<A, R> = Object.assign((...args: A): R => run(fun, own, args), {
    vjp: set("vjp"),
    jvp: set("jvp"),
    vmap: set("vmap"),
  });
  return custom;
}

const run = <A extends readonly unknown[], R>(fun: (...args: A) => R, own: Rules, args: A): R => {
  const result = fun(...args);
  if (own.vjp === null && own.jvp === null && own.vmap === null) return result;
  rejectPromise("customFunction", result);
  const ins = leavesOf(args, isNDArray).map((a) => a.node);
  const outs = strictLeaves("customFunction", "result", result, isNDArray).map((a) => a.node);
  const shape: Shape = { args: args.length === 1 ? args[0] : args, result };
  const results = call(ins, outs, attrsOf({ ...own }, shape, ins.length));
  // Same structure, arrays in the places of arrays.
  return rebuild(result, isNDArray, results.map(handle)) as R;
};

/** The trees that arguments and results come in. */
interface Shape {
  readonly args: unknown;
  readonly result: unknown;
}

const tree = (like: unknown, nodes: Tangents): unknown =>
  rebuild(
    like,
    isNDArray,
    nodes.map((n) => (n === null ? null : new NDArray(n))),
  );

const callRule = (name: string, rule: Rule, args: readonly unknown[]): unknown => {
  const result: unknown = Reflect.apply(rule, undefined, args);
  rejectPromise(name, result);
  return result;
};

const wrongCount = (name: string, what: string, want: number, got: number): TransformError =>
  new TransformError(
    `[customFunction] expected the ${name} rule to return ${want} arrays, one per ${what}, got ${got}: return them in order`,
  );

const attrsOf = (own: Rules, shape: Shape, count: number): CallAttrs => {
  const { vjp, jvp, vmap } = own;
  const pushed =
    jvp === null
      ? null
      : (ts: Tangents, args: readonly Node[], outs: readonly Node[]): Tangents => {
          const result = callRule("jvp", jvp, [tree(shape.args, args), tree(shape.args, ts)]);
          const list = tangentLeaves(result);
          if (list.length !== outs.length)
            throw wrongCount("jvp", "output", outs.length, list.length);
          return list;
        };
  const pulled =
    vjp === null
      ? pushed === null
        ? null
        : (cts: Tangents, args: readonly Node[], outs: readonly Node[]): Tangents =>
            transposeTangents(
              (ts) => pushed(ts, args, outs),
              args,
              () => true,
              cts,
            )
      : (cts: Tangents, args: readonly Node[], outs: readonly Node[]): Tangents => {
          const whole = outs.map((o, i) => cts[i] ?? zerosLike(o));
          const result = callRule("vjp", vjp, [
            tree(shape.args, args),
            tree(shape.result, whole),
            tree(shape.result, outs),
          ]);
          const list = leavesOf(result, isNDArray);
          if (list.length !== args.length)
            throw wrongCount("vjp", "primal", args.length, list.length);
          return list.map((a, i) => checkCotangent(a.node, pick(args, i), i));
        };
  const attrs: CallAttrs = {
    args: count,
    pull: pulled,
    jvp: pushed,
    batch: null,
    lift: (size) => liftCall(attrs, size),
  };
  if (vmap === null) return attrs;
  return {
    ...attrs,
    batch(args, mapped, size) {
      const axes = mapped.map((m) => (m ? 0 : null));
      const result = callRule("vmap", vmap, [
        tree(shape.args, args),
        rebuild(shape.args, isNDArray, axes),
      ]);
      const outs = readBatched(result, size);
      const wide = args.map((n, i) => (mapped[i] === true ? n : repeat(n, size)));
      return call(wide, outs, liftCall(attrs, size));
    },
  };
};

const checkCotangent = (ct: Node, primal: Node, i: number): Node => {
  if (ct.shape.length === primal.shape.length && ct.shape.every((n, d) => n === primal.shape[d]))
    return cast(ct, primal.dtype);
  throw new TransformError(
    `[customFunction] the vjp rule returned shape [${ct.shape.join(", ")}] for primal ${i} of shape [${primal.shape.join(", ")}]: return one cotangent per primal, in its shape`,
  );
};

/** Tangents in order; null counts as one, for zero. */
const tangentLeaves = (result: unknown): (Node | null)[] =>
  leavesOf(result, isTangent).map((t) => (t === null ? null : t.node));
const isTangent = (x: unknown): x is NDArray | null => x === null || isNDArray(x);

const isAxis = (x: unknown): x is number | null => x === null || typeof x === "number";

/** A vmap rule's results with their mapped axis moved to 0. */
const readBatched = (result: unknown, size: number): Node[] => {
  if (!Array.isArray(result) || result.length !== 2) {
    throw new TransformError(
      `[customFunction] expected the vmap rule to return [outputs, axes], got ${describe(result)}: return both`,
    );
  }
  const [outputs, axes]: unknown[] = result;
  const outs = strictLeaves("customFunction", "result", outputs, isNDArray);
  const where = leavesOf(axes, isAxis);
  if (where.length !== 1 && where.length !== outs.length)
    throw wrongCount("vmap", "output axis", outs.length, where.length);
  return outs.map(({ node }, i) => {
    const axis = where.length === 1 ? pick(where, 0) : pick(where, i);
    if (axis === null) return repeat(node, size);
    const at = axis < 0 ? axis + node.shape.length : axis;
    if (node.shape[at] === size) return moveAxis(node, at, 0);
    throw new TransformError(
      `[customFunction] the vmap rule returned shape [${node.shape.join(", ")}] with axis ${axis}, but ${size} items were mapped: return the axis that has that length`,
    );
  });
};

/** The same rules on arguments with one more leading axis. */
export const liftCall = (attrs: CallAttrs, size: number): CallAttrs => {
  const lifted = (
    rule: (vs: Tangents, args: readonly Node[], outs: readonly Node[]) => Tangents,
  ): ((vs: Tangents, args: readonly Node[], outs: readonly Node[]) => Tangents) => {
    return (vs, args, outs) =>
      mapNodes(size, [...vs, ...args, ...outs], (xs) => {
        const present = xs.slice(vs.length).filter((x) => x !== null);
        return rule(
          xs.slice(0, vs.length),
          present.slice(0, args.length),
          present.slice(args.length),
        );
      });
  };
  const up: CallAttrs = {
    ...(attrs.repeats === true ? { repeats: true } : {}),
    args: attrs.args,
    pull: attrs.pull && lifted(attrs.pull),
    jvp: attrs.jvp && lifted(attrs.jvp),
    batch: null,
    lift: (n) => liftCall(up, n),
  };
  return up;
};

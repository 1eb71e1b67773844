/** Compiled functions: traced once per kind of arguments, then replayed from the recorded graph. */

import { TransformError } from "../core/errors.js";
import { readOptions } from "../core/options.js";
import { requireFunction } from "../core/require.js";
import { isNDArray, type NDArray, rebind } from "../graph/array.js";
import { bindAll } from "../graph/bind.js";
import { type Node, nextId, use } from "../graph/node.js";
import { applicationsOf } from "../graph/order.js";
import { isOwned, own as markOwned } from "../graph/owned.js";
import { activeTrace, rejectPromise, withTrace } from "../graph/trace.js";
import { mapLeaves, rebuild } from "../graph/tree.js";
import { type CompiledAttrs, compiledP, keepingCounts } from "../primitives/index.js";
import {
  type Contents,
  describeWritten,
  fill,
  remember,
  type StandIns,
  undo,
  unfill,
  type Written,
  writeBack,
  writeCaptured,
} from "./captured.js";
import { handle } from "./check.js";
import { hole, pick } from "./leaves.js";
import { record } from "./record.js";
import { substitute } from "./replay.js";
import { reshaped } from "./reshaped.js";
import { type Signature, sameSignature, writeArguments, writeType } from "./signature.js";
import { type Count, simplify } from "./simplify.js";

export interface CompileOptions {
  /** State the function reads besides its arguments: a tree of arrays, or objects whose `state` is one, such as optimizers. */
  readonly inputs?: unknown;
  /** State the function writes; may be the same trees. */
  readonly outputs?: unknown;
  /** Traces once for all lengths of axes, as long as the number of axes and the dtypes stay. */
  readonly shapeless?: boolean;
}

/** Traces kept per function; beyond it the least recently used goes. */
const capacity = 64;

const environment = (): boolean => {
  const process: unknown = Reflect.get(globalThis, "process");
  const env: unknown =
    typeof process === "object" && process !== null ? Reflect.get(process, "env") : undefined;
  return typeof env === "object" && env !== null && "MLX_DISABLE_COMPILE" in env;
};

let enabled = !environment();

/**
 * Makes compiled functions call the functions they were made of, for looking for mistakes. Also set by the presence of the
 * environment variable `MLX_DISABLE_COMPILE`.
 *
 * @example mx.disableCompile();
 * @see mlx.core.disable_compile
 */
export function disableCompile(): void {
  enabled = false;
}

/**
 * Undoes {@link disableCompile}.
 *
 * @example mx.enableCompile();
 * @see mlx.core.enable_compile
 */
export function enableCompile(): void {
  enabled = true;
}

/** The place of an array in a result that is kept. */
class Place {}
const place = new Place();
const isPlace = (x: unknown): x is Place => x instanceof Place;

interface Entry {
  readonly signature: Signature;
  /** Null for a function without arrays in its results. */
  readonly attrs: CompiledAttrs | null;
  /** For all lengths of axes: the graphs derived so far, by the shapes of the arguments; null where there is none. */
  readonly variants: Map<string, CompiledAttrs | null> | null;
  readonly counts: ReadonlyMap<Node, Count>;
  /** Values that the function reached by closure, or computed from nothing but those. */
  readonly constants: readonly Node[];
  /** The result, with places for arrays. */
  readonly result: unknown;
  readonly results: number;
  readonly written: Written | null;
}

/** One call: everything the function gets. */
interface Call {
  readonly args: readonly unknown[];
  readonly inputs: unknown;
  readonly outputs: unknown;
  /** Arrays among the arguments, then captured ones, each handle once. */
  readonly arrays: readonly NDArray[];
  readonly nodes: readonly Node[];
  readonly own: number;
  readonly shapeless: boolean;
}

/**
 * `fun`, run once per kind of arguments; later calls replay the graph it made, simplified and planned as a whole.
 *
 * Arguments and results are trees. Calls share a trace when the trees have the same structure, the arrays the same shapes and
 * dtypes, and everything else the same values. Results that are not arrays, prints and other effects are those of the trace.
 * Arrays reached by closure are constants; state that changes between calls is listed in `inputs` and `outputs`. Inside other
 * transforms `fun` itself is called.
 *
 * @throws ArgumentError for arguments that cannot be compared
 * @throws TransformError when `fun` looks at values, returns a promise, or reaches an argument's array by closure as well
 * @example
 * const gelu = mx.compile((x: mx.NDArray) => x.multiply(mx.erf(x.divide(Math.SQRT2)).add(1)).divide(2));
 * gelu(mx.array([-1, 0, 1]));
 * @example
 * const params = { w: mx.zeros([3]) };
 * const step = mx.compile(
 *   (x: mx.NDArray) => {
 *     params.w = params.w.add(x);
 *     return params.w.sum();
 *   },
 *   { inputs: params, outputs: params },
 * );
 * step(mx.ones([3])); // 3
 * step(mx.ones([3])); // 6
 * @see mlx.core.compile
 */
export function compile<A extends readonly unknown[], R>(
  fun: (...args: A) => R,
  options?: CompileOptions,
): (...args: A) => R {
  requireFunction("compile", fun);
  const given = readOptions<CompileOptions>("compile", options, ["inputs", "outputs", "shapeless"]);
  const entries: Entry[] = [];
  const shapeless = given.shapeless === true;
  return (...args) => {
    if (!enabled) return fun(...args);
    const signature: Signature = [];
    const arrays: NDArray[] = [];
    for (let i = 0; i < args.length; i++)
      writeArguments(args[i], `argument ${i}`, shapeless, signature, arrays);
    const own = arrays.length;
    if (given.inputs !== undefined) readCaptured(given.inputs, shapeless, signature, arrays);
    const nodes: Node[] = [];
    for (const a of arrays) {
      if (activeTrace(a.node) !== 0) return fun(...args);
      nodes.push(a.node);
    }
    const { inputs, outputs } = given;
    const call: Call = { args, inputs, outputs, arrays, nodes, own, shapeless };
    const known = find(entries, signature, call);
    if (known !== null) return known() as R;
    const made = trace(fun, call, signature);
    if (!isEntry(made)) return made.result as R;
    entries.unshift(made);
    if (entries.length > capacity) entries.pop();
    return replay(made, made.attrs, call) as R;
  };
}

/** The replay of a trace that serves the call. */
const find = (entries: Entry[], signature: Signature, call: Call): (() => unknown) | null => {
  for (let i = 0; i < entries.length; i++) {
    const entry = pick(entries, i);
    if (!sameSignature(entry.signature, signature)) continue;
    const attrs = entry.variants === null ? entry.attrs : variant(entry, call.nodes);
    if (attrs === null && entry.attrs !== null) continue;
    if (i > 0) {
      entries.splice(i, 1);
      entries.unshift(entry);
    }
    return () => replay(entry, attrs, call);
  }
  return null;
};

const shapesText = (nodes: readonly Node[]): string => nodes.map((n) => n.shape.join()).join(";");

/** The graph for the lengths of axes that `nodes` have, when it follows from the traced one. */
const variant = (
  { attrs, variants, counts }: Entry,
  nodes: readonly Node[],
): CompiledAttrs | null => {
  if (attrs === null || variants === null) return attrs;
  const key = shapesText(nodes);
  const known = variants.get(key);
  if (known !== undefined) return known;
  const shapes = nodes.map((n) => n.shape);
  const made = reshaped(attrs.record, counts, shapes);
  for (const oldest of variants.keys()) {
    if (variants.size < capacity) break;
    variants.delete(oldest);
  }
  variants.set(key, made);
  return made;
};

/** Captured arrays: a handle that occurs twice is one value, so which ones do is part of the signature. */
const readCaptured = (
  inputs: unknown,
  ranks: boolean,
  signature: Signature,
  arrays: NDArray[],
): void => {
  const found: NDArray[] = [];
  writeCaptured("inputs", inputs, signature, found);
  const places = new Map<NDArray, number>();
  for (const a of found) {
    const first = places.get(a);
    signature.push(first);
    if (first !== undefined) continue;
    places.set(a, places.size);
    writeType(a.node, ranks, signature);
    arrays.push(a);
  }
};

/** What cannot be kept: its graph holds values of a transform that is running. */
interface Passing {
  readonly result: unknown;
}
const isEntry = (x: Entry | Passing): x is Entry => "signature" in x;

const trace = (
  fun: (...args: never[]) => unknown,
  { args, inputs, outputs, arrays, nodes, own, shapeless }: Call,
  signature: Signature,
): Entry | Passing => {
  const contents: Contents = new Map();
  remember(inputs, contents);
  remember(outputs, contents);
  const states: NDArray[] = [];
  writeCaptured("outputs", outputs, [], states);
  const before = new Map([...states, ...arrays.slice(own)].map((a) => [a, a.node]));
  try {
    const first = nextId();
    const traced = withTrace((traceId) => {
      const holes = nodes.map((n) => hole(n, traceId));
      const standIns: StandIns = new Map();
      for (let i = own; i < arrays.length; i++) {
        const standIn = handle(pick(holes, i));
        if (isOwned(pick(arrays, i))) markOwned(standIn);
        standIns.set(pick(arrays, i), standIn);
      }
      fill(inputs, contents, standIns);
      const fresh = rebuild(args, isNDArray, holes.slice(0, own).map(handle));
      const result: unknown = keepingCounts(shapeless, () =>
        Reflect.apply(fun, undefined, [...fresh]),
      );
      rejectPromise("compile", result);
      const found: NDArray[] = [];
      const kept = mapLeaves(result, isNDArray, (a) => {
        found.push(a);
        return place;
      });
      const results = found.length;
      const written =
        outputs === undefined ? null : describeWritten(outputs, outputs, contents, standIns, found);
      unfill(contents, standIns);
      for (const [a, standIn] of standIns) {
        const overwritten = !holes.includes(standIn.node);
        if (overwritten) rebind(a, standIn.node);
      }
      return { holes, result: kept, results, outs: found.map((a) => a.node), written };
    });
    const { holes, result, results, outs, written } = traced;
    const outside = independent(outs, holes, first);
    for (const n of outside) {
      if (activeTrace(n) === 0) continue;
      const now = substitute(outs, holes, nodes);
      if (written !== null) writeBack(written, outputs, now);
      return { result: rebuild(result, isPlace, now.slice(0, results).map(handle)) };
    }
    const both = nodes.findIndex((n) => outside.has(n));
    if (both >= 0) throw reachedTwice(both < own ? `argument array ${both}` : "captured state");
    const { leaves, roots, captured, counts } = simplify(holes, outs, shapeless);
    // Later calls need them.
    use(captured);
    const attrs = roots.length === 0 ? null : record(leaves, roots);
    const variants = shapeless ? new Map([[shapesText(nodes), attrs]]) : null;
    return { signature, attrs, variants, counts, constants: captured, result, results, written };
  } catch (e) {
    undo(contents);
    for (const [a, n] of before) rebind(a, n);
    throw e;
  }
};

const reachedTwice = (what: string): TransformError =>
  new TransformError(
    `[compile] expected a function that takes ${what} from there only, got one that reaches the same array by closure: ` +
      "read it from the arguments or from the captured tree, or copy it",
  );

/** The values that a traced graph takes up without their depending on its holes; `first` is older than all it made. */
const independent = (roots: readonly Node[], holes: readonly Node[], first: number): Set<Node> => {
  const dependent = new Set(holes);
  const found = new Set<Node>();
  const look = (n: Node): void => {
    if (!dependent.has(n)) found.add(n);
  };
  for (const n of applicationsOf(roots)) {
    if (n.ins.some((x) => dependent.has(x))) dependent.add(n);
    if (n.id > first) for (const x of n.ins) look(x);
  }
  for (const n of roots) look(n);
  return found;
};

const replay = (entry: Entry, attrs: CompiledAttrs | null, { nodes, outputs }: Call): unknown => {
  if (attrs === null) return rebuild(entry.result, isPlace, []);
  const ins = entry.constants.length === 0 ? nodes : [...nodes, ...entry.constants];
  const outs = bindAll(compiledP, ins, attrs);
  if (entry.written !== null) writeBack(entry.written, outputs, outs);
  return rebuild(entry.result, isPlace, outs.slice(0, entry.results).map(handle));
};

/** Runs a function once on placeholders, and gives the graph that it made of its positional and named arrays. */
import { TransformError } from "../core/errors.js";
import { setOwn } from "../core/guards.js";
import { NDArray as Handle, type NDArray } from "../graph/array.js";
import { bindAll } from "../graph/bind.js";
import { type Node, outsOf } from "../graph/node.js";
import { applicationsOf } from "../graph/order.js";
import { activeTrace, withTrace } from "../graph/trace.js";
import { callP, keepingCounts } from "../primitives/index.js";
import { readOutputs } from "../transforms/check.js";
import { hole } from "../transforms/leaves.js";
import { type Count, simplify } from "../transforms/simplify.js";
import { writeAttributes } from "./attributes.js";

/** Arrays by position and by name. */
export interface Inputs {
  readonly positional: readonly NDArray[];
  readonly keywords: readonly (readonly [name: string, array: NDArray])[];
}

export interface TracedFunction {
  readonly positional: number;
  readonly keywords: readonly string[];
  /** Placeholders: of the inputs, positional ones first, then of the constants. */
  readonly leaves: readonly Node[];
  /** Arrays that the function took from elsewhere, or computed from those alone. */
  readonly constants: readonly Node[];
  readonly roots: readonly Node[];
  readonly counts: ReadonlyMap<Node, Count>;
}

/** Whether files cannot hold it, but what it is made of. */
const isExpandable = ({ prim, attrs }: Node): boolean =>
  prim !== null &&
  prim !== callP &&
  prim.rule.family === "composite" &&
  writeAttributes(prim, attrs) === null;

/** The roots with composites that files cannot hold taken apart. */
const expanded = (roots: readonly Node[]): readonly Node[] => {
  const order = applicationsOf(roots);
  if (!order.some(isExpandable)) return roots;
  const now = new Map<Node, Node>();
  for (const n of order) {
    const { prim } = n;
    if (prim === null || now.has(n)) continue;
    const ins = n.ins.map((x) => now.get(x) ?? x);
    const apart = isExpandable(n) && prim.rule.family === "composite" ? prim.rule : null;
    if (apart === null && ins.every((x, i) => x === n.ins[i])) continue;
    const made = apart?.decompose(ins, n.attrs) ?? bindAll(prim, ins, n.attrs);
    for (const [i, o] of outsOf(n).entries()) {
      const out = made[i];
      if (out !== undefined) now.set(o, out);
    }
  }
  // What they are made of may have to be taken apart as well.
  return expanded(roots.map((n) => now.get(n) ?? n));
};

/** All nodes of the inputs, in order. */
export const nodesOf = ({ positional, keywords }: Inputs): Node[] => [
  ...positional.map((a) => a.node),
  ...keywords.map(([, a]) => a.node),
];

/**
 * The graph of `fun`, which gets the arrays with names as an object behind the others.
 *
 * @throws TransformError inside other transforms, or when `fun` looks at values or returns anything but arrays
 */
export const traceFunction = (
  op: string,
  fun: (...args: never[]) => unknown,
  inputs: Inputs,
  shapeless: boolean,
): TracedFunction => {
  const nodes = nodesOf(inputs);
  const inside = (n: Node): TransformError =>
    new TransformError(
      `[${op}] expected arrays outside transforms, got one of type ${n.dtype.name}[${n.shape.join(", ")}] that is being traced: export outside`,
    );
  for (const n of nodes) if (activeTrace(n) !== 0) throw inside(n);
  const { positional, keywords } = inputs;
  const traced = withTrace((traceId) => {
    const holes = nodes.map((n) => hole(n, traceId));
    const handles = holes.map((n) => new Handle(n));
    const named: Record<string, NDArray> = {};
    for (const [i, [name]] of keywords.entries()) {
      const a = handles[positional.length + i];
      if (a !== undefined) setOwn(named, name, a);
    }
    const args: unknown[] = handles.slice(0, positional.length);
    if (keywords.length > 0) args.push(named);
    const outs = keepingCounts(shapeless, () =>
      readOutputs(op, Reflect.apply(fun, undefined, args)),
    );
    return { holes, outs: expanded(outs) };
  });
  const { leaves, roots, captured, counts } = simplify(traced.holes, traced.outs, shapeless);
  for (const n of captured) if (n.data === null || activeTrace(n) !== 0) throw inside(n);
  return {
    positional: positional.length,
    keywords: keywords.map(([name]) => name),
    leaves,
    constants: captured,
    roots,
    counts,
  };
};

/** Einstein summation, as pairwise contractions in a greedy order. */

import { isInexact } from "../core/dtype.js";
import { ArgumentError, DTypeError } from "../core/errors.js";
import { promote } from "../core/promotion.js";
import type { NDArray } from "../graph/array.js";
import { type Node, sizeOf } from "../graph/node.js";
import * as p from "../primitives/index.js";
import { greedyPath, parseSubscripts, type Subscripts } from "./einsum-path.js";
import { castTo, nodeOf, type Operand, pairNodes, wrap } from "./operand.js";

/** A node whose axes have labels, each label once. */
interface Labelled {
  readonly node: Node;
  readonly labels: readonly string[];
}

/** Merges axes with one label into its diagonal. */
const mergeRepeated = (node: Node, labels: readonly string[]): Labelled => {
  const second = labels.findIndex((l, i) => labels.indexOf(l) < i);
  if (second < 0) return { node, labels };
  const first = labels.indexOf(labels[second] ?? "");
  const rest = p.otherAxes(labels.length, [first, second]);
  const moved = p.permute(node, [...rest, first, second]);
  const lead = moved.shape.slice(0, -2);
  const side = moved.shape.at(-1) ?? 0;
  const flat = p.reshape(moved, [...lead, side * side]);
  const diagonal = p.slice(
    flat,
    flat.shape.map(() => 0),
    [...lead, side],
    [...lead.map(() => 1), side + 1],
  );
  return mergeRepeated(diagonal, [...rest.map((d) => labels[d] ?? ""), labels[first] ?? ""]);
};

const lengths = (x: Labelled, labels: readonly string[]): number[] =>
  labels.map((l) => x.node.shape[x.labels.indexOf(l)] ?? 1);

/** Axes in the order of `labels`, which are all of them. */
const arrange = (x: Labelled, labels: readonly string[]): Node =>
  p.permute(
    x.node,
    labels.map((l) => x.labels.indexOf(l)),
  );

/** Sums out the labels that are not in `keep`. */
const sumOut = (x: Labelled, keep: ReadonlySet<string>): Labelled => {
  const axes = x.labels.map((_, d) => d).filter((d) => !keep.has(x.labels[d] ?? ""));
  return { node: p.sum(x.node, axes), labels: x.labels.filter((l) => keep.has(l)) };
};

/** Axes of length 1 that stand for a longer label are repeated where they are summed or shared. */
const widen = (x: Labelled, s: Subscripts): Labelled => {
  const shape = x.labels.map((l) => s.sizes.get(l) ?? 1);
  return { node: p.broadcast(x.node, shape), labels: x.labels };
};

const contractPair = (a: Labelled, b: Labelled, output: readonly string[]): Labelled => {
  const out = new Set(output);
  const inA = new Set(a.labels);
  const inB = new Set(b.labels);
  const x = sumOut(a, new Set([...output, ...b.labels]));
  const y = sumOut(b, new Set([...output, ...a.labels]));
  const batch = x.labels.filter((l) => inB.has(l) && out.has(l));
  const summed = x.labels.filter((l) => inB.has(l) && !out.has(l));
  const left = x.labels.filter((l) => !inB.has(l));
  const right = y.labels.filter((l) => !inA.has(l));
  const labels = [...batch, ...left, ...right];
  const shape = [...lengths(x, batch), ...lengths(x, left), ...lengths(y, right)];
  if (summed.length === 0) {
    const u = p.reshape(arrange(x, [...batch, ...left]), [
      ...lengths(x, [...batch, ...left]),
      ...right.map(() => 1),
    ]);
    const v = p.reshape(arrange(y, [...batch, ...right]), [
      ...lengths(y, batch),
      ...left.map(() => 1),
      ...lengths(y, right),
    ]);
    const [s, t] = pairNodes("einsum", u, v);
    return { node: p.multiply(s, t), labels };
  }
  const dtype = promote(x.node.dtype, y.node.dtype);
  if (!isInexact(dtype)) {
    throw new DTypeError(
      `[einsum] expected floating or complex arrays to contract, got ${x.node.dtype.name} and ${y.node.dtype.name}: cast them`,
    );
  }
  const b0 = sizeOf(lengths(x, batch));
  const m = sizeOf(lengths(x, left));
  const k = sizeOf(lengths(x, summed));
  const n = sizeOf(lengths(y, right));
  const u = p.reshape(castTo(arrange(x, [...batch, ...left, ...summed]), dtype), [b0, m, k]);
  const v = p.reshape(castTo(arrange(y, [...batch, ...summed, ...right]), dtype), [b0, k, n]);
  // A batch of one is left out: a plain product has the faster kernel.
  const product = b0 === 1 ? p.matmul(p.reshape(u, [m, k]), p.reshape(v, [k, n])) : p.matmul(u, v);
  return { node: p.reshape(product, shape), labels };
};

/**
 * Einstein summation over named axes: `"ij,jk->ik"`. Supports `...`, repeated subscripts and an implicit output.
 *
 * @throws ArgumentError for bad subscripts, ShapeError when sizes do not fit, DTypeError for contractions of integers
 * @example mx.einsum("i,i->", mx.array([1, 2]), mx.array([3, 4])).item() // 11
 * @see mlx.core.einsum
 */
export function einsum(subscripts: string, ...operands: readonly Operand[]): NDArray {
  const nodes = operands.map((a) => nodeOf("einsum", a));
  const s = parseSubscripts(
    subscripts,
    nodes.map((n) => n.shape),
  );
  const list = nodes.map((n, i) => widen(mergeRepeated(n, s.inputs[i] ?? []), s));
  let result: Labelled | undefined;
  for (const step of greedyPath(s).steps) {
    const [i, j] = step.positions;
    const a = i === undefined ? undefined : list[i];
    const b = j === undefined ? undefined : list[j];
    if (a === undefined) break;
    for (const at of [...step.positions].sort((x, y) => y - x)) list.splice(at, 1);
    result = b === undefined ? sumOut(a, new Set(step.output)) : contractPair(a, b, step.output);
    list.push(result);
  }
  if (result === undefined)
    throw new ArgumentError("[einsum] expected at least one operand, got none");
  return wrap(arrange(result, s.output));
}

/**
 * The order in which einsum contracts, as lists of positions, and a report of its costs.
 *
 * @throws ArgumentError for bad subscripts, ShapeError when sizes do not fit
 * @example mx.einsumPath("ij,jk->ik", mx.ones([2, 3]), mx.ones([3, 4]))[0] // [[0, 1]]
 * @see mlx.core.einsum_path
 */
export function einsumPath(
  subscripts: string,
  ...operands: readonly Operand[]
): [number[][], string] {
  const s = parseSubscripts(
    subscripts,
    operands.map((a) => nodeOf("einsumPath", a).shape),
  );
  const { steps, costs } = greedyPath(s);
  const report = [
    `  Complete contraction:  ${subscripts.replaceAll(" ", "")}`,
    `         Naive scaling:  ${costs.naiveScaling}`,
    `     Optimized scaling:  ${costs.scaling}`,
    `      Naive FLOP count:  ${costs.naiveFlops}`,
    `  Optimized FLOP count:  ${costs.flops}`,
    "",
  ].join("\n");
  return [steps.map((step) => [...step.positions]), report];
}

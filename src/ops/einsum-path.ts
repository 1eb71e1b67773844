/** Subscripts of einsum: parsing them, and choosing a greedy order of pairwise contractions. */

import { ArgumentError, ShapeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import type { Shape } from "../graph/node.js";

/** Subscripts with `...` expanded: one label per dimension. Ellipsis dimensions get the labels "0", "1", …. */
export interface Subscripts {
  readonly inputs: readonly (readonly string[])[];
  readonly output: readonly string[];
  readonly sizes: ReadonlyMap<string, number>;
}

/** One step: contract the operands at `positions`, drop them from the list, append the result. */
export interface Step {
  readonly positions: readonly number[];
  readonly output: readonly string[];
}

const tokens = (term: string): string[] => {
  const out: string[] = [];
  for (let i = 0; i < term.length; i++) {
    const c = term.charAt(i);
    if (c === " ") continue;
    if (c === "." && term.startsWith("...", i)) {
      if (out.includes("..."))
        throw new ArgumentError(`[einsum] "${term}" has more than one "..."`);
      out.push("...");
      i += 2;
      continue;
    }
    if (!/[A-Za-z]/.test(c)) {
      throw new ArgumentError(`[einsum] expected subscripts of letters, got "${c}" in "${term}"`);
    }
    out.push(c);
  }
  return out;
};

/** Parses `subscripts` against the operands' shapes. Throws ArgumentError or ShapeError. */
export const parseSubscripts = (subscripts: string, shapes: readonly Shape[]): Subscripts => {
  if (typeof subscripts !== "string") {
    throw new ArgumentError(
      `[einsum] expected subscripts as a string, got ${describe(subscripts)}: pass one like "ij,jk->ik"`,
    );
  }
  const [left = "", right, ...rest] = subscripts.split("->");
  if (rest.length > 0) throw new ArgumentError(`[einsum] more than one "->" in "${subscripts}"`);
  const terms = left.split(",").map(tokens);
  if (terms.length !== shapes.length) {
    throw new ArgumentError(
      `[einsum] expected as many operands as input subscripts, got ${shapes.length} operands for ${terms.length} subscripts in "${subscripts}"`,
    );
  }
  let ellipsis = 0;
  terms.forEach((term, i) => {
    const ndim = shapes[i]?.length ?? 0;
    const letters = term.filter((t) => t !== "...").length;
    if (term.includes("...") ? letters > ndim : letters !== ndim) {
      throw new ShapeError(
        `[einsum] expected one subscript per dimension, got ${letters} subscripts for operand ${i} of shape [${shapes[i]}]`,
      );
    }
    if (term.includes("...")) ellipsis = Math.max(ellipsis, ndim - letters);
  });
  // Ellipses broadcast from the right, so the last dimension of each has the same label.
  const expand = (term: readonly string[], count: number): string[] =>
    term.flatMap((t) =>
      t === "..." ? Array.from({ length: count }, (_, k) => String(ellipsis - count + k)) : [t],
    );
  const inputs = terms.map((term, i) =>
    expand(term, (shapes[i]?.length ?? 0) - term.length + (term.includes("...") ? 1 : 0)),
  );
  const sizes = new Map<string, number>();
  inputs.forEach((labels, i) => {
    labels.forEach((label, d) => {
      const size = shapes[i]?.[d] ?? 1;
      const seen = sizes.get(label);
      if (seen === undefined || seen === 1) sizes.set(label, size);
      else if (size !== seen && size !== 1) {
        throw new ShapeError(
          `[einsum] dimension ${d} of operand ${i} with shape [${shapes[i]}] has size ${size}, but subscript "${label}" has size ${seen}`,
        );
      }
    });
  });
  return { inputs, output: outputLabels(subscripts, right, inputs, ellipsis, expand), sizes };
};

const outputLabels = (
  subscripts: string,
  right: string | undefined,
  inputs: readonly (readonly string[])[],
  ellipsis: number,
  expand: (term: readonly string[], count: number) => string[],
): string[] => {
  if (right === undefined) {
    const counts = new Map<string, number>();
    for (const label of inputs.flat()) counts.set(label, (counts.get(label) ?? 0) + 1);
    const isLetter = (l: string): boolean => /[A-Za-z]/.test(l);
    const once = [...counts].filter(([l, n]) => n === 1 && isLetter(l)).map(([l]) => l);
    return [...Array.from({ length: ellipsis }, (_, k) => String(k)), ...once.sort()];
  }
  const output = expand(tokens(right), ellipsis);
  const known = new Set(inputs.flat());
  for (const label of output) {
    if (!known.has(label)) {
      throw new ArgumentError(
        `[einsum] output subscript "${label}" is in no input of "${subscripts}"`,
      );
    }
  }
  if (new Set(output).size !== output.length) {
    throw new ArgumentError(`[einsum] repeated subscript in the output of "${subscripts}"`);
  }
  return output;
};

const product = (labels: Iterable<string>, sizes: ReadonlyMap<string, number>): number => {
  let n = 1;
  for (const label of labels) n *= sizes.get(label) ?? 1;
  return n;
};

const flops = (labels: ReadonlySet<string>, terms: number, sums: boolean, s: Subscripts): number =>
  product(labels, s.sizes) * (Math.max(1, terms - 1) + (sums ? 1 : 0));

/** Labels of the result of contracting `chosen`: those that the output or a remaining operand still needs. */
const remaining = (
  chosen: readonly (readonly string[])[],
  others: readonly (readonly string[])[],
  output: readonly string[],
): string[] => {
  const needed = new Set([...output, ...others.flat()]);
  return [...new Set(chosen.flat())].filter((l) => needed.has(l));
};

/** A figure of merit of a path, as reported by einsumPath. */
export interface Costs {
  readonly naiveScaling: number;
  readonly scaling: number;
  readonly naiveFlops: number;
  readonly flops: number;
}

/** Greedy path: the pair that removes most elements goes first, then the cheaper one. */
export const greedyPath = (
  s: Subscripts,
): { readonly steps: readonly Step[]; readonly costs: Costs } => {
  const all = new Set(s.inputs.flat());
  const sums = all.size > s.output.length;
  const naiveFlops = flops(all, s.inputs.length, sums, s);
  const steps: Step[] = [];
  let cost = 0;
  let scaling = 0;
  const list = s.inputs.map((labels) => labels);
  while (list.length > 2) {
    let best: { i: number; j: number; removed: number; flops: number; out: string[] } | null = null;
    for (let i = 0; i < list.length; i++) {
      for (let j = i + 1; j < list.length; j++) {
        const a = list[i] ?? [];
        const b = list[j] ?? [];
        const out = remaining(
          [a, b],
          list.filter((_, k) => k !== i && k !== j),
          s.output,
        );
        const union = new Set([...a, ...b]);
        const removed =
          product(new Set(a), s.sizes) + product(new Set(b), s.sizes) - product(out, s.sizes);
        const f = flops(union, 2, union.size > out.length, s);
        if (
          best === null ||
          removed > best.removed ||
          (removed === best.removed && f < best.flops)
        ) {
          best = { i, j, removed, flops: f, out };
        }
      }
    }
    if (best === null) break;
    scaling = Math.max(scaling, new Set([...(list[best.i] ?? []), ...(list[best.j] ?? [])]).size);
    cost += best.flops;
    steps.push({ positions: [best.i, best.j], output: best.out });
    list.splice(best.j, 1);
    list.splice(best.i, 1);
    list.push(best.out);
  }
  const last = new Set(list.flat());
  cost += flops(last, list.length, last.size > s.output.length, s);
  scaling = Math.max(scaling, last.size);
  steps.push({ positions: list.map((_, k) => k), output: s.output });
  return { steps, costs: { naiveScaling: all.size, scaling, naiveFlops, flops: cost } };
};

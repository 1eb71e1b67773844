/** The forward pass: tangents of roots from tangents of leaves. */
import { InternalError } from "../core/errors.js";
import { bind } from "../graph/bind.js";
import { type Aval, type Node, outsOf } from "../graph/node.js";
import type { AnyPrimitive, Site, Tangents, Zero } from "../graph/primitive.js";
import { add, alias, constant } from "../primitives/index.js";
import { pick } from "./leaves.js";
import { walk } from "./walk.js";

/** Tangents of `roots` for the tangents `ts` of `leaves`; null for zero. */
export const forward = (
  roots: readonly Node[],
  leaves: readonly Node[],
  ts: Tangents,
): (Node | null)[] => {
  const { order, slots, count, roots: rootSlots } = walk(roots, leaves, false);
  const tangent: (Node | null)[] = new Array(count).fill(null);
  for (let i = 0; i < leaves.length; i++) tangent[i] = ts[i] ?? null;
  const of = (slot: number): Node | null => (slot < 0 ? null : (tangent[slot] ?? null));

  let start = 0;
  for (const n of order) {
    const { prim, ins, attrs } = n;
    const outs = outsOf(n);
    const inAt = start;
    const outAt = start + ins.length;
    start = outAt + outs.length;
    const given: (Node | null)[] = [];
    let any = false;
    for (let i = 0; i < ins.length; i++) {
      const t = of(pick(slots, inAt + i));
      given.push(t);
      if (t !== null) any = true;
    }
    if (!any) continue;
    if (prim === null) throw new InternalError("[forward] a traced value lost its graph");
    const results = push(prim, given, { ins, outs, attrs });
    for (let i = 0; i < outs.length; i++) tangent[pick(slots, outAt + i)] = results[i] ?? null;
  }
  return rootSlots.map(of);
};

const plus = (a: Node | Zero, b: Node | Zero): Node | Zero => {
  if (a === null) return b;
  return b === null ? a : add(a, b);
};

const push = (prim: AnyPrimitive, ts: Tangents, site: Site<unknown>): Tangents => {
  const { rule } = prim;
  const { ins, attrs } = site;
  switch (rule.family) {
    case "elementwise": {
      let sum: Node | Zero = null;
      for (let i = 0; i < ins.length; i++) {
        const t = ts[i] ?? null;
        const d = rule.derivative[i] ?? null;
        if (t !== null && d !== null) sum = plus(sum, d(t, site));
      }
      return [sum];
    }
    case "linear": {
      const { operands } = rule;
      const linear = (i: number): boolean => operands === "all" || operands.includes(i);
      const like = ts.find((t, i) => t !== null && linear(i)) ?? null;
      if (like === null) return [];
      return [
        bind(
          prim,
          ins.map((x, i) => (linear(i) ? (ts[i] ?? zero(x, like)) : x)),
          attrs,
        ),
      ];
    }
    case "bilinear": {
      const [a, b] = [pick(ins, 0), pick(ins, 1)];
      const [ta, tb] = [ts[0] ?? null, ts[1] ?? null];
      const left = ta === null ? null : bind(prim, [ta, b], attrs);
      return [plus(left, tb === null ? null : bind(prim, [a, tb], attrs))];
    }
    case "affine": {
      const others = ts.map((t, i) => (i === rule.linear ? null : t));
      const entering = others.some((t) => t !== null) ? rule.enters(others, site) : null;
      const t = plus(ts[rule.linear] ?? null, entering);
      return t === null
        ? []
        : [
            bind(
              prim,
              ins.map((x, i) => (i === rule.linear ? t : x)),
              attrs,
            ),
          ];
    }
    case "routine":
      return rule.jvp(ts, site);
    case "composite": {
      if (rule.jvp !== undefined) return rule.jvp(ts, site);
      const handles = ins.map((n) => alias(n));
      return forward(rule.decompose(handles, attrs), handles, ts);
    }
    default:
      return [];
  }
};

/** A zero for `x` in the dtype of the tangents around it. */
const zero = (x: Aval, like: Aval): Node => constant(0, like.dtype, x.shape);

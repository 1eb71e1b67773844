/** The reverse pass: cotangents of leaves from cotangents of roots. It is also how linear maps are transposed. */
import { InternalError } from "../core/errors.js";
import { type Aval, type Node, outsOf } from "../graph/node.js";
import type { Derivative, Rule, Site, Tangents } from "../graph/primitive.js";
import { add, alias, cast, conjugate } from "../primitives/index.js";
import { hole, pick } from "./leaves.js";
import { walk } from "./walk.js";

/** Cotangents of `leaves` for the cotangents `cts` of `roots`; null where nothing arrives. */
export const reverse = (
  roots: readonly Node[],
  cts: Tangents,
  leaves: readonly Node[],
): (Node | null)[] => {
  const { order, slots, count, roots: rootSlots } = walk(roots, leaves, false);
  const ct: (Node | null)[] = new Array(count).fill(null);
  const give = (slot: number, c: Node | null): void => {
    if (slot < 0 || c === null) return;
    const old = ct[slot] ?? null;
    ct[slot] = old === null ? c : add(old, c);
  };
  for (let i = 0; i < rootSlots.length; i++) give(pick(rootSlots, i), cts[i] ?? null);

  let end = slots.length;
  for (let k = order.length - 1; k >= 0; k--) {
    const n = pick(order, k);
    const { prim, ins, attrs } = n;
    const outs = outsOf(n);
    const outAt = end - outs.length;
    const inAt = outAt - ins.length;
    end = inAt;
    const single = ct[pick(slots, outAt)] ?? null;
    if (single === null && (outs.length === 1 || !arrived(ct, slots, outAt, outs.length))) continue;
    if (prim === null) throw new InternalError("[reverse] a traced value lost its graph");
    const wanted = (i: number): boolean => pick(slots, inAt + i) >= 0;
    const site: Site<unknown> = { ins, outs, attrs };
    if (prim.rule.family === "elementwise") {
      // The common case, without a list of results.
      const { derivative, realLinear } = prim.rule;
      for (let i = 0; i < ins.length; i++) {
        const d = derivative[i] ?? null;
        if (d === null || single === null || !wanted(i)) continue;
        give(pick(slots, inAt + i), pullElementwise(d, single, site, i, realLinear === true));
      }
      continue;
    }
    const outCts =
      outs.length === 1 ? [single] : outs.map((_, i) => ct[pick(slots, outAt + i)] ?? null);
    const results = pull(prim.rule, outCts, site, wanted);
    for (let i = 0; i < ins.length; i++) give(pick(slots, inAt + i), results[i] ?? null);
  }
  return ct.slice(0, leaves.length);
};

const arrived = (
  ct: readonly (Node | null)[],
  slots: readonly number[],
  from: number,
  count: number,
): boolean => {
  for (let i = 0; i < count; i++) if (ct[pick(slots, from + i)] !== null) return true;
  return false;
};

/** A real diagonal Jacobian is its own transpose; a complex one is conjugated, or transposed where it is only real-linear. */
const pullElementwise = (
  d: Derivative<unknown>,
  ct: Node,
  site: Site<unknown>,
  i: number,
  realLinear: boolean,
): Node | null => {
  const x = pick(site.ins, i);
  if (x.dtype.kind !== "complex") return d(ct, site);
  if (realLinear) return transposeLinear((t) => d(t, site), x, ct);
  return conjugate(d(conjugate(ct), site));
};

/** The transpose of the linear map `f` from values like `x`, applied to `ct`. */
export const transposeLinear = (f: (t: Node) => Node, x: Aval, ct: Node): Node | null => {
  const t = hole(x);
  const y = f(t);
  return reverse([y], [cast(ct, y.dtype)], [t])[0] ?? null;
};

/** The transpose of a linear map with several operands (null: none wanted there) and results. */
export const transposeTangents = (
  jvp: (ts: Tangents) => Tangents,
  ins: readonly Node[],
  wanted: (i: number) => boolean,
  cts: Tangents,
): Tangents => {
  const ts = ins.map((x, i) => (wanted(i) ? hole(x) : null));
  const ys = jvp(ts);
  const roots: Node[] = [];
  const seeds: Node[] = [];
  for (let i = 0; i < ys.length; i++) {
    const y = ys[i] ?? null;
    const c = cts[i] ?? null;
    if (y === null || c === null) continue;
    roots.push(y);
    seeds.push(cast(c, y.dtype));
  }
  const leaves = ts.filter((t) => t !== null);
  const results = reverse(roots, seeds, leaves);
  let next = 0;
  return ts.map((t) => (t === null ? null : (results[next++] ?? null)));
};

const pull = (
  rule: Rule<unknown>,
  cts: Tangents,
  site: Site<unknown>,
  wanted: (i: number) => boolean,
): Tangents => {
  const { ins, attrs } = site;
  switch (rule.family) {
    case "linear": {
      const ct = cts[0] ?? null;
      if (ct === null) return [];
      const { operands } = rule;
      const others = ins.map((n, i) => (operands === "all" || operands.includes(i) ? null : n));
      return rule.transpose(ct, ins, others, attrs);
    }
    case "bilinear": {
      const ct = cts[0] ?? null;
      if (ct === null) return [];
      const [a, b] = [pick(ins, 0), pick(ins, 1)];
      return [
        wanted(0) ? rule.transpose[0](ct, conjugate(b), a, attrs) : null,
        wanted(1) ? rule.transpose[1](ct, conjugate(a), b, attrs) : null,
      ];
    }
    case "affine": {
      const ct = cts[0] ?? null;
      if (ct === null) return [];
      const q = rule.transpose(ct, site);
      const entering = (i: number): boolean => i !== rule.linear && wanted(i);
      const results = ins.some((_, i) => entering(i))
        ? [...transposeTangents((ts) => [rule.enters(ts, site)], ins, entering, [q])]
        : ins.map(() => null);
      results[rule.linear] = q;
      return results;
    }
    case "routine":
      if (rule.reverse !== undefined) return rule.reverse.pull(cts, site, wanted);
      return transposeTangents((ts) => rule.jvp(ts, site), ins, wanted, cts);
    case "composite": {
      if (rule.reverse !== undefined) return rule.reverse.pull(cts, site, wanted);
      if (rule.jvp !== undefined)
        return transposeTangents((ts) => rule.jvp?.(ts, site) ?? [], ins, wanted, cts);
      const handles = ins.map((n) => alias(n));
      return reverse(rule.decompose(handles, attrs), cts, handles);
    }
    default:
      throw new InternalError(`[reverse] no rule for the ${rule.family} family here`);
  }
};

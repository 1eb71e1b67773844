/** Merges neighbouring axes that every index walks as one, and drops values nothing uses: the canonical form of a kernel. */
import { ixValues, operandsOf } from "../kernel/domains.js";
import { mapAffine } from "../kernel/index-math.js";
import type { Axis, Guard, Ix, Kernel, Mask, Store, Val } from "../kernel/ir.js";

const ixsOf = (v: Val): readonly Ix[] => {
  switch (v.op) {
    case "load":
      return [v.ix, ...v.guards.map((g) => g.ix)];
    case "coord":
      return [v.ix];
    case "within":
      return v.guards.map((g) => g.ix);
    default:
      return [];
  }
};

const allIxs = (k: Kernel): Ix[] => [...k.vals.flatMap(ixsOf), ...k.stores.map((s) => s.ix)];

const everyAffine = (
  ix: Ix,
  test: (terms: readonly (readonly [number, number])[]) => boolean,
): boolean => {
  switch (ix.k) {
    case "affine":
      return test(ix.terms);
    case "sum":
      return ix.of.every((p) => everyAffine(p, test));
    case "value":
      return true;
    default:
      return everyAffine(ix.of, test);
  }
};

const bothOrNone = (mask: Mask, a: number, b: number): boolean =>
  ((mask >> a) & 1) === ((mask >> b) & 1);

/** Whether axis `a` (outer) and `a + 1` are one axis to every index and mask. */
const mergeable = (k: Kernel, ixs: readonly Ix[], a: number): boolean => {
  const [outer, inner] = [k.axes[a], k.axes[a + 1]];
  if (outer === undefined || inner === undefined || outer.role !== inner.role) return false;
  const fits = ixs.every((ix) =>
    everyAffine(ix, (terms) => {
      const x = terms.find((t) => t[0] === a)?.[1] ?? 0;
      const y = terms.find((t) => t[0] === a + 1)?.[1] ?? 0;
      return x === y * inner.size;
    }),
  );
  return (
    fits &&
    k.stores.every((s) => bothOrNone(s.over, a, a + 1)) &&
    k.vals.every((v) => (v.op !== "reduce" && v.op !== "contract") || bothOrNone(v.over, a, a + 1))
  );
};

const dropBit = (mask: Mask, a: number): Mask => (mask & ((1 << a) - 1)) | ((mask >> (a + 1)) << a);

const mapVal = (
  v: Val,
  ix: (x: Ix) => Ix,
  mask: (m: Mask) => Mask,
  id: (v: number) => number,
): Val => {
  const guards = (gs: readonly Guard[]): Guard[] => gs.map((g) => ({ ...g, ix: ix(g.ix) }));
  switch (v.op) {
    case "load":
      return { ...v, ix: ix(v.ix), guards: guards(v.guards) };
    case "coord":
      return { ...v, ix: ix(v.ix) };
    case "within":
      return { ...v, guards: guards(v.guards) };
    case "index":
      return { ...v, in: id(v.in) };
    case "scalar":
      return { ...v, in: v.in.map(id) };
    case "reduce":
      return { ...v, in: id(v.in), over: mask(v.over), at: v.at === null ? null : id(v.at) };
    case "contract":
      return { ...v, a: id(v.a), b: id(v.b), over: mask(v.over) };
    default:
      return v;
  }
};

const renumberValues = (ix: Ix, id: (v: number) => number): Ix => {
  switch (ix.k) {
    case "value":
      return { k: "value", of: id(ix.of), stride: ix.stride };
    case "sum":
      return { k: "sum", of: ix.of.map((p) => renumberValues(p, id)) };
    case "affine":
      return ix;
    default:
      return { ...ix, of: renumberValues(ix.of, id) };
  }
};

const mergeAxes = (k: Kernel, a: number): Kernel => {
  const size = (k.axes[a]?.size ?? 1) * (k.axes[a + 1]?.size ?? 1);
  const axes: Axis[] = [];
  k.axes.forEach((axis, i) => {
    if (i !== a) axes.push(i === a + 1 ? { size, role: axis.role } : axis);
  });
  // The inner axis's stride is the merged axis's; the outer one's follows from it.
  const ix = (x: Ix): Ix =>
    mapAffine(x, (f) => ({
      k: "affine",
      off: f.off,
      terms: f.terms
        .filter((t) => t[0] !== a)
        .map(([axis, s]) => [axis > a ? axis - 1 : axis, s] as const),
    }));
  const mask = (m: Mask): Mask => dropBit(m, a);
  const same = (v: number): number => v;
  return {
    ...k,
    axes,
    vals: k.vals.map((v) => mapVal(v, ix, mask, same)),
    stores: k.stores.map((s): Store => ({ ...s, ix: ix(s.ix), over: mask(s.over) })),
  };
};

const removeDead = (k: Kernel): Kernel => {
  const live = new Array<boolean>(k.vals.length).fill(false);
  const see = (v: number): void => {
    live[v] = true;
  };
  for (const s of k.stores) {
    see(s.value);
    ixValues(s.ix, see);
  }
  for (let i = k.vals.length - 1; i >= 0; i--) {
    const v = k.vals[i];
    if (v !== undefined && live[i] === true) operandsOf(v, see);
  }
  if (live.every(Boolean)) return k;
  const place: number[] = [];
  let next = 0;
  for (const alive of live) place.push(alive ? next++ : -1);
  const id = (v: number): number => place[v] ?? -1;
  const ix = (x: Ix): Ix => renumberValues(x, id);
  return {
    ...k,
    vals: k.vals.filter((_, i) => live[i]).map((v) => mapVal(v, ix, (m) => m, id)),
    stores: k.stores.map((s) => ({ ...s, ix: ix(s.ix), value: id(s.value) })),
  };
};

export const coalesce = (kernel: Kernel): Kernel => {
  let k = removeDead(kernel);
  for (let a = k.axes.length - 2; a >= 0; a--) {
    if (mergeable(k, allIxs(k), a)) k = mergeAxes(k, a);
  }
  return k;
};

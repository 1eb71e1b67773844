/** A kernel with one contraction, seen as batched matrix products: its axes grouped, merged and turned lane-wards. */
import { InternalError } from "../../../core/errors.js";
import type { ComputeType } from "../../../core/scalar.js";
import { axesOf, domainsOf } from "../../../kernel/domains.js";
import { mapAffine } from "../../../kernel/index-math.js";
import type { Axis, Guard, Ix, Kernel, Mask, Store, Val, ValId } from "../../../kernel/ir.js";

type Affine = Extract<Ix, { k: "affine" }>;

/** Axes that are walked as one, outermost first. `size` leaves out the axis whose size is an argument. */
export interface Group {
  readonly axes: readonly number[];
  readonly size: number;
  /** Whether the outer size of the call multiplies `size`. */
  readonly outer: boolean;
}

/**
 * c[batch, m, n] = Σ_k a[batch, m, k] · b[batch, k, n]. `kernel` is the given one with axes merged where every index
 * allows; merged and unit axes are left behind with size 1 and are used nowhere. Lanes run along the last axis of n.
 */
export interface Product {
  readonly kernel: Kernel;
  readonly id: ValId;
  readonly type: ComputeType;
  readonly a: ValId;
  readonly b: ValId;
  readonly batch: Group;
  readonly m: Group;
  readonly n: Group;
  readonly k: Group;
  /** Sums of what follows the product, over all of m and some batches; null where there are none. */
  readonly sums: Sums | null;
  /** What axis 0 measured when the kernel was made: a hint, the code must be right for any size. */
  readonly hint: number;
}

/** One partial sum per slab of rows goes to memory. */
export interface Sums {
  /** The i32 value that is a point's position among all that are summed up. */
  readonly position: ValId;
  readonly stores: readonly SumStore[];
}

export interface SumStore {
  readonly store: Store;
  /** What is summed up. */
  readonly value: ValId;
  /** Elements from one slab's sums to the next's; `outer`: times the outer size of the call. */
  readonly pitch: number;
  readonly outer: boolean;
}

const mapIx = (ix: Ix, f: (a: Affine) => Ix): Ix => mapAffine(ix, f);

const mapGuards = (guards: readonly Guard[], f: (a: Affine) => Ix): Guard[] =>
  guards.map((g) => ({ ix: mapIx(g.ix, f), lo: g.lo, hi: g.hi }));

const mapVal = (v: Val, f: (a: Affine) => Ix): Val => {
  switch (v.op) {
    case "load":
      return { ...v, ix: mapIx(v.ix, f), guards: mapGuards(v.guards, f) };
    case "coord":
      return { ...v, ix: mapIx(v.ix, f) };
    case "within":
      return { ...v, guards: mapGuards(v.guards, f) };
    default:
      return v;
  }
};

const mapKernel = (kernel: Kernel, axes: readonly Axis[], f: (a: Affine) => Ix): Kernel => ({
  ...kernel,
  axes,
  vals: kernel.vals.map((v) => mapVal(v, f)),
  stores: kernel.stores.map((s) => ({ ...s, ix: mapIx(s.ix, f) })),
});

/** Every affine index of a kernel. */
const affines = (kernel: Kernel): Affine[] => {
  const out: Affine[] = [];
  const note = (a: Affine): Ix => {
    out.push(a);
    return a;
  };
  mapKernel(kernel, kernel.axes, note);
  return out;
};

export const strideOf = (ix: Affine, axis: number): number => {
  for (const [a, stride] of ix.terms) if (a === axis) return stride;
  return 0;
};

const withoutAxes = (mask: Mask, gone: Mask): Mask => mask & ~gone;

/** Drops axes of size 1, save axis 0 of the grid, whose size is known only when called. */
const dropUnits = (kernel: Kernel): Kernel => {
  let units = 0;
  kernel.axes.forEach((axis, i) => {
    if (axis.size === 1 && !(i === 0 && axis.role === "grid")) units |= 1 << i;
  });
  const clean = mapKernel(kernel, kernel.axes, (a) => ({
    ...a,
    terms: a.terms.filter(([axis]) => ((units >> axis) & 1) === 0),
  }));
  return withoutMask(clean, units);
};

const withoutMask = (kernel: Kernel, gone: Mask): Kernel => ({
  ...kernel,
  vals: kernel.vals.map((v) =>
    v.op === "contract" || v.op === "reduce" ? { ...v, over: withoutAxes(v.over, gone) } : v,
  ),
  stores: kernel.stores.map((s): Store => ({ ...s, over: withoutAxes(s.over, gone) })),
});

/** Merges `outer` into `inner` where each index sees them as one axis; null where some does not. */
const merge = (kernel: Kernel, outer: number, inner: number): Kernel | null => {
  const size = kernel.axes[inner]?.size ?? 1;
  for (const a of affines(kernel)) {
    if (strideOf(a, outer) !== size * strideOf(a, inner)) return null;
  }
  for (const s of kernel.stores) {
    if (((s.over >> outer) & 1) !== ((s.over >> inner) & 1)) return null;
  }
  const grown = kernel.axes.map((axis, i) => {
    if (i === outer) return { ...axis, size: 1 };
    return i === inner ? { ...axis, size: size * (kernel.axes[outer]?.size ?? 1) } : axis;
  });
  const clean = mapKernel(kernel, grown, (a) => ({
    ...a,
    terms: a.terms.filter(([axis]) => axis !== outer),
  }));
  return withoutMask(clean, 1 << outer);
};

const bits = (mask: Mask): number[] => {
  const out: number[] = [];
  for (let i = 0; i < 31; i++) if ((mask >> i) & 1) out.push(i);
  return out;
};

/** How much the loads below `root` and, for `stores`, the stores gain from neighbouring points of `axis`. */
const unitStrides = (kernel: Kernel, root: ValId | null, axis: number): number => {
  let found = 0;
  const look = (ix: Ix): void => {
    if (ix.k === "affine" && strideOf(ix, axis) === 1) found++;
  };
  if (root === null) for (const s of kernel.stores) look(s.ix);
  else
    for (const id of below(kernel, root)) {
      const v = kernel.vals[id];
      if (v?.op === "load") look(v.ix);
    }
  return found;
};

/** The values that `root` is computed from, itself included, in order. */
export const below = (kernel: Kernel, root: ValId): readonly ValId[] => {
  const seen = new Set<ValId>();
  const visitIx = (ix: Ix): void => {
    if (ix.k === "value") visit(ix.of);
    else if (ix.k === "sum") ix.of.forEach(visitIx);
    else if (ix.k !== "affine") visitIx(ix.of);
  };
  const visit = (id: ValId): void => {
    const v = kernel.vals[id];
    if (v === undefined || seen.has(id)) return;
    seen.add(id);
    if (v.op === "load" || v.op === "coord") visitIx(v.ix);
    if (v.op === "load" || v.op === "within") for (const g of v.guards) visitIx(g.ix);
    if (v.op === "index" || v.op === "reduce") visit(v.in);
    if (v.op === "scalar") v.in.forEach(visit);
  };
  visit(root);
  return [...seen].sort((x, y) => x - y);
};

/** Merges within a set of axes until nothing more can; the axis whose size is an argument can only be the outer one. */
const mergeAll = (
  start: Kernel,
  axes: readonly number[],
  dynamic: number,
): readonly [Kernel, readonly number[], number] => {
  let kernel = start;
  let left = axes;
  let dyn = dynamic;
  for (let again = true; again; ) {
    again = false;
    for (const outer of left) {
      const inner = left.find((i) => i !== outer && i !== dyn && merge(kernel, outer, i) !== null);
      const merged = inner === undefined ? null : merge(kernel, outer, inner);
      if (inner === undefined || merged === null) continue;
      kernel = merged;
      left = left.filter((i) => i !== outer);
      if (dyn === outer) dyn = inner;
      again = true;
      break;
    }
  }
  return [kernel, left, dyn];
};

/** The axes with the one for which `score` is greatest last; `dynamic`, whose size is an argument, must be first. */
const innermost = (
  axes: readonly number[],
  dynamic: number,
  score: (axis: number) => number,
): number[] => {
  if (axes.length < 2) return [...axes];
  const first = axes.includes(dynamic) ? [dynamic] : [];
  const [best = 0, ...rest] = axes
    .filter((a) => a !== dynamic)
    .sort((x, y) => score(y) - score(x) || y - x);
  return [...first, ...rest.sort((x, y) => x - y), best];
};

/** The size of axis 0 is an argument: what is known of it counts as 1, so that sizes of groups leave it out. */
const withoutOuter = (kernel: Kernel): Kernel => ({
  ...kernel,
  axes: kernel.axes.map((axis, i) =>
    i === 0 && axis.role === "grid" ? { ...axis, size: 1 } : axis,
  ),
});

/** The stores of sums over grid axes, and the mask of these. */
const sumStores = (kernel: Kernel): readonly [stores: readonly SumStore[], over: Mask] => {
  const stores: SumStore[] = [];
  let over = 0;
  for (const store of kernel.stores) {
    const v = kernel.vals[store.value];
    if (v?.op !== "reduce") continue;
    if (kernel.bufs[store.buf]?.access !== "partial" || (over !== 0 && over !== v.over))
      throw new InternalError("[contract] expected sums over the same axes, in slabs");
    over = v.over;
    let pitch = 1;
    kernel.axes.forEach((axis, i) => {
      if (((store.over >> i) & 1) !== 0 && i !== 0) pitch *= axis.size;
    });
    stores.push({ store, value: v.in, pitch, outer: (store.over & 1) !== 0 });
  }
  if (kernel.vals.some((v) => v.op === "reduce") && stores.length === 0)
    throw new InternalError("[contract] expected no reductions but sums of what follows");
  return [stores, over];
};

/** Row-major position among the axes of `over`: as an index of the kernel it takes part in merging axes. */
const positionOver = (kernel: Kernel, over: Mask): Affine => {
  const terms: (readonly [number, number])[] = [];
  let stride = 1;
  for (const axis of bits(over).reverse()) {
    terms.unshift([axis, stride]);
    stride *= kernel.axes[axis]?.size ?? 1;
  }
  return { k: "affine", off: 0, terms };
};

/** Reads a kernel with exactly one `contract` value. Throws an InternalError on any other. */
export const productOf = (original: Kernel): Product => {
  const id = original.vals.findIndex((v) => v.op === "contract");
  const [found, summed] = sumStores(original);
  const position = original.vals.length;
  const ix = positionOver(original, summed);
  const given: Kernel =
    summed === 0
      ? original
      : { ...original, vals: [...original.vals, { op: "coord", dtype: "i32", ix }] };
  let kernel = dropUnits(withoutOuter(given));
  const value = kernel.vals[id];
  if (value?.op !== "contract")
    throw new InternalError("[contract] expected a kernel with a contraction, got none");
  const domains = domainsOf(kernel);
  const domA = domains[value.a] ?? 0;
  const domB = domains[value.b] ?? 0;
  let used = 0;
  for (const s of kernel.stores) used |= s.over | (domains[s.value] ?? 0);
  const grid = axesOf(kernel.axes, "grid") & (used | domA | domB);
  const over = value.over;
  let dynamic = kernel.axes[0]?.role === "grid" ? 0 : -1;
  // Rows of the result are summed up: the side with the last summed axis is m, and the others of them are batches.
  const last = 31 - Math.clz32(summed);
  const turned = summed !== 0 && ((domB & ~domA) >> last) % 2 !== 0;
  const [own, other] = turned ? [domB, domA] : [domA, domB];
  const batches = grid & (~(domA ^ domB) | (summed & other & ~own));
  const sets: number[][] = [];
  for (const mask of [batches, grid & own & ~other, grid & other & ~own & ~batches, over]) {
    const [merged, left, dyn] = mergeAll(kernel, bits(mask), dynamic);
    kernel = merged;
    dynamic = dyn;
    sets.push([...left]);
  }
  const group = (axes: readonly number[]): Group => ({
    axes,
    size: axes.reduce((s, i) => s * (kernel.axes[i]?.size ?? 1), 1),
    outer: axes.includes(dynamic),
  });
  const [batch = [], m = [], n = [], k = []] = sets;
  const stores = (axis: number): number => unitStrides(kernel, null, axis) * 4;
  const loads =
    (root: ValId) =>
    (axis: number): number =>
      unitStrides(kernel, root, axis);
  const scoreM = (axis: number): number => stores(axis) + loads(value.a)(axis);
  const scoreN = (axis: number): number => stores(axis) + loads(value.b)(axis);
  const best = (axes: readonly number[], score: (axis: number) => number): number =>
    Math.max(-1, ...axes.map(score));
  const swap = best(m, scoreM) > best(n, scoreN);
  const fixed = {
    kernel,
    id,
    hint: dynamic >= 0 ? (given.axes[0]?.size ?? 1) : 1,
    type: value.dtype,
    batch: group(batch),
    k: group(innermost(k, dynamic, (axis) => loads(value.a)(axis) + loads(value.b)(axis))),
  };
  const [a, b] = turned ? [value.b, value.a] : [value.a, value.b];
  if (summed !== 0) {
    const ordered = m.includes(dynamic) ? [dynamic, ...m.filter((x) => x !== dynamic)] : m;
    const partial = kernel.stores.filter((s) => kernel.bufs[s.buf]?.access === "partial");
    const sums = found.map((s, i) => ({ ...s, store: partial[i] ?? s.store }));
    const score = (axis: number): number => stores(axis) + loads(b)(axis);
    return {
      ...fixed,
      a,
      b,
      m: group(ordered),
      n: group(innermost(n, dynamic, score)),
      sums: { position, stores: sums },
    };
  }
  const groupM = group(innermost(m, dynamic, scoreM));
  const groupN = group(innermost(n, dynamic, scoreN));
  return swap
    ? { ...fixed, a: value.b, b: value.a, m: groupN, n: groupM, sums: null }
    : { ...fixed, a: value.a, b: value.b, m: groupM, n: groupN, sums: null };
};

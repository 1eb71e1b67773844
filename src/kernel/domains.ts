/** What follows from a kernel's values: the axes each varies over, and the loop (stage) in which each is known. */

import type { DType } from "../core/dtype.js";
import { InternalError } from "../core/errors.js";
import type { Axis, Guard, Ix, Kernel, Mask, Role, Val, ValId } from "./ir.js";

/** Bytes from one element to the next, as index expressions count them: complex64 counts its float32 halves. */
export const elementBytes = (storage: DType): number =>
  storage.name === "complex64" ? 4 : storage.size;

/** The value at `id`, which must be there. */
export const valAt = (kernel: Kernel, id: ValId): Val => {
  const v = kernel.vals[id];
  if (v === undefined)
    throw new InternalError(`[kernel] expected a value ${id}, got ${kernel.vals.length} values`);
  return v;
};

/** Bit set of the axes with this role. */
export const axesOf = (axes: readonly Axis[], role: Role): Mask => {
  let mask = 0;
  axes.forEach((axis, i) => {
    if (axis.role === role) mask |= 1 << i;
  });
  return mask;
};

/** Sizes of the axes when the kernel is called with `outer`: axis 0 takes it when it is a grid axis. */
export const axisSizes = (kernel: Kernel, outer: number): number[] =>
  kernel.axes.map((axis, i) => (i === 0 && axis.role === "grid" ? outer : axis.size));

/** Number of points in the product of the axes in `mask`. */
export const pointsOf = (sizes: readonly number[], mask: Mask): number => {
  let count = 1;
  for (let i = 0; i < sizes.length; i++) if ((mask >> i) & 1) count *= sizes[i] ?? 1;
  return count;
};

/** Calls `visit` with every value an index expression reads. */
export const ixValues = (ix: Ix, visit: (id: ValId) => void): void => {
  switch (ix.k) {
    case "affine":
      return;
    case "div":
    case "mod":
      ixValues(ix.of, visit);
      return;
    case "sum":
      for (const part of ix.of) ixValues(part, visit);
      return;
    case "value":
      visit(ix.of);
      return;
  }
};

/** Calls `visit` with every value that `v` reads, through index expressions and guards too. */
export const operandsOf = (v: Val, visit: (id: ValId) => void): void => {
  switch (v.op) {
    case "load":
      ixValues(v.ix, visit);
      for (const g of v.guards) ixValues(g.ix, visit);
      return;
    case "const":
    case "param":
      return;
    case "coord":
      ixValues(v.ix, visit);
      return;
    case "within":
      for (const g of v.guards) ixValues(g.ix, visit);
      return;
    case "index":
      visit(v.in);
      return;
    case "scalar":
      for (const id of v.in) visit(id);
      return;
    case "reduce":
      visit(v.in);
      if (v.at !== null) visit(v.at);
      return;
    case "contract":
      visit(v.a);
      visit(v.b);
      return;
  }
};

/** Axes an index expression varies over; `domains` must hold those of the values it reads. */
export const ixDomain = (ix: Ix, domains: readonly Mask[]): Mask => {
  switch (ix.k) {
    case "affine": {
      let mask = 0;
      for (const [axis, stride] of ix.terms) if (stride !== 0) mask |= 1 << axis;
      return mask;
    }
    case "div":
    case "mod":
      return ixDomain(ix.of, domains);
    case "sum": {
      let mask = 0;
      for (const part of ix.of) mask |= ixDomain(part, domains);
      return mask;
    }
    case "value":
      return domains[ix.of] ?? 0;
  }
};

const guardsDomain = (guards: readonly Guard[], domains: readonly Mask[]): Mask => {
  let mask = 0;
  for (const g of guards) mask |= ixDomain(g.ix, domains);
  return mask;
};

/** The domain of one value, from those of the values before it. */
export const domainOf = (v: Val, domains: readonly Mask[]): Mask => {
  switch (v.op) {
    case "load":
      return ixDomain(v.ix, domains) | guardsDomain(v.guards, domains);
    case "const":
    case "param":
      return 0;
    case "coord":
      return ixDomain(v.ix, domains);
    case "within":
      return guardsDomain(v.guards, domains);
    case "index":
      return domains[v.in] ?? 0;
    case "scalar": {
      let mask = 0;
      for (const id of v.in) mask |= domains[id] ?? 0;
      return mask;
    }
    case "reduce":
      return ((domains[v.in] ?? 0) | (v.at === null ? 0 : (domains[v.at] ?? 0))) & ~v.over;
    case "contract":
      return ((domains[v.a] ?? 0) | (domains[v.b] ?? 0)) & ~v.over;
  }
};

/** The domain of every value of a kernel. */
export const domainsOf = (kernel: Kernel): Mask[] => {
  const domains: Mask[] = [];
  for (const v of kernel.vals) domains.push(domainOf(v, domains));
  return domains;
};

/**
 * How a reduction is computed: `row` sums over all it needs inside one grid point, `terminal` also over grid points
 * (its result is complete only after all of them).
 */
export const reductionKind = (kernel: Kernel, over: Mask): "row" | "terminal" =>
  (over & axesOf(kernel.axes, "grid")) === 0 ? "row" : "terminal";

/**
 * The loop in which each value is computed, from 0: one more than its operands' for results of row reductions and of
 * the contraction, the greatest of its operands' for all else.
 */
export const stagesOf = (kernel: Kernel): number[] => {
  const stages: number[] = [];
  for (const v of kernel.vals) {
    let stage = 0;
    operandsOf(v, (id) => {
      stage = Math.max(stage, stages[id] ?? 0);
    });
    const closes =
      v.op === "contract" || (v.op === "reduce" && reductionKind(kernel, v.over) === "row");
    stages.push(closes ? stage + 1 : stage);
  }
  return stages;
};

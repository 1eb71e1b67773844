/** Decisions before a kernel is rendered: the vector axis, lanes, tiles, and which values meet in which loop. */
import { axesOf, domainsOf, elementBytes, ixDomain, stagesOf } from "../../kernel/domains.js";
import { type Buf, type Ix, type Kernel, type Mask, slabRows } from "../../kernel/ir.js";
import { widthOf } from "./ops.js";
import { weightOf } from "./weights.js";

export interface Plan {
  readonly kernel: Kernel;
  readonly domains: readonly Mask[];
  readonly stages: readonly number[];
  /** Grid axes in the order of their loops. */
  readonly grid: readonly number[];
  /** The axis whose consecutive points share a vector, or -1. */
  readonly vector: number;
  readonly lanes: number;
  readonly width: 4 | 8;
  /** Grid axis of which as many points as there are lanes are done at once, so that loads along it can be transposed; or -1. */
  readonly across: number;
  /** Points of each axis in one tile. */
  readonly chunks: readonly number[];
  /** Terminal reductions: a tile is a slab of grid points. */
  readonly slab: boolean;
  /** Vectors done at once along a vector axis of the grid. */
  readonly unroll: number;
  /** Groups of neighbours along `across` done side by side, so that the lines their loads lie on are used whole. */
  readonly groups: number;
  /** Rough nanoseconds for one tile. */
  readonly tileCost: number;
  /** The same for one point of the grid. */
  readonly pointCost: number;
}

export const has = (mask: Mask, axis: number): boolean => axis >= 0 && ((mask >> axis) & 1) !== 0;

/** Axis 0 of the grid has a size that is known only when the kernel is called. */
export const isOuter = (kernel: Kernel, axis: number): boolean =>
  axis === 0 && kernel.axes[0]?.role === "grid";

const sizeOf = (kernel: Kernel, axis: number): number =>
  isOuter(kernel, axis) ? 256 : (kernel.axes[axis]?.size ?? 1);

/** The coefficient of an axis where the expression is affine in it, else null. */
export function strideOf(ix: Ix, axis: number, domains: readonly Mask[]): number | null {
  switch (ix.k) {
    case "affine": {
      let stride = 0;
      for (const [a, s] of ix.terms) if (a === axis) stride += s;
      return stride;
    }
    case "sum": {
      let stride = 0;
      for (const part of ix.of) {
        const s = strideOf(part, axis, domains);
        if (s === null) return null;
        stride += s;
      }
      return stride;
    }
    default:
      return has(ixDomain(ix, domains), axis) ? null : 0;
  }
}

interface Access {
  readonly ix: Ix;
  readonly domain: Mask;
  readonly buf: Buf;
  readonly guarded: boolean;
}

function accesses(kernel: Kernel, domains: readonly Mask[]): Access[] {
  const out: Access[] = [];
  kernel.vals.forEach((v, id) => {
    const buf = v.op === "load" ? kernel.bufs[v.buf] : undefined;
    if (v.op !== "load" || buf === undefined) return;
    out.push({ ix: v.ix, domain: domains[id] ?? 0, buf, guarded: v.guards.length > 0 });
  });
  for (const s of kernel.stores) {
    const buf = kernel.bufs[s.buf];
    if (buf !== undefined) out.push({ ix: s.ix, domain: s.over, buf, guarded: false });
  }
  return out;
}

const volume = (kernel: Kernel, mask: Mask): number => {
  let points = 1;
  kernel.axes.forEach((_, a) => {
    if (has(mask, a)) points *= Math.max(1, sizeOf(kernel, a));
  });
  return points;
};

function scoreOf(
  kernel: Kernel,
  all: readonly Access[],
  axis: number,
  domains: readonly Mask[],
): number {
  let score = 0;
  for (const { ix, domain } of all) {
    if (!has(domain, axis)) continue;
    const stride = strideOf(ix, axis, domains);
    const gain = stride === 1 ? 1 : stride === 0 ? 0 : stride === -1 || stride === 2 ? 0.3 : -0.5;
    score += gain * volume(kernel, domain);
  }
  const size = sizeOf(kernel, axis);
  const full = size / (4 * Math.ceil(size / 4));
  return score > 0 ? score * full : score;
}

/** Widths of the values in vectors: null if both meet, so that only scalars can hold them. */
function widthAlong(kernel: Kernel, domains: readonly Mask[], axis: number): 4 | 8 | null {
  const widths = new Set<number>();
  kernel.vals.forEach((v, id) => {
    if (v.op === "const" || !has(domains[id] ?? 0, axis)) return;
    widths.add(widthOf(v.dtype));
    // Positions are spread over the lanes even where they are the same in all.
    if (v.op === "reduce" && v.at !== null) widths.add(4);
  });
  for (const s of kernel.stores) {
    const v = kernel.vals[s.value];
    if (v !== undefined && has(s.over, axis)) widths.add(widthOf(v.dtype));
  }
  if (widths.has(4) && widths.has(8)) return null;
  return widths.has(8) ? 8 : 4;
}

/**
 * The grid axis along which a load lies that is strided along the vector axis: 1, or 2 for the parts of complex
 * numbers, from one point to the next.
 */
function acrossOf(
  kernel: Kernel,
  all: readonly Access[],
  vector: number,
  width: 4 | 8,
  domains: readonly Mask[],
): number {
  for (const { ix, guarded, buf } of all) {
    const s = strideOf(ix, vector, domains);
    const bytes = elementBytes(buf.storage);
    if (buf.access !== "read" || guarded || s === null || Math.abs(s) <= 2) continue;
    if (width === 8 && bytes !== 8) continue;
    const a = kernel.axes.findIndex(({ role }, axis) => {
      const t = axis === vector || role !== "grid" ? null : strideOf(ix, axis, domains);
      return t === 1 || (t === 2 && bytes === 4);
    });
    if (a >= 0) return a;
  }
  return -1;
}

/** Rows of a few elements cost more to fold together than to compute. */
function shortRows(kernel: Kernel): boolean {
  const rows = kernel.axes.reduce((n, a) => (a.role === "row" ? n * a.size : n), 1);
  const reduces = kernel.vals.some((v) => v.op === "reduce");
  const partial = kernel.bufs.some((b) => b.access === "partial");
  const work = kernel.vals.reduce((sum, v) => sum + weightOf(v), 0);
  return reduces && !partial && rows <= (work > 16 ? 16 : 3);
}

/** The innermost grid axis that moves everything regularly, so that its points can share vectors; or -1. */
function gridFor(kernel: Kernel, all: readonly Access[], domains: readonly Mask[]): number {
  return kernel.axes.findLastIndex(
    ({ role, size }, axis) =>
      role === "grid" &&
      (isOuter(kernel, axis) || size >= 16) &&
      all.every(({ ix }) => strideOf(ix, axis, domains) !== null),
  );
}

/** Nanoseconds of one vector instruction, with its share of everything else. */
const instruction = 0.2;
/** Nanoseconds a tile should take: long enough to be worth a call, short enough to share and to be replaced by better code. */
const tileTime = 13_400;
/** The same where points are independent: such tiles have no overhead of their own, and threads can share small kernels. */
const pointTileTime = 3400;

function tileChunks(
  kernel: Kernel,
  order: readonly number[],
  points: number,
  vector: number,
  across: number,
  lanes: number,
  step: number,
): number[] {
  const chunks = kernel.axes.map(() => 1);
  let left = points;
  for (const axis of [...order].reverse()) {
    const size = isOuter(kernel, axis) ? Number.POSITIVE_INFINITY : (kernel.axes[axis]?.size ?? 1);
    let chunk = Math.max(1, Math.min(size, Math.floor(left)));
    if (axis === vector && across >= 0) chunk = Math.min(size, 512);
    if (axis === across) chunk = Math.min(size, 128);
    if (axis === vector && chunk < size) chunk = Math.ceil(chunk / step) * step;
    if (axis === across && chunk < size) chunk = Math.ceil(chunk / lanes) * lanes;
    chunks[axis] = chunk;
    if (chunk < size && across < 0) break;
    left /= chunk;
  }
  return chunks;
}

/** Vectors side by side along the grid: rows down columns want whole cache lines, maps only less overhead. */
function unrollOf(
  kernel: Kernel,
  ops: number,
  rows: boolean,
  vector: number,
  lanes: number,
  wide: boolean,
): number {
  // Joined vectors need two side by side.
  const points = ops < 48 || wide ? 2 : 1;
  let unroll = rows ? (ops < 24 ? 8 : ops < 60 ? 4 : ops < 120 ? 2 : 1) : points;
  const size = kernel.axes[vector]?.size ?? 1;
  while (!isOuter(kernel, vector) && unroll > 1 && size < unroll * lanes) unroll /= 2;
  return unroll;
}

/** The decisions for a kernel; `wide` says that vectors are to be joined. */
export function planOf(kernel: Kernel, wide = false): Plan {
  const domains = domainsOf(kernel);
  const stages = stagesOf(kernel);
  const gridMask = axesOf(kernel.axes, "grid");
  const rowMask = axesOf(kernel.axes, "row");
  const slab = kernel.bufs.some((b) => b.access === "partial");
  const all = accesses(kernel, domains);

  let vector = -1;
  let best = Number.NEGATIVE_INFINITY;
  kernel.axes.forEach((_, axis) => {
    if (slab ? !has(rowMask, axis) : !has(gridMask | rowMask, axis)) return;
    const score = scoreOf(kernel, all, axis, domains);
    if (score >= best) {
      best = score;
      vector = axis;
    }
  });
  if (shortRows(kernel)) {
    const grid = gridFor(kernel, all, domains);
    if (grid >= 0) vector = grid;
  }
  const width = vector < 0 ? null : widthAlong(kernel, domains, vector);
  const lanes = width === null ? 1 : 16 / width;
  const vectorInGrid = has(gridMask, vector);
  const transposable = lanes > 1 && !slab && (rowMask === 0 || !vectorInGrid);
  const across = transposable ? acrossOf(kernel, all, vector, width ?? 4, domains) : -1;

  // Cost of one grid point, its rows included.
  let cost = 1;
  kernel.vals.forEach((v, id) => {
    const domain = domains[id] ?? 0;
    const spread = has(domain, vector) ? lanes : 1;
    cost += (weightOf(v) * volume(kernel, domain & rowMask)) / spread;
  });
  cost += (kernel.stores.length * 2) / lanes;
  const ops = kernel.vals.reduce((sum, v) => sum + weightOf(v), 0);
  const unroll =
    across >= 0 || lanes === 1 ? 1 : unrollOf(kernel, ops, rowMask !== 0, vector, lanes, wide);

  const rest = kernel.axes.map((_, a) => a).filter((a) => has(gridMask, a));
  const order = [
    ...rest.filter((a) => a !== vector && a !== across),
    ...(across >= 0 ? [across] : []),
    ...(vectorInGrid ? [vector] : []),
  ];
  const pointCost = cost * instruction;
  const tile = rowMask === 0 && across < 0 ? pointTileTime : tileTime;
  const points = Math.min(32768, Math.max(1, tile / pointCost));
  const chunks = tileChunks(kernel, order, points, vector, across, lanes, lanes * unroll);
  const perTile = slab ? slabRows : order.reduce((n, a) => n * (chunks[a] ?? 1), 1);
  return {
    kernel,
    domains,
    stages,
    grid: order,
    vector,
    lanes,
    width: width ?? 4,
    across,
    chunks,
    slab,
    unroll,
    groups: across >= 0 && ops < 12 ? 4 : 1,
    tileCost: perTile * pointCost,
    pointCost,
  };
}

/** Nanoseconds of one tile of a plan whose chunks were changed. */
export const costOfTile = ({ kernel, grid, chunks, pointCost }: Plan): number =>
  grid.reduce((n, a) => {
    const size = isOuter(kernel, a) ? Number.POSITIVE_INFINITY : (kernel.axes[a]?.size ?? 1);
    return n * Math.min(chunks[a] ?? 1, size);
  }, pointCost);

/** How many tiles there are when axis 0 has size `outer`. */
export function tilesOf(plan: Plan, outer: number): number {
  const { kernel, chunks, grid } = plan;
  const size = (a: number): number => (isOuter(kernel, a) ? outer : (kernel.axes[a]?.size ?? 1));
  if (plan.slab) return Math.ceil(grid.reduce((n, a) => n * size(a), 1) / slabRows);
  return grid.reduce((n, a) => n * Math.ceil(size(a) / (chunks[a] ?? 1)), 1);
}

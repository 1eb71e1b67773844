/** Which sets of operations are one kernel without a contraction: maps, rows of reductions, sums over the grid. */
import type { Atoms } from "./atoms.js";
import { contractShape, finishes } from "./contract-shape.js";
import { refuse } from "./decisions.js";
import type { Op } from "./graph.js";
import {
  bitsIn,
  type GroupShape,
  type IsStored,
  isSlabbed,
  type Members,
  maskOf,
  overMask,
  product,
  type Terminal,
} from "./shape.js";

/** Longest row of a kernel with several stages. */
const longestRow = 16384;

/** The kernel shape of a set of members, or null where they cannot be one kernel. */
export const shapeOf = (
  ops: readonly Op[],
  places: ReadonlyMap<Op, readonly Atoms[]>,
  sizes: readonly number[],
  stored: IsStored,
): GroupShape | null => {
  const all = maskOf([sizes.map((_, i) => i)]);
  const members = places;
  const contracts = ops.filter((o) => o.kind === "contract");
  const reductions = ops.filter((o) => o.kind === "reduce");
  if (contracts.length > 1) return refuse("a kernel holds one contraction");
  const contract = contracts[0];
  if (contract !== undefined) return contractShape(ops, places, sizes, contract, all, stored);
  if (reductions.length === 0) {
    for (const op of ops) {
      const mask = maskOf(places.get(op) ?? []);
      if (mask === all) continue;
      if (stored(op, members))
        return refuse("a stored value varies over fewer axes than the kernel has");
      if (op.weight > 4) return refuse("a dear value would be computed again along other axes");
    }
    return { grid: all, row: 0, terminals: [], finish: [], contract: null };
  }
  for (const row of rowCandidates(reductions, places, sizes, all)) {
    const shape = rowShape(ops, reductions, places, sizes, all, row, members, stored);
    if (shape !== null) return shape;
  }
  return null;
};

/** Which atoms may be the row, best first: memory is walked along its innermost axis inside a row wherever possible. */
const rowCandidates = (
  reductions: readonly Op[],
  places: ReadonlyMap<Op, readonly Atoms[]>,
  sizes: readonly number[],
  all: number,
): readonly number[] => {
  const overs = [...new Set(reductions.map((r) => overMask(r, places.get(r) ?? [])))];
  const first = reductions[0];
  const walk = first === undefined ? [] : (places.get(first) ?? []).flat();
  const innermost = walk.at(-1);
  const inner = (mask: number): number => (innermost === undefined ? 0 : (mask >> innermost) & 1);
  overs.sort((x, y) => inner(y) - inner(x));
  const over = overs[0];
  if (overs.length !== 1 || over === undefined) return overs;
  // Every reduction is over outer axes: in slabs of whole rows of memory when there are enough, along columns otherwise.
  const rest = all & ~over;
  const outermost = walk.slice(0, bitsIn(over)).every((a) => (over >> a) & 1);
  const slabs = outermost && product(over, sizes) >= 512 && product(rest, sizes) >= 16;
  return slabs ? [rest, over] : [over, rest];
};

const rowShape = (
  ops: readonly Op[],
  reductions: readonly Op[],
  places: ReadonlyMap<Op, readonly Atoms[]>,
  sizes: readonly number[],
  all: number,
  row: number,
  members: Members,
  stored: IsStored,
): GroupShape | null => {
  const grid = all & ~row;
  const terminals: Terminal[] = [];
  let rows = 0;
  for (const r of reductions) {
    const domain = places.get(r) ?? [];
    const mask = maskOf(domain);
    const over = overMask(r, domain);
    if (mask !== all && (mask !== grid || row === 0))
      return refuse("every reduction of a kernel runs over all of its axes, or over its grid");
    if (over === row && row !== 0) rows++;
    else if ((over & grid) === grid && (over === grid || over === mask) && isSlabbed(r)) {
      terminals.push({ op: r, over: grid, kept: mask & ~over, rest: over & row });
    } else {
      return refuse(
        "the reductions of a kernel run over one row, or are sums over all that is outside of it",
      );
    }
  }
  const finished = new Map<Op, Terminal>(terminals.map((t) => [t.op, t] as const));
  const finish: Op[] = [];
  let staged = rows > 1;
  for (const op of ops) {
    if (op.kind === "reduce") {
      if (op.sources.some((p) => finished.has(p)))
        return refuse("a reduction cannot read a sum over the grid, which ends after it");
      continue;
    }
    const mask = maskOf(places.get(op) ?? []);
    if (op.sources.some((p) => finished.has(p))) {
      if (!finishes(op, mask, members, finished)) return null;
      finish.push(op);
      continue;
    }
    if (mask === all) {
      if (rows > 0 && stored(op, members)) staged = true;
      continue;
    }
    if (mask === grid && rows > 0) continue;
    if (stored(op, members))
      return refuse("a stored value varies over fewer axes than the kernel has");
    if (op.weight > 4) return refuse("a dear value would be computed again along other axes");
  }
  if ((staged || terminals.length > 0) && product(row, sizes) > longestRow)
    return refuse(`the row is longer than the ${longestRow} elements that are kept at hand`);
  // Few grid points are not worth a second kernel.
  if (terminals.length > 0 && rows === 0 && product(grid, sizes) < 256)
    return refuse("few rows are not worth a second kernel that adds them up");
  return { grid, row, terminals, finish, contract: null };
};

/** Which sets of operations are one kernel without a contraction: maps, rows of reductions, sums over the grid. */
import type { Draft } from "./board.js";
import { contractShape, finishes } from "./contract-shape.js";
import { refuse } from "./decisions.js";
import type { Op } from "./graph.js";
import { bitsIn, type GroupShape, isSlabbed, overMask, product, type Terminal } from "./shape.js";

/** Longest row of a kernel with several stages. */
const longestRow = 16384;
const noOps: readonly Op[] = [];
const noTerminals: readonly Terminal[] = [];

/** What legality is asked of; `ops` and `reductions` are in topological order. */
export interface Members {
  readonly ops: readonly Op[];
  readonly contract: Op | null;
  readonly reductions: readonly Op[];
  /** Sizes of the atoms. */
  readonly sizes: readonly number[];
}

/** The kernel shape of a set of members, drafted on the board, or null where they cannot be one kernel. */
export const shapeOf = (members: Members, draft: Draft): GroupShape | null => {
  const { ops, contract, reductions, sizes } = members;
  const all = 2 ** sizes.length - 1;
  if (contract !== null) return contractShape(ops, sizes, contract, all, draft);
  if (reductions.length === 0) {
    for (const op of ops) if (draft.at(op).mask !== all && !isNarrow(op, draft)) return null;
    return { grid: all, row: 0, terminals: noTerminals, finish: noOps, contract: null };
  }
  for (const row of rowCandidates(reductions, sizes, all, draft)) {
    const shape = rowShape(members, all, row, draft);
    if (shape !== null) return shape;
  }
  return null;
};

/** Whether a member may vary over fewer axes than the kernel has. */
const isNarrow = (op: Op, draft: Draft): boolean => {
  if (draft.stored(op)) refuse("a stored value varies over fewer axes than the kernel has");
  else if (op.weight > 4) refuse("a dear value would be computed again along other axes");
  else return true;
  return false;
};

/** Which atoms may be the row, best first: memory is walked along its innermost axis inside a row wherever possible. */
const rowCandidates = (
  reductions: readonly Op[],
  sizes: readonly number[],
  all: number,
  draft: Draft,
): readonly number[] => {
  const overs: number[] = [];
  for (const r of reductions) {
    const over = overMask(r, draft.at(r).lists);
    if (!overs.includes(over)) overs.push(over);
  }
  const first = reductions[0];
  const walk = first === undefined ? [] : draft.at(first).lists.flat();
  const innermost = walk.at(-1);
  const inner = (mask: number): number => (innermost === undefined ? 0 : (mask >> innermost) & 1);
  const over = overs[0];
  if (overs.length !== 1 || over === undefined) return overs.sort((x, y) => inner(y) - inner(x));
  // Every reduction is over outer axes: in slabs of whole rows of memory when there are enough, along columns otherwise.
  const rest = all & ~over;
  const outermost = walk.slice(0, bitsIn(over)).every((a) => (over >> a) & 1);
  const slabs = outermost && product(over, sizes) >= 512 && product(rest, sizes) >= 16;
  return slabs ? [rest, over] : [over, rest];
};

const rowShape = (
  { ops, reductions, sizes }: Members,
  all: number,
  row: number,
  draft: Draft,
): GroupShape | null => {
  const grid = all & ~row;
  const terminals: Terminal[] = [];
  let rows = 0;
  for (const r of reductions) {
    const { lists, mask } = draft.at(r);
    const over = overMask(r, lists);
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
  const finish = terminals.length === 0 ? noOps : finishOf(ops, terminals, draft);
  if (finish === null) return null;
  let staged = rows > 1;
  for (const op of ops) {
    if (op.kind === "reduce" || finish.includes(op)) continue;
    const { mask } = draft.at(op);
    if (mask === all) staged ||= rows > 0 && draft.stored(op);
    else if ((mask !== grid || rows === 0) && !isNarrow(op, draft)) return null;
  }
  if ((staged || terminals.length > 0) && product(row, sizes) > longestRow)
    return refuse(`the row is longer than the ${longestRow} elements that are kept at hand`);
  // Few grid points are not worth a second kernel.
  if (terminals.length > 0 && rows === 0 && product(grid, sizes) < 256)
    return refuse("few rows are not worth a second kernel that adds them up");
  return { grid, row, terminals, finish, contract: null };
};

/** The members that read sums over the grid and can run where these are finished; null where one cannot. */
const finishOf = (
  ops: readonly Op[],
  terminals: readonly Terminal[],
  draft: Draft,
): readonly Op[] | null => {
  const finished = new Map<Op, Terminal>();
  for (const t of terminals) finished.set(t.op, t);
  const finish: Op[] = [];
  for (const op of ops) {
    if (!op.sources.some((p) => finished.has(p))) continue;
    if (op.kind === "reduce")
      return refuse("a reduction cannot read a sum over the grid, which ends after it");
    if (!finishes(op, draft, finished)) return null;
    finish.push(op);
  }
  return finish;
};

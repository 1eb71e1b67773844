/** Which sets of operations are one kernel around a contraction: what is packed, what follows, sums of what follows. */
import { computeTypeOf } from "../core/scalar.js";
import { slabRows } from "../kernel/ir.js";
import type { Draft } from "./board.js";
import { deny, refuse } from "./decisions.js";
import type { Op, Tensor } from "./graph.js";
import { type GroupShape, maskOf, overMask, product, type Terminal } from "./shape.js";

/** Weight of all that may run while a contraction packs its operands. */
export const packingLimit = 4;
/** Tensors a contraction may read, both operands together, when it computes them while packing. */
const packingReads = 4;

/** Whether an operation that reads a sum over the grid can run where that is finished: on the axes of its result. */
export const finishes = (op: Op, draft: Draft, finished: Map<Op, Terminal>): boolean => {
  const { mask } = draft.at(op);
  let first: Terminal | null = null;
  for (const p of op.sources) {
    const t = finished.get(p);
    if (t === undefined) {
      if (draft.has(p))
        return deny("what finishes a sum over the grid may read nothing else of the kernel");
      continue;
    }
    first ??= t;
    if (t.kept !== mask || t.over !== first.over || t.rest !== first.rest)
      return deny("what reads a sum over the grid has to wait until the whole grid is done");
  }
  if (first !== null) finished.set(op, first);
  return true;
};

/**
 * A sum over one side of a product, and over batches: it is taken while rows of the result are finished. Of a sum over
 * both sides the shorter one is left to the second kernel. Null where slabs of rows could lie in several tiles.
 */
const epilogueSum = (
  op: Op,
  sizes: readonly number[],
  contract: Op,
  draft: Draft,
): Terminal | null => {
  const floats =
    computeTypeOf(op.out.dtype) === "f32" && computeTypeOf(contract.out.dtype) === "f32";
  const sums = op.lowering.kind === "reduce" && op.lowering.how === "sum";
  if (!sums || !floats || contract.out.dtype.kind === "complex")
    return refuse("only float32 sums are taken where a contraction's result is");
  const domain = draft.at(contract).lists;
  const [m, n] = [maskOf(domain.slice(-3, -2)), maskOf(domain.slice(-2, -1))];
  const own = draft.at(op);
  const over = overMask(op, own.lists);
  const kept = own.mask & ~over;
  const all = (side: number): boolean => side !== 0 && (over & side) === side;
  const longer = product(m, sizes) >= product(n, sizes) ? m : n;
  const side = all(m) && all(n) ? longer : all(m) ? m : all(n) ? n : 0;
  const other = side === m ? n : m;
  if (side === 0 || ((over & other) !== 0 && !all(other)))
    return refuse("a sum after a contraction runs over one whole side of the product");
  const rest = over & other;
  const slabbed = over & ~rest;
  // A slab must not reach from one batch into the next.
  if (maskOf(domain.slice(0, -3)) !== 0 && product(side, sizes) % slabRows !== 0)
    return refuse(`batches whose rows are no multiple of ${slabRows} are summed on their own`);
  return { op, over: slabbed, kept, rest };
};

export const contractShape = (
  ops: readonly Op[],
  sizes: readonly number[],
  contract: Op,
  all: number,
  draft: Draft,
): GroupShape | null => {
  const k = overMask(contract, draft.at(contract).lists);
  const grid = all & ~k;
  if (draft.at(contract).mask !== all)
    return refuse("what stands beside a contraction varies over other axes than its result");
  const after = new Set<Op>([contract]);
  const finished = new Map<Op, Terminal>();
  const terminals: Terminal[] = [];
  const finish: Op[] = [];
  for (const op of ops) {
    if (op === contract) continue;
    const { mask } = draft.at(op);
    let follows = false;
    let late = false;
    for (const p of op.sources) {
      follows ||= after.has(p);
      late ||= finished.has(p);
    }
    if (op.kind === "reduce") {
      if (!follows || late || mask !== grid)
        return refuse("a kernel with a contraction holds reductions of its whole result alone");
      // It is lowered as a multiplication: such a kernel has no epilogue.
      if (k === 0) return refuse("a contraction over a single element is element-wise");
      const t = epilogueSum(op, sizes, contract, draft);
      if (t === null) return null;
      if ((terminals[0] ?? t).over !== t.over)
        return refuse("the sums that follow a contraction run over the same axes");
      terminals.push(t);
      finished.set(op, t);
    } else if (late) {
      if (!finishes(op, draft, finished)) return null;
      finish.push(op);
    } else if (follows) {
      if (mask !== grid)
        return refuse("what follows a contraction varies over exactly the axes of its result");
      after.add(op);
    }
  }
  if (after.size + finished.size < ops.length) {
    const beside = ops.filter((op) => !after.has(op) && !finished.has(op));
    if (!mayStandBeside(beside, contract, after, k, grid, draft)) return null;
  }
  return { grid, row: 0, terminals, finish, contract };
};

/** Whether operations that do not follow a contraction may feed it, running while panels are packed, or what follows it. */
const mayStandBeside = (
  ops: readonly Op[],
  contract: Op,
  after: ReadonlySet<Op>,
  k: number,
  grid: number,
  draft: Draft,
): boolean => {
  const before = new Set<Op>();
  let packing = 0;
  for (let i = ops.length - 1; i >= 0; i--) {
    const op = ops[i];
    if (op === undefined) continue;
    let feeds = false;
    let later = false;
    for (const r of op.out.readers) {
      if (!draft.has(r)) continue;
      feeds ||= r === contract || before.has(r);
      later ||= r !== contract && after.has(r);
    }
    if (feeds) {
      // It runs once per panel: only what is cheap may.
      if (later) return deny("a value that feeds a contraction is also read after it");
      packing += op.weight;
      if (draft.stored(op)) return deny("a value that feeds a contraction has other readers");
      if (packing > packingLimit)
        return deny("too dear to be computed anew each time an operand's panel is packed");
      before.add(op);
    } else {
      const { mask } = draft.at(op);
      if ((mask & k) !== 0)
        return deny("a value beside a contraction runs along the axis that it contracts");
      if (mask !== grid && (op.weight > 4 || draft.stored(op)))
        return deny("a dear or stored value varies over fewer axes than the contraction's result");
    }
  }
  if (before.size === 0) return true;
  const read = new Set<Tensor>();
  for (const op of [contract, ...before]) {
    for (const { edge } of op.reads) {
      if (!edge.tensor.producers.some((p) => before.has(p))) read.add(edge.tensor);
    }
  }
  return (
    read.size <= packingReads ||
    deny(`more than ${packingReads} tensors would be read while operands are packed`)
  );
};

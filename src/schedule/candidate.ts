/** Groups as the partitioner holds them, and the attempt to make one of two: unified axes, then legality. */
import { type Atoms, accessPlaces, type Places, splitDomain, Unifier } from "./atoms.js";
import { deny, refuse } from "./decisions.js";
import type { Op, Read, Tensor } from "./graph.js";

export interface Group {
  readonly id: number;
  readonly ops: readonly Op[];
  /** Sizes of its atoms. */
  readonly sizes: readonly number[];
  /** Per member, the atoms of each dimension of its domain. */
  readonly places: ReadonlyMap<Op, readonly Atoms[]>;
  readonly reads: ReadonlyMap<Tensor, readonly Read[]>;
  readonly shape: GroupShape;
  /** It has a reduction. */
  readonly reduces: boolean;
}

/** What a legal group looks like as a kernel, in masks of its atoms. */
export interface GroupShape {
  readonly grid: number;
  readonly row: number;
  /** Reductions over the grid: finished by a second kernel. */
  readonly terminals: readonly Op[];
  /** Members that run in that second kernel. */
  readonly finish: readonly Op[];
  readonly contract: Op | null;
}

/** Longest row of a kernel with several stages. */
const longestRow = 16384;
/** Weight of all that may run while a contraction packs its operands. */
const packingLimit = 4;
/** Tensors a contraction may read, both operands together, when it computes them while packing. */
const packingReads = 4;
const mostOps = 96;
const mostAtoms = 24;
const mostBuffers = 28;

const maskOf = (lists: readonly Atoms[]): number => {
  let mask = 0;
  for (const list of lists) for (const a of list) mask |= 1 << a;
  return mask;
};

const countOf = (lists: readonly Atoms[]): number => {
  let count = 0;
  for (const list of lists) count += list.length;
  return count;
};

const isReduction = (op: Op): boolean => op.kind === "reduce";

const bitsIn = (mask: number): number => {
  let count = 0;
  for (let m = mask; m !== 0; m &= m - 1) count++;
  return count;
};

const reducedAxes = (op: Op): readonly number[] =>
  op.lowering.kind === "reduce" ? op.lowering.axes(op.attrs) : [];

/** Atoms of a member's result, given those of its domain. */
export const resultPlaces = (op: Op, domain: readonly Atoms[]): readonly Atoms[] => {
  if (op.kind === "contract") return domain.slice(0, -1);
  if (op.kind !== "reduce") return domain;
  const axes = reducedAxes(op);
  const keeps = op.out.shape.length === domain.length;
  if (keeps) return domain.map((atoms, d) => (axes.includes(d) ? [] : atoms));
  return domain.filter((_, d) => !axes.includes(d));
};

const overMask = (op: Op, domain: readonly Atoms[]): number => {
  if (op.kind === "contract") return maskOf(domain.slice(-1));
  const axes = reducedAxes(op);
  return maskOf(domain.filter((_, d) => axes.includes(d)));
};

/** Anything that knows its operations: a set, or a map from them. */
export interface Members {
  has(op: Op): boolean;
}

export type IsStored = (op: Op, members: Members) => boolean;

const product = (mask: number, sizes: readonly number[]): number => {
  let p = 1;
  for (let a = 0; a < sizes.length; a++) if ((mask >> a) & 1) p *= sizes[a] ?? 1;
  return p;
};

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
  if (contracts.length === 1 && reductions.length > 0)
    return refuse("a kernel holds a contraction or reductions, not both");
  const contract = contracts[0];
  if (contract !== undefined) return contractShape(ops, places, contract, all, members, stored);
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
  const terminals: Op[] = [];
  let rows = 0;
  for (const r of reductions) {
    const domain = places.get(r) ?? [];
    if (maskOf(domain) !== all)
      return refuse("every reduction of a kernel runs over all of its axes");
    const over = overMask(r, domain);
    if (over === row && row !== 0) rows++;
    else if (over === grid && isSlabbed(r)) terminals.push(r);
    else {
      return refuse(
        "the reductions of a kernel run over one row, or are sums over all that is outside of it",
      );
    }
  }
  const finished = new Set<Op>(terminals);
  const finish: Op[] = [];
  let staged = rows > 1;
  for (const op of ops) {
    if (op.kind === "reduce") {
      if (op.sources.some((p) => finished.has(p)))
        return refuse("a reduction cannot read a sum over the grid, which ends after it");
      continue;
    }
    const mask = maskOf(places.get(op) ?? []);
    const late = op.sources.some((p) => finished.has(p));
    if (late) {
      // What follows a terminal reduction runs once it is finished, on rows alone.
      if ((mask & grid) !== 0)
        return refuse("what reads a sum over the grid has to wait until the whole grid is done");
      if (op.sources.some((p) => members.has(p) && !finished.has(p)))
        return refuse("what finishes a sum over the grid may read nothing else of the kernel");
      finished.add(op);
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

/** Reductions that can be done slab by slab. */
const isSlabbed = (op: Op): boolean =>
  op.lowering.kind === "reduce" &&
  op.lowering.how !== "argmax" &&
  op.lowering.how !== "argmin" &&
  op.out.dtype.kind !== "complex" &&
  op.out.dtype.kind !== "bool";

const contractShape = (
  ops: readonly Op[],
  places: ReadonlyMap<Op, readonly Atoms[]>,
  contract: Op,
  all: number,
  members: Members,
  stored: IsStored,
): GroupShape | null => {
  const k = overMask(contract, places.get(contract) ?? []);
  const grid = all & ~k;
  const after = new Set<Op>([contract]);
  for (const op of ops) {
    if (op === contract) continue;
    const mask = maskOf(places.get(op) ?? []);
    const follows = op.sources.some((p) => after.has(p));
    if (follows) {
      if (mask !== grid)
        return refuse("what follows a contraction varies over exactly the axes of its result");
      after.add(op);
    }
  }
  const before = new Set<Op>();
  let packing = 0;
  for (let i = ops.length - 1; i >= 0; i--) {
    const op = ops[i];
    if (op === undefined || op === contract || after.has(op)) continue;
    const readers = ops.filter((r) => r.sources.includes(op));
    const feeds = readers.some((r) => r === contract || before.has(r));
    if (feeds) {
      // It runs while panels are packed, once per panel: only what is cheap may.
      if (readers.some((r) => after.has(r) && r !== contract))
        return refuse("a value that feeds a contraction is also read after it");
      packing += op.weight;
      if (stored(op, members)) return refuse("a value that feeds a contraction has other readers");
      if (packing > packingLimit)
        return refuse("too dear to be computed anew each time an operand's panel is packed");
      before.add(op);
    } else {
      const mask = maskOf(places.get(op) ?? []);
      if ((mask & k) !== 0)
        return refuse("a value beside a contraction runs along the axis that it contracts");
      if (mask !== grid && (stored(op, members) || op.weight > 4))
        return refuse(
          "a dear or stored value varies over fewer axes than the contraction's result",
        );
    }
  }
  const read = new Set<Tensor>();
  for (const op of [contract, ...before]) {
    for (const { edge } of op.reads) {
      if (!edge.tensor.producers.some((p) => before.has(p))) read.add(edge.tensor);
    }
  }
  if (before.size > 0 && read.size > packingReads)
    return refuse(`more than ${packingReads} tensors would be read while operands are packed`);
  return { grid, row: 0, terminals: [], finish: [], contract };
};

const readsOf = (ops: readonly Op[]): Map<Tensor, Read[]> => {
  const members = new Set(ops);
  const reads = new Map<Tensor, Read[]>();
  for (const op of ops) {
    for (const r of op.reads) {
      const t = r.edge.tensor;
      if (t.producers.some((p) => p.into === null && members.has(p))) continue;
      const list = reads.get(t);
      if (list === undefined) reads.set(t, [r]);
      else list.push(r);
    }
  }
  return reads;
};

/** A group from members whose domains are dimension by dimension the same. */
export const uniformGroup = (
  id: number,
  ops: readonly Op[],
  dims: readonly number[],
  stored: IsStored,
): Group | null => {
  const whole: number[] = [];
  const plain = dims.map((size): Atoms => (size === 1 ? [] : [whole.push(size) - 1]));
  const [only] = ops;
  const [sizes, lists] =
    only?.kind === "contract" && ops.length === 1
      ? splitDomain(only, whole, plain)
      : [whole, plain];
  const places = new Map(ops.map((op) => [op, lists] as const));
  const shape = shapeOf(ops, places, sizes, stored);
  return shape === null
    ? null
    : { id, ops, sizes, places, reads: readsOf(ops), shape, reduces: ops.some(isReduction) };
};

/** Both groups' atoms in one unifier; those of the second are shifted. */
class Merger {
  private readonly u = new Unifier();
  private readonly a: Group;
  private readonly b: Group;
  private readonly shift: number;

  constructor(a: Group, b: Group) {
    this.a = a;
    this.b = b;
    this.shift = a.sizes.length;
    for (const s of a.sizes) this.u.fresh(s);
    for (const s of b.sizes) this.u.fresh(s);
  }

  private domain(g: Group, op: Op): readonly Atoms[] {
    const lists = g.places.get(op) ?? [];
    return g === this.a ? lists : lists.map((l) => l.map((x) => x + this.shift));
  }

  private access(g: Group, r: Read): Places {
    return accessPlaces(this.u, r.op, r.operand, r.edge, this.domain(g, r.op));
  }

  private unify(first: Places, second: Places): boolean {
    for (let d = 0; d < first.length; d++) {
      const [x, y] = [first[d], second[d]];
      if (x == null || y == null) return false;
      if (!this.u.unify(x, y)) return false;
    }
    return true;
  }

  /** Ties what the second group reads of the first to where the first computes it. */
  internal(): boolean {
    for (const [t, reads] of this.b.reads) {
      const p = t.producers[0];
      if (p === undefined) continue;
      if (p.into !== null) {
        // A concatenation exists in memory only.
        if (t.producers.some((x) => this.a.places.has(x)))
          return deny("a concatenation exists in memory only");
        continue;
      }
      if (!this.a.places.has(p)) continue;
      const made = resultPlaces(p, this.domain(this.a, p));
      for (const r of reads) {
        if (this.unify(made, this.access(this.b, r))) continue;
        return deny("it is read at other places than it is computed: indices do not correspond");
      }
    }
    return true;
  }

  /** Ties reads of the same tensor in both groups. */
  shared(): void {
    for (const [t, reads] of this.a.reads) {
      const others = this.b.reads.get(t);
      const [x, y] = [reads[0], others?.[0]];
      if (x === undefined || y === undefined) continue;
      const [p, q] = [this.access(this.a, x), this.access(this.b, y)];
      if (p.every((l) => l !== null) && q.every((l) => l !== null)) this.unify(p, q);
    }
  }

  /** The merged group, or null where an operation would have one axis twice or there is no legal kernel. */
  finish(id: number, stored: IsStored): Group | null {
    const sizes: number[] = [];
    const names = new Map<number, number>();
    // The first group's atoms are named first: mostly they keep their names, and its places need no new lists.
    const places = new Map<Op, readonly Atoms[]>(this.a.places);
    for (const g of [this.a, this.b]) {
      const renamed = this.rename(g, names, sizes);
      if (renamed === null && g === this.a) continue;
      for (const [op, lists] of g.places) {
        const moved = renamed === null ? lists : lists.map((l) => renameList(l, renamed));
        if (bitsIn(maskOf(moved)) !== countOf(moved))
          return refuse("one axis of the kernel would be two axes of an operation");
        places.set(op, moved);
      }
    }
    if (sizes.length > mostAtoms) return refuse(`more than ${mostAtoms} axes`);
    const ops = [...this.a.ops, ...this.b.ops].sort((x, y) => x.id - y.id);
    const shape = shapeOf(ops, places, sizes, stored);
    if (shape === null) return null;
    const reads = this.reads();
    let buffers = reads.size;
    for (const op of ops) if (stored(op, places)) buffers++;
    if (buffers > mostBuffers) return refuse(`more than ${mostBuffers} buffers`);
    return { id, ops, sizes, places, reads, shape, reduces: this.a.reduces || this.b.reduces };
  }

  /** For each atom of a group the merged group's atoms it became; null where nothing changes. */
  private rename(g: Group, names: Map<number, number>, sizes: number[]): readonly Atoms[] | null {
    const shift = g === this.a ? 0 : this.shift;
    let same = true;
    const out = g.sizes.map((_, atom): Atoms => {
      const list = this.u.expand([atom + shift]).map((root) => {
        const known = names.get(root);
        if (known !== undefined) return known;
        const name = sizes.push(this.u.sizeOf(root)) - 1;
        names.set(root, name);
        return name;
      });
      if (list.length !== 1 || list[0] !== atom) same = false;
      return list;
    });
    return same ? null : out;
  }

  /** What both groups read, save what the first computes for the second. */
  private reads(): Map<Tensor, readonly Read[]> {
    const reads = new Map(this.a.reads);
    for (const [t, list] of this.b.reads) {
      const p = t.producers[0];
      if (p !== undefined && p.into === null && this.a.places.has(p)) continue;
      const others = reads.get(t);
      reads.set(t, others === undefined ? list : [...others, ...list]);
    }
    return reads;
  }
}

const renameList = (list: Atoms, renamed: readonly Atoms[]): Atoms => {
  const only = list[0];
  if (list.length === 1 && only !== undefined) return renamed[only] ?? list;
  return list.flatMap((atom) => renamed[atom] ?? []);
};

/** A quick look at whether two groups could be one kernel at all. */
export const mayMerge = (a: Group, b: Group): boolean => {
  if (a.ops.length + b.ops.length > mostOps) return deny(`more than ${mostOps} operations`);
  if (a.shape.contract !== null && b.shape.contract !== null)
    return deny("a kernel holds one contraction");
  if ((a.shape.contract !== null && b.reduces) || (b.shape.contract !== null && a.reduces))
    return deny("a kernel holds a contraction or reductions, not both");
  return true;
};

/** One group of two, the first before the second; null where that is no legal kernel. */
export const mergeGroups = (id: number, a: Group, b: Group, stored: IsStored): Group | null => {
  for (const tie of [true, false]) {
    const m = new Merger(a, b);
    if (!m.internal()) return null;
    if (tie) m.shared();
    const merged = m.finish(id, stored);
    if (merged !== null) return merged;
  }
  return null;
};

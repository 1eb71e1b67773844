/** Groups as the partitioner holds them, and the attempt to make one of two: unified axes, then legality. */
import { type Atoms, accessPlaces, type Places, splitDomain, Unifier } from "./atoms.js";
import { packingLimit } from "./contract-shape.js";
import { deny, refuse } from "./decisions.js";
import type { Op, Read, Tensor } from "./graph.js";
import { shapeOf } from "./legal.js";
import {
  bitsIn,
  countOf,
  type GroupShape,
  type IsStored,
  isReduction,
  isSpread,
  maskOf,
  resultPlaces,
} from "./shape.js";

const mostOps = 96;
const mostAtoms = 24;
const mostBuffers = 28;

export interface Group {
  readonly id: number;
  readonly ops: readonly Op[];
  /** Sizes of its atoms. */
  readonly sizes: readonly number[];
  /** Per member, the atoms of each dimension of its domain. */
  readonly places: ReadonlyMap<Op, readonly Atoms[]>;
  readonly reads: ReadonlyMap<Tensor, readonly Read[]>;
  readonly shape: GroupShape;
  /** It has a reduction; one that its own row waits for, such as a norm's. */
  readonly reduces: boolean;
  readonly waits: boolean;
}

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
    : {
        id,
        ops,
        sizes,
        places,
        reads: readsOf(ops),
        shape,
        reduces: ops.some(isReduction),
        waits: ops.some((op) => isReduction(op) && isSpread(op)),
      };
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
  shared(): boolean {
    let tied = false;
    for (const [t, reads] of this.a.reads) {
      const others = this.b.reads.get(t);
      const [x, y] = [reads[0], others?.[0]];
      if (x === undefined || y === undefined) continue;
      const [p, q] = [this.access(this.a, x), this.access(this.b, y)];
      if (p.every((l) => l !== null) && q.every((l) => l !== null)) {
        this.unify(p, q);
        tied = true;
      }
    }
    return tied;
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
    return {
      id,
      ops,
      sizes,
      places,
      reads,
      shape,
      reduces: this.a.reduces || this.b.reduces,
      waits: this.a.waits || this.b.waits,
    };
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
  if (b.shape.contract !== null && a.reduces)
    return deny("the operands of a contraction are not reductions of the same kernel");
  if (a.shape.contract !== null && b.waits)
    return deny("a reduction that its own row waits for stays out of a contraction's kernel");
  return b.shape.contract === null || mayPack(a, b, b.shape.contract);
};

/** A look at what the first group computes for the second's contraction. */
const mayPack = (a: Group, b: Group, contract: Op): boolean => {
  for (const { edge } of contract.reads) {
    const t = edge.tensor;
    const p = t.producers[0];
    if (p === undefined || !a.places.has(p)) continue;
    if (p.weight > packingLimit)
      return deny("too dear to be computed anew each time an operand's panel is packed");
    if (t.required || !t.readers.every((r) => a.places.has(r) || b.places.has(r)))
      return deny("a value that feeds a contraction has other readers");
  }
  return true;
};

/** One group of two, the first before the second; null where that is no legal kernel. */
export const mergeGroups = (id: number, a: Group, b: Group, stored: IsStored): Group | null => {
  for (const tie of [true, false]) {
    const m = new Merger(a, b);
    if (!m.internal()) return null;
    const tied = tie && m.shared();
    const merged = m.finish(id, stored);
    // Without shared inputs nothing would be different.
    if (merged !== null || !tied) return merged;
  }
  return null;
};

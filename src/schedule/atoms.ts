/** Axis unification: which dimensions of different operations are the same loop, reshapes split to common factors. */
import type { Edge, Op } from "./graph.js";

/** An atom is an axis that is not known to split further. A dimension is a list of atoms, outermost first. */
export type Atoms = readonly number[];
/** Per dimension its atoms; null where an index transform breaks the correspondence. */
export type Places = readonly (Atoms | null)[];

/** Atoms under construction: union-find whose elements can also split into factors. */
export class Unifier {
  private readonly parent: number[] = [];
  private readonly sizes: number[];
  private readonly factors: (Atoms | null)[] = [];

  constructor(sizes: number[]) {
    this.sizes = sizes;
    for (let a = 0; a < sizes.length; a++) {
      this.parent.push(a);
      this.factors.push(null);
    }
  }

  private fresh(size: number): number {
    this.parent.push(this.parent.length);
    this.factors.push(null);
    return this.sizes.push(size) - 1;
  }

  sizeOf(a: number): number {
    return this.sizes[this.find(a)] ?? 1;
  }

  find(a: number): number {
    let x = a;
    for (let p = this.parent[x]; p !== undefined && p !== x; p = this.parent[x]) x = p;
    return x;
  }

  /** The list with every split atom replaced by its factors and every atom by its representative. */
  expand(list: Atoms): Atoms {
    for (let i = 0; i < list.length; i++) {
      const a = list[i] ?? 0;
      const root = this.find(a);
      if (root === a && this.factors[root] === null) continue;
      const out: number[] = [];
      for (const x of list) this.gather(x, out);
      return out;
    }
    return list;
  }

  /** The factors of an atom that split no further. */
  leaves(a: number): Atoms {
    const out: number[] = [];
    this.gather(a, out);
    return out;
  }

  private gather(a: number, out: number[]): void {
    const root = this.find(a);
    const parts = this.factors[root];
    if (parts == null) out.push(root);
    else for (const x of parts) this.gather(x, out);
  }

  /** Makes atom `a` the product of an outer factor of `size` and the rest; null where that does not divide. */
  split(a: number, size: number): readonly [number, number] | null {
    const root = this.find(a);
    const whole = this.sizes[root] ?? 1;
    if (whole % size !== 0) return null;
    const pair = [this.fresh(size), this.fresh(whole / size)] as const;
    this.factors[root] = pair;
    return pair;
  }

  /** Makes two dimensions the same; false where their factors do not match. */
  unify(first: Atoms, second: Atoms): boolean {
    let a = this.expand(first);
    let b = this.expand(second);
    let i = 0;
    let j = 0;
    while (i < a.length && j < b.length) {
      const x = this.find(a[i] ?? 0);
      const y = this.find(b[j] ?? 0);
      const p = this.sizes[x] ?? 1;
      const q = this.sizes[y] ?? 1;
      if (p === q) {
        if (x !== y) this.parent[y] = x;
        i++;
        j++;
        continue;
      }
      if (this.split(p > q ? x : y, Math.min(p, q)) === null) return false;
      a = this.expand(a.slice(i));
      b = this.expand(b.slice(j));
      i = 0;
      j = 0;
    }
    return i === a.length && j === b.length;
  }

  /** Cuts the concatenation of `lists` into dimensions of `shape`; null per dimension where factors do not fit. */
  regroup(lists: Places, shape: readonly number[]): Places {
    const none = shape.map(() => null);
    const queue: number[] = [];
    for (const l of lists) {
      if (l === null) return none;
      queue.push(...this.expand(l));
    }
    const out: Atoms[] = [];
    let next = 0;
    for (const size of shape) {
      const dim: number[] = [];
      let have = 1;
      while (have < size) {
        const a = queue[next];
        if (a === undefined) return none;
        const s = this.sizeOf(a);
        if (size % (have * s) === 0) {
          dim.push(a);
          have *= s;
          next++;
          continue;
        }
        const need = size / have;
        if (!Number.isInteger(need)) return none;
        const pair = this.split(a, need);
        if (pair === null) return none;
        queue.splice(next, 1, ...pair);
      }
      out.push(dim);
    }
    return out;
  }
}

/** The dimensions of operand `i` of an operation whose domain sits at `domain`. */
const operandPlaces = (op: Op, i: number, domain: Places): Places => {
  if (op.lowering.kind === "contract") {
    const [m, n, k] = domain.slice(-3);
    const batch = domain.slice(0, -3);
    return i === 0 ? [...batch, m ?? null, k ?? null] : [...batch, k ?? null, n ?? null];
  }
  return domain;
};

/** Where an operand's tensor is read, dimension by dimension, when the reader's domain sits at `domain`. */
export const accessPlaces = (u: Unifier, op: Op, i: number, edge: Edge, domain: Places): Places => {
  if (op.lowering.kind === "indexed") return edge.tensor.shape.map(() => null);
  let at = operandPlaces(op, i, domain);
  for (let v = edge.views.length - 1; v >= 0; v--) {
    const step = edge.views[v];
    if (step === undefined) continue;
    const { view, input, output } = step;
    const from = at;
    switch (view.op) {
      case "broadcast":
        at = input.map((size, d) => (size === 1 ? [] : (from[view.dims[d] ?? 0] ?? null)));
        break;
      case "permute": {
        const out: (Atoms | null)[] = input.map(() => null);
        for (const [d, axis] of view.axes.entries()) out[axis] = from[d] ?? null;
        at = out;
        break;
      }
      case "reshape":
        at = u.regroup(from, input);
        break;
      case "slice":
        at = input.map((size, d) => {
          const whole = size === output[d] && view.start[d] === 0 && view.step[d] === 1;
          return size === 1 ? [] : whole ? (from[d] ?? null) : null;
        });
        break;
      case "pad":
        at = input.map((size, d) =>
          size === output[d] && view.interior[d] === 0 ? (from[d] ?? null) : null,
        );
        break;
      case "window":
        at = input.map((size, d) => {
          if (d === view.axis) return size === 1 ? [] : null;
          return from[d < view.axis ? d : d + 1] ?? null;
        });
        break;
    }
  }
  return at;
};

/**
 * The domain of a contraction with its dimensions split wherever reshapes on the way to its operands split them, so that
 * indices need no division. Given and returned are the sizes of the atoms and the atoms of each dimension.
 */
export const splitDomain = (
  op: Op,
  sizes: readonly number[],
  domain: readonly Atoms[],
): readonly [sizes: readonly number[], domain: readonly Atoms[]] => {
  const u = new Unifier([...sizes]);
  for (const [i, edge] of op.ins.entries()) accessPlaces(u, op, i, edge, domain);
  const names = new Map<number, number>();
  const split: number[] = [];
  const lists = domain.map((list) =>
    u.expand(list).map((root) => {
      const known = names.get(root);
      if (known !== undefined) return known;
      const name = split.push(u.sizeOf(root)) - 1;
      names.set(root, name);
      return name;
    }),
  );
  return [split, lists];
};

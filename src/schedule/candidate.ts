/** Groups as the partitioner holds them, and the attempt to make one of two: unified axes, then legality. */
import { type Atoms, accessPlaces, type Places, splitDomain, Unifier } from "./atoms.js";
import type { Board } from "./board.js";
import { packingLimit } from "./contract-shape.js";
import { deny, refuse } from "./decisions.js";
import { type Domain, internDomain } from "./domain.js";
import type { Op, Read, Tensor } from "./graph.js";
import { type Members, shapeOf } from "./legal.js";
import { type GroupShape, isSpread, resultPlaces } from "./shape.js";

const mostOps = 96;
const mostAtoms = 24;
const mostBuffers = 28;

/** A tensor that members read from memory. */
export interface Input {
  readonly tensor: Tensor;
  readonly reads: readonly Read[];
}

/** Operations that become one kernel; the board says where each lies. */
export interface Group extends Members {
  readonly id: number;
  /** The different places where members lie. */
  readonly domains: readonly Domain[];
  readonly inputs: readonly Input[];
  readonly shape: GroupShape;
  /** It has a reduction that its own row waits for, such as a norm's. */
  readonly waits: boolean;
  /** Numbers of later groups that it cannot be merged with. */
  readonly refused: number[];
}

/** What members read and no member computes, in the order of the first read. */
const inputsOf = (ops: readonly Op[], board: Board): readonly Input[] => {
  const inputs: { tensor: Tensor; reads: Read[] }[] = [];
  for (const op of ops) {
    for (const r of op.reads) {
      const { tensor } = r.edge;
      if (tensor.producers.some((p) => p.into === null && board.has(p))) continue;
      const known = inputs.find((x) => x.tensor === tensor);
      if (known === undefined) inputs.push({ tensor, reads: [r] });
      else known.reads.push(r);
    }
  }
  return inputs;
};

/** A group from members whose domains are dimension by dimension the same. */
export const uniformGroup = (
  id: number,
  ops: readonly Op[],
  dims: readonly number[],
  board: Board,
): Group | null => {
  const whole: number[] = [];
  const plain = dims.map((size): Atoms => (size === 1 ? [] : [whole.push(size) - 1]));
  const [only] = ops;
  const contract = ops.length === 1 && only?.kind === "contract" ? only : null;
  const [sizes, lists] = contract === null ? [whole, plain] : splitDomain(contract, whole, plain);
  const domains: Domain[] = [];
  const domain = internDomain(domains, lists);
  if (domain === null) return null;
  board.begin();
  for (const op of ops) board.draft(op, domain);
  const reductions = ops.filter((op) => op.kind === "reduce");
  const members = { ops, contract, reductions, sizes };
  const shape = shapeOf(members, board);
  if (shape === null) return null;
  const waits = reductions.some((op) => isSpread(op));
  return { id, ...members, domains, inputs: inputsOf(ops, board), shape, waits, refused: [] };
};

/** Two lists of operations in topological order as one. */
const mergedOps = (a: readonly Op[], b: readonly Op[]): readonly Op[] => {
  if (b.length === 0) return a;
  if (a.length === 0) return b;
  const out: Op[] = [];
  let i = 0;
  let j = 0;
  for (let x = a[0], y = b[0]; x !== undefined || y !== undefined; ) {
    if (y === undefined || (x !== undefined && x.id < y.id)) {
      if (x !== undefined) out.push(x);
      x = a[++i];
    } else {
      out.push(y);
      y = b[++j];
    }
  }
  return out;
};

/** Both groups' atoms in one unifier; those of the second are shifted. */
class Merger {
  private readonly u: Unifier;
  private readonly a: Group;
  private readonly b: Group;
  private readonly board: Board;
  private readonly shift: number;
  /** The last domain of the second group that was asked for, and its shifted atoms: members often share theirs. */
  private last: Domain | null = null;
  private shifted: readonly Atoms[] = [];

  constructor(a: Group, b: Group, board: Board) {
    this.a = a;
    this.b = b;
    this.board = board;
    this.shift = a.sizes.length;
    this.u = new Unifier([...a.sizes, ...b.sizes]);
  }

  private moved(domain: Domain): readonly Atoms[] {
    if (domain !== this.last) {
      this.last = domain;
      this.shifted = domain.lists.map((l) => l.map((x) => x + this.shift));
    }
    return this.shifted;
  }

  private unify(first: Places, second: Places): boolean {
    for (let d = 0; d < first.length; d++) {
      const x = first[d];
      const y = second[d];
      if (x == null || y == null || !this.u.unify(x, y)) return false;
    }
    return true;
  }

  private readInFirst(r: Read): Places {
    return accessPlaces(this.u, r.op, r.operand, r.edge, this.board.home(r.op).lists);
  }

  private readInSecond(r: Read): Places {
    return accessPlaces(this.u, r.op, r.operand, r.edge, this.moved(this.board.home(r.op)));
  }

  /** Ties what the second group reads of the first to where the first computes it. */
  internal(): boolean {
    for (const { tensor, reads } of this.b.inputs) {
      const p = tensor.producers[0];
      if (p === undefined) continue;
      if (p.into !== null) {
        // A concatenation exists in memory only.
        if (tensor.producers.some((x) => this.board.owns(this.a, x)))
          return deny("a concatenation exists in memory only");
        continue;
      }
      if (!this.board.owns(this.a, p)) continue;
      const made = resultPlaces(p, this.board.home(p).lists);
      for (const r of reads) {
        if (this.unify(made, this.readInSecond(r))) continue;
        return deny("it is read at other places than it is computed: indices do not correspond");
      }
    }
    return true;
  }

  /** Ties reads of the same tensor in both groups. */
  shared(): boolean {
    let tied = false;
    this.board.note(this.b.inputs);
    for (const { tensor, reads } of this.a.inputs) {
      const other = this.b.inputs[this.board.placeOf(tensor)];
      const [x, y] = [reads[0], other?.reads[0]];
      if (x === undefined || y === undefined) continue;
      const [p, q] = [this.readInFirst(x), this.readInSecond(y)];
      if (p.includes(null) || q.includes(null)) continue;
      this.unify(p, q);
      tied = true;
    }
    return tied;
  }

  /** The merged group, or null where an operation would have one axis twice or there is no legal kernel. */
  finish(id: number): Group | null {
    const { a, b, board } = this;
    const sizes: number[] = [];
    const names: number[] = [];
    // The first group's atoms are named first: mostly they keep their names, and its domains stay as they are.
    const first = this.rename(a, 0, names, sizes);
    const second = this.rename(b, this.shift, names, sizes);
    if (sizes.length > mostAtoms) return refuse(`more than ${mostAtoms} axes`);
    const domains: Domain[] = first === null ? [...a.domains] : [];
    board.begin();
    if (!this.draft(a, first, domains) || !this.draft(b, second, domains))
      return refuse("one axis of the kernel would be two axes of an operation");
    const members = {
      ops: mergedOps(a.ops, b.ops),
      contract: a.contract ?? b.contract,
      reductions: mergedOps(a.reductions, b.reductions),
      sizes,
    };
    const shape = shapeOf(members, board);
    if (shape === null) return null;
    const inputs = this.inputs();
    let buffers = inputs.length;
    for (const op of members.ops) if (board.stored(op)) buffers++;
    if (buffers > mostBuffers) return refuse(`more than ${mostBuffers} buffers`);
    return { id, ...members, domains, inputs, shape, waits: a.waits || b.waits, refused: [] };
  }

  /** For each atom of a group the merged group's atoms it became; null where nothing changes. */
  private rename(
    g: Group,
    shift: number,
    names: number[],
    sizes: number[],
  ): readonly Atoms[] | null {
    let same = true;
    const out: Atoms[] = [];
    for (let atom = 0; atom < g.sizes.length; atom++) {
      const list = this.u.leaves(atom + shift).map((root) => {
        const known = names[root];
        if (known !== undefined) return known;
        const name = sizes.push(this.u.sizeOf(root)) - 1;
        names[root] = name;
        return name;
      });
      if (list.length !== 1 || list[0] !== atom) same = false;
      out.push(list);
    }
    return same ? null : out;
  }

  /** Gives the candidate a group's members; false where one would have an atom twice. */
  private draft(g: Group, renamed: readonly Atoms[] | null, domains: Domain[]): boolean {
    const became: Domain[] = [];
    for (const d of renamed === null && g === this.a ? [] : g.domains) {
      const lists = renamed === null ? d.lists : d.lists.map((l) => renameList(l, renamed));
      const domain = internDomain(domains, lists);
      if (domain === null) return false;
      became.push(domain);
    }
    let last: Domain | null = null;
    let now: Domain | null = null;
    for (const op of g.ops) {
      const domain = this.board.home(op);
      if (domain !== last) {
        last = domain;
        now = became[g.domains.indexOf(domain)] ?? domain;
      }
      this.board.draft(op, now ?? domain);
    }
    return true;
  }

  /** What both groups read, save what the first computes for the second. */
  private inputs(): readonly Input[] {
    const inputs = [...this.a.inputs];
    this.board.note(inputs);
    for (const input of this.b.inputs) {
      const p = input.tensor.producers[0];
      if (p !== undefined && p.into === null && this.board.owns(this.a, p)) continue;
      const at = this.board.placeOf(input.tensor);
      const known = inputs[at];
      if (known === undefined) inputs.push(input);
      else inputs[at] = { tensor: input.tensor, reads: [...known.reads, ...input.reads] };
    }
    return inputs;
  }
}

const renameList = (list: Atoms, renamed: readonly Atoms[]): Atoms => {
  const only = list[0];
  if (list.length === 1 && only !== undefined) return renamed[only] ?? list;
  return list.flatMap((atom) => renamed[atom] ?? []);
};

/** A quick look at whether two groups could be one kernel at all. */
export const mayMerge = (a: Group, b: Group, board: Board): boolean => {
  if (a.ops.length + b.ops.length > mostOps) return deny(`more than ${mostOps} operations`);
  if (a.contract !== null && b.contract !== null) return deny("a kernel holds one contraction");
  if (b.contract !== null && a.reductions.length > 0)
    return deny("the operands of a contraction are not reductions of the same kernel");
  if (a.contract !== null && b.waits)
    return deny("a reduction that its own row waits for stays out of a contraction's kernel");
  return b.contract === null || mayPack(a, b, b.contract, board);
};

/** A look at what the first group computes for the second's contraction. */
const mayPack = (a: Group, b: Group, contract: Op, board: Board): boolean => {
  for (const { edge } of contract.reads) {
    const t = edge.tensor;
    const p = t.producers[0];
    if (p === undefined || !board.owns(a, p)) continue;
    if (p.weight > packingLimit)
      return deny("too dear to be computed anew each time an operand's panel is packed");
    if (t.required || !t.readers.every((r) => board.owns(a, r) || board.owns(b, r)))
      return deny("a value that feeds a contraction has other readers");
  }
  return true;
};

/** Bytes of traffic that one kernel in place of two saves, the first running before the second. */
export const gainOf = (a: Group, b: Group, board: Board): number => {
  let gain = 0;
  board.note(a.inputs);
  for (const { tensor } of b.inputs) {
    const p = tensor.producers[0];
    if (p !== undefined && p.into === null && board.owns(a, p)) {
      gain += tensor.bytes;
      if (tensor.required) continue;
      let inside = true;
      for (const r of tensor.readers) inside &&= board.owns(a, r) || board.owns(b, r);
      if (inside) gain += tensor.bytes;
    } else if (board.placeOf(tensor) >= 0) gain += tensor.bytes;
  }
  return gain;
};

/** One group of two, the first before the second, drafted on the board; null where that is no legal kernel. */
export const mergeGroups = (id: number, a: Group, b: Group, board: Board): Group | null => {
  for (const tie of [true, false]) {
    const m = new Merger(a, b, board);
    if (!m.internal()) return null;
    const tied = tie && m.shared();
    const merged = m.finish(id);
    // Without shared inputs nothing would be different.
    if (merged !== null || !tied) return merged;
  }
  return null;
};

/** Which stored values their readers had better compute again, by time: cheap pointwise functions of what is in memory. */
import { sizeOf } from "../graph/node.js";
import type { Board } from "./board.js";
import type { Group } from "./candidate.js";
import { decide } from "./decisions.js";
import type { Op, Tensor } from "./graph.js";
import { maskOf, resultPlaces } from "./shape.js";
import { dearest } from "./weights.js";

/** A group with what it stores and what it computes for itself although another group does so too. */
export interface Placed {
  readonly group: Group;
  readonly kept: Set<Op>;
  readonly borrowed: Set<Op>;
}

/** Nanoseconds: one addition of a float in a vector, a byte stored or loaded (an outer cache holds it). */
const perWeight = 0.055;
const perByte = 0.034;
/** Tensors of fewer bytes are left alone: planning would take longer than it saves. */
const leastBytes = 4096;
/** Memory that a value which is now stored instead may take, as a part of what is not. */
const smaller = 16;
const mostBuffers = 28;

/** What computing a value again takes. */
interface Cone {
  readonly ops: Set<Op>;
  /** Tensors in memory that it reads. */
  readonly reads: Set<Tensor>;
  /** Small values of the owner, such as row scalars, that would have to be stored. */
  readonly stores: Set<Op>;
}

class Rematerialiser {
  private readonly ownerOf = new Map<Op, Placed>();
  /** Groups that load a tensor. */
  private readonly loads = new Map<Tensor, Set<Placed>>();
  /** Operations from which a contraction's operands are computed: they run once per packed panel. */
  private readonly packed = new Map<Placed, ReadonlySet<Op>>();

  private readonly board: Board;

  constructor(placed: readonly Placed[], board: Board) {
    this.board = board;
    for (const p of placed) {
      for (const op of p.group.ops) this.ownerOf.set(op, p);
      for (const { tensor } of p.group.inputs) this.loadersOf(tensor).add(p);
    }
  }

  private loadersOf(t: Tensor): Set<Placed> {
    const known = this.loads.get(t);
    if (known !== undefined) return known;
    const made = new Set<Placed>();
    this.loads.set(t, made);
    return made;
  }

  /** What nothing reads is not stored; kernels that store nothing read nothing. */
  removeDead(placed: readonly Placed[], pinned: ReadonlySet<Tensor>): void {
    for (let i = placed.length - 1; i >= 0; i--) {
      const p = placed[i];
      if (p === undefined) continue;
      for (const op of p.kept) {
        const { out } = op;
        if (op.into !== null || out.required || pinned.has(out)) continue;
        if (this.loadersOf(out).size === 0) p.kept.delete(op);
      }
      if (p.kept.size > 0) continue;
      for (const loaders of this.loads.values()) loaders.delete(p);
    }
  }

  consider(op: Op): void {
    const owner = this.ownerOf.get(op);
    if (owner === undefined || !owner.kept.has(op)) return;
    const cone = this.coneOf(op, owner);
    if (cone === null) return;
    const readers = [...this.loadersOf(op.out)];
    if (readers.length === 0) return;
    let cost = -perByte * op.out.bytes;
    for (const s of cone.stores) cost += perByte * s.out.bytes;
    for (const r of readers) {
      if (!this.mayBorrow(r, op)) return;
      cost -= perByte * op.out.bytes;
      for (const o of cone.ops)
        if (!r.borrowed.has(o)) cost += perWeight * o.weight * sizeOf(o.out.shape);
      let buffers = this.buffersOf(r);
      for (const t of [...cone.reads, ...[...cone.stores].map((s) => s.out)]) {
        if (this.loadersOf(t).has(r)) continue;
        cost += perByte * t.bytes;
        buffers++;
      }
      if (buffers > mostBuffers) return;
    }
    if (cost >= 0) return;
    this.apply(op, owner, cone, readers);
  }

  private buffersOf(p: Placed): number {
    return p.group.inputs.length + p.kept.size;
  }

  /** Where a contraction would compute the value while it packs operands, that value is better stored. */
  private mayBorrow(r: Placed, op: Op): boolean {
    const { contract } = r.group.shape;
    if (contract === null) return true;
    let packed = this.packed.get(r);
    if (packed === undefined) {
      const found = new Set<Op>([contract]);
      for (let i = r.group.ops.length - 1; i >= 0; i--) {
        const o = r.group.ops[i];
        if (o?.out.readers.some((reader) => found.has(reader)) === true) found.add(o);
      }
      packed = found;
      this.packed.set(r, found);
    }
    for (const o of packed) if (o.reads.some((x) => x.edge.tensor === op.out)) return false;
    return true;
  }

  /** The pointwise operations of its group that lead to a value from what is in memory or small. */
  private coneOf(root: Op, owner: Placed): Cone | null {
    const cone: Cone = { ops: new Set(), reads: new Set(), stores: new Set() };
    const stack: Op[] = [root];
    for (let op = stack.pop(); op !== undefined; op = stack.pop()) {
      if (cone.ops.has(op)) continue;
      if (op.kind !== "map" || op.weight >= dearest || op.into !== null) return null;
      if (op.lowering.kind === "indexed" && op.ins.length > 0) return null;
      cone.ops.add(op);
      for (const { edge } of op.reads) {
        const t = edge.tensor;
        const p = t.producers[0];
        if (p === undefined || p.into !== null || t.required || !this.isLocal(p, owner)) {
          cone.reads.add(t);
          continue;
        }
        if (owner.kept.has(p)) cone.reads.add(t);
        else if (t.bytes * smaller <= root.out.bytes && this.mayStore(p, owner)) cone.stores.add(p);
        else if (p.kind === "map") stack.push(p);
        else return null;
      }
    }
    return cone;
  }

  /** Whether the owner computes `op` itself: for others it is in memory. */
  private isLocal(op: Op, owner: Placed): boolean {
    return this.ownerOf.get(op) === owner || owner.borrowed.has(op);
  }

  /** Whether it is a result of whole rows, known where the kernel stores. */
  private mayStore(op: Op, owner: Placed): boolean {
    const { shape } = owner.group;
    if (!this.board.owns(owner.group, op)) return false;
    if (shape.row === 0 || shape.finish.includes(op)) return false;
    if (shape.terminals.some((t) => t.op === op)) return false;
    return maskOf(resultPlaces(op, this.board.home(op).lists)) === shape.grid;
  }

  private apply(op: Op, owner: Placed, cone: Cone, readers: readonly Placed[]): void {
    owner.kept.delete(op);
    for (const s of cone.stores) owner.kept.add(s);
    const loaders = this.loadersOf(op.out);
    for (const r of readers) {
      loaders.delete(r);
      for (const o of cone.ops) r.borrowed.add(o);
      for (const t of cone.reads) this.loadersOf(t).add(r);
      for (const s of cone.stores) this.loadersOf(s.out).add(r);
    }
    decide(
      "recomputed",
      [op],
      readers.flatMap((r) => r.group.ops.filter((o) => o.sources.includes(op))),
      op.out.bytes,
      "computing it again takes less time than storing and loading it",
    );
  }
}

/**
 * Drops stores of values that their readers compute again, largest first, latest first among equals, and then of values
 * that nothing reads any more. `placed` is in the order of execution; `pinned` tensors have other readers.
 */
export const rematerialise = (
  placed: readonly Placed[],
  pinned: ReadonlySet<Tensor>,
  board: Board,
): void => {
  const candidates: Op[] = [];
  for (const p of placed) {
    for (const op of p.kept) {
      const { out } = op;
      const plain = op.kind === "map" && op.into === null && op.weight < dearest;
      if (plain && !out.required && !pinned.has(out) && out.bytes >= leastBytes)
        candidates.push(op);
    }
  }
  candidates.sort((x, y) => y.out.bytes - x.out.bytes || y.id - x.id);
  if (candidates.length === 0) return;
  const r = new Rematerialiser(placed, board);
  for (const op of candidates) r.consider(op);
  r.removeDead(placed, pinned);
};

/** A recorded graph for arguments with other lengths of axes, derived without running the function again. */
import { ShapeError } from "../core/errors.js";
import { bindAll } from "../graph/bind.js";
import type { View } from "../graph/lowering.js";
import { type Node, outsOf, type Shape, sameShape } from "../graph/node.js";
import { applicationsOf } from "../graph/order.js";
import type { AnyPrimitive } from "../graph/primitive.js";
import type { Recorded } from "../graph/recorded.js";
import {
  attentionGradientP,
  attentionP,
  broadcastP,
  type CompiledAttrs,
  constantP,
  countedValue,
  cummaxP,
  cumminP,
  cumprodP,
  cumsumP,
  iotaP,
  reshapeP,
  sliceP,
  softmaxP,
  sortP,
  standardizeP,
} from "../primitives/index.js";
import { hole, pick } from "./leaves.js";
import { type Length, Lengths } from "./lengths.js";
import { record } from "./record.js";
import type { Count } from "./simplify.js";

/** Results have the shape of the operand. */
const keeping: readonly AnyPrimitive[] = [
  cumsumP,
  cumprodP,
  cummaxP,
  cumminP,
  softmaxP,
  sortP,
  standardizeP,
];

/** Whether an application of attention has a mask, whose axes of length 1 repeat. */
const masked = ({ attrs }: Node): boolean =>
  typeof attrs === "object" && attrs !== null && "mask" in attrs && attrs.mask === true;

class Dimensions {
  readonly lengths: Lengths = new Lengths();
  private readonly of = new Map<Node, readonly Length[]>();

  get(n: Node): readonly Length[] {
    return this.of.get(n) ?? this.set(n, this.free(n.shape));
  }

  set(n: Node, dims: readonly Length[]): readonly Length[] {
    this.of.set(n, dims);
    return dims;
  }

  free(shape: Shape): Length[] {
    return shape.map((d) => this.lengths.fresh(d));
  }

  private fix(dims: readonly Length[]): void {
    for (const d of dims) this.lengths.fix(d);
  }

  fixed(n: Node): void {
    this.fix(this.get(n));
  }

  private same(a: readonly Length[], b: readonly Length[]): void {
    for (const [i, x] of a.entries()) this.lengths.equal(x, pick(b, i));
  }

  /** Attention without a mask, of any number of batch entries; all else is fixed. */
  private attention(n: Node, ins: readonly (readonly Length[])[]): void {
    const batch = pick(pick(ins, 0), 0);
    const rest = (dims: readonly Length[]): void => this.fix(dims.slice(1));
    for (const [i, dims] of ins.entries()) {
      // Sinks are one per head.
      if (pick(n.ins, i).shape.length === 1) this.fix(dims);
      else {
        this.lengths.equal(pick(dims, 0), batch);
        rest(dims);
      }
    }
    for (const out of outsOf(n)) {
      const dims = [batch, ...this.free(out.shape.slice(1))];
      rest(dims);
      this.set(out, dims);
    }
  }

  /** Takes up what a primitive says about the lengths of its operands and results. */
  relate(n: Node, prim: AnyPrimitive): void {
    if ((prim === attentionP || prim === attentionGradientP) && !masked(n)) {
      this.attention(
        n,
        n.ins.map((x) => this.get(x)),
      );
      return;
    }
    const ins = n.ins.map((x) => this.get(x));
    const dims = this.result(n, prim, ins);
    if (dims !== null) this.set(n, dims);
    else {
      for (const own of ins) this.fix(own);
      for (const out of outsOf(n)) this.fixed(out);
    }
  }

  /** The lengths of the result; null for a primitive that says nothing about them. */
  private result(
    n: Node,
    prim: AnyPrimitive,
    ins: readonly (readonly Length[])[],
  ): readonly Length[] | null {
    if (prim === constantP || prim === iotaP) return this.get(n);
    const [first = []] = ins;
    if (keeping.includes(prim)) return first;
    const l = prim.lower;
    switch (l?.kind) {
      case "view":
        return this.view(n, l.view(n.attrs, pick(n.ins, 0), n), first);
      case "alias":
        return pick(ins, l.input(n.attrs, n.index));
      case "scalar":
      case "expression":
        if (!n.ins.every((x) => sameShape(x.shape, n.shape))) return null;
        for (const dims of ins) this.same(first, dims);
        return first;
      case "reduce": {
        const axes = l.axes(n.attrs);
        return first.filter((_, d) => !axes.includes(d));
      }
      case "contract":
        return this.contract(n, first, pick(ins, 1));
      case "concatenate":
        return this.concatenate(n, l.axis(n.attrs), ins);
      default:
        return null;
    }
  }

  private view(n: Node, view: View, from: readonly Length[]): readonly Length[] | null {
    switch (view.op) {
      case "broadcast":
        return this.broadcast(n, view.dims, from);
      case "reshape":
        return this.reshape(n, from);
      case "permute":
        return view.axes.map((a) => pick(from, a));
      case "slice":
        return this.slice(n, view.start, view.step, from);
      default:
        return null;
    }
  }

  private broadcast(n: Node, dims: readonly number[], from: readonly Length[]): readonly Length[] {
    const x = pick(n.ins, 0);
    const out = this.free(n.shape);
    for (const [i, d] of dims.entries()) {
      const length = pick(from, i);
      if (x.shape[i] === n.shape[d]) out[d] = length;
      else this.lengths.fix(length);
    }
    return out;
  }

  private slice(
    n: Node,
    start: readonly number[],
    step: readonly number[],
    from: readonly Length[],
  ): readonly Length[] {
    const x = pick(n.ins, 0);
    return from.map((length, d) => {
      if (start[d] === 0 && step[d] === 1 && x.shape[d] === n.shape[d]) return length;
      this.lengths.fix(length);
      const own = this.lengths.fresh(n.shape[d] ?? 0);
      this.lengths.fix(own);
      return own;
    });
  }

  private contract(n: Node, a: readonly Length[], b: readonly Length[]): readonly Length[] {
    const r = n.shape.length;
    for (let d = 0; d < r - 2; d++) this.lengths.equal(pick(a, d), pick(b, d));
    this.lengths.equal(pick(a, r - 1), pick(b, r - 2));
    return [...a.slice(0, r - 1), pick(b, r - 1)];
  }

  private concatenate(
    n: Node,
    axis: number,
    ins: readonly (readonly Length[])[],
  ): readonly Length[] {
    const out = [...pick(ins, 0)];
    for (const dims of ins)
      for (const [d, x] of dims.entries()) if (d !== axis) this.lengths.equal(pick(out, d), x);
    out[axis] = this.lengths.fresh(n.shape[axis] ?? 0);
    const parts = ins.map((dims) => pick(dims, axis));
    this.lengths.relate("sum", [pick(out, axis)], parts);
    return out;
  }

  /** Lengths that match stay; runs of equal product are related; axes of length 1 come and go. */
  private reshape(n: Node, from: readonly Length[]): readonly Length[] {
    const x = pick(n.ins, 0);
    const out: Length[] = this.free(n.shape);
    let i = 0;
    let j = 0;
    while (i < x.shape.length || j < n.shape.length) {
      const [a, b] = [x.shape[i], n.shape[j]];
      if (a === b && a !== undefined) {
        out[j] = pick(from, i);
        i++;
        j++;
      } else if (a === 1 || b === undefined) this.lengths.fix(pick(from, i++));
      else if (b === 1 || a === undefined) this.lengths.fix(pick(out, j++));
      else {
        const [i0, j0] = [i, j];
        let left = pick(x.shape, i++);
        let right = pick(n.shape, j++);
        while (left !== right && (i < x.shape.length || j < n.shape.length)) {
          if (left < right && i < x.shape.length) left *= pick(x.shape, i++);
          else if (j < n.shape.length) right *= pick(n.shape, j++);
          else break;
        }
        const [ls, rs] = [from.slice(i0, i), out.slice(j0, j)];
        // What was flattened before comes back.
        const factors =
          ls.length === 1 ? this.lengths.factors(pick(ls, 0), n.shape.slice(j0, j)) : null;
        if (factors !== null) {
          out.splice(j0, j - j0, ...factors);
          continue;
        }
        this.lengths.relate("product", ls, rs);
        if (ls.length > 1 && rs.length > 1) for (const d of [...ls, ...rs]) this.lengths.fix(d);
      }
    }
    return out;
  }
}

/**
 * The graph for arguments of `shapes`, the first leaves; null where that cannot be known from the graph: then the function
 * has to be run again.
 */
export const reshaped = (
  { leaves, roots, order }: Recorded,
  counts: ReadonlyMap<Node, Count>,
  shapes: readonly Shape[],
): CompiledAttrs | null => {
  const counted = [...counts.values()].map(({ of }) => of).filter((n) => n !== null);
  const dims = new Dimensions();
  const given = new Map<Length, number>();
  for (const [i, leaf] of leaves.entries()) {
    const shape = shapes[i];
    if (shape === undefined) dims.fixed(leaf);
    else for (const [d, x] of dims.get(leaf).entries()) given.set(x, shape[d] ?? 0);
  }
  for (const n of applicationsOf([...roots, ...counted]))
    if (n.prim !== null) dims.relate(n, n.prim);
  const length = dims.lengths.solve(given);
  if (length === null) return null;
  const shapeOf = (n: Node): Shape => dims.get(n).map(length);

  const now = new Map<Node, Node>();
  const fresh = leaves.map((leaf) => {
    const x = hole({ shape: shapeOf(leaf), dtype: leaf.dtype });
    now.set(leaf, x);
    return x;
  });
  try {
    for (const n of order) {
      const { prim, attrs } = n;
      if (prim === null || now.has(n)) continue;
      const ins = n.ins.map((x) => now.get(x) ?? x);
      const changed: Record<string, unknown> = {};
      if ([constantP, iotaP, broadcastP, reshapeP, sliceP].some((p) => p.code === prim.code))
        changed.shape = shapeOf(n);
      const count = counts.get(n);
      if (count !== undefined) {
        const { of, axes } = count;
        if (of === null) return null;
        const elements = axes.reduce((c, d) => c * (shapeOf(of)[d] ?? 1), 1);
        changed.value = countedValue(count, elements);
      }
      const made = bindAll(prim, ins, typeof attrs === "object" ? { ...attrs, ...changed } : attrs);
      for (const [i, o] of outsOf(n).entries()) {
        const out = pick(made, i);
        if (!sameShape(out.shape, shapeOf(o))) return null;
        now.set(o, out);
      }
    }
  } catch (e) {
    if (e instanceof ShapeError) return null;
    throw e;
  }
  return record(
    fresh,
    roots.map((n) => now.get(n) ?? n),
  );
};

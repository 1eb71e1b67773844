/** The pending graph as the scheduler sees it: operations that compute, tensors between them, views on the edges. */
import type { DType } from "../core/dtype.js";
import { InternalError } from "../core/errors.js";
import type { Lowering, View } from "../graph/lowering.js";
import type { Node, Shape } from "../graph/node.js";
import { outsOf, sameShape, sizeOf } from "../graph/node.js";
import type { AnyPrimitive } from "../graph/primitive.js";
import { markFree } from "./free.js";
import type { Pending } from "./pending.js";
import { weightOf } from "./weights.js";

/** One view between a tensor and its reader, with the shapes on both sides. */
export interface Step {
  readonly view: View;
  readonly input: Shape;
  readonly output: Shape;
}

/** How an operation reads a tensor: `views` are applied to it first to last. */
export interface Edge {
  readonly tensor: Tensor;
  readonly views: readonly Step[];
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A value with a place in memory, if it is ever stored. */
export interface Tensor {
  readonly id: number;
  readonly shape: Shape;
  readonly dtype: DType;
  /** What computes it: none for a leaf, several for the parts of a concatenation. */
  producers: Op[];
  /** Position among the leaves, or -1. */
  readonly leaf: number;
  /** It has to be in memory: requested, or read by a routine. */
  required: boolean;
  /** What reads it, directly or through free operations; see free.ts. */
  readers: Op[];
  readonly bytes: number;
}

/** One tensor that an operation reads for operand `operand`, free operations between passed through. */
export interface Read {
  readonly op: Op;
  readonly operand: number;
  readonly edge: Edge;
}

export type OpKind = "map" | "constant" | "reduce" | "contract" | "routine";

/** One computation. `lowering` says what; a part of a concatenation is a copy that goes `into` a slice of a larger tensor. */
export interface Op {
  readonly id: number;
  /** Of the primitive it computes, for people. */
  readonly name: string;
  readonly kind: OpKind;
  readonly lowering: Lowering<unknown> | typeof copying;
  readonly attrs: unknown;
  readonly ins: readonly Edge[];
  readonly outs: readonly Tensor[];
  readonly out: Tensor;
  readonly into: { readonly tensor: Tensor; readonly axis: number; readonly offset: number } | null;
  /**
   * It costs next to nothing and reads at most one tensor that is in memory anyway: every reader computes it for itself.
   */
  free: boolean;
  /** What it reads from memory or from other operations, free ones passed through; and what computes that. */
  reads: readonly Read[];
  sources: readonly Op[];
  /** Cost of one element, in additions. */
  readonly weight: number;
  /** Position of the node it came from, in the pending order: where a constant finds its value. */
  readonly source: number;
}

/** The lowering of a plain copy. */
export const copying = { kind: "copy" } as const;

export interface TensorGraph {
  /** In topological order. */
  readonly ops: readonly Op[];
  readonly tensors: readonly Tensor[];
  /** For every requested node, the tensor that holds it. */
  readonly roots: readonly Tensor[];
}

const kindOf = (l: Lowering<unknown>): OpKind => {
  switch (l.kind) {
    case "constant":
      return "constant";
    case "reduce":
      return "reduce";
    case "contract":
      return "contract";
    case "routine":
    case "control":
    case "kernels":
      return "routine";
    default:
      return "map";
  }
};

class Builder {
  readonly ops: Op[] = [];
  readonly tensors: Tensor[] = [];
  private readonly edges = new Map<Node, Edge>();
  private readonly sources: ReadonlyMap<Node, number>;
  private readonly leaves: ReadonlyMap<Node, number>;

  constructor(pending: Wanted) {
    this.sources = new Map(pending.order.map((n, i) => [n, i]));
    this.leaves = new Map(pending.leaves.map((n, i) => [n, i]));
  }

  private tensor(shape: Shape, dtype: DType, leaf: number): Tensor {
    const t: Tensor = {
      id: this.tensors.length,
      shape,
      dtype,
      producers: [],
      leaf,
      required: false,
      readers: [],
      bytes: sizeOf(shape) * dtype.size,
    };
    this.tensors.push(t);
    return t;
  }

  private op(
    kind: OpKind,
    name: string,
    lowering: Op["lowering"],
    attrs: unknown,
    ins: readonly Edge[],
    avals: readonly { shape: Shape; dtype: DType }[],
    source: number,
    into: Op["into"] = null,
  ): Op {
    const outs = avals.map((a) => this.tensor(a.shape, a.dtype, -1));
    const out = outs[0];
    if (out === undefined) throw new InternalError("[schedule] an operation without results");
    const op: Op = {
      id: this.ops.length,
      name,
      kind,
      lowering,
      attrs,
      ins,
      outs,
      out,
      into,
      free: kind === "constant",
      reads: [],
      sources: [],
      weight: weightOf(lowering, ins.length),
      source,
    };
    for (const t of outs) t.producers.push(op);
    this.ops.push(op);
    return op;
  }

  private plain(tensor: Tensor): Edge {
    return { tensor, views: [], shape: tensor.shape, dtype: tensor.dtype };
  }

  copy(edge: Edge): Tensor {
    return this.op("map", "copy", copying, undefined, [edge], [edge], -1).out;
  }

  /** The tensor an edge denotes, contiguous and in memory. */
  materialise(edge: Edge): Tensor {
    const t = edge.views.every((s) => s.view.op === "reshape") ? edge.tensor : this.copy(edge);
    t.required = true;
    return t;
  }

  /** Every node of the pending order is resolved before its readers, so this never recurses deeply. */
  resolve(n: Node): Edge {
    const known = this.edges.get(n);
    if (known !== undefined) return known;
    const edge = this.build(n);
    this.edges.set(n, edge);
    return edge;
  }

  private build(n: Node): Edge {
    const leaf = this.leaves.get(n);
    if (leaf !== undefined) return this.plain(this.tensor(n.shape, n.dtype, leaf));
    const prim = n.prim;
    if (prim === null) throw new InternalError("[schedule] a node without primitive or data");
    const l = prim.lower;
    if (l === null) return this.decomposed(n, prim);
    if (l.kind === "composition") return this.composed(n, prim, l.decompose(n.ins, n.attrs));
    if (l.kind === "alias") return this.resolve(this.input(n, l.input(n.attrs, n.index)));
    if (l.kind === "view") return this.viewed(n, l.view(n.attrs, this.input(n, 0), n));
    if (l.kind === "concatenate") return this.concatenated(n, l.axis(n.attrs));
    const ins = n.ins.map((x) => this.resolve(x));
    const source = this.sources.get(n) ?? -1;
    if (kindOf(l) !== "routine")
      return this.plain(this.op(kindOf(l), prim.name, l, n.attrs, ins, [n], source).out);
    const outs = outsOf(n);
    const op = this.op(
      "routine",
      prim.name,
      l,
      n.attrs,
      // The routine sees the shape of the view, which may be a reshape of the stored tensor.
      ins.map((e) => ({ ...this.plain(this.materialise(e)), shape: e.shape })),
      outs,
      source,
    );
    outs.forEach((o, i) => {
      const t = op.outs[i];
      if (t !== undefined) this.edges.set(o, this.plain(t));
    });
    return this.plain(op.outs[n.index] ?? op.out);
  }

  private input(n: Node, i: number): Node {
    const x = n.ins[i];
    if (x === undefined)
      throw new InternalError(`[schedule] ${n.prim?.name ?? "?"} has no operand ${i}`);
    return x;
  }

  private viewed(n: Node, view: View): Edge {
    const e = this.resolve(this.input(n, 0));
    if (view.op === "reshape" && sameShape(e.shape, n.shape)) return e;
    return {
      tensor: e.tensor,
      views: [...e.views, { view, input: e.shape, output: n.shape }],
      shape: n.shape,
      dtype: n.dtype,
    };
  }

  private decomposed(n: Node, prim: AnyPrimitive): Edge {
    if (prim.rule.family !== "composite")
      throw new InternalError(`[schedule] ${prim.name} has no lowering`);
    return this.composed(n, prim, prim.rule.decompose(n.ins, n.attrs));
  }

  private composed(n: Node, prim: AnyPrimitive, outs: readonly Node[]): Edge {
    outsOf(n).forEach((o, i) => {
      const d = outs[i];
      if (d !== undefined) this.edges.set(o, this.descend(d));
    });
    const edge = this.edges.get(n);
    if (edge === undefined)
      throw new InternalError(`[schedule] ${prim.name} decomposes into too few results`);
    return edge;
  }

  /** Resolves nodes that are not in the pending order, without deep recursion. */
  private descend(root: Node): Edge {
    const stack: Node[] = [root];
    for (let n = stack.at(-1); n !== undefined; n = stack.at(-1)) {
      const waiting =
        this.edges.has(n) || this.leaves.has(n) ? undefined : n.ins.find((x) => !this.edges.has(x));
      if (waiting !== undefined) stack.push(waiting);
      else {
        this.resolve(n);
        stack.pop();
      }
    }
    return this.resolve(root);
  }

  private concatenated(n: Node, axis: number): Edge {
    const whole = this.tensor(n.shape, n.dtype, -1);
    whole.required = true;
    let offset = 0;
    for (const x of n.ins) {
      const e = this.resolve(x);
      if (sizeOf(e.shape) > 0) {
        const part = this.op("map", n.prim?.name ?? "copy", copying, undefined, [e], [e], -1, {
          tensor: whole,
          axis,
          offset,
        });
        whole.producers.push(part);
      }
      offset += e.shape[axis] ?? 0;
    }
    return this.plain(whole);
  }
}

/** What is to be computed: applications in topological order, what is there, what is asked for. */
export type Wanted = Pick<Pending, "order" | "leaves" | "roots">;

/**
 * Strips views and aliases, splits concatenations into parts, decomposes composites.
 *
 * @param separate gives every root memory of its own, also where it is a leaf or another root
 */
export const buildGraph = (pending: Wanted, separate: boolean = false): TensorGraph => {
  const b = new Builder(pending);
  for (const n of pending.order) b.resolve(n);
  const taken = new Set<Tensor>();
  const roots = pending.roots.map((n) => {
    const e = b.resolve(n);
    // A requested view of something else gets memory of its own.
    const alone = !separate || (e.tensor.leaf < 0 && !taken.has(e.tensor));
    const t = e.views.length === 0 && alone ? e.tensor : b.copy(e);
    taken.add(t);
    t.required = true;
    return t;
  });
  markFree(b.ops);
  return { ops: b.ops, tensors: b.tensors, roots };
};

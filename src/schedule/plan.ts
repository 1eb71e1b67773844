/** A plan: kernels, their order, memory for intermediates and where every argument comes from; made once per structure. */
import type { DType } from "../core/dtype.js";
import { complex64, float32 } from "../core/dtype.js";
import { InternalError } from "../core/errors.js";
import type { Scalar as HostScalar } from "../core/guards.js";
import { isComplex } from "../core/guards.js";
import { fromBfloat16Bits, fromFloat16Bits, toBfloat16Bits, toFloat16Bits } from "../core/half.js";
import type { Routine } from "../core/routine.js";
import type { Command, Device, Loaded, Scalar } from "../device/contract.js";
import type { Node } from "../graph/node.js";
import { applicationsOf } from "../graph/order.js";
import type { Kernel } from "../kernel/ir.js";
import { overwrites } from "../kernel/overwrite.js";
import { type BodyPlan, planControl } from "./control.js";
import type { Op, Tensor, TensorGraph } from "./graph.js";
import { buildGraph } from "./graph.js";
import type { GroupPlan } from "./group.js";
import { type Call, type Layout, Layouts, placePlan, type Unplaced } from "./layout.js";
import { type Lowered, lowerGroup } from "./lower.js";
import type { Value } from "./memory.js";
import type { Pending } from "./pending.js";

export type Partition = (graph: TensorGraph) => readonly (GroupPlan | Op)[];

/** Where a scalar argument gets its value: a constant of the pending order, or a fixed value. */
interface ParamSource {
  readonly node: number;
  readonly part: "re" | "im";
  readonly dtype: DType;
  readonly fixed: Scalar;
}

/** Where a requested node's data is: a leaf's storage, a fresh slot, or nothing to store. */
export type RootPlace =
  | { readonly kind: "leaf"; readonly leaf: number }
  | { readonly kind: "slot"; readonly slot: number }
  | { readonly kind: "empty" };

export interface Plan {
  readonly leaves: number;
  /** Bytes of each output slot; they follow the leaves' slots. */
  readonly outputs: readonly number[];
  readonly params: readonly ParamSource[];
  readonly roots: readonly RootPlace[];
  /** The layout for when nobody needs the leaves `dying` (in rising order) afterwards. */
  layout(dying: readonly number[]): Layout;
  release(): void;
}

const toScalar = (value: HostScalar, part: "re" | "im", d: DType): Scalar => {
  const v = isComplex(value) ? value[part] : part === "re" ? value : 0;
  switch (d.name) {
    case "bool":
      return v === true || (v !== false && Number(v) !== 0);
    case "int64":
    case "uint64":
      return typeof v === "bigint" ? v : BigInt(Math.trunc(Number(v)) || 0);
    case "float16":
      return fromFloat16Bits(toFloat16Bits(Number(v)));
    case "bfloat16":
      return fromBfloat16Bits(toBfloat16Bits(Number(v)));
    case "int8":
      return (Number(v) << 24) >> 24;
    case "int16":
      return (Number(v) << 16) >> 16;
    case "uint8":
      return Number(v) & 0xff;
    case "uint16":
      return Number(v) & 0xffff;
    default:
      return Number(v);
  }
};

const constantValue = (lowering: Op["lowering"], attrs: unknown): HostScalar => {
  if (lowering.kind !== "constant")
    throw new InternalError("[plan] a scalar argument that is not a constant");
  return lowering.value(attrs);
};

/** The values of a plan's scalar arguments for this pending graph. */
export const paramValues = (plan: Plan, order: readonly Node[]): readonly Scalar[] => {
  const out = new Array<Scalar>(plan.params.length);
  for (let i = 0; i < out.length; i++) {
    const p = plan.params[i];
    if (p === undefined) continue;
    const n = p.node < 0 ? undefined : order[p.node];
    const l = n?.prim?.lower;
    out[i] =
      n === undefined || l == null ? p.fixed : toScalar(constantValue(l, n.attrs), p.part, p.dtype);
  }
  return out;
};

/** A call and the tensors that are its buffers. */
interface Pass extends Pick<Call, "address"> {
  readonly workBytes: number;
  readonly tensors: readonly Tensor[];
}

interface Means {
  readonly device: Device;
  readonly partition: Partition;
}

/** A routine with the tensors that it reads and writes. */
interface Described {
  readonly routine: Routine;
  readonly tensors: readonly Tensor[];
}

/** What one call does: a kernel, a routine, or a loop or branch. */
type Work = Lowered | Described | Op;

const programOf = (work: Lowered | Described): Kernel | Routine =>
  "kernel" in work ? work.kernel : work.routine;

const isWanted = (t: Tensor, graph: TensorGraph): boolean =>
  t.required || graph.ops.some((op) => op.ins.some((e) => e.tensor === t));

/** Null where there is nothing to compute. */
const routineOf = (op: Op, graph: TensorGraph): Described | null => {
  if (op.lowering.kind !== "routine" || op.outs.every((t) => t.bytes === 0)) return null;
  const described = op.lowering.describe(op.attrs, op.ins);
  const [values, indices] = op.outs;
  // Half of a sort is often enough.
  const wanted = op.outs.filter((t) => isWanted(t, graph));
  const one = described.routine === "sort" && wanted.length === 1 ? wanted[0] : undefined;
  const only = one === values ? "values" : "indices";
  const alone = one !== undefined && indices !== undefined && described.routine === "sort";
  return {
    routine: alone ? { ...described, only } : described,
    tensors: [...op.ins.map((e) => e.tensor), ...(alone ? wanted : op.outs)],
  };
};

/** The kernels that an operation brings along; none where there is nothing to compute. */
const givenOf = (op: Op): Lowered[] => {
  if (op.lowering.kind !== "kernels" || op.outs.every((t) => t.bytes === 0)) return [];
  const all = [...op.ins.map((e) => e.tensor), ...op.outs];
  return op.lowering.describe(op.attrs).map(({ kernel, buffers }) => ({
    kernel,
    tensors: buffers.map((i) => all[i]).filter((t) => t !== undefined),
    params: [],
  }));
};

class Planner {
  private readonly means: Means;
  private readonly graph: TensorGraph;
  private readonly slots = new Map<Tensor, number>();
  private readonly spans = new Map<Tensor, { from: number; to: number }>();
  private readonly calls: Pass[] = [];
  /** What may lie over what, by call. */
  private readonly overlays: { call: number; over: Tensor; under: Tensor }[] = [];
  readonly params: ParamSource[];
  readonly outputs: number[] = [];
  private readonly leaves: number;
  /** Whether the graph is that of a loop or branch, whose constants are always the same. */
  private readonly inner: boolean;

  constructor(means: Means, graph: TensorGraph, leaves: number, params: ParamSource[] | null) {
    this.means = means;
    this.graph = graph;
    this.leaves = leaves;
    this.params = params ?? [];
    this.inner = params !== null;
    for (const t of graph.tensors) {
      if (t.leaf < 0) continue;
      this.slots.set(t, t.leaf);
      this.spans.set(t, { from: -1, to: -1 });
    }
  }

  roots(): RootPlace[] {
    return this.graph.roots.map((t): RootPlace => {
      if (t.leaf >= 0) return { kind: "leaf", leaf: t.leaf };
      if (t.bytes === 0) return { kind: "empty" };
      const old = this.slots.get(t);
      if (old !== undefined) return { kind: "slot", slot: old };
      const slot = this.leaves + this.outputs.push(t.bytes) - 1;
      this.slots.set(t, slot);
      return { kind: "slot", slot };
    });
  }

  private add(pass: Pass): void {
    const now = this.calls.push(pass) - 1;
    const { tensors } = pass;
    for (const t of tensors) {
      const span = this.spans.get(t);
      if (span === undefined) this.spans.set(t, { from: now, to: now });
      else span.to = now;
    }
  }

  private addCommand(
    command: Pick<Command, "loaded" | "outer" | "params">,
    tensors: readonly Tensor[],
  ): void {
    this.add({
      workBytes: command.loaded.workBytes(command.outer),
      tensors,
      address: (buffers, work) =>
        work === null ? { ...command, buffers } : { ...command, buffers, work },
    });
  }

  run(): void {
    const works: Work[] = [];
    for (const g of this.means.partition(this.graph)) {
      if ("stored" in g) {
        const low = lowerGroup(g);
        if (low !== null) works.push(low);
      } else if (g.lowering.kind === "control") works.push(g);
      else if (g.lowering.kind === "kernels") works.push(...givenOf(g));
      else {
        const routine = routineOf(g, this.graph);
        if (routine !== null) works.push(routine);
      }
    }
    // All at once: what is new among them becomes one module.
    const programs = works.flatMap((w) => ("tensors" in w ? [programOf(w)] : []));
    const loaded = this.means.device.loadAll(programs)[Symbol.iterator]();
    for (const work of works) {
      if (!("tensors" in work)) this.control(work);
      else {
        const next = loaded.next();
        if (next.done === true) throw new InternalError("[plan] a program was not loaded");
        if ("kernel" in work) this.kernel(work, next.value);
        else this.addCommand({ loaded: next.value, outer: 1, params: [] }, work.tensors);
      }
    }
  }

  private kernel(low: Lowered, loaded: Loaded): void {
    const first = low.kernel.axes[0];
    const params = low.params.map(({ op, part }) => {
      const dtype = op.out.dtype === complex64 ? float32 : op.out.dtype;
      const fixed = toScalar(constantValue(op.lowering, op.attrs), part, dtype);
      const node = this.inner ? -1 : op.source;
      return this.params.push({ node, part, dtype, fixed }) - 1;
    });
    const outer = first?.role === "grid" ? first.size : 1;
    const call = this.calls.length;
    for (const { write, read } of overwrites(low.kernel)) {
      const [over, under] = [low.tensors[write], low.tensors[read]];
      if (over !== undefined && under !== undefined) this.overlays.push({ call, over, under });
    }
    this.addCommand({ loaded, outer, params }, low.tensors);
  }

  private control(op: Op): void {
    if (op.lowering.kind !== "control") return;
    const control = op.lowering.describe(op.attrs);
    const { results, workBytes, address } = planControl(
      control,
      op.outs.map((t) => isWanted(t, this.graph)),
      (leaves, roots) => this.body(leaves, roots),
    );
    const outs = op.outs.filter((_, i) => results.includes(i));
    if (outs.every((t) => t.bytes === 0)) return;
    this.add({ workBytes, tensors: [...op.ins.map((e) => e.tensor), ...outs], address });
  }

  /** A plan of its own for the graph inside of a loop or branch. */
  private body(leaves: readonly Node[], roots: readonly Node[]): BodyPlan {
    const graph = buildGraph({ order: applicationsOf(roots), leaves, roots }, true);
    const inner = new Planner(this.means, graph, leaves.length, this.params);
    const places = inner.roots();
    inner.run();
    const { memory, steps } = placePlan(inner.unplaced(), new Set());
    return {
      slots: places.map((place) => (place.kind === "slot" ? place.slot : -1)),
      arenaSlot: leaves.length + inner.outputs.length,
      arena: memory.arena,
      steps,
    };
  }

  finish(): Layouts {
    return new Layouts(this.means.device, this.unplaced());
  }

  private unplaced(): Unplaced {
    const ids = new Map([...this.spans.keys()].map((t, id) => [t, id]));
    const idOf = (t: Tensor): number => ids.get(t) ?? -1;
    const values = [...this.spans].map(([t, { from, to }]): Value => {
      const slot = this.slots.get(t) ?? null;
      return { bytes: t.bytes, from, to: slot !== null && from >= 0 ? Infinity : to, slot };
    });
    const overlays = this.overlays
      .filter(
        ({ call, over, under }) =>
          this.spans.get(over)?.from === call && this.spans.get(under)?.to === call,
      )
      .map(({ over, under }) => ({ over: idOf(over), under: idOf(under) }));
    const calls = this.calls.map(({ workBytes: bytes, address, tensors }, at): Call => {
      const work = bytes > 0 ? values.push({ bytes, from: at, to: at, slot: null }) - 1 : -1;
      return { values: tensors.map(idOf), work, address };
    });
    return {
      calls,
      values,
      overlays,
      leaves: this.leaves,
      outputs: this.outputs.length,
      kept: new Set(this.graph.roots.map((t) => t.leaf)),
    };
  }
}

export const makePlan = (device: Device, given: Pending, partition: Partition): Plan => {
  const pending = given.template === null ? given : { ...given, ...given.template };
  const graph = buildGraph(pending);
  const planner = new Planner({ device, partition }, graph, pending.leaves.length, null);
  const roots = planner.roots();
  planner.run();
  const layouts = planner.finish();
  return {
    leaves: pending.leaves.length,
    outputs: planner.outputs,
    params: planner.params,
    roots,
    layout: (dying) => layouts.layout(dying),
    release: () => layouts.release(),
  };
};

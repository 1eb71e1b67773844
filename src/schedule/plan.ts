/** A plan: kernels, their order, memory for intermediates and where every argument comes from; made once per structure. */
import type { DType } from "../core/dtype.js";
import { complex64, float32, uint8 } from "../core/dtype.js";
import { InternalError } from "../core/errors.js";
import type { Scalar as HostScalar } from "../core/guards.js";
import { isComplex } from "../core/guards.js";
import { fromBfloat16Bits, fromFloat16Bits, toBfloat16Bits, toFloat16Bits } from "../core/half.js";
import type { Command, Device, Executable, Ref, Scalar } from "../device/contract.js";
import type { Node } from "../graph/node.js";
import type { Op, Tensor, TensorGraph } from "./graph.js";
import { buildGraph } from "./graph.js";
import type { GroupPlan } from "./group.js";
import { lowerGroup } from "./lower.js";
import { planMemory } from "./memory.js";
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
  readonly executable: Executable;
  readonly leaves: number;
  /** Bytes of each output slot; they follow the leaves' slots. */
  readonly outputs: readonly number[];
  /** Bytes of the arena, which is the last slot. */
  readonly arena: number;
  readonly params: readonly ParamSource[];
  readonly roots: readonly RootPlace[];
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

/** Memory that one command needs while it runs. */
const workTensor = (bytes: number): Tensor => ({
  id: -1,
  shape: [bytes],
  dtype: uint8,
  producers: [],
  leaf: -1,
  required: false,
  readers: [],
  bytes,
});

class Planner {
  private readonly device: Device;
  private readonly graph: TensorGraph;
  private readonly slots = new Map<Tensor, number>();
  private readonly spans = new Map<Tensor, { from: number; to: number }>();
  readonly params: ParamSource[] = [];
  readonly outputs: number[] = [];
  private readonly calls: {
    command: Omit<Command, "buffers" | "work">;
    tensors: readonly Tensor[];
    work: Tensor | null;
  }[] = [];
  private readonly leaves: number;

  constructor(device: Device, graph: TensorGraph, leaves: number) {
    this.device = device;
    this.graph = graph;
    this.leaves = leaves;
    for (const t of graph.tensors) if (t.leaf >= 0) this.slots.set(t, t.leaf);
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

  private touch(t: Tensor): void {
    if (this.slots.has(t)) return;
    const now = this.calls.length;
    const span = this.spans.get(t);
    if (span === undefined) this.spans.set(t, { from: now, to: now });
    else span.to = now;
  }

  group(g: GroupPlan): void {
    const low = lowerGroup(g);
    if (low === null) return;
    const first = low.kernel.axes[0];
    const params = low.params.map(({ op, part }) => {
      const dtype = op.out.dtype === complex64 ? float32 : op.out.dtype;
      const fixed = toScalar(constantValue(op.lowering, op.attrs), part, dtype);
      return this.params.push({ node: op.source, part, dtype, fixed }) - 1;
    });
    const outer = first?.role === "grid" ? first.size : 1;
    this.call({ loaded: this.device.load(low.kernel), outer, params }, low.tensors);
  }

  private call(command: Omit<Command, "buffers" | "work">, tensors: readonly Tensor[]): void {
    const bytes = command.loaded.workBytes(command.outer);
    const work = bytes === 0 ? null : workTensor(bytes);
    for (const t of tensors) this.touch(t);
    if (work !== null) this.touch(work);
    this.calls.push({ command, tensors, work });
  }

  routine(op: Op): void {
    if (op.lowering.kind !== "routine" || op.outs.every((t) => t.bytes === 0)) return;
    const program = op.lowering.describe(op.attrs, op.ins);
    const tensors = [...op.ins.map((e) => e.tensor), ...op.outs];
    this.call({ loaded: this.device.load(program), outer: 1, params: [] }, tensors);
  }

  finish(): { executable: Executable; arena: number } {
    const kept = [...this.spans.keys()];
    const memory = planMemory(
      kept.map((t) => ({ bytes: t.bytes, ...(this.spans.get(t) ?? { from: 0, to: 0 }) })),
    );
    const arenaSlot = this.leaves + this.outputs.length;
    const refs = new Map<Tensor, Ref>();
    for (const [t, slot] of this.slots) refs.set(t, { slot, offset: 0 });
    for (const [i, t] of kept.entries())
      refs.set(t, { slot: arenaSlot, offset: memory.offsets[i] ?? 0 });
    const refOf = (t: Tensor): Ref => {
      const ref = refs.get(t);
      if (ref === undefined) throw new InternalError("[plan] a tensor without memory");
      return ref;
    };
    const commands = this.calls.map(
      ({ command, tensors, work }): Command => ({
        ...command,
        buffers: tensors.map(refOf),
        ...(work === null ? {} : { work: refOf(work) }),
      }),
    );
    return { executable: this.device.prepare(commands, arenaSlot + 1), arena: memory.bytes };
  }
}

export const makePlan = (device: Device, given: Pending, partition: Partition): Plan => {
  const pending = given.template === null ? given : { ...given, ...given.template };
  const graph = buildGraph(pending);
  const planner = new Planner(device, graph, pending.leaves.length);
  const roots = planner.roots();
  for (const g of partition(graph)) {
    if ("stored" in g) planner.group(g);
    else planner.routine(g);
  }
  const { executable, arena } = planner.finish();
  return {
    executable,
    leaves: pending.leaves.length,
    outputs: planner.outputs,
    arena,
    params: planner.params,
    roots,
  };
};

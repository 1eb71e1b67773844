/** Kernels as readable text: the values, then how they are going to be rendered. For snapshots and debugging. */
import type { Guard, Ix, Kernel, Mask, Val } from "../../kernel/ir.js";
import { type Nest, scheduleOf } from "./nests.js";
import { isOuter, type Plan, planOf, strideOf } from "./plan.js";

const axesText = (mask: Mask): string => {
  const axes: string[] = [];
  for (let a = 0; a < 31; a++) if ((mask >> a) & 1) axes.push(`a${a}`);
  return `{${axes.join(" ")}}`;
};

const times = (what: string, by: number): string => (by === 1 ? what : `${what}·${by}`);

function ixText(ix: Ix): string {
  switch (ix.k) {
    case "affine": {
      const terms = ix.terms.map(([a, s]) => times(`a${a}`, s));
      if (ix.off !== 0 || terms.length === 0) terms.push(`${ix.off}`);
      return terms.join(" + ");
    }
    case "sum":
      return ix.of.map(ixText).join(" + ");
    case "value":
      return times(`%${ix.of}`, ix.stride);
    default:
      return times(`(${ixText(ix.of)} ${ix.k} ${ix.by})`, ix.stride);
  }
}

const guardsText = (guards: readonly Guard[]): string =>
  guards.map((g) => `${g.lo} <= ${ixText(g.ix)} < ${g.hi}`).join(" and ");

function valText(v: Val): string {
  switch (v.op) {
    case "load": {
      const load = `b${v.buf}[${ixText(v.ix)}]`;
      return v.guards.length === 0 ? load : `${load} if ${guardsText(v.guards)} else ${v.fill}`;
    }
    case "const":
      return `${v.value}`;
    case "param":
      return `p${v.index}`;
    case "coord":
      return ixText(v.ix);
    case "within":
      return guardsText(v.guards);
    case "index":
      return `%${v.in} wrapped into ${v.size}, else fault ${v.code}`;
    case "scalar":
      return `${v.fn} ${v.in.map((i) => `%${i}`).join(" ")}`;
    case "reduce":
      return `${v.how} %${v.in}${v.at === null ? "" : ` at %${v.at}`} over ${axesText(v.over)}`;
    case "contract":
      return `contract %${v.a} %${v.b} over ${axesText(v.over)}`;
  }
}

function kernelLines(kernel: Kernel): string[] {
  const axes = kernel.axes.map(
    (axis, a) => `a${a} ${axis.role} ${isOuter(kernel, a) ? "?" : axis.size}`,
  );
  return [
    axes.join(", "),
    ...kernel.bufs.map((b, i) => `b${i} ${b.access} ${b.storage.name}`),
    ...kernel.params.map((t, i) => `p${i} ${t}`),
    ...kernel.vals.map((v, i) => `%${i} ${v.dtype} = ${valText(v)}`),
    ...kernel.stores.map((s) => `b${s.buf}[${ixText(s.ix)}] = %${s.value} for ${axesText(s.over)}`),
  ];
}

function nestText(plan: Plan, nest: Nest): string {
  const ids = (list: readonly number[]): string => list.map((id) => `%${id}`).join(" ");
  const parts: string[] = [];
  if (nest.reductions.length > 0) parts.push(`reduces ${ids(nest.reductions)}`);
  if (nest.stashes.length > 0) parts.push(`keeps ${ids(nest.stashes)}`);
  if (nest.terminals.length > 0)
    parts.push(`adds to ${nest.terminals.map((t) => `b${t.store.buf}`).join(" ")}`);
  const strided = nest.stores.filter((s) => strideOf(s.ix, plan.vector, plan.domains) !== 1);
  for (const s of nest.stores)
    parts.push(`stores b${s.buf}${strided.includes(s) ? " by lanes" : ""}`);
  const where = nest.rows === 0 ? "each point" : `loop ${nest.stage} over ${axesText(nest.rows)}`;
  return `${where}: ${parts.join(", ")}`;
}

/** A kernel without contraction, and the decisions made about it: equal texts are rendered alike. */
export function textOf(kernel: Kernel): string {
  const plan = planOf(kernel);
  const schedule = scheduleOf(plan);
  const tile = plan.slab ? "slab" : plan.grid.map((a) => `a${a}:${plan.chunks[a]}`).join(" ");
  const vector =
    plan.lanes === 1
      ? "scalars"
      : `${plan.lanes} lanes of ${plan.width} bytes along a${plan.vector}`;
  const across = plan.across < 0 ? "" : `, transposed across a${plan.across}`;
  return [
    ...kernelLines(kernel),
    `${vector}${across}; tile ${tile || "everything"}`,
    ...schedule.nests.map((n) => nestText(plan, n)),
  ].join("\n");
}

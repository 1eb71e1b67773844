/** What one command of an evaluation computes, moves and takes: read off its program. */
import { DType } from "../core/dtype.js";
import type { Routine } from "../core/routine.js";
import type { Command } from "../device/contract.js";
import { LoadedKernel } from "../device/wasm/loaded.js";
import { type Ix, isKernel, type Kernel } from "../kernel/ir.js";
import { disassemble } from "../render/wasm/disassemble.js";
import { textOf } from "../render/wasm/text.js";

/** One kernel of an evaluation. */
export interface KernelReport {
  /** What is computed in it, as fused: the instructions, in order. */
  readonly operations: readonly string[];
  /** Lengths of its loops. */
  readonly axes: readonly number[];
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly milliseconds: number;
  /** The kernel itself, as text: the values it computes, and how its loops were arranged. */
  readonly text: string;
  /** The generated WebAssembly in its text format; empty on devices that do not generate any. */
  readonly wasm: string;
}

type Traffic = Omit<KernelReport, "milliseconds" | "text" | "wasm">;

const axesOf = (kernel: Kernel, outer: number): number[] =>
  kernel.axes.map((axis, a) => (a === 0 && axis.role === "grid" ? outer : axis.size));

/** Axes that an index walks; all of them where it depends on a value. */
const walked = (ix: Ix, all: number): ReadonlySet<number> => {
  switch (ix.k) {
    case "affine":
      return new Set(ix.terms.map(([axis]) => axis));
    case "sum":
      return new Set(ix.of.flatMap((part) => [...walked(part, all)]));
    case "value":
      return new Set(Array.from({ length: all }, (_, a) => a));
    default:
      return walked(ix.of, all);
  }
};

const sizeOver = (axes: readonly number[], over: Iterable<number>): number => {
  let size = 1;
  for (const a of over) size *= axes[a] ?? 1;
  return size;
};

const kernelTraffic = (kernel: Kernel, outer: number): Traffic => {
  const axes = axesOf(kernel, outer);
  const operations: string[] = [];
  // A buffer that is read at several places is counted once, at its largest.
  const read = new Map<number, number>();
  for (const v of kernel.vals) {
    if (v.op === "scalar") operations.push(v.fn);
    else if (v.op === "reduce") operations.push(`reduce ${v.how}`);
    else if (v.op === "contract") operations.push("contract");
    else if (v.op === "load") {
      const elements = sizeOver(axes, walked(v.ix, axes.length));
      read.set(v.buf, Math.max(read.get(v.buf) ?? 0, elements));
    }
  }
  const bytes = (buf: number): number => {
    const storage = kernel.bufs[buf]?.storage;
    return storage?.size ?? 0;
  };
  let bytesRead = 0;
  for (const [buf, elements] of read) bytesRead += elements * bytes(buf);
  let bytesWritten = 0;
  for (const { buf, over } of kernel.stores) {
    const all = axes.map((_, a) => a).filter((a) => ((over >> a) & 1) === 1);
    bytesWritten += sizeOver(axes, all) * bytes(buf);
  }
  return { operations, axes, bytesRead, bytesWritten };
};

const contractText = (kernel: Kernel, axes: readonly number[]): string =>
  [
    kernel.axes.map((axis, a) => `a${a} ${axis.role} ${axes[a]}`).join(", "),
    ...kernel.bufs.map((b, i) => `b${i} ${b.access} ${b.storage.name}`),
    ...kernel.vals.map((v, i) => `%${i} ${JSON.stringify(v)}`),
    ...kernel.stores.map((s) => `b${s.buf} = %${s.value}`),
  ].join("\n");

const sizesOf = (r: Routine): number[] => {
  switch (r.routine) {
    case "scatter":
      return [...r.shape];
    case "matrix":
      return [r.count, r.m, r.n];
    case "fourier":
      return [r.outer, r.n, r.inner];
    case "attention":
    case "attentionGradient":
      return [r.outer, r.batch, r.heads, r.queries, r.depth];
    case "quantizedProduct":
      return [r.outer, r.count, r.rows, r.depth, r.columns];
    default:
      return [r.outer, r.length, r.inner];
  }
};

const routineTraffic = (routine: Routine): Traffic => {
  const axes = sizesOf(routine);
  const bytes = sizeOver(
    axes,
    axes.map((_, a) => a),
  );
  return {
    operations: [routine.routine === "matrix" ? routine.what : routine.routine],
    axes,
    bytesRead: bytes * routine.dtype.size,
    bytesWritten: bytes * routine.dtype.size,
  };
};

/** What a command computes and moves. */
export const trafficOf = ({ loaded, outer }: Command): Traffic =>
  isKernel(loaded.program) ? kernelTraffic(loaded.program, outer) : routineTraffic(loaded.program);

/** The text of a command's program. */
export const programText = ({ loaded, outer }: Command): string => {
  const { program } = loaded;
  if (!isKernel(program))
    return JSON.stringify(program, (_, value: unknown) =>
      value instanceof DType ? value.name : value,
    );
  return program.vals.some((v) => v.op === "contract")
    ? contractText(program, axesOf(program, outer))
    : textOf(program);
};

/** The WebAssembly generated for a command. */
export const wasmText = ({ loaded }: Command): string =>
  loaded instanceof LoadedKernel ? disassemble(loaded.rendered.code.bytes()) : "";

/** The report of a command that took some time; its texts are made when they are asked for. */
export const reportOf = (command: Command, milliseconds: number): KernelReport => ({
  ...trafficOf(command),
  milliseconds,
  get text() {
    return programText(command);
  },
  get wasm() {
    return wasmText(command);
  },
});

/** A number of bytes, for people. */
export const readable = (bytes: number): string => {
  const units = ["B", "KiB", "MiB", "GiB"];
  let n = bytes;
  let unit = 0;
  while (n >= 1024 && unit < units.length - 1) {
    n /= 1024;
    unit++;
  }
  return `${unit === 0 ? n : n.toFixed(1)} ${units[unit]}`;
};

/** What a kernel is called in lines and pictures. */
export const nameOf = ({ operations }: Pick<KernelReport, "operations">): string =>
  operations.join(", ") || "copy";

/** A line about a kernel. */
export const lineOf = (k: KernelReport, i: number): string =>
  `${i}: ${nameOf(k)} over [${k.axes.join(", ")}]: ` +
  `${readable(k.bytesRead)} read, ${readable(k.bytesWritten)} written, ${k.milliseconds.toFixed(3)} ms`;

/** What an evaluation ran: the text of its kernels, what each does and moves, and a timeline. */
import type { Routine } from "../core/routine.js";
import { isNDArray, type NDArray } from "../graph/array.js";
import { leavesOf } from "../graph/tree.js";
import { type Ix, isKernel, type Kernel } from "../kernel/ir.js";
import { textOf } from "../render/wasm/text.js";
import { defaultEngine } from "../runtime/default-engine.js";
import type { Step } from "../schedule/engine.js";

/** One kernel of an evaluation. */
export interface KernelReport {
  /** What is computed in it, as fused: the instructions, in order. */
  readonly operations: readonly string[];
  /** Lengths of its loops. */
  readonly axes: readonly number[];
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly milliseconds: number;
  /** The kernel itself, as text. */
  readonly text: string;
}

export interface Explanation<R> {
  readonly result: R;
  readonly kernels: readonly KernelReport[];
  /** A line per kernel, for people. */
  toString(): string;
}

/** One entry of a trace in Chrome's format: a span in microseconds. */
export interface ChromeEvent {
  readonly name: string;
  readonly cat: "kernel";
  readonly ph: "X";
  readonly ts: number;
  readonly dur: number;
  readonly pid: 1;
  readonly tid: 1;
  readonly args: Omit<KernelReport, "milliseconds" | "text">;
}

export interface ChromeTrace<R> {
  readonly result: R;
  /** What `JSON.stringify` makes a file of that chrome://tracing and Perfetto open. */
  readonly traceEvents: readonly ChromeEvent[];
}

/** Everything that is evaluated while `body` runs. */
const observe = <R>(body: () => R): { result: R; steps: readonly Step[] } => {
  const engine = defaultEngine();
  const before = engine.observer;
  const steps: Step[] = [];
  engine.observer = (found) => {
    steps.push(...found);
    before?.(found);
  };
  try {
    return { result: body(), steps };
  } finally {
    engine.observer = before;
  }
};

const evaluateTree = (tree: unknown): void => {
  const pending = leavesOf(tree, isNDArray).map((a) => a.node);
  if (pending.some((n) => n.data === null)) defaultEngine().evaluate(pending);
};

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

const kernelReport = (kernel: Kernel, outer: number): Omit<KernelReport, "milliseconds"> => {
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
  const text = operations.includes("contract") ? contractText(kernel, axes) : textOf(kernel);
  return { operations, axes, bytesRead, bytesWritten, text };
};

const contractText = (kernel: Kernel, axes: readonly number[]): string =>
  [
    kernel.axes.map((axis, a) => `a${a} ${axis.role} ${axes[a]}`).join(", "),
    ...kernel.bufs.map((b, i) => `b${i} ${b.access} ${b.storage.name}`),
    ...kernel.vals.map((v, i) => `%${i} ${JSON.stringify(v)}`),
    ...kernel.stores.map((s) => `b${s.buf} = %${s.value}`),
  ].join("\n");

const sizesOf = (r: Routine): number[] => {
  if (r.routine === "scatter") return [...r.shape];
  return r.routine === "matrix" ? [r.count, r.m, r.n] : [r.outer, r.length, r.inner];
};

const routineReport = (routine: Routine): Omit<KernelReport, "milliseconds"> => {
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
    text: JSON.stringify(routine, (key, value: unknown) =>
      key === "dtype" ? routine.dtype.name : value,
    ),
  };
};

const reportOf = ({ command, start, end }: Step): KernelReport => {
  const { program } = command.loaded;
  const what = isKernel(program) ? kernelReport(program, command.outer) : routineReport(program);
  return { ...what, milliseconds: end - start };
};

/**
 * Evaluates arrays and gives the kernels that ran, as text, in order; none for what was evaluated before.
 *
 * @example mx.debug.kernels(mx.sin(mx.ones([4])).add(1)).length // 1
 */
export function kernels(...arrays: readonly NDArray[]): string[] {
  return observe(() => evaluateTree(arrays)).steps.map((s) => reportOf(s).text);
}

const scaled = (bytes: number): string => {
  const units = ["B", "KiB", "MiB", "GiB"];
  let n = bytes;
  let unit = 0;
  while (n >= 1024 && unit < units.length - 1) {
    n /= 1024;
    unit++;
  }
  return `${unit === 0 ? n : n.toFixed(1)} ${units[unit]}`;
};

const lineOf = (k: KernelReport, i: number): string =>
  `${i}: ${k.operations.join(", ") || "copy"} over [${k.axes.join(", ")}]: ` +
  `${scaled(k.bytesRead)} read, ${scaled(k.bytesWritten)} written, ${k.milliseconds.toFixed(3)} ms`;

/**
 * `fn` as a function that says, beside the result, which kernels computed it: what fused, bytes moved, time taken. Kernels
 * run one by one meanwhile, so times have a little overhead.
 *
 * @example
 * const report = mx.debug.explain((x: mx.NDArray) => mx.softmax(x, -1))(mx.ones([8, 16]));
 * report.kernels.length; // 1
 * String(report);        // one line per kernel
 */
export function explain<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
): (...args: A) => Explanation<R> {
  return (...args) => {
    evaluateTree(args);
    const { result, steps } = observe(() => {
      const value = fn(...args);
      evaluateTree(value);
      return value;
    });
    const list = steps.map(reportOf);
    return { result, kernels: list, toString: () => list.map(lineOf).join("\n") };
  };
}

/**
 * Runs `body` and everything it evaluates, and gives a timeline of the kernels in Chrome's trace format.
 *
 * @example
 * const timeline = mx.debug.trace(() => mx.ones([64, 64]).matmul(mx.ones([64, 64])).sum());
 * JSON.stringify(timeline.traceEvents); // to be opened in Perfetto
 */
export function trace<R>(body: () => R): ChromeTrace<R> {
  const { result, steps } = observe(() => {
    const value = body();
    evaluateTree(value);
    return value;
  });
  const traceEvents = steps.map((s): ChromeEvent => {
    const { operations, axes, bytesRead, bytesWritten } = reportOf(s);
    return {
      name: operations.join(", ") || "copy",
      cat: "kernel",
      ph: "X",
      ts: s.start * 1000,
      dur: (s.end - s.start) * 1000,
      pid: 1,
      tid: 1,
      args: { operations, axes, bytesRead, bytesWritten },
    };
  });
  return { result, traceEvents };
}

/** What an evaluation ran and why: its kernels, a timeline, the schedule as a picture, the scheduler's decisions. */
import { ArgumentError } from "../core/errors.js";
import { describe, isPlainObject } from "../core/guards.js";
import { isNDArray, type NDArray } from "../graph/array.js";
import { leavesOf } from "../graph/tree.js";
import { defaultEngine } from "../runtime/default-engine.js";
import type { Decision } from "../schedule/decisions.js";
import type { Evaluation, Observer, Step } from "../schedule/observer.js";
import { decisionLine } from "./decisions.js";
import { type KernelReport, lineOf, nameOf, reportOf } from "./report.js";
import { pictureOf } from "./schedule.js";

/** What `explain` gives. */
export interface Explanation<R> {
  readonly result: R;
  readonly kernels: readonly KernelReport[];
  /** What was merged, recomputed and kept apart, each with the rule that decided. */
  readonly decisions: readonly Decision[];
  /** A line per kernel and per decision, for people. */
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
  readonly args: Omit<KernelReport, "milliseconds" | "text" | "wasm">;
}

export interface ChromeTrace<R> {
  readonly result: R;
  /** What `JSON.stringify` makes a file of that chrome://tracing and Perfetto open. */
  readonly traceEvents: readonly ChromeEvent[];
}

interface Observed<R> {
  readonly result: R;
  readonly evaluations: readonly Evaluation[];
  readonly decisions: readonly Decision[];
}

/** Everything that is evaluated while `body` runs. */
const observe = <R>(body: () => R, decisions: Observer["decisions"] = "none"): Observed<R> => {
  const engine = defaultEngine();
  const before = engine.observer;
  const evaluations: Evaluation[] = [];
  const made: Decision[] = [];
  engine.observer = {
    singly: true,
    decisions: before === null || before.decisions === "none" ? decisions : "all",
    planned: (found) => {
      made.push(...found);
      before?.planned(found);
    },
    evaluated: (evaluation) => {
      evaluations.push(evaluation);
      before?.evaluated(evaluation);
    },
  };
  try {
    return { result: body(), evaluations, decisions: made };
  } finally {
    engine.observer = before;
  }
};

const evaluateTree = (tree: unknown): void => {
  const pending = leavesOf(tree, isNDArray).map((a) => a.node);
  if (pending.some((n) => n.data === null)) defaultEngine().evaluate(pending);
};

const stepsOf = (evaluations: readonly Evaluation[]): Step[] => evaluations.flatMap((e) => e.steps);

const reports = (steps: readonly Step[]): KernelReport[] =>
  steps.map(({ command, start, end }) => reportOf(command, end - start));

/** Which text of kernels is wanted. */
export interface KernelsOptions {
  /** "ir": the values a kernel computes and how its loops were arranged; "wasm": the WebAssembly made of that. */
  readonly format?: "ir" | "wasm";
}

/**
 * Evaluates arrays and gives the kernels that ran, as text, in order; none for what was evaluated before. An object as last
 * argument chooses the text: `{ format: "wasm" }` is WebAssembly's text format.
 *
 * @throws ArgumentError for another format
 * @example
 * mx.debug.kernels(mx.sin(mx.ones([4])).add(1)).length; // 1
 * mx.debug.kernels(mx.sin(mx.ones([4])).add(2), { format: "wasm" })[0]?.startsWith("(module"); // true
 */
export function kernels(...args: readonly (NDArray | KernelsOptions)[]): string[] {
  const last: unknown = args.at(-1);
  const options = isPlainObject(last) ? last : {};
  for (const [key, value] of Object.entries(options)) {
    if (key === "format" && (value === "ir" || value === "wasm")) continue;
    throw new ArgumentError(
      `[kernels] expected the option format to be "ir" or "wasm", got ${key}: ${describe(value)}: leave it out for "ir"`,
    );
  }
  const wasm = "format" in options && options.format === "wasm";
  const { evaluations } = observe(() => evaluateTree(args.filter(isNDArray)));
  return reports(stepsOf(evaluations)).map((k) => (wasm ? k.wasm : k.text));
}

/**
 * `fn` as a function that says, beside the result, which kernels computed it, what fused and what did not, and by which
 * rule; bytes moved and time taken. Kernels run one by one meanwhile, so times have a little overhead. What runs in one
 * kernel through `compile` is planned anew once, so that its decisions are known.
 *
 * @example
 * const report = mx.debug.explain((x: mx.NDArray) => mx.softmax(x, -1))(mx.ones([8, 16]));
 * report.kernels.length; // 1
 * String(report);        // a line per kernel, then a line per decision
 */
export function explain<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
): (...args: A) => Explanation<R> {
  return (...args) => {
    evaluateTree(args);
    const { result, evaluations, decisions } = observe(() => {
      const value = fn(...args);
      evaluateTree(value);
      return value;
    }, "all");
    const list = reports(stepsOf(evaluations));
    return {
      result,
      kernels: list,
      decisions,
      toString: () => [...list.map(lineOf), ...decisions.map(decisionLine)].join("\n"),
    };
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
  const { result, evaluations } = observe(() => {
    const value = body();
    evaluateTree(value);
    return value;
  });
  const traceEvents = stepsOf(evaluations).map(({ command, start, end }): ChromeEvent => {
    const { operations, axes, bytesRead, bytesWritten } = reportOf(command, end - start);
    return {
      name: nameOf({ operations }),
      cat: "kernel",
      ph: "X",
      ts: start * 1000,
      dur: (end - start) * 1000,
      pid: 1,
      tid: 1,
      args: { operations, axes, bytesRead, bytesWritten },
    };
  });
  return { result, traceEvents };
}

/**
 * Evaluates arrays and gives a picture of how that was done, in Graphviz's DOT language: a box per kernel, in the order in
 * which they ran, with its operations, loops, bytes and time, and an arrow per buffer from the kernel that wrote it, or from
 * memory that was there, to those that read it. `exportToDot` draws the graph of operations instead.
 *
 * @example
 * const x = mx.ones([64, 64]);
 * mx.debug.schedule(mx.softmax(x.matmul(x), -1)).startsWith("digraph"); // true
 */
export function schedule(...arrays: readonly NDArray[]): string {
  return pictureOf(observe(() => evaluateTree(arrays)).evaluations);
}

/** How much memory evaluations were given, beside how little they could have done with. */
import { isNDArray } from "../graph/array.js";
import { leavesOf } from "../graph/tree.js";
import { defaultEngine } from "../runtime/default-engine.js";

/** One evaluation, in bytes. */
export interface EvaluationMemory {
  /** Of the arrays it starts from. */
  readonly argumentBytes: number;
  /** Of results that got memory of their own. */
  readonly resultBytes: number;
  /** For everything in between. */
  readonly workingBytes: number;
  /** All of that. */
  readonly plannedBytes: number;
  /**
   * The most bytes that are alive at the same time in this order of kernels, however they are placed, results written over
   * operands that die counted once: less is not possible.
   */
  readonly leastBytes: number;
  /** Results written into the memory of arrays that nobody else held. */
  readonly inPlace: number;
}

export interface MemoryReport<R> {
  readonly result: R;
  readonly evaluations: readonly EvaluationMemory[];
  /** Those of the evaluation that needed most. */
  readonly plannedBytes: number;
  readonly leastBytes: number;
  /** A line per evaluation, for people. */
  toString(): string;
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)} MiB`;

const lineOf = (e: EvaluationMemory, i: number): string =>
  `${i}: ${mebibytes(e.plannedBytes)} planned, ${mebibytes(e.leastBytes)} at least: ` +
  `${mebibytes(e.argumentBytes)} arguments, ${mebibytes(e.resultBytes)} results, ` +
  `${mebibytes(e.workingBytes)} between, ${e.inPlace} results in place`;

/**
 * `fn` as a function that says, beside the result, how the memory of each evaluation was planned.
 *
 * @example
 * const report = mx.debug.memory((x: mx.NDArray) => mx.exp(x.cumsum()).sum())(mx.ones([1000]));
 * report.plannedBytes >= report.leastBytes; // true
 * String(report); // one line per evaluation
 */
export function memory<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
): (...args: A) => MemoryReport<R> {
  return (...args) => {
    const engine = defaultEngine();
    const evaluateTree = (tree: unknown): void => {
      const nodes = leavesOf(tree, isNDArray).map((a) => a.node);
      if (nodes.some((n) => n.data === null)) engine.evaluate(nodes);
    };
    evaluateTree(args);
    const evaluations: EvaluationMemory[] = [];
    const before = engine.memoryObserver;
    engine.memoryObserver = (m) => {
      evaluations.push({
        argumentBytes: m.leaves,
        resultBytes: m.results,
        workingBytes: m.arena,
        plannedBytes: m.planned,
        leastBytes: m.bound,
        inPlace: m.donors.size,
      });
      before?.(m);
    };
    try {
      const result = fn(...args);
      evaluateTree(result);
      const of = (get: (e: EvaluationMemory) => number): number =>
        evaluations.reduce((most, e) => Math.max(most, get(e)), 0);
      return {
        result,
        evaluations,
        plannedBytes: of((e) => e.plannedBytes),
        leastBytes: of((e) => e.leastBytes),
        toString: () => evaluations.map(lineOf).join("\n"),
      };
    } finally {
      engine.memoryObserver = before;
    }
  };
}

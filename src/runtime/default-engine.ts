/** Wires the default engine: which device runs what is evaluated, and how the graph is cut into kernels. */
import { ReferenceDevice } from "../device/reference/device.js";
import { installEvaluator } from "../graph/evaluator.js";
import { Engine } from "../schedule/engine.js";
import { partition } from "../schedule/partition.js";

let current: Engine | null = null;

/** The engine that evaluates arrays, made at first use. */
export const defaultEngine = (): Engine => {
  current ??= new Engine(new ReferenceDevice(), partition);
  return current;
};

/** Evaluates with another engine from now on. */
export const setDefaultEngine = (engine: Engine): void => {
  current = engine;
};

installEvaluator({
  evaluate: (nodes) => defaultEngine().evaluate(nodes),
  evaluateAsync: (nodes) => defaultEngine().evaluateAsync(nodes),
});

/** Wires the default engine: which device runs what is evaluated, and how the graph is cut into kernels. */
import { observerOfEnvironment } from "../debug/levels.js";
import { WasmDevice } from "../device/wasm/device.js";
import { installEvaluator } from "../graph/evaluator.js";
import { render } from "../render/wasm/index.js";
import { Engine } from "../schedule/engine.js";
import { partition } from "../schedule/partition.js";

let current: Engine | null = null;

/** The engine that evaluates arrays, made at first use. */
export const defaultEngine = (): Engine => {
  if (current === null) {
    current = new Engine(new WasmDevice({ render }), partition);
    current.observer = observerOfEnvironment();
  }
  return current;
};

installEvaluator({
  evaluate: (nodes) => defaultEngine().evaluate(nodes),
  evaluateAsync: (nodes) => defaultEngine().evaluateAsync(nodes),
  collect: () => defaultEngine().collect(),
});

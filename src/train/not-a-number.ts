/** Where a loss that is not a number comes from. */
import { isNDArray, type NDArray } from "../graph/array.js";
import { leavesOf } from "../graph/tree.js";
import type { Module } from "../nn/module/module.js";
import { isfinite } from "../ops/compare.js";
import { all } from "../ops/reduce.js";
import { treeFlatten } from "../ops/tree-paths.js";
import { TrainingError } from "./errors.js";
import type { Run } from "./run.js";
import type { Loss } from "./step.js";

/** What can be looked at when a step has gone wrong and has not been applied. */
export interface Scene<M, B> {
  readonly model: M;
  readonly loss: Loss<M, B>;
  readonly batch: B;
  readonly gradients: unknown;
}

const isFine = (a: NDArray): boolean =>
  !a.dtype.kind.startsWith("float") || all(isfinite(a)).item() === true;

const firstBad = (tree: unknown): string | null => {
  const pairs: readonly (readonly [string, unknown])[] = treeFlatten(tree);
  return pairs.find(([, a]) => isNDArray(a) && !isFine(a))?.[0] ?? null;
};

/** The path of the first module, in the order of the calls' ends, whose result is not finite. */
const firstLayer = <M extends Module, B>({ model, loss, batch }: Scene<M, B>): string | null => {
  let found: string | null = null;
  const watched: Module[] = [];
  model.applyToModules((path, module) => {
    const forward: unknown = Reflect.get(module, "forward");
    if (typeof forward !== "function" || watched.includes(module)) return;
    watched.push(module);
    const watch = (...args: unknown[]): unknown => {
      const result: unknown = Reflect.apply(forward, module, args);
      const bad = leavesOf<NDArray>(result, isNDArray).some((a) => !isFine(a));
      if (bad) found ??= `${path === "" ? "the model" : path} (${module.constructor.name})`;
      return result;
    };
    Object.defineProperty(module, "forward", {
      value: watch,
      configurable: true,
      enumerable: false,
    });
  });
  try {
    loss(model, batch).eval();
  } finally {
    for (const module of watched) Reflect.deleteProperty(module, "forward");
  }
  return found;
};

const cause = <M extends Module, B>(scene: Scene<M, B>): string => {
  const parameter = firstBad(scene.model.parameters());
  if (parameter !== null) return `the parameter ${parameter} is not finite`;
  const layer = firstLayer(scene);
  if (layer !== null) return `the first layer with a result that is not finite is ${layer}`;
  const gradient = firstBad(scene.gradients);
  if (gradient !== null) return `the gradient of ${gradient} is not finite`;
  return "no layer's result is: it comes from the loss function itself";
};

/**
 * Lets a step pass whose loss, and gradients where they can be looked at, are finite.
 *
 * @throws TrainingError that names the step, and with a scene the layer or gradient; the step has not been applied then
 */
export const requireNumbers = <M extends Module, B>(
  run: Run<M>,
  value: number,
  scene: Scene<M, B> | null,
): void => {
  const bad = scene === null ? null : firstBad(scene.gradients);
  if (Number.isFinite(value) && bad === null) return;
  const what = Number.isFinite(value) ? `the gradient of ${bad} not finite` : `a loss of ${value}`;
  const where = scene === null ? "pass locateNaN to see which layer it comes from" : cause(scene);
  throw new TrainingError(
    `[fit] expected finite numbers, got ${what} at step ${run.step + 1}: ${where}; lower the learning rate, or clip the gradients`,
  );
};

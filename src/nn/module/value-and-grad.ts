/** Gradients with respect to the parameters of a module, and checkpoints of modules. */
import { ArgumentError, TransformError } from "../../core/errors.js";
import { describe } from "../../core/guards.js";
import { isNDArray, type NDArray } from "../../graph/array.js";
import { leavesOf } from "../../graph/tree.js";
import { checkpoint as checkpointOf } from "../../transforms/checkpoint.js";
import { type ValueAndAux, valueAndGrad as valueAndGradOf } from "../../transforms/grad.js";
import { isModule, Module, type ParametersOf } from "./module.js";
import { mapFields, type Place, placesOf, putInto } from "./walk.js";

const filter = Module.trainableParameterFilter;

/** Runs a function while other arrays are in the places of a module. */
const during = <R>(places: readonly Place[], arrays: readonly NDArray[], run: () => R): R => {
  for (const [i, { owner, key }] of places.entries()) putInto(owner, key, arrays[i]);
  try {
    return run();
  } finally {
    // What the function itself has put there stays.
    for (const [i, { owner, key, array }] of places.entries())
      if (Reflect.get(owner, key) === arrays[i]) putInto(owner, key, array);
  }
};

/**
 * The function that computes `fn` and its gradient with respect to the trainable parameters of `model`: `[value, gradients]`.
 * `fn` returns a scalar array, or a list that starts with one, as for `mx.valueAndGrad`.
 *
 * The gradients have the structure of `model.trainableParameters()`: what is frozen is absent, whatever the type says.
 *
 * @throws TransformError when the (first) result is not a scalar array, or nothing in the model is trainable
 * @example
 * const model = new nn.Linear(2, 1);
 * const lossAndGrad = nn.valueAndGrad(model, (x: mx.NDArray, y: mx.NDArray) =>
 *   nn.losses.mseLoss(model.forward(x), y),
 * );
 * const [loss, grads] = lossAndGrad(mx.ones([3, 2]), mx.zeros([3, 1]));
 * grads.weight.shape; // [1, 2]
 * @see mlx.nn.value_and_grad
 */
export function valueAndGrad<
  M extends Module,
  A extends readonly unknown[],
  const R extends ValueAndAux,
>(model: M, fn: (...args: A) => R): (...args: A) => [value: R, gradients: ParametersOf<M>] {
  if (!isModule(model) || typeof fn !== "function") {
    throw new ArgumentError(
      `[valueAndGrad] expected a module and a function, got ${describe(model)} and ${describe(fn)}: pass both`,
    );
  }
  const isLeaf = (_m: Module, _key: string, value: unknown): boolean => isNDArray(value);
  return (...args) => {
    const places = placesOf<Module>(model, isModule, filter);
    if (places.length === 0) {
      throw new TransformError(
        "[valueAndGrad] expected a model with parameters to differentiate by, got none that is not frozen: unfreeze some",
      );
    }
    const tree = mapFields<Module>(model, { isModule, filter, map: (x) => x, isLeaf });
    const both = valueAndGradOf(
      (parameters: unknown): R =>
        during(places, leavesOf<NDArray>(parameters, isNDArray), () => fn(...args)),
    );
    const [value, gradients]: readonly [R, unknown] = both(tree);
    return [value, gradients as ParametersOf<M>];
  };
}

/**
 * A function of a module, or its `forward`, whose intermediate values are computed again when gradients are taken.
 *
 * @example
 * const block = new nn.Linear(4, 4);
 * const forward = nn.utils.checkpoint(block);
 * forward(mx.ones([2, 4])).shape; // [2, 4]
 * @see mlx.nn.utils.checkpoint
 */
export function checkpoint<A extends readonly unknown[], R>(
  module: Module & { forward(...args: A): R },
): (...args: A) => R;
export function checkpoint<A extends readonly unknown[], R>(
  module: Module,
  fn: (...args: A) => R,
): (...args: A) => R;
export function checkpoint<A extends readonly unknown[], R>(
  module: Module & { forward?(...args: A): R },
  fn?: (...args: A) => R,
): (...args: A) => R {
  // Arrays that the function reaches by closure get their gradients: the parameters need no tracking.
  return checkpointOf((...args: A): R => {
    if (fn !== undefined) return fn(...args);
    if (module.forward !== undefined) return module.forward(...args);
    throw new ArgumentError(
      `[checkpoint] expected a module with a method forward, got ${describe(module)}: pass the function as well`,
    );
  });
}

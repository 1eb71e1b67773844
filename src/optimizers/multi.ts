/** Several optimizers, each for the parameters that its filter accepts. */
import { ArgumentError } from "../core/errors.js";
import { describe, isPlainObject, setOwn } from "../core/guards.js";
import { readPositional } from "../core/options.js";
import { isNDArray, type NDArray } from "../graph/array.js";
import { join } from "../ops/tree-paths.js";
import { treeMerge } from "../ops/tree-utils.js";
import { Optimizer, type OptimizerState } from "./optimizer.js";

/** Says whether an optimizer shall have the parameter at a dotted path; it is also given the gradient. */
export type OptimizerFilter = (path: string, gradient: NDArray) => boolean;

export interface MultiOptimizerOptions {
  readonly filters?: readonly OptimizerFilter[];
}

const isBare = (x: unknown): boolean => isPlainObject(x) && Object.keys(x).length === 0;

/** The part of a tree with the leaves that `wanted` accepts; subtrees without one are left out, places in lists are kept. */
const select = (
  tree: unknown,
  wanted: (path: string, leaf: NDArray) => boolean,
  path: string,
): unknown => {
  if (isNDArray(tree)) return wanted(path, tree) ? tree : {};
  if (Array.isArray(tree)) {
    const list = tree.map((item, i) => select(item, wanted, join(path, i)));
    return list.every(isBare) && list.length > 0 ? {} : list;
  }
  if (!isPlainObject(tree)) return tree;
  const object = {};
  for (const [key, item] of Object.entries(tree)) {
    const part = select(item, wanted, join(path, key));
    if (!isBare(part) || isBare(item)) setOwn(object, key, part);
  }
  return object;
};

/**
 * Gives every parameter to the first optimizer whose filter accepts its dotted path and gradient, and what is left to the
 * last one, which has no filter. The state is `{ states }`, with one entry per optimizer.
 *
 * @throws ArgumentError unless there is one filter fewer than optimizers
 * @example
 * const opt = new optim.MultiOptimizer(
 *   [new optim.Muon(0.02), new optim.AdamW(1e-3)],
 *   [(path, g) => g.ndim >= 2 && !path.startsWith("embedding")],
 * );
 * opt.applyGradients({ w: mx.ones([2, 2]) }, { w: mx.ones([2, 2]) }).w.shape; // [2, 2]
 * @see mlx.optimizers.MultiOptimizer
 */
export class MultiOptimizer extends Optimizer {
  readonly optimizers: readonly Optimizer[];
  readonly filters: readonly OptimizerFilter[];

  constructor(
    optimizers: readonly Optimizer[],
    filters?: readonly OptimizerFilter[] | MultiOptimizerOptions,
  ) {
    super();
    delete this.kept.step;
    const { filters: given = [] } = readPositional<MultiOptimizerOptions>(
      "MultiOptimizer",
      "filters",
      filters,
      undefined,
      ["filters"],
    );
    if (given.length !== optimizers.length - 1) {
      throw new ArgumentError(
        `[MultiOptimizer] expected one filter fewer than optimizers, got ${given.length} filters for ${optimizers.length} optimizers: the last one takes what is left`,
      );
    }
    this.optimizers = optimizers;
    this.filters = given;
  }

  override get state(): OptimizerState {
    return { states: this.optimizers.map((o) => o.state) };
  }

  override set state(next: OptimizerState) {
    const { states } = next;
    if (!Array.isArray(states) || states.length !== this.optimizers.length) {
      throw new ArgumentError(
        `[MultiOptimizer] expected a state { states } with ${this.optimizers.length} entries, got ${describe(states)}`,
      );
    }
    for (const [i, o] of this.optimizers.entries()) o.state = states[i];
  }

  protected override snapshot(): OptimizerState {
    return { states: this.optimizers.map((o) => ({ ...o.state })) };
  }

  /** The first optimizer's number of updates. */
  override get step(): NDArray {
    return this.#first.step;
  }

  /** The first optimizer's; setting it sets that of all. */
  override get learningRate(): NDArray {
    return this.#first.learningRate;
  }

  override set learningRate(value: number | NDArray) {
    for (const o of this.optimizers) o.learningRate = value;
  }

  get #first(): Optimizer {
    const [first] = this.optimizers;
    if (first === undefined) throw new ArgumentError("[MultiOptimizer] expected an optimizer");
    return first;
  }

  /** One tree per optimizer. */
  #parts(tree: unknown): unknown[] {
    const last = this.optimizers.length - 1;
    const owner = (path: string, leaf: NDArray): number => {
      const found = this.filters.findIndex((filter) => filter(path, leaf));
      return found < 0 ? last : found;
    };
    return this.optimizers.map((_, i) => select(tree, (path, x) => owner(path, x) === i, ""));
  }

  override init(parameters: unknown): void {
    const parts = this.#parts(parameters);
    for (const [i, o] of this.optimizers.entries()) o.init(parts[i]);
  }

  override applyGradients<T>(gradients: T, parameters: unknown): T {
    const parts = this.#parts(gradients);
    const before = this.snapshot();
    try {
      let merged: unknown = {};
      for (const [i, o] of this.optimizers.entries())
        merged = treeMerge(merged, o.applyGradients(parts[i], parameters));
      // Every leaf is in one part, so the parts together have the structure of the gradients.
      return merged as T;
    } catch (error) {
      this.state = before;
      throw error;
    }
  }

  /** Never called: parameters are updated by the optimizers in the list. */
  override initSingle(): void {}

  override applySingle(_gradient: NDArray, parameter: NDArray): NDArray {
    return parameter;
  }
}

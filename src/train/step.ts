/** One optimizer step of a model: gradients, over several batches and in a shorter dtype if wanted, clipped, and applied. */
import { type DType, float32 } from "../core/dtype.js";
import { floating, issubdtype } from "../core/dtype-info.js";
import { isNDArray, type NDArray } from "../graph/array.js";
import { mapLeaves } from "../graph/tree.js";
import { Module } from "../nn/module/module.js";
import { valueAndGrad } from "../nn/module/value-and-grad.js";
import { array } from "../ops/creation-host.js";
import { treeMap } from "../ops/tree-utils.js";
import { clipGradNorm } from "../optimizers/clip.js";
import type { Optimizer } from "../optimizers/optimizer.js";
import { state as randomState } from "../random/index.js";
import { compile } from "../transforms/compile.js";

/** The loss of a model on a batch, a scalar. */
export type Loss<M, B> = (model: M, batch: B) => NDArray;

export interface StepOptions {
  /** The largest norm of all gradients together; null: they are taken as they are. */
  readonly clip?: number | null;
  /** Batches whose gradients are averaged for one step. */
  readonly accumulate?: number;
  /** The dtype in which the loss and its gradient are computed, like bfloat16; the parameters stay as they are. */
  readonly dtype?: DType | null;
  /** Whether steps are compiled; true by default. A model whose control flow depends on values cannot be. */
  readonly compile?: boolean;
  /** Keeps gradients apart from their application, so that bad ones can be looked at and are not applied. */
  readonly guarded?: boolean;
}

/** Gradients and their application, so that one can look at what is between. */
export interface Step<B> {
  /** Takes the gradients of a batch; the loss. With nothing to look at, the last batch of a step is applied at once. */
  readonly take: (batch: B) => NDArray;
  /** Updates the model with the gradients taken since the last time, unless that is done. */
  readonly apply: () => void;
  /** The gradients taken, null when they are applied already. */
  readonly gradients: () => unknown;
}

const isFloat = (x: NDArray): boolean => issubdtype(x.dtype, floating);

/** A tree with its arrays of floating dtypes cast. */
const castTree = <T>(tree: T, dtype: DType): T =>
  // Arrays in the places of arrays.
  mapLeaves(tree, isNDArray, (a: NDArray) => (isFloat(a) ? a.astype(dtype) : a)) as T;

/** The loss with parameters and batch in `dtype`: its gradients come out in the dtypes of the parameters. */
const inDtype =
  <M extends Module, B>(loss: Loss<M, B>, dtype: DType): Loss<M, B> =>
  (model, batch) => {
    model.apply((p) => (isFloat(p) ? p.astype(dtype) : p), Module.trainableParameterFilter);
    return loss(model, castTree(batch, dtype)).astype(float32);
  };

/**
 * The parts of an optimizer step, for loops of one's own.
 *
 * @param loss the loss of the model on a batch, a scalar
 * @example
 * const model = new nn.Linear(2, 1);
 * const loss = (m: nn.Linear, x: mx.NDArray) => mx.square(m.forward(x)).mean();
 * const { take, apply } = train.trainStep(model, loss, new optim.SGD(0.1), { accumulate: 2 });
 * take(mx.ones([4, 2]));
 * take(mx.zeros([4, 2]));
 * apply();
 */
export const trainStep = <M extends Module, B>(
  model: M,
  loss: Loss<M, B>,
  optimizer: Optimizer,
  options: StepOptions,
): Step<B> => {
  const { clip = null, accumulate = 1, dtype = null, compile: compiled = true } = options;
  const used = dtype === null ? loss : inDtype(loss, dtype);
  const both = valueAndGrad(model, (batch: B) => used(model, batch));
  const state = { model, optimizer, random: randomState };
  const captured = { inputs: state, outputs: state };
  const maybe = <A extends readonly unknown[], R>(
    fn: (...args: A) => R,
    trees: { inputs: unknown; outputs: unknown },
  ): ((...args: A) => R) => (compiled ? compile(fn, trees) : fn);
  const update = (gradients: unknown): void => {
    const [clipped] = clip === null ? [gradients] : clipGradNorm(gradients, clip);
    optimizer.update(model, clipped);
  };
  if (accumulate === 1 && options.guarded !== true) {
    const whole = maybe((batch: B): NDArray => {
      const [value, gradients] = both(batch);
      update(gradients);
      return value;
    }, captured);
    return { take: whole, apply: () => undefined, gradients: () => null };
  }
  const sums: { tree: unknown; batches: number } = { tree: null, batches: 0 };
  const first = maybe((batch: B) => both(batch), captured);
  const add = maybe((total: unknown, batch: B) => {
    const [value, gradients] = both(batch);
    const sum: unknown = treeMap(
      (s, g) => (isNDArray(s) && isNDArray(g) ? s.add(g) : s),
      total,
      gradients,
    );
    return [value, sum] as const;
  }, captured);
  const finish = maybe((total: unknown, scale: NDArray) => {
    update(mapLeaves(total, isNDArray, (g: NDArray) => g.multiply(scale.astype(g.dtype))));
  }, captured);
  return {
    take: (batch) => {
      const [value, gradients] = sums.tree === null ? first(batch) : add(sums.tree, batch);
      sums.tree = gradients;
      sums.batches++;
      return value;
    },
    apply: () => {
      if (sums.tree === null) return;
      const total = sums.tree;
      finish(total, array(1 / sums.batches));
      sums.tree = null;
      sums.batches = 0;
    },
    gradients: () => sums.tree,
  };
};

/** The training loop. */
import { ArgumentError } from "../core/errors.js";
import { readOptions } from "../core/options.js";
import { isNDArray, type NDArray } from "../graph/array.js";
import { leavesOf } from "../graph/tree.js";
import type { Module } from "../nn/module/module.js";
import type { Optimizer } from "../optimizers/optimizer.js";
import type { Dataset } from "./dataset.js";
import { TrainingError } from "./errors.js";
import { requireNumbers } from "./not-a-number.js";
import { Run } from "./run.js";
import { type Loss, type StepOptions, trainStep } from "./step.js";

/** What is called during a run; each may be asynchronous, and may stop the run. */
export interface Callback {
  /** Before the first step; may restore the run. */
  onStart?(run: Run): void | Promise<void>;
  onStep?(run: Run): void | Promise<void>;
  /** After a measurement on the validation data. */
  onValidation?(run: Run): void | Promise<void>;
  onEpoch?(run: Run): void | Promise<void>;
  /** At the end, after an error too. */
  onEnd?(run: Run): void | Promise<void>;
}

export interface FitOptions<M, B> extends Omit<StepOptions, "guarded"> {
  /** Steps to take; otherwise as many as `epochs` have. */
  readonly steps?: number | null;
  /** Passes through the data; 1 by default, and as many as needed with `steps`. */
  readonly epochs?: number | null;
  /** Data on which the loss is measured at the end of every epoch, or every `validateEvery` steps. */
  readonly validation?: Dataset<B> | null;
  readonly validateEvery?: number | null;
  /** The loss on the validation data, when it is another one. */
  readonly validationLoss?: Loss<M, B> | null;
  readonly callbacks?: readonly Callback[];
  /** Ends the run after the step in flight. */
  readonly signal?: AbortSignal | null;
  /** Says which layer or gradient was the first that is not a number, before it is applied; steps are slower. */
  readonly locateNaN?: boolean;
}

const NAMES = [
  "clip",
  "accumulate",
  "dtype",
  "compile",
  "steps",
  "epochs",
  "validation",
  "validateEvery",
  "validationLoss",
  "callbacks",
  "signal",
  "locateNaN",
] as const;

const rowsOf = (batch: unknown): number => leavesOf<NDArray>(batch, isNDArray)[0]?.shape[0] ?? 1;

/**
 * The mean loss over a data set, with the model out of training mode.
 *
 * @example
 * const data = train.dataset({ x: mx.ones([4, 2]), y: mx.zeros([4, 1]) }, 2);
 * const loss = (m: nn.Linear, { x, y }: { x: mx.NDArray; y: mx.NDArray }) =>
 *   nn.losses.mseLoss(m.forward(x), y);
 * await train.evaluate(new nn.Linear(2, 1), loss, data);
 */
export async function evaluate<M extends Module, B>(
  model: M,
  loss: Loss<M, B>,
  data: Dataset<B>,
): Promise<number> {
  const { training } = model;
  model.eval();
  let [sum, rows] = [0, 0];
  try {
    for await (const batch of data) {
      const n = rowsOf(batch);
      sum += n * Number(await loss(model, batch).itemAsync());
      rows += n;
    }
  } finally {
    model.train(training);
  }
  return sum / rows;
}

/** Steps in all: those asked for, or those of the epochs where their number is known. */
const stepsOf = <M, B>(
  o: FitOptions<M, B>,
  data: Dataset<B>,
  accumulate: number,
): number | null => {
  const whole = (name: string, x: number): number => {
    if (Number.isInteger(x) && x >= 1) return x;
    throw new ArgumentError(`[fit] expected a whole number from 1 as ${name}, got ${x}`);
  };
  whole("accumulate", accumulate);
  if (o.validateEvery !== undefined && o.validateEvery !== null)
    whole("validateEvery", o.validateEvery);
  if (o.steps !== undefined && o.steps !== null) return whole("steps", o.steps);
  const epochs = whole("epochs", o.epochs ?? 1);
  return data.length === null ? null : Math.floor((epochs * data.length) / accumulate);
};

const noData = (run: Run): TrainingError =>
  new TrainingError(
    `[fit] expected batches in epoch ${run.epoch + 1}, got none after step ${run.step} of ${run.steps ?? "the epochs"}: ` +
      "pass data with at least one batch, or fewer steps",
  );

/**
 * Trains a model: for every step the gradients of `loss` on a batch, applied by the optimizer. Compiled, unless told otherwise,
 * and asynchronous, so that the program stays responsive.
 *
 * This loop does nothing that a user's own could not: see the source.
 *
 * @param loss the loss of the model on a batch, a scalar
 * @returns the run: losses, validations, and why it ended when it ended early
 * @throws TrainingError when the loss is not a number, or the data end before the steps are taken
 * @example
 * const model = new nn.Linear(2, 1);
 * const data = train.dataset({ x: mx.ones([8, 2]), y: mx.zeros([8, 1]) }, 4, { shuffle: 1 });
 * const loss = (m: nn.Linear, { x, y }: { x: mx.NDArray; y: mx.NDArray }) =>
 *   nn.losses.mseLoss(m.forward(x), y);
 * const run = await train.fit(model, loss, new optim.SGD(0.1), data, { epochs: 3 });
 * run.step; // 6
 */
export async function fit<M extends Module, B>(
  model: M,
  loss: Loss<M, B>,
  optimizer: Optimizer,
  data: Dataset<B>,
  options?: FitOptions<M, B>,
): Promise<Run<M>> {
  const o = readOptions<FitOptions<M, B>>("fit", options, NAMES);
  const { accumulate = 1, validation = null, callbacks = [], signal = null } = o;
  const steps = stepsOf(o, data, accumulate);
  const run = new Run(model, optimizer, steps);
  const guarded = o.locateNaN === true;
  const { take, apply, gradients } = trainStep(model, loss, optimizer, { ...o, guarded });
  const tell = async (event: keyof Callback): Promise<void> => {
    for (const callback of callbacks) await callback[event]?.(run);
  };
  const validate = async (): Promise<void> => {
    if (validation === null || run.validations.at(-1)?.step === run.step) return;
    const value = await evaluate(model, o.validationLoss ?? loss, validation);
    run.validations.push({ step: run.step, loss: value });
    await tell("onValidation");
  };
  const every = o.validateEvery ?? null;
  const micro: number[] = [];
  try {
    await tell("onStart");
    while (!run.done) {
      let whole = true;
      for await (const batch of data.epoch(run.epoch, run.batch)) {
        micro.push(Number(await take(batch).itemAsync()));
        run.batch++;
        run.examples += rowsOf(batch);
        if (micro.length < accumulate) continue;
        const value = micro.splice(0).reduce((a, b) => a + b) / accumulate;
        requireNumbers(run, value, guarded ? { model, loss, batch, gradients: gradients() } : null);
        apply();
        run.record(value);
        await tell("onStep");
        if (every !== null && run.step % every === 0) await validate();
        if (signal?.aborted === true) run.stop("aborted");
        if (run.done) {
          whole = run.batch === data.length;
          break;
        }
      }
      if (!whole) break;
      if (run.batch === 0) throw noData(run);
      run.epoch++;
      run.batch = 0;
      if (every === null) await validate();
      await tell("onEpoch");
      if (steps === null && run.epoch >= (o.epochs ?? 1)) break;
    }
    if (run.stopped === null) await validate();
  } finally {
    await tell("onEnd");
  }
  return run;
}

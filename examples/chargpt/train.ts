/** Training: AdamW on clipped gradients, warm-up and cosine decay, one compiled call per step. */
import { setImmediate } from "node:timers/promises";
import * as mx from "cotangent";
import * as nn from "cotangent/nn";
import * as optim from "cotangent/optimizers";
import type { Corpus } from "./corpus.js";
import type { CharGpt } from "./model.js";
import type { Settings } from "./options.js";

/** The loss on the validation part, before the step of this number. */
export interface Validation {
  readonly step: number;
  readonly loss: number;
}

/** What training changes: enough to go on from, with the same losses. */
export interface Progress {
  readonly model: CharGpt;
  readonly optimizer: optim.AdamW;
  /** The training loss of every step taken. */
  readonly losses: number[];
  readonly validations: Validation[];
}

/** Calls back after every step, with the training loss. */
export type OnStep = (step: number, loss: number) => void;

/** Steps of the warm-up: the learning rate rises to its highest value in these. */
const warmUp = (steps: number): number => Math.max(1, Math.min(100, Math.floor(steps / 10)));

export const makeOptimizer = ({ steps, lr }: Settings): optim.AdamW => {
  const warm = warmUp(steps);
  const schedule = optim.joinSchedules(
    [
      optim.linearSchedule(lr / (warm + 1), lr, warm),
      optim.cosineDecay(lr, Math.max(1, steps - warm), lr / 10),
    ],
    [warm],
  );
  return new optim.AdamW(schedule, { betas: [0.9, 0.99], weightDecay: 0.1, biasCorrection: true });
};

/** How often the loss on the validation part is measured, in steps. */
const validateEvery = (steps: number): number => Math.max(1, Math.ceil(steps / 10));

const numberOf = (x: mx.NDArray): number => Number(x.item());

/**
 * Takes steps until all are taken or the signal is given, changing `progress`.
 *
 * Memory needs no care: what a step leaves behind is found dead and used again.
 */
export const train = async (
  progress: Progress,
  corpus: Corpus,
  settings: Settings,
  signal: AbortSignal,
  onStep: OnStep,
): Promise<void> => {
  const { steps, batch, seed } = settings;
  const { model, optimizer, losses, validations } = progress;
  const tensor = (tokens: Int32Array): mx.NDArray =>
    mx.array(tokens).reshape([batch, model.config.context]);
  const lossAndGradients = nn.valueAndGrad(model, (inputs: mx.NDArray, targets: mx.NDArray) =>
    model.loss(inputs, targets),
  );
  optimizer.init(model.trainableParameters());
  const state = [model, optimizer];
  // Compiled, the parameters and the optimizer's averages are updated in the memory they are in.
  const update = mx.compile(
    (inputs: mx.NDArray, targets: mx.NDArray): mx.NDArray => {
      const [value, gradients] = lossAndGradients(inputs, targets);
      const [clipped] = optim.clipGradNorm(gradients, 1);
      optimizer.update(model, clipped);
      return value;
    },
    { inputs: state, outputs: state },
  );
  const validate = (): void => {
    const { inputs, targets } = corpus.validation(batch);
    const value = model.loss(tensor(inputs), tensor(targets));
    validations.push({ step: losses.length, loss: numberOf(value) });
  };
  while (losses.length < steps && !signal.aborted) {
    const step = losses.length;
    if (step % validateEvery(steps) === 0 && validations.at(-1)?.step !== step) validate();
    const { inputs, targets } = corpus.training(seed, step, batch);
    const value = update(tensor(inputs), tensor(targets)).eval();
    losses.push(numberOf(value));
    onStep(step + 1, numberOf(value));
    // Lets the process hear of Ctrl-C.
    await setImmediate();
  }
  if (losses.length === steps && validations.at(-1)?.step !== steps) validate();
};

/** Training: AdamW on clipped gradients, warm-up and cosine decay, one evaluation per step. */
import { setImmediate } from "node:timers/promises";
import * as mx from "cotangent";
import * as optim from "cotangent/optimizers";
import type { Batch, Corpus } from "./corpus.js";
import { type Config, loss, type Parameters } from "./model.js";
import type { Settings } from "./options.js";

/** The loss on the validation part, before the step of this number. */
export interface Validation {
  readonly step: number;
  readonly loss: number;
}

/** What training changes: enough to go on from, with the same losses. */
export interface Progress {
  parameters: Parameters;
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
  config: Config,
  settings: Settings,
  signal: AbortSignal,
  onStep: OnStep,
): Promise<void> => {
  const { steps, batch, seed } = settings;
  const { optimizer, losses, validations } = progress;
  const tensor = (tokens: Int32Array): mx.NDArray =>
    mx.array(tokens).reshape([batch, config.context]);
  const lossAndGradients = mx.valueAndGrad((p: Parameters, { inputs, targets }: Batch) =>
    loss(p, config, tensor(inputs), tensor(targets)),
  );
  const validate = (): void => {
    const { inputs, targets } = corpus.validation(batch);
    const value = loss(progress.parameters, config, tensor(inputs), tensor(targets));
    validations.push({ step: losses.length, loss: numberOf(value) });
  };
  while (losses.length < steps && !signal.aborted) {
    const step = losses.length;
    if (step % validateEvery(steps) === 0 && validations.at(-1)?.step !== step) validate();
    const [value, gradients] = lossAndGradients(
      progress.parameters,
      corpus.training(seed, step, batch),
    );
    const [clipped] = optim.clipGradNorm(gradients, 1);
    progress.parameters = optimizer.applyGradients(clipped, progress.parameters);
    mx.eval(value, progress.parameters, optimizer.state);
    losses.push(numberOf(value));
    onStep(step + 1, numberOf(value));
    // Lets the process hear of Ctrl-C.
    await setImmediate();
  }
  if (losses.length === steps && validations.at(-1)?.step !== steps) validate();
};

/** Optimizers: steps from gradients to new parameters. */
import "../ops/methods.js";

export { Adam, type AdamOptions, AdamW, type AdamWOptions } from "./adam.js";
export { clipGradNorm } from "./clip.js";
export {
  type LeafState,
  Optimizer,
  type OptimizerState,
  type Schedulable,
  type Updatable,
} from "./optimizer.js";
export {
  type CosineOptions,
  cosineDecay,
  exponentialDecay,
  joinSchedules,
  linearSchedule,
  type Schedule,
  stepDecay,
} from "./schedules.js";
export { SGD, type SGDOptions } from "./sgd.js";

/** Optimizers: steps from gradients to new parameters. */
import "../ops/methods.js";

export { Adafactor, type AdafactorOptions } from "./adafactor.js";
export { Adam, type AdamOptions, AdamW, type AdamWOptions } from "./adam.js";
export { Adamax, type AdamaxOptions } from "./adamax.js";
export {
  AdaDelta,
  type AdaDeltaOptions,
  Adagrad,
  type AdagradOptions,
  RMSprop,
  type RMSpropOptions,
} from "./adaptive.js";
export { clipGradNorm } from "./clip.js";
export { Lion, type LionOptions } from "./lion.js";
export { MultiOptimizer, type MultiOptimizerOptions, type OptimizerFilter } from "./multi.js";
export { Muon, type MuonOptions } from "./muon.js";
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

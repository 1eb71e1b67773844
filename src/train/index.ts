/** `cotangent/train`: data in batches, and a training loop with what surrounds it. */
import "../ops/methods.js";

export { type CheckpointOptions, checkpoints, latestCheckpoint } from "./checkpoints.js";
export { type Dataset, type DatasetOptions, dataset, type ExampleSource } from "./dataset.js";
export { type EarlyStopOptions, earlyStop } from "./early-stop.js";
export { TrainingError } from "./errors.js";
export { type Callback, evaluate, type FitOptions, fit } from "./fit.js";
export { csvLog, jsonLog } from "./logs.js";
export { type ProgressBarOptions, progressBar } from "./progress-bar.js";
export { type HtmlReportOptions, htmlReport } from "./report.js";
export { type Point, Run, type Snapshot } from "./run.js";
export type { BatchOf, Item } from "./stack.js";
export { type Loss, type Step, type StepOptions, trainStep } from "./step.js";
export { tensorBoard } from "./tensorboard.js";

/** Losses as lines of text: CSV and JSON. */
import { appendToFile, fileExists } from "../io/folder.js";
import type { Callback } from "./fit.js";
import type { Point, Run } from "./run.js";

interface Line extends Point {
  readonly kind: "train" | "validation";
  readonly epoch: number;
  readonly seconds: number;
}

const lineOf = (kind: Line["kind"], run: Run, { step, loss }: Point): Line => ({
  kind,
  step,
  epoch: run.epoch,
  loss,
  seconds: Math.round(performance.now() - run.began) / 1000,
});

const logger = (write: (line: Line) => void): Callback => ({
  onStep: (run) => {
    const last = run.losses.at(-1);
    if (last !== undefined) write(lineOf("train", run, last));
  },
  onValidation: (run) => {
    const last = run.validations.at(-1);
    if (last !== undefined) write(lineOf("validation", run, last));
  },
});

/**
 * Appends a line `kind,step,epoch,loss,seconds` to a file for every step and every measurement on the validation data.
 *
 * @throws ArgumentError when the file cannot be written
 * @example train.csvLog("losses.csv")
 */
export const csvLog = (path: string): Callback => ({
  ...logger(({ kind, step, epoch, loss, seconds }) =>
    appendToFile("csvLog", path, `${kind},${step},${epoch},${loss},${seconds}\n`),
  ),
  onStart: () => {
    if (!fileExists("csvLog", path)) appendToFile("csvLog", path, "kind,step,epoch,loss,seconds\n");
  },
});

/**
 * The same as one JSON object per line.
 *
 * @throws ArgumentError when the file cannot be written
 * @example train.jsonLog("losses.jsonl")
 */
export const jsonLog = (path: string): Callback =>
  logger((line) => appendToFile("jsonLog", path, `${JSON.stringify(line)}\n`));

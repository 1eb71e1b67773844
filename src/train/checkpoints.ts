/** Checkpoints: the last few states of a run in a folder, each written whole or not at all. */
import { ArgumentError, FormatError } from "../core/errors.js";
import { readOptions } from "../core/options.js";
import { makeFolder, namesIn, removeFile } from "../io/folder.js";
import { load } from "../io/load.js";
import { saveSafetensors } from "../io/safetensors.js";
import type { Callback } from "./fit.js";
import type { Run } from "./run.js";

export interface CheckpointOptions {
  /** Steps between checkpoints; 100 by default. One more is written at the end. */
  readonly every?: number;
  /** How many to keep; 3 by default. */
  readonly keep?: number;
  /** Goes on from the newest checkpoint that is whole, if there is one. */
  readonly resume?: boolean;
}

const op = "checkpoints";

const nameOf = (step: number): string => `step-${String(step).padStart(8, "0")}.safetensors`;

/** The step of a checkpoint's file, -1 for other names. */
const stepOf = (name: string): number => {
  const step = Number(/^step-(\d+)\.safetensors$/.exec(name)?.[1] ?? -1);
  return nameOf(step) === name ? step : -1;
};

/** Steps of the checkpoints in a folder, newest first. */
const stepsIn = (folder: string): number[] =>
  namesIn(op, folder)
    .map(stepOf)
    .filter((step) => step >= 0)
    .sort((a, b) => b - a);

/**
 * The path of the newest checkpoint in a folder, null without one.
 *
 * @example train.latestCheckpoint("no-such-folder") // null
 */
export const latestCheckpoint = (folder: string): string | null => {
  const [newest] = stepsIn(folder);
  return newest === undefined ? null : `${folder}/${nameOf(newest)}`;
};

/** Takes up the newest checkpoint that can be read. */
const resume = (folder: string, run: Run): void => {
  let damaged: unknown = null;
  for (const step of stepsIn(folder)) {
    try {
      const [arrays, metadata] = load(`${folder}/${nameOf(step)}`, {
        format: "safetensors",
        returnMetadata: true,
      });
      run.restore({ arrays, metadata });
      return;
    } catch (error) {
      // Files are written whole, but disks fail: an older one is better than none.
      if (!(error instanceof FormatError)) throw error;
      damaged ??= error;
    }
  }
  if (damaged !== null) throw damaged;
};

/**
 * Saves the run every so many steps: parameters, optimizer state, the global random key, losses. A file is written beside and
 * renamed, so whatever ends the process loses no more than the steps since the last checkpoint.
 *
 * @param folder is made when needed
 * @throws ArgumentError when it cannot be written (older checkpoints stay), FormatError when every checkpoint is damaged
 * @example train.checkpoints("runs/first", { every: 50, keep: 2, resume: true })
 */
export const checkpoints = (folder: string, options?: CheckpointOptions): Callback => {
  const o = readOptions<CheckpointOptions>(op, options, ["every", "keep", "resume"]);
  const { every = 100, keep = 3 } = o;
  for (const [name, x] of Object.entries({ every, keep })) {
    if (Number.isInteger(x) && x >= 1) continue;
    throw new ArgumentError(`[${op}] expected a whole number from 1 as ${name}, got ${x}`);
  }
  let saved = -1;
  const save = (run: Run): void => {
    if (run.step === saved) return;
    const { arrays, metadata } = run.snapshot();
    saveSafetensors(`${folder}/${nameOf(run.step)}`, arrays, { metadata });
    saved = run.step;
    for (const step of stepsIn(folder).slice(keep)) removeFile(op, `${folder}/${nameOf(step)}`);
  };
  return {
    onStart: (run) => {
      makeFolder(op, folder);
      if (o.resume === true) resume(folder, run);
      else if (latestCheckpoint(folder) !== null) {
        throw new ArgumentError(
          `[${op}] expected a folder without checkpoints, got ${folder} with some: pass { resume: true }, or another folder`,
        );
      }
      saved = run.step;
    },
    onStep: (run) => {
      if (run.step % every === 0) save(run);
    },
    onEnd: (run) => {
      // After an error the last good state is the one on disk.
      if (run.done || run.stopped !== null) save(run);
    },
  };
};

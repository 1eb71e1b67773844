/** The command line: which options there are, what they may be, and what is taken when they are left out. */
import { parseArgs } from "node:util";
import { InputError } from "./failure.js";

/** What decides the losses of a run, together with the text. A checkpoint keeps it. */
export interface Settings {
  /** Updates of the parameters, in all. */
  readonly steps: number;
  /** Sequences per step. */
  readonly batch: number;
  /** Characters per sequence. */
  readonly context: number;
  /** Highest learning rate. */
  readonly lr: number;
  readonly seed: number;
}

export interface Options {
  /** What was given; the rest comes from {@link defaults}, or from the checkpoint when resuming. */
  readonly given: Partial<Settings>;
  /** Path of the text to learn, null for the default text. */
  readonly text: string | null;
  readonly out: string;
  readonly resume: boolean;
  readonly json: boolean;
  readonly help: boolean;
}

/** About a minute on two cores. */
export const defaults: Settings = { steps: 1500, batch: 16, context: 64, lr: 3e-3, seed: 0 };

export const help: string = `Trains a small GPT on the characters of a text, then writes some text of its own.

Usage: npm start -- [options]

  --text FILE     text to learn, in UTF-8 (TypeScript's own lib.es5.d.ts)
  --steps N       updates of the parameters (${defaults.steps})
  --batch N       sequences per step (${defaults.batch})
  --context N     characters per sequence, and how far the model looks back (${defaults.context})
  --lr X          highest learning rate (${defaults.lr})
  --seed N        seed of parameters, batches and sample (${defaults.seed})
  --out DIR       folder for model.safetensors, checkpoint.safetensors, report.html (out)
  --resume        go on from the checkpoint in the out folder, with its options; --steps may be raised
  --json          print the figures of the run as one last line of JSON
  --help          show this

Ctrl-C stops after the current step and keeps a checkpoint for --resume.`;

const whole = (
  name: string,
  text: string | undefined,
  least: number,
  most: number,
): number | undefined => {
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most))
    throw new InputError(
      `--${name} expects a whole number from ${least} to ${most}, got ${JSON.stringify(text)}`,
    );
  return value;
};

const positive = (name: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const value = /^[\d.]+(e[-+]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  if (!(value > 0 && value <= 1))
    throw new InputError(
      `--${name} expects a number above 0 and at most 1, got ${JSON.stringify(text)}`,
    );
  return value;
};

const path = (name: string, text: string): string => {
  if (text === "") throw new InputError(`--${name} expects a path, got an empty one`);
  return text;
};

/** The given entries alone, so that they can be laid over others. */
const present = (all: { readonly [K in keyof Settings]: number | undefined }): Partial<Settings> =>
  Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({
      args: [...args],
      options: {
        steps: { type: "string" },
        batch: { type: "string" },
        context: { type: "string" },
        lr: { type: "string" },
        seed: { type: "string" },
        text: { type: "string" },
        out: { type: "string", default: "out" },
        resume: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const first = message.split(/\. |\n/)[0] ?? message;
    throw new InputError(`${first.replace(/\.$/, "")}: see --help`);
  }
};

/**
 * Reads the command line.
 *
 * @throws InputError for an unknown option, a missing value, or a value outside its range
 */
export const readOptions = (args: readonly string[]): Options => {
  const values = parse(args);
  return {
    given: present({
      steps: whole("steps", values.steps, 1, 10_000_000),
      batch: whole("batch", values.batch, 1, 4096),
      context: whole("context", values.context, 1, 4096),
      lr: positive("lr", values.lr),
      seed: whole("seed", values.seed, 0, 2 ** 32 - 1),
    }),
    text: values.text === undefined ? null : path("text", values.text),
    out: path("out", values.out),
    resume: values.resume,
    json: values.json,
    help: values.help,
  };
};

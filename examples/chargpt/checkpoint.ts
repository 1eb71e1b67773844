/** Files of a run: the model for others to load, and the checkpoint from which training goes on. */
import { accessSync, constants, existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import * as mx from "cotangent";
import { type Text, Vocabulary } from "./corpus.js";
import { InputError, reasonOf } from "./failure.js";
import { CharGpt, configFor } from "./model.js";
import type { Settings } from "./options.js";
import { makeOptimizer, type Progress, type Validation } from "./train.js";

/** A run as its files describe it. */
export interface Run {
  readonly settings: Settings;
  readonly vocabulary: Vocabulary;
  readonly text: { readonly path: string | null; readonly digest: Text["digest"] };
  readonly progress: Progress;
}

const kind = "cotangent chargpt checkpoint 2";

type Arrays = Readonly<Record<string, mx.NDArray>>;
type Strings = Readonly<Record<string, string>>;

const pathIn = (folder: string): string => join(folder, "checkpoint.safetensors");

/** The arrays of a tree by their paths, each path after a prefix. */
const flat = (prefix: string, tree: unknown): Record<string, mx.NDArray> =>
  Object.fromEntries(
    mx
      .treeFlatten(tree)
      .flatMap(([path, leaf]) =>
        leaf instanceof mx.NDArray ? [[`${prefix}${path}`, leaf] as const] : [],
      ),
  );

const describe = ({ vocabulary, progress }: Run): Record<string, string> => ({
  config: JSON.stringify(progress.model.config),
  vocabulary: JSON.stringify(vocabulary.characters),
});

/** Writes a file; says what is wrong with the path when it cannot. */
const write = (path: string, save: () => void): void => {
  try {
    save();
  } catch (error) {
    if (error instanceof mx.ArgumentError)
      throw new InputError(`cannot write ${path}: ${reasonOf(error)}`);
    throw error;
  }
};

/** Writes `model.safetensors`: the weights, with configuration and vocabulary as metadata. */
export const saveModel = (folder: string, run: Run): void => {
  const path = join(folder, "model.safetensors");
  write(path, () => run.progress.model.saveWeights(path, { metadata: describe(run) }));
};

/** Writes `checkpoint.safetensors`, in one step: the old one stays until the new one is whole. */
export const saveCheckpoint = (folder: string, run: Run): void => {
  const { model, optimizer, losses, validations } = run.progress;
  const arrays = {
    ...flat("model.", model.parameters()),
    ...flat("optimizer.", optimizer.state),
    losses: mx.array(new Float32Array(losses)),
  };
  const metadata = {
    ...describe(run),
    kind,
    settings: JSON.stringify(run.settings),
    text: JSON.stringify(run.text),
    validations: JSON.stringify(validations),
  };
  const path = pathIn(folder);
  write(path, () => mx.saveSafetensors(path, arrays, { metadata }));
};

/** What is wrong with a checkpoint, in few words. */
class Foreign extends Error {}

const record = (metadata: Strings, name: string): Readonly<Record<string, unknown>> => {
  const value: unknown = JSON.parse(metadata[name] ?? "null");
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Foreign(`it has no ${name}`);
  return { ...value };
};

const list = (metadata: Strings, name: string): readonly unknown[] => {
  const value: unknown = JSON.parse(metadata[name] ?? "null");
  if (!Array.isArray(value)) throw new Foreign(`it has no ${name}`);
  return value;
};

const number = (value: unknown, name: string): number => {
  if (typeof value !== "number" || !Number.isFinite(value)) throw new Foreign(`it has no ${name}`);
  return value;
};

const count = (value: unknown, name: string): number => {
  const n = number(value, name);
  if (!Number.isInteger(n) || n < 1) throw new Foreign(`its ${name} is ${n}`);
  return n;
};

const readSettings = (metadata: Strings): Settings => {
  const raw = record(metadata, "settings");
  return {
    steps: count(raw.steps, "steps"),
    batch: count(raw.batch, "batch"),
    context: count(raw.context, "context"),
    lr: number(raw.lr, "lr"),
    seed: number(raw.seed, "seed"),
  };
};

/** The leaves of `like` replaced by the arrays of a file, which must have their shapes and dtypes. */
const fill = <T>(prefix: string, like: T, arrays: Arrays): mx.MappedTree<T, mx.NDArray> =>
  mx.treeMapWithPath<T, mx.NDArray>((path, expected) => {
    const found = arrays[`${prefix}${path}`];
    if (found === undefined) throw new Foreign(`it has no ${prefix}${path}`);
    if (!(expected instanceof mx.NDArray)) return found;
    const of = (x: mx.NDArray): string => `${x.dtype.name}[${x.shape.join(", ")}]`;
    if (of(found) !== of(expected))
      throw new Foreign(`${prefix}${path} is ${of(found)}, expected ${of(expected)}`);
    return found;
  }, like);

const restore = (arrays: Arrays, metadata: Strings, steps: number | undefined): Run => {
  if (metadata.kind !== kind) throw new Foreign("another program wrote it");
  const stored = readSettings(metadata);
  const settings = { ...stored, steps: steps ?? stored.steps };
  const vocabulary = new Vocabulary(list(metadata, "vocabulary").map(String));
  const model = new CharGpt(configFor(vocabulary.size, settings.context), 0);
  model.update(fill("model.", model.parameters(), arrays));
  const optimizer = makeOptimizer(settings);
  optimizer.init(model.trainableParameters());
  optimizer.state = fill("optimizer.", optimizer.state, arrays);
  const losses = Array.from(arrays.losses?.dataSync() ?? [], Number);
  if (losses.length !== Number(optimizer.step.item()))
    throw new Foreign(`it has ${losses.length} losses for ${optimizer.step.item()} steps`);
  const validations = list(metadata, "validations").map((raw): Validation => {
    const { step, loss } = typeof raw === "object" ? { step: 0, loss: 0, ...raw } : {};
    return { step: number(step, "validation step"), loss: number(loss, "validation loss") };
  });
  const { path, digest } = record(metadata, "text");
  return {
    settings,
    vocabulary,
    text: { path: typeof path === "string" ? path : null, digest: String(digest) },
    progress: { model, optimizer, losses, validations },
  };
};

/**
 * Reads the checkpoint of a folder, so that training goes on with the same losses as if it had never stopped.
 *
 * @param steps the number of steps in all, undefined for the one it was started with
 * @throws InputError when there is none, or it is damaged or not one of this program
 */
export const loadCheckpoint = (folder: string, steps: number | undefined): Run => {
  const path = pathIn(folder);
  if (!existsSync(path))
    throw new InputError(`there is no checkpoint ${path} to resume: start without --resume`);
  try {
    const [arrays, metadata] = mx.load(path, { format: "safetensors", returnMetadata: true });
    return restore(arrays, metadata, steps);
  } catch (error) {
    const known =
      error instanceof Foreign ||
      error instanceof mx.CotangentError ||
      error instanceof SyntaxError;
    if (!known) throw error;
    const reason = error.message.replace(/^\[\w+\] /, "");
    throw new InputError(`cannot resume from ${path}: ${reason}`);
  }
};

/**
 * Makes the folder if needed and sees to it that files can be written into it.
 *
 * @throws InputError when they cannot
 */
export const prepareFolder = (folder: string): void => {
  try {
    mkdirSync(folder, { recursive: true });
    if (!statSync(folder).isDirectory()) throw new Error("it is not a folder");
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new InputError(`cannot write into the folder ${folder}: ${reasonOf(error)}`);
  }
};

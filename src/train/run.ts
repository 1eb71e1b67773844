/** A training run: what has been done, what the callbacks see, and all that is needed to go on from it. */
import { FormatError } from "../core/errors.js";
import { isPlainObject } from "../core/guards.js";
import { isNDArray, type NDArray, rebind } from "../graph/array.js";
import type { Module } from "../nn/module/module.js";
import { treeFlatten, treeUnflatten } from "../ops/tree-paths.js";
import type { Optimizer } from "../optimizers/optimizer.js";
import { state as randomState } from "../random/index.js";

/** A figure after a step. */
export interface Point {
  /** Number of steps taken, from 1. */
  readonly step: number;
  readonly loss: number;
}

/** What a run knows of itself beside the arrays. */
interface Counters {
  readonly epoch: number;
  readonly batch: number;
  readonly losses: readonly Point[];
  readonly validations: readonly Point[];
}

/** A run as arrays and strings, for a file. */
export interface Snapshot {
  readonly arrays: Readonly<Record<string, NDArray>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Steps over which the moving average of the loss forgets. */
const window = 50;

const kind = "cotangent training run 1";

const isArrayEntry = (entry: readonly [string, unknown]): entry is [string, NDArray] =>
  isNDArray(entry[1]);

const flat = (prefix: string, tree: unknown): Record<string, NDArray> => {
  const pairs: readonly (readonly [string, unknown])[] = treeFlatten(tree, { prefix });
  return Object.fromEntries(pairs.filter(isArrayEntry));
};

const points = (x: unknown): Point[] => {
  if (!Array.isArray(x)) throw new FormatError("[restore] expected a list of losses in the file");
  return x.map((item: unknown) => {
    const [step, loss]: readonly unknown[] = Array.isArray(item) ? item : [];
    return { step: Number(step), loss: loss === null ? Number.NaN : Number(loss) };
  });
};

const pairs = (list: readonly Point[]): [number, number][] => list.map((p) => [p.step, p.loss]);

/** The state of training, changed by `fit` alone; callbacks read it, and may stop it. */
export class Run<M extends Module = Module> {
  readonly model: M;
  readonly optimizer: Optimizer;
  /** Steps to take in all, null where the number of batches is not known. */
  readonly steps: number | null;
  /** Epochs finished. */
  epoch = 0;
  /** Batches used of the present epoch. */
  batch = 0;
  /** The training loss of every step taken. */
  readonly losses: Point[] = [];
  /** The loss on the validation data, where it was measured. */
  readonly validations: Point[] = [];
  /** Examples used since `fit` was called, and the time in milliseconds when it was. */
  examples = 0;
  readonly began: number = performance.now();
  #stopped: string | null = null;
  #average = Number.NaN;

  constructor(model: M, optimizer: Optimizer, steps: number | null) {
    this.model = model;
    this.optimizer = optimizer;
    this.steps = steps;
  }

  /** Steps taken. */
  get step(): number {
    return this.losses.at(-1)?.step ?? 0;
  }

  /** The training loss of the last step. */
  get loss(): number {
    return this.losses.at(-1)?.loss ?? Number.NaN;
  }

  /** A moving average of the training loss, over about 50 steps. */
  get average(): number {
    return this.#average;
  }

  /** Why the run ends before its steps are taken, null when it does not. */
  get stopped(): string | null {
    return this.#stopped;
  }

  /** Ends the run after this step. */
  stop(reason: string): void {
    this.#stopped ??= reason;
  }

  get done(): boolean {
    return this.#stopped !== null || (this.steps !== null && this.step >= this.steps);
  }

  /** Notes the loss of one more step. */
  record(loss: number): void {
    const step = this.step + 1;
    this.losses.push({ step, loss });
    const weight = 1 / Math.min(step, window);
    this.#average = step === 1 ? loss : this.#average + weight * (loss - this.#average);
  }

  /** All that is needed to go on: parameters under MLX's names, optimizer state, the global random key and the counters. */
  snapshot(): Snapshot {
    const { epoch, batch, losses, validations } = this;
    const counters = { epoch, batch, losses: pairs(losses), validations: pairs(validations) };
    return {
      arrays: {
        ...flat("model", this.model.parameters()),
        ...flat("optimizer", this.optimizer.state),
        ...flat("random", randomState),
      },
      metadata: { kind, run: JSON.stringify(counters) },
    };
  }

  /**
   * Takes up a snapshot.
   *
   * @throws FormatError when it is none, ArgumentError or ShapeError when it belongs to another model; the run is as it was then
   */
  restore({ arrays, metadata }: Snapshot): void {
    if (metadata.kind !== kind)
      throw new FormatError(
        "[restore] expected the checkpoint of a training run, got another file: pass a folder that checkpoints wrote",
      );
    const { epoch, batch, losses, validations } = readCounters(metadata.run ?? "null");
    const part = (prefix: string): [string, NDArray][] =>
      Object.entries(arrays).flatMap(([name, a]): [string, NDArray][] =>
        name.startsWith(`${prefix}.`) ? [[name.slice(prefix.length + 1), a]] : [],
      );
    this.model.loadWeights(part("model"));
    const state: unknown = treeUnflatten(part("optimizer"));
    this.optimizer.state = isPlainObject(state) ? state : {};
    for (const [i, a] of part("random")) {
      const own = randomState[Number(i)];
      if (own !== undefined) rebind(own, a.node);
    }
    this.epoch = epoch;
    this.batch = batch;
    this.losses.length = 0;
    this.validations.splice(0, Number.POSITIVE_INFINITY, ...validations);
    for (const { loss } of losses) this.record(loss);
  }
}

const readCounters = (text: string): Counters => {
  const raw: unknown = JSON.parse(text);
  if (!isPlainObject(raw)) throw new FormatError("[restore] expected counters in the file");
  const whole = (x: unknown): number => {
    if (typeof x === "number" && Number.isInteger(x) && x >= 0) return x;
    throw new FormatError(`[restore] expected whole numbers as counters, got ${String(x)}`);
  };
  return {
    epoch: whole(raw.epoch),
    batch: whole(raw.batch),
    losses: points(raw.losses),
    validations: points(raw.validations),
  };
};

/** Watching an engine: what it evaluated, when every command ran, and what the scheduler decided. */
import type { Storage } from "../core/storage.js";
import {
  type Command,
  commandsIn,
  type Device,
  type Executable,
  type Fault,
  type Scalar,
} from "../device/contract.js";
import type { Decision } from "./decisions.js";

/**
 * One command of an evaluation, and when it ran, in milliseconds of `performance.now()`. Those in a loop come once and
 * share its time out evenly among themselves, for they are not run one by one.
 */
export interface Step {
  readonly command: Command;
  readonly start: number;
  readonly end: number;
}

/** One command list that was run. */
export interface Evaluation {
  readonly commands: readonly Command[];
  /** The memory that commands name by slot. */
  readonly slots: readonly Storage[];
  /** The commands with their times; none unless the observer asked for single steps. */
  readonly steps: readonly Step[];
  readonly start: number;
  readonly end: number;
  readonly asynchronous: boolean;
}

export interface Observer {
  /** Whether commands shall be run one by one, so that each has its time. */
  readonly singly: boolean;
  /** Of which plans the scheduler's decisions are wanted: none, those made now, or also those made before. */
  readonly decisions: "none" | "new" | "all";
  /** Is told the decisions of a plan before it is first run, or before every run where all are wanted. */
  planned(decisions: readonly Decision[]): void;
  evaluated(evaluation: Evaluation): void;
}

interface Run {
  readonly device: Device;
  readonly executable: Executable;
  readonly slots: readonly Storage[];
  readonly params: readonly Scalar[];
  readonly observer: Observer;
}

/** The lists to run, and for each the command it is, where it is only one. */
const partsOf = ({ device, executable, observer }: Run): readonly Executable[] =>
  observer.singly
    ? executable.steps.map((step) => device.prepare([step], executable.slots))
    : [executable];

const tell = (
  { executable, slots, observer }: Run,
  times: readonly (readonly [start: number, end: number])[],
  asynchronous: boolean,
): void => {
  const steps: Step[] = [];
  if (observer.singly) {
    for (const [i, [from, to]] of times.entries()) {
      const step = executable.steps[i];
      const inside = step === undefined ? [] : commandsIn([step]);
      const each = (to - from) / inside.length;
      for (const [k, command] of inside.entries())
        steps.push({ command, start: from + k * each, end: from + (k + 1) * each });
    }
  }
  const commands = commandsIn(executable.steps);
  const start = times[0]?.[0] ?? performance.now();
  const end = times.at(-1)?.[1] ?? start;
  observer.evaluated({ commands, slots, steps, start, end, asynchronous });
};

/** Runs a list and tells the observer; a fault ends it. */
export const runObserved = (run: Run): Fault | null => {
  const { device, executable, slots, params } = run;
  const times: [number, number][] = [];
  const parts = partsOf(run);
  try {
    for (const part of parts) {
      const start = performance.now();
      const fault = device.run(part, slots, params);
      times.push([start, performance.now()]);
      if (fault !== null) return fault;
    }
  } finally {
    for (const part of parts) if (part !== executable) part.release();
  }
  tell(run, times, false);
  return null;
};

/** The same without holding up the event loop. */
export const submitObserved = async (run: Run): Promise<Fault | null> => {
  const { device, executable, slots, params } = run;
  const times: [number, number][] = [];
  const parts = partsOf(run);
  try {
    for (const part of parts) {
      const start = performance.now();
      const fault = await device.submit(part, slots, params);
      times.push([start, performance.now()]);
      if (fault !== null) return fault;
    }
  } finally {
    for (const part of parts) if (part !== executable) part.release();
  }
  tell(run, times, true);
  return null;
};

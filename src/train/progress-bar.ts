/** What is shown of a run: a bar in a terminal, a line now and then elsewhere. */
import { readOptions } from "../core/options.js";
import { packageExports } from "../io/package.js";
import type { Callback } from "./fit.js";
import type { Run } from "./run.js";

interface Bar {
  start(total: number, at: number, payload: Record<string, string>): void;
  update(at: number, payload: Record<string, string>): void;
  stop(): void;
}

/** Whether the program's output is a terminal. */
export const isTerminal = (): boolean => {
  const process: unknown = Reflect.get(globalThis, "process");
  if (typeof process !== "object" || process === null || !("stderr" in process)) return false;
  const { stderr } = process;
  return typeof stderr === "object" && stderr !== null && Reflect.get(stderr, "isTTY") === true;
};

type BarClass = new (options: Record<string, unknown>) => Bar;

const isBarClass = (x: unknown): x is BarClass => typeof x === "function";

export interface ProgressBarOptions {
  /** Where there is no terminal: receives a line now and then; console.log by default. */
  readonly print?: (line: string) => void;
  /** Milliseconds between such lines; 5000 by default. */
  readonly interval?: number;
  /** Whether a bar is drawn; by default when the program writes to a terminal. */
  readonly bar?: boolean;
}

const clock = (seconds: number): string => {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};

/** Loss, examples per second and time left, in words. */
const figures = (run: Run, first: number): Record<string, string> => {
  const seconds = (performance.now() - run.began) / 1000;
  const taken = run.step - first;
  const left = run.steps === null ? null : ((run.steps - run.step) * seconds) / Math.max(1, taken);
  const validation = run.validations.at(-1)?.loss;
  return {
    loss: run.average.toFixed(4),
    validation: validation === undefined ? "" : `, validation ${validation.toFixed(4)}`,
    speed: `${Math.round(run.examples / seconds).toLocaleString("en")} examples/s`,
    left: left === null ? `epoch ${run.epoch + 1}` : `${clock(left)} left`,
  };
};

const lineOf = (run: Run, first: number): string => {
  const { loss, validation, speed, left } = figures(run, first);
  const of = run.steps === null ? "" : ` of ${run.steps}`;
  return `step ${run.step}${of}: loss ${loss}${validation}, ${speed}, ${left}`;
};

/**
 * Shows step, loss, speed and time left: as a bar on the terminal (by cli-progress), as quiet lines elsewhere.
 *
 * @example train.progressBar({ interval: 10_000 })
 */
export const progressBar = (options?: ProgressBarOptions): Callback => {
  const o = readOptions<ProgressBarOptions>("progressBar", options, ["print", "interval", "bar"]);
  const { print = (line) => console.log(line), interval = 5000 } = o;
  let bar: Bar | null = null;
  let first = 0;
  let shown = performance.now();
  return {
    onStart: async (run) => {
      first = run.step;
      shown = performance.now();
      if (!(o.bar ?? isTerminal()) || run.steps === null) return;
      const { SingleBar } = await packageExports("progressBar", "cli-progress");
      if (!isBarClass(SingleBar)) return;
      bar = new SingleBar({
        format: "{bar} {value}/{total}  loss {loss}{validation}  {speed}  {left}",
        barCompleteChar: "█",
        barIncompleteChar: "░",
        hideCursor: true,
        clearOnComplete: false,
      });
      bar.start(run.steps, run.step, { loss: "-", validation: "", speed: "", left: "" });
    },
    onStep: (run) => {
      if (bar !== null) bar.update(run.step, figures(run, first));
      else if (performance.now() - shown >= interval) {
        shown = performance.now();
        print(lineOf(run, first));
      }
    },
    onEnd: (run) => {
      if (bar !== null) bar.stop();
      else if (run.step > first) print(lineOf(run, first));
      if (run.stopped !== null) print(`stopped at step ${run.step}: ${run.stopped}`);
    },
  };
};

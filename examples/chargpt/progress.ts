/** What is shown while training: a bar in a terminal, a line now and then elsewhere. */
import cliProgress from "cli-progress";

/** Receives the training loss after every step. */
export interface Display {
  update(step: number, loss: number): void;
  stop(): void;
}

export interface DisplayOptions {
  /** Steps taken before, when resuming. */
  readonly first: number;
  readonly steps: number;
  /** Tokens per step. */
  readonly tokens: number;
}

const clock = (seconds: number): string => {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};

/** Tokens per second and time left, from the steps of the last seconds. */
class Meter {
  readonly #options: DisplayOptions;
  readonly #marks: { step: number; time: number }[];

  constructor(options: DisplayOptions) {
    this.#options = options;
    this.#marks = [{ step: options.first, time: performance.now() }];
  }

  at(step: number): { speed: string; left: string } {
    const time = performance.now();
    this.#marks.push({ step, time });
    while (this.#marks.length > 2 && time - (this.#marks[1]?.time ?? time) > 5000)
      this.#marks.shift();
    const from = this.#marks[0] ?? { step, time };
    // The first step makes all kernels: it says nothing about the others.
    if (step === this.#options.first + 1) this.#marks.shift();
    const seconds = Math.max(1e-3, (time - from.time) / 1000) / Math.max(1, step - from.step);
    return {
      speed: Math.round(this.#options.tokens / seconds).toLocaleString("en"),
      left: clock(seconds * (this.#options.steps - step)),
    };
  }
}

const bar = (options: DisplayOptions, stream: NodeJS.WriteStream): Display => {
  const meter = new Meter(options);
  const shown = new cliProgress.SingleBar(
    {
      stream,
      format: "{bar} step {value}/{total} · loss {loss} · {speed} tokens/s · {left} left",
      hideCursor: true,
      stopOnComplete: true,
    },
    cliProgress.Presets.rect,
  );
  shown.start(options.steps, options.first, { loss: "–", speed: "–", left: "–" });
  return {
    update: (step, loss) => shown.update(step, { loss: loss.toFixed(4), ...meter.at(step) }),
    stop: () => shown.stop(),
  };
};

const lines = (options: DisplayOptions, write: (line: string) => void): Display => {
  const meter = new Meter(options);
  const every = Math.max(1, Math.ceil(options.steps / 20));
  return {
    update: (step, loss) => {
      const { speed, left } = meter.at(step);
      if (step % every !== 0 && step !== options.first + 1 && step !== options.steps) return;
      write(
        `step ${step}/${options.steps}  loss ${loss.toFixed(4)}  ${speed} tokens/s  ${left} left`,
      );
    },
    stop: () => {},
  };
};

/** A bar on stderr where that is a terminal, otherwise lines on stdout. */
export const display = (options: DisplayOptions): Display =>
  process.stderr.isTTY
    ? bar(options, process.stderr)
    : lines(options, (line) => process.stdout.write(`${line}\n`));

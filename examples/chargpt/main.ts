/** `npm start`: trains a character-level GPT on real text; keeps the model, a checkpoint and a report. */
import { resolve } from "node:path";
import * as mx from "cotangent";
import {
  loadCheckpoint,
  prepareFolder,
  type Run,
  saveCheckpoint,
  saveModel,
} from "./checkpoint.js";
import { Corpus, readText, type Text } from "./corpus.js";
import { InputError } from "./failure.js";
import { CharGpt, configFor } from "./model.js";
import { defaults, help, type Options, readOptions, type Settings } from "./options.js";
import { display } from "./progress.js";
import { sample } from "./sample.js";
import { makeOptimizer, train } from "./train.js";

/** Steps between checkpoints, for the case that the process is killed. */
const checkpointEvery = 100;

const start = (options: Options, text: Text, corpus: Corpus, settings: Settings): Run => {
  const model = new CharGpt(configFor(corpus.vocabulary.size, settings.context), settings.seed);
  const optimizer = makeOptimizer(settings);
  return {
    settings,
    vocabulary: corpus.vocabulary,
    text: { path: options.text === null ? null : resolve(options.text), digest: text.digest },
    progress: { model, optimizer, losses: [], validations: [] },
  };
};

/** Refuses options that would make a resumed run another one than it was. */
const requireSame = ({ given }: Options, { settings, progress }: Run): void => {
  for (const name of ["batch", "context", "lr", "seed"] as const) {
    const wanted = given[name];
    if (wanted !== undefined && wanted !== settings[name])
      throw new InputError(
        `--${name} ${wanted} differs from the checkpoint's ${settings[name]}: leave it out, or start without --resume`,
      );
  }
  if (settings.steps < progress.losses.length)
    throw new InputError(
      `--steps ${settings.steps} is less than the ${progress.losses.length} steps of the checkpoint: pass a larger number`,
    );
};

/** Everything a run needs, checked before the first file is touched. */
const prepare = (options: Options): { run: Run; text: Text; corpus: Corpus } => {
  if (!options.resume) {
    const settings = { ...defaults, ...options.given };
    const text = readText(options.text);
    const corpus = new Corpus(text, settings.context);
    return { run: start(options, text, corpus, settings), text, corpus };
  }
  const run = loadCheckpoint(options.out, options.given.steps);
  requireSame(options, run);
  const text = readText(options.text ?? run.text.path);
  if (text.digest !== run.text.digest)
    throw new InputError(
      `${text.name} is not the text of the checkpoint in ${options.out}: pass that one with --text`,
    );
  return { run, text, corpus: new Corpus(text, run.settings.context) };
};

/** Trains until done or told to stop; gives the seconds it took. */
const trainWithDisplay = async (options: Options, run: Run, corpus: Corpus): Promise<number> => {
  const { progress, settings } = run;
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  // A second Ctrl-C ends the process at once.
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  const first = progress.losses.length;
  const tokens = settings.batch * settings.context;
  const shown = display({ first, steps: settings.steps, tokens });
  const begin = performance.now();
  try {
    await train(progress, corpus, settings, stop.signal, (step, loss) => {
      shown.update(step, loss);
      if (step % checkpointEvery === 0 && step < settings.steps) saveCheckpoint(options.out, run);
    });
  } finally {
    shown.stop();
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
  const seconds = (performance.now() - begin) / 1000;
  saveCheckpoint(options.out, run);
  return seconds;
};

const finish = async (options: Options, run: Run, text: Text, speed: number): Promise<void> => {
  const { settings, vocabulary, progress } = run;
  const { model, losses, validations } = progress;
  const { config } = model;
  saveModel(options.out, run);
  const prompt = text.content.includes("\n") ? "\n" : ([...text.content][0] ?? "");
  const length = Math.min(400, 4 * settings.context);
  const written = sample(model, vocabulary, {
    prompt,
    length,
    temperature: 0.8,
    seed: settings.seed,
  });
  console.log(`\n${written.trimEnd()}\n`);
  const { writeReport } = await import("./report.js");
  await writeReport(options.out, {
    losses,
    validations,
    figures: {
      text: `${text.name}, ${text.content.length.toLocaleString("en")} characters`,
      model: `${model.count().toLocaleString("en")} parameters, ${config.layers} layers of width ${config.width}, context ${config.context}`,
      training: `${settings.steps} steps of ${settings.batch} sequences, learning rate ${settings.lr}, seed ${settings.seed}`,
      loss: `${losses[0]?.toFixed(4)} at first, ${losses.at(-1)?.toFixed(4)} at last, ${validations.at(-1)?.loss.toFixed(4)} on the validation part`,
      speed:
        speed > 0 ? `${speed.toLocaleString("en")} tokens per second` : "nothing was left to train",
    },
    sample: written,
  });
  console.log(`model.safetensors, checkpoint.safetensors and report.html are in ${options.out}`);
};

const main = async (args: readonly string[]): Promise<void> => {
  const options = readOptions(args);
  if (options.help) {
    console.log(help);
    return;
  }
  const { run, text, corpus } = prepare(options);
  prepareFolder(options.out);
  const { settings, progress } = run;
  const { losses, model } = progress;
  const before = losses.length;
  console.log(
    `${text.name}: ${text.content.length.toLocaleString("en")} characters, ${model.config.vocabulary} different; ` +
      `${model.count().toLocaleString("en")} parameters`,
  );
  const seconds = await trainWithDisplay(options, run, corpus);
  const tokens = (losses.length - before) * settings.batch * settings.context;
  const speed = Math.round(tokens / seconds);
  if (losses.length === settings.steps) await finish(options, run, text, speed);
  else
    console.log(
      `stopped after step ${losses.length} of ${settings.steps}; go on with: npm start -- --resume --out ${options.out}`,
    );
  if (options.json)
    console.log(
      JSON.stringify({
        firstLoss: losses[0] ?? null,
        lastLoss: losses.at(-1) ?? null,
        steps: losses.length,
        tokensPerSecond: speed,
        peakLiveBytes: mx.getPeakMemory(),
      }),
    );
};

try {
  await main(process.argv.slice(2));
} catch (error) {
  // Running out of memory comes from the sizes that were asked for.
  if (!(error instanceof InputError || error instanceof mx.DeviceError)) throw error;
  console.error(`chargpt: ${error.message}`);
  process.exitCode = 2;
}

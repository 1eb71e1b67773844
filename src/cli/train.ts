/** `cotangent train`: a small language model from a text. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as mx from "../index.js";
import * as models from "../models/index.js";
import * as nn from "../nn/index.js";
import * as optim from "../optimizers/index.js";
import * as train from "../train/index.js";
import type { Reader } from "./arguments.js";
import { UsageError } from "./failure.js";

export const help: string = `Usage: cotangent train --text FILE [options]

Trains a small Llama-style model, and a tokenizer, on a text. The folder it leaves is one for cotangent generate,
for mlx-lm and for Hugging Face's transformers; it also has checkpoints, losses.csv and report.html.

  --out FOLDER     where to (run)
  --steps N        updates of the parameters (600)
  --batch N        sequences per step (16)
  --context N      tokens per sequence (128)
  --vocabulary N   tokens of the tokenizer (1024)
  --width N        width of the model, a multiple of 16 (96)
  --layers N       blocks (4)
  --lr X           highest learning rate (0.003)
  --seed N         decides weights and order (0)
  --dtype NAME     in which losses are computed: float32 or bfloat16 (float32)
  --resume         goes on from the newest checkpoint
  --json           prints one last line of JSON

Ctrl-C stops after the current step and keeps a checkpoint for --resume.`;

export const options = {
  text: { type: "string" },
  out: { type: "string" },
  steps: { type: "string" },
  batch: { type: "string" },
  context: { type: "string" },
  vocabulary: { type: "string" },
  width: { type: "string" },
  layers: { type: "string" },
  lr: { type: "string" },
  seed: { type: "string" },
  dtype: { type: "string" },
  resume: { type: "boolean" },
} as const;

const readText = (path: string | undefined): string => {
  if (path === undefined) throw new UsageError("expects --text FILE, got none");
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${error instanceof Error ? error.message : error}`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(`${path} is not UTF-8`);
  }
};

/** Rows of context + 1 tokens. */
const windows = (tokens: readonly number[], context: number): mx.NDArray => {
  const count = Math.floor((tokens.length - 1) / context);
  const flat = new Int32Array(count * (context + 1));
  for (let i = 0; i < count; i++)
    flat.set(tokens.slice(i * context, (i + 1) * context + 1), i * (context + 1));
  return mx.array(flat).reshape([count, context + 1]);
};

const loss = (model: models.Llama, batch: mx.NDArray): mx.NDArray => {
  const last = (batch.shape[1] ?? 1) - 1;
  const logits = model.forward(batch.get("...", mx.slice(0, last)));
  return nn.losses.crossEntropy(logits, batch.get("...", mx.slice(1, last + 1)), {
    reduction: "mean",
  });
};

/** Rises for a twentieth of the steps, then falls to a tenth along half a cosine. */
const rate = (lr: number, steps: number): optim.Schedule => {
  const warm = Math.max(1, Math.floor(steps / 20));
  return optim.joinSchedules(
    [
      optim.linearSchedule(lr / (warm + 1), lr, warm),
      optim.cosineDecay(lr, Math.max(1, steps - warm), lr / 10),
    ],
    [warm],
  );
};

export const run = async (reader: Reader): Promise<void> => {
  const text = readText(reader.text("text"));
  const out = reader.text("out") ?? "run";
  const steps = reader.count("steps", 600);
  const batch = reader.count("batch", 16);
  const context = reader.count("context", 128, 2);
  const vocabulary = reader.count("vocabulary", 1024, 258, 65_536);
  const width = reader.count("width", 96, 16, 8192);
  const layers = reader.count("layers", 4, 1, 200);
  const lr = reader.number("lr", 3e-3, 1e-9, 1);
  const seed = reader.count("seed", 0, 0);
  const dtype = reader.text("dtype") ?? "float32";
  if (dtype !== "float32" && dtype !== "bfloat16")
    throw new UsageError(`--dtype expects float32 or bfloat16, got "${dtype}"`);
  if (width % 16 !== 0) throw new UsageError(`--width expects a multiple of 16, got ${width}`);

  const tokenizerJson = models.trainTokenizer(text.slice(0, 2_000_000), vocabulary);
  const tokenizer = await models.makeTokenizer(tokenizerJson);
  const tokens = tokenizer.encode(text);
  const rows = windows(tokens, context);
  const count = rows.shape[0] ?? 0;
  const held = Math.max(1, Math.floor(count / 10));
  if (count - held < batch)
    throw new UsageError(
      `the text has ${tokens.length} tokens, too few for ${batch} sequences of ${context} and a tenth to validate on: pass a longer one, or lower --batch or --context`,
    );
  const config = {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    vocab_size: vocabulary,
    hidden_size: width,
    intermediate_size: Math.ceil((width * 8) / 3 / 32) * 32,
    num_hidden_layers: layers,
    num_attention_heads: Math.max(1, width / 16 / (width % 32 === 0 ? 2 : 1)),
    max_position_embeddings: context,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    tie_word_embeddings: true,
    bos_token_id: 0,
    eos_token_id: 1,
  };
  mx.random.seed(seed);
  const model = new models.Llama(models.readConfig(config));
  // Tied output layers want small embeddings.
  model.update({
    model: {
      embedTokens: { weight: mx.random.normal({ shape: [vocabulary, width], scale: 0.02 }) },
    },
  });
  mkdirSync(out, { recursive: true });
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  const data = train.dataset(rows.get(mx.slice(0, count - held)), batch, {
    shuffle: seed,
    dropLast: true,
  });
  const optimizer = new optim.AdamW(rate(lr, steps), {
    betas: [0.9, 0.95],
    weightDecay: 0.1,
    biasCorrection: true,
  });
  const parameters = mx
    .treeFlatten(model.parameters())
    .reduce((n, [, a]) => n + (a instanceof mx.NDArray ? a.size : 0), 0);
  console.log(
    `${tokens.length.toLocaleString("en")} tokens from ${text.length.toLocaleString("en")} characters; ${parameters.toLocaleString("en")} parameters`,
  );
  const done = await train.fit(model, loss, optimizer, data, {
    steps,
    clip: 1,
    dtype: dtype === "bfloat16" ? mx.bfloat16 : null,
    validation: train.dataset(rows.get(mx.slice(count - held, count)), batch),
    validateEvery: Math.max(1, Math.ceil(steps / 5)),
    signal: stop.signal,
    callbacks: [
      train.checkpoints(join(out, "checkpoints"), {
        every: 100,
        keep: 2,
        resume: reader.flag("resume"),
      }),
      train.csvLog(join(out, "losses.csv")),
      train.tensorBoard(join(out, "events")),
      train.progressBar(),
      train.htmlReport(join(out, "report.html"), { title: "A small language model" }),
    ],
  });
  process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  models.saveModel(out, model, config);
  const special = {
    tokenizer_class: "PreTrainedTokenizerFast",
    bos_token: "<s>",
    eos_token: "</s>",
  };
  writeFileSync(join(out, "tokenizer.json"), JSON.stringify(tokenizerJson));
  writeFileSync(join(out, "tokenizer_config.json"), JSON.stringify(special));
  if (!reader.flag("json")) {
    console.log(`${out} has the model: cotangent generate --model ${out} PROMPT`);
    return;
  }
  console.log(
    JSON.stringify({
      steps: done.step,
      firstLoss: done.losses[0]?.loss ?? null,
      lastLoss: done.losses.at(-1)?.loss ?? null,
      validationLoss: done.validations.at(-1)?.loss ?? null,
      stopped: done.stopped,
      out,
    }),
  );
};

/** `cotangent generate`: text from a model in a folder. */
import * as models from "../models/index.js";
import type { Reader } from "./arguments.js";
import { UsageError } from "./failure.js";

export const help: string = `Usage: cotangent generate --model FOLDER [options] [PROMPT…]

Writes what follows the prompt, as it comes. The folder has config.json, weights in safetensors and tokenizer.json,
as Hugging Face's and MLX's Llama-style models.

  --max-tokens N          the most tokens to write (256)
  --temperature X         0 takes the likeliest token (0.7)
  --top-k N               only the N likeliest tokens; 0: all (0)
  --top-p X               the likeliest tokens of this probability together (1)
  --min-p X               only tokens of this share of the likeliest one's probability (0)
  --repetition-penalty X  above 1 avoids the last tokens (1)
  --seed N                decides the draws (0)
  --json                  prints one line of JSON at the end, and no text before`;

export const options = {
  model: { type: "string" },
  "max-tokens": { type: "string" },
  temperature: { type: "string" },
  "top-k": { type: "string" },
  "top-p": { type: "string" },
  "min-p": { type: "string" },
  "repetition-penalty": { type: "string" },
  seed: { type: "string" },
} as const;

export const run = async (reader: Reader): Promise<void> => {
  const folder = reader.text("model");
  if (folder === undefined) throw new UsageError("expects --model FOLDER, got none");
  const settings = {
    maxTokens: reader.count("max-tokens", 256),
    temperature: reader.number("temperature", 0.7, 0, 100),
    topK: reader.count("top-k", 0, 0),
    topP: reader.number("top-p", 1, 1e-6, 1),
    minP: reader.number("min-p", 0, 0, 1),
    repetitionPenalty: reader.number("repetition-penalty", 1, 0.01, 100),
    key: reader.count("seed", 0, 0),
  };
  const json = reader.flag("json");
  const prompt = reader.positionals.join(" ");
  const model = models.loadModel(folder);
  const tokenizer = await models.loadTokenizer(folder);
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  if (!json) process.stdout.write(prompt);
  const begin = performance.now();
  let [text, tokens, first] = ["", 0, 0];
  const source = models.generate(model, tokenizer, prompt, { ...settings, signal: stop.signal });
  for await (const piece of source) {
    text += piece.text;
    if (piece.token >= 0) tokens++;
    if (tokens === 1 && first === 0) first = performance.now();
    if (!json) process.stdout.write(piece.text);
  }
  // The first token includes reading the prompt and making the kernels.
  const seconds = (performance.now() - first) / 1000;
  const speed = tokens > 1 ? Math.round(((tokens - 1) / seconds) * 10) / 10 : null;
  if (json) {
    const firstTokenSeconds = first === 0 ? null : (first - begin) / 1000;
    console.log(
      JSON.stringify({ prompt, text, tokens, tokensPerSecond: speed, firstTokenSeconds }),
    );
  } else process.stdout.write("\n");
};

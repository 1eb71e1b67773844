/**
 * Text from a Llama-style model: `node build/examples/llama/generate.js FOLDER PROMPT…`, with a folder as Hugging Face or MLX
 * lays it out; without one, from a tiny random model that is made first.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as models from "cotangent/models";
import { readText } from "../chargpt/corpus.js";
import { writeTiny } from "./tiny.js";

const [given, ...words] = process.argv.slice(2);
const folder = given ?? mkdtempSync(join(tmpdir(), "tiny-llama-"));
if (given === undefined) writeTiny(folder, { text: readText(null).content.slice(0, 40_000) });

const model = models.loadModel(folder);
const tokenizer = await models.loadTokenizer(folder);
const prompt = words.length > 0 ? words.join(" ") : "interface Array<T> {";
process.stdout.write(prompt);
const options = { maxTokens: 60, temperature: 0.7, topP: 0.95, minP: 0.02, repetitionPenalty: 1.1 };
for await (const { text } of models.generate(model, tokenizer, prompt, options))
  process.stdout.write(text);
process.stdout.write("\n");

/** Decoders from folders as Hugging Face and MLX lay them out: `config.json` and weights in one file or several. */
import type { DType } from "../core/dtype.js";
import { ArgumentError, FormatError } from "../core/errors.js";
import { isPlainObject } from "../core/guards.js";
import { readOptions } from "../core/options.js";
import { isNDArray, type NDArray } from "../graph/array.js";
import { writeAtomically } from "../io/files.js";
import { fileExists, makeFolder, readTextFile } from "../io/folder.js";
import { load } from "../io/load.js";
import { quantize } from "../nn/module/quantize.js";
import { fileName } from "../nn/module/weights.js";
import { readConfig } from "./llama/config.js";
import { Llama } from "./llama/model.js";

export interface LoadModelOptions {
  /** Casts weights of floating dtypes; as they are in the files by default. */
  readonly dtype?: DType | null;
}

type Weights = Readonly<Record<string, NDArray>>;

const op = "loadModel";

const jsonOf = (file: string): unknown => {
  try {
    return JSON.parse(readTextFile(op, file));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new FormatError(`[${op}] expected JSON in ${file}, got: ${error.message}`);
  }
};

/** The files with the weights: one, or those that the index names. */
const filesOf = (folder: string): string[] => {
  const index = `${folder}/model.safetensors.index.json`;
  if (!fileExists(op, index)) return [`${folder}/model.safetensors`];
  const raw = jsonOf(index);
  const map: unknown = isPlainObject(raw) ? raw.weight_map : null;
  if (!isPlainObject(map))
    throw new FormatError(`[${op}] expected a weight_map in ${index}, got none`);
  const names = [...new Set(Object.values(map))].map((name) => {
    // A name leads to a file of this folder, nowhere else.
    if (typeof name === "string" && /^[\w.-]+$/.test(name) && !name.startsWith(".")) return name;
    throw new FormatError(`[${op}] expected file names in ${index}, got ${String(name)}`);
  });
  const missing = names.filter((name) => !fileExists(op, `${folder}/${name}`));
  if (missing.length > 0)
    throw new ArgumentError(
      `[${op}] expected ${names.length} files of weights in ${folder}, got ${names.length - missing.length}: ${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} missing, download again`,
    );
  return names.map((name) => `${folder}/${name}`);
};

const weightsIn = (folder: string): Weights => {
  const all: Record<string, NDArray> = {};
  for (const file of filesOf(folder)) {
    for (const [name, a] of Object.entries(load(file, { format: "safetensors" })))
      if (isNDArray(a)) all[name] = a;
  }
  return all;
};

/**
 * A decoder from its configuration and its weights by name, quantized where the weights are.
 *
 * @param config the content of `config.json`
 * @throws FormatError for a configuration that is none, ArgumentError or ShapeError for weights that do not fit
 */
export const makeModel = (config: unknown, weights: Weights, options?: LoadModelOptions): Llama => {
  const { dtype = null } = readOptions<LoadModelOptions>(op, options, ["dtype"]);
  const read = readConfig(config);
  const model = new Llama(read);
  if (read.quantization !== null) {
    quantize(model, {
      ...read.quantization,
      classPredicate: (path) => `${fileName(path)}.scales` in weights,
    });
  }
  // Some files carry what follows from the configuration.
  const unused = (name: string): boolean =>
    name.endsWith("rotary_emb.inv_freq") || (read.tied && name.startsWith("lm_head."));
  model.loadWeights(Object.entries(weights).filter(([name]) => !unused(name)));
  if (dtype !== null) model.setDtype(dtype);
  return model.eval();
};

/**
 * A decoder from a folder.
 *
 * @throws ArgumentError for missing files, FormatError for damaged ones; each names the file
 * @example
 * const json = {
 *   model_type: "llama", vocab_size: 32, hidden_size: 16, intermediate_size: 32,
 *   num_hidden_layers: 1, num_attention_heads: 2,
 * };
 * models.saveModel("tiny", new models.Llama(models.readConfig(json)), json);
 * models.loadModel("tiny").config.layers; // 1
 */
export const loadModel = (folder: string, options?: LoadModelOptions): Llama =>
  makeModel(jsonOf(`${folder}/config.json`), weightsIn(folder), options);

/**
 * Writes a decoder as {@link loadModel} reads it.
 *
 * @param config the content of `config.json`, quantization included when the model is quantized
 */
export const saveModel = (folder: string, model: Llama, config: object): void => {
  readConfig(config);
  makeFolder("saveModel", folder);
  model.saveWeights(`${folder}/model.safetensors`, { metadata: { format: "mlx" } });
  const text = new TextEncoder().encode(`${JSON.stringify(config, null, 2)}\n`);
  writeAtomically("saveModel", `${folder}/config.json`, [text]);
};

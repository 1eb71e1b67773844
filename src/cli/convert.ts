/** `cotangent convert FROM TO`: arrays from one format to another, cast or quantized on the way. */
import { copyFileSync, existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import * as mx from "../index.js";
import * as models from "../models/index.js";
import * as nn from "../nn/index.js";
import type { QuantizationMode } from "../quantized/format.js";
import type { Reader } from "./arguments.js";
import { formatOf, readArrays, writeArrays } from "./arrays.js";
import { UsageError } from "./failure.js";
import { sizeText } from "./table.js";

export const help: string = `Usage: cotangent convert FROM TO [options]

Writes the arrays of FROM, a .safetensors, .gguf, .npz or .npy file, into TO, in the format that its name tells.
When FROM is the folder of a model, TO is one as well.

  --dtype NAME        casts floating arrays: float32, float16 or bfloat16
  --bits N            quantizes matrices to this many bits: 2, 3, 4, 5, 6 or 8
  --group-size N      numbers that share a scale: 32, 64 or 128 (64)
  --mode NAME         affine, mxfp4, mxfp8 or nvfp4 (affine)
  --json              prints one line of JSON`;

export const options = {
  dtype: { type: "string" },
  bits: { type: "string" },
  "group-size": { type: "string" },
  mode: { type: "string" },
} as const;

interface How {
  readonly dtype: mx.DType | null;
  readonly format: {
    readonly mode: QuantizationMode;
    readonly bits: number;
    readonly groupSize: number;
  } | null;
}

const MODES = ["affine", "mxfp4", "mxfp8", "nvfp4"] as const;
const DTYPES = [mx.float32, mx.float16, mx.bfloat16];

const readHow = (reader: Reader): How => {
  const name = reader.text("dtype");
  const dtype = DTYPES.find((d) => d.name === name) ?? null;
  if (name !== undefined && dtype === null)
    throw new UsageError(`--dtype expects ${DTYPES.map((d) => d.name).join(", ")}, got "${name}"`);
  const given = reader.text("mode");
  const mode = MODES.find((m) => m === (given ?? "affine"));
  if (mode === undefined)
    throw new UsageError(`--mode expects ${MODES.join(", ")}, got "${given}"`);
  if (reader.text("bits") === undefined && given === undefined) {
    if (reader.text("group-size") !== undefined)
      throw new UsageError("--group-size expects --bits or --mode beside it");
    return { dtype, format: null };
  }
  const own = { affine: [64, 4], mxfp4: [32, 4], mxfp8: [32, 8], nvfp4: [16, 4] } as const;
  const [groupSize, bits] = own[mode];
  return {
    dtype,
    format: {
      mode,
      bits: reader.count("bits", bits, 1, 8),
      groupSize: reader.count("group-size", groupSize, 16, 128),
    },
  };
};

const isFloat = (a: mx.NDArray): boolean => mx.issubdtype(a.dtype, mx.floating);

/** The arrays with floats cast and matrices named `weight` quantized, as MLX's models have them. */
const converted = (
  arrays: Readonly<Record<string, mx.NDArray>>,
  { dtype, format }: How,
): Record<string, mx.NDArray> => {
  const out: Record<string, mx.NDArray> = {};
  for (const [name, a] of Object.entries(arrays)) {
    const cast = dtype !== null && isFloat(a) ? a.astype(dtype) : a;
    const fits = format !== null && a.ndim === 2 && isFloat(a) && name.endsWith("weight");
    if (!fits || (a.shape[1] ?? 0) % format.groupSize !== 0) {
      out[name] = cast;
      continue;
    }
    const parts: readonly mx.NDArray[] = mx.quantize(cast, format);
    const [words, scales, biases] = parts;
    if (words === undefined || scales === undefined) throw new RangeError("words and scales");
    const base = name.slice(0, -"weight".length);
    out[name] = words;
    out[`${base}scales`] = scales;
    if (biases !== undefined) out[`${base}biases`] = biases;
  }
  return out;
};

/** A model's folder: weights under its configuration, and the files of its tokenizer. */
const convertModel = (from: string, to: string, { dtype, format }: How): void => {
  const model = models.loadModel(from, { dtype });
  const config: unknown = JSON.parse(readFileSync(join(from, "config.json"), "utf8"));
  if (typeof config !== "object" || config === null)
    throw new UsageError("config.json is no object");
  if (format !== null && model.config.quantization !== null)
    throw new UsageError(`${from} is quantized already: convert the weights it was made from`);
  if (format !== null) nn.quantize(model, format);
  const quantization =
    format === null
      ? {}
      : { quantization: { group_size: format.groupSize, bits: format.bits, mode: format.mode } };
  models.saveModel(to, model, { ...config, ...quantization });
  for (const name of ["tokenizer.json", "tokenizer_config.json", "generation_config.json"])
    if (existsSync(join(from, name))) copyFileSync(join(from, name), join(to, name));
};

export const run = (reader: Reader): void => {
  const [from, to, ...more] = reader.positionals;
  if (from === undefined || to === undefined || more.length > 0)
    throw new UsageError(`expects FROM and TO, got ${reader.positionals.length} names`);
  const how = readHow(reader);
  if (!existsSync(from)) throw new UsageError(`there is no ${from}`);
  const isFolder = statSync(from).isDirectory();
  const result = isFolder ? join(to, "model.safetensors") : to;
  if (isFolder) convertModel(from, to, how);
  else {
    formatOf(to);
    const { arrays, metadata } = readArrays(from);
    writeArrays(to, { arrays: converted(arrays, how), metadata });
  }
  const { size } = statSync(result);
  if (reader.flag("json")) console.log(JSON.stringify({ from, to, bytes: size }));
  else console.log(`${result}: ${sizeText(size)}`);
};

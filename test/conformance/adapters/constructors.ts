/** Constructors of modules and optimizers: required parameters by position, the rest in one trailing object. */
import { camel } from "../library.js";

const CHANNELS = ["in_channels", "out_channels", "kernel_size"] as const;
const RECURRENT = ["input_size", "hidden_size"] as const;
const STACK = ["num_layers", "dims", "num_heads"] as const;

/** Required parameters by class; the others have none. */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  Linear: ["input_dims", "output_dims"],
  Bilinear: ["input1_dims", "input2_dims", "output_dims"],
  Embedding: ["num_embeddings", "dims"],
  QuantizedLinear: ["input_dims", "output_dims"],
  QuantizedEmbedding: ["num_embeddings", "dims"],
  LayerNorm: ["dims"],
  RMSNorm: ["dims"],
  InstanceNorm: ["dims"],
  GroupNorm: ["num_groups", "dims"],
  BatchNorm: ["num_features"],
  Conv1d: CHANNELS,
  Conv2d: CHANNELS,
  Conv3d: CHANNELS,
  ConvTranspose1d: CHANNELS,
  ConvTranspose2d: CHANNELS,
  ConvTranspose3d: CHANNELS,
  MaxPool1d: ["kernel_size"],
  MaxPool2d: ["kernel_size"],
  MaxPool3d: ["kernel_size"],
  AvgPool1d: ["kernel_size"],
  AvgPool2d: ["kernel_size"],
  AvgPool3d: ["kernel_size"],
  Upsample: ["scale_factor"],
  RNN: RECURRENT,
  GRU: RECURRENT,
  LSTM: RECURRENT,
  RoPE: ["dims"],
  SinusoidalPositionalEncoding: ["dims"],
  MultiHeadAttention: ["dims", "num_heads"],
  TransformerEncoderLayer: ["dims", "num_heads"],
  TransformerDecoderLayer: ["dims", "num_heads"],
  TransformerEncoder: STACK,
  TransformerDecoder: STACK,
  constant: ["value"],
  sparse: ["sparsity"],
};

/** Optimizers take the learning rate by position. */
const OPTIMIZER = ["learning_rate"];

/** Arguments of `new name(…)` from MLX's keywords; `name` may be dotted. */
export function constructorArguments(
  name: string,
  kwargs: ReadonlyMap<string, unknown>,
): readonly unknown[] {
  const own = name.slice(name.lastIndexOf(".") + 1);
  const required = name.startsWith("optimizers.") ? OPTIMIZER : (REQUIRED[own] ?? []);
  const positional = required
    .filter((field) => kwargs.has(field))
    .map((field) => kwargs.get(field));
  const named = [...kwargs].filter(([field]) => !required.includes(field));
  if (named.length === 0) return positional;
  return [...positional, Object.fromEntries(named.map(([key, value]) => [camel(key), value]))];
}

/** Neural networks: modules, layers, activations, losses. */
import "../ops/methods.js";

export {
  type AlphaOptions,
  celu,
  elu,
  gelu,
  geluApprox,
  geluFastApprox,
  glu,
  type HardTanhOptions,
  hardShrink,
  hardswish,
  hardTanh,
  type LambdOptions,
  leakyRelu,
  logSigmoid,
  logSoftmax,
  mish,
  type NegativeSlopeOptions,
  prelu,
  relu,
  relu2,
  relu6,
  type SoftmaxAxisOptions,
  type StepOptions,
  selu,
  sigmoid,
  silu,
  softmax,
  softmin,
  softplus,
  softshrink,
  softsign,
  step,
  tanh,
} from "./activations.js";
export * as init from "./init.js";
export {
  Hardswish,
  HardTanh,
  LogSigmoid,
  LogSoftmax,
  Mish,
  ReLU,
  ReLU2,
  ReLU6,
  SELU,
  Sigmoid,
  SiLU,
  Softmax,
  Softmin,
  Softplus,
  Softsign,
  Tanh,
} from "./layers/activations.js";
export {
  CELU,
  ELU,
  GELU,
  type GeluApproximation,
  type GeluOptions,
  GLU,
  HardShrink,
  LeakyReLU,
  PReLU,
  type PReluOptions,
  Softshrink,
  Step,
} from "./layers/activations-with-options.js";
export {
  type AttentionCallOptions,
  type AttentionMask,
  MultiHeadAttention,
  type MultiHeadAttentionOptions,
} from "./layers/attention.js";
export { BatchNorm, type BatchNormOptions } from "./layers/batch-norm.js";
export { Conv1d, Conv2d, Conv3d, type ConvLayerOptions } from "./layers/convolution.js";
export {
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  type ConvTransposeLayerOptions,
} from "./layers/convolution-transpose.js";
export {
  Dropout,
  Dropout2d,
  Dropout3d,
  type DropoutCallOptions,
  type DropoutOptions,
} from "./layers/dropout.js";
export { Embedding } from "./layers/embedding.js";
export { type BiasOptions, Bilinear, Identity, Linear } from "./layers/linear.js";
export {
  type EpsOptions,
  GroupNorm,
  type GroupNormOptions,
  InstanceNorm,
  type InstanceNormOptions,
  LayerNorm,
  type LayerNormOptions,
  RMSNorm,
} from "./layers/normalization.js";
export {
  AvgPool1d,
  AvgPool2d,
  AvgPool3d,
  MaxPool1d,
  MaxPool2d,
  MaxPool3d,
  type PoolOptions,
} from "./layers/pooling.js";
export {
  ALiBi,
  type AlibiCallOptions,
  type AlibiMatrixOptions,
  RoPE,
  type RoPECallOptions,
  type RoPELayerOptions,
  type SinusoidalOptions,
  SinusoidalPositionalEncoding,
} from "./layers/positional.js";
export { QQLinear } from "./layers/qq-linear.js";
export { QuantizedEmbedding, QuantizedLinear } from "./layers/quantized.js";
export type { QuantizableOptions, QuantizedOptions } from "./layers/quantized-format.js";
export {
  GRU,
  LSTM,
  type LSTMCallOptions,
  type RecurrentCallOptions,
  RNN,
  type RNNOptions,
} from "./layers/recurrent.js";
export { Sequential, type UnaryLayer, type UnaryModule } from "./layers/sequential.js";
export {
  type DecoderModule,
  type EncoderModule,
  Transformer,
  TransformerDecoder,
  TransformerEncoder,
  type TransformerOptions,
  type TransformerStackOptions,
} from "./layers/transformer.js";
export {
  TransformerDecoderLayer,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
} from "./layers/transformer-layers.js";
export { Upsample, type UpsampleMode, type UpsampleOptions } from "./layers/upsample.js";
export * as losses from "./losses/index.js";
export { Module, type ModuleFilter, type ParametersOf } from "./module/module.js";
export type {
  FreezeOptions,
  LoadWeightsOptions,
  SaveWeightsOptions,
  StrictOptions,
} from "./module/options.js";
export { type LayerQuantization, type QuantizeModelOptions, quantize } from "./module/quantize.js";
export { valueAndGrad } from "./module/value-and-grad.js";
export type { Weights } from "./module/weights.js";
export * as utils from "./utils.js";

/** The functions of `mx.fast`. */
export { type AttentionOptions, scaledDotProductAttention } from "./attention.js";
export { layerNorm, rmsNorm } from "./norms.js";
export { type RopeOptions, rope } from "./rope.js";

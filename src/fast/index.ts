/** Operations of neural networks that have kernels of their own in MLX. */
export { type AttentionOptions, scaledDotProductAttention } from "./attention.js";
export { layerNorm, rmsNorm } from "./norms.js";
export { type RopeOptions, rope } from "./rope.js";

/** Operations of neural networks that have kernels of their own in MLX. */
export { layerNorm, rmsNorm } from "./norms.js";

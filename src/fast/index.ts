/** Operations of neural networks that have kernels of their own in MLX. */

export type {
  KernelBuilder,
  KernelIndex,
  KernelLoadOptions,
  KernelOp,
  KernelValue,
} from "../runtime/wasm-kernel/builder.js";
export {
  type KernelCall,
  type KernelTemplate,
  type WasmKernel,
  type WasmKernelOptions,
  wasmKernel,
} from "../runtime/wasm-kernel/index.js";
export type { KernelPosition } from "../runtime/wasm-kernel/position.js";
export { type AttentionOptions, scaledDotProductAttention } from "./attention.js";
export { layerNorm, rmsNorm } from "./norms.js";
export { type RopeOptions, rope } from "./rope.js";

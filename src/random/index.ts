/** Random numbers: MLX's streams, from explicit keys or a global sequence. */
export {
  type CategoricalOptions,
  categorical,
  gumbel,
  type LaplaceOptions,
  laplace,
  type NormalOptions,
  normal,
  type PermutationOptions,
  permutation,
  type TruncatedNormalOptions,
  truncatedNormal,
} from "./distributions.js";
export { type MultivariateNormalOptions, multivariateNormal } from "./multivariate.js";
export { key, type SplitOptions, seed, split, state } from "./state.js";
export {
  type BernoulliOptions,
  bernoulli,
  type RandintOptions,
  randint,
  type SampleOptions,
  type UniformOptions,
  uniform,
} from "./uniform.js";

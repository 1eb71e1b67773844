/** Losses: from predictions and targets to one value per item, their mean or their sum. */
export {
  type AxisLossOptions,
  type BinaryCrossEntropyOptions,
  binaryCrossEntropy,
  type CrossEntropyOptions,
  crossEntropy,
  hingeLoss,
  klDivLoss,
  type MarginRankingOptions,
  marginRankingLoss,
  nllLoss,
} from "./classification.js";
export {
  type CosineSimilarityOptions,
  cosineSimilarityLoss,
  type GaussianNllOptions,
  gaussianNllLoss,
  type HuberOptions,
  huberLoss,
  l1Loss,
  logCoshLoss,
  mseLoss,
  type SmoothL1Options,
  smoothL1Loss,
  type TripletOptions,
  tripletLoss,
} from "./distance.js";
export type { LossOptions, Reduction } from "./reduction.js";

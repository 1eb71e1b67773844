/** The registry: every primitive there is, and the builders that apply them to nodes. */
import type { AnyPrimitive } from "../graph/primitive.js";
import {
  absP,
  addP,
  ceilP,
  divideP,
  floorP,
  maximumP,
  minimumP,
  multiplyP,
  negativeP,
  remainderP,
  roundP,
  signP,
  subtractP,
  truncP,
} from "./arithmetic.js";
import { attentionGradientP, attentionP } from "./attention.js";
import { bitcastP, regroupP } from "./bitcast.js";
import {
  bitwiseAndP,
  bitwiseInvertP,
  bitwiseOrP,
  bitwiseXorP,
  leftShiftP,
  rightShiftP,
} from "./bits.js";
import { broadcastP, reshapeP, sumP } from "./broadcast-sum.js";
import { callP } from "./call.js";
import { castP, complexP, conjugateP, imagP, realP } from "./cast.js";
import {
  equalP,
  greaterEqualP,
  greaterP,
  lessEqualP,
  lessP,
  notEqualP,
  selectP,
} from "./compare-select.js";
import { compiledP } from "./compiled.js";
import { concatenateP } from "./concatenate.js";
import { constantP, iotaP } from "./constant.js";
import { condP, scanP, whileLoopP } from "./control.js";
import { convolutionP } from "./convolution.js";
import {
  erfinvP,
  erfP,
  expm1P,
  expP,
  log1pP,
  log2P,
  log10P,
  logaddexpP,
  logP,
  powerP,
  rsqrtP,
  sigmoidP,
  sqrtP,
} from "./exp-log.js";
import { allP, anyP, argmaxP, argminP, maxP, minP, prodP } from "./extremum.js";
import { fftP } from "./fft.js";
import {
  gatherP,
  scatterAddP,
  scatterMaxP,
  scatterMinP,
  scatterProdP,
  scatterReplaceP,
  takeAlongP,
} from "./gather-scatter.js";
import { arccoshP, arcsinhP, arctanhP, coshP, sinhP, tanhP } from "./hyperbolic.js";
import { choleskyP, detP, luP, qrP, slogdetP } from "./linalg/factor.js";
import { pseudoInverseP } from "./linalg/pseudo-inverse.js";
import { inverseP, solveP, triangularSolveP } from "./linalg/solve.js";
import { eighP, eigP, eigvalshP, eigvalsP, svdP, svdvalsP } from "./linalg/spectral.js";
import { matmulP } from "./matmul.js";
import { padP, sliceP } from "./pad-slice.js";
import { permuteP } from "./permute.js";
import { quantizedProductP } from "./quantized/product.js";
import { randomBitsP } from "./random-bits.js";
import { cummaxP, cumminP, cumprodP, cumsumP } from "./scan.js";
import { searchSortedP } from "./search-sorted.js";
import { softmaxP } from "./softmax.js";
import { sortP } from "./sort.js";
import { standardizeP } from "./standardize.js";
import { aliasP, dependsP, stopGradientP } from "./stop-gradient.js";
import { arccosP, arcsinP, arctan2P, arctanP, cosP, sinP, tanP } from "./trig.js";
import { windowP } from "./window.js";

export * from "./arithmetic.js";
export * from "./attention.js";
export * from "./bitcast.js";
export * from "./bits.js";
export * from "./broadcast-sum.js";
export * from "./call.js";
export * from "./cast.js";
export * from "./compare-select.js";
export * from "./compiled.js";
export * from "./concatenate.js";
export * from "./constant.js";
export * from "./control.js";
export * from "./convolution.js";
export * from "./exp-log.js";
export * from "./extremum.js";
export * from "./fft.js";
export * from "./gather-scatter.js";
export * from "./hyperbolic.js";
export * from "./linalg/factor.js";
export { adjoint, unitDiagonal } from "./linalg/parts.js";
export * from "./linalg/pseudo-inverse.js";
export * from "./linalg/solve.js";
export * from "./linalg/spectral.js";
export * from "./matmul.js";
export * from "./pad-slice.js";
export * from "./permute.js";
export * from "./quantized/codes.js";
export * from "./quantized/decode.js";
export * from "./quantized/product.js";
export * from "./random-bits.js";
export * from "./scan.js";
export * from "./search-sorted.js";
export * from "./softmax.js";
export * from "./sort.js";
export * from "./standardize.js";
export * from "./stop-gradient.js";
export * from "./trig.js";
export * from "./window.js";

/** All primitives. The laws of the test suite hold for each. */
export const primitives: readonly AnyPrimitive[] = [
  addP,
  subtractP,
  multiplyP,
  divideP,
  negativeP,
  absP,
  signP,
  maximumP,
  minimumP,
  remainderP,
  floorP,
  ceilP,
  truncP,
  roundP,
  bitcastP,
  regroupP,
  bitwiseAndP,
  bitwiseOrP,
  bitwiseXorP,
  bitwiseInvertP,
  leftShiftP,
  rightShiftP,
  broadcastP,
  sumP,
  reshapeP,
  callP,
  compiledP,
  castP,
  realP,
  imagP,
  complexP,
  conjugateP,
  equalP,
  notEqualP,
  lessP,
  lessEqualP,
  greaterP,
  greaterEqualP,
  selectP,
  concatenateP,
  constantP,
  iotaP,
  expP,
  expm1P,
  logP,
  log1pP,
  log2P,
  log10P,
  sqrtP,
  rsqrtP,
  sigmoidP,
  erfP,
  erfinvP,
  powerP,
  logaddexpP,
  maxP,
  minP,
  prodP,
  anyP,
  allP,
  argmaxP,
  argminP,
  gatherP,
  scatterReplaceP,
  scatterAddP,
  scatterProdP,
  scatterMaxP,
  scatterMinP,
  takeAlongP,
  sinhP,
  coshP,
  tanhP,
  arcsinhP,
  arccoshP,
  arctanhP,
  matmulP,
  convolutionP,
  windowP,
  sliceP,
  padP,
  permuteP,
  randomBitsP,
  cumsumP,
  cumprodP,
  cummaxP,
  cumminP,
  searchSortedP,
  softmaxP,
  sortP,
  aliasP,
  standardizeP,
  attentionP,
  attentionGradientP,
  quantizedProductP,
  stopGradientP,
  dependsP,
  sinP,
  cosP,
  tanP,
  arcsinP,
  arccosP,
  arctanP,
  arctan2P,
  choleskyP,
  luP,
  qrP,
  detP,
  slogdetP,
  triangularSolveP,
  solveP,
  inverseP,
  pseudoInverseP,
  eighP,
  eigvalshP,
  eigP,
  eigvalsP,
  svdP,
  svdvalsP,
  fftP,
  scanP,
  whileLoopP,
  condP,
];

/** The public surface of the package: arrays, operations, transforms, random numbers, files. */
import "./ops/methods.js";
import "./runtime/default-engine.js";

export {
  bfloat16,
  bool,
  complex64,
  DType,
  DType as Dtype,
  type DTypeKind,
  type DTypeName,
  float16,
  float32,
  float64,
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
} from "./core/dtype.js";
export {
  complexfloating,
  type DTypeKindName,
  DtypeCategory,
  type DtypeCategoryName,
  type FloatInfo,
  finfo,
  floating,
  generic,
  type IntegerInfo,
  iinfo,
  inexact,
  integer,
  isdtype,
  issubdtype,
  number,
  signedinteger,
  unsignedinteger,
} from "./core/dtype-info.js";
export {
  ArgumentError,
  CotangentError,
  DeviceError,
  DTypeError,
  FormatError,
  IndexError,
  InternalError,
  LinAlgError,
  ShapeError,
  TransformError,
} from "./core/errors.js";
export type { Complex, Scalar } from "./core/guards.js";
export { getPrintoptions, type PrintOptions, printoptions, setPrintoptions } from "./core/print.js";
export { canCast, resultType, type Typed } from "./core/promotion.js";
export type { TypedArrayInput } from "./core/typed.js";
export type { HostArray } from "./core/values.js";
export { exportToDot, type NodeNames, type TextSink } from "./debug/dot.js";
export * as debug from "./debug/index.js";
export type { ExportCallback, ExportedPiece, ExportedValue } from "./export/callback.js";
export {
  type ExportArguments,
  type Exportable,
  type ExporterOptions,
  exporter,
  exportFunction,
  type FunctionExporter,
} from "./export/export-function.js";
export { type ImportFunctionOptions, importFunction } from "./export/import-function.js";
export type { ImportedArguments, ImportedFunction } from "./export/imported.js";
export * as fast from "./fast/index.js";
export * as fft from "./fft/index.js";
export { NDArray, type NestedList } from "./graph/array.js";
export type { Shape } from "./graph/node.js";
export type { MapLeaves, Tree } from "./graph/tree.js";
export type { GgufValue } from "./io/gguf-header.js";
export { saveGguf } from "./io/gguf-writer.js";
export {
  type FileFormat,
  type LoadedFrom,
  type LoadedPair,
  type LoadOptions,
  load,
} from "./io/load.js";
export { save } from "./io/npy.js";
export { savez, savezCompressed } from "./io/npz.js";
export { type SaveSafetensorsOptions, saveSafetensors } from "./io/safetensors.js";
export * as linalg from "./linalg/index.js";
export { norm as matrixNorm } from "./linalg/norm.js";
export {
  add,
  arctan2,
  atan2,
  divide,
  divmod,
  floorDivide,
  logaddexp,
  maximum,
  minimum,
  multiply,
  pow,
  power,
  remainder,
  subtract,
} from "./ops/arithmetic.js";
export {
  type BlockMaskedMmOptions,
  blockMaskedMm,
  type GatherMmOptions,
  gatherMm,
  segmentedMm,
} from "./ops/batched-products.js";
export {
  bitwiseAnd,
  bitwiseInvert,
  bitwiseLeftShift,
  bitwiseOr,
  bitwiseRightShift,
  bitwiseXor,
  leftShift,
  rightShift,
} from "./ops/bitwise.js";
export {
  type ArrayEqualOptions,
  allclose,
  arrayEqual,
  type CloseOptions,
  equal,
  greater,
  greaterEqual,
  isclose,
  isfinite,
  isinf,
  isnan,
  isneginf,
  isposinf,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  logicalXor,
  notEqual,
} from "./ops/compare.js";
export {
  type AsStridedOptions,
  asStrided,
  astype,
  contiguous,
  depends,
  view,
} from "./ops/convert.js";
export {
  type ConvGeneralOptions,
  type ConvOptions,
  type ConvolveOptions,
  type ConvTransposeOptions,
  conv1d,
  conv2d,
  conv3d,
  convGeneral,
  convolve,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
  type PerAxis,
} from "./ops/convolution.js";
export {
  type ArangeOptions,
  arange,
  type DTypeOptions,
  empty,
  emptyLike,
  full,
  fullLike,
  type LinspaceOptions,
  linspace,
  type MeshgridOptions,
  meshgrid,
  ones,
  onesLike,
  zeros,
  zerosLike,
} from "./ops/create.js";
export {
  type ArrayData,
  type ArrayOptions,
  type AsarrayOptions,
  array,
  asarray,
} from "./ops/creation-host.js";
export {
  type DiagonalOptions,
  diag,
  diagonal,
  type EyeOptions,
  eye,
  type IdentityOptions,
  identity,
  type TraceOptions,
  type TriangleOptions,
  trace,
  tri,
  tril,
  triu,
} from "./ops/diagonal.js";
export { einsum, einsumPath } from "./ops/einsum.js";
export { asyncEval, dispose, evaluate as eval, tidy } from "./ops/evaluate.js";
export { type FromFp8Options, fromFp8, toFp8 } from "./ops/fp8.js";
export { type HadamardTransformOptions, hadamardTransform } from "./ops/hadamard.js";
export { type Index, type IndexList, Slice } from "./ops/index-language.js";
export { ArrayAt } from "./ops/indexing.js";
export {
  concat,
  concatenate,
  type FlipOptions,
  flip,
  type JoinOptions,
  type RepeatOptions,
  type RollOptions,
  repeat,
  roll,
  stack,
  tile,
} from "./ops/join.js";
export {
  type AddmmOptions,
  addmm,
  inner,
  kron,
  matmul,
  outer,
  type TensordotOptions,
  tensordot,
  type VecdotOptions,
  vecdot,
} from "./ops/matmul.js";
export type { Operand } from "./ops/operand.js";
export { type PadMode, type PadOptions, type PadWidth, pad } from "./ops/pad.js";
export {
  type ArgOptions,
  type Axes,
  all,
  any,
  argmax,
  argmin,
  countNonzero,
  max,
  min,
  prod,
  type ReduceOptions,
  sum,
} from "./ops/reduce.js";
export {
  cummax,
  cummin,
  cumprod,
  cumsum,
  cumulativeProd,
  cumulativeSum,
  type DiffOptions,
  diff,
  logcumsumexp,
  type ScanOptions,
  type SumScanOptions,
} from "./ops/scan.js";
export { clip, type NanToNumOptions, nanToNum, where } from "./ops/select.js";
export {
  type AxisOptions,
  broadcastArrays,
  broadcastShapes,
  broadcastTo,
  expandDims,
  type FlattenOptions,
  flatten,
  matrixTranspose,
  moveaxis,
  permuteDims,
  reshape,
  squeeze,
  swapaxes,
  type TransposeOptions,
  transpose,
  unflatten,
} from "./ops/shape.js";
export {
  argpartition,
  argsort,
  median,
  partition,
  type SearchsortedOptions,
  type SortOptions,
  searchsorted,
  sort,
  topk,
} from "./ops/sort.js";
export { atleast1d, atleast2d, atleast3d, type SplitOptions, split, unstack } from "./ops/split.js";
export {
  logsumexp,
  mean,
  type SoftmaxOptions,
  softmax,
  std,
  type VarOptions,
  variance as var,
} from "./ops/statistics.js";
export {
  type Indices,
  putAlongAxis,
  slice,
  sliceUpdate,
  type TakeOptions,
  take,
  takeAlongAxis,
} from "./ops/take.js";
export {
  acos,
  acosh,
  arccos,
  arccosh,
  arcsin,
  arcsinh,
  arctan,
  arctanh,
  asin,
  asinh,
  atan,
  atanh,
  cos,
  cosh,
  degrees,
  erf,
  erfinv,
  exp,
  expm1,
  log,
  log1p,
  log2,
  log10,
  radians,
  rsqrt,
  sigmoid,
  sin,
  sinh,
  sqrt,
  tan,
  tanh,
} from "./ops/transcendental.js";
export {
  type LeafOf,
  type TreeFlattenInto,
  type TreeFlattenOptions,
  treeFlatten,
  treeUnflatten,
  type Unflattened,
} from "./ops/tree-paths.js";
export {
  type MappedTree,
  type TreeReduceOptions,
  treeMap,
  treeMapWithPath,
  treeMerge,
  treeReduce,
} from "./ops/tree-utils.js";
export {
  abs,
  ceil,
  conj,
  conjugate,
  floor,
  imag,
  negative,
  positive,
  type RoundOptions,
  real,
  reciprocal,
  round,
  sign,
  square,
  stopGradient,
  trunc,
} from "./ops/unary.js";
export { bartlett, blackman, hamming, hanning } from "./ops/windows.js";
export type { QuantizationMode } from "./quantized/format.js";
export {
  type GatherQmmOptions,
  gatherQmm,
  type QuantizedMatmulOptions,
  quantizedMatmul,
} from "./quantized/products.js";
export {
  type GatherQqmmOptions,
  gatherQqmm,
  type QqmmOptions,
  qqmm,
} from "./quantized/qqmm.js";
export {
  type DequantizeOptions,
  dequantize,
  type QuantizeOptions,
  quantize,
} from "./quantized/quantize.js";
export * as random from "./random/index.js";
export { setBlas } from "./runtime/blas.js";
export { type ConfigureOptions, configure } from "./runtime/configure.js";
export { type DeviceInfo, deviceInfo } from "./runtime/device-info.js";
export * as cuda from "./runtime/gpu-backends.js";
export * as metal from "./runtime/gpu-backends.js";
export {
  clearCache,
  getActiveMemory,
  getCacheMemory,
  getPeakMemory,
  resetPeakMemory,
  setCacheLimit,
  setMemoryLimit,
  setWiredLimit,
} from "./runtime/memory.js";
export {
  clearStreams,
  cpu,
  Device,
  DeviceType,
  defaultDevice,
  defaultStream,
  deviceCount,
  gpu,
  isAvailable,
  newStream,
  newThreadLocalStream,
  newThreadUnsafeStream,
  Stream,
  StreamContext,
  setDefaultDevice,
  setDefaultStream,
  stream,
  synchronize,
  ThreadLocalStream,
} from "./runtime/streams.js";
export { setThreads } from "./runtime/threads.js";
export { type CheckGradsOptions, checkGrads, type GradMode } from "./transforms/check-grads.js";
export { checkpoint } from "./transforms/checkpoint.js";
export {
  type CompileOptions,
  compile,
  disableCompile,
  enableCompile,
} from "./transforms/compile.js";
export { cond } from "./transforms/control/cond.js";
export { type LoopOptions, map, scan } from "./transforms/control/scan.js";
export { whileLoop } from "./transforms/control/while.js";
export {
  type AxesOf,
  type CustomFunction,
  type CustomJvp,
  type CustomRules,
  type CustomVjp,
  type CustomVmap,
  customFunction,
  type Partially,
  type Primals,
} from "./transforms/custom.js";
export {
  type Gradient,
  type Gradients,
  type GradOptions,
  grad,
  type NamedGradOptions,
  type ValueAndAux,
  valueAndGrad,
} from "./transforms/grad.js";
export { hessian, hvp, jacfwd, jacrev } from "./transforms/jacobian.js";
export { jvp } from "./transforms/jvp.js";
export { linearize, vjpFunction } from "./transforms/linear.js";
export { vjp } from "./transforms/vjp.js";
export { type Axes as VmapAxes, type VmapOptions, vmap } from "./transforms/vmap.js";

/** Infinity, as MLX names it. */
export const inf: number = Number.POSITIVE_INFINITY;
/** Not a number, as MLX names it. */
export const nan: number = Number.NaN;
/** The ratio of a circle's circumference to its diameter. */
export const pi: number = Math.PI;
/** The base of natural logarithms. */
export const e: number = Math.E;
/** The limit of the harmonic sums less their logarithm. */
export const eulerGamma: number = 0.5772156649015329;
/** A new axis in an index. */
export const newaxis: null = null;

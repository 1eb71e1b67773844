/** One call that works for every public function: what the bad-input test spoils, argument by argument. */
import * as mx from "../../src/index.js";
import * as nn from "../../src/nn/index.js";
import * as optimizers from "../../src/optimizers/index.js";

export type Row = readonly unknown[];

const m = mx.array([
  [1, 2, 3],
  [4, 5, 6],
]);
const square = mx.array([
  [4, 1],
  [1, 3],
]);
const v = mx.array([0.25, 0.5, 0.75]);
const ints = mx.array([0, 1], mx.int32);
const mask = mx.array([true, false, true]);
const image = mx.ones([1, 5, 5, 2]);
const group = mx.ones([2, 64]);
const key = mx.random.key(0);
const bytes = mx.array([1, 2, 3], mx.uint8);
const [packed = m, scales = m, biases = m] = mx.quantize(group);
const signal = mx.ones([4, 8]);
const heads = mx.ones([1, 2, 3, 4]);
const tree = { a: [v, m] };
const scalarOf = (x: mx.NDArray): mx.NDArray => x.sum();
const asIs = (x: mx.NDArray): mx.NDArray => x;

const each = (names: string, ...args: unknown[]): Record<string, Row> =>
  Object.fromEntries(names.split(" ").map((name) => [name, args]));

const reduction = { axis: 0, keepdims: true };
const matrices =
  "cholesky choleskyInv triInv det eig eigh eigvals eigvalsh inv lu luFactor qr slogdet";

/** Rows by namespace, then by exported name. */
export const rows: Readonly<Record<string, Readonly<Record<string, Row>>>> = {
  mx: {
    ...each(
      "abs acos acosh arccos arccosh arcsin arcsinh arctan arctanh asin asinh atan atanh ceil conj conjugate cos cosh degrees erf erfinv exp expm1 floor imag isfinite isinf isnan isneginf isposinf log log10 log1p log2 logicalNot negative positive radians real reciprocal rsqrt sigmoid sign sin sinh sqrt square stopGradient tan tanh trunc atleast1d atleast2d atleast3d toFp8 matrixTranspose",
      v,
    ),
    bitwiseInvert: [ints],
    matrixNorm: [m, { ord: 1, axis: 0, keepdims: true }],
    ...each(
      "add arctan2 atan2 divide divmod equal floorDivide greater greaterEqual less lessEqual logaddexp logicalAnd logicalOr logicalXor maximum minimum multiply notEqual pow power remainder subtract",
      m,
      v,
    ),
    ...each(
      "bitwiseAnd bitwiseOr bitwiseXor bitwiseLeftShift bitwiseRightShift leftShift rightShift",
      ints,
      ints,
    ),
    ...each("all any countNonzero logsumexp max mean median min prod sum", m, reduction),
    ...each("std var", m, { ...reduction, ddof: 1 }),
    ...each("argmax argmin", m, reduction),
    softmax: [m, { axis: 0, precise: true }],
    ...each("cummax cummin logcumsumexp", m, { axis: 0, reverse: true, inclusive: false }),
    ...each("cumprod cumsum cumulativeProd cumulativeSum", m, {
      axis: 0,
      reverse: true,
      inclusive: false,
      dtype: mx.float32,
    }),
    ...each("argsort sort", m, { axis: 0 }),
    ...each("argpartition partition topk", m, 1, { axis: 0 }),
    searchsorted: [v, m, { side: "left" }],
    diff: [m, { n: 1, axis: 0 }],
    ...each("allclose isclose", m, m, { rtol: 1e-3, atol: 1e-3, equalNan: true }),
    arrayEqual: [m, m, { equalNan: true }],
    addmm: [m, m, mx.ones([3, 3]), { alpha: 2, beta: 3 }],
    ...each("matmul inner outer vecdot", v, v),
    kron: [m, v],
    tensordot: [m, m, { axes: [[0], [0]] }],
    einsum: ["ij,j->i", m, v],
    einsumPath: ["ij,j->i", m, v],
    gatherMm: [mx.ones([2, 2, 3]), mx.ones([2, 3, 2]), { lhsIndices: ints, rhsIndices: ints }],
    blockMaskedMm: [
      mx.ones([32, 32]),
      mx.ones([32, 32]),
      { blockSize: 32, maskOut: mx.ones([1, 1]) },
    ],
    segmentedMm: [m, mx.ones([3, 2]), mx.array([[0, 2]], mx.uint32)],
    hadamardTransform: [mx.ones([2, 4]), { scale: 0.5 }],
    convolve: [v, v, { mode: "same" }],
    conv1d: [
      mx.ones([1, 5, 2]),
      mx.ones([2, 3, 2]),
      { stride: 1, padding: 1, dilation: 1, groups: 1 },
    ],
    conv2d: [image, mx.ones([2, 3, 3, 2]), { stride: [1, 1], padding: 1, dilation: 1, groups: 1 }],
    conv3d: [mx.ones([1, 3, 3, 3, 1]), mx.ones([1, 2, 2, 2, 1]), { stride: 1, padding: [1, 1, 1] }],
    convGeneral: [
      image,
      mx.ones([2, 3, 3, 2]),
      { stride: 1, padding: 1, kernelDilation: 1, inputDilation: 1, groups: 1, flip: true },
    ],
    convTranspose1d: [mx.ones([1, 5, 2]), mx.ones([2, 3, 2]), { stride: 2, outputPadding: 1 }],
    convTranspose2d: [image, mx.ones([2, 3, 3, 2]), { stride: 2, outputPadding: 1 }],
    convTranspose3d: [
      mx.ones([1, 3, 3, 3, 1]),
      mx.ones([1, 2, 2, 2, 1]),
      { stride: 1, dilation: 1 },
    ],
    arange: [0, 5, 1, { dtype: mx.int32 }],
    array: [[1, 2], { dtype: mx.int32 }],
    asarray: [[1, 2], { dtype: mx.int32 }],
    ...each("bartlett blackman hamming hanning", 5),
    ...each("empty ones zeros", [2, 3], { dtype: mx.int32 }),
    ...each("emptyLike onesLike zerosLike", m, { dtype: mx.int32 }),
    eye: [3, { m: 2, k: 1, dtype: mx.int32 }],
    identity: [3, { dtype: mx.int32 }],
    full: [[2, 3], 1, { dtype: mx.int32 }],
    fullLike: [m, 1, { dtype: mx.int32 }],
    linspace: [0, 1, { num: 3, endpoint: false, dtype: mx.float32 }],
    meshgrid: [v, v, { sparse: true, indexing: "ij" }],
    tri: [3, { m: 2, k: 1, dtype: mx.int32 }],
    ...each("tril triu", m, { k: 1 }),
    asStrided: [m, { shape: [2, 2], strides: [1, 1], offset: 0 }],
    astype: [m, mx.int32],
    broadcastArrays: [m, v],
    broadcastShapes: [[2, 3], [3]],
    broadcastTo: [v, [2, 3]],
    clip: [m, 1, 2],
    ...each("concat concatenate stack", [m, m], { axis: 0 }),
    contiguous: [m, { allowColMajor: true }],
    depends: [[m], [v]],
    diag: [v, { k: 1 }],
    diagonal: [m, { offset: 0, axis1: 0, axis2: 1 }],
    trace: [m, { offset: 0, axis1: 0, axis2: 1, dtype: mx.float32 }],
    expandDims: [m, 0],
    flatten: [m, { startAxis: 0, endAxis: 1 }],
    flip: [m, { axis: 0 }],
    moveaxis: [m, 0, 1],
    swapaxes: [m, 0, 1],
    nanToNum: [m, { nan: 1, posinf: 2, neginf: 3 }],
    pad: [m, 1, { mode: "constant", constantValues: 0 }],
    ...each("permuteDims transpose", m, { axes: [1, 0] }),
    putAlongAxis: [m, mx.array([[0, 0, 0]], mx.int32), mx.ones([1, 3]), 0],
    repeat: [m, 2, { axis: 0 }],
    reshape: [m, [3, 2]],
    roll: [m, 1, { axis: 0 }],
    round: [m, { decimals: 1 }],
    slice: [m, mx.array([0], mx.int32), [0], [1, 3]],
    sliceUpdate: [m, mx.ones([1, 3]), mx.array([0], mx.int32), [0]],
    split: [m, 2, { axis: 0 }],
    squeeze: [mx.ones([1, 2]), { axis: 0 }],
    take: [m, ints, { axis: 0 }],
    takeAlongAxis: [m, mx.array([[0, 0, 0]], mx.int32), { axis: 0 }],
    tile: [m, [2, 1]],
    unflatten: [m, 1, [3, 1]],
    unstack: [m, { axis: 0 }],
    view: [m, mx.int32],
    where: [mask, v, v],
    fromFp8: [bytes, { dtype: mx.float32 }],
    quantize: [group, { groupSize: 64, bits: 4, mode: "affine" }],
    dequantize: [
      packed,
      scales,
      { biases, groupSize: 64, bits: 4, mode: "affine", dtype: mx.float32 },
    ],
    quantizedMatmul: [
      mx.ones([1, 64]),
      packed,
      scales,
      { biases, transpose: true, groupSize: 64, bits: 4 },
    ],
    gatherQmm: [
      mx.ones([1, 1, 64]),
      packed.reshape([1, 2, -1]),
      scales.reshape([1, 2, 1]),
      {
        biases: biases.reshape([1, 2, 1]),
        lhsIndices: mx.array([0], mx.uint32),
        rhsIndices: mx.array([0], mx.uint32),
      },
    ],
    gatherQqmm: [
      mx.ones([1, 1, 64]),
      mx.ones([1, 2, 64]),
      {
        groupSize: 16,
        bits: 4,
        mode: "nvfp4",
        lhsIndices: mx.array([0], mx.uint32),
        rhsIndices: mx.array([0], mx.uint32),
      },
    ],
    qqmm: [mx.ones([1, 64]), group, { groupSize: 16, bits: 4, mode: "nvfp4" }],
    canCast: [mx.int32, mx.float32],
    finfo: [mx.float32],
    iinfo: [mx.int32],
    isdtype: [mx.int32, "integral"],
    issubdtype: [mx.int32, mx.integer],
    resultType: [mx.int32, mx.float32],
    checkpoint: [scalarOf],
    compile: [asIs, { shapeless: true }],
    customFunction: [asIs],
    ...each("grad valueAndGrad", scalarOf, { argnums: 0 }),
    ...each("hessian jacfwd jacrev", scalarOf, { argnums: 0 }),
    hvp: [scalarOf, [v], [v]],
    ...each("linearize vjpFunction", asIs, [v]),
    checkGrads: [scalarOf, [v], { order: 1, modes: ["forward"], rtol: 1e-3 }],
    vmap: [asIs, { inAxes: 0, outAxes: 0 }],
    jvp: [asIs, [v], [v]],
    vjp: [asIs, [v], [v]],
    tidy: [() => v],
    treeFlatten: [tree],
    treeMap: [asIs, tree],
    treeMapWithPath: [(_: string, x: unknown) => x, tree],
    treeReduce: [(a: number) => a + 1, tree, 0],
    treeUnflatten: [[["a.0", v]]],
    treeMerge: [{ a: v }, { b: v }, { mergeFn: (a: unknown) => a }],
    cond: [mx.array(true), asIs, asIs, v],
    map: [asIs, m],
    scan: [(carry: mx.NDArray, x: mx.NDArray) => [carry, x], v, m, { length: 2, reverse: true }],
    whileLoop: [(x: mx.NDArray) => mx.less(mx.sum(x), 0), asIs, v],
    printoptions: [{ precision: 3 }, () => 1],
  },
  fast: {
    layerNorm: [m, v, v, 1e-5],
    rmsNorm: [m, v, 1e-5],
    rope: [mx.ones([1, 2, 4]), 4, { traditional: false, base: 10000, scale: 1, offset: 0 }],
    scaledDotProductAttention: [heads, heads, heads, { scale: 1, mask: "causal" }],
  },
  fft: {
    ...each("fft ifft irfft rfft", signal, { n: 8, axis: -1, norm: "ortho" }),
    ...each("fft2 fftn ifft2 ifftn irfft2 irfftn rfft2 rfftn", signal, {
      s: [4, 8],
      axes: [0, 1],
      norm: "ortho",
    }),
    ...each("fftfreq rfftfreq", 4, { d: 0.5 }),
    ...each("fftshift ifftshift", signal, { axes: [0] }),
  },
  linalg: {
    ...each(matrices, square),
    cross: [v, v, { axis: -1 }],
    norm: [m, { ord: 1, axis: 0, keepdims: true }],
    pinv: [m],
    solve: [square, mx.ones([2, 1])],
    solveTriangular: [square, mx.ones([2, 1]), { upper: true }],
    svd: [m, { computeUv: false }],
  },
  random: {
    bernoulli: [{ p: 0.5, shape: [2], key }],
    categorical: [m, { axis: -1, numSamples: 2, key }],
    gumbel: [{ shape: [2], dtype: mx.float32, key }],
    key: [0],
    seed: [0],
    laplace: [{ shape: [2], dtype: mx.float32, loc: 0, scale: 1, key }],
    multivariateNormal: [mx.ones([2]), square, { shape: [2], dtype: mx.float32, key }],
    normal: [{ shape: [2], dtype: mx.float32, loc: 0, scale: 1, key }],
    permutation: [m, { axis: 0, key }],
    randint: [0, 5, { shape: [2], dtype: mx.int32, key }],
    split: [key, { num: 2 }],
    truncatedNormal: [-1, 1, { shape: [2], dtype: mx.float32, key }],
    uniform: [{ low: 0, high: 1, shape: [2], dtype: mx.float32, key }],
  },
  nn: {
    ...each(
      "gelu geluApprox geluFastApprox hardswish logSigmoid mish relu relu2 relu6 selu sigmoid silu softplus softsign tanh",
      v,
    ),
    ...each("celu elu", v, { alpha: 1 }),
    glu: [mx.ones([2, 4]), { axis: -1 }],
    ...each("hardShrink softshrink", v, { lambd: 0.5 }),
    hardTanh: [v, { minVal: -1, maxVal: 1 }],
    leakyRelu: [v, { negativeSlope: 0.1 }],
    ...each("logSoftmax softmax softmin", m, { axis: 0 }),
    prelu: [v, mx.array(0.25)],
    step: [v, { threshold: 0 }],
  },
  losses: {
    binaryCrossEntropy: [v, v, { weights: v, withLogits: true, reduction: "sum" }],
    cosineSimilarityLoss: [m, m, { axis: 0, eps: 1e-8, reduction: "sum" }],
    crossEntropy: [
      m,
      ints,
      { weights: mx.ones([2]), axis: -1, labelSmoothing: 0.1, reduction: "sum" },
    ],
    gaussianNllLoss: [v, v, v, { full: true, eps: 1e-6, reduction: "sum" }],
    hingeLoss: [v, v, { reduction: "sum" }],
    huberLoss: [v, v, { delta: 1, reduction: "sum" }],
    klDivLoss: [m, m, { axis: -1, reduction: "sum" }],
    l1Loss: [v, v, { reduction: "sum" }],
    logCoshLoss: [v, v, { reduction: "sum" }],
    marginRankingLoss: [v, v, v, { margin: 0, reduction: "sum" }],
    mseLoss: [v, v, { reduction: "sum" }],
    nllLoss: [m, ints, { axis: -1, reduction: "sum" }],
    smoothL1Loss: [v, v, { beta: 1, reduction: "sum" }],
    tripletLoss: [m, m, m, { axis: -1, p: 2, margin: 1, eps: 1e-6, reduction: "sum" }],
  },
  optimizers: {
    clipGradNorm: [[v], 1],
    cosineDecay: [0.1, 10, { end: 0 }],
    exponentialDecay: [0.1, 0.9],
    joinSchedules: [[(s: mx.NDArray) => s, (s: mx.NDArray) => s], [5]],
    linearSchedule: [0, 1, 10],
    stepDecay: [0.1, 0.9, 10],
  },
};

export const namespaces: Readonly<Record<string, object>> = {
  mx,
  fast: mx.fast,
  fft: mx.fft,
  linalg: mx.linalg,
  random: mx.random,
  nn,
  losses: nn.losses,
  optimizers,
};

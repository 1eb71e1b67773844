/** MLX's primitives that multiply matrices, factorise them, or have kernels of their own. */
import { ArgumentError } from "../../core/errors.js";
import { layerNorm, rmsNorm, rope, scaledDotProductAttention } from "../../fast/index.js";
import type { NDArray } from "../../graph/array.js";
import * as linalg from "../../linalg/index.js";
import { blockMaskedMm, gatherMm } from "../../ops/batched-products.js";
import { convGeneral } from "../../ops/convolution.js";
import { addmm, matmul } from "../../ops/matmul.js";
import { gatherQmm, quantizedMatmul } from "../../quantized/products.js";
import { dequantize, quantize } from "../../quantized/quantize.js";
import {
  at,
  binary,
  flag,
  float,
  int,
  ints,
  type MlxPrimitive,
  oneOf,
  primitive,
  text,
} from "./primitive.js";

const mode = oneOf("affine", "mxfp4", "mxfp8", "nvfp4");

/** Scales, then biases if the mode has some. */
const biasesOf = (ins: readonly NDArray[], i: number, how: string): NDArray | null =>
  how === "affine" ? at(ins, i) : null;

const unsupported = (what: string): ArgumentError =>
  new ArgumentError(`expected a form that exists here, got ${what}`);

export const products: Readonly<Record<string, MlxPrimitive>> = {
  AddMM: primitive([float, float], (ins, [alpha, beta]) =>
    addmm(at(ins, 2), at(ins, 0), at(ins, 1), { alpha, beta }),
  ),
  BlockMaskedMM: primitive([int], (ins, [blockSize]) => {
    // One mask is that of the result, two are those of the operands.
    const masks = ins.slice(2);
    const maskOut = masks.length === 2 ? null : at(masks, 0);
    const [maskLhs = null, maskRhs = null] = masks.length === 1 ? [] : masks.slice(-2);
    return blockMaskedMm(at(ins, 0), at(ins, 1), { blockSize, maskOut, maskLhs, maskRhs });
  }),
  Cholesky: primitive([flag], (ins, [upper]) => linalg.cholesky(at(ins, 0), { upper })),
  Convolution: primitive(
    [ints, ints, ints, ints, ints, int, flag],
    (ins, [stride, low, high, kernelDilation, inputDilation, groups, flip]) =>
      convGeneral(at(ins, 0), at(ins, 1), {
        stride,
        padding: [low, high],
        kernelDilation,
        inputDilation,
        groups,
        flip,
      }),
  ),
  Eig: primitive([flag], (ins, [vectors]) =>
    vectors ? linalg.eig(at(ins, 0)) : linalg.eigvals(at(ins, 0)),
  ),
  Eigh: primitive([text, flag], (ins, [UPLO, vectors]) => {
    if (UPLO !== "L" && UPLO !== "U") throw unsupported(`triangle ${UPLO}`);
    return vectors ? linalg.eigh(at(ins, 0), { UPLO }) : linalg.eigvalsh(at(ins, 0), { UPLO });
  }),
  GatherMM: primitive([flag, flag], (ins) =>
    gatherMm(at(ins, 0), at(ins, 1), { lhsIndices: at(ins, 2), rhsIndices: at(ins, 3) }),
  ),
  GatherQMM: primitive(
    [int, int, mode, flag, flag, flag],
    (ins, [groupSize, bits, how, transpose]) =>
      gatherQmm(at(ins, 0), at(ins, 1), at(ins, 2), {
        biases: biasesOf(ins, 3, how),
        lhsIndices: at(ins, ins.length - 2),
        rhsIndices: at(ins, ins.length - 1),
        transpose,
        groupSize,
        bits,
        mode: how,
      }),
  ),
  Inverse: primitive([flag, flag], (ins, [triangular, upper]) =>
    triangular ? linalg.triInv(at(ins, 0), { upper }) : linalg.inv(at(ins, 0)),
  ),
  LayerNorm: primitive([float], (ins, [eps]) => {
    const [x, weight, bias] = [at(ins, 0), at(ins, 1), at(ins, 2)];
    // Without weights or biases MLX passes a number.
    const plain = layerNorm(
      x,
      weight.ndim === 0 ? null : weight,
      weight.ndim === 0 || bias.ndim === 0 ? null : bias,
      eps,
    );
    return weight.ndim === 0 || bias.ndim === 0
      ? plain.multiply(weight.ndim === 0 ? weight : 1).add(bias)
      : plain;
  }),
  Matmul: binary(matmul),
  QRF: primitive([], (ins) => linalg.qr(at(ins, 0))),
  Quantize: primitive([int, int, mode, flag], (ins, [groupSize, bits, how, back], { outs }) => {
    const options = { groupSize, bits, mode: how };
    if (!back) return quantize(at(ins, 0), options);
    const biases = biasesOf(ins, 2, how);
    return dequantize(at(ins, 0), at(ins, 1), {
      biases,
      ...options,
      dtype: outs[0]?.dtype ?? null,
    });
  }),
  QuantizedMatmul: primitive([int, int, mode, flag], (ins, [groupSize, bits, how, transpose]) =>
    quantizedMatmul(at(ins, 0), at(ins, 1), at(ins, 2), {
      biases: biasesOf(ins, 3, how),
      transpose,
      groupSize,
      bits,
      mode: how,
    }),
  ),
  RMSNorm: primitive([float], (ins, [eps]) => {
    const [x, weight] = [at(ins, 0), at(ins, 1)];
    return weight.ndim === 0 ? rmsNorm(x, null, eps).multiply(weight) : rmsNorm(x, weight, eps);
  }),
  RoPE: primitive(
    [int, flag, float, float, flag],
    (ins, [dims, traditional, base, scale, forward]) => {
      if (!forward) throw unsupported("the gradient of a rotation");
      const freqs = ins[2] ?? null;
      const offset = at(ins, 1);
      return rope(at(ins, 0), dims, {
        traditional,
        base: freqs === null ? base : null,
        scale,
        offset,
        freqs,
      });
    },
  ),
  ScaledDotProductAttention: primitive(
    [float, flag, flag, flag, flag],
    (ins, [scale, causal, hasSinks, logarithms]) => {
      if (logarithms) throw unsupported("attention that gives logarithms of sums");
      const more = ins.slice(3, hasSinks ? -1 : undefined);
      const sinks = hasSinks ? at(ins, ins.length - 1) : null;
      const mask = causal ? "causal" : (more[0] ?? null);
      return scaledDotProductAttention(at(ins, 0), at(ins, 1), at(ins, 2), { scale, mask, sinks });
    },
  ),
  SVD: primitive([flag], (ins, [vectors]) =>
    vectors ? linalg.svd(at(ins, 0)) : linalg.svd(at(ins, 0), { computeUv: false }),
  ),
};

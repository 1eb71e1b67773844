/** Layers whose weights are kept in a few bits each. */
import type { NDArray } from "../../graph/array.js";
import { add } from "../../ops/arithmetic.js";
import { zeros } from "../../ops/create.js";
import { take } from "../../ops/take.js";
import type { Format, QuantizationFormat, QuantizationMode } from "../../quantized/format.js";
import { quantizedMatmul } from "../../quantized/products.js";
import { dequantize } from "../../quantized/quantize.js";
import { normal } from "../../random/distributions.js";
import { uniform } from "../../random/uniform.js";
import { Module } from "../module/module.js";
import { requireCount, shown } from "./arguments.js";
import { formatOf, packedWeight, type QuantizedOptions } from "./quantized-format.js";

/** A packed matrix as parameters that are not trained. */
abstract class Quantized extends Module {
  readonly groupSize: number;
  readonly bits: number;
  readonly mode: QuantizationMode;
  /** The words, of shape [rows, columns · bits / 32]. */
  weight: NDArray;
  scales: NDArray;
  biases?: NDArray;

  constructor(format: Format, matrix: NDArray) {
    super();
    this.groupSize = format.groupSize;
    this.bits = format.bits;
    this.mode = format.mode;
    const { weight, scales, biases } = packedWeight(matrix, format);
    this.weight = weight;
    this.scales = scales;
    if (biases !== undefined) this.biases = biases;
  }

  /** Puts another matrix in the place of the one that there is. */
  protected pack(matrix: NDArray): void {
    const { weight, scales, biases } = packedWeight(matrix, this);
    this.weight = weight;
    this.scales = scales;
    if (biases !== undefined) this.biases = biases;
  }

  protected product(x: NDArray): NDArray {
    const { groupSize, bits, mode } = this;
    return quantizedMatmul(x, this.weight, this.scales, {
      biases: this.biases ?? null,
      groupSize,
      bits,
      mode,
    });
  }

  /** What is no floating array has no gradient. */
  protected override alwaysFrozen(): readonly string[] {
    return this.mode === "affine" ? ["weight"] : ["weight", "scales"];
  }

  protected format(): Record<string, unknown> {
    const { groupSize, bits, mode } = this;
    return { groupSize, bits, mode };
  }
}

/**
 * A {@link Linear} with a quantized weight. Its parameters are frozen; a bias that it has from a `Linear` is not.
 *
 * @param options `{ bias, groupSize, bits, mode }`: a bias of zeros by default, and the formats of `mx.quantize`
 * @throws ArgumentError for sizes and formats that do not exist, ShapeError when the group size does not divide inputDims
 * @example new nn.QuantizedLinear(64, 8).forward(mx.ones([2, 64])).shape // [2, 8]
 * @see mlx.nn.QuantizedLinear
 */
export class QuantizedLinear extends Quantized {
  bias?: NDArray;

  constructor(inputDims: number, outputDims: number, options?: QuantizedOptions) {
    const op = "QuantizedLinear";
    requireCount(op, "inputDims", inputDims);
    requireCount(op, "outputDims", outputDims);
    const format = formatOf(op, options);
    const high = Math.sqrt(1 / inputDims);
    super(format, uniform({ low: -high, high, shape: [outputDims, inputDims] }));
    if (format.bias) this.bias = zeros([outputDims]);
    this.freeze();
  }

  forward(x: NDArray): NDArray {
    const y = this.product(x);
    return this.bias === undefined ? y : add(y, this.bias);
  }

  /** The quantized form of a linear layer, which shares its bias. */
  static fromLinear(
    linear: { readonly weight: NDArray; readonly bias?: NDArray },
    options?: QuantizationFormat,
  ): QuantizedLinear {
    const [outputDims = 0, inputDims = 0] = linear.weight.shape;
    const made = new QuantizedLinear(inputDims, outputDims, { ...options, bias: false });
    made.pack(linear.weight);
    if (linear.bias !== undefined) made.bias = linear.bias;
    return made;
  }

  protected override extraRepr(): string {
    const [outputDims = 0, words = 0] = this.weight.shape;
    const inputDims = (words * 32) / this.bits;
    const bias = this.bias !== undefined;
    return shown({ inputDims, outputDims, bias, ...this.format() });
  }
}

/**
 * An {@link Embedding} with a quantized weight, frozen.
 *
 * @param options `{ groupSize, bits, mode }`, the formats of `mx.quantize`
 * @throws ArgumentError for sizes and formats that do not exist, ShapeError when the group size does not divide dims
 * @example new nn.QuantizedEmbedding(10, 64).forward(mx.array([1, 2], mx.int32)).shape // [2, 64]
 * @see mlx.nn.QuantizedEmbedding
 */
export class QuantizedEmbedding extends Quantized {
  readonly numEmbeddings: number;
  readonly dims: number;

  constructor(numEmbeddings: number, dims: number, options?: QuantizationFormat) {
    const op = "QuantizedEmbedding";
    requireCount(op, "numEmbeddings", numEmbeddings);
    requireCount(op, "dims", dims);
    const scale = Math.sqrt(1 / dims);
    super(formatOf(op, options), normal({ shape: [numEmbeddings, dims], scale }));
    this.numEmbeddings = numEmbeddings;
    this.dims = dims;
    this.freeze();
  }

  forward(x: NDArray): NDArray {
    const { groupSize, bits, mode } = this;
    const rows = (a: NDArray): NDArray => take(a, x, 0);
    const biases = this.biases === undefined ? null : rows(this.biases);
    return dequantize(rows(this.weight), rows(this.scales), { biases, groupSize, bits, mode });
  }

  /** x · weightᵀ: the embedding as an output layer. */
  asLinear(x: NDArray): NDArray {
    return this.product(x);
  }

  /** The quantized form of an embedding. */
  static fromEmbedding(
    embedding: { readonly weight: NDArray },
    options?: QuantizationFormat,
  ): QuantizedEmbedding {
    const [numEmbeddings = 0, dims = 0] = embedding.weight.shape;
    const made = new QuantizedEmbedding(numEmbeddings, dims, options);
    made.pack(embedding.weight);
    return made;
  }

  protected override extraRepr(): string {
    const { numEmbeddings, dims } = this;
    return shown({ numEmbeddings, dims, ...this.format() });
  }
}

/** Linear maps with quantized weights and quantized inputs. */
import { ArgumentError } from "../../core/errors.js";
import type { NDArray } from "../../graph/array.js";
import type { QuantizationFormat, QuantizationMode } from "../../quantized/format.js";
import { qqmm } from "../../quantized/qqmm.js";
import { dequantize } from "../../quantized/quantize.js";
import { uniform } from "../../random/uniform.js";
import { Module } from "../module/module.js";
import { requireCount, shown } from "./arguments.js";
import { formatOf, packedWeight } from "./quantized-format.js";

/**
 * x · weightᵀ of quantized factors, without a bias. The weight is floating in training mode, so that it can be trained, and
 * packed outside of it.
 *
 * @param options `{ groupSize, bits, mode }`, the formats of `mx.qqmm`; mode "nvfp4" by default
 * @throws ArgumentError for sizes and formats that do not exist
 * @example new nn.QQLinear(32, 8).eval().forward(mx.ones([2, 32])).shape // [2, 8]
 * @see mlx.nn.QQLinear
 */
export class QQLinear extends Module {
  readonly groupSize: number;
  readonly bits: number;
  readonly mode: QuantizationMode;
  /** [outputDims, inputDims], or words. */
  weight: NDArray;
  /** Of a packed weight. */
  scales?: NDArray;

  constructor(inputDims: number, outputDims: number, options?: QuantizationFormat) {
    super();
    const op = "QQLinear";
    requireCount(op, "inputDims", inputDims);
    requireCount(op, "outputDims", outputDims);
    const { groupSize, bits, mode } = formatOf(op, options, "nvfp4");
    this.groupSize = groupSize;
    this.bits = bits;
    this.mode = mode;
    const high = Math.sqrt(1 / inputDims);
    this.weight = uniform({ low: -high, high, shape: [outputDims, inputDims] });
  }

  forward(x: NDArray): NDArray {
    const { groupSize, bits, mode } = this;
    return qqmm(x, this.weight, { scales: this.scales ?? null, groupSize, bits, mode });
  }

  /** Packs the weight, unless it is packed. */
  quantize(): void {
    if (this.scales !== undefined) return;
    const { weight, scales } = packedWeight(this.weight, this);
    this.weight = weight;
    this.scales = scales;
  }

  /** Makes the weight floating, unless it is. */
  dequantize(): void {
    if (this.scales === undefined) return;
    const { groupSize, bits, mode } = this;
    this.weight = dequantize(this.weight, this.scales, { groupSize, bits, mode });
    delete this.scales;
  }

  protected override setTrainingMode(mode: boolean): void {
    super.setTrainingMode(mode);
    if (mode) this.dequantize();
    else this.quantize();
  }

  /**
   * The form with quantized factors of a linear layer.
   *
   * @throws ArgumentError for a layer with a bias
   */
  static fromLinear(
    linear: Module & { readonly weight: NDArray; readonly bias?: NDArray },
    options?: QuantizationFormat,
  ): QQLinear {
    if (linear.bias !== undefined) {
      throw new ArgumentError(
        "[QQLinear] expected a layer without bias, got one with a bias: make it with { bias: false }",
      );
    }
    const [outputDims = 0, inputDims = 0] = linear.weight.shape;
    const made = new QQLinear(inputDims, outputDims, options);
    made.weight = linear.weight;
    made.train(linear.training);
    return made;
  }

  protected override extraRepr(): string {
    const { groupSize, bits, mode } = this;
    const [outputDims = 0, last = 0] = this.weight.shape;
    const inputDims = this.scales === undefined ? last : (last * 32) / bits;
    return shown({ inputDims, outputDims, groupSize, bits, mode });
  }
}

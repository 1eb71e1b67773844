/** Linear maps: of one input, of two, and none. */
import { ArgumentError } from "../../core/errors.js";
import { readPositional } from "../../core/options.js";
import type { NDArray } from "../../graph/array.js";
import { add } from "../../ops/arithmetic.js";
import { addmm, matmul } from "../../ops/matmul.js";
import { reshape, squeeze, swapaxes, transpose } from "../../ops/shape.js";
import type { QuantizationMode } from "../../quantized/format.js";
import { uniform } from "../../random/uniform.js";
import { Module } from "../module/module.js";
import { requireCount, shown } from "./arguments.js";
import { QQLinear } from "./qq-linear.js";
import { QuantizedLinear } from "./quantized.js";
import { type QuantizableOptions, readQuantizable } from "./quantized-format.js";

/** Whether a layer has a bias; true by default. */
export interface BiasOptions {
  readonly bias?: boolean;
}

/** The option `bias`, also given by position. */
export const readBias = (op: string, given: boolean | BiasOptions | undefined): boolean =>
  readPositional<BiasOptions>(op, "bias", given, undefined, ["bias"]).bias ?? true;

/**
 * Passes its input on. Whatever it is constructed with is ignored.
 *
 * @example new nn.Identity().forward(mx.array([1])).tolist() // [1]
 * @see mlx.nn.Identity
 */
export class Identity extends Module {
  constructor(..._ignored: readonly unknown[]) {
    super();
  }

  forward(x: NDArray): NDArray {
    return x;
  }
}

/**
 * x · weightᵀ + bias, with `weight` of shape [outputDims, inputDims], on the last axis.
 *
 * @param bias whether there is one, true by default; also as `{ bias }`
 * @throws ArgumentError for sizes that are not positive whole numbers
 * @example new nn.Linear(2, 3).forward(mx.ones([5, 2])).shape // [5, 3]
 * @see mlx.nn.Linear
 */
export class Linear extends Module {
  weight: NDArray;
  bias?: NDArray;

  constructor(inputDims: number, outputDims: number, bias?: boolean | BiasOptions) {
    super();
    requireCount("Linear", "inputDims", inputDims);
    requireCount("Linear", "outputDims", outputDims);
    const high = Math.sqrt(1 / inputDims);
    this.weight = uniform({ low: -high, high, shape: [outputDims, inputDims] });
    if (readBias("Linear", bias)) this.bias = uniform({ low: -high, high, shape: [outputDims] });
  }

  forward(x: NDArray): NDArray {
    const w = transpose(this.weight);
    return this.bias === undefined ? matmul(x, w) : addmm(this.bias, x, w);
  }

  /** The same layer with a quantized weight; with `quantizeInput` its input is quantized as well. */
  toQuantized(options?: QuantizableOptions): QuantizedLinear | QQLinear {
    const { quantizeInput, ...format } = readQuantizable("Linear.toQuantized", options);
    if (!quantizeInput) return QuantizedLinear.fromLinear(this, format);
    const inputModes: readonly (QuantizationMode | undefined)[] = ["nvfp4", "mxfp8"];
    if (!inputModes.includes(format.mode)) {
      throw new ArgumentError(
        `[Linear.toQuantized] expected mode "nvfp4" or "mxfp8" with quantizeInput, got "${format.mode ?? "affine"}": pass one of these`,
      );
    }
    return QQLinear.fromLinear(this, format);
  }

  protected override extraRepr(): string {
    const [outputDims, inputDims] = this.weight.shape;
    return shown({ inputDims, outputDims, bias: this.bias !== undefined });
  }
}

/**
 * x1 · weight · x2 + bias, with `weight` of shape [outputDims, input2Dims, input1Dims], on the last axes.
 *
 * @param bias whether there is one, true by default; also as `{ bias }`
 * @throws ArgumentError for sizes that are not positive whole numbers
 * @example new nn.Bilinear(2, 3, 4).forward(mx.ones([5, 2]), mx.ones([5, 3])).shape // [5, 4]
 * @see mlx.nn.Bilinear
 */
export class Bilinear extends Module {
  weight: NDArray;
  bias?: NDArray;

  constructor(
    input1Dims: number,
    input2Dims: number,
    outputDims: number,
    bias?: boolean | BiasOptions,
  ) {
    super();
    requireCount("Bilinear", "input1Dims", input1Dims);
    requireCount("Bilinear", "input2Dims", input2Dims);
    requireCount("Bilinear", "outputDims", outputDims);
    const high = Math.sqrt(1 / input1Dims);
    this.weight = uniform({ low: -high, high, shape: [outputDims, input2Dims, input1Dims] });
    if (readBias("Bilinear", bias)) this.bias = uniform({ low: -high, high, shape: [outputDims] });
  }

  forward(x1: NDArray, x2: NDArray): NDArray {
    const [out = 0, in2 = 0, in1 = 0] = this.weight.shape;
    const rows = reshape(x1, [-1, in1]);
    const left = reshape(x2, [-1, 1, in2]);
    const half = matmul(rows, transpose(reshape(this.weight, [out * in2, in1])));
    const right = swapaxes(reshape(half, [-1, out, in2]), -2, -1);
    const y = reshape(squeeze(matmul(left, right), 1), [...x1.shape.slice(0, -1), out]);
    return this.bias === undefined ? y : add(y, this.bias);
  }

  protected override extraRepr(): string {
    const [outputDims, input2Dims, input1Dims] = this.weight.shape;
    return shown({ input1Dims, input2Dims, outputDims, bias: this.bias !== undefined });
  }
}

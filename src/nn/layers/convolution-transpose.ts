/** Transposed convolution layers over one to three axes, channels last. */
import { readPositional } from "../../core/options.js";
import type { NDArray } from "../../graph/array.js";
import {
  type ConvTransposeOptions,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
  type PerAxis,
} from "../../ops/convolution.js";
import { shown } from "./arguments.js";
import { Filters } from "./filters.js";

/** Options of the transposed convolution layers. */
export interface ConvTransposeLayerOptions extends Omit<ConvTransposeOptions, "groups"> {
  readonly bias?: boolean;
}

type ConvTransposeFunction = (
  x: NDArray,
  weight: NDArray,
  options: ConvTransposeOptions,
) => NDArray;

abstract class ConvTranspose extends Filters {
  readonly stride: PerAxis;
  readonly padding: PerAxis;
  readonly dilation: PerAxis;
  readonly outputPadding: PerAxis;

  constructor(
    op: string,
    axes: number,
    inChannels: number,
    outChannels: number,
    kernel: PerAxis,
    stride: PerAxis | ConvTransposeLayerOptions | undefined,
    options: ConvTransposeLayerOptions | undefined,
  ) {
    const names = ["stride", "padding", "dilation", "outputPadding", "bias"] as const;
    const o = readPositional<ConvTransposeLayerOptions>(op, "stride", stride, options, names);
    super(op, { inChannels, outChannels, kernel, axes, groups: 1, bias: o.bias ?? true });
    this.stride = o.stride ?? 1;
    this.padding = o.padding ?? 0;
    this.dilation = o.dilation ?? 1;
    this.outputPadding = o.outputPadding ?? 0;
  }

  protected convolve(f: ConvTransposeFunction, x: NDArray): NDArray {
    const { stride, padding, dilation, outputPadding } = this;
    return this.biased(f(x, this.weight, { stride, padding, dilation, outputPadding }));
  }

  protected override extraRepr(): string {
    const { stride, padding, dilation, outputPadding } = this;
    const bias = this.bias !== undefined;
    return shown({ ...this.sizes(1), stride, padding, dilation, outputPadding, bias });
  }
}

/**
 * Transposed convolution along one axis.
 *
 * @param stride also in one options object, `{ stride, padding, dilation, outputPadding, bias }`
 * @throws ArgumentError for sizes and options that do not fit
 * @example new nn.ConvTranspose1d(3, 2, 3, { stride: 2 }).forward(mx.ones([1, 5, 3])).shape // [1, 11, 2]
 * @see mlx.nn.ConvTranspose1d
 */
export class ConvTranspose1d extends ConvTranspose {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number,
    stride?: number | ConvTransposeLayerOptions,
    options?: ConvTransposeLayerOptions,
  ) {
    super("ConvTranspose1d", 1, inChannels, outChannels, kernelSize, stride, options);
  }

  forward(x: NDArray): NDArray {
    return this.convolve(convTranspose1d, x);
  }
}

/**
 * Transposed convolution over two axes.
 *
 * @param stride also in one options object, `{ stride, padding, dilation, outputPadding, bias }`
 * @throws ArgumentError for sizes and options that do not fit
 * @example new nn.ConvTranspose2d(2, 3, 2, 2).forward(mx.ones([1, 4, 3, 2])).shape // [1, 8, 6, 3]
 * @see mlx.nn.ConvTranspose2d
 */
export class ConvTranspose2d extends ConvTranspose {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: PerAxis,
    stride?: PerAxis | ConvTransposeLayerOptions,
    options?: ConvTransposeLayerOptions,
  ) {
    super("ConvTranspose2d", 2, inChannels, outChannels, kernelSize, stride, options);
  }

  forward(x: NDArray): NDArray {
    return this.convolve(convTranspose2d, x);
  }
}

/**
 * Transposed convolution over three axes.
 *
 * @param stride also in one options object, `{ stride, padding, dilation, outputPadding, bias }`
 * @throws ArgumentError for sizes and options that do not fit
 * @example new nn.ConvTranspose3d(1, 2, 2).forward(mx.ones([1, 3, 2, 3, 1])).shape // [1, 4, 3, 4, 2]
 * @see mlx.nn.ConvTranspose3d
 */
export class ConvTranspose3d extends ConvTranspose {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: PerAxis,
    stride?: PerAxis | ConvTransposeLayerOptions,
    options?: ConvTransposeLayerOptions,
  ) {
    super("ConvTranspose3d", 3, inChannels, outChannels, kernelSize, stride, options);
  }

  forward(x: NDArray): NDArray {
    return this.convolve(convTranspose3d, x);
  }
}

/** Convolution layers over one to three axes, channels last. */
import { readPositional } from "../../core/options.js";
import type { NDArray } from "../../graph/array.js";
import { type ConvOptions, conv1d, conv2d, conv3d, type PerAxis } from "../../ops/convolution.js";
import { shown } from "./arguments.js";
import { Filters } from "./filters.js";

/** Options of the convolution layers; MLX's `Conv3d` has no groups, here it has. */
export interface ConvLayerOptions extends ConvOptions {
  /** Whether there is a bias, of zeros at first; true by default. */
  readonly bias?: boolean;
}

type ConvFunction = (x: NDArray, weight: NDArray, options: ConvOptions) => NDArray;

abstract class Conv extends Filters {
  readonly stride: PerAxis;
  readonly padding: PerAxis;
  readonly dilation: PerAxis;
  readonly groups: number;

  constructor(
    op: string,
    axes: number,
    inChannels: number,
    outChannels: number,
    kernel: PerAxis,
    stride: PerAxis | ConvLayerOptions | undefined,
    options: ConvLayerOptions | undefined,
  ) {
    const names = ["stride", "padding", "dilation", "groups", "bias"] as const;
    const o = readPositional<ConvLayerOptions>(op, "stride", stride, options, names);
    const { groups = 1, bias = true } = o;
    super(op, { inChannels, outChannels, kernel, axes, groups, bias });
    this.stride = o.stride ?? 1;
    this.padding = o.padding ?? 0;
    this.dilation = o.dilation ?? 1;
    this.groups = groups;
  }

  protected convolve(f: ConvFunction, x: NDArray): NDArray {
    const { stride, padding, dilation, groups } = this;
    return this.biased(f(x, this.weight, { stride, padding, dilation, groups }));
  }

  protected override extraRepr(): string {
    const { stride, padding, dilation, groups } = this;
    const bias = this.bias !== undefined;
    return shown({ ...this.sizes(groups), stride, padding, dilation, groups, bias });
  }
}

/**
 * Convolution along one axis: [n, length, inChannels] to [n, length', outChannels].
 *
 * @param stride also in one options object, `{ stride, padding, dilation, groups, bias }`
 * @throws ArgumentError for sizes and options that do not fit
 * @example new nn.Conv1d(3, 8, 3, { padding: 1 }).forward(mx.ones([2, 10, 3])).shape // [2, 10, 8]
 * @see mlx.nn.Conv1d
 */
export class Conv1d extends Conv {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number,
    stride?: number | ConvLayerOptions,
    options?: ConvLayerOptions,
  ) {
    super("Conv1d", 1, inChannels, outChannels, kernelSize, stride, options);
  }

  forward(x: NDArray): NDArray {
    return this.convolve(conv1d, x);
  }
}

/**
 * Convolution over two axes: [n, height, width, inChannels] to [n, height', width', outChannels].
 *
 * @param stride also in one options object, `{ stride, padding, dilation, groups, bias }`
 * @throws ArgumentError for sizes and options that do not fit
 * @example new nn.Conv2d(1, 8, 3, { stride: 2, padding: 1 }).forward(mx.ones([2, 28, 28, 1])).shape // [2, 14, 14, 8]
 * @see mlx.nn.Conv2d
 */
export class Conv2d extends Conv {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: PerAxis,
    stride?: PerAxis | ConvLayerOptions,
    options?: ConvLayerOptions,
  ) {
    super("Conv2d", 2, inChannels, outChannels, kernelSize, stride, options);
  }

  forward(x: NDArray): NDArray {
    return this.convolve(conv2d, x);
  }
}

/**
 * Convolution over three axes: [n, depth, height, width, inChannels] to [n, depth', height', width', outChannels].
 *
 * @param stride also in one options object, `{ stride, padding, dilation, groups, bias }`
 * @throws ArgumentError for sizes and options that do not fit
 * @example new nn.Conv3d(1, 2, 2).forward(mx.ones([1, 4, 4, 4, 1])).shape // [1, 3, 3, 3, 2]
 * @see mlx.nn.Conv3d
 */
export class Conv3d extends Conv {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: PerAxis,
    stride?: PerAxis | ConvLayerOptions,
    options?: ConvLayerOptions,
  ) {
    super("Conv3d", 3, inChannels, outChannels, kernelSize, stride, options);
  }

  forward(x: NDArray): NDArray {
    return this.convolve(conv3d, x);
  }
}

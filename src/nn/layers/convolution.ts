/** Convolution layers over one to three axes, channels last. */
import { ArgumentError } from "../../core/errors.js";
import { readPositional } from "../../core/options.js";
import { showShape } from "../../core/shape.js";
import type { NDArray } from "../../graph/array.js";
import { add } from "../../ops/arithmetic.js";
import {
  type ConvOptions,
  type ConvTransposeOptions,
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
  type PerAxis,
} from "../../ops/convolution.js";
import { zeros } from "../../ops/create.js";
import { uniform } from "../../random/uniform.js";
import { Module } from "../module/module.js";
import { requireCount, requireMultiple, shown } from "./arguments.js";

/** Options of the convolution layers; MLX's `Conv3d` has no groups, here it has. */
export interface ConvLayerOptions extends ConvOptions {
  /** Whether there is a bias, of zeros at first; true by default. */
  readonly bias?: boolean;
}

/** Options of the transposed convolution layers. */
export interface ConvTransposeLayerOptions extends Omit<ConvTransposeOptions, "groups"> {
  readonly bias?: boolean;
}

const isList = (x: unknown): x is readonly number[] => Array.isArray(x);

/** A kernel size per axis. */
const kernelOf = (op: string, given: PerAxis, axes: number): readonly number[] => {
  const sizes = isList(given) ? given : new Array<number>(axes).fill(given);
  if (sizes.length !== axes) {
    throw new ArgumentError(
      `[${op}] expected kernelSize as a whole number or ${axes} of them, got ${showShape(sizes)}`,
    );
  }
  return sizes.map((k) => requireCount(op, "kernelSize", k));
};

interface Sizes {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: PerAxis;
  readonly axes: number;
  readonly groups: number;
  readonly bias: boolean;
}

/** A weight of shape [outChannels, …kernel, inChannels / groups] and a bias. */
abstract class Filters extends Module {
  weight: NDArray;
  bias?: NDArray;

  constructor(op: string, { inChannels, outChannels, kernel, axes, groups, bias }: Sizes) {
    super();
    requireCount(op, "inChannels", inChannels);
    requireCount(op, "outChannels", outChannels);
    requireCount(op, "groups", groups);
    const share = requireMultiple(op, "a number of inChannels", inChannels, "groups", groups);
    const sizes = kernelOf(op, kernel, axes);
    const high = Math.sqrt(1 / sizes.reduce((n, k) => n * k, share));
    this.weight = uniform({ low: -high, high, shape: [outChannels, ...sizes, share] });
    if (bias) this.bias = zeros([outChannels]);
  }

  protected biased(y: NDArray): NDArray {
    return this.bias === undefined ? y : add(y, this.bias);
  }

  protected sizes(groups: number): Record<string, unknown> {
    const { shape } = this.weight;
    return {
      inChannels: (shape.at(-1) ?? 0) * groups,
      outChannels: shape[0],
      kernelSize: shape.slice(1, -1),
    };
  }
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

/** Normalization of single items: over the last axis, groups of channels, or the spatial axes. */

import { ShapeError } from "../../core/errors.js";
import { readPositional } from "../../core/options.js";
import { showShape } from "../../core/shape.js";
import { layerNorm, rmsNorm } from "../../fast/norms.js";
import type { NDArray } from "../../graph/array.js";
import { add, multiply, subtract } from "../../ops/arithmetic.js";
import { ones, zeros } from "../../ops/create.js";
import { moveaxis, reshape, transpose } from "../../ops/shape.js";
import { mean, variance } from "../../ops/statistics.js";
import { rsqrt } from "../../ops/transcendental.js";
import { Module } from "../module/module.js";
import { requireCount, requireEps, requireMultiple, shown } from "./arguments.js";

/** The option that all norms have. */
export interface EpsOptions {
  /** Added to the variance; 1e-5 by default. */
  readonly eps?: number;
}

/** Options of {@link InstanceNorm}. */
export interface InstanceNormOptions extends EpsOptions {
  /** Whether there are weight and bias. */
  readonly affine?: boolean;
}

/** Options of {@link LayerNorm}. */
export interface LayerNormOptions extends InstanceNormOptions {
  /** Whether there is a bias beside the weight; true by default. */
  readonly bias?: boolean;
}

/** Options of {@link GroupNorm}. */
export interface GroupNormOptions extends InstanceNormOptions {
  /** Groups are blocks of neighbouring channels, as in PyTorch; by default channel c is in group c mod groups. */
  readonly pytorchCompatible?: boolean;
}

/**
 * Normalization over the last axis, with weight and bias.
 *
 * @param eps 1e-5 by default; also in one options object, `{ eps, affine, bias }`, both true by default
 * @throws ArgumentError for an eps that is not positive
 * @example new nn.LayerNorm(4).forward(mx.ones([2, 4])).tolist() // [[0, 0, 0, 0], [0, 0, 0, 0]]
 * @see mlx.nn.LayerNorm
 */
export class LayerNorm extends Module {
  readonly dims: number;
  readonly eps: number;
  weight?: NDArray;
  bias?: NDArray;

  constructor(dims: number, eps?: number | LayerNormOptions, options?: LayerNormOptions) {
    super();
    const names = ["eps", "affine", "bias"] as const;
    const o = readPositional<LayerNormOptions>("LayerNorm", "eps", eps, options, names);
    this.dims = requireCount("LayerNorm", "dims", dims);
    this.eps = requireEps("LayerNorm", o.eps ?? 1e-5);
    if (o.affine === false) return;
    this.weight = ones([dims]);
    if (o.bias ?? true) this.bias = zeros([dims]);
  }

  forward(x: NDArray): NDArray {
    return layerNorm(x, this.weight ?? null, this.bias ?? null, this.eps);
  }

  protected override extraRepr(): string {
    const { dims, eps } = this;
    return shown({ dims, eps, affine: this.weight !== undefined });
  }
}

/**
 * Division by the root of the mean square over the last axis, with a weight.
 *
 * @param eps 1e-5 by default; also as `{ eps }`
 * @throws ArgumentError for an eps that is not positive
 * @example new nn.RMSNorm(2, 1e-12).forward(mx.array([[3, 3]])).tolist() // [[1, 1]]
 * @see mlx.nn.RMSNorm
 */
export class RMSNorm extends Module {
  readonly eps: number;
  weight: NDArray;

  constructor(dims: number, eps?: number | EpsOptions) {
    super();
    const o = readPositional<EpsOptions>("RMSNorm", "eps", eps, undefined, ["eps"]);
    this.eps = requireEps("RMSNorm", o.eps ?? 1e-5);
    this.weight = ones([requireCount("RMSNorm", "dims", dims)]);
  }

  forward(x: NDArray): NDArray {
    return rmsNorm(x, this.weight, this.eps);
  }

  protected override extraRepr(): string {
    return shown({ dims: this.weight.size, eps: this.eps });
  }
}

/**
 * Normalization of each channel of each item over the axes between: [n, …, dims].
 *
 * @param eps 1e-5 by default; also in one options object, `{ eps, affine }`, affine false by default
 * @throws ArgumentError for an eps that is not positive, ShapeError in the call for fewer than three axes
 * @example new nn.InstanceNorm(3).forward(mx.ones([2, 5, 3])).shape // [2, 5, 3]
 * @see mlx.nn.InstanceNorm
 */
export class InstanceNorm extends Module {
  readonly dims: number;
  readonly eps: number;
  weight?: NDArray;
  bias?: NDArray;

  constructor(dims: number, eps?: number | InstanceNormOptions, options?: InstanceNormOptions) {
    super();
    const names = ["eps", "affine"] as const;
    const o = readPositional<InstanceNormOptions>("InstanceNorm", "eps", eps, options, names);
    this.dims = requireCount("InstanceNorm", "dims", dims);
    this.eps = requireEps("InstanceNorm", o.eps ?? 1e-5);
    if (o.affine !== true) return;
    this.weight = ones([dims]);
    this.bias = zeros([dims]);
  }

  forward(x: NDArray): NDArray {
    if (x.ndim < 3) {
      throw new ShapeError(
        `[InstanceNorm] expected an array [n, …, channels] with at least three axes, got shape ${showShape(x.shape)}: reshape it`,
      );
    }
    const first = moveaxis(x, -1, 1);
    const [n = 0, channels = 0, ...space] = first.shape;
    const rows = reshape(first, [n, channels, space.reduce((a, b) => a * b, 1)]);
    const y = moveaxis(reshape(layerNorm(rows, null, null, this.eps), first.shape), 1, -1);
    return scaled(y, this);
  }

  protected override extraRepr(): string {
    const { dims, eps } = this;
    return shown({ dims, eps, affine: this.weight !== undefined });
  }
}

/** y · weight + bias, where there are such. */
export const scaled = (
  y: NDArray,
  { weight, bias }: { readonly weight?: NDArray; readonly bias?: NDArray },
): NDArray => {
  const z = weight === undefined ? y : multiply(weight, y);
  return bias === undefined ? z : add(z, bias);
};

/**
 * Normalization over groups of channels and the axes between: [n, …, dims].
 *
 * @param eps 1e-5 by default; also in one options object, `{ eps, affine, pytorchCompatible }`
 * @throws ArgumentError for an eps that is not positive, or groups that do not divide dims
 * @example new nn.GroupNorm(2, 4).forward(mx.ones([2, 3, 4])).shape // [2, 3, 4]
 * @see mlx.nn.GroupNorm
 */
export class GroupNorm extends Module {
  readonly numGroups: number;
  readonly dims: number;
  readonly eps: number;
  readonly pytorchCompatible: boolean;
  weight?: NDArray;
  bias?: NDArray;

  constructor(
    numGroups: number,
    dims: number,
    eps?: number | GroupNormOptions,
    options?: GroupNormOptions,
  ) {
    super();
    const op = "GroupNorm";
    const names = ["eps", "affine", "pytorchCompatible"] as const;
    const o = readPositional<GroupNormOptions>(op, "eps", eps, options, names);
    this.numGroups = requireCount(op, "numGroups", numGroups);
    this.dims = requireCount(op, "dims", dims);
    requireMultiple(op, "a number of dims", dims, "groups", numGroups);
    this.eps = requireEps(op, o.eps ?? 1e-5);
    this.pytorchCompatible = o.pytorchCompatible ?? false;
    if (o.affine === false) return;
    this.weight = ones([dims]);
    this.bias = zeros([dims]);
  }

  forward(x: NDArray): NDArray {
    const y = this.pytorchCompatible ? this.#blocks(x) : this.#interleaved(x);
    return scaled(reshape(y, x.shape), this);
  }

  #blocks(x: NDArray): NDArray {
    const { numGroups } = this;
    const [n = 0] = x.shape;
    const size = this.dims / numGroups;
    const split = transpose(reshape(x, [n, -1, numGroups, size]), [0, 2, 1, 3]);
    const rows = reshape(split, [n, numGroups, -1]);
    const y = reshape(layerNorm(rows, null, null, this.eps), split.shape);
    return transpose(y, [0, 2, 1, 3]);
  }

  #interleaved(x: NDArray): NDArray {
    const grouped = reshape(x, [x.shape[0] ?? 0, -1, this.numGroups]);
    const keepdims = true;
    const centred = subtract(grouped, mean(grouped, 1, { keepdims }));
    return multiply(centred, rsqrt(add(variance(grouped, 1, { keepdims }), this.eps)));
  }

  protected override extraRepr(): string {
    const { numGroups, dims, eps, pytorchCompatible } = this;
    return shown({ numGroups, dims, eps, affine: this.weight !== undefined, pytorchCompatible });
  }
}

/** Low-rank adapters: small trainable products beside frozen layers. */
import { ArgumentError } from "../core/errors.js";
import { readOptions } from "../core/options.js";
import type { NDArray } from "../graph/array.js";
import { Dropout } from "../nn/layers/dropout.js";
import { Linear } from "../nn/layers/linear.js";
import { QuantizedLinear } from "../nn/layers/quantized.js";
import { Module } from "../nn/module/module.js";
import { add, multiply } from "../ops/arithmetic.js";
import { zeros } from "../ops/create.js";
import { matmul } from "../ops/matmul.js";
import { transpose } from "../ops/shape.js";
import { treeMapWithPath } from "../ops/tree-utils.js";
import { uniform } from "../random/index.js";

export interface LoRAOptions {
  /** Rank of the product that is added; 8 by default. */
  readonly rank?: number;
  /** Multiplies it; 20 by default, as in mlx-lm. */
  readonly scale?: number;
  /** Share of the input that is left out of it in training; 0 by default. */
  readonly dropout?: number;
  /** Names of the layers that get adapters; by default queries and values of attention. */
  readonly keys?: readonly string[];
}

/**
 * A linear layer with an adapter: linear(x) + scale · (x · loraA) · loraB, where `loraA` is [inputDims, rank] and `loraB`
 * [rank, outputDims], zero at first (Hu et al., 2021). Only these two are trained.
 */
export class LoRALinear extends Module {
  linear: Linear | QuantizedLinear;
  dropout: Dropout;
  readonly scale: number;
  loraA: NDArray;
  loraB: NDArray;

  constructor(linear: Linear | QuantizedLinear, options?: Omit<LoRAOptions, "keys">) {
    super();
    const o = readOptions<LoRAOptions>("LoRALinear", options, ["rank", "scale", "dropout"]);
    const { rank = 8, scale = 20, dropout = 0 } = o;
    if (!(Number.isInteger(rank) && rank >= 1))
      throw new ArgumentError(`[LoRALinear] expected a whole number from 1 as rank, got ${rank}`);
    const [outputDims, inputDims] = sizesOf(linear);
    this.linear = linear;
    this.linear.freeze();
    this.dropout = new Dropout(dropout);
    this.scale = scale;
    const high = 1 / Math.sqrt(inputDims);
    this.loraA = uniform({ low: -high, high, shape: [inputDims, rank] });
    this.loraB = zeros([rank, outputDims]);
  }

  forward(x: NDArray): NDArray {
    const y = this.linear.forward(x);
    const z = matmul(matmul(this.dropout.forward(x), this.loraA), this.loraB);
    return add(y, multiply(z, this.scale).astype(y.dtype));
  }

  /** The layer without adapter, whose weight has taken it up. */
  fuse(): Linear {
    const { linear } = this;
    if (!(linear instanceof Linear))
      throw new ArgumentError(
        "[LoRALinear.fuse] expected a plain layer, got a quantized one: keep the adapter, or load the weights unquantized",
      );
    const { weight, bias } = linear;
    const [outputDims, inputDims] = sizesOf(linear);
    const delta = multiply(transpose(matmul(this.loraA, this.loraB)), this.scale);
    const fused = new Linear(inputDims, outputDims, { bias: bias !== undefined });
    fused.update({ weight: add(weight, delta.astype(weight.dtype)) });
    if (bias !== undefined) fused.update({ bias });
    return fused;
  }
}

const sizesOf = (linear: Linear | QuantizedLinear): [number, number] => {
  const [outputDims = 0, columns = 0] = linear.weight.shape;
  const inputDims = linear instanceof QuantizedLinear ? (columns * 32) / linear.bits : columns;
  return [outputDims, inputDims];
};

/**
 * Freezes a model and puts adapters beside some of its linear layers, in place: what is trained then are the adapters.
 *
 * @returns how many layers got one
 * @throws ArgumentError when no layer has one of the names
 * @example
 * const model = new nn.Sequential(new nn.Linear(4, 4), new nn.Linear(4, 2));
 * models.addAdapters(model, { rank: 2, keys: ["layers.1"] }); // 1
 */
export const addAdapters = (model: Module, options?: LoRAOptions): number => {
  const op = "addAdapters";
  const { keys = ["qProj", "vProj"], ...rest } = readOptions<LoRAOptions>(op, options, [
    "rank",
    "scale",
    "dropout",
    "keys",
  ]);
  let count = 0;
  const wanted = (path: string): boolean =>
    keys.some((key) => path === key || path.endsWith(`.${key}`));
  const adapted = (path: string, layer: unknown): unknown => {
    const fits = layer instanceof Linear || layer instanceof QuantizedLinear;
    if (!fits || !wanted(path)) return layer;
    count++;
    return new LoRALinear(layer, rest);
  };
  const leaves = treeMapWithPath<object, unknown>(adapted, model.leafModules(), {
    isLeaf: Module.isModule,
  });
  if (count === 0)
    throw new ArgumentError(
      `[${op}] expected linear layers named ${keys.join(" or ")}, got none: see the names in model.namedModules()`,
    );
  model.freeze();
  model.updateModules(leaves);
  return count;
};

/** Replaces layers with adapters by plain ones that have taken them up, in place. */
export const fuseAdapters = (model: Module): void => {
  const found = model.namedModules().filter(([, m]) => m instanceof LoRALinear);
  const leaves = model.filterAndMap(
    Module.validChildFilter,
    (m) => (m instanceof LoRALinear ? m.fuse() : m),
    (_m, _k, v) =>
      v instanceof LoRALinear || (v instanceof Module && Object.keys(v.children()).length === 0),
  );
  if (found.length > 0) model.updateModules(leaves);
};

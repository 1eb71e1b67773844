/** What convolution layers have in common: a weight and a bias. */
import { ArgumentError } from "../../core/errors.js";
import { showShape } from "../../core/shape.js";
import type { NDArray } from "../../graph/array.js";
import { add } from "../../ops/arithmetic.js";
import type { PerAxis } from "../../ops/convolution.js";
import { zeros } from "../../ops/create.js";
import { uniform } from "../../random/uniform.js";
import { Module } from "../module/module.js";
import { requireCount, requireMultiple } from "./arguments.js";

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
export abstract class Filters extends Module {
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

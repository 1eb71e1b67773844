/** Pooling over windows, channels last. */
import { ArgumentError, ShapeError } from "../../core/errors.js";
import { describe } from "../../core/guards.js";
import { readPositional } from "../../core/options.js";
import { showShape } from "../../core/shape.js";
import type { NDArray } from "../../graph/array.js";
import type { PerAxis } from "../../ops/convolution.js";
import { wrap } from "../../ops/operand.js";
import { pad } from "../../ops/pad.js";
import { max } from "../../ops/reduce.js";
import { mean } from "../../ops/statistics.js";
import { reshape, sliceAxis, windows as windowsOf } from "../../primitives/index.js";
import { Module } from "../module/module.js";
import { shown } from "./arguments.js";

/** Options of the pooling layers. */
export interface PoolOptions {
  /** From one window to the next; the size of the window by default. */
  readonly stride?: PerAxis | null;
  /** Elements added on either side; 0 by default. */
  readonly padding?: PerAxis;
}

const readSizes = (
  op: string,
  name: string,
  given: unknown,
  axes: number,
  least: number,
): readonly number[] => {
  const list: readonly unknown[] = Array.isArray(given) ? given : new Array(axes).fill(given);
  const sizes = list.filter(
    (x): x is number => typeof x === "number" && Number.isInteger(x) && x >= least,
  );
  if (list.length === axes && sizes.length === axes) return sizes;
  const got = Array.isArray(given) ? `[${given.join(", ")}]` : describe(given);
  throw new ArgumentError(
    `[${op}] expected ${name} as a whole number from ${least} or ${axes} of them, got ${got}`,
  );
};

type Reduction = (windows: NDArray, axes: readonly number[]) => NDArray;

abstract class Pool extends Module {
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];

  constructor(
    op: string,
    axes: number,
    kernelSize: PerAxis,
    stride: PerAxis | null | PoolOptions | undefined,
    options: PoolOptions | undefined,
  ) {
    super();
    const names = ["stride", "padding"] as const;
    const o = readPositional<PoolOptions>(op, "stride", stride ?? undefined, options, names);
    this.kernelSize = readSizes(op, "kernelSize", kernelSize, axes, 1);
    this.stride = readSizes(op, "stride", o.stride ?? this.kernelSize, axes, 1);
    this.padding = readSizes(op, "padding", o.padding ?? 0, axes, 0);
  }

  protected pool(x: NDArray, filler: number, reduce: Reduction): NDArray {
    const { kernelSize, stride, padding } = this;
    const axes = kernelSize.length;
    if (x.ndim !== axes + 2) {
      throw new ShapeError(
        `[${this.constructor.name}] expected an array [n, …, channels] with ${axes + 2} axes, got shape ${showShape(x.shape)}: reshape it`,
      );
    }
    const widths = [0, ...padding, 0].map((w) => [w, w] as const);
    const padded = padding.some((w) => w > 0) ? pad(x, widths, { constantValues: filler }) : x;
    let { node } = padded;
    // From the last axis on, so that the places of the others stay.
    for (let k = axes - 1; k >= 0; k--) {
      const axis = k + 1;
      const size = kernelSize[k] ?? 1;
      const step = stride[k] ?? 1;
      const length = node.shape[axis] ?? 0;
      const count = Math.floor((length - size) / step) + 1;
      if (count < 1) {
        throw new ShapeError(
          `[${this.constructor.name}] expected at least ${size} elements on axis ${axis}, got ${length} with padding: use a smaller kernelSize`,
        );
      }
      if (step === size) {
        const whole = sliceAxis(node, axis, 0, count * size);
        const shape = [...node.shape.slice(0, axis), count, size, ...node.shape.slice(axis + 1)];
        node = reshape(whole, shape);
      } else node = windowsOf(node, axis, count, size, step);
    }
    return reduce(
      wrap(node),
      kernelSize.map((_, k) => 2 * k + 2),
    );
  }

  protected override extraRepr(): string {
    const { kernelSize, stride, padding } = this;
    return shown({ kernelSize, stride, padding });
  }
}

abstract class MaxPool extends Pool {
  forward(x: NDArray): NDArray {
    return this.pool(x, Number.NEGATIVE_INFINITY, (windows, axes) => max(windows, axes));
  }
}

abstract class AvgPool extends Pool {
  forward(x: NDArray): NDArray {
    return this.pool(x, 0, (windows, axes) => mean(windows, axes));
  }
}

/**
 * Largest element of each window of an array [n, length, channels].
 *
 * @param stride also in one options object, `{ stride, padding }`
 * @throws ArgumentError for sizes that are not whole and positive, ShapeError in the call for arrays that do not fit
 * @example new nn.MaxPool1d(2).forward(mx.ones([1, 4, 3])).shape // [1, 2, 3]
 * @see mlx.nn.MaxPool1d
 */
export class MaxPool1d extends MaxPool {
  constructor(kernelSize: PerAxis, stride?: PerAxis | null | PoolOptions, options?: PoolOptions) {
    super("MaxPool1d", 1, kernelSize, stride, options);
  }
}

/**
 * Largest element of each window of an array [n, height, width, channels].
 *
 * @param stride also in one options object, `{ stride, padding }`
 * @throws ArgumentError for sizes that are not whole and positive, ShapeError in the call for arrays that do not fit
 * @example new nn.MaxPool2d(2).forward(mx.ones([1, 4, 6, 3])).shape // [1, 2, 3, 3]
 * @see mlx.nn.MaxPool2d
 */
export class MaxPool2d extends MaxPool {
  constructor(kernelSize: PerAxis, stride?: PerAxis | null | PoolOptions, options?: PoolOptions) {
    super("MaxPool2d", 2, kernelSize, stride, options);
  }
}

/**
 * Largest element of each window of an array [n, depth, height, width, channels].
 *
 * @param stride also in one options object, `{ stride, padding }`
 * @throws ArgumentError for sizes that are not whole and positive, ShapeError in the call for arrays that do not fit
 * @example new nn.MaxPool3d(2).forward(mx.ones([1, 4, 4, 6, 3])).shape // [1, 2, 2, 3, 3]
 * @see mlx.nn.MaxPool3d
 */
export class MaxPool3d extends MaxPool {
  constructor(kernelSize: PerAxis, stride?: PerAxis | null | PoolOptions, options?: PoolOptions) {
    super("MaxPool3d", 3, kernelSize, stride, options);
  }
}

/**
 * Mean of each window of an array [n, length, channels]. Zeros of the padding count.
 *
 * @param stride also in one options object, `{ stride, padding }`
 * @throws ArgumentError for sizes that are not whole and positive, ShapeError in the call for arrays that do not fit
 * @example new nn.AvgPool1d(2).forward(mx.ones([1, 4, 3])).shape // [1, 2, 3]
 * @see mlx.nn.AvgPool1d
 */
export class AvgPool1d extends AvgPool {
  constructor(kernelSize: PerAxis, stride?: PerAxis | null | PoolOptions, options?: PoolOptions) {
    super("AvgPool1d", 1, kernelSize, stride, options);
  }
}

/**
 * Mean of each window of an array [n, height, width, channels]. Zeros of the padding count.
 *
 * @param stride also in one options object, `{ stride, padding }`
 * @throws ArgumentError for sizes that are not whole and positive, ShapeError in the call for arrays that do not fit
 * @example new nn.AvgPool2d(2).forward(mx.ones([1, 4, 6, 3])).shape // [1, 2, 3, 3]
 * @see mlx.nn.AvgPool2d
 */
export class AvgPool2d extends AvgPool {
  constructor(kernelSize: PerAxis, stride?: PerAxis | null | PoolOptions, options?: PoolOptions) {
    super("AvgPool2d", 2, kernelSize, stride, options);
  }
}

/**
 * Mean of each window of an array [n, depth, height, width, channels]. Zeros of the padding count.
 *
 * @param stride also in one options object, `{ stride, padding }`
 * @throws ArgumentError for sizes that are not whole and positive, ShapeError in the call for arrays that do not fit
 * @example new nn.AvgPool3d(2).forward(mx.ones([1, 4, 4, 6, 3])).shape // [1, 2, 2, 3, 3]
 * @see mlx.nn.AvgPool3d
 */
export class AvgPool3d extends AvgPool {
  constructor(kernelSize: PerAxis, stride?: PerAxis | null | PoolOptions, options?: PoolOptions) {
    super("AvgPool3d", 3, kernelSize, stride, options);
  }
}

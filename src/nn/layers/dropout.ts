/** Dropout: random zeros in training mode. */
import { ArgumentError, ShapeError } from "../../core/errors.js";
import { describe } from "../../core/guards.js";
import { readPositional } from "../../core/options.js";
import { showShape } from "../../core/shape.js";
import type { NDArray } from "../../graph/array.js";
import type { Shape } from "../../graph/node.js";
import { multiply } from "../../ops/arithmetic.js";
import { bernoulli } from "../../random/uniform.js";
import { Module } from "../module/module.js";
import { shown } from "./arguments.js";

/** Options of the dropout layers. */
export interface DropoutOptions {
  /** Probability of a zero, in [0, 1); 0.5 by default. */
  readonly p?: number;
}

/** Options of a forward call. */
export interface DropoutCallOptions {
  /** A random key; by default the next of the global sequence. */
  readonly key?: NDArray | null;
}

abstract class RandomZeros extends Module {
  readonly p: number;

  constructor(p: number | DropoutOptions | undefined) {
    super();
    const op = new.target.name;
    const given = readPositional<DropoutOptions>(op, "p", p, undefined, ["p"]).p ?? 0.5;
    if (!(typeof given === "number" && given >= 0 && given < 1)) {
      throw new ArgumentError(
        `[${op}] expected a probability in [0, 1), got ${describe(given)}: pass the part to drop`,
      );
    }
    this.p = given;
  }

  /** The shape of the mask, which is spread over the input. */
  protected abstract maskShape(x: NDArray): Shape;

  forward(x: NDArray, options?: DropoutCallOptions): NDArray {
    const shape = this.maskShape(x);
    const kept = 1 - this.p;
    if (kept === 1 || !this.training) return x;
    const mask = bernoulli({ p: kept, shape, key: options?.key ?? null });
    return multiply(multiply(mask, x), 1 / kept);
  }

  protected override extraRepr(): string {
    return shown({ p: this.p });
  }
}

/** The shape of `x` with one element on `spatial` axes before the last. */
const perChannel = (op: string, x: NDArray, spatial: number): Shape => {
  if (x.ndim !== spatial + 1 && x.ndim !== spatial + 2) {
    throw new ShapeError(
      `[${op}] expected an array with ${spatial + 1} or ${spatial + 2} axes, got shape ${showShape(x.shape)}: reshape it, channels last`,
    );
  }
  const last = x.ndim - 1;
  return x.shape.map((d, i) => (i < last && i >= last - spatial ? 1 : d));
};

/**
 * Each element 0 with probability `p` in training mode, the others divided by 1 - p.
 *
 * @param p 0.5 by default; also as `{ p }`
 * @throws ArgumentError for a probability outside [0, 1)
 * @example new nn.Dropout(0.5).forward(mx.ones([4]), { key: mx.random.key(0) }).shape // [4]
 * @see mlx.nn.Dropout
 */
export class Dropout extends RandomZeros {
  constructor(p?: number | DropoutOptions) {
    super(p);
  }

  protected override maskShape(x: NDArray): Shape {
    return x.shape;
  }
}

/**
 * Whole channels of [width, height, channels] or [batch, width, height, channels] are 0 with probability `p` in training mode.
 *
 * @throws ArgumentError for a probability outside [0, 1), ShapeError for arrays with another number of axes
 * @example new nn.Dropout2d(0.5).forward(mx.ones([2, 4, 4, 3])).shape // [2, 4, 4, 3]
 * @see mlx.nn.Dropout2d
 */
export class Dropout2d extends RandomZeros {
  constructor(p?: number | DropoutOptions) {
    super(p);
  }

  protected override maskShape(x: NDArray): Shape {
    return perChannel("Dropout2d", x, 2);
  }
}

/**
 * Whole channels of arrays with three spatial axes are 0 with probability `p` in training mode.
 *
 * @throws ArgumentError for a probability outside [0, 1), ShapeError for arrays with another number of axes
 * @example new nn.Dropout3d(0.5).forward(mx.ones([2, 4, 4, 4, 3])).shape // [2, 4, 4, 4, 3]
 * @see mlx.nn.Dropout3d
 */
export class Dropout3d extends RandomZeros {
  constructor(p?: number | DropoutOptions) {
    super(p);
  }

  protected override maskShape(x: NDArray): Shape {
    return perChannel("Dropout3d", x, 3);
  }
}

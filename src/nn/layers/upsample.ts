/** Larger or smaller images: nearest, linear and cubic interpolation over any number of axes. */

import { int32 } from "../../core/dtype.js";
import { ArgumentError, ShapeError } from "../../core/errors.js";
import { describe } from "../../core/guards.js";
import { readPositional } from "../../core/options.js";
import { showShape } from "../../core/shape.js";
import type { NDArray } from "../../graph/array.js";
import { add, multiply } from "../../ops/arithmetic.js";
import { array } from "../../ops/creation-host.js";
import { broadcastTo, reshape } from "../../ops/shape.js";
import { take } from "../../ops/take.js";
import { Module } from "../module/module.js";
import { shown } from "./arguments.js";
import {
  cubicTaps,
  linearTaps,
  nearestPlaces,
  smoothCubicTaps,
  smoothLinearTaps,
  type Tap,
} from "./upsample-taps.js";

/** How {@link Upsample} interpolates. */
export type UpsampleMode = "nearest" | "linear" | "cubic";

/** Options of {@link Upsample}. */
export interface UpsampleOptions {
  /** "nearest" by default. */
  readonly mode?: UpsampleMode;
  /** Corners stay where they are; false by default. */
  readonly alignCorners?: boolean;
  /** Filters that average where the result is smaller; not with "nearest" or alignCorners. */
  readonly antialias?: boolean;
}

/** One axis of `x` made of weighted elements of it. */
const interpolate = (x: NDArray, axis: number, taps: readonly Tap[]): NDArray => {
  const shape = x.shape.map((_, d) => (d === axis ? -1 : 1));
  return taps
    .map(({ places, weights }) =>
      multiply(take(x, array(places, int32), axis), reshape(array(weights), shape)),
    )
    .reduce((a, b) => add(a, b));
};

/** Every element repeated. */
const repeated = (x: NDArray, factors: readonly number[]): NDArray => {
  const [n = 0, ...rest] = x.shape;
  const channels = rest.at(-1) ?? 0;
  const space = rest.slice(0, -1);
  const thin = [n, ...space.flatMap((d) => [d, 1]), channels];
  const wide = [n, ...space.flatMap((d, k) => [d, factors[k] ?? 1]), channels];
  const shape = [n, ...space.map((d, k) => d * (factors[k] ?? 1)), channels];
  return reshape(broadcastTo(reshape(x, thin), wide), shape);
};

/**
 * Scales the axes between the first and the last of [n, …, channels].
 *
 * @param scaleFactor one for all axes or one for each; lengths are rounded down
 * @param mode "nearest" by default; also in one options object, `{ mode, alignCorners, antialias }`
 * @throws ArgumentError for factors, modes and combinations that do not exist, ShapeError in the call for arrays that do not fit
 * @example new nn.Upsample(2).forward(mx.array([[[1], [2]]])).tolist() // [[[1], [1], [2], [2]]]
 * @see mlx.nn.Upsample
 */
export class Upsample extends Module {
  readonly scaleFactor: number | readonly number[];
  readonly mode: UpsampleMode;
  readonly alignCorners: boolean;
  readonly antialias: boolean;

  constructor(
    scaleFactor: number | readonly number[],
    mode?: UpsampleMode | UpsampleOptions,
    options?: UpsampleOptions,
  ) {
    super();
    const op = "Upsample";
    const names = ["mode", "alignCorners", "antialias"] as const;
    const o = readPositional<UpsampleOptions>(op, "mode", mode, options, names);
    const factors: readonly unknown[] = Array.isArray(scaleFactor) ? scaleFactor : [scaleFactor];
    if (!factors.every((f) => typeof f === "number" && f > 0 && Number.isFinite(f))) {
      throw new ArgumentError(
        `[${op}] expected positive numbers as scaleFactor, got ${describe(scaleFactor)}: pass one, or one per axis`,
      );
    }
    this.scaleFactor = scaleFactor;
    this.mode = o.mode ?? "nearest";
    this.alignCorners = o.alignCorners ?? false;
    this.antialias = o.antialias ?? false;
    if (!["nearest", "linear", "cubic"].includes(this.mode)) {
      throw new ArgumentError(
        `[${op}] expected mode "nearest", "linear" or "cubic", got ${describe(this.mode)}: pass one of these`,
      );
    }
    if (this.antialias && (this.mode === "nearest" || this.alignCorners)) {
      throw new ArgumentError(
        `[${op}] expected antialias with mode "linear" or "cubic" and without alignCorners, got mode "${this.mode}" and alignCorners ${this.alignCorners}: leave antialias out`,
      );
    }
  }

  forward(x: NDArray): NDArray {
    const axes = x.ndim - 2;
    const { scaleFactor } = this;
    const factors =
      typeof scaleFactor === "number"
        ? new Array<number>(Math.max(axes, 0)).fill(scaleFactor)
        : scaleFactor;
    if (axes < 1 || factors.length !== axes) {
      throw new ShapeError(
        `[Upsample] expected an array [n, …, channels] with ${typeof scaleFactor === "number" ? "at least three" : scaleFactor.length + 2} axes, got shape ${showShape(x.shape)}: reshape it`,
      );
    }
    if (this.mode === "nearest" && factors.every(Number.isInteger)) return repeated(x, factors);
    return factors.reduce((y, factor, k) => {
      const axis = k + 1;
      const length = x.shape[axis] ?? 0;
      if (this.mode === "nearest")
        return take(y, array(nearestPlaces(length, factor), int32), axis);
      return interpolate(y, axis, this.#taps(length, factor));
    }, x);
  }

  #taps(length: number, factor: number): readonly Tap[] {
    if (this.mode === "linear")
      return this.antialias
        ? smoothLinearTaps(length, factor)
        : linearTaps(length, factor, this.alignCorners);
    return this.antialias
      ? smoothCubicTaps(length, factor)
      : cubicTaps(length, factor, this.alignCorners);
  }

  protected override extraRepr(): string {
    const { scaleFactor, mode, alignCorners, antialias } = this;
    return shown({ scaleFactor, mode, alignCorners, ...(antialias ? { antialias } : {}) });
  }
}

/** Positions along axes of a kernel: whole numbers that every index is made of, whose range is known when the kernel is built. */
import { ArgumentError } from "../../core/errors.js";
import { describe } from "../../core/guards.js";
import { addIx, divIx, modIx, offsetIx, rangeIx, scaleIx } from "../../kernel/index-math.js";
import type { Ix } from "../../kernel/ir.js";

/** Sizes of the axes made so far; grows while the kernel is built. */
export type Axes = readonly { readonly size: number }[];

/** The least and the greatest value of an index expression without values in it; wider rather than narrower. */
const rangeOf = (ix: Ix, axes: Axes): readonly [number, number] => {
  switch (ix.k) {
    case "affine":
      return rangeIx(ix, axes);
    case "div":
    case "mod": {
      const [, high] = rangeOf(ix.of, axes);
      const most = ix.k === "div" ? Math.floor(high / ix.by) : Math.min(high, ix.by - 1);
      const reach = most * ix.stride;
      return [Math.min(0, reach), Math.max(0, reach)];
    }
    case "sum": {
      const parts = ix.of.map((part) => rangeOf(part, axes));
      return [parts.reduce((t, [lo]) => t + lo, 0), parts.reduce((t, [, hi]) => t + hi, 0)];
    }
    case "value":
      return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  }
};

/** A whole number that follows from where in the grid, and in its loops, a kernel is. Made by the builder and from others. */
export class KernelPosition {
  readonly ix: Ix;
  readonly #axes: Axes;

  constructor(ix: Ix, axes: Axes) {
    this.ix = ix;
    this.#axes = axes;
  }

  /** The least and the greatest value. */
  get range(): readonly [number, number] {
    return rangeOf(this.ix, this.#axes);
  }

  #whole(op: string, by: unknown, least: number): number {
    if (typeof by === "number" && Number.isSafeInteger(by) && by >= least) return by;
    throw new ArgumentError(
      `[wasmKernel] expected a whole number${least === 1 ? " from 1" : ""} in ${op}, got ${describe(by)}: positions are whole`,
    );
  }

  #requirePositive(op: string): void {
    const [least] = this.range;
    if (least >= 0) return;
    throw new ArgumentError(
      `[wasmKernel] expected a position from 0 in ${op}, got one from ${least}: add what is missing first`,
    );
  }

  /** The sum of two. */
  plus(other: KernelPosition | number): KernelPosition {
    if (other instanceof KernelPosition)
      return new KernelPosition(addIx(this.ix, other.ix), this.#axes);
    const by = this.#whole("plus", other, Number.NEGATIVE_INFINITY);
    return new KernelPosition(offsetIx(this.ix, by), this.#axes);
  }

  /** Its product with a number. */
  times(by: number): KernelPosition {
    const factor = this.#whole("times", by, Number.NEGATIVE_INFINITY);
    return new KernelPosition(scaleIx(this.ix, factor), this.#axes);
  }

  /** Its whole quotient by a number; it must not be negative. */
  div(by: number): KernelPosition {
    this.#requirePositive("div");
    return new KernelPosition(divIx(this.ix, this.#whole("div", by, 1), this.#axes), this.#axes);
  }

  /** Its remainder by a number; it must not be negative. */
  mod(by: number): KernelPosition {
    this.#requirePositive("mod");
    return new KernelPosition(modIx(this.ix, this.#whole("mod", by, 1), this.#axes), this.#axes);
  }
}

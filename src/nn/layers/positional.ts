/** Positions made visible: turned pairs, waves, penalties on distance. */
import { type DType, float32 } from "../../core/dtype.js";
import { ArgumentError } from "../../core/errors.js";
import { readOptions, readPositional } from "../../core/options.js";
import { rope } from "../../fast/rope.js";
import type { NDArray } from "../../graph/array.js";
import { add, multiply, subtract } from "../../ops/arithmetic.js";
import { astype } from "../../ops/convert.js";
import { arange } from "../../ops/create.js";
import { array } from "../../ops/creation-host.js";
import { concatenate } from "../../ops/join.js";
import { expandDims } from "../../ops/shape.js";
import { cos, sin } from "../../ops/transcendental.js";
import { abs, negative } from "../../ops/unary.js";
import { Module } from "../module/module.js";
import { requireCount, shown } from "./arguments.js";

/** Options of {@link RoPE}. */
export interface RoPELayerOptions {
  /** Channels 2i and 2i + 1 are a pair; otherwise i and i + dims / 2 are. */
  readonly traditional?: boolean;
  /** Pair i turns by base^(-2i / dims) per position; 10000 by default. */
  readonly base?: number;
  /** Multiplies the positions, 1 by default. */
  readonly scale?: number;
}

/** Options of a call of {@link RoPE}. */
export interface RoPECallOptions {
  /** Position of the first row, 0 by default. */
  readonly offset?: number | NDArray;
}

/**
 * Rotary position embedding of the first `dims` channels of [batch, …, rows, channels].
 *
 * @param traditional also in one options object, `{ traditional, base, scale }`
 * @throws ArgumentError for dims that are not positive and whole
 * @example new nn.RoPE(4).forward(mx.ones([1, 2, 3, 4]), { offset: 2 }).shape // [1, 2, 3, 4]
 * @see mlx.nn.RoPE
 */
export class RoPE extends Module {
  readonly dims: number;
  readonly traditional: boolean;
  readonly base: number;
  readonly scale: number;

  constructor(dims: number, traditional?: boolean | RoPELayerOptions, options?: RoPELayerOptions) {
    super();
    const names = ["traditional", "base", "scale"] as const;
    const o = readPositional<RoPELayerOptions>("RoPE", "traditional", traditional, options, names);
    this.dims = requireCount("RoPE", "dims", dims);
    this.traditional = o.traditional ?? false;
    this.base = o.base ?? 10000;
    this.scale = o.scale ?? 1;
  }

  forward(x: NDArray, offset?: number | NDArray | RoPECallOptions): NDArray {
    const o = readPositional<RoPECallOptions>("RoPE", "offset", offset, undefined, ["offset"]);
    const { traditional, base, scale } = this;
    return rope(x, this.dims, { traditional, base, scale, offset: o.offset ?? 0 });
  }

  protected override extraRepr(): string {
    const { dims, traditional, base, scale } = this;
    return shown({ dims, traditional, base, scale });
  }
}

/** Options of {@link SinusoidalPositionalEncoding}. */
export interface SinusoidalOptions {
  /** Radians per position of the slowest wave; 0.0001 by default. */
  readonly minFreq?: number;
  /** Of the fastest; 1 by default. */
  readonly maxFreq?: number;
  /** Multiplies the waves; √(2 / dims) by default. */
  readonly scale?: number | null;
  readonly cosFirst?: boolean;
  /** Frequencies are turns per position, not radians. */
  readonly fullTurns?: boolean;
}

const sinusoidalNames = ["minFreq", "maxFreq", "scale", "cosFirst", "fullTurns"] as const;

/**
 * Sines and cosines of positions at `dims / 2` frequencies: an array [...] gives [..., dims].
 *
 * @param minFreq also in one options object, `{ minFreq, maxFreq, scale, cosFirst, fullTurns }`
 * @throws ArgumentError for dims that are not positive and even
 * @example new nn.SinusoidalPositionalEncoding(8).forward(mx.arange(5)).shape // [5, 8]
 * @see mlx.nn.SinusoidalPositionalEncoding
 */
export class SinusoidalPositionalEncoding extends Module {
  readonly scale: number;
  readonly cosFirst: boolean;
  _sigmas: NDArray;

  constructor(dims: number, minFreq?: number | SinusoidalOptions, options?: SinusoidalOptions) {
    super();
    const op = "SinusoidalPositionalEncoding";
    const o = readPositional<SinusoidalOptions>(op, "minFreq", minFreq, options, sinusoidalNames);
    if (requireCount(op, "dims", dims) % 2 !== 0)
      throw new ArgumentError(
        `[${op}] expected even dims, got ${dims}: sines and cosines are half`,
      );
    const low = Math.log(o.minFreq ?? 0.0001);
    const high = Math.log(o.maxFreq ?? 1);
    const turn = o.fullTurns === true ? 2 * Math.PI : 1;
    const last = dims / 2 - 1;
    const part = (i: number): number => (last === 0 ? 1 : 1 - i / last);
    const sigmas = Array.from(
      { length: dims / 2 },
      (_, i) => Math.exp(part(i) * (high - low) + low) * turn,
    );
    this._sigmas = array(sigmas);
    this.scale = o.scale ?? Math.sqrt(2 / dims);
    this.cosFirst = o.cosFirst ?? false;
  }

  forward(x: NDArray): NDArray {
    const angle = multiply(expandDims(x, -1), this._sigmas);
    const waves = this.cosFirst ? [cos(angle), sin(angle)] : [sin(angle), cos(angle)];
    return multiply(concatenate(waves, { axis: -1 }), this.scale);
  }

  protected override extraRepr(): string {
    return shown({ dims: 2 * this._sigmas.size, scale: this.scale, cosFirst: this.cosFirst });
  }
}

/** Options of {@link ALiBi.createAlibiMatrix}. */
export interface AlibiMatrixOptions {
  /** Position of the first query. */
  readonly offset?: number;
  readonly dtype?: DType;
}

/** Options of a call of {@link ALiBi}. */
export interface AlibiCallOptions {
  /** Position of the first query, 0 by default. */
  readonly offset?: number;
  /** Added to the scores as well. */
  readonly mask?: NDArray | null;
}

/** Slopes that fall geometrically; between powers of two those of the next one fill up. */
const slopes = (heads: number): number[] => {
  const power = 2 ** Math.floor(Math.log2(heads));
  const start = 2 ** -(2 ** -(Math.log2(power) - 3));
  const own = Array.from({ length: power }, (_, i) => start ** (i + 1));
  if (power === heads) return own;
  const finer = slopes(2 * power).filter((_, i) => i % 2 === 0);
  return [...own, ...finer.slice(0, heads - power)];
};

/**
 * Attention with linear biases: takes from scores [batch, heads, queries, keys] the distance times a slope of each head.
 *
 * @example new nn.ALiBi().forward(mx.zeros([1, 2, 3, 3])).shape // [1, 2, 3, 3]
 * @see mlx.nn.ALiBi
 */
export class ALiBi extends Module {
  /** The biases, of shape [1, numHeads, queries - offset, keys]; queries are counted from 0. */
  static createAlibiMatrix(
    qSequenceLength: number,
    kSequenceLength: number,
    numHeads: number,
    options?: AlibiMatrixOptions,
  ): NDArray {
    const names = ["offset", "dtype"] as const;
    const o = readOptions<AlibiMatrixOptions>("createAlibiMatrix", options, names);
    const { offset = 0, dtype = float32 } = o;
    const queries = expandDims(arange(offset, qSequenceLength), 1);
    const distance = negative(abs(subtract(queries, arange(kSequenceLength))));
    return astype(multiply(distance, ALiBi.createAlibiSlope(numHeads, { dtype })), dtype);
  }

  /** The slopes, of shape [numHeads, 1, 1]. */
  static createAlibiSlope(numHeads: number, options?: { readonly dtype?: DType }): NDArray {
    const o = readOptions<{ readonly dtype?: DType }>("createAlibiSlope", options, ["dtype"]);
    requireCount("createAlibiSlope", "numHeads", numHeads);
    return expandDims(array(slopes(numHeads), o.dtype ?? float32), [-1, -2]);
  }

  forward(attentionScores: NDArray, offset?: number | AlibiCallOptions): NDArray {
    const names = ["offset", "mask"] as const;
    const o = readPositional<AlibiCallOptions>("ALiBi", "offset", offset, undefined, names);
    const [, heads = 1] = attentionScores.shape;
    const start = o.offset ?? 0;
    const queries = (attentionScores.shape.at(-2) ?? 0) + start;
    const keys = attentionScores.shape.at(-1) ?? 0;
    const { dtype } = attentionScores;
    const bias = ALiBi.createAlibiMatrix(queries, keys, heads, { offset: start, dtype });
    const { mask = null } = o;
    return add(attentionScores, mask === null ? bias : add(bias, mask));
  }
}

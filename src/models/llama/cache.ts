/** Keys and values of the tokens that a decoder has seen, in blocks, so that their shapes seldom change. */

import type { DType } from "../../core/dtype.js";
import { int32 } from "../../core/dtype.js";
import type { NDArray } from "../../graph/array.js";
import { keep } from "../../graph/scope.js";
import { zeros } from "../../ops/create.js";
import { array } from "../../ops/creation-host.js";
import { concatenate } from "../../ops/join.js";
import { reshape } from "../../ops/shape.js";
import { sliceUpdate } from "../../ops/take.js";

/** Room grows by this many positions. */
const block = 256;

/** What one layer keeps: [batch, key heads, room, head size]. */
export interface LayerCache {
  keys: NDArray;
  values: NDArray;
}

/** What a step sees of a cache: the layers, whose arrays it changes, and how many tokens are in them. */
export interface CacheView {
  readonly layers: readonly LayerCache[];
  readonly offset: NDArray;
}

/** Sizes of a cache. */
export interface CacheShape {
  readonly layers: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly dtype: DType;
}

/**
 * The cache of a decoder: `offset` tokens have been seen. Steps change its arrays in place when they are compiled with the
 * cache as captured state.
 */
export class KVCache implements CacheView {
  readonly layers: LayerCache[];
  /** Tokens seen, as a 0-d int32 array, so that steps at different offsets are one program. */
  offset: NDArray = array(0, int32);
  #seen = 0;
  #room = 0;
  readonly #shape: CacheShape;

  constructor(shape: CacheShape) {
    this.#shape = shape;
    const empty = (): NDArray => zeros([1, shape.kvHeads, 0, shape.headSize], shape.dtype);
    this.layers = Array.from({ length: shape.layers }, () => ({ keys: empty(), values: empty() }));
  }

  /** Tokens seen. */
  get seen(): number {
    return this.#seen;
  }

  /** Makes room for more tokens, ahead of the step that puts them in. */
  reserve(tokens: number): void {
    const needed = Math.ceil((this.#seen + tokens) / block) * block;
    if (needed <= this.#room) return;
    const { kvHeads, headSize, dtype } = this.#shape;
    for (const layer of this.layers) {
      const more = zeros([1, kvHeads, needed - this.#room, headSize], dtype);
      layer.keys = keep(concatenate([layer.keys, more], 2));
      layer.values = keep(concatenate([layer.values, more], 2));
    }
    this.#room = needed;
  }

  /** Notes that a step has put tokens in. */
  advance(tokens: number): void {
    this.#seen += tokens;
    this.offset = keep(array(this.#seen, int32));
  }
}

/** Puts the keys and values of new tokens behind those seen; gives all, with the room behind them. */
export const extend = (
  layer: LayerCache,
  offset: NDArray,
  keys: NDArray,
  values: NDArray,
): LayerCache => {
  const at = reshape(offset, [1]);
  layer.keys = sliceUpdate(layer.keys, keys, at, [2]);
  layer.values = sliceUpdate(layer.values, values, at, [2]);
  return layer;
};

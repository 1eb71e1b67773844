/** Rotary position embedding: pairs of channels turned by an angle that grows with the position. */

import { float32, int32, isInteger } from "../core/dtype.js";
import { ArgumentError, DTypeError, ShapeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readOptions } from "../core/options.js";
import { requireNumbers } from "../core/require.js";
import { showShape } from "../core/shape.js";
import { NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import { arrayOf, castTo, constant, like, spread, wrap } from "../ops/operand.js";
import * as p from "../primitives/index.js";

export interface RopeOptions {
  /** Channels 2i and 2i + 1 are a pair; otherwise i and i + dims / 2 are. */
  readonly traditional?: boolean;
  /** Pair i turns by base^(-2i / dims) per position. Null when `freqs` is given. */
  readonly base?: number | null;
  /** Multiplies the positions. */
  readonly scale?: number;
  /** Position of the first row: a number, an integer array with one element, or one per batch entry. */
  readonly offset?: number | NDArray;
  /** Positions per radian for each pair, in place of `base`. */
  readonly freqs?: NDArray | null;
}

/** Radians per position, one for each pair. */
const frequencies = (
  half: number,
  base: number | null | undefined,
  freqs: NDArray | null | undefined,
): Node => {
  if (freqs !== null && freqs !== undefined) {
    if (base !== null && base !== undefined)
      throw new ArgumentError("[rope] expected base or freqs, got both: set base to null");
    const n = freqs.node;
    if (n.shape.length !== 1 || n.shape[0] !== half) {
      throw new ShapeError(`[rope] expected freqs of shape [${half}], got ${showShape(n.shape)}`);
    }
    const f = castTo(n, float32);
    return p.divide(like(f, 1), f);
  }
  if (base === null || base === undefined)
    throw new ArgumentError("[rope] expected base or freqs, got neither: give base: 10000");
  if (typeof base !== "number")
    throw new ArgumentError(`[rope] expected base as a number, got ${describe(base)}`);
  const i = p.iota([half], 0, float32);
  return p.exp(p.multiply(i, like(i, -Math.log(base) / half)));
};

/** The offset, to be added to positions of shape [rows] or [batch, 1, …, rows]. */
const offsetNode = (x: Node, offset: number | NDArray): Node => {
  if (typeof offset === "number") return constant(offset, float32);
  if (!(offset instanceof NDArray))
    throw new ArgumentError(
      `[rope] expected offset as a number or an array, got ${describe(offset)}`,
    );
  const n = offset.node;
  if (!isInteger(n.dtype))
    throw new DTypeError(`[rope] expected integer offsets, got ${n.dtype.name}`);
  const each = n.shape.length === 1 && n.shape[0] === x.shape[0];
  if (n.shape.length > 0 && !each) {
    throw new ShapeError(
      `[rope] expected an offset of shape [] or [${x.shape[0]}], got ${showShape(n.shape)}`,
    );
  }
  const ones = x.shape.slice(2).map(() => 1);
  return castTo(n.shape.length === 0 ? n : p.reshape(n, [x.shape[0] ?? 1, ...ones]), float32);
};

/**
 * Rotary position embedding of an array [batch, …, rows, channels]: of the first `dims` channels each pair is turned by
 * (row + offset) · scale · base^(-2i / dims). Other channels pass through.
 *
 * @throws ShapeError for fewer than three axes, or dims that are odd or more than the channels; ArgumentError unless one of base and freqs is given
 * @example mx.fast.rope(mx.ones([1, 2, 4]), 4, { base: 10000 }).shape // [1, 2, 4]
 * @see mlx.core.fast.rope
 */
export function rope(a: NDArray, dims: number, options: RopeOptions): NDArray {
  const {
    traditional = false,
    base,
    scale = 1,
    offset = 0,
    freqs,
  } = readOptions<RopeOptions>("rope", options, [
    "traditional",
    "base",
    "scale",
    "offset",
    "freqs",
  ]);
  const x = arrayOf("rope", a);
  requireNumbers("rope", { scale });
  const { dtype, shape } = x;
  const ndim = shape.length;
  if (ndim < 3) {
    throw new ShapeError(
      `[rope] expected at least three axes, [batch, …, rows, channels], got ${showShape(shape)}: add one with mx.expandDims`,
    );
  }
  if (dtype.kind !== "float")
    throw new DTypeError(`[rope] expected a floating array, got ${dtype.name}: cast it`);
  const channels = shape[ndim - 1] ?? 0;
  if (!Number.isInteger(dims) || dims <= 0 || dims > channels || dims % 2 !== 0) {
    throw new ShapeError(
      `[rope] expected an even number of dims up to ${channels}, got ${describe(dims)}`,
    );
  }
  const half = dims / 2;
  const rows = shape[ndim - 2] ?? 0;
  const inverse = frequencies(half, base, freqs);
  const start = offsetNode(x, offset);
  const lead = start.shape.length === 0 ? [rows] : [...start.shape.slice(0, -1), rows];
  const row = castTo(p.iota(lead, lead.length - 1, int32), float32);
  const shifted = p.add(row, spread(start, lead));
  const position = p.multiply(shifted, like(shifted, scale));
  const table = [...lead, half];
  const angle = p.multiply(p.broadcast(position, table, [...lead.keys()]), spread(inverse, table));
  // The two of a pair along an axis of their own: turning them is x · cos + partner · ±sin, without joining halves.
  const outer = shape.slice(0, -1);
  const split = [...outer, ...(traditional ? [half, 2] : [2, half])];
  const pairAxis = traditional ? ndim : ndim - 1;
  const part = p.reshape(p.sliceAxis(x, ndim - 1, 0, dims), split);
  const partner = p.flip(
    part,
    split.map((_, d) => d === pairAxis),
  );
  const turn = (n: Node): Node => {
    const c = castTo(n, dtype);
    const wide = [...c.shape.slice(0, -1), ...(traditional ? [half, 1] : [1, half])];
    return spread(p.reshape(c, wide), split);
  };
  const second = p.iota(split, pairAxis, int32);
  const sine = turn(p.sin(angle));
  const signed = p.select(p.equal(second, like(second, 0)), p.negative(sine), sine);
  const turned = p.add(p.multiply(part, turn(p.cos(angle))), p.multiply(partner, signed));
  const joined = p.reshape(turned, [...outer, dims]);
  if (dims === channels) return wrap(joined);
  return wrap(p.concatenate([joined, p.sliceAxis(x, ndim - 1, dims, channels)], ndim - 1));
}

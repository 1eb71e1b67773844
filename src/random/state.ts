/** Keys, and the global sequence that functions draw from when they are given none. */
import { uint32 } from "../core/dtype.js";
import { ArgumentError, DTypeError, ShapeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readPositional } from "../core/options.js";
import { showShape } from "../core/shape.js";
import { HostStorage } from "../core/storage.js";
import { NDArray } from "../graph/array.js";
import { hostNode } from "../graph/host.js";
import type { Node } from "../graph/node.js";
import { keep } from "../graph/scope.js";
import { wrap } from "../ops/operand.js";
import * as p from "../primitives/index.js";
import { splitKey } from "./threefry.js";

const keyNode = (words: readonly number[]): Node =>
  hostNode([2], uint32, new Uint8Array(Uint32Array.from(words).buffer));

/**
 * A random key: uint32 [high half, low half] of a 64-bit seed.
 *
 * @throws ArgumentError when the seed is not a whole number
 * @example mx.random.key(7).tolist() // [0, 7]
 * @see mlx.core.random.key
 */
export function key(seed: number | bigint): NDArray {
  if (typeof seed !== "bigint" && !Number.isInteger(seed)) {
    throw new ArgumentError(
      `[random.key] expected a whole number as seed, got ${describe(seed)}: round it`,
    );
  }
  const bits = BigInt.asUintN(64, BigInt(seed));
  return wrap(keyNode([Number(bits >> 32n), Number(bits & 0xffffffffn)]));
}

/** The node of a key that has to be one. */
export const requireKey = (op: string, given: unknown): Node => {
  const cure = "make it with mx.random.key(seed)";
  if (!(given instanceof NDArray)) {
    throw new ArgumentError(`[random.${op}] expected a key, got ${describe(given)}: ${cure}`);
  }
  const n = given.node;
  if (n.dtype !== uint32) {
    throw new DTypeError(`[random.${op}] expected a uint32 key, got ${n.dtype.name}: ${cure}`);
  }
  if (n.shape.length !== 1 || n.shape[0] !== 2) {
    throw new ShapeError(
      `[random.${op}] expected a key of shape [2], got ${showShape(n.shape)}: ${cure}`,
    );
  }
  return n;
};

/**
 * Holds the key of the global sequence; `compile` takes it as captured state, so that every call draws new numbers.
 *
 * @example
 * const noisy = mx.compile((x: mx.NDArray) => x.add(mx.random.normal(x.shape)), {
 *   inputs: mx.random.state,
 *   outputs: mx.random.state,
 * });
 * noisy(mx.zeros([3]));
 * @see mlx.core.random.state
 */
export const state: NDArray[] = [key(Date.now())];

/**
 * Restarts the global sequence.
 *
 * @throws ArgumentError when the seed is not a whole number
 * @example
 * mx.random.seed(3);
 * mx.random.uniform().item(); // 0.476525843143463…
 * @see mlx.core.random.seed
 */
export function seed(value: number | bigint): void {
  state[0] = keep(key(value));
}

const splitNode = (n: Node, count: number): Node => p.randomBits(n, [count, 2], 4);

const row = (n: Node, i: number): Node => p.reshape(p.sliceAxis(n, 0, i, i + 1), [2]);

/** The next key of the global sequence; hashed at once where the words are at hand, as they are outside `compile`. */
const nextKey = (): Node => {
  const current = (state[0] ?? key(Date.now())).node;
  if (current.data instanceof HostStorage) {
    const { bytes } = current.data;
    const words = new Uint32Array(bytes.slice().buffer);
    const [next, drawn] = splitKey(words[0] ?? 0, words[1] ?? 0);
    state[0] = keep(wrap(keyNode(next)));
    return keyNode(drawn);
  }
  const pair = splitNode(current, 2);
  state[0] = keep(wrap(row(pair, 0)));
  return row(pair, 1);
};

/** The given key, or the next of the global sequence. */
export const keyOr = (op: string, given: NDArray | null | undefined): Node =>
  given === undefined || given === null ? nextKey() : requireKey(op, given);

export interface SplitOptions {
  readonly num?: number;
}

/**
 * Independent keys from one, as rows of [num, 2].
 *
 * @throws ShapeError or DTypeError when it is not a key
 * @example mx.random.split(mx.random.key(0)).shape // [2, 2]
 * @see mlx.core.random.split
 */
export function split(k: NDArray, num?: number | SplitOptions): NDArray {
  const o = readPositional<SplitOptions>("random.split", "num", num, undefined, ["num"]);
  const count = o.num ?? 2;
  if (!Number.isInteger(count) || count < 0) {
    throw new ArgumentError(
      `[random.split] expected a number of keys from 0, got ${describe(count)}`,
    );
  }
  return wrap(splitNode(requireKey("split", k), count));
}

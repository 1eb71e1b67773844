/** The Hadamard transform: products with small matrices of signs, one for each factor of the length. */

import { float32, isInexact } from "../core/dtype.js";
import { DTypeError, ShapeError } from "../core/errors.js";
import { readOptions } from "../core/options.js";
import { atLeastFloat, promote } from "../core/promotion.js";
import { requireNumbers } from "../core/require.js";
import { showShape } from "../core/shape.js";
import type { NDArray } from "../graph/array.js";
import { hostNode } from "../graph/host.js";
import type { Node } from "../graph/node.js";
import * as p from "../primitives/index.js";
import { castTo, like, nodeOf, type Operand, wrap } from "./operand.js";

type Sign = (row: number, column: number) => number;

/** Sylvester's: the parity of the bits that row and column share. */
const sylvester: Sign = (row, column) => {
  let sign = 1;
  for (let bits = row & column; bits !== 0; bits &= bits - 1) sign = -sign;
  return sign;
};

/** Paley's second construction over the field of 5 elements, whose squares are 1 and 4. */
const paley12: Sign = (row, column) => {
  const [i, j] = [row >> 1, column >> 1];
  const [second, other] = [row & 1, column & 1];
  if (i === j) return second === 0 && other === 0 ? 1 : -1;
  const both = (second & other) === 1 ? -1 : 1;
  if (i === 0 || j === 0) return both;
  const gap = (i - j + 5) % 5;
  return gap === 1 || gap === 4 ? both : -both;
};

/** How Williamson's four circulant matrices and their negatives make one four times as large. */
const blocks = ["+a+b+c+d", "-b+a-d+c", "-c+d+a-b", "-d-c+b+a"] as const;

/** Williamson's construction from the first rows of the four matrices. */
const williamson = (first: Readonly<Record<string, string>>, size: number): Sign => {
  return (row, column) => {
    const line = blocks[Math.floor(row / size)] ?? "";
    const name = 2 * Math.floor(column / size);
    const at = ((column % size) - (row % size) + size) % size;
    return first[line[name + 1] ?? ""]?.[at] === line[name] ? 1 : -1;
  };
};

const williamson20: Sign = williamson({ a: "+----", b: "+----", c: "++--+", d: "+-++-" }, 5);
const williamson28: Sign = williamson(
  { a: "+------", b: "++----+", c: "+-+--+-", d: "+--++--" },
  7,
);

/** Matrices that are no power of two. */
const odd: readonly (readonly [size: number, sign: Sign])[] = [
  [12, paley12],
  [20, williamson20],
  [28, williamson28],
];

const tables = new Map<number, Uint8Array>();

/** A matrix of signs as a node. */
const matrix = (size: number, sign: Sign): Node => {
  let bytes = tables.get(size);
  if (bytes === undefined) {
    const values = Float32Array.from({ length: size * size }, (_, i) =>
      sign(Math.floor(i / size), i % size),
    );
    bytes = new Uint8Array(values.buffer);
    tables.set(size, bytes);
  }
  return hostNode([size, size], float32, bytes.slice());
};

/** Largest matrix of one step: larger ones would cost more than a second step. */
const widest = 64;

/**
 * Hadamard transform along the last axis, of length m · 2^k with m one of 1, 12, 20, 28. It is its own inverse up to sign
 * patterns of m and the scale, which by default makes it orthogonal.
 *
 * @throws ShapeError for another length, DTypeError for complex arrays
 * @example mx.hadamardTransform(mx.array([1, 1]), { scale: 1 }).tolist() // [2, 0]
 * @see mlx.core.hadamard_transform
 */
export function hadamardTransform(a: Operand, options?: HadamardTransformOptions): NDArray {
  const { scale } = readOptions<HadamardTransformOptions>("hadamardTransform", options, ["scale"]);
  if (scale !== undefined && scale !== null) requireNumbers("hadamardTransform", { scale });
  const x = nodeOf("hadamardTransform", a);
  const dtype = atLeastFloat(x.dtype);
  if (dtype.kind !== "float" && isInexact(dtype))
    throw new DTypeError(
      `[hadamardTransform] expected a real array, got ${dtype.name}: transform its parts`,
    );
  const n = x.shape.at(-1) ?? 0;
  const base = odd.find(([size]) => n % size === 0 && Number.isInteger(Math.log2(n / size)));
  const first = base?.[0] ?? 1;
  const rest = n / first;
  if (n === 0 || !Number.isInteger(Math.log2(rest))) {
    throw new ShapeError(
      `[hadamardTransform] expected a last axis of length m · 2^k with m of 1, 12, 20 or 28, got shape ${showShape(x.shape)}: pad it`,
    );
  }
  const wide = promote(dtype, float32);
  let y = castTo(x, wide);
  // One axis at a time: [before, size, after] by [size, size].
  let before = 1;
  const outer = x.shape.slice(0, -1);
  const step = (size: number, sign: Sign): void => {
    const after = n / (before * size);
    const h = castTo(matrix(size, sign), wide);
    const split = p.reshape(y, [...outer, before, size, after]);
    const last = p.transposeLast(split);
    const rows = [...outer, before, after].reduce((product, length) => product * length, 1);
    const product = p.matmul(p.reshape(last, [rows, size]), p.transposeLast(h));
    y = p.reshape(p.transposeLast(p.reshape(product, last.shape)), x.shape);
    before *= size;
  };
  if (base !== undefined) step(...base);
  while (before < n) step(Math.min(widest, n / before), sylvester);
  return wrap(castTo(p.multiply(y, like(y, scale ?? 1 / Math.sqrt(n))), dtype));
}

export interface HadamardTransformOptions {
  /** Multiplies the result; by default 1 / √n. */
  readonly scale?: number | null;
}

/** Samples for matrix primitives: well conditioned, with eigenvalues, singular values and pivots that lie apart. */
import { complex64, type DType, float32, float64 } from "../../src/core/dtype.js";
import type { Node } from "../../src/graph/node.js";
import type { Primitive } from "../../src/graph/primitive.js";
import * as p from "../../src/primitives/index.js";
import { leafOf } from "../support/naive.js";
import { random } from "./draw.js";
import type { Sample } from "./sample.js";

export const samples: Sample[] = [];

const sample = <A>(
  prim: Primitive<A>,
  attrs: A,
  what: string,
  ins: (seed: number) => Node[],
): void => {
  samples.push({ name: `${prim.name} ${what}`, prim, attrs, ins, conventional: false });
};

type Entry = (i: number, j: number, noise: () => number) => number;

/** `count` matrices m×n, or one without a batch axis where `count` is 0; imaginary parts are noise off the diagonal. */
const stack = (
  dtype: DType,
  count: number,
  m: number,
  n: number,
  entry: Entry,
  seed: number,
): Node => {
  const next = random(seed * 17 + m * 5 + n);
  const noise = (): number => next() - 0.5;
  const values: number[] = [];
  for (let c = 0; c < Math.max(count, 1); c++)
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        values.push(entry(i, j, noise));
        if (dtype === complex64) values.push(i === j ? 0.2 * noise() : 0.8 * noise());
      }
  return leafOf(dtype, count === 0 ? [m, n] : [count, m, n], values);
};

/** Nothing special. */
const general: Entry = (i, j, noise) => noise() + (i === j ? 1.5 + 0.7 * i : 0);
/** Definite as soon as one triangle is taken for both; the other is noise. */
const definite: Entry = (i, j, noise) => (i === j ? 2 + 1.3 * i : 0.6 * noise());
/** Spectra with gaps of about one. */
const apart: Entry = (i, j, noise) => 0.7 * noise() + (i === j ? 1 + 1.5 * i : 0);

/** The same, near enough to a diagonal that eigenvalues are found in the same order nearby. */
const nearly: Entry = (i, j, noise) => 0.4 * noise() + (i === j ? 1 + 1.5 * i : 0);

const dtypes: readonly DType[] = [float32, float64, complex64];

for (const dtype of dtypes) {
  for (const count of [0, 2]) {
    const what = `${dtype.name} of ${count}`;
    const square =
      (entry: Entry, size = 3) =>
      (seed: number): Node[] => [stack(dtype, count, size, size, entry, seed)];
    sample(p.choleskyP, undefined, what, square(definite));
    sample(p.luP, undefined, what, square(general));
    sample(p.qrP, undefined, what, square(general));
    sample(p.inverseP, undefined, what, square(general));
    sample(p.detP, undefined, what, square(general));
    sample(p.slogdetP, undefined, what, square(general));
    sample(p.pseudoInverseP, undefined, what, square(general));
    sample(p.eighP, undefined, what, square(apart));
    sample(p.eigvalshP, undefined, what, square(apart));
    sample(p.eigP, undefined, what, square(nearly));
    sample(p.eigvalsP, undefined, what, square(nearly));
    sample(p.svdvalsP, undefined, what, square(apart));
    for (const full of [true, false]) sample(p.svdP, { full }, `${what} ${full}`, square(apart));
    const system = (seed: number): Node[] => [
      stack(dtype, count, 3, 3, general, seed),
      stack(dtype, count, 3, 2, (_i, _j, noise) => 2 * noise(), seed + 5),
    ];
    sample(p.solveP, { strict: count === 0 }, what, system);
    for (const upper of [true, false])
      sample(p.triangularSolveP, { upper }, `${what} ${upper}`, system);
  }
  for (const [m, n] of [
    [4, 3],
    [3, 4],
    [5, 2],
  ] as const) {
    const what = `${dtype.name} ${m}×${n}`;
    const matrix =
      (entry: Entry) =>
      (seed: number): Node[] => [stack(dtype, 0, m, n, entry, seed)];
    sample(p.luP, undefined, what, matrix(general));
    if (m >= n) sample(p.qrP, undefined, what, matrix(general));
    sample(p.pseudoInverseP, undefined, what, matrix(apart));
    sample(p.svdvalsP, undefined, what, matrix(apart));
    sample(p.svdP, { full: false }, what, matrix(apart));
    // What completes a factor is unique, up to its sign, for a single real column.
    if (Math.abs(m - n) === 1 && dtype !== complex64)
      sample(p.svdP, { full: true }, `${what} full`, matrix(apart));
  }
}

/** Rotated and grown, with complex pairs of eigenvalues. */
const turning: Entry = (i, j, noise) => 0.3 * noise() + (i === j ? 1 + (i >> 1) : 0) + turn(i, j);
const turn = (i: number, j: number): number =>
  i >> 1 === j >> 1 && i !== j ? (i > j ? 1.5 : -1.1) : 0;

for (const prim of [p.eigP, p.eigvalsP])
  sample(prim, undefined, "complex pairs", (seed) => [stack(float64, 0, 4, 4, turning, seed)]);

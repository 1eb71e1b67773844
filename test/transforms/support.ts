/** Comparison of arrays with plain numbers, for the tests of transforms. */
import assert from "node:assert/strict";
import type { NDArray, NestedList } from "../../src/graph/array.js";

const numbers = (list: NestedList): number[] => {
  if (Array.isArray(list)) return list.flatMap(numbers);
  return typeof list === "object" ? [list.re, list.im] : [Number(list)];
};

/** All numbers of an array in order, real and imaginary parts of complex ones. */
export const valuesOf = (x: NDArray): number[] => numbers(x.tolist());

export const close = (
  got: NDArray,
  want: readonly number[] | number,
  tolerance: number = 1e-5,
): void => {
  const [g, w] = [valuesOf(got), typeof want === "number" ? [want] : want];
  assert.equal(g.length, w.length, `${g.length} numbers, want ${w.length}`);
  g.forEach((v, i) => {
    const x = w[i] ?? Number.NaN;
    assert.ok(Math.abs(v - x) <= tolerance * (1 + Math.abs(x)), `element ${i} is ${v}, want ${x}`);
  });
};

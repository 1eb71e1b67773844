/** Operands for samples: numbers drawn within ranges, reproducible, none of them equal. */
import type { DType } from "../../src/core/dtype.js";
import { fromBfloat16Bits, toBfloat16Bits } from "../../src/core/half.js";
import type { Node, Shape } from "../../src/graph/node.js";
import { sizeOf } from "../../src/graph/node.js";
import { leafOf } from "../support/naive.js";

/** Uniform numbers in [0, 1) that depend on the seed only. */
export const random = (seed: number): (() => number) => {
  let state = (Math.imul(seed + 1, 2654435761) ^ 0x9e3779b9) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
};

type Range = readonly [low: number, high: number];

/** What an operand is drawn from, per kind of dtype. */
export interface Draw {
  readonly float?: Range;
  readonly int?: Range;
  /** Ranges of real and imaginary part. */
  readonly complex?: readonly [Range, Range];
}

const within = ([low, high]: Range, u: number): number => low + (high - low) * u;

export const draw = (dtype: DType, shape: Shape, how: Draw, seed: number): Node => {
  const next = random(seed);
  const values: (number | bigint | boolean)[] = [];
  const [re, im] = how.complex ?? [
    [0.4, 0.9],
    [0.3, 0.8],
  ];
  const size = sizeOf(shape);
  const strata = Array.from({ length: size }, (_, i) => ({ i, key: next() })).sort(
    (a, b) => a.key - b.key,
  );
  for (let i = 0; i < size; i++) {
    if (dtype.kind === "bool") values.push(next() < 0.5);
    else if (dtype.kind === "complex") values.push(within(re, next()), within(im, next()));
    else if (dtype.kind === "float") {
      // One from each part of the range, so that none are equal; exact in the half types.
      const u = ((strata[i]?.i ?? 0) + 0.25 + next() / 2) / size;
      const x = within(how.float ?? [0.25, 0.9], u);
      values.push(dtype.size === 2 ? fromBfloat16Bits(toBfloat16Bits(x)) : x);
    } else {
      const [low, high] = how.int ?? [1, 5];
      const drawn = Math.floor(within([low, high + 1], next()));
      const v = dtype.kind === "uint" ? Math.abs(drawn) : drawn;
      values.push(dtype.size === 8 ? BigInt(v) : v);
    }
  }
  return leafOf(dtype, shape, values);
};

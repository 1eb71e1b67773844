/** MLX's primitives along axes: reductions, scans, sorts, Fourier transforms; random numbers. */

import { fftn, ifftn, irfftn, rfftn } from "../../fft/index.js";
import type { NDArray } from "../../graph/array.js";
import { hadamardTransform } from "../../ops/hadamard.js";
import { all, any, argmax, argmin, max, min, prod, sum } from "../../ops/reduce.js";
import { cummax, cummin, cumprod, cumsum, logcumsumexp } from "../../ops/scan.js";
import { argpartition, argsort, partition, searchsorted, sort } from "../../ops/sort.js";
import { logsumexp, softmax } from "../../ops/statistics.js";
import * as p from "../../primitives/index.js";
import {
  at,
  counts,
  flag,
  float,
  int,
  ints,
  type MlxPrimitive,
  oneOf,
  primitive,
  unary,
  wrapped,
} from "./primitive.js";

const fourier = (
  x: NDArray,
  axes: readonly number[],
  { inverse, real, odd }: { inverse: boolean; real: boolean; odd: boolean },
): NDArray => {
  if (!real) return inverse ? ifftn(x, { axes }) : fftn(x, { axes });
  if (!inverse) return rfftn(x, { axes });
  const s = axes.map((d) => x.shape[d] ?? 0);
  const half = s.pop() ?? 0;
  return irfftn(x, { s: [...s, 2 * (half - 1) + (odd ? 1 : 0)], axes });
};

const positions = { argmin, argmax };
const reductions = { all, any, sum, prod, min, max };
const scans = { cummax, cummin, cumsum, cumprod, logcumsumexp };

/** Widths of random numbers in bytes. */
const widths = [1, 2, 4] as const;

export const sums: Readonly<Record<string, MlxPrimitive>> = {
  ArgPartition: primitive([int, int], (ins, [kth, axis]) => argpartition(at(ins, 0), kth, axis)),
  ArgReduce: primitive([oneOf("argmin", "argmax"), int], (ins, [how, axis]) =>
    positions[how](at(ins, 0), { axis, keepdims: true }),
  ),
  ArgSort: primitive([int], (ins, [axis]) => argsort(at(ins, 0), axis)),
  FFT: primitive([counts, flag, flag, flag], (ins, [axes, inverse, real, odd]) =>
    fourier(at(ins, 0), axes, { inverse, real, odd }),
  ),
  Hadamard: primitive([float], (ins, [scale]) => hadamardTransform(at(ins, 0), { scale })),
  LogSumExp: unary((x) => logsumexp(x, { axis: -1, keepdims: true })),
  Partition: primitive([int, int], (ins, [kth, axis]) => partition(at(ins, 0), kth, axis)),
  RandomBits: primitive([ints, int], (ins, [shape, bytes]) => {
    const key = at(ins, 0).node;
    const width = widths.find((w) => w === bytes) ?? 4;
    return wrapped(p.randomBits(key, shape.slice(key.shape.length - 1), width));
  }),
  Reduce: primitive([oneOf("all", "any", "sum", "prod", "min", "max"), ints], (ins, [how, axis]) =>
    reductions[how](at(ins, 0), { axis, keepdims: true }),
  ),
  Scan: primitive(
    [oneOf("cummax", "cummin", "cumsum", "cumprod", "logcumsumexp"), int, flag, flag],
    (ins, [how, axis, reverse, inclusive]) => scans[how](at(ins, 0), { axis, reverse, inclusive }),
  ),
  SearchSorted: primitive([flag], (ins, [right]) =>
    searchsorted(at(ins, 0), at(ins, 1), right ? "right" : "left"),
  ),
  Softmax: primitive([flag], (ins, [precise]) => softmax(at(ins, 0), -1, { precise })),
  Sort: primitive([int], (ins, [axis]) => sort(at(ins, 0), axis)),
};

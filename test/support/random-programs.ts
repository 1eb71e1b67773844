/** Programs of public operations drawn by fast-check: plain data that is interpreted, so that it shrinks and prints. */
import fc from "fast-check";
import * as mx from "../../src/index.js";

/** One step: which operation, on which values so far, with which parameter. */
export interface Step {
  readonly op: number;
  readonly a: number;
  readonly b: number;
  readonly p: number;
}

export interface Program {
  readonly shapes: readonly (readonly number[])[];
  readonly dtype: number;
  readonly steps: readonly Step[];
  readonly seed: number;
}

const natural = fc.nat(2 ** 16);

export const programs: fc.Arbitrary<Program> = fc.record({
  shapes: fc.array(
    fc.array(fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 1, max: 5 }) }, fc.constant(0)), {
      maxLength: 3,
    }),
    { minLength: 1, maxLength: 3 },
  ),
  dtype: natural,
  steps: fc.array(fc.record({ op: natural, a: natural, b: natural, p: natural }), {
    minLength: 3,
    maxLength: 15,
  }),
  seed: natural,
});

/** No value of a program has more elements. */
const largest = 240;

/** Reproducible numbers from 0 to 1. */
export const numbers = (seed: number): (() => number) => {
  let state = (Math.imul(seed + 1, 2654435761) ^ 0x9e3779b9) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
};

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** What an operation is applied to: values so far, a parameter, and the first value's rank and last axis. */
interface Site {
  readonly x: mx.NDArray;
  readonly y: mx.NDArray;
  readonly p: number;
  /** An axis of x; only where `x.ndim > 0`. */
  readonly axis: number;
}

type Operation = (site: Site) => mx.NDArray | null;

const broadcasts = (a: readonly number[], b: readonly number[]): boolean => {
  for (let i = 1; i <= Math.min(a.length, b.length); i++) {
    const [m, n] = [a.at(-i), b.at(-i)];
    if (m !== n && m !== 1 && n !== 1) return false;
  }
  return true;
};

/** An operation of one value with a parameter. */
const one =
  (fn: (x: mx.NDArray, p: number) => mx.NDArray): Operation =>
  ({ x, p }) =>
    fn(x, p);
/** An operation along an axis that has elements. */
const along =
  (fn: (x: mx.NDArray, axis: number, p: number) => mx.NDArray): Operation =>
  ({ x, axis, p }) =>
    x.ndim > 0 && x.size > 0 ? fn(x, axis, p) : null;
/** An operation of two values that broadcast. */
const two =
  (fn: (x: mx.NDArray, y: mx.NDArray) => mx.NDArray): Operation =>
  ({ x, y }) =>
    broadcasts(x.shape, y.shape) ? fn(x, y) : null;

const length = (x: mx.NDArray, axis: number): number => x.shape[axis] ?? 1;
const shuffled = (n: number, p: number): number[] => {
  const next = numbers(p);
  const list = Array.from({ length: n }, (_, i) => [next(), i] as const);
  return list.sort((a, b) => a[0] - b[0]).map(([, i]) => i);
};
const places = (n: number, count: number, p: number): mx.NDArray => {
  const next = numbers(p);
  return mx.array(
    Int32Array.from({ length: count }, () => Math.floor(next() * n) - (p % 2) * n),
    mx.int32,
  );
};
/** A mask that depends on nothing. */
const maskLike = (x: mx.NDArray, p: number): mx.NDArray => {
  const next = numbers(p);
  return mx
    .array(
      Array.from({ length: x.size }, () => next() < 0.5),
      mx.bool,
    )
    .reshape(x.shape);
};

/** Views and moves: no arithmetic, any dtype. */
const moves: readonly Operation[] = [
  one((x) => mx.transpose(x)),
  one((x, p) => mx.transpose(x, shuffled(x.ndim, p))),
  one((x) => mx.flatten(x)),
  one((x, p) => mx.expandDims(x, p % (x.ndim + 1))),
  along((x, axis, p) => mx.unflatten(x, axis, [length(x, axis) % 2 === 0 ? 2 : 1, -1 + (p % 1)])),
  along((x, axis) => mx.flip(x, axis)),
  along((x, axis, p) => mx.roll(x, (p % 9) - 4, axis)),
  along((x, axis, p) => mx.repeat(x, 1 + (p % 2), axis)),
  along((x, axis, p) =>
    x.get(
      ...x.shape.map((_, d) =>
        d === axis ? mx.slice(p % length(x, d), null, 1 + (p % 3)) : mx.slice(),
      ),
    ),
  ),
  along((x, axis, p) =>
    x.get(...x.shape.map((_, d) => (d === axis ? mx.slice(null, null, -1 - (p % 2)) : mx.slice()))),
  ),
  along((x, axis, p) =>
    x.get(
      ...x.shape.map((_, d) =>
        d === axis ? (p % length(x, d)) - (p % 2 ? length(x, d) : 0) : mx.slice(),
      ),
    ),
  ),
  along((x, axis, p) =>
    mx.pad(
      x,
      x.shape.map((_, d) => (d === axis ? [p % 3, p % 2] : [0, 0])),
    ),
  ),
  along((x, axis, p) =>
    mx.pad(
      x,
      x.shape.map((_, d) => (d === axis ? [p % 3, p % 2] : [0, 0])),
      { mode: p % 2 ? "edge" : "symmetric" },
    ),
  ),
  along((x, axis, p) => mx.take(x, places(length(x, axis), 1 + (p % 4), p), axis)),
  along((x, axis, p) => {
    const index = places(length(x, axis), x.size, p).reshape(x.shape);
    return mx.takeAlongAxis(x, index, axis);
  }),
  along((x, axis, p) => at(mx.split(x, [p % (length(x, axis) + 1)], axis), p % 2)),
  one((x, p) => mx.broadcastTo(x, [1 + (p % 3), ...x.shape])),
  one((x, p) => mx.tile(x, 1 + (p % 2))),
  ({ x, y, axis }) =>
    x.ndim > 0 && x.ndim === y.ndim && x.shape.every((n, d) => d === axis || n === y.shape[d])
      ? mx.concatenate([x, y, x], { axis })
      : null,
  ({ x, y, p }) =>
    x.shape.join() === y.shape.join() ? mx.stack([x, y], { axis: p % (x.ndim + 1) }) : null,
  ({ x, y, p }) => (broadcasts(x.shape, y.shape) ? mx.where(maskLike(x, p), x, y) : null),
  one((x) => (x.ndim >= 2 ? mx.tril(x) : x)),
  one((x) => (x.ndim === 1 || x.ndim === 2 ? mx.diag(x) : x)),
  along((x, axis) => mx.sort(x, axis)),
  along((x, axis, p) => mx.topk(x, 1 + (p % length(x, axis)), axis)),
];

const at = <T>(list: readonly T[], i: number): T => {
  const x = list[i % list.length];
  if (x === undefined) throw new RangeError("an empty list to pick from");
  return x;
};

/** Differentiable operations whose slopes stay moderate. */
const smooth: readonly Operation[] = [
  ...[mx.tanh, mx.sin, mx.cos, mx.sigmoid, mx.erf, mx.arctan, mx.negative, mx.arcsinh, mx.abs].map(
    (fn) => one(fn),
  ),
  one((x) => mx.exp(mx.tanh(x))),
  one((x) => mx.log1p(mx.square(x))),
  one((x) => mx.sqrt(mx.add(mx.square(x), 1))),
  one((x) => mx.multiply(x, 0.5)),
  one((x) => mx.subtract(1, x)),
  two(mx.add),
  two(mx.subtract),
  two((x, y) => mx.multiply(mx.tanh(x), y)),
  two((x, y) => mx.divide(x, mx.add(mx.square(y), 2))),
  two(mx.maximum),
  two(mx.minimum),
  two(mx.logaddexp),
  two((x, y) => mx.where(mx.greater(x, y), x, mx.multiply(y, 0.25))),
  along((x, axis) => mx.sum(x, axis)),
  along((x, axis) => mx.mean(x, axis, { keepdims: true })),
  along((x, axis) => mx.max(x, axis)),
  along((x, axis) => mx.min(x, axis, { keepdims: true })),
  along((x, axis) => mx.logsumexp(x, axis)),
  along((x, axis) => mx.var(x, axis)),
  along((x, axis) => mx.softmax(x, axis)),
  along((x, axis) => mx.prod(mx.tanh(x), axis)),
  along((x, axis, p) => mx.cumsum(x, axis, { reverse: p % 2 === 1, inclusive: p % 3 > 0 })),
  along((x, axis) => mx.cumprod(mx.tanh(x), axis)),
  along((x, axis, p) => mx.cummax(x, axis, { reverse: p % 2 === 1 })),
  along((x, axis) => mx.logcumsumexp(x, axis)),
  one((x) => mx.mean(x)),
  ({ x, y }) =>
    x.ndim >= 2 && y.ndim === 2 && x.shape.at(-1) === y.shape[0] && x.size > 0
      ? mx.matmul(x, y)
      : null,
  one((x) => (x.ndim === 2 ? mx.matmul(x, mx.transpose(x)) : x)),
  one((x) => (x.ndim === 2 ? mx.einsum("ij,kj->ik", x, mx.tanh(x)) : x)),
  along((x, axis, p) => {
    const flat = mx.moveaxis(x, axis, 0);
    const index = places(length(x, axis), 2, p);
    return flat.at(index).add(mx.multiply(flat.get(mx.slice(0, 1)), 0.5));
  }),
  one((x) => (x.size > 0 ? mx.fast.layerNorm(x.ndim > 0 ? x : x.reshape(1), null, null, 0.1) : x)),
];

/** Whole numbers to whole numbers: right to the bit on every way. */
const exact: readonly Operation[] = [
  two(mx.add),
  two(mx.subtract),
  two(mx.multiply),
  two(mx.maximum),
  two(mx.minimum),
  two(mx.floorDivide),
  two(mx.remainder),
  two((x, y) => at(mx.divmod(x, y), 0)),
  two((x, y) => mx.where(mx.less(x, y), x, y)),
  two((x, y) => mx.equal(x, y).astype(x.dtype)),
  two((x, y) => mx.logicalXor(x, y).astype(mx.int32)),
  two((x, y) => (x.dtype === mx.bool || y.dtype === mx.bool ? x : mx.bitwiseXor(x, y))),
  one((x) => mx.abs(x)),
  one((x) => mx.sign(x)),
  one((x) => mx.square(x)),
  one((x, p) =>
    x.astype(at([mx.int8, mx.int32, mx.uint8, mx.int64, mx.uint32, mx.bool, mx.int16], p)),
  ),
  one((x) => mx.divide(x.astype(mx.int8), 4).astype(mx.int32)),
  along((x, axis) => mx.sum(x, axis)),
  along((x, axis) => mx.prod(x, axis, { keepdims: true })),
  along((x, axis) => mx.max(x, axis)),
  along((x, axis) => mx.min(x, axis)),
  along((x, axis) => mx.argmax(x, axis).astype(mx.int32)),
  along((x, axis) => mx.argmin(x, axis, { keepdims: true }).astype(mx.int32)),
  along((x, axis) => mx.argsort(x, axis).astype(mx.int32)),
  along((x, axis) => mx.any(x, axis)),
  along((x, axis) => mx.all(x, axis)),
  along((x, axis) => mx.countNonzero(x, { axis })),
  along((x, axis, p) => mx.cumsum(x, axis, { reverse: p % 2 === 1, inclusive: p % 3 > 0 })),
  along((x, axis) => mx.cumprod(x, axis)),
  along((x, axis, p) => mx.cummin(x, axis, { reverse: p % 2 === 1 })),
  along((x, axis) => mx.takeAlongAxis(x, mx.argsort(x, axis), axis)),
  along((x, axis, p) => {
    const index = mx.remainder(mx.flatten(x).astype(mx.int32), length(x, axis));
    return mx.take(x, index.get(mx.slice(0, 1 + (p % 3))), axis);
  }),
  along((x, axis, p) => {
    const first = mx.moveaxis(x, axis, 0);
    return x.dtype === mx.bool ? x : first.at(places(length(x, axis), 2, p)).add(1);
  }),
  along((x, axis, p) => {
    const y = mx.array(x);
    y.set(
      [...x.shape.map((_, d) => (d === axis ? mx.slice(null, null, 1 + (p % 2)) : mx.slice()))],
      p % 5,
    );
    return y;
  }),
  one((x) => mx.searchsorted(mx.sort(mx.flatten(x)), x).astype(mx.int32)),
];

export type Kind = "exact" | "smooth";

export const floats: readonly mx.DType[] = [
  mx.float32,
  mx.float32,
  mx.float32,
  mx.float16,
  mx.bfloat16,
];
const wholes: readonly mx.DType[] = [mx.int32, mx.int8, mx.uint8, mx.int64, mx.bool, mx.int16];

/** The dtype of a program's inputs. */
export const dtypeOf = (program: Program, kind: Kind): mx.DType =>
  kind === "smooth" ? at(floats, program.dtype) : at(wholes, program.dtype);

/** The inputs of a program, computed anew. */
export const inputsOf = (program: Program, kind: Kind, dtype: mx.DType): mx.NDArray[] => {
  const next = numbers(program.seed);
  return program.shapes.map((shape) => {
    const values = Array.from({ length: sizeOf(shape) }, () =>
      kind === "smooth" ? Math.fround(next() * 3 - 1.5) : Math.floor(next() * 13) - 6,
    );
    // Halves get values that they hold, so that programs in other dtypes start from the same numbers.
    const source = mx.array(Float64Array.from(values)).astype(dtypeOf(program, kind));
    return source.astype(dtype).reshape(shape);
  });
};

/** Called on the result of every step; what it returns takes its place. */
export type Disturb = (x: mx.NDArray, step: number) => mx.NDArray;

/** Runs the steps; those that do not fit the values so far are passed over. The result is the last value that was made. */
export const run = (
  program: Program,
  kind: Kind,
  inputs: readonly mx.NDArray[],
  disturb: Disturb = (x) => x,
): mx.NDArray => {
  const table = kind === "smooth" ? smooth : exact;
  const pool = [...inputs];
  for (const [i, step] of program.steps.entries()) {
    // New values are likelier operands than old ones.
    const pick = (k: number): mx.NDArray =>
      k % 3 === 0
        ? at(pool, Math.floor(k / 3))
        : at(pool, pool.length - 1 - (Math.floor(k / 3) % Math.min(2, pool.length)));
    const x = pick(step.a);
    const site: Site = { x, y: pick(step.b), p: step.p, axis: step.p % Math.max(1, x.ndim) };
    const all = table.length + moves.length;
    const op =
      step.op % all < table.length
        ? at(table, step.op % all)
        : at(moves, (step.op % all) - table.length);
    const made = op(site);
    if (made !== null && made.size <= largest && made.ndim <= 5) pool.push(disturb(made, i));
  }
  return at(pool, pool.length - 1);
};

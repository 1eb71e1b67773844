/** Random graphs of primitives over small shapes, the same graph for the same seed, with values that stay moderate. */

import { float32 } from "../../src/core/dtype.js";
import type { Node, Shape } from "../../src/graph/node.js";
import { sizeOf } from "../../src/graph/node.js";
import {
  add,
  maximum,
  minimum,
  multiply,
  negative,
  scale,
  subtract,
} from "../../src/primitives/arithmetic.js";
import { broadcast, reshape, sum } from "../../src/primitives/broadcast-sum.js";
import { greater, select } from "../../src/primitives/compare-select.js";
import { concatenate } from "../../src/primitives/concatenate.js";
import { constant, iota } from "../../src/primitives/constant.js";
import { exp, sigmoid } from "../../src/primitives/exp-log.js";
import { max, min } from "../../src/primitives/extremum.js";
import { tanh } from "../../src/primitives/hyperbolic.js";
import { matmul } from "../../src/primitives/matmul.js";
import { pad, slice } from "../../src/primitives/pad-slice.js";
import { permute, transposeLast } from "../../src/primitives/permute.js";
import { sin } from "../../src/primitives/trig.js";
import { leaf } from "./engines.js";

/** Whole numbers below a bound, reproducible. */
class Dice {
  private state: number;

  constructor(seed: number) {
    this.state = (seed * 2654435761) >>> 0;
    for (let i = 0; i < 4; i++) this.roll(2);
  }

  roll(n: number): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.state / 2 ** 32) * n);
  }

  pick<T>(list: readonly T[]): T {
    const x = list[this.roll(list.length)];
    if (x === undefined) throw new RangeError("an empty list to pick from");
    return x;
  }
}

const largest = 1500;
const unary = [
  tanh,
  sin,
  sigmoid,
  negative,
  (x: Node): Node => exp(tanh(x)),
  (x: Node): Node => scale(x, 0.5),
];
const binary = [add, subtract, multiply, maximum, minimum];

const reduced = (d: Dice, x: Node): { y: Node; kept: number[] } => {
  const axes = x.shape.map((_, i) => i).filter(() => d.roll(2) === 0);
  if (axes.length === 0 && x.shape.length > 0) axes.push(d.roll(x.shape.length));
  const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const n = axes.reduce((p, a) => p * (x.shape[a] ?? 1), 1);
  const how = d.roll(3);
  const y =
    how === 0 ? max(x, axes) : how === 1 ? min(x, axes) : scale(sum(x, axes), 1 / Math.max(1, n));
  return { y, kept };
};

const reshaped = (d: Dice, x: Node): Node => {
  const at = d.roll(Math.max(1, x.shape.length - 1));
  const [a, b] = [x.shape[at], x.shape[at + 1]];
  if (a !== undefined && b !== undefined && d.roll(2) === 0) {
    return reshape(x, [...x.shape.slice(0, at), a * b, ...x.shape.slice(at + 2)]);
  }
  for (const f of [2, 3]) {
    if (a !== undefined && a > f && a % f === 0) {
      return reshape(x, [...x.shape.slice(0, at), f, a / f, ...x.shape.slice(at + 1)]);
    }
  }
  return reshape(x, [sizeOf(x.shape)]);
};

const sliced = (d: Dice, x: Node): Node => {
  const start: number[] = [];
  const step: number[] = [];
  const shape: number[] = [];
  for (const n of x.shape) {
    const k = d.pick([1, 1, 2, -1]);
    const length = 1 + d.roll(Math.ceil(n / Math.abs(k)));
    const reach = (length - 1) * Math.abs(k);
    const low = d.roll(n - reach);
    start.push(k > 0 ? low : low + reach);
    step.push(k);
    shape.push(length);
  }
  return slice(x, start, shape, step);
};

const padded = (d: Dice, x: Node): Node => {
  const width = (): number[] => x.shape.map(() => d.roll(2));
  return pad(x, width(), width(), width());
};

const shuffled = (d: Dice, x: Node): Node => {
  const axes = x.shape.map((_, i) => i);
  for (let i = axes.length - 1; i > 0; i--) {
    const j = d.roll(i + 1);
    [axes[i], axes[j]] = [axes[j] ?? 0, axes[i] ?? 0];
  }
  return permute(x, axes);
};

const sameAs = (d: Dice, pool: readonly Node[], shape: Shape): Node => {
  const twins = pool.filter(
    (n) => n.shape.length === shape.length && n.shape.every((s, i) => s === shape[i]),
  );
  return d.pick(twins);
};

const masked = (d: Dice, x: Node): Node => {
  const axis = d.roll(x.shape.length);
  const half = constant((x.shape[axis] ?? 1) / 2, float32, x.shape);
  return select(greater(iota(x.shape, axis, float32), half), x, constant(-0.5, float32, x.shape));
};

const product = (d: Dice, pool: readonly Node[], x: Node): Node => {
  const other = transposeLast(sameAs(d, pool, x.shape));
  return tanh(scale(matmul(x, other), 1 / (x.shape.at(-1) ?? 1)));
};

const next = (d: Dice, pool: readonly Node[]): Node => {
  const x = d.pick(pool);
  switch (d.roll(12)) {
    case 0:
    case 1:
      return d.pick(unary)(x);
    case 2:
    case 3:
      return d.pick(binary)(x, sameAs(d, pool, x.shape));
    case 4:
      return reduced(d, x).y;
    case 5:
    case 6: {
      const { y, kept } = reduced(d, x);
      return d.pick(binary)(x, broadcast(d.roll(2) === 0 ? y : d.pick(unary)(y), x.shape, kept));
    }
    case 7:
      return reshaped(d, x);
    case 8:
      return d.roll(2) === 0 ? sliced(d, x) : padded(d, x);
    case 9:
      return shuffled(d, x);
    case 10:
      if (x.shape.length === 0) return tanh(x);
      return d.roll(2) === 0
        ? masked(d, x)
        : concatenate([x, sameAs(d, pool, x.shape)], d.roll(x.shape.length));
    default:
      return x.shape.length >= 2 && x.shape.length <= 4 ? product(d, pool, x) : sin(x);
  }
};

/** Results of a random graph of about `steps` operations on two leaves, or on what `take` gives for them. */
export const randomGraph = (
  seed: number,
  steps: number,
  take: (leaf: Node, i: number) => Node = (x) => x,
): Node[] => {
  const d = new Dice(seed);
  const sizes = [1, 2, 3, 4, 5, 6, 8];
  const shape = Array.from({ length: 1 + d.roll(3) }, () => d.pick(sizes));
  const pool: Node[] = [leaf(shape, seed), leaf(shape, seed + 7)].map(take);
  const made: Node[] = [];
  for (let i = 0; i < steps; i++) {
    const y = next(d, pool);
    if (sizeOf(y.shape) > largest || y.shape.length > 6) continue;
    pool.push(y);
    made.push(y);
  }
  const last = made.at(-1);
  const roots = made.filter((y) => y === last || d.roll(5) === 0);
  return roots.length > 0 ? roots : pool.slice(0, 1).map(tanh);
};

/** Random loops against the same rounds one after the other: values, gradients, compiled, mapped, of second order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as mx from "../../src/index.js";
import { valuesOf } from "./support.js";

type NDArray = mx.NDArray;
type Draw = () => number;

const drawing = (seed: number): Draw => {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
};

const choose = <T>(list: readonly T[], at: number): T => {
  const x = list[Math.floor(at * list.length)];
  assert.ok(x !== undefined);
  return x;
};

/** What differs between a loop and its rounds: branches, and loops in loops. */
interface Means {
  branch(x: NDArray, y: NDArray): NDArray;
  inner(x: NDArray, y: NDArray, rounds: number): NDArray;
}

const taken = (x: NDArray, y: NDArray): NDArray => mx.sin(y).multiply(x);
const other = (x: NDArray, y: NDArray): NDArray => y.multiply(0.5).add(x);
const round = (s: NDArray, y: NDArray): NDArray =>
  mx.sin(s).multiply(0.9).add(y.sum().multiply(0.1));

const loops: Means = {
  branch: (x, y) => mx.cond(x.sum().greater(0.1), taken, other, x, y),
  inner(x, y, length) {
    const [s, sums] = mx.scan(
      (c: NDArray) => {
        const next = round(c, y);
        return [next, next.sum()];
      },
      x,
      null,
      { length },
    );
    return s.multiply(sums.sum());
  },
};

const plain: Means = {
  branch: (x, y) => (Number(x.sum().item()) > 0.1 ? taken(x, y) : other(x, y)),
  inner(x, y, length) {
    let s = x;
    let sum = mx.array(0, mx.float64);
    for (let i = 0; i < length; i++) {
      s = round(s, y);
      sum = sum.add(s.sum());
    }
    return s.multiply(sum);
  },
};

const saved = mx.checkpoint((x: NDArray, y: NDArray) => mx.sin(x.multiply(y)));
const many = (x: NDArray): boolean => x.ndim > 0;

type Op = (x: NDArray, y: NDArray, means: Means, extra: number) => NDArray;
const ops: readonly Op[] = [
  (x, y) => x.add(y.multiply(0.7)),
  (x, y) => x.multiply(y),
  (x) => mx.sin(x),
  (x) => mx.tanh(x.add(0.1)),
  (x, y) => (many(x) && many(y) ? mx.matmul(x, y) : x.multiply(y)),
  (x) => (many(x) ? x.sum(-1) : x.add(0.3)),
  (x) => (many(x) ? mx.sort(x, -1) : x),
  (x, y) => mx.maximum(x, y.multiply(0.5)),
  (x) => (many(x) ? mx.softmax(x, -1) : mx.sigmoid(x)),
  (x, y) => mx.where(x.greater(0.1), y, x.add(y)),
  (x, y) => mx.stopGradient(x).multiply(y),
  (x) => (x.ndim === 2 ? x.transpose() : x.negative()),
  (x, y) => saved(x, y),
  (x, y, means) => means.branch(x, y),
  (x, y, means, extra) => means.inner(x, y, 1 + Math.floor(extra * 3)),
];

/** Sums what is too much, repeats what is too little. */
const fit = (x: NDArray, like: NDArray): NDArray => {
  let y = x;
  while (y.ndim > like.ndim) y = y.sum(0);
  return mx
    .broadcastTo(y, [...like.shape])
    .multiply(0.5)
    .add(like.multiply(0.3));
};

type Run = (carries: NDArray[], xs: NDArray[], constants: NDArray[]) => NDArray[];

const program = (
  draw: Draw,
): { scanned: Run; unrolled: Run; args: [NDArray[], NDArray[], NDArray[]] } => {
  const n = 2 + Math.floor(draw() * 3);
  const length = 1 + Math.floor(draw() * 5);
  const reverse = draw() < 0.4;
  const shape = (): number[] => choose([[n], [n, n], []], draw());
  const array = (dims: readonly number[]): NDArray => {
    const size = dims.reduce((a, b) => a * b, 1);
    const values = Array.from({ length: size }, () => draw() * 1.6 - 0.8);
    return mx.array(values, mx.float64).reshape([...dims]);
  };
  const list = (count: number, lead: readonly number[] = []): NDArray[] =>
    Array.from({ length: count }, () => array([...lead, ...shape()]));
  const carries = list(1 + Math.floor(draw() * 2));
  const constants = list(Math.floor(draw() * 3));
  const xs = list(Math.floor(draw() * 3), [length]);
  const steps = Array.from({ length: 2 + Math.floor(draw() * 6) }, () => ({
    op: choose(ops, draw()),
    x: draw(),
    y: draw(),
    extra: draw(),
  }));
  const [next, out] = [carries.map(draw), [draw(), draw()]];
  const body = (
    means: Means,
    cs: readonly NDArray[],
    slices: readonly NDArray[],
    fixed: readonly NDArray[],
  ): [NDArray[], NDArray[]] => {
    const pool = [...cs, ...slices, ...fixed];
    for (const { op, x, y, extra } of steps)
      pool.push(op(choose(pool, x), choose(pool, y), means, extra));
    return [
      cs.map((c, i) => fit(choose(pool, next[i] ?? 0), c)),
      out.map((at) => choose(pool, at)),
    ];
  };
  return {
    args: [carries, xs, constants],
    scanned(cs, stacks, fixed) {
      const [last, ys] = mx.scan((c, x) => body(loops, c, x, fixed), cs, stacks, {
        length,
        reverse,
      });
      return [...last, ...ys];
    },
    unrolled(cs, stacks, fixed) {
      let c = cs;
      const ys: NDArray[][] = [];
      for (let k = 0; k < length; k++) {
        const i = reverse ? length - 1 - k : k;
        const slices = stacks.map((x) => x.get(i));
        [c, ys[i]] = body(plain, c, slices, fixed);
      }
      return [...c, ...[0, 1].map((j) => mx.stack(ys.map((y) => y[j] ?? mx.array(0))))];
    },
  };
};

const total =
  (run: Run) =>
  (...args: Parameters<Run>): NDArray =>
    run(...args).reduce(
      (sum, y, i) => sum.add(mx.sin(y.multiply(i + 1)).sum()),
      mx.array(0, mx.float64),
    );

const agree = (got: readonly NDArray[], want: readonly NDArray[], what: string): void => {
  const [g, w] = [got.flatMap(valuesOf), want.flatMap(valuesOf)];
  assert.equal(g.length, w.length, what);
  for (const [i, v] of w.entries())
    assert.ok(
      Math.abs((g[i] ?? Number.NaN) - v) <= 1e-8 * (1 + Math.abs(v)),
      `${what}: ${g[i]}, want ${v}`,
    );
};

for (let seed = 1; seed <= 12; seed++) {
  test(`loop of seed ${seed}`, () => {
    const { scanned, unrolled, args } = program(drawing((seed + 12) * 7919));
    const [carries, xs, constants] = args;
    agree(scanned(...args), unrolled(...args), "values");
    const [loop, rounds] = [total(scanned), total(unrolled)];
    const want = mx
      .grad(
        rounds,
        [0, 1, 2],
      )(...args)
      .flat();
    agree(
      mx
        .grad(
          loop,
          [0, 1, 2],
        )(...args)
        .flat(),
      want,
      "gradient",
    );
    agree(
      mx
        .compile(mx.grad(loop, [0, 1, 2]))(...args)
        .flat(),
      want,
      "compiled gradient",
    );
    agree([mx.valueAndGrad(loop)(...args)[0]], [rounds(...args)], "value beside the gradient");
    const ones = carries.map((c) => mx.ones([...c.shape], mx.float64));
    agree(
      mx.hvp((c: NDArray[]) => loop(c, xs, constants), [carries], [ones])[0],
      mx.hvp((c: NDArray[]) => rounds(c, xs, constants), [carries], [ones])[0],
      "second order",
    );
    const two = carries.map((c) => mx.stack([c, c.multiply(-0.9)]));
    const lanes = [0, 1].map((i) =>
      mx
        .grad(rounds, [0, 1, 2])(
          two.map((c) => c.get(i)),
          xs,
          constants,
        )
        .flat(),
    );
    agree(
      mx.vmap((c: NDArray[]) => mx.grad(loop, [0, 1, 2])(c, xs, constants).flat())(two),
      want.map((_, k) => mx.stack(lanes.map((l) => l[k] ?? mx.array(0)))),
      "mapped gradient",
    );
  });
}

test("a function for all lengths of axes traces its loop again for another", () => {
  const f = mx.compile(
    (xs: NDArray) => mx.scan((c: NDArray, x: NDArray) => [c.add(x), c], mx.array(0), xs)[0],
    { shapeless: true },
  );
  assert.equal(f(mx.ones([3])).item(), 3);
  assert.equal(f(mx.ones([5])).item(), 5);
});

/** Samples of loops: bodies with constants, carries that depend on each other, stacks, and what they capture. */
import * as d from "../../src/core/dtype.js";
import { isNDArray, NDArray } from "../../src/graph/array.js";
import type { Node, Shape } from "../../src/graph/node.js";
import type { AnyPrimitive } from "../../src/graph/primitive.js";
import { leavesOf } from "../../src/graph/tree.js";
import * as mx from "../../src/index.js";
import { leafOf } from "../support/naive.js";
import { draw } from "./draw.js";
import type { Sample } from "./sample.js";

type DType = d.DType;

const value = (dtype: DType, shape: Shape, seed: number): Node =>
  draw(
    dtype,
    shape,
    {
      float: [0.2, 0.9],
      int: [1, 4],
      complex: [
        [0.2, 0.9],
        [0.1, 0.6],
      ],
    },
    seed,
  );

const array = (dtype: DType, shape: Shape, seed: number): NDArray =>
  new NDArray(value(dtype, shape, seed));

/** The application that `tree`, made of it, is a result of. */
const applicationIn = (tree: unknown): { prim: AnyPrimitive; node: Node } => {
  for (const { node } of leavesOf(tree, isNDArray))
    if (node.prim?.lower?.kind === "control") return { prim: node.prim, node };
  throw new Error("no loop in the graph");
};

export const samples: Sample[] = [];

/** Whether what follows has no reverse mode. */
let forward = false;

/** `odd`: what conditions are for odd seeds; the opposite for even ones. */
const sample = (name: string, make: () => unknown, odd: boolean = true): void => {
  const { prim, node } = applicationIn(make());
  samples.push({
    name: `${prim.name} ${name}`,
    prim,
    attrs: node.attrs,
    ins: (seed) =>
      node.ins.map((x, i) =>
        x.dtype === d.bool
          ? leafOf(d.bool, x.shape, [(seed % 2 === 1) === odd])
          : value(x.dtype, x.shape, seed * 11 + i),
      ),
    conventional: false,
    ...(forward ? { forwardOnly: true } : {}),
  });
};

for (const dtype of [d.float16, d.bfloat16, d.float32, d.float64, d.complex64]) {
  sample(`product ${dtype.name}`, () =>
    mx.scan(
      (c, x) => {
        const y = c.multiply(x);
        return [y, y];
      },
      array(dtype, [2], 1),
      array(dtype, [3, 2], 2),
    ),
  );
}
for (const dtype of [d.int32, d.uint8, d.int64]) {
  sample(`integers ${dtype.name}`, () =>
    mx.scan((c, x) => [c.add(x), c.multiply(x)], array(dtype, [2], 1), array(dtype, [3, 2], 2), {
      reverse: true,
    }),
  );
}
sample("recurrence", () => {
  const w = array(d.float32, [2, 2], 3);
  return mx.scan(
    ({ h, c }, x) => {
      const next = mx.tanh(h.matmul(w).add(x));
      const sum = c.multiply(0.5).add(h.multiply(next).sum());
      return [{ h: next, c: sum }, [next, sum]];
    },
    { h: array(d.float32, [2], 1), c: array(d.float32, [], 4) },
    array(d.float32, [3, 2], 2),
  );
});
sample("exchange, reversed, without stacks", () => {
  const by = array(d.float32, [2], 3);
  return mx.scan<[NDArray, NDArray], null, NDArray>(
    ([a, b]) => [[b.multiply(by), a.add(1)], a.multiply(b)],
    [array(d.float32, [2], 1), array(d.float32, [2], 2)],
    null,
    { length: 4, reverse: true },
  );
});
sample("of one round", () =>
  mx.scan(
    (c, x) => [c.multiply(mx.exp(x)), c],
    array(d.float32, [2], 1),
    array(d.float32, [1, 2], 2),
  ),
);
sample("nested", () => {
  const w = array(d.float32, [2], 3);
  return mx.scan(
    (c, row) => {
      const [inner] = mx.scan((s, x) => [mx.sin(s.multiply(w).add(x)), s], c, row);
      return [inner, inner.multiply(c)];
    },
    array(d.float32, [2], 1),
    array(d.float32, [2, 3, 2], 2),
  );
});
sample("mixed dtypes", () =>
  mx.scan(
    ({ i, s }, x) => [
      { i: i.add(1), s: s.add(x.multiply(i.astype(d.float32))) },
      mx.where(i.greater(2), x, s),
    ],
    { i: array(d.int32, [], 1), s: array(d.float32, [2], 4) },
    array(d.float32, [3, 2], 2),
  ),
);

for (const dtype of [d.float16, d.float32, d.float64, d.complex64]) {
  for (const first of [true, false]) {
    const make = (): unknown => {
      const by = array(dtype, [2], 5);
      return mx.cond(
        array(d.bool, [], 1),
        (a: NDArray, b: NDArray) => [a.multiply(b).multiply(by), a.add(b)],
        (a: NDArray, _: NDArray) => [mx.exp(a), a.multiply(a)],
        array(dtype, [2], 1),
        array(dtype, [2], 2),
      );
    };
    sample(`${first ? "first" : "second"} side, ${dtype.name}`, make, first);
  }
}
for (const first of [true, false]) {
  const make = (): unknown => {
    const [w, v] = [array(d.float32, [2, 2], 3), array(d.float32, [3, 2], 4)];
    return mx.cond(
      array(d.bool, [], 1),
      (x: NDArray) => ({ y: mx.tanh(mx.exp(x.matmul(w))), n: mx.array(1, d.int32) }),
      (x: NDArray) => ({ y: mx.sin(x).multiply(v).sum(0), n: x.sum().astype(d.int32) }),
      array(d.float32, [2], 2),
    );
  };
  sample(`with different needs of the sides, ${first}`, make, first);
}
sample("of integers", () =>
  mx.cond(
    array(d.bool, [], 1),
    (x: NDArray) => x.add(1),
    (x: NDArray) => x.multiply(2),
    array(d.int32, [3], 2),
  ),
);

forward = true;
for (const dtype of [d.float32, d.float64]) {
  sample(`doubling ${dtype.name}`, () => {
    const by = array(dtype, [2], 3);
    return mx.whileLoop(
      ({ s }) => s.sum().less(9),
      ({ s, p }) => ({ s: s.add(mx.exp(p)), p: p.multiply(by).add(0.5) }),
      { s: array(dtype, [2], 1), p: array(dtype, [2], 2) },
    );
  });
}
sample("counting", () => {
  const most = array(d.int32, [], 3);
  return mx.whileLoop<[NDArray, NDArray]>(
    ([i]) => i.less(most),
    ([i, x]) => [i.add(1), mx.sin(x)],
    [array(d.int32, [], 1), array(d.float32, [2], 2)],
  );
});

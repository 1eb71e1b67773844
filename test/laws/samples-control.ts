/** Samples of loops: bodies with constants, carries that depend on each other, stacks, and what they capture. */
import * as d from "../../src/core/dtype.js";
import { isNDArray, NDArray } from "../../src/graph/array.js";
import type { Node, Shape } from "../../src/graph/node.js";
import type { AnyPrimitive } from "../../src/graph/primitive.js";
import { leavesOf } from "../../src/graph/tree.js";
import * as mx from "../../src/index.js";
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

const sample = (name: string, make: () => unknown): void => {
  const { prim, node } = applicationIn(make());
  samples.push({
    name: `${prim.name} ${name}`,
    prim,
    attrs: node.attrs,
    ins: (seed) => node.ins.map((x, i) => value(x.dtype, x.shape, seed * 11 + i)),
    conventional: false,
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

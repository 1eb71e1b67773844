/** grad and valueAndGrad: trees, choice of arguments, auxiliary results, errors. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as mx from "../../src/index.js";
import { close } from "./support.js";

type NDArray = mx.NDArray;
const x = mx.array([1, 2, 3]);

describe("grad", () => {
  test("has the structure of the argument", () => {
    const f = (p: { w: NDArray; rest: [NDArray, { b: NDArray }] }): NDArray =>
      p.w.square().sum().add(p.rest[0].multiply(p.rest[1].b).sum());
    const g = mx.grad(f)({ w: x, rest: [mx.array(2), { b: mx.array(5) }] });
    close(g.w, [2, 4, 6]);
    close(g.rest[0], 5);
    close(g.rest[1].b, 2);
  });

  test("chosen arguments come in ascending order, one comes bare", () => {
    const f = (a: NDArray, b: NDArray, c: NDArray): NDArray => a.multiply(b).multiply(c);
    const [a, b, c] = [mx.array(2), mx.array(3), mx.array(5)];
    close(mx.grad(f)(a, b, c), 15);
    close(mx.grad(f, 2)(a, b, c), 6);
    close(mx.grad(f, [1])(a, b, c), 10);
    const [first, last] = mx.grad(f, [2, 0])(a, b, c);
    close(first, 15);
    close(last, 6);
    const [m, n] = mx.grad(f, { argnums: [1, 2] })(a, b, c);
    close(m, 10);
    close(n, 6);
  });

  test("arguments by name come from the last argument", () => {
    const f = (a: NDArray, o: { w: NDArray; b: NDArray; k: number }): NDArray =>
      a.multiply(o.w).add(o.b.multiply(o.k));
    const [none, named] = mx.grad(f, { argnames: ["w", "b"] })(mx.array(2), {
      w: mx.array(3),
      b: mx.array(4),
      k: 7,
    });
    assert.equal(none, null);
    close(named.w, 2);
    close(named.b, 7);
    const [da, one] = mx.grad(f, { argnames: "w", argnums: 0 })(mx.array(2), {
      w: mx.array(3),
      b: mx.array(4),
      k: 7,
    });
    close(da, 3);
    assert.deepEqual(Object.keys(one), ["w"]);
  });

  test("other arguments may be anything", () => {
    const f = (a: NDArray, how: string, k: number | null): NDArray =>
      how === "double" ? a.multiply(k ?? 2) : a;
    close(mx.grad(f)(mx.array(1), "double", null), 2);
    close(mx.grad(f)(mx.array(1), "double", 5), 5);
  });

  test("integers have gradients in their dtype", () => {
    const g = mx.grad((a: NDArray) => a.multiply(2.5).sum())(mx.array([1, 2], mx.int32));
    assert.equal(g.dtype, mx.int32);
    assert.deepEqual(g.tolist(), [2, 2]);
  });

  test("refused arguments and results", () => {
    const f = (a: NDArray): NDArray => a.sum();
    for (const argnums of [-1, 0.5, [0, 0], []] as const)
      assert.throws(() => mx.grad(f, argnums), mx.ArgumentError);
    assert.throws(
      () => mx.grad(f, 2)(x),
      /^ArgumentError: \[grad\] expected an argument 2 to differentiate by, got 1 arguments/,
    );
    assert.throws(
      () => mx.grad((p: { w: NDArray; k: number }) => p.w.sum())({ w: x, k: 3 }),
      /\[grad\].*number 3 at .k/,
    );
    const vector: (a: NDArray) => NDArray = (a) => a;
    assert.throws(
      () => mx.grad(vector)(x),
      /^TransformError: \[grad\] expected the function to return a scalar of shape \[\], got shape \[3\]/,
    );
    assert.throws(() => mx.grad((a: NDArray) => a.reshape([1]))(mx.array(1)), mx.TransformError);
    const async: unknown = async (a: NDArray) => a;
    assert.throws(() => mx.grad(async as typeof f)(x), /promise/);
    assert.throws(
      () => mx.grad((() => 3) as unknown as typeof f)(x),
      /\[grad\] expected the function to return a scalar array, got number 3/,
    );
    assert.throws(() => mx.grad(f, { argnames: "w" as never })(x), /to be an object with w/);
    assert.throws(() => mx.grad(f, { argnum: 0 } as never), /did you mean|unknown option/);
  });
});

describe("valueAndGrad", () => {
  test("gives the value and the gradient", () => {
    const [v, g] = mx.valueAndGrad((a: NDArray) => a.square().sum())(x);
    close(v, 14);
    close(g, [2, 4, 6]);
  });

  test("auxiliary results are passed on, as constants", () => {
    const f = (a: NDArray): [NDArray, { twice: NDArray; note: string }] => [
      a.square().sum(),
      { twice: a.multiply(2), note: "n" },
    ];
    const [[v, aux], g] = mx.valueAndGrad(f)(x);
    close(v, 14);
    close(aux.twice, [2, 4, 6]);
    assert.equal(aux.note, "n");
    close(g, [2, 4, 6]);
    const outer = mx.grad((a: NDArray) => mx.valueAndGrad(f)(a)[0][1].twice.sum())(x);
    close(outer, [0, 0, 0]);
  });

  test("needs a scalar array first", () => {
    const bad = (result: unknown) => (() => result) as unknown as (a: NDArray) => NDArray;
    assert.throws(() => mx.valueAndGrad(bad([]))(x), /or a list that starts with one/);
    assert.throws(() => mx.valueAndGrad(bad([1, x]))(x), mx.TransformError);
    assert.throws(() => mx.valueAndGrad(bad({ loss: x }))(x), mx.TransformError);
  });

  test("a loss of half precision has a gradient of half precision", () => {
    const [v, g] = mx.valueAndGrad((a: NDArray) => a.square().sum())(mx.array([1, 2], mx.float16));
    assert.deepEqual([v.dtype, g.dtype], [mx.float16, mx.float16]);
    close(g, [2, 4]);
  });
});

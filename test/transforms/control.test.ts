/** Branches and loops with a test: which side is run, derivatives, mapping, nesting, compiling, errors. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as mx from "../../src/index.js";
import { close, valuesOf } from "./support.js";

type NDArray = mx.NDArray;

const refuses = (run: () => unknown, message: RegExp, name = "TransformError"): void => {
  assert.throws(run, (e: Error) => {
    assert.equal(e.name, name);
    assert.match(e.message, message);
    return true;
  });
};

describe("cond", () => {
  const w = mx.array([0.5, -2]);
  const f = (x: NDArray): NDArray =>
    mx
      .cond(
        x.sum().greater(0),
        (a) => mx.exp(a).multiply(w),
        (a) => a.multiply(a),
        x,
      )
      .sum();
  const [up, down] = [mx.array([1, 2]), mx.array([-1, -2])];
  const plain = (x: NDArray): NDArray =>
    Number(x.sum().item()) > 0 ? mx.exp(x).multiply(w).sum() : x.multiply(x).sum();
  test("is the side that the condition says", () => {
    close(f(up), valuesOf(plain(up)));
    close(f(down), valuesOf(plain(down)));
    assert.equal(
      mx
        .cond(
          true,
          () => mx.array(1),
          () => mx.array(2),
        )
        .item(),
      1,
    );
    assert.equal(
      mx
        .cond(
          mx.array(0),
          () => mx.array(1),
          () => mx.array(2),
        )
        .item(),
      2,
    );
    assert.equal(
      mx
        .cond(
          mx.array(-3, mx.int8),
          () => mx.array(1),
          () => mx.array(2),
        )
        .item(),
      1,
    );
  });
  test("leaves the other side alone", () => {
    const table = mx.array([0, 1, 2]);
    const at = (i: number): number =>
      Number(
        mx
          .cond(
            mx.array(i).less(3),
            (k: NDArray) => table.get(k),
            () => mx.array(-1),
            mx.array(i, mx.int32),
          )
          .item(),
      );
    // Reading outside of the table would be an error.
    assert.deepEqual([0, 2, 7].map(at), [0, 2, -1]);
  });
  test("decides anew at each call of a compiled function", () => {
    const compiled = mx.compile(f);
    for (const x of [up, down, up]) close(compiled(x), valuesOf(plain(x)));
    const grad = mx.compile(mx.grad(f));
    for (const x of [up, down, up]) close(grad(x), valuesOf(mx.grad(plain)(x)));
  });
  test("has gradients, also of what the sides use from outside", () => {
    const g = (v: NDArray, x: NDArray): NDArray =>
      mx.cond(
        x.sum().greater(0),
        (a) => mx.tanh(a.multiply(v)).sum(),
        (a) => a.sum(),
        x,
      );
    for (const [x, on] of [
      [up, 1],
      [down, 0],
    ] as const) {
      const [gv, gx] = mx.grad(g, [0, 1])(w, x);
      const h = (v: NDArray, y: NDArray): NDArray =>
        on === 1 ? mx.tanh(y.multiply(v)).sum() : y.sum();
      close(gv, valuesOf(mx.grad(h, [0, 1])(w, x)[0]));
      close(gx, valuesOf(mx.grad(h, [0, 1])(w, x)[1]));
    }
    const hvp = (y: typeof f, x: NDArray): NDArray => mx.jvp(mx.grad(y), [x], [mx.ones([2])])[1][0];
    close(hvp(f, up), valuesOf(hvp(plain, up)));
    close(hvp(f, down), valuesOf(hvp(plain, down)));
  });
  test("mapped over the condition takes both, each item its own", () => {
    const xs = mx.stack([up, down, mx.array([3, -1])]);
    const want = [0, 1, 2].map((i) => Number(plain(xs.get(i)).item()));
    close(mx.vmap(f)(xs), want);
    const grads = [0, 1, 2].flatMap((i) => valuesOf(mx.grad(plain)(xs.get(i))));
    close(mx.vmap(mx.grad(f))(xs), grads);
    close(mx.grad((y: NDArray) => mx.vmap(f)(y).sum())(xs), grads);
  });
  test("mapped with one condition for all stays a branch", () => {
    const table = mx.array([0, 1, 2]);
    const g = (k: NDArray): NDArray =>
      mx.cond(
        mx.array(false),
        (i) => table.get(i),
        (i) => i.astype(mx.float32),
        k,
      );
    assert.deepEqual(valuesOf(mx.vmap(g)(mx.array([7, 8], mx.int32))), [7, 8]);
  });
  test("in a loop, its gradient, a branch in a branch", () => {
    const loop = (x: NDArray): NDArray =>
      mx
        .scan(
          (c, i: NDArray) => [
            mx.cond(
              i.remainder(2).equal(0),
              (a) => mx.sin(a).multiply(x),
              (a) =>
                mx.cond(
                  i.greater(2),
                  (b) => b.add(x),
                  (b) => b.square(),
                  a,
                ),
              c,
            ),
            null,
          ],
          x,
          mx.arange(5),
        )[0]
        .sum();
    const unrolled = (x: NDArray): NDArray => {
      let c = x;
      for (let i = 0; i < 5; i++)
        c = i % 2 === 0 ? mx.sin(c).multiply(x) : i > 2 ? c.add(x) : c.square();
      return c.sum();
    };
    const x = mx.array([0.5, 1.2]);
    close(loop(x), valuesOf(unrolled(x)));
    close(mx.grad(loop)(x), valuesOf(mx.grad(unrolled)(x)));
    close(mx.compile(mx.grad(loop))(x), valuesOf(mx.grad(unrolled)(x)));
  });
  test("is refused without a scalar, with different results, by the name of the leaf", () => {
    const one = (): NDArray => mx.array(1);
    refuses(
      () => mx.cond(mx.array([true]), one, one),
      /condition to be a scalar array, got shape \[1\]/,
    );
    refuses(
      () =>
        mx.cond(
          mx.array(1),
          () => ({ a: mx.array(1) }),
          () => ({ a: mx.zeros([2]) }),
        ),
      /expected the result\.a to stay float32\[\], got float32\[2\]/,
    );
    refuses(
      () => mx.cond<[], unknown>(mx.array(1), one, () => [mx.array(1)]),
      /expected the result of the structure/,
    );
    refuses(
      () => mx.cond<[unknown], NDArray>(mx.array(1), one, one, "x"),
      /expected operands/,
      "ArgumentError",
    );
    refuses(
      () =>
        mx.cond(
          mx.array(1),
          (a) => (a.item() === 1 ? a : a),
          (a) => a,
          mx.array(1),
        ),
      /placeholder/,
    );
  });
});

describe("whileLoop", () => {
  /** How often a number can be halved before it is below one, and what is left. */
  const halve = (x: NDArray): [NDArray, NDArray] =>
    mx.whileLoop<[NDArray, NDArray]>(
      ([a]) => a.greater(1),
      ([a, n]) => [a.divide(2), n.add(1)],
      [x, mx.array(0, mx.int32)],
    );
  test("goes on as long as the test says, and not at all where it says no", () => {
    assert.deepEqual(
      halve(mx.array(20)).map((y) => y.item()),
      [0.625, 5],
    );
    assert.deepEqual(
      halve(mx.array(16)).map((y) => y.item()),
      [1, 4],
    );
    assert.deepEqual(
      halve(mx.array(0.5)).map((y) => y.item()),
      [0.5, 0],
    );
  });
  test("has as many rounds as each call of a compiled function needs", () => {
    const compiled = mx.compile(halve);
    for (const [x, n] of [
      [20, 5],
      [0.5, 0],
      [3, 2],
      [1e6, 20],
    ] as const)
      assert.equal(compiled(mx.array(x))[1].item(), n);
  });
  test("of many rounds, asynchronously too", async () => {
    const count = (): NDArray =>
      mx.whileLoop(
        (i: NDArray) => i.less(200_000),
        (i) => i.add(1),
        mx.array(0, mx.int32),
      );
    assert.equal(count().item(), 200_000);
    assert.equal(await count().itemAsync(), 200_000);
  });
  test("uses arrays from outside in test and body, hands on carries that stay or change places", () => {
    const [most, step] = [mx.array(10), mx.array([1, 2])];
    const [a, b, c] = mx.whileLoop<[NDArray, NDArray, NDArray]>(
      ([x]) => x.sum().less(most),
      ([x, y, z]) => [y.add(step), x, z],
      [mx.zeros([2]), mx.ones([2]), mx.array(7)],
    );
    let [x, y] = [
      [0, 0],
      [1, 1],
    ];
    while ((x[0] ?? 0) + (x[1] ?? 0) < 10) [x, y] = [[(y[0] ?? 0) + 1, (y[1] ?? 0) + 2], x];
    assert.deepEqual(valuesOf(a), x);
    assert.deepEqual(valuesOf(b), y);
    assert.equal(c.item(), 7);
  });
  test("mapped, each item stops on its own", () => {
    const xs = mx.array([20, 0.5, 16, 3]);
    const [left, counts] = mx.vmap(halve)(xs);
    close(left, [0.625, 0.5, 1, 0.75]);
    assert.deepEqual(valuesOf(counts), [5, 0, 4, 2]);
    const [, same] = mx.vmap((x: NDArray) =>
      mx.whileLoop<[NDArray, NDArray]>(
        ([i]) => i.less(3),
        ([i, y]) => [i.add(1), y.multiply(2)],
        [mx.array(0), x],
      ),
    )(xs);
    close(same, [160, 4, 128, 24]);
  });
  test("has tangents; reverse mode names what to do instead", () => {
    const root = (a: NDArray): NDArray =>
      mx.whileLoop(
        (x: NDArray) => mx.abs(x.square().subtract(a)).greater(1e-12),
        (x) => x.add(a.divide(x)).divide(2),
        a,
      );
    const two = mx.array(2, mx.float64);
    const [[value], [slope]] = mx.jvp(root, [two], [mx.array(1, mx.float64)]);
    close(value, [Math.SQRT2], 1e-12);
    close(slope, [1 / (2 * Math.SQRT2)], 1e-9);
    refuses(
      () => mx.grad(root)(two),
      /\[whileLoop\] expected forward mode.*use scan with a length/,
    );
    // Where nothing of it is asked for, there is nothing to refuse.
    const counted = (a: NDArray): NDArray => a.multiply(halve(mx.array(20))[0]);
    close(mx.grad(counted)(mx.array(3)), [0.625]);
  });
  test("in a scan, and a scan in it", () => {
    const xs = mx.array([20, 3, 16]);
    const [total, each] = mx.scan(
      (c: NDArray, x: NDArray) => {
        const [, n] = halve(x);
        return [c.add(n), n];
      },
      mx.array(0, mx.int32),
      xs,
    );
    assert.equal(total.item(), 11);
    assert.deepEqual(valuesOf(each), [5, 2, 4]);
    const sums = mx.whileLoop(
      (v: NDArray) => v.sum().less(100),
      (v) => mx.scan((c: NDArray, x: NDArray) => [c.add(x), c.add(x)], mx.array(0), v)[1],
      mx.array([1, 1, 1]),
    );
    assert.deepEqual(valuesOf(sums), [1, 13, 91]);
  });
  test("is refused where values change their type or the test is no scalar", () => {
    refuses(
      () =>
        mx.whileLoop(
          (x: NDArray) => x.less(3),
          (x) => x.add(0.5),
          mx.array(1, mx.int32),
        ),
      /expected the value to stay int32\[\], got float32\[\]/,
    );
    refuses(
      () =>
        mx.whileLoop(
          (x: NDArray) => x.less(3),
          (x) => x.add(1),
          mx.zeros([2]),
        ),
      /the test to be a scalar array, got shape \[2\]/,
    );
    refuses(
      () =>
        mx.whileLoop(
          () => Object(true),
          (x: NDArray) => x,
          mx.array(1),
        ),
      /the test to be a scalar array/,
    );
    refuses(
      () =>
        mx.whileLoop(
          () => mx.array(1),
          (x) => x,
          Object(3),
        ),
      /expected init/,
      "ArgumentError",
    );
  });
});

/** Functions with rules of their own, and functions whose inside is computed again. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as mx from "../../src/index.js";
import { close, valuesOf } from "./support.js";

type NDArray = mx.NDArray;
const x = mx.array([1, 2, 3]);
const ones = mx.ones([3]);

describe("customFunction", () => {
  test("without rules is the function", () => {
    const f = mx.customFunction((a: NDArray) => a.square());
    close(f(x), [1, 4, 9]);
    close(mx.grad((a: NDArray) => f(a).sum())(x), [2, 4, 6]);
  });

  test("a vjp of its own", () => {
    const f = mx.customFunction((a: NDArray, b: NDArray) => a.multiply(b));
    const same = f.vjp(([a, b], ct, out) => [
      ct.multiply(b).multiply(10),
      ct.multiply(a).add(out.multiply(0)),
    ]);
    assert.equal(same, f);
    const [, [da, db]] = mx.vjp(f, [x, mx.array([4, 5, 6])], [ones]);
    close(da, [40, 50, 60]);
    close(db, [1, 2, 3]);
    // Forward it is still the function's own derivative.
    close(mx.jvp(f, [x, x], [ones, ones])[1][0], [2, 4, 6]);
  });

  test("one argument comes bare, trees keep their structure, other values pass", () => {
    const f = mx.customFunction((p: { a: NDArray; k: number }) => ({ out: p.a.multiply(p.k) }), {
      vjp: (p, ct) => ({ a: ct.out.multiply(p.k * 100), k: null }),
    });
    close(mx.grad((a: NDArray) => f({ a, k: 2 }).out.sum())(x), [200, 200, 200]);
  });

  test("a vjp that is missing is the transpose of the jvp", () => {
    const f = mx.customFunction((a: NDArray, b: NDArray) => [a.multiply(b), a.add(b)]);
    f.jvp(([a, b], [ta, tb]) => {
      const zero = mx.zerosLike(a);
      return [(ta ?? zero).multiply(b).multiply(3), (ta ?? zero).add(tb ?? zero)];
    });
    const y = mx.array([4, 5, 6]);
    const [, tangents] = mx.jvp((a: NDArray) => f(a, y), [x], [ones]);
    close(tangents[0] ?? x, [12, 15, 18]);
    const [, [da, db]] = mx.vjp((a, b) => f(a, b), [x, y], [ones, ones]);
    close(da, [13, 16, 19]);
    close(db, [1, 1, 1]);
  });

  test("own rules survive vmap, and nest", () => {
    const f = mx
      .customFunction((a: NDArray) => mx.sin(a).sum())
      .vjp((a, ct) => ct.multiply(mx.exp(a)));
    const rows = mx.array([
      [1, 2],
      [3, 4],
    ]);
    const want = [1, 2, 3, 4].map(Math.exp);
    close(mx.vmap(mx.grad((a: NDArray) => f(a)))(rows), want);
    close(mx.grad((m: NDArray) => mx.vmap(f)(m).sum())(rows), want);
    close(
      mx.grad((m: NDArray) =>
        mx
          .vmap(mx.vmap((a: NDArray) => f(a.reshape([1]))))(m)
          .sum(),
      )(rows),
      want,
    );
    // The derivative of the rule itself.
    close(
      mx.grad((a: NDArray) =>
        mx
          .grad((b: NDArray) => f(b))(a)
          .sum(),
      )(mx.array([1, 2])),
      [1, 2].map(Math.exp),
    );
  });

  test("a batching rule of its own", () => {
    let mapped: unknown = null;
    const f = mx.customFunction((a: NDArray, b: NDArray) => a.multiply(b), {
      vmap: ([a, b], axes) => {
        mapped = axes;
        return [a.multiply(b).add(1000), 0];
      },
      vjp: ([, b], ct) => [ct.multiply(b).multiply(7), ct],
    });
    const rows = mx.array([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    close(mx.vmap(f, { inAxes: [0, null] })(rows, x), [1001, 1004, 1009, 1004, 1010, 1018]);
    assert.deepEqual(mapped, [0, null]);
    const g = mx.grad((m: NDArray) =>
      mx
        .vmap(f, { inAxes: [0, null] })(m, x)
        .sum(),
    )(rows);
    close(g, [7, 14, 21, 7, 14, 21]);
    close(
      mx.vmap(mx.vmap((a: NDArray) => f(a, mx.array(2))))(rows),
      [1002, 1004, 1006, 1008, 1010, 1012],
    );
  });

  test("captured arrays are constants for a vjp rule, not without one", () => {
    const d = mx.grad((w: NDArray) =>
      mx.customFunction((a: NDArray) => a.multiply(w).sum(), {
        vjp: (_a, ct) => ct.multiply(ones),
      })(x),
    )(mx.array(2));
    close(d, 0);
    const e = mx.grad((w: NDArray) =>
      mx.customFunction((a: NDArray) => a.multiply(w).sum(), { vmap: (a) => [a, 0] })(x),
    )(mx.array(2));
    close(e, 6);
  });

  test("rules that return something else", () => {
    const count = mx.customFunction((a: NDArray) => a, { vjp: () => [] });
    assert.throws(
      () => mx.grad((a: NDArray) => count(a).sum())(x),
      /\[customFunction\] expected the vjp rule to return 1 arrays, one per primal, got 0/,
    );
    const shape = mx.customFunction((a: NDArray) => a, { vjp: (_a, ct) => ct.sum() });
    assert.throws(
      () => mx.grad((a: NDArray) => shape(a).sum())(x),
      /returned shape \[\] for primal 0 of shape \[3\]/,
    );
    const batch = mx.customFunction((a: NDArray) => a, { vmap: ((a: NDArray) => a) as never });
    assert.throws(() => mx.vmap(batch)(x), /\[outputs, axes\]/);
    assert.throws(() => mx.customFunction((a: NDArray) => a).vjp(3 as never), mx.ArgumentError);
  });
});

describe("checkpoint", () => {
  const body = (a: NDArray): NDArray => mx.exp(mx.sin(a)).sum();
  const want = [1, 2, 3].map((v) => Math.cos(v) * Math.exp(Math.sin(v)));

  test("has the values and gradients of the function, which runs once", () => {
    let runs = 0;
    const f = mx.checkpoint((a: NDArray) => {
      runs++;
      return body(a);
    });
    close(
      f(x),
      [1, 2, 3].reduce((s, v) => s + Math.exp(Math.sin(v)), 0),
    );
    runs = 0;
    close(mx.grad(f)(x), want);
    assert.equal(runs, 1);
    close(
      mx.jvp(f, [x], [ones])[1][0],
      want.reduce((s, v) => s + v, 0),
    );
  });

  test("gradients of captured arrays", () => {
    const d = mx.grad((w: NDArray) => mx.checkpoint((a: NDArray) => a.multiply(w).sum())(x))(
      mx.array(2),
    );
    close(d, 6);
    const e = mx.grad((w: NDArray) => {
      const s = mx.sin(w);
      return mx.checkpoint(() => s.multiply(s))();
    })(mx.array(0.5));
    close(e, 2 * Math.sin(0.5) * Math.cos(0.5));
  });

  test("nested, mapped, and of second order", () => {
    const f = mx.checkpoint((a: NDArray) => mx.checkpoint(body)(a));
    close(mx.grad(f)(x), want);
    const second = mx.jvp(mx.grad(f), [x], [ones])[1][0];
    close(
      second,
      [1, 2, 3].map((v) => (Math.cos(v) ** 2 - Math.sin(v)) * Math.exp(Math.sin(v))),
      1e-4,
    );
    const rows = mx.stack([x, x]);
    close(mx.vmap(mx.grad(f))(rows), [...want, ...want]);
    close(mx.grad((m: NDArray) => mx.vmap(f)(m).sum())(rows), [...want, ...want]);
    close(mx.grad((a: NDArray) => mx.grad(f)(a).sum())(x), valuesOf(second), 1e-4);
  });

  test("random numbers of the value and of the gradient are the same", () => {
    mx.random.seed(7);
    const f = mx.checkpoint((a: NDArray) => a.multiply(mx.random.uniform({ shape: [3] })).sum());
    const [value, gradient] = mx.valueAndGrad(f)(ones);
    close(gradient.sum(), Number(value.item()));
  });

  test("control flow on values inside", () => {
    const f = mx.checkpoint((a: NDArray) =>
      Number(a.sum().item()) > 0 ? a.square().sum() : a.sum(),
    );
    close(mx.grad(f)(x), [2, 4, 6]);
    close(mx.grad(f)(x.negative()), [1, 1, 1]);
  });

  test("trees and other values as arguments and results", () => {
    const f = mx.checkpoint((p: { w: NDArray }, how: string) => ({
      loss: p.w.square().sum(),
      how,
    }));
    const g = mx.grad((p: { w: NDArray }) => f(p, "x").loss)({ w: x });
    close(g.w, [2, 4, 6]);
    assert.equal(f({ w: x }, "y").how, "y");
  });
});

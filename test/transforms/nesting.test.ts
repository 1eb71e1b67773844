/** Transforms of transforms, to any depth and in any order. */
import { describe, test } from "node:test";
import * as mx from "../../src/index.js";
import { close } from "./support.js";

type NDArray = mx.NDArray;
const f64 = (values: number | number[] | number[][]): NDArray => mx.array(values, mx.float64);
const x = f64([0.3, -0.7, 1.1]);
const t = f64([1, 0.5, -2]);
/** A scalar function with a dense Hessian. */
const f = (a: NDArray): NDArray =>
  mx.exp(mx.sin(a).sum()).add(a.square().multiply(mx.sum(a)).sum());

const hessian = [0, 1, 2].map((i) => {
  const h = 1e-4;
  const at = (k: number): number[] => {
    const p = [0.3, -0.7, 1.1].map((v, j) => (j === i ? v + k : v));
    const e = Math.exp(p.reduce((s, v) => s + Math.sin(v), 0));
    const [sum, squares] = [p.reduce((s, v) => s + v, 0), p.reduce((s, v) => s + v * v, 0)];
    return p.map((v) => e * Math.cos(v) + 2 * v * sum + squares);
  };
  const [up, down] = [at(h), at(-h)];
  return up.map((u, j) => (u - (down[j] ?? 0)) / (2 * h));
});
const hvp = [0, 1, 2].map((i) =>
  (hessian[i] ?? []).reduce((s, h, j) => s + h * ([1, 0.5, -2][j] ?? 0), 0),
);

describe("second derivatives", () => {
  test("Hessian times vector, forward over reverse", () => {
    close(mx.jvp(mx.grad(f), [x], [t])[1][0], hvp, 1e-6);
  });
  test("Hessian times vector, reverse over forward", () => {
    close(mx.grad((a: NDArray) => mx.jvp(f, [a], [t])[1][0])(x), hvp, 1e-6);
  });
  test("Hessian times vector, reverse over reverse", () => {
    close(mx.vjp(mx.grad(f), [x], [t])[1][0], hvp, 1e-6);
  });
  test("whole Hessian by mapping either way", () => {
    const eye = mx.eye(3, { dtype: mx.float64 });
    const want = hessian.flat();
    close(mx.vmap((row: NDArray) => mx.jvp(mx.grad(f), [x], [row])[1][0])(eye), want, 1e-6);
    close(mx.vmap((row: NDArray) => mx.vjp(mx.grad(f), [x], [row])[1][0])(eye), want, 1e-6);
  });
  test("the fifth derivative", () => {
    let d = (a: NDArray): NDArray => mx.sin(a);
    for (let i = 0; i < 5; i++) d = mx.grad(d);
    close(d(f64(0.4)), Math.cos(0.4), 1e-9);
  });
});

describe("vmap with derivatives", () => {
  const rows = f64([
    [0.3, -0.7],
    [1.1, 0.2],
    [-0.4, 0.9],
  ]);
  const w = f64([0.5, -1.5]);
  const loss = (p: NDArray, row: NDArray): NDArray => mx.tanh(row.multiply(p).sum()).square();
  const each = [
    [0.3, -0.7],
    [1.1, 0.2],
    [-0.4, 0.9],
  ].map(([a = 0, b = 0]) => {
    const y = Math.tanh(0.5 * a - 1.5 * b);
    return [a, b].map((v) => 2 * y * (1 - y * y) * v);
  });

  test("per-sample gradients", () => {
    close(mx.vmap(mx.grad(loss), { inAxes: [null, 0] })(w, rows), each.flat(), 1e-9);
  });
  test("gradient of a mapped function", () => {
    const total = mx.grad((p: NDArray) =>
      mx
        .vmap(loss, { inAxes: [null, 0] })(p, rows)
        .sum(),
    )(w);
    close(
      total,
      [0, 1].map((k) => each.reduce((s, e) => s + (e[k] ?? 0), 0)),
      1e-9,
    );
  });
  test("vjp of vmap of grad", () => {
    const g = (p: NDArray): NDArray => mx.vmap(mx.grad(loss), { inAxes: [null, 0] })(p, rows);
    const c = f64([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    const [, [got]] = mx.vjp(g, [w], [c]);
    const h = 1e-4;
    const dot = (k: number, d: number): number => {
      const moved = f64([0.5 + (k === 0 ? d : 0), -1.5 + (k === 1 ? d : 0)]);
      return Number(g(moved).multiply(c).sum().item());
    };
    close(
      got,
      [0, 1].map((k) => (dot(k, h) - dot(k, -h)) / (2 * h)),
      1e-6,
    );
  });
  test("Jacobian by vmap of vjp and of jvp", () => {
    const g = (a: NDArray): NDArray => mx.stack([a.prod(), mx.sin(a).sum()]);
    const p = f64([2, 3]);
    const want = [3, 2, Math.cos(2), Math.cos(3)];
    const eye = mx.eye(2, { dtype: mx.float64 });
    close(mx.vmap((c: NDArray) => mx.vjp(g, [p], [c])[1][0])(eye), want, 1e-9);
    close(mx.vmap((v: NDArray) => mx.jvp(g, [p], [v])[1][0], { outAxes: 1 })(eye), want, 1e-9);
  });
});

describe("perturbation confusion", () => {
  test("an inner derivative does not see the outer one's perturbation", () => {
    const d = mx.grad((a: NDArray) => a.multiply(mx.grad((b: NDArray) => a.add(b))(f64(1))));
    close(d(f64(1)), 1);
    const e = (a: NDArray): NDArray =>
      a.multiply(mx.jvp((b) => a.multiply(b), [f64(2)], [f64(1)])[1][0]);
    close(mx.jvp(e, [f64(3)], [f64(1)])[1][0], 6);
  });
  test("the same array as argument of both", () => {
    const d = mx.grad((a: NDArray) => mx.grad((b: NDArray) => b.multiply(b).multiply(a))(a));
    close(d(f64(3)), 4 * 3);
  });
  test("an inner function that returns its outer argument", () => {
    close(
      mx.grad((a: NDArray) =>
        mx
          .grad((b: NDArray) => mx.stopGradient(b).multiply(0).add(a))(a)
          .add(a),
      )(f64(2)),
      1,
    );
  });
});

describe("values inside nested transforms", () => {
  test("an inner gradient does not cut captured values off", () => {
    // Evaluating `s` inside the inner gradient must leave it differentiable for the outer one.
    const d = mx.grad((a: NDArray) => {
      const s = mx.sin(a);
      const inner = mx.grad((b: NDArray) => {
        s.eval();
        return b.multiply(b).multiply(s);
      })(f64(2));
      return inner.multiply(s);
    });
    close(d(f64(0.5)), 2 * 2 * 2 * Math.sin(0.5) * Math.cos(0.5), 1e-9);
  });
  test("control flow on values at every level", () => {
    const g = (a: NDArray): NDArray => (Number(a.item()) > 0 ? a.square() : a.negative());
    close(mx.grad(mx.grad((a: NDArray) => g(g(a))))(f64(3)), 12 * 9);
    close(mx.grad((a: NDArray) => g(mx.grad(g)(a)))(f64(-3)), 0);
  });
  test("values of the outer trace can be read while inner lanes have none", () => {
    const d = mx.grad((a: NDArray) =>
      mx
        .vmap((r: NDArray) => (Number(a.item()) > 0 ? r.multiply(a) : r))(f64([1, 2, 3]))
        .sum(),
    );
    close(d(f64(2)), 6);
  });
  test("traces that ended do not hide those that run", () => {
    const d = mx.grad((a: NDArray) => {
      let ended: NDArray = a;
      mx.grad((b: NDArray) => {
        ended = b.multiply(a);
        return b;
      })(f64(1));
      ended.eval();
      return ended.multiply(a);
    });
    close(d(f64(3)), 6);
  });
});

/** vjp and jvp: what they take, what they give, what they refuse, and what functions may do inside. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as mx from "../../src/index.js";
import { close, valuesOf } from "./support.js";

const refuses = (fn: () => unknown, message: RegExp): void => {
  assert.throws(fn, (e) => e instanceof mx.TransformError && message.test(e.message));
};
const x = mx.array([1, 2, 3]);
const y = mx.array([4, 5, 6]);

describe("vjp", () => {
  test("a single result and a list of results", () => {
    const [outs, vjps] = mx.vjp((a) => a.multiply(mx.sin(a)), [x], [mx.ones([3])]);
    assert.equal(outs.length, 1);
    close(
      outs[0],
      [1, 2, 3].map((v) => v * Math.sin(v)),
    );
    close(
      vjps[0],
      [1, 2, 3].map((v) => Math.sin(v) + v * Math.cos(v)),
    );
    const [two, both] = mx.vjp(
      (a, b) => [a.multiply(b), a.sum()],
      [x, y],
      [mx.array([1, 0, 2]), mx.array(3)],
    );
    assert.deepEqual(
      two.map((o) => o.shape),
      [[3], []],
    );
    close(both[0], [4 + 3, 3, 12 + 3]);
    close(both[1], [1, 0, 6]);
  });

  test("primals that do not matter get zeros of their shape and dtype", () => {
    const unused = mx.zeros([2, 2], mx.float16);
    const [, [dx, du]] = mx.vjp((a, _b) => a.square(), [x, unused], [mx.ones([3])]);
    close(dx, [2, 4, 6]);
    assert.deepEqual([du.shape, du.dtype], [[2, 2], mx.float16]);
    close(du, [0, 0, 0, 0]);
  });

  test("dtypes of vjps are those of the primals", () => {
    for (const dtype of [mx.float16, mx.bfloat16, mx.float32, mx.float64, mx.int32, mx.complex64]) {
      const a = mx.array([1, 2, 3], dtype);
      const out = a.multiply(2.5);
      const [, [d]] = mx.vjp((v) => v.multiply(2.5), [a], [mx.onesLike(out)]);
      assert.equal(d.dtype, dtype);
    }
  });

  test("no primals, no outputs", () => {
    assert.deepEqual(
      mx.vjp(() => [], [], []),
      [[], []],
    );
    const [outs, vjps] = mx.vjp(() => x, [], [y]);
    close(outs[0], [1, 2, 3]);
    assert.deepEqual(vjps, []);
  });

  test("a primal given twice counts as two, a captured one as a constant", () => {
    const [, [a, b]] = mx.vjp((p, q) => p.multiply(q).multiply(x), [x, x], [mx.ones([3])]);
    close(a, [1, 4, 9]);
    close(b, [1, 4, 9]);
  });

  test("an output that is a primal, or the same output twice", () => {
    const [, [d]] = mx.vjp((a) => [a, a, a.square()], [x], [y, y, mx.ones([3])]);
    close(d, [8 + 2, 10 + 4, 12 + 6]);
  });

  test("cotangents that do not fit the outputs", () => {
    const f = (a: mx.NDArray): mx.NDArray => a.square();
    refuses(
      () => mx.vjp(f, [x], [mx.ones([2])]),
      /^\[vjp\] cotangent 0 has shape \[2\], but output 0 has shape \[3\]: pass one cotangent per output, in its shape and dtype$/,
    );
    refuses(
      () => mx.vjp(f, [x], [mx.ones([3], mx.float16)]),
      /^\[vjp\] cotangent 0 has dtype float16, but output 0 has dtype float32/,
    );
    const many: mx.NDArray[] = [x, y];
    const g: (a: mx.NDArray) => mx.NDArray[] = (a) => [a];
    refuses(() => mx.vjp(g, [x], many), /^\[vjp\] expected 1 cotangent for 1 output, got 2/);
    refuses(() => mx.vjp(g, [x], []), /got 0/);
    refuses(
      () => mx.vjp((a, b) => [a, b], [x, y], [x, mx.ones([1, 3])]),
      /cotangent 1 has shape \[1, 3\]/,
    );
  });

  test("functions that return something else", () => {
    const bad = (result: unknown) => (): mx.NDArray[] => result as mx.NDArray[];
    refuses(() => mx.vjp(bad(3), [x], []), /^\[vjp\] expected the function to return an array/);
    refuses(() => mx.vjp(bad([x, null]), [x], []), /got null at position 1/);
    refuses(
      () => mx.vjp(bad(Promise.resolve(x)), [x], [x]),
      /^\[vjp\] expected a function that returns its result, got one that returns a promise/,
    );
    assert.throws(() => mx.vjp(bad(x), x as unknown as mx.NDArray[], []), mx.ArgumentError);
    assert.throws(() => mx.vjp(bad(x), [2 as unknown as mx.NDArray], []), mx.ArgumentError);
  });

  test("values decide what is computed", () => {
    const power = (a: mx.NDArray): mx.NDArray => {
      let r = a;
      while (Number(r.sum().item()) < 100) r = r.multiply(a);
      return Number(r.get(0).item()) > 0 ? r : r.negative();
    };
    const [[out], [d]] = mx.vjp(power, [mx.array([2, 3])], [mx.ones([2])]);
    close(out, [32, 243]);
    close(d, [5 * 16, 5 * 81]);
  });

  test("what is evaluated inside stays differentiable and loses its graph afterwards", () => {
    let inside: mx.NDArray | null = null;
    const [, [d]] = mx.vjp(
      (a) => {
        inside = mx.sin(a);
        inside.eval();
        assert.notEqual(inside.node.prim, null);
        return mx.exp(inside);
      },
      [mx.array(0.5)],
      [mx.array(1)],
    );
    close(d, Math.cos(0.5) * Math.exp(Math.sin(0.5)));
    assert.ok(inside !== null);
    const leaked: mx.NDArray = inside;
    assert.equal(leaked.node.prim, null);
    assert.equal(leaked.node.ins.length, 0);
    close(leaked, Math.sin(0.5));
  });

  test("an array leaked before it was evaluated evaluates normally", () => {
    let leaked: mx.NDArray = x;
    mx.vjp((a) => (leaked = mx.sin(a)), [x], [y]);
    close(leaked, [1, 2, 3].map(Math.sin));
    assert.equal(leaked.node.prim, null);
  });

  test("a function that throws leaves no trace behind", () => {
    assert.throws(
      () => mx.vjp((a) => (a.ndim > 0 ? assert.fail("inside") : a), [x], [x]),
      /inside/,
    );
    const z = mx.sin(x);
    z.eval();
    assert.equal(z.node.prim, null);
  });

  test("a chain of 100,000 operations", () => {
    const deep = (a: mx.NDArray): mx.NDArray => {
      let r = a;
      for (let i = 0; i < 100_000; i++) r = r.add(a);
      return r;
    };
    const [, [d]] = mx.vjp(deep, [mx.array(1)], [mx.array(1)]);
    assert.equal(d.shape.length, 0);
    const [, [t]] = mx.jvp(deep, [mx.array(1)], [mx.array(1)]);
    assert.equal(t.shape.length, 0);
  });
});

describe("jvp", () => {
  test("tangents of several outputs", () => {
    const [outs, jvps] = mx.jvp(
      (a, b) => [a.multiply(b), mx.sin(a)],
      [x, y],
      [mx.ones([3]), mx.array([0, 1, 0])],
    );
    close(outs[0], [4, 10, 18]);
    close(jvps[0], [4, 5 + 2, 6]);
    close(jvps[1], [1, 2, 3].map(Math.cos));
  });

  test("an output that does not depend on the primals has zero tangent", () => {
    const [, [t]] = mx.jvp((_a) => y, [x], [mx.ones([3])]);
    close(t, [0, 0, 0]);
    const [, [s]] = mx.jvp((a) => mx.stopGradient(a), [x], [mx.ones([3])]);
    close(s, [0, 0, 0]);
  });

  test("tangents that do not fit the primals", () => {
    refuses(
      () => mx.jvp((a) => a, [x], [mx.ones([2])]),
      /^\[jvp\] tangent 0 has shape \[2\], but primal 0 has shape \[3\]: pass one tangent per primal/,
    );
    refuses(() => mx.jvp((a) => a, [x], [mx.ones([3], mx.int32)]), /tangent 0 has dtype int32/);
    const none: mx.NDArray[] = [];
    const primals: mx.NDArray[] = [x];
    refuses(() => mx.jvp((...a) => a, primals, none), /expected 1 tangent for 1 primal, got 0/);
  });
});

describe("conventions at special points", () => {
  test("a tie of two goes to the second", () => {
    const tie = mx.array([1, 2]);
    const [, [a, b]] = mx.vjp(mx.maximum, [tie, mx.array([1, 3])], [mx.ones([2])]);
    close(a, [0, 0]);
    close(b, [1, 1]);
    const [, [c, d]] = mx.vjp(mx.minimum, [tie, mx.array([1, 3])], [mx.ones([2])]);
    close(c, [0, 1]);
    close(d, [1, 0]);
    const [, [t]] = mx.jvp(mx.maximum, [tie, tie], [mx.array([5, 5]), mx.array([7, 7])]);
    close(t, [7, 7]);
  });

  test("tied maxima share the cotangent and pass the first tangent", () => {
    const tie = mx.array([1, 3, 3]);
    const [, [d]] = mx.vjp((a) => mx.max(a), [tie], [mx.array(1)]);
    close(d, [0, 0.5, 0.5]);
    const [, [t]] = mx.jvp((a) => mx.max(a), [tie], [mx.array([5, 6, 7])]);
    close(t, 6);
  });

  test("abs, power and sqrt at zero", () => {
    close(mx.grad((a: mx.NDArray) => mx.abs(a))(mx.array(0)), 0);
    close(mx.grad((b: mx.NDArray) => mx.power(mx.array(0), b))(mx.array(2)), 0);
    assert.equal(
      mx
        .grad((a: mx.NDArray) => mx.sqrt(a))(mx.array(0))
        .item(),
      Number.POSITIVE_INFINITY,
    );
  });

  test("products are exact where factors are zero", () => {
    const [, [d]] = mx.vjp((a) => mx.prod(a), [mx.array([2, 0, 3])], [mx.array(1)]);
    close(d, [0, 6, 0]);
    const [, [c]] = mx.vjp((a) => mx.cumprod(a), [mx.array([2, 0, 3])], [mx.ones([3])]);
    close(c, [1 + 0 + 0, 2 + 6, 0]);
  });
});

describe("complex numbers", () => {
  const z = mx.array([
    { re: 1, im: 1 },
    { re: 0.5, im: -2 },
  ]);
  const gradient = (f: (v: mx.NDArray) => mx.NDArray): mx.NDArray =>
    mx.grad((v: mx.NDArray) => f(v).sum())(z);

  test("the cotangent is the gradient under the real inner product", () => {
    close(
      gradient((v) => mx.real(v.multiply(v))),
      [2, -2, 1, 4],
    );
    const r = Math.hypot(0.5, 2);
    close(
      gradient((v) => mx.abs(v)),
      [Math.SQRT1_2, Math.SQRT1_2, 0.5 / r, -2 / r],
    );
    close(
      gradient((v) => mx.imag(v)),
      [0, 1, 0, 1],
    );
    close(
      gradient((v) => mx.real(mx.conj(v))),
      [1, 0, 1, 0],
    );
  });

  test("holomorphic functions conjugate their Jacobian, cosine included", () => {
    const [, [t]] = mx.jvp(
      mx.cos,
      [z],
      [
        mx.array([
          { re: 1, im: 0 },
          { re: 1, im: 0 },
        ]),
      ],
    );
    close(
      gradient((v) => mx.real(mx.cos(v))),
      valuesOf(mx.conj(t)),
    );
  });

  test("real inputs of complex functions get real gradients", () => {
    const d = mx.grad((a: mx.NDArray) => mx.real(mx.exp(a.multiply({ re: 0, im: 1 }))))(
      mx.array(0.7),
    );
    assert.equal(d.dtype, mx.float32);
    close(d, -Math.sin(0.7));
  });
});

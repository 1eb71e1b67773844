/** Jacobians, Hessians, linear maps that are applied again and again, and the check against differences. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as mx from "../../src/index.js";
import { defaultEngine } from "../../src/runtime/default-engine.js";
import { close, valuesOf } from "./support.js";

type NDArray = mx.NDArray;

const f64 = (values: number | number[] | number[][]): NDArray => mx.array(values, mx.float64);
const refuses = (run: () => unknown, name: string, message: RegExp): void => {
  assert.throws(run, (e: Error) => {
    assert.equal(e.name, name);
    assert.match(e.message, message);
    return true;
  });
};

const x = f64([0.5, -1.5, 2]);
const w = f64([
  [1, 2, -1],
  [0.5, 0, 3],
]);

describe("jacfwd and jacrev", () => {
  const f = (a: NDArray, m: NDArray): NDArray => mx.sin(m.matmul(a)).multiply(a.sum());
  test("of one argument, of several, against each other and the rows of vjp", () => {
    const [fx, fw] = mx.jacfwd(f, [0, 1])(x, w);
    const [rx, rw] = mx.jacrev(f, [0, 1])(x, w);
    assert.deepEqual(
      [fx.shape, fw.shape],
      [
        [2, 3],
        [2, 2, 3],
      ],
    );
    close(fx, valuesOf(rx), 1e-12);
    close(fw, valuesOf(rw), 1e-12);
    for (const i of [0, 1]) {
      const ct = f64(i === 0 ? [1, 0] : [0, 1]);
      const [gx, gw] = mx.vjp(f, [x, w], [ct])[1];
      close(rx.get(i), valuesOf(gx), 1e-12);
      close(rw.get(i), valuesOf(gw), 1e-12);
    }
    close(mx.jacfwd(f)(x, w), valuesOf(fx), 1e-12);
    close(mx.jacrev(f, 1)(x, w), valuesOf(rw), 1e-12);
    close(mx.jacrev(f, { argnums: [1] })(x, w), valuesOf(rw), 1e-12);
  });
  test("of trees", () => {
    const g = (p: { a: NDArray; list: [NDArray] }): { u: NDArray; v: NDArray[] } => ({
      u: p.a.multiply(p.list[0]),
      v: [p.a.sum()],
    });
    const p: { a: NDArray; list: [NDArray] } = { a: f64([1, 2]), list: [f64(3)] };
    for (const j of [mx.jacfwd(g)(p), mx.jacrev(g)(p)]) {
      assert.deepEqual(valuesOf(j.u.a), [3, 0, 0, 3]);
      assert.deepEqual(valuesOf(j.u.list[0]), [1, 2]);
      assert.deepEqual(j.v[0]?.list[0].tolist(), 0);
      assert.deepEqual(valuesOf(j.v[0]?.a ?? x), [1, 1]);
    }
  });
  test("compiled, mapped, through loops and branches", () => {
    const loop = (a: NDArray): NDArray =>
      mx.scan(
        (c: NDArray) => [
          mx.cond(
            c.sum().greater(1),
            (b) => mx.sin(b),
            (b) => b.multiply(a),
            c,
          ),
          null,
        ],
        a,
        null,
        { length: 4 },
      )[0];
    const plain = (a: NDArray): NDArray => {
      let c = a;
      for (let i = 0; i < 4; i++) c = Number(c.sum().item()) > 1 ? mx.sin(c) : c.multiply(a);
      return c;
    };
    const want = valuesOf(mx.jacrev(plain)(x));
    close(mx.jacrev(loop)(x), want, 1e-12);
    close(mx.jacfwd(loop)(x), want, 1e-12);
    close(mx.compile(mx.jacfwd(loop))(x), want, 1e-12);
    const many = mx.stack([x, x.multiply(0.5)]);
    const each = [0, 1].flatMap((i) => valuesOf(mx.jacrev(plain)(many.get(i))));
    close(mx.vmap(mx.jacfwd(loop))(many), each, 1e-12);
    close(mx.vmap(mx.jacrev(loop))(many), each, 1e-12);
  });
  test("refuse integers, complex numbers, positions that are not there", () => {
    const g = (a: NDArray): NDArray => a.multiply(2);
    refuses(
      () => mx.jacfwd(g)(mx.array([1], mx.int32)),
      "DTypeError",
      /arguments of floating dtypes, got int32/,
    );
    refuses(() => mx.jacrev(g)(mx.array([1], mx.complex64)), "DTypeError", /use jvp and vjp/);
    refuses(
      () => mx.jacrev((a: NDArray) => a.astype(mx.int32))(x),
      "DTypeError",
      /results of floating/,
    );
    refuses(() => mx.jacrev(g, 1)(x), "ArgumentError", /an argument 1 to differentiate by/);
    refuses(() => mx.jacrev(g, -1)(x), "ArgumentError", /positions from 0/);
    refuses(() => mx.jacrev(g, Object({ argnames: "a" }))(x), "ArgumentError", /got argnames/);
    refuses(() => mx.jacfwd(async (a: NDArray) => a)(x), "TransformError", /promise/);
  });
});

describe("hessian and hvp", () => {
  const f = (a: NDArray): NDArray => mx.exp(mx.sin(a).sum()).add(a.multiply(a).multiply(a).sum());
  const scanned = (a: NDArray): NDArray =>
    mx
      .scan((c: NDArray) => [mx.sin(c.multiply(a)), c.square().sum()], a, null, { length: 4 })[1]
      .sum();
  const rows = (g: typeof f): number[] =>
    [0, 1, 2].flatMap((i) => {
      const e = f64([0, 1, 2].map((k) => (k === i ? 1 : 0)));
      return valuesOf(mx.vjp(mx.grad(g), [x], [e])[1][0]);
    });
  test("are the second derivatives, also through a loop", () => {
    for (const g of [f, scanned]) {
      const want = rows(g);
      const whole = mx.hessian(g)(x);
      assert.deepEqual(whole.shape, [3, 3]);
      close(whole, want, 1e-10);
      const v = f64([1, -2, 0.5]);
      close(mx.hvp(g, [x], [v])[0], valuesOf(whole.matmul(v)), 1e-10);
    }
  });
  test("of trees give trees of trees", () => {
    const g = (p: { a: NDArray; b: NDArray }): NDArray => p.a.multiply(p.b).sum();
    const p = { a: f64([1, 2]), b: f64(3) };
    const h = mx.hessian(g)(p);
    assert.deepEqual(valuesOf(h.a.b), [1, 1]);
    assert.deepEqual(valuesOf(h.b.a), [1, 1]);
    assert.deepEqual(valuesOf(h.a.a), [0, 0, 0, 0]);
    assert.equal(h.b.b.item(), 0);
    const [product] = mx.hvp(g, [p], [{ a: f64([1, 1]), b: f64(10) }]);
    assert.deepEqual(valuesOf(product.a), [10, 10]);
    assert.equal(product.b.item(), 2);
  });
  test("refuse results that are no scalars, vectors that do not fit", () => {
    refuses(
      () => mx.hvp((a: NDArray) => a, [x], [x]),
      "TransformError",
      /scalar array, got shape \[3\]/,
    );
    refuses(() => mx.hvp(f, [x], [f64([1])]), "TransformError", /tangent 0 has shape \[1\]/);
  });
});

describe("linearize and vjpFunction", () => {
  const f = (p: { a: NDArray }, m: NDArray): [NDArray, { s: NDArray }] => [
    mx.tanh(m.matmul(p.a)),
    { s: p.a.sum() },
  ];
  const p = { a: x };
  test("give the outputs and what jvp and vjp give, as often as wanted", () => {
    const [[y, { s }], linear] = mx.linearize(f, [p, w]);
    const [, pull] = mx.vjpFunction(f, [p, w]);
    const flat = (a: NDArray, m: NDArray): NDArray[] => {
      const [u, v] = f({ a }, m);
      return [u, v.s];
    };
    close(y, valuesOf(mx.tanh(w.matmul(x))), 1e-12);
    close(s, [1], 1e-12);
    for (const k of [1, 2]) {
      const [tx, tw] = [x.multiply(k), mx.ones([2, 3], mx.float64)];
      const want = mx.jvp(flat, [x, w], [tx, tw])[1];
      const [u, v] = linear({ a: tx }, tw);
      close(u, valuesOf(want[0] ?? u), 1e-12);
      close(v.s, valuesOf(want[1] ?? u), 1e-12);
      const cts: [NDArray, NDArray] = [f64([k, -1]), f64(0.5)];
      const [gx, gw] = mx.vjp(flat, [x, w], cts)[1];
      const [g, h] = pull([cts[0], { s: cts[1] }]);
      close(g.a, valuesOf(gx), 1e-12);
      close(h, valuesOf(gw), 1e-12);
    }
  });
  test("evaluate the function once", () => {
    let calls = 0;
    const g = (a: NDArray): NDArray => {
      calls++;
      return mx.sin(mx.sort(a).matmul(w.transpose()));
    };
    const kernelsOf = (run: () => NDArray): readonly string[] =>
      mx.debug
        .explain(run)()
        .kernels.flatMap((k) => k.operations);
    const [, linear] = mx.linearize(g, [x]);
    const [, pull] = mx.vjpFunction(g, [x]);
    const applications: [(v: NDArray) => NDArray, NDArray][] = [
      [linear, x],
      [(v) => pull(v)[0], f64([1, 2])],
    ];
    for (const [apply, v] of applications) {
      assert.ok(kernelsOf(() => apply(v)).includes("sort"));
      assert.ok(!kernelsOf(() => apply(v.multiply(2))).includes("sort"));
    }
    assert.equal(calls, 2);
  });
  test("make one plan for all applications", () => {
    const engine = defaultEngine();
    const [, pull] = mx.vjpFunction((a: NDArray) => mx.exp(a).multiply(a), [x]);
    mx.eval(pull(x)[0]);
    const before = engine.planned;
    for (const k of [2, 3]) {
      const [g] = pull(f64([k, k, k]));
      close(g, valuesOf(mx.exp(x).multiply(x.add(1)).multiply(k)), 1e-12);
    }
    assert.ok(engine.planned - before <= 2 + 1, "only what the test itself computes");
  });
  test("can be differentiated, mapped, compiled, and used inside of transforms", () => {
    const g = (a: NDArray): NDArray => mx.sin(a).multiply(a);
    const [, pull] = mx.vjpFunction(g, [x]);
    const slope = valuesOf(mx.vjp(g, [x], [mx.ones([3], mx.float64)])[1][0]);
    close(mx.grad((v: NDArray) => pull(v)[0].sum())(x), slope, 1e-12);
    const rows = mx.vmap((v: NDArray) => pull(v)[0])(mx.eye(3, { dtype: mx.float64 }));
    close(rows.sum(0), slope, 1e-12);
    close(mx.compile((v: NDArray) => pull(v)[0])(mx.ones([3], mx.float64)), slope, 1e-12);
    // The derivative of what a linear map gives, by where it was taken.
    const curve = (a: NDArray): NDArray =>
      mx
        .linearize(g, [a])[1](mx.ones([3], mx.float64))
        .sum();
    const want = mx.grad((a: NDArray) =>
      mx
        .grad((b: NDArray) => g(b).sum())(a)
        .sum(),
    )(x);
    close(mx.grad(curve)(x), valuesOf(want), 1e-12);
    close(
      mx
        .vmap(mx.grad(curve))(mx.stack([x, x]))
        .get(1),
      valuesOf(want),
      1e-12,
    );
  });
  test("go through loops", () => {
    const g = (a: NDArray): NDArray =>
      mx.scan((c: NDArray) => [mx.sin(c.multiply(a)), null], a, null, { length: 50 })[0];
    const [y, linear] = mx.linearize(g, [x]);
    const [, pull] = mx.vjpFunction(g, [x]);
    y.eval();
    const v = f64([1, 2, 3]);
    close(linear(v), valuesOf(mx.jvp(g, [x], [v])[1][0]), 1e-12);
    close(pull(v)[0], valuesOf(mx.vjp(g, [x], [v])[1][0]), 1e-12);
  });
  test("refuse vectors that do not fit", () => {
    const [, linear] = mx.linearize((a: NDArray) => a, [x]);
    const [, pull] = mx.vjpFunction((a: NDArray) => ({ y: a }), [x]);
    refuses(
      () => linear(f64([1])),
      "TransformError",
      /tangent 0 has shape \[1\], but primal 0 has shape \[3\]/,
    );
    refuses(() => linear(mx.ones([3])), "TransformError", /has dtype float32/);
    refuses(
      () => pull(Object(x)),
      "TransformError",
      /cotangents of the structure \{y:\*\}, got \*/,
    );
    refuses(() => mx.linearize((a: number) => a, [3]), "ArgumentError", /expected primals/);
    refuses(() => mx.linearize((_: NDArray) => 3, [x]), "ArgumentError", /expected the result/);
  });
});

describe("checkGrads", () => {
  test("is content with right derivatives, of trees, loops and any order", () => {
    mx.checkGrads(
      (p: { a: NDArray }, n: NDArray) => [mx.sin(p.a).multiply(n), p.a.prod()],
      [{ a: mx.array([0.5, 1.5]) }, mx.array(3, mx.int32)],
    );
    mx.checkGrads(
      (a: NDArray) => mx.scan((c: NDArray) => [mx.sin(c).multiply(a), c], a, null, { length: 3 }),
      [mx.array([0.5, 1.5])],
      { order: 3 },
    );
    mx.checkGrads((a: NDArray) => mx.exp(a.astype(mx.float32)), [mx.array([0.5])], { order: 1 });
  });
  test("finds wrong ones, by mode and order", () => {
    const bad = mx.customFunction((a: NDArray) => a.multiply(a));
    bad.vjp((a, ct) => ct.multiply(a));
    const f = (a: NDArray): NDArray => bad(a);
    refuses(
      () => mx.checkGrads(f, [x]),
      "TransformError",
      /^\[checkGrads\] expected vjp of the function/,
    );
    mx.checkGrads(f, [x], { modes: ["forward"] });
    const second = mx.customFunction((a: NDArray) => a.multiply(a));
    second.vjp((a, ct) => mx.stopGradient(a).multiply(2).multiply(ct));
    const g = (a: NDArray): NDArray => second(a);
    mx.checkGrads(g, [x], { order: 1, modes: ["reverse"] });
    refuses(() => mx.checkGrads(g, [x], { modes: ["reverse"] }), "TransformError", /vjp of vjp of/);
  });
  test("refuses what it cannot check", () => {
    const f = (a: NDArray): NDArray => a;
    refuses(() => mx.checkGrads(f, [mx.array(1, mx.int32)]), "ArgumentError", /nothing to vary/);
    refuses(
      () => mx.checkGrads(f, [x], { order: 0 }),
      "ArgumentError",
      /order to be a whole number/,
    );
    refuses(
      () => mx.checkGrads(f, [x], { modes: [Object("sideways")] }),
      "ArgumentError",
      /modes among/,
    );
    refuses(() => mx.checkGrads(f, [x], Object({ mode: 1 })), "ArgumentError", /unknown option/);
  });
});

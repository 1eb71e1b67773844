/** Compiled functions: one trace per kind of arguments, captured state, effects, errors, transforms around and inside. */
import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import type { Node } from "../../src/graph/node.js";
import * as mx from "../../src/index.js";
import * as optim from "../../src/optimizers/index.js";
import { defaultEngine } from "../../src/runtime/default-engine.js";
import { naive } from "../support/naive.js";
import { randomGraph } from "../support/random-graph.js";

afterEach(() => mx.enableCompile());

/** `f`, and how often its body ran. */
const counted = <A extends readonly unknown[], R>(
  f: (...args: A) => R,
): { f: (...args: A) => R; runs: () => number } => {
  let runs = 0;
  return {
    f: (...args) => {
      runs++;
      return f(...args);
    },
    runs: () => runs,
  };
};

const row = (...values: number[]): mx.NDArray => mx.array(values);
const list = (x: mx.NDArray): mx.NestedList => x.tolist();

describe("tracing", () => {
  test("the body runs once per shapes and dtypes", () => {
    const { f, runs } = counted((x: mx.NDArray, y: mx.NDArray) => mx.sin(x).add(y));
    const g = mx.compile(f);
    for (let i = 0; i < 3; i++) {
      const [x, y] = [row(i, 1), row(2, i)];
      assert.deepEqual(list(g(x, y)), list(mx.sin(x).add(y)));
    }
    assert.equal(runs(), 1);
    assert.deepEqual(g(row(1, 2, 3), row(1)).shape, [3]);
    assert.equal(g(mx.array([1, 2], mx.float16), row(1, 2)).dtype, mx.float32);
    assert.equal(runs(), 3);
    g(row(5, 6), row(7, 8));
    assert.equal(runs(), 3);
  });

  test("plain values are part of what a trace is for", () => {
    const { f, runs } = counted((x: mx.NDArray, how: { by: number; name: string | null }) =>
      x.multiply(how.by),
    );
    const g = mx.compile(f);
    assert.deepEqual(list(g(row(1, 2), { by: 2, name: null })), [2, 4]);
    assert.deepEqual(list(g(row(1, 2), { by: 3, name: null })), [3, 6]);
    assert.deepEqual(list(g(row(1, 5), { by: 2, name: null })), [2, 10]);
    assert.equal(runs(), 2);
    g(row(1, 2), { by: 2, name: "a" });
    assert.equal(runs(), 3);
    const sign = mx.compile((x: mx.NDArray, s: number) => x.multiply(1 / s));
    assert.deepEqual(list(sign(row(1), 0)), [Number.POSITIVE_INFINITY]);
    assert.deepEqual(list(sign(row(1), -0)), [Number.NEGATIVE_INFINITY]);
  });

  test("structure is part of it, and results come back in theirs", () => {
    const { f, runs } = counted((t: { a: mx.NDArray; b: mx.NDArray[] }) => ({
      sum: t.b.reduce((s, x) => s.add(x), t.a),
      parts: [t.a, ...t.b],
    }));
    const g = mx.compile(f);
    const r = g({ a: row(1), b: [row(2), row(3)] });
    assert.deepEqual([list(r.sum), r.parts.map(list)], [[6], [[1], [2], [3]]]);
    assert.deepEqual(g({ a: row(1), b: [row(2)] }).parts.length, 2);
    assert.equal(runs(), 2);
    assert.notEqual(g({ a: row(1), b: [] }), g({ a: row(1), b: [] }));
  });

  test("an array given twice is not one array later", () => {
    const g = mx.compile((x: mx.NDArray, y: mx.NDArray) => x.subtract(y));
    const x = row(5);
    assert.deepEqual(list(g(x, x)), [0]);
    assert.deepEqual(list(g(row(5), row(2))), [3]);
  });

  test("effects and results that are not arrays are those of the trace", () => {
    const seen: number[] = [];
    const g = mx.compile((x: mx.NDArray) => {
      seen.push(1);
      return { y: x.add(1), n: seen.length, text: "t", none: null };
    });
    assert.deepEqual({ ...g(row(1)), y: 0 }, { y: 0, n: 1, text: "t", none: null });
    const second = g(row(4));
    assert.deepEqual({ ...second, y: list(second.y) }, { y: [5], n: 1, text: "t", none: null });
    assert.equal(seen.length, 1);
    assert.equal(mx.compile(() => 3)(), 3);
  });

  test("the cache is bounded", () => {
    const { f, runs } = counted((x: mx.NDArray, k: number) => x.add(k));
    const g = mx.compile(f);
    for (let k = 0; k < 70; k++) g(row(1), k);
    assert.equal(runs(), 70);
    g(row(1), 69);
    assert.equal(runs(), 70);
    g(row(1), 0);
    assert.equal(runs(), 71);
  });

  test("disabled, functions are just called", () => {
    const { f, runs } = counted((x: mx.NDArray) => x.add(1));
    const g = mx.compile(f);
    mx.disableCompile();
    g(row(1));
    assert.deepEqual(list(g(row(1))), [2]);
    assert.equal(runs(), 2);
    mx.enableCompile();
    g(row(1));
    g(row(1));
    assert.equal(runs(), 3);
  });

  test("in-place writes to arguments stay inside", () => {
    const g = mx.compile((x: mx.NDArray) => {
      x.set(0, 9);
      return x.add(1);
    });
    const x = row(1, 2);
    assert.deepEqual(list(g(x)), [10, 3]);
    assert.deepEqual(list(g(x)), [10, 3]);
    assert.deepEqual(list(x), [1, 2]);
  });
});

describe("what is reached by closure", () => {
  test("is a constant of the trace", () => {
    let k = row(10);
    const g = mx.compile((x: mx.NDArray) => x.add(k));
    assert.deepEqual(list(g(row(1))), [11]);
    k = row(20);
    assert.deepEqual(list(g(row(1))), [11]);
  });

  test("is computed once, also when it is pending or made inside", () => {
    const w = mx.exp(row(0, 1)).multiply(2);
    const g = mx.compile((x: mx.NDArray) => [x.add(w), w, mx.ones([2]), mx.arange(3).add(1)]);
    for (let i = 0; i < 2; i++) {
      const [a, b, c, d] = g(row(1, 1));
      assert.ok(a && b && c && d);
      assert.deepEqual(list(b), list(w));
      assert.deepEqual(list(a), list(w.add(1)));
      assert.deepEqual(
        [list(c), list(d)],
        [
          [1, 1],
          [1, 2, 3],
        ],
      );
    }
  });

  test("must not be an argument as well", () => {
    const x = row(1, 2);
    const g = mx.compile((y: mx.NDArray) => x.add(y));
    assert.throws(() => g(x), { name: "TransformError", message: /\[compile\].*argument array 0/ });
    assert.deepEqual(list(g(row(3, 4))), [4, 6]);
    const state = { x };
    const h = mx.compile(() => x.add(state.x), { inputs: state });
    assert.throws(() => h(), { name: "TransformError", message: /captured state/ });
    assert.equal(state.x, x);
  });
});

describe("captured state", () => {
  test("is read anew and written at each call", () => {
    const state = { w: row(1, 1), n: [mx.array(0)] };
    const { f, runs } = counted((x: mx.NDArray) => {
      state.w = state.w.add(x);
      state.n[0] = (state.n[0] ?? x).add(1);
      return state.w.sum();
    });
    const step = mx.compile(f, { inputs: state, outputs: state });
    const inner = state.n;
    for (let i = 1; i <= 4; i++) assert.equal(step(row(1, 2)).item(), 2 + 3 * i);
    assert.equal(runs(), 1);
    assert.equal(state.n, inner);
    assert.deepEqual([list(state.w), state.n.map((x) => x.item())], [[5, 9], [4]]);
    state.w = row(100, 100);
    assert.equal(step(row(0, 0)).item(), 200);
    assert.equal(runs(), 1);
  });

  test("without outputs, it is as it was", () => {
    const state = { w: row(1) };
    const g = mx.compile((x: mx.NDArray) => state.w.add(x), { inputs: state });
    const { w } = state;
    assert.deepEqual(list(g(row(1))), [2]);
    assert.equal(state.w, w);
    state.w = row(5);
    assert.deepEqual(list(g(row(1))), [6]);
  });

  test("a write that is not listed leaves a placeholder", () => {
    const state = { w: row(1), other: row(0) };
    const g = mx.compile(
      (x: mx.NDArray) => {
        state.other = x.add(1);
        return x;
      },
      { inputs: [state.w] },
    );
    assert.deepEqual(list(g(row(3))), [3]);
    assert.throws(() => state.other.tolist(), { name: "TransformError", message: /placeholder/ });
  });

  test("handles updated in place stay the same handles", () => {
    const params = { w: row(1, 2), b: row(0) };
    const { w } = params;
    const opt = new optim.Adam(0.1);
    const loss = (p: { w: mx.NDArray; b: mx.NDArray }, x: mx.NDArray): mx.NDArray =>
      mx.square(p.w.multiply(x).sum().add(p.b.sum())).sum();
    const eager = { w: row(1, 2), b: row(0) };
    const other = new optim.Adam(0.1);
    const { f, runs } = counted((x: mx.NDArray) => {
      const [value, g] = mx.valueAndGrad(loss)(params, x);
      opt.update(params, g);
      return value;
    });
    const step = mx.compile(f, { inputs: [params, opt], outputs: [params, opt] });
    for (let i = 0; i < 5; i++) {
      const x = row(i, 1);
      const [value, g] = mx.valueAndGrad(loss)(eager, x);
      other.update(eager, g);
      assert.ok(Math.abs(Number(step(x).item()) - Number(value.item())) < 1e-4);
    }
    // The second call finds the optimizer's state, which the first one made.
    assert.ok(runs() <= 2, `${runs()} traces`);
    assert.equal(params.w, w);
    assert.ok(mx.allclose(params.w, eager.w, { atol: 1e-5 }).item());
    assert.equal(opt.step.item(), 5n);
  });

  test("state handed on unchanged, asked for together with the rest, stays and leaves nothing behind", () => {
    const state = { sum: mx.zeros([8]), frozen: mx.ones([8]) };
    const { frozen } = state;
    const step = mx.compile(
      (x: mx.NDArray) => {
        state.sum = state.sum.add(x.multiply(state.frozen));
        return x.sum();
      },
      { inputs: state, outputs: state },
    );
    const x = mx.ones([8]).eval();
    let before = 0;
    for (let i = 0; i < 6; i++) {
      mx.eval(step(x), state);
      if (i === 2) before = mx.getActiveMemory();
    }
    assert.equal(state.frozen, frozen);
    assert.deepEqual(state.frozen.tolist(), Array(8).fill(1));
    assert.deepEqual(state.sum.tolist(), Array(8).fill(6));
    assert.ok(mx.getActiveMemory() - before <= 3 * 128, "each step's sum and result at most");
  });

  test("random state: new numbers at each call, the same as without compile", () => {
    const draw = (): mx.NDArray => mx.random.uniform({ shape: [3] });
    mx.random.seed(4);
    const want = [draw(), draw(), draw()].map(list);
    mx.random.seed(4);
    const g = mx.compile(draw, { inputs: mx.random.state, outputs: mx.random.state });
    assert.deepEqual([g(), g(), g()].map(list), want);
    mx.random.seed(4);
    const frozen = mx.compile(draw);
    assert.deepEqual(list(frozen()), list(frozen()));
  });

  test("one handle in two places is one value", () => {
    const w = row(1);
    const state = { a: w, b: w };
    const g = mx.compile(() => state.a.add(state.b), { inputs: state });
    assert.deepEqual(list(g()), [2]);
    state.b = row(5);
    assert.deepEqual(list(g()), [6]);
  });

  test("an error leaves everything as it was", () => {
    const state: { w: mx.NDArray; list: mx.NDArray[]; extra?: mx.NDArray } = {
      w: row(1),
      list: [row(2)],
    };
    const before = { w: state.w, first: state.list[0] };
    const g = mx.compile(
      (x: mx.NDArray) => {
        state.w.set(0, x.sum());
        state.w = x;
        state.list.push(x);
        state.extra = x;
        throw new RangeError("mine");
      },
      { inputs: state, outputs: state },
    );
    assert.throws(() => g(row(1)), RangeError);
    assert.equal(state.w, before.w);
    assert.deepEqual(list(state.w), [1]);
    assert.deepEqual(state.list, [before.first]);
    assert.ok(!("extra" in state));
  });
});

describe("errors", () => {
  test("values cannot be looked at", () => {
    const g = mx.compile((x: mx.NDArray) => (x.sum().item() === 0 ? x : x.add(1)));
    assert.throws(() => g(row(1)), { name: "TransformError", message: /placeholder.*compile/ });
  });

  test("a placeholder that got out says so when it is used", () => {
    const leaked: mx.NDArray[] = [];
    const g = mx.compile((x: mx.NDArray) => {
      leaked.push(x, x.add(1));
      return x;
    });
    g(row(1));
    for (const x of leaked) assert.throws(() => x.tolist(), { name: "TransformError" });
  });

  test("arguments that cannot be compared, promises, unknown options", async () => {
    const g = mx.compile((_: () => void) => row(1));
    assert.throws(() => g(() => {}), { name: "ArgumentError", message: /argument 0/ });
    const h = mx.compile((_: Uint8Array) => row(1));
    assert.throws(() => h(new Uint8Array(1)), { name: "ArgumentError" });
    const later = mx.compile((x: mx.NDArray) => Promise.resolve(x));
    assert.throws(() => later(row(1)), { name: "TransformError", message: /promise/ });
    // @ts-expect-error a misspelt option
    assert.throws(() => mx.compile((x: mx.NDArray) => x, { input: [] }), { name: "ArgumentError" });
    await Promise.resolve();
  });

  test("shape errors are those of the operation", () => {
    const g = mx.compile((x: mx.NDArray, y: mx.NDArray) => x.add(y));
    assert.throws(() => g(row(1, 2), row(1, 2, 3)), { name: "ShapeError" });
  });
});

describe("transforms", () => {
  const f = (x: mx.NDArray): mx.NDArray => mx.sin(x).multiply(x).sum();

  test("the gradient of a compiled function is the compiled gradient", () => {
    const x = row(0.5, 1, 2);
    const want = list(mx.grad(f)(x));
    assert.deepEqual(list(mx.grad(mx.compile(f))(x)), want);
    const { f: df, runs } = counted(mx.grad(f));
    const g = mx.compile(df);
    assert.deepEqual(list(g(x)), want);
    assert.deepEqual(list(g(x)), want);
    assert.equal(runs(), 1);
    assert.deepEqual(list(mx.compile(mx.grad(mx.compile(f)))(x)), want);
  });

  test("vmap, jvp and compile in any order", () => {
    const x = mx.arange(6).reshape([2, 3]).astype(mx.float32);
    const want = list(mx.vmap(f)(x));
    assert.deepEqual(list(mx.vmap(mx.compile(f))(x)), want);
    assert.deepEqual(list(mx.compile(mx.vmap(f))(x)), want);
    const [, [t]] = mx.jvp(mx.compile(f), [x], [mx.ones([2, 3])]);
    const [, [u]] = mx.jvp(f, [x], [mx.ones([2, 3])]);
    assert.ok(t && u);
    assert.deepEqual(list(t), list(u));
  });

  test("compiled functions in compiled functions", () => {
    const inner = mx.compile((x: mx.NDArray) => mx.exp(x));
    const { f: outer, runs } = counted((x: mx.NDArray) => inner(x).add(inner(row(0))));
    const g = mx.compile(outer);
    assert.deepEqual([list(g(row(0))), list(g(row(0)))], [[2], [2]]);
    assert.equal(runs(), 1);
  });

  test("a value of a running transform reached by closure is not kept", () => {
    const { f: scaled, runs } = counted((x: mx.NDArray, y: mx.NDArray) => {
      const g = mx.compile((z: mx.NDArray) => z.multiply(x));
      return g(y).sum();
    });
    assert.deepEqual(list(mx.grad(scaled)(row(2), row(3))), [3]);
    let k = row(1);
    const shared = mx.compile((z: mx.NDArray) => z.multiply(k));
    const along = (x: mx.NDArray): mx.NDArray => {
      k = x;
      return shared(row(5)).sum();
    };
    assert.deepEqual(list(mx.grad(along)(row(2))), [5]);
    assert.deepEqual(list(mx.grad(along)(row(3))), [5]);
    assert.deepEqual(list(mx.vmap(along)(mx.array([[1], [2]]))), [5, 10]);
    assert.equal(runs(), 1);
  });

  test("checkpoints and custom rules inside", () => {
    const custom = mx.customFunction((x: mx.NDArray) => x.multiply(2), {
      vjp: (_, ct) => ct.multiply(100),
    });
    const g = mx.grad((x: mx.NDArray) => mx.checkpoint(mx.tanh)(custom(x)).sum());
    const x = row(0, 0.5);
    assert.ok(mx.allclose(mx.compile(g)(x), g(x)).item());
  });
});

describe("evaluation", () => {
  test("one plan serves all calls of a trace", () => {
    const g = mx.compile((x: mx.NDArray) => {
      let y = x;
      for (let i = 0; i < 60; i++) y = mx.sin(y.add(1)).cumsum();
      return [y, y.sum()];
    });
    const engine = defaultEngine();
    mx.eval(g(row(1, 2)));
    const before = engine.planned;
    for (let i = 0; i < 3; i++) mx.eval(g(row(i, 2)));
    assert.equal(engine.planned, before);
    // A large graph stays a unit in what is around it, and every result of a call is computed with the first.
    const [y, s] = g(row(7, 7));
    assert.ok(y && s);
    const z = y.add(1).sum();
    z.eval();
    assert.equal(engine.planned, before + 1);
    assert.ok(s.node.data !== null);
  });

  test("a chain of calls that nobody evaluated", async () => {
    const g = mx.compile((x: mx.NDArray) => x.multiply(0.5).add(1));
    let x = row(0, 4);
    for (let i = 0; i < 3000; i++) x = g(x);
    assert.deepEqual(list(x), [2, 2]);
    const big = mx.compile((x: mx.NDArray) => {
      let y = x;
      for (let i = 0; i < 40; i++) y = mx.sin(y).cumsum();
      return y;
    });
    let y = row(0.1, 0.2);
    for (let i = 0; i < 300; i++) y = big(y.multiply(0.5));
    await mx.asyncEval(y);
    assert.equal(y.shape[0], 2);
  });

  test("results that are arguments, constants or each other", () => {
    const k = row(7);
    const g = mx.compile((x: mx.NDArray) => {
      const y = x.add(1);
      return [x, y, y, k, mx.zeros([0]), mx.ones([2])];
    });
    for (let i = 0; i < 2; i++)
      assert.deepEqual(g(row(i)).map(list), [[i], [i + 1], [i + 1], [7], [], [1, 1]]);
    const x = row(3);
    const [same] = g(x);
    same?.dispose();
    assert.deepEqual(list(x), [3]);
  });
});

test("random graphs: compiled as node by node in doubles", () => {
  for (let seed = 1; seed <= 80; seed++) {
    const steps = 4 + (seed % 20);
    const leaves: Node[] = [];
    const want = randomGraph(seed, steps, (x) => {
      leaves.push(x);
      return x;
    });
    naive.evaluate(want);
    const given = leaves.map((n) => new mx.NDArray(n));
    for (const shapeless of [false, true]) {
      const g = mx.compile(
        (...xs: mx.NDArray[]) => {
          const roots = randomGraph(seed, steps, (leaf, i) => xs[i]?.node ?? leaf);
          return roots.map((n) => new mx.NDArray(n));
        },
        { shapeless },
      );
      for (const call of ["first", "second"]) {
        for (const [i, got] of g(...given).entries()) {
          const expected = new mx.NDArray(want[i] ?? got.node);
          assert.ok(
            mx.allclose(got, expected, { rtol: 1e-4, atol: 1e-4 }).item(),
            `seed ${seed}, ${call} call, result ${i}`,
          );
        }
      }
    }
  }
});

describe("shapeless", () => {
  const agrees = (
    f: (...xs: mx.NDArray[]) => mx.NDArray,
    traces: number,
    ...calls: (readonly (readonly number[])[])[]
  ): void => {
    const { f: body, runs } = counted(f);
    const g = mx.compile(body, { shapeless: true });
    for (const [i, shapes] of calls.entries()) {
      const xs = shapes.map((shape, k) =>
        mx.random.normal([...shape], { key: mx.random.key(10 * i + k) }),
      );
      const [got, want] = [g(...xs), f(...xs)];
      assert.deepEqual(got.shape, want.shape);
      assert.ok(mx.allclose(got, want, { atol: 1e-5 }).item(), `call ${i}`);
    }
    assert.equal(runs(), traces);
  };

  test("element-wise with broadcasting", () => {
    agrees((x, y) => mx.exp(x.multiply(2)).add(y), 1, [[2, 3], [3]], [[4, 5], [5]], [[1, 5], [5]]);
  });

  test("reductions, means and variances count anew", () => {
    agrees((x) => x.subtract(x.mean(-1, { keepdims: true })), 1, [[2, 3]], [[4, 6]], [[7, 2]]);
    agrees((x) => mx.softmax(x, -1), 1, [[2, 3]], [[5, 4]]);
    agrees((x) => mx.var(x, { axis: 0, ddof: 1 }), 1, [[3, 2]], [[7, 5]]);
    agrees((x) => mx.fast.layerNorm(x, null, null, 1e-5), 1, [[3, 4]], [[5, 9]]);
    agrees((x) => x.std(), 1, [[3, 4]], [[5, 9]]);
  });

  test("matrix products, transposes, flattening, joining", () => {
    const w = mx.random.normal([4, 2], { key: mx.random.key(3) });
    agrees((x) => mx.tanh(x.matmul(w)).sum(0), 1, [[3, 4]], [[8, 4]]);
    agrees((x) => x.matmul(w), 1, [[2, 3, 4]], [[5, 6, 4]]);
    agrees(
      (x, y) => x.matmul(y.transpose()),
      1,
      [
        [2, 3],
        [4, 3],
      ],
      [
        [5, 7],
        [6, 7],
      ],
    );
    agrees((x) => x.flatten().square(), 1, [[2, 3]], [[4, 5]]);
    agrees(
      (x, y) => mx.concatenate([x, y], { axis: 0 }),
      1,
      [
        [2, 3],
        [1, 3],
      ],
      [
        [4, 5],
        [2, 5],
      ],
    );
    agrees((x) => x.expandDims(0).squeeze(0).cumsum({ axis: 1 }), 1, [[2, 3]], [[4, 5]]);
  });

  test("gradients and batches of them", () => {
    const f = (x: mx.NDArray): mx.NDArray => mx.square(mx.sin(x)).mean();
    agrees((x) => mx.grad(f)(x), 1, [[2, 3]], [[4, 5]]);
    agrees((x) => mx.vmap(mx.grad(f))(x), 3, [[2, 3]], [[4, 3]], [[4, 5]]);
  });

  test("what does not follow from the graph is traced again", () => {
    agrees(
      (x, y) => x.add(y),
      2,
      [
        [2, 3],
        [2, 3],
      ],
      [
        [2, 3],
        [1, 3],
      ],
      [
        [4, 5],
        [4, 5],
      ],
    );
    agrees((x) => x.get("1:"), 2, [[4]], [[6]], [[4]]);
    agrees((x) => mx.pad(x, 1), 2, [[4]], [[6]]);
  });

  test("lengths that the body looked at are those of the trace", () => {
    const g = mx.compile((x: mx.NDArray) => x.multiply(x.shape[0] ?? 0), { shapeless: true });
    assert.deepEqual(list(g(row(1, 1))), [2, 2]);
    assert.deepEqual(list(g(row(1, 1, 1))), [2, 2, 2]);
  });

  test("another rank or dtype is another trace", () => {
    const { f, runs } = counted((x: mx.NDArray) => x.add(1));
    const g = mx.compile(f, { shapeless: true });
    g(row(1));
    g(mx.ones([1, 1]));
    g(mx.ones([1], mx.float16));
    assert.equal(runs(), 3);
  });
});

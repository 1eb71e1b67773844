/** vmap: axes of arguments and results, what is shared between lanes, what cannot be done inside. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as mx from "../../src/index.js";
import { close, valuesOf } from "./support.js";

type NDArray = mx.NDArray;
const m = mx.array([
  [1, 2, 3],
  [4, 5, 6],
]);
const v = mx.array([10, 20, 30]);

const refuses = (fn: () => unknown, message: RegExp): void => {
  assert.throws(fn, (e) => e instanceof mx.CotangentError && message.test(e.message));
};

describe("axes", () => {
  test("of one argument", () => {
    close(mx.vmap((r: NDArray) => r.sum())(m), [6, 15]);
    close(mx.vmap((r: NDArray) => r.sum(), 1)(m), [5, 7, 9]);
    close(mx.vmap((r: NDArray) => r.sum(), { inAxes: -1 })(m), [5, 7, 9]);
  });

  test("null leaves an argument whole", () => {
    const f = mx.vmap((r: NDArray, w: NDArray) => r.multiply(w).sum(), { inAxes: [0, null] });
    close(f(m, v), [140, 320]);
    close(mx.vmap((r: NDArray, w: NDArray) => r.multiply(w).sum(), [null, 0])(v, m), [140, 320]);
  });

  test("of results", () => {
    const f = (r: NDArray): NDArray[] => [r, r.sum(), r];
    const [a, b, c] = mx.vmap(f, { outAxes: [1, 0, -1] })(m);
    assert.deepEqual([a?.shape, b?.shape, c?.shape], [[3, 2], [2], [3, 2]]);
    close(a ?? v, [1, 4, 2, 5, 3, 6]);
    const [d] = mx.vmap((r: NDArray) => [r], { outAxes: [null] })(m);
    assert.deepEqual(d?.shape, [3, 2]);
  });

  test("of trees, by prefix", () => {
    const f = (p: { a: NDArray; b: [NDArray, NDArray] }): { s: NDArray; t: NDArray } => ({
      s: p.a.sum(),
      t: p.b[0].add(p.b[1]),
    });
    const tree = { a: m, b: [v, mx.array([1, 2])] } satisfies { a: NDArray; b: [NDArray, NDArray] };
    const out = mx.vmap(f, { inAxes: { a: 0, b: [null, 0] }, outAxes: { s: 0, t: 1 } })({
      a: tree.a,
      b: [v, mx.array([1, 2])],
    });
    close(out.s, [6, 15]);
    assert.deepEqual(out.t.shape, [3, 2]);
    const all = mx.vmap((a: NDArray, [b]: [NDArray]) => a.add(b), { inAxes: [0, [1]] })(m, [
      m.transpose(),
    ]);
    close(all, [2, 4, 6, 8, 10, 12]);
  });

  test("results that do not depend on what is mapped are repeated", () => {
    const [a, b] = mx.vmap((r: NDArray) => [v, r.sum()])(m);
    close(a ?? m, [10, 20, 30, 10, 20, 30]);
    close(b ?? m, [6, 15]);
  });

  test("that do not fit are refused", () => {
    const id = (r: NDArray): NDArray => r;
    refuses(
      () => mx.vmap(id, 2)(m),
      /^\[vmap\] expected an axis of an argument of shape \[2, 3\], got 2: use -2 to 1/,
    );
    refuses(() => mx.vmap(id)(mx.array(1)), /0-d array/);
    refuses(() => mx.vmap(id, { outAxes: 3 })(m), /^\[vmap\] expected an axis of a result/);
    refuses(
      () => mx.vmap((a: NDArray, b: NDArray) => a.add(b))(m, v),
      /^\[vmap\] expected mapped axes of one length, got 2 and 3/,
    );
    refuses(() => mx.vmap(id, [null])(m), /at least one mapped argument/);
    refuses(() => mx.vmap(id, { inAxes: null }), /got null/);
    refuses(() => mx.vmap((a: NDArray, b: NDArray) => a.add(b), [0])(m, m), /fit the structure/);
    refuses(
      () => mx.vmap((p: { a: NDArray }) => p.a, { inAxes: { b: 0 } })({ a: m }),
      /fit the structure/,
    );
    refuses(() => mx.vmap((a: NDArray, _k: number) => a)(m, 3), /\[vmap\] expected arguments/);
    refuses(() => mx.vmap((_a: NDArray) => 3)(m), /\[vmap\] expected result/);
    refuses(() => mx.vmap(async (a: NDArray) => a)(m), /promise/);
  });

  test("of length 0 and 1", () => {
    assert.deepEqual(mx.vmap((r: NDArray) => r.sum())(mx.zeros([0, 3])).shape, [0]);
    close(mx.vmap((r: NDArray) => r.sum())(mx.ones([1, 3])), [3]);
  });
});

describe("inside", () => {
  test("there are no values", () => {
    refuses(
      () => mx.vmap((r: NDArray) => (Number(r.sum().item()) > 0 ? r : r.negative()))(m),
      /\[(eval|item)\] expected an array with a value, got a placeholder/,
    );
    let leaked: NDArray = m;
    mx.vmap((r: NDArray) => (leaked = r.multiply(2)))(m);
    assert.throws(() => leaked.tolist(), mx.TransformError);
  });

  test("values that do not depend on the arguments exist", () => {
    const f = mx.vmap((r: NDArray) => (Number(v.sum().item()) > 0 ? r : r.negative()));
    close(f(m), [1, 2, 3, 4, 5, 6]);
  });

  test("comparisons and choices are per lane", () => {
    const f = mx.vmap((r: NDArray) => mx.where(r.sum().greater(10), r, r.negative()));
    close(f(m), [-1, -2, -3, 4, 5, 6]);
    assert.deepEqual(
      mx
        .vmap((r: NDArray) => mx.argmax(r))(m.multiply(mx.array([[1], [-1]])))
        .tolist(),
      [2, 0],
    );
  });

  test("random numbers are shared unless the key is mapped", () => {
    const keys = mx.random.split(mx.random.key(0), 2);
    const mapped = valuesOf(
      mx.vmap((k: NDArray) => mx.random.uniform({ shape: [3], key: k }))(keys),
    );
    const alone = [0, 1].flatMap((i) =>
      valuesOf(mx.random.uniform({ shape: [3], key: keys.get(i) })),
    );
    assert.deepEqual(mapped, alone);
    const shared = mx.vmap((r: NDArray) =>
      r.multiply(0).add(mx.random.uniform({ shape: [3], key: mx.random.key(1) })),
    )(m);
    const [a, b] = [shared.get(0).tolist(), shared.get(1).tolist()];
    assert.deepEqual(a, b);
  });

  test("reading and writing at mapped places", () => {
    const rows = mx.array([2, 0], mx.int32);
    close(mx.vmap((r: NDArray, i: NDArray) => mx.take(r, i))(m, rows), [3, 4]);
    const put = mx.vmap((r: NDArray, i: NDArray) => r.at(i).add(100))(m, rows);
    close(put, [1, 2, 103, 104, 5, 6]);
  });

  test("maps of maps", () => {
    const outer = mx.vmap((a: NDArray) => mx.vmap((b: NDArray) => a.multiply(b))(v));
    close(outer(mx.array([1, 2])), [10, 20, 30, 20, 40, 60]);
  });
});

/** Exporting and importing functions: signatures, names, constants, transforms, other lengths, callbacks; what is refused. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import * as mx from "../../src/index.js";

const folder = mkdtempSync(join(tmpdir(), "cotangent-export-"));
after(() => rmSync(folder, { recursive: true }));
let files = 0;
const fresh = (): string => join(folder, `${++files}.fn`);

type A = mx.NDArray;

const same = (got: A | undefined, want: A): void => {
  assert.ok(got);
  assert.deepEqual([got.dtype.name, got.shape], [want.dtype.name, want.shape]);
  assert.deepEqual(got.tolist(), want.tolist());
};

test("positional and named arrays, constants, several results", () => {
  const path = fresh();
  const w = mx.random.normal([4, 2], { key: mx.random.key(1) });
  const fun = (x: A, { scale, shift }: { scale: A; shift: A }): A[] => [
    x.matmul(w).multiply(scale),
    x.add(shift),
    mx.arange(3),
  ];
  const named = { scale: mx.array(2), shift: mx.ones([4]) };
  mx.exportFunction(path, fun, mx.ones([3, 4]), named);
  const f = mx.importFunction(path);
  const x = mx.random.normal([3, 4], { key: mx.random.key(2) });
  const want = fun(x, named);
  // Names are names: their order does not matter.
  const got = f(x, { shift: named.shift, scale: named.scale });
  assert.equal(got.length, 3);
  for (const [i, y] of want.entries()) same(got[i], y);
  // A list of arrays is the same as arrays one by one.
  same(f([x], named)[0], want[0] ?? x);
});

test("an array that is only passed on, and no results at all", () => {
  const path = fresh();
  mx.exportFunction(path, (x: A) => [x, x], mx.ones([2]));
  same(mx.importFunction(path)(mx.array([5, 6]))[1], mx.array([5, 6]));
  mx.exportFunction(path, () => [], []);
  assert.deepEqual(mx.importFunction(path)(), []);
});

test("imported functions take part in all transforms", () => {
  const path = fresh();
  const w = mx.array([1, -2, 3]);
  const fun = (x: A): A => mx.tanh(x.multiply(w)).square().sum();
  mx.exportFunction(path, fun, mx.ones([3]));
  const f = mx.importFunction(path);
  const g = (x: A): A => f(x)[0] ?? x;
  const x = mx.array([0.1, 0.2, -0.3]);
  same(mx.grad(g)(x), mx.grad(fun)(x));
  same(mx.grad((y: A) => mx.grad(g)(y).sum())(x), mx.grad((y: A) => mx.grad(fun)(y).sum())(x));
  const stacked = mx.stack([x, x.add(1)]);
  same(mx.vmap(g)(stacked), mx.vmap(fun)(stacked));
  same(mx.compile(g)(x), fun(x));
  const [, tangents] = mx.jvp(g, [x], [mx.ones([3])]);
  same(tangents[0], mx.jvp(fun, [x], [mx.ones([3])])[1][0]);
});

test("gradients, checkpoints, compiled functions and fast operations can be exported", () => {
  const path = fresh();
  const loss = (q: A, w: A): A => {
    const h = mx.checkpoint((y: A) => mx.softmax(y.matmul(w), -1))(q);
    return mx.compile((y: A) => y.log().sum())(mx.fast.rmsNorm(h, null, 1e-5).abs().add(1));
  };
  const step = mx.grad(loss, [0, 1]);
  const args: [A, A] = [
    mx.random.normal([3, 4], { key: mx.random.key(1) }),
    mx.random.normal([4, 5], { key: mx.random.key(2) }),
  ];
  mx.exportFunction(path, (q: A, w: A) => step(q, w), ...args);
  const got = mx.importFunction(path)(...args);
  for (const [i, want] of step(...args).entries()) {
    assert.ok(got[i] && mx.allclose(got[i], want, { rtol: 1e-5, atol: 1e-6 }).item());
  }
});

test("every dtype as constant and as input", () => {
  const types = [
    mx.bool,
    mx.uint8,
    mx.uint16,
    mx.uint32,
    mx.uint64,
    mx.int8,
    mx.int16,
    mx.int32,
    mx.int64,
    mx.float16,
    mx.bfloat16,
    mx.float32,
    mx.float64,
    mx.complex64,
  ];
  for (const d of types) {
    const path = fresh();
    const c = mx.array([0, 1, 3]).astype(d);
    mx.eval(c);
    const fun = (x: A): A[] => [mx.where(x.equal(c), x, c), mx.full([2], mx.array(1, d)), c];
    mx.exportFunction(path, fun, c);
    const x = mx.array([0, 2, 3]).astype(d);
    const got = mx.importFunction(path)(x);
    for (const [i, want] of fun(x).entries()) same(got[i], want);
  }
});

test("constants that JSON has no numbers for", () => {
  const path = fresh();
  const values = [Number.NaN, Infinity, -Infinity, -0, 1e-300];
  const fun = (x: A): A[] => [
    ...values.map((v) => mx.multiply(x, v)),
    mx.array(2n ** 63n - 1n, mx.int64).subtract(x.astype(mx.int64)),
    x.astype(mx.complex64).multiply({ re: -0, im: Infinity }),
  ];
  mx.exportFunction(path, fun, mx.ones([1], mx.float64));
  const x = mx.array([3], mx.float64);
  const got = mx.importFunction(path)(x);
  for (const [i, want] of fun(x).entries()) same(got[i], want);
});

test("several kinds of arrays in one file, constants once", () => {
  const path = fresh();
  const big = mx.random.normal([1000], { key: mx.random.key(0) });
  const save = mx.exporter(path, (...xs: A[]) => xs.reduce((a, b) => a.add(b)).add(big.sum()), {
    metadata: "sums",
  });
  save(mx.ones([2]));
  save(mx.ones([3]));
  save(mx.ones([2], mx.int32));
  save(mx.ones([2]), mx.ones([2]));
  assert.throws(
    () => save(mx.zeros([3])),
    /expected inputs of another kind at each call, got \(float32\[3\]\) again/,
  );
  assert.ok(!existsSync(path), "written at the end");
  save.close();
  save.close();
  assert.throws(() => save(mx.ones([7])), mx.ArgumentError);
  const [f, metadata] = mx.importFunction(path, { returnMetadata: true });
  assert.equal(metadata, "sums");
  const total = big.sum();
  same(f(mx.array([1, 2]))[0], mx.array([1, 2]).add(total));
  same(f(mx.array([1, 2, 3]))[0], mx.array([1, 2, 3]).add(total));
  same(f(mx.array([1, 2]), mx.array([3, 4]))[0], mx.array([4, 6]).add(total));
  assert.equal(f(mx.array([1, 2], mx.int32))[0]?.dtype, mx.float32);
  assert.ok(readFileSync(path).length < 4 * 1000 + 8000, "the constant is there once");
  assert.throws(
    () => f(mx.ones([4])),
    /expected arguments \(float32\[2\]\) or \(float32\[3\]\) or \(int32\[2\]\) or \(float32\[2\], float32\[2\]\).*got \(float32\[4\]\)/,
  );
  {
    const other = fresh();
    const last = mx.exporter(other, (x: A) => x);
    last(mx.ones([1]));
    last[Symbol.dispose]();
    assert.ok(existsSync(other));
  }
});

test("shapeless functions take other lengths", () => {
  const path = fresh();
  const fun = (x: A, y: A): A[] => [
    mx.softmax(x.add(y), -1).matmul(x.T),
    mx.mean(x, 0),
    mx.var(x, 1, { ddof: 1 }),
    mx.concatenate([x, x]).reshape(-1),
  ];
  mx.exportFunction(path, fun, mx.ones([2, 3]), mx.ones([3]), { shapeless: true });
  const f = mx.importFunction(path);
  for (const [m, n] of [
    [2, 3],
    [5, 4],
    [7, 9],
  ] as const) {
    const x = mx.random.normal([m, n], { key: mx.random.key(m) });
    const y = mx.random.normal([n], { key: mx.random.key(n) });
    const got = f(x, y);
    for (const [i, want] of fun(x, y).entries()) {
      assert.deepEqual(got[i]?.shape, want.shape);
      assert.ok(got[i] && mx.allclose(got[i], want, { rtol: 1e-5, atol: 1e-6 }).item());
    }
  }
  assert.throws(() => f(mx.ones([2, 3, 4]), mx.ones([3])), mx.ArgumentError);
  assert.throws(() => f(mx.ones([5, 4]), mx.ones([3])), mx.ShapeError);
  // Without the option only the lengths it was exported for are taken.
  const fixed = fresh();
  mx.exportFunction(fixed, fun, mx.ones([2, 3]), mx.ones([3]));
  assert.throws(() => mx.importFunction(fixed)(mx.ones([5, 4]), mx.ones([4])), mx.ArgumentError);
});

test("from bytes, URLs, blobs and streams", async () => {
  const path = fresh();
  const c = mx.arange(5000).astype(mx.float32);
  mx.exportFunction(path, (x: A) => x.add(c), mx.ones([5000]), { metadata: "äöü" });
  const bytes = readFileSync(path);
  const want = mx.ones([5000]).add(c);
  const blob = new Blob([bytes]);
  for (const file of [bytes, Uint8Array.from(bytes).buffer]) {
    same(mx.importFunction(file)(mx.ones([5000]))[0], want);
  }
  for (const file of [pathToFileURL(path), blob, blob.stream()]) {
    const [f, metadata] = await mx.importFunction(file, { returnMetadata: true });
    same(f(mx.ones([5000]))[0], want);
    assert.equal(metadata, "äöü");
  }
});

test("a callback is told of every piece", () => {
  const pieces: mx.ExportedPiece[] = [];
  const c = mx.array([5, 6]);
  mx.exportFunction(
    (piece) => pieces.push(piece),
    (x: A, { k }: { k: A }) => x.multiply(c).add(k),
    mx.ones([2]),
    { k: mx.array(1) },
  );
  assert.deepEqual(
    pieces.map((p) => (p.type === "primitive" ? p.name : p.type)),
    ["inputs", "keywordInputs", "outputs", "constants", "multiply", "broadcast", "add"],
  );
  const [inputs, keywords, outputs, constants, first, second, last] = pieces;
  assert.ok(inputs?.type === "inputs" && keywords?.type === "keywordInputs");
  assert.deepEqual(inputs.inputs, [
    ["A", [2], mx.float32],
    ["B", [], mx.float32],
  ]);
  assert.deepEqual(keywords.keywords, [["k", "B"]]);
  assert.ok(outputs?.type === "outputs" && constants?.type === "constants");
  assert.deepEqual(
    constants.constants.map(([name, a]) => [name, a.tolist()]),
    [["C", [5, 6]]],
  );
  assert.ok(first?.type === "primitive" && last?.type === "primitive");
  assert.deepEqual(
    first.inputs.map(([name]) => name),
    ["A", "C"],
  );
  assert.deepEqual(last.outputs, outputs.outputs);
  assert.ok(second?.type === "primitive");
  assert.deepEqual(second.arguments, { shape: [2], dims: [] });
  assert.throws(
    () =>
      mx.exportFunction(
        () => {},
        (x: A) => x,
        mx.ones([1]),
        { metadata: "no" },
      ),
    mx.ArgumentError,
  );
});

test("what cannot be exported is refused, and the file stays as it was", () => {
  const path = fresh();
  writeFileSync(path, "before");
  const x = mx.ones([2]);
  const custom = mx.customFunction((a: A) => a.multiply(2));
  custom.vjp((_primals, [ct]) => (ct === undefined ? [] : [ct.multiply(3)]));
  const refused: readonly (readonly [new (m: string) => Error, () => unknown])[] = [
    [mx.TransformError, () => mx.exportFunction(path, (a: A) => custom(a), x)],
    // @ts-expect-error no arrays
    [mx.TransformError, () => mx.exportFunction(path, () => 3, x)],
    // @ts-expect-error a promise
    [mx.TransformError, () => mx.exportFunction(path, async (a: A) => a, x)],
    [mx.TransformError, () => mx.exportFunction(path, (a: A) => a.add(Number(a.sum().item())), x)],
    [
      mx.TransformError,
      () =>
        mx.grad((a: A) => {
          mx.exportFunction(path, (b: A) => b, a);
          return a.sum();
        })(x),
    ],
    [
      mx.TransformError,
      () =>
        mx.vmap((a: A) => {
          mx.exportFunction(path, (b: A) => b.add(a), mx.array(1));
          return a;
        })(x),
    ],
    // @ts-expect-error a number is no array
    [mx.ArgumentError, () => mx.exportFunction(path, (a: A) => a, 3)],
    // @ts-expect-error a number is no array
    [mx.ArgumentError, () => mx.exportFunction(path, (a: A) => a, { k: 3 })],
    [mx.ArgumentError, () => mx.exportFunction(path, (a: A) => a, x, { shapeles: true })],
    [mx.ArgumentError, () => mx.exportFunction(path, (a: A) => a, x, { shapeless: "yes" })],
    [mx.ArgumentError, () => mx.exportFunction(path, (a: A) => a, x, { metadata: true })],
    [mx.ArgumentError, () => mx.exportFunction("", (a: A) => a, x)],
    // @ts-expect-error not a function
    [mx.ArgumentError, () => mx.exportFunction(path, x, x)],
    // @ts-expect-error not a function
    [mx.ArgumentError, () => mx.exporter(path, 3)],
    // @ts-expect-error no such option
    [mx.ArgumentError, () => mx.exporter(path, (a: A) => a, { shape: 1 })],
    [mx.ArgumentError, () => mx.importFunction(join(folder, "missing.fn"))],
    // @ts-expect-error neither path nor bytes
    [mx.ArgumentError, () => mx.importFunction(3)],
    // @ts-expect-error no such option
    [mx.ArgumentError, () => mx.importFunction(path, { metadata: true })],
  ];
  for (const [kind, call] of refused) {
    assert.throws(
      call,
      (e) => e instanceof kind && /expected .*got /s.test(e.message),
      String(call),
    );
  }
  assert.equal(readFileSync(path, "utf8"), "before");
});

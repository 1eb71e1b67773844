/** Code of several kernels linked into one module: each with its own types and imports, each does what it did alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Module } from "../../src/render/wasm/encoder.js";

const plain = { shared: false };

/** k(x) = x + by, where a function of another type than k's does the work. */
const adding = (by: number): Module => {
  const m = new Module(plain);
  const k = m.func(["i32"], ["i32"]);
  const inner = m.func(["i32", "i32"], ["i32"]);
  inner.get(0).get(1).op("i32.add");
  k.get(0).i32(by).call(inner);
  m.export("k", k);
  return m;
};

/** k(x) = fn(x) of module m, asked for after the function that calls it. */
const calling = (...names: readonly string[]): Module => {
  const m = new Module(plain);
  const k = m.func(["f64"], ["f64"]);
  k.get(0);
  for (const name of names) k.call(m.import("m", name, ["f64"], ["f64"]));
  m.export("k", k);
  return m;
};

const link = (
  first: Module,
  ...others: readonly Module[]
): ((at: number, x: number) => unknown) => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(first.bytes(others)), {
    env: { memory },
    m: { double: (x: number) => 2 * x, square: (x: number) => x * x },
  });
  return (at, x) => {
    const k = exports[at === 0 ? "k" : `k${at}`];
    assert.ok(typeof k === "function");
    return k(x);
  };
};

test("every kernel of a module calls its own functions", () => {
  const run = link(adding(1), adding(20), adding(300));
  assert.deepEqual(
    [0, 1, 2].map((i) => run(i, 5)),
    [6, 25, 305],
  );
});

test("imports are shared, and asked for in any order", () => {
  const run = link(calling("double"), adding(7), calling("square", "double"), calling("square"));
  assert.deepEqual([run(0, 3), run(1, 3), run(2, 3), run(3, 3)], [6, 10, 18, 9]);
  const both = calling("double", "square").imports.map(({ module, name }) => `${module}.${name}`);
  assert.deepEqual(both, ["m.double", "m.square"]);
});

test("linked code is shorter than the modules it replaces, and leaves them as they were", () => {
  const parts = [adding(1), calling("double"), adding(2)];
  const alone = parts.map((m) => m.bytes());
  const [first, ...others] = parts;
  assert.ok(first !== undefined);
  assert.ok(first.bytes(others).length < alone.reduce((n, b) => n + b.length, 0));
  assert.deepEqual(
    parts.map((m) => m.bytes()),
    alone,
  );
});

test("code that calls through a table comes first or not at all", () => {
  const walker = new Module({ shared: false, table: true });
  walker.export("k", walker.func([], []));
  assert.throws(() => adding(1).bytes([walker]), /code of kernels/);
});

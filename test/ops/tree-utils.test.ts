/** The tree utilities, with MLX's corner cases. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ArgumentError } from "../../src/core/errors.js";
import { treeFlatten, treeUnflatten } from "../../src/ops/tree-paths.js";
import { treeMap, treeMapWithPath, treeMerge, treeReduce } from "../../src/ops/tree-utils.js";

const tree = { layers: [{ w: 1, b: 2 }, { w: 3 }], scale: 4, none: null, empty: [] };

test("flatten", () => {
  assert.deepEqual(treeFlatten(tree), [
    ["layers.0.w", 1],
    ["layers.0.b", 2],
    ["layers.1.w", 3],
    ["scale", 4],
    ["none", null],
  ]);
  assert.deepEqual(treeFlatten([1], { prefix: "p" }), [["p.0", 1]]);
  assert.deepEqual(treeFlatten(5), [["", 5]]);
  assert.deepEqual(treeFlatten([[1], [2]], { isLeaf: (x) => Array.isArray(x) && x[0] === 1 }), [
    ["0", [1]],
    ["1.0", 2],
  ]);
  const destination = {};
  assert.equal(treeFlatten({ a: { b: 1 } }, { destination }), destination);
  assert.deepEqual(destination, { "a.b": 1 });
  assert.throws(() => Reflect.apply(treeFlatten, null, [[1], { prefx: "" }]), ArgumentError);
});

test("unflatten", () => {
  assert.deepEqual(
    treeUnflatten([
      ["layers.0.w", 1],
      ["layers.1.w", 3],
      ["s", 4],
    ]),
    { layers: [{ w: 1 }, { w: 3 }], s: 4 },
  );
  assert.deepEqual(treeUnflatten({ "2": 1, "0": 0 }), [0, {}, 1]);
  assert.deepEqual(treeUnflatten({ "0": 0, x: 1 }), { "0": 0, x: 1 });
  assert.deepEqual(treeUnflatten([["", 5]]), 5);
  assert.deepEqual(treeUnflatten([]), []);
  assert.throws(
    () =>
      treeUnflatten([
        ["a", 1],
        ["a.b", 2],
      ]),
    /both at "a"/,
  );
  assert.throws(() => treeUnflatten([["4294967290", 1]]), ArgumentError);
});

test("map over parallel trees", () => {
  assert.deepEqual(
    treeMap((x) => x + 1, { a: [1, 2], b: 3 }),
    { a: [2, 3], b: 4 },
  );
  assert.deepEqual(
    treeMap((x, y, z) => [x, y, z].join(), [1, 2], [3, 4], [5, 6]),
    ["1,3,5", "2,4,6"],
  );
  assert.deepEqual(
    treeMap((x) => typeof x, [[1], 2], {
      isLeaf: (x: unknown) => Array.isArray(x) && x.length === 1,
    }),
    ["object", "number"],
  );
  assert.deepEqual(
    treeMapWithPath((p, x) => `${p}=${x}`, { a: [1], b: 2 }, { path: "root" }),
    { a: ["root.a.0=1"], b: "root.b=2" },
  );
  assert.throws(() => treeMap((x) => x, { a: { b: 1 } }, { a: {} }), /without "b" at "a"/);
});

test("reduce", () => {
  assert.equal(
    treeReduce((n, x) => n + x, { a: [1, 2], b: 3 }),
    6,
  );
  assert.equal(
    treeReduce((s, x) => `${s}${x}`, [1, 2], "n"),
    "n12",
  );
  assert.equal(
    treeReduce((n, x) => n + x, [1, 2], { initializer: 10 }),
    13,
  );
  assert.equal(
    treeReduce((n: number, x: number) => n + x, Array.of<number>()),
    undefined,
  );
});

test("merge", () => {
  assert.deepEqual(treeMerge({ a: 1, c: {} }, { b: [2], c: { d: 3 } }), {
    a: 1,
    b: [2],
    c: { d: 3 },
  });
  assert.deepEqual(treeMerge([1, {}], [[], 2, 3]), [1, 2, 3]);
  assert.throws(() => treeMerge({ a: { b: 1 } }, { a: { b: 2 } }), /both at "a.b"/);
  assert.deepEqual(
    treeMerge({ a: 1 }, { a: 2 }, (x, y) => [x, y]),
    { a: [1, 2] },
  );
});

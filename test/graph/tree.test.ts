/** Trees: order of leaves, structure kept by mapping, errors with paths. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ArgumentError } from "../../src/core/errors.js";
import {
  forEachLeaf,
  leavesOf,
  mapLeaves,
  rebuild,
  strictLeaves,
  structureOf,
} from "../../src/graph/tree.js";

const isNumber = (x: unknown): x is number => typeof x === "number";
const tree = { w: [1, [2, 3]], b: 4, name: "layer", none: null };

test("leaves in order, others passed over", () => {
  assert.deepEqual(leavesOf(tree, isNumber), [1, 2, 3, 4]);
  const seen: number[] = [];
  forEachLeaf([tree, 5], isNumber, (x) => seen.push(x));
  assert.deepEqual(seen, [1, 2, 3, 4, 5]);
  assert.deepEqual(leavesOf(7, isNumber), [7]);
});

test("class instances, maps and functions are not branches", () => {
  class Box {
    readonly inside = 1;
  }
  assert.deepEqual(leavesOf([new Box(), new Map([[1, 2]]), () => 3], isNumber), []);
});

test("mapping and rebuilding keep the structure", () => {
  assert.deepEqual(
    mapLeaves(tree, isNumber, (x) => x * 10),
    { w: [10, [20, 30]], b: 40, name: "layer", none: null },
  );
  assert.deepEqual(rebuild(tree, isNumber, ["a", "b", "c", "d"]), {
    w: ["a", ["b", "c"]],
    b: "d",
    name: "layer",
    none: null,
  });
  assert.deepEqual(
    leavesOf(rebuild(tree, isNumber, leavesOf(tree, isNumber)), isNumber),
    leavesOf(tree, isNumber),
  );
});

test("a key named __proto__ stays a key", () => {
  const odd: unknown = JSON.parse('{"__proto__": 1}');
  const mapped = mapLeaves(odd, isNumber, (x) => x + 1);
  assert.deepEqual(JSON.stringify(mapped), '{"__proto__":2}');
});

test("strict leaves name the path of what is neither", () => {
  assert.deepEqual(strictLeaves("grad", "argument 0", { a: [1, 2] }, isNumber), [1, 2]);
  assert.throws(
    () => strictLeaves("grad", "argument 0", { a: [1, "x"] }, isNumber),
    (e) => {
      assert.ok(e instanceof ArgumentError);
      assert.match(e.message, /^\[grad\] expected argument 0 .* got string "x" at \.a\[1\]/);
      return true;
    },
  );
  assert.throws(() => strictLeaves("grad", "argument 1", null, isNumber), /got null: /);
});

test("structure strings", () => {
  assert.equal(structureOf({ a: [1, { b: 2 }], c: [] }, isNumber), "{a:[*,{b:*}],c:[]}");
  assert.notEqual(structureOf({ "a:*": 1 }, isNumber), structureOf({ a: 1 }, isNumber));
  assert.notEqual(structureOf([1, [2]], isNumber), structureOf([[1], 2], isNumber));
});

/** Shapes, axes, strides: results and the class of each error. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ArgumentError, IndexError, ShapeError } from "../../src/core/errors.js";
import {
  broadcastShapes,
  broadcastsTo,
  inferShape,
  normalizeAxes,
  normalizeAxis,
  readShape,
  reducedShape,
  stridesOf,
} from "../../src/core/shape.js";

test("broadcasting", () => {
  assert.deepEqual(broadcastShapes("add", [2, 1, 3], [4, 1], []), [2, 4, 3]);
  assert.deepEqual(broadcastShapes("add", [1], [0]), [0]);
  assert.deepEqual(broadcastShapes("add"), []);
  assert.throws(() => broadcastShapes("add", [2, 3], [2]), {
    name: "ShapeError",
    message: /\[add\].*\[2, 3\] and \[2\].*axis -1 has lengths 3 and 2/,
  });
  assert.throws(() => broadcastShapes("add", [0], [2]), ShapeError);
  assert.ok(broadcastsTo([1, 3], [2, 5, 3]));
  assert.ok(!broadcastsTo([2, 3], [3]));
});

test("axes", () => {
  assert.equal(normalizeAxis("stack", -1, 3), 2);
  assert.throws(() => normalizeAxis("stack", 3, 3), ShapeError);
  assert.throws(() => normalizeAxis("sum", -4, 3, IndexError), IndexError);
  assert.throws(() => normalizeAxis("sum", 0, 0, IndexError), /a 0-d array has no axes/);
  assert.throws(() => normalizeAxis("sum", 0.5, 3), ArgumentError);
  assert.deepEqual(normalizeAxes("sum", [-1, 0], 3), [0, 2]);
  assert.deepEqual(normalizeAxes("sum", null, 2), [0, 1]);
  assert.deepEqual(normalizeAxes("sum", [], 2), []);
  assert.throws(() => normalizeAxes("sum", [0, -2], 2), ShapeError);
  assert.throws(() => normalizeAxes("sum", 5, 2), IndexError);
  assert.throws(() => normalizeAxes("squeeze", 5, 2, ShapeError), ShapeError);
});

test("shapes as given", () => {
  assert.deepEqual(readShape("zeros", 3), [3]);
  assert.deepEqual(readShape("zeros", []), []);
  assert.throws(() => readShape("zeros", [-1]), ShapeError);
  assert.throws(() => readShape("zeros", [1.5]), ArgumentError);
  assert.throws(() => Reflect.apply(readShape, null, ["zeros", "3"]), ArgumentError);
});

test("strides, reductions, reshape", () => {
  assert.deepEqual(stridesOf([2, 3, 4]), [12, 4, 1]);
  assert.deepEqual(stridesOf([]), []);
  assert.deepEqual(reducedShape([2, 3, 4], [0, 2], false), [3]);
  assert.deepEqual(reducedShape([2, 3, 4], [0, 2], true), [1, 3, 1]);
  assert.deepEqual(inferShape("reshape", [2, 6], [3, -1]), [3, 4]);
  assert.deepEqual(inferShape("reshape", [0], [2, 0]), [2, 0]);
  assert.deepEqual(inferShape("reshape", [0, 3], [-1, 3]), [0, 3]);
  for (const to of [[5], [-1, -1], [-1, 5], [-2, 6], [2.5, -1]]) {
    assert.throws(() => inferShape("reshape", [12], to), ShapeError, String(to));
  }
  assert.throws(() => inferShape("reshape", [0], [-1, 0]), /ambiguous/);
});

/** Every registered primitive has samples and obeys every law on them, in double precision. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { installEvaluator } from "../../src/graph/evaluator.js";
import * as clusters from "../../src/primitives/index.js";
import { primitives } from "../../src/primitives/index.js";
import { naive } from "../support/naive.js";
import { laws } from "./laws.js";
import { samples } from "./samples.js";

installEvaluator(naive);

test("every primitive that is exported is registered, once", () => {
  const exported = Object.entries(clusters)
    .filter(([name]) => name.endsWith("P"))
    .map(([, p]) => p);
  assert.deepEqual(new Set(primitives), new Set(exported));
  assert.equal(new Set(primitives.map((p) => p.name)).size, primitives.length);
});

for (const prim of primitives) {
  const own = samples.filter((s) => s.prim === prim);
  describe(prim.name, () => {
    test("has samples", () => assert.ok(own.length > 0));
    test("has a key for its attributes", () => {
      if (own.some((s) => s.attrs !== undefined)) assert.equal(typeof prim.key, "function");
    });
    for (const [law, holds] of Object.entries(laws)) {
      test(law, () => {
        for (const s of own) {
          try {
            holds(s);
          } catch (e) {
            throw new Error(`${s.name}: ${e instanceof Error ? e.message : String(e)}`, {
              cause: e,
            });
          }
        }
      });
    }
  });
}

/** The list of what is not built yet holds nothing that is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { has } from "./library.js";
import { KNOWN_PENDING } from "./pending.js";

test("nothing on the pending list exists", () => {
  assert.deepEqual(
    KNOWN_PENDING.filter((name) => has(name)),
    [],
  );
});

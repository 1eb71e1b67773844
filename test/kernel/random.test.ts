/** Random kernels are legal, and the interpreter runs them without leaving their buffers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { interpret } from "../../src/kernel/interpret.js";
import { check } from "../../src/kernel/spec.js";
import { randomCase } from "./random-kernels.js";
import { randomProduct } from "./random-products.js";

test("200 random kernels", () => {
  let ops = 0;
  for (let seed = 0; seed < 200; seed++) {
    const { kernel, outer, buffers, params } = (seed % 4 === 0 ? randomProduct : randomCase)(seed);
    try {
      check(kernel);
      interpret(kernel, outer, buffers, params, { code: 0 });
    } catch (error) {
      throw new Error(`seed ${seed}: ${JSON.stringify(kernel)}`, { cause: error });
    }
    ops += kernel.vals.length;
  }
  assert.ok(ops > 1000);
});

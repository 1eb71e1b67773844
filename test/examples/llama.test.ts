/** The examples of language models run, on tiny models that they make themselves. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runExample } from "./run.js";

test("generation streams text after the prompt", async () => {
  const { code, stdout, stderr } = await runExample("llama/generate");
  assert.equal(stderr, "");
  assert.equal(code, 0);
  assert.ok(stdout.startsWith("interface Array<T> {"));
  assert.ok(stdout.length > 60, stdout);
});

test("adapters lower the loss on a text that the model was not taught", async () => {
  const { code, stdout, stderr } = await runExample("llama/lora");
  assert.equal(stderr, "");
  assert.equal(code, 0);
  const losses = [...stdout.matchAll(/loss ([\d.]+) to ([\d.]+)/g)].map(([, a, b]) => [a, b]);
  assert.equal(losses.length, 2);
  for (const [first, last] of losses) assert.ok(Number(last) < 0.9 * Number(first), stdout);
  assert.match(stdout, /6 layers with adapters/);
});

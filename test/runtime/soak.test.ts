/** A short version of `npm run soak`: long use, memory that runs out, threads that are killed, results that repeat. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { kill, repeat, starve, train } from "../support/soak.js";

test("500 training steps in flat memory", async () => {
  const { first, last, live } = await train(500);
  assert.ok(last < 0.5 * first, `${first} to ${last}`);
  // A smallest block that leaks at every second step would be more; threads may start between.
  assert.ok(live[1] <= live[0] + 450 * 32, `${live[0]} bytes live, at the end ${live[1]}`);
});

test("100 evaluations with an allocation that fails: a named error, nothing leaks, and the next one is right", async () => {
  const failures = await starve(100);
  assert.ok(failures >= 50, `${failures} of 100 failed`);
});

test("threads are killed in the middle: a DeviceError or the right result, and the next one is right", async () => {
  const failures = await kill(8);
  assert.ok(failures <= 8);
});

test("the same bits again, and on any number of threads", async () => {
  const [first, ...others] = await repeat(30, [1, 2, 3]);
  for (const other of others) assert.equal(other, first);
});

/** The fallback to one thread where forks do not pay, by measured times that are given. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Profit } from "../../src/device/wasm/profit.js";

/** Lists of 5 ms each that gain nothing, from `now` on, until forks rest; when that is. */
const lose = (p: Profit, now: number, milliseconds = 5): number => {
  for (let t = now; t < now + 1000; t += milliseconds) {
    if (p.rests(t)) return t;
    p.note(milliseconds, milliseconds, t + milliseconds);
  }
  assert.fail("forks go on although they gain nothing");
};

/** For how long forks rest from `now` on. */
const restFrom = (p: Profit, now: number): number => {
  let t = now;
  while (p.rests(t)) t += 1;
  return t - now;
};

test("forks that pay go on", () => {
  const p = new Profit();
  for (let t = 0; t < 1000; t += 5) {
    p.note(5, 9, t);
    assert.equal(p.rests(t), false);
  }
});

test("after 20 ms without gain they rest for 50 ms", () => {
  const p = new Profit();
  const at = lose(p, 0);
  assert.equal(at, 20);
  assert.equal(restFrom(p, at), 50);
  assert.equal(p.rests(at + 50), false);
});

test("saving less than a thirtieth is no gain, more is", () => {
  const [little, enough] = [new Profit(), new Profit()];
  for (let t = 1; t <= 20; t++) {
    little.note(9.8, 10, t);
    enough.note(9.6, 10, t);
  }
  assert.equal(little.rests(20), true);
  assert.equal(enough.rests(20), false);
});

test("rests grow to 5 s as long as nothing is gained, and are short again after a gain", () => {
  const p = new Profit();
  const rests: number[] = [];
  let now = 0;
  for (let i = 0; i < 9; i++) {
    now = lose(p, now);
    const rest = restFrom(p, now);
    rests.push(rest);
    now += rest;
  }
  assert.deepEqual(rests, [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  p.note(5, 10, now);
  now = lose(p, now);
  assert.equal(restFrom(p, now), 50);
});

test("gains outweigh losses of the same length", () => {
  const p = new Profit();
  for (let t = 0; t < 400; t += 10) {
    p.note(10, 10, t);
    p.note(10, 19, t + 5);
    assert.equal(p.rests(t + 5), false);
  }
});

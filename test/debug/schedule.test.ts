/** Pictures of schedules: a box per kernel, an arrow per buffer, also where places in memory are used again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { instance } from "@viz-js/viz";
import * as mx from "../../src/index.js";

const count = (text: string, part: RegExp): number => text.match(part)?.length ?? 0;
const arrows = (dot: string): string[] =>
  [...dot.matchAll(/^ {2}(\w+) -> (\w+)/gm)].map(([, from, to]) => `${from} ${to}`);

test("kernels in order with what they read", async () => {
  const x = mx.random.normal([32, 16], { key: mx.random.key(1) }).eval();
  const w = mx.ones([16, 8]).eval();
  const dot = mx.debug.schedule(mx.sort(mx.matmul(x, w), -1));
  assert.equal(count(dot, /shape=box/g), 2);
  assert.equal(count(dot, /shape=ellipse/g), 2);
  assert.deepEqual(arrows(dot), ["b0 k0", "b1 k0", "k0 k1"]);
  assert.match(dot, /k1 \[label="sort\\n\[32, 8, 1\]\\n1\.0 KiB read, .* written\\n[\d.]+ ms"/);
  const svg = (await instance()).renderString(dot, { format: "svg_inline" });
  assert.ok(svg.includes("sort"));
});

test("a place in memory that is used again is another buffer", () => {
  let x = mx.ones([1024]).eval();
  for (let i = 0; i < 6; i++) x = mx.cumsum(x).multiply(0.5);
  const dot = mx.debug.schedule(x);
  const boxes = count(dot, /shape=box/g);
  // A chain, whatever the arena does.
  const expected = ["b0 k0", ...Array.from({ length: boxes - 1 }, (_, i) => `k${i} k${i + 1}`)];
  assert.deepEqual(arrows(dot), expected);
});

test("parts of one tensor come from a kernel each", () => {
  const [a, b] = [mx.ones([8]).eval(), mx.ones([8]).eval()];
  const dot = mx.debug.schedule(mx.sort(mx.concatenate([mx.sort(a), mx.sort(b)]), 0));
  const last = `k${count(dot, /shape=box/g) - 1}`;
  const writers = new Set(arrows(dot).filter((arrow) => arrow.endsWith(` ${last}`)));
  assert.equal(writers.size, 2, dot);
});

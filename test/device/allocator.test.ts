/** The allocator against a model: blocks never overlap, free space coalesces, what fits is found. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Allocator, type Block, unit } from "../../src/device/wasm/allocator.js";

/** A small generator of repeatable random numbers in [0, 1). */
const random = (seed: number) => (): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
};

const checkTiling = (a: Allocator, end: number): void => {
  let next = unit;
  let wasFree = false;
  for (const { address, size, free } of a.ranges()) {
    assert.equal(address, next);
    assert.equal(address % unit, 0);
    assert.ok(size > 0);
    assert.ok(!(wasFree && free), "two free neighbours");
    wasFree = free;
    next += size;
  }
  assert.equal(next, end);
};

for (const seed of [1, 2, 3, 4]) {
  test(`random allocation and release, seed ${seed}`, () => {
    const next = random(seed);
    const a = new Allocator(unit, 2 ** 20);
    const held: { block: Block; bytes: number }[] = [];
    let end = 2 ** 20;
    let used = 0;
    for (let i = 0; i < 4000; i++) {
      if (next() < 0.52) {
        const bytes = Math.floor(2 ** (next() * 17));
        const block = a.allocate(bytes);
        const largest = Math.max(0, ...[...a.ranges()].filter((r) => r.free).map((r) => r.size));
        if (block === null) assert.ok(largest < bytes, `${bytes} must fit into ${largest}`);
        else {
          assert.ok(block.size >= bytes && block.size < bytes + unit + (bytes === 0 ? 1 : 0));
          held.push({ block, bytes });
          used += block.size;
        }
      } else if (held.length > 0) {
        const [taken] = held.splice(Math.floor(next() * held.length), 1);
        assert.ok(taken);
        used -= taken.block.size;
        a.free(taken.block);
      }
      if (i === 2000) {
        end += 2 ** 18;
        a.extend(end);
      }
      assert.equal(a.usedBytes, used);
      if (i % 50 === 0) checkTiling(a, end);
    }
    for (const { block } of held) a.free(block);
    assert.deepEqual(
      [...a.ranges()].map(({ address, size, free }) => ({ address, size, free })),
      [{ address: unit, size: end - unit, free: true }],
    );
  });
}

test("a block of a size just freed is found again though its bin is not rounded up to", () => {
  const a = new Allocator(unit, unit * 1001);
  const block = a.allocate(unit * 999);
  assert.ok(block);
  const rest = a.allocate(unit);
  assert.ok(rest);
  a.free(block);
  assert.equal(a.allocate(unit * 999)?.address, unit);
  assert.equal(a.allocate(1), null);
});

test("missing counts the free tail", () => {
  const a = new Allocator(unit, unit * 11);
  assert.ok(a.allocate(unit * 6));
  assert.equal(a.missing(unit * 4), 0);
  assert.equal(a.missing(unit * 9), unit * 5);
  a.extend(unit * 16);
  assert.ok(a.allocate(unit * 9));
});

test("freeing twice is an error", () => {
  const a = new Allocator(unit, 2 ** 16);
  const block = a.allocate(100);
  assert.ok(block);
  a.free(block);
  assert.throws(() => a.free(block), /expected a block in use/);
});

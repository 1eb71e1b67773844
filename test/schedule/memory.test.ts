/** Memory plans: nothing overlaps that must not, and little is wasted. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Overlay, planMemory, type Value } from "../../src/schedule/memory.js";
import { Random } from "../kernel/random-data.js";

const temporary = (bytes: number, from: number, to: number): Value => ({
  bytes,
  from,
  to,
  slot: null,
});
const leaf = (bytes: number, to: number, slot: number): Value => ({ bytes, from: -1, to, slot });
const result = (bytes: number, from: number, slot: number): Value => ({
  bytes,
  from,
  to: Infinity,
  slot,
});
const kilo = 1024;

test("lifetimes that do not meet share memory", () => {
  const values = [temporary(8 * kilo, 0, 1), temporary(8 * kilo, 1, 2), temporary(8 * kilo, 2, 3)];
  const { places, arena, bound } = planMemory(values, [], 0);
  assert.equal(bound, 16 * kilo);
  assert.equal(arena, 16 * kilo);
  assert.equal(places[0]?.offset, places[2]?.offset);
});

test("what may lie over what ends there does", () => {
  const values = [temporary(8 * kilo, 0, 1), temporary(8 * kilo, 1, 2), temporary(8 * kilo, 2, 3)];
  const chain = [
    { over: 1, under: 0 },
    { over: 2, under: 1 },
  ];
  const { arena, bound } = planMemory(values, chain, 0);
  assert.deepEqual([arena, bound], [8 * kilo, 8 * kilo]);
});

test("a result takes over a leaf that dies, and lends its memory until it is written", () => {
  const values = [
    leaf(64 * kilo, 3, 0),
    result(64 * kilo, 3, 1),
    result(32 * kilo, 5, 2),
    temporary(32 * kilo, 1, 4),
    temporary(16 * kilo, 1, 2),
  ];
  const over = [{ over: 1, under: 0 }];
  const plan = planMemory(values, over, 3);
  assert.deepEqual([...plan.donors], [[1, 0]]);
  // The temporaries: one in the result that comes later, one of its own.
  assert.deepEqual(plan.places[3], { slot: 2, offset: 0 });
  assert.equal(plan.arena, 16 * kilo);
  assert.equal(plan.planned, 112 * kilo);
  assert.equal(plan.bound, 112 * kilo);
  // Without the right to overwrite, and as long as somebody holds the leaf, it has memory of its own.
  assert.equal(planMemory(values, [], 3).donors.size, 0);
  const held = values.map((v, i) => (i === 0 ? { ...v, to: Infinity } : v));
  assert.equal(planMemory(held, [], 3).donors.size, 0);
});

test("random plans: disjoint wherever alive together, near the bound on average", () => {
  const random = new Random(5);
  const ratios: number[] = [];
  for (let round = 0; round < 150; round++) {
    const commands = 2 + random.below(40);
    const values: Value[] = [];
    let slot = 0;
    const count = 2 + random.below(60);
    for (let i = 0; i < count; i++) {
      const bytes = random.chance(30) ? random.below(300) : (1 + random.below(200)) * kilo;
      const from = random.below(commands);
      const kind = random.below(10);
      if (kind === 0) values.push(leaf(bytes, random.chance(50) ? Infinity : from, slot++));
      else if (kind === 1) values.push(result(bytes, from, slot++));
      else values.push(temporary(bytes, from, from + random.below(Math.min(6, commands - from))));
    }
    // Results get the bytes of some leaf at times, so that they can take it over.
    const leaves = values.filter((v) => v.from < 0);
    for (const [i, v] of values.entries()) {
      const like = leaves[i % Math.max(1, leaves.length)];
      if (v.slot !== null && v.from >= 0 && like !== undefined && random.chance(70))
        values[i] = { ...v, bytes: like.bytes };
    }
    const overlays: Overlay[] = [];
    for (const [over, a] of values.entries())
      for (const [under, b] of values.entries())
        if (over !== under && a.from === b.to && random.chance(40)) overlays.push({ over, under });
    const plan = planMemory(values, overlays, slot);
    const allowed = (a: number, b: number): boolean =>
      overlays.some((o) => (o.over === a && o.under === b) || (o.over === b && o.under === a));
    const homes = plan.places.map(({ slot: at, offset }) => ({
      memory: plan.donors.get(at) ?? at,
      offset,
    }));
    for (const [i, a] of values.entries()) {
      const place = plan.places[i];
      assert.ok(place);
      if (a.slot !== null) assert.deepEqual(place, { slot: a.slot, offset: 0 });
      if (place.slot === slot) assert.ok(place.offset + a.bytes <= plan.arena);
      else {
        const owner = values.find((v) => v.slot === place.slot);
        assert.ok(owner !== undefined && place.offset + a.bytes <= owner.bytes);
      }
      assert.equal(place.offset % 64, 0);
      for (let j = 0; j < i; j++) {
        const b = values[j];
        const [p, q] = [homes[i], homes[j]];
        if (b === undefined || p === undefined || q === undefined || p.memory !== q.memory)
          continue;
        const together = a.from <= b.to && b.from <= a.to && a.bytes > 0 && b.bytes > 0;
        const apart = p.offset + a.bytes <= q.offset || q.offset + b.bytes <= p.offset;
        const over = p.offset === q.offset && allowed(i, j);
        assert.ok(!together || apart || over, `round ${round}: ${i} and ${j} overlap`);
      }
    }
    assert.ok(plan.planned >= plan.bound, `round ${round}: ${plan.planned} below ${plan.bound}`);
    ratios.push(plan.planned / Math.max(1, plan.bound));
  }
  const mean = ratios.reduce((a, b) => a + b, 0) / ratios.length;
  assert.ok(mean < 1.15, `${mean} of the bound on average`);
});

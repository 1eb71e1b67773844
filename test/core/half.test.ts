/** The 16-bit floats: every value decodes and encodes to itself, every midpoint rounds to even with one rounding. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decodeBfloat16,
  decodeFloat16,
  encodeBfloat16,
  encodeFloat16,
  fromBfloat16Bits,
  fromFloat16Bits,
  toBfloat16Bits,
  toFloat16Bits,
} from "../../src/core/half.js";

const formats = [
  { name: "float16", to: toFloat16Bits, from: fromFloat16Bits, infinity: 0x7c00, top: 65504 },
  {
    name: "bfloat16",
    to: toBfloat16Bits,
    from: fromBfloat16Bits,
    infinity: 0x7f80,
    top: (2 - 2 ** -7) * 2 ** 127,
  },
];

/** The next double away from zero, or toward it. */
const nudge = (x: number, by: bigint): number => {
  const f = new Float64Array([x]);
  const u = new BigUint64Array(f.buffer);
  u[0] = (u[0] ?? 0n) + by;
  return f[0] ?? 0;
};

for (const { name, to, from, infinity, top } of formats) {
  test(`${name}: all 65,536 bit patterns survive decoding and encoding`, () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = from(bits);
      if ((bits & 0x7fff) > infinity) {
        assert.ok(Number.isNaN(value), `${bits} is NaN`);
        assert.ok((to(value) & 0x7fff) > infinity, "NaN stays NaN");
      } else assert.equal(to(value), bits);
    }
  });

  test(`${name}: between neighbours the nearer one, at the midpoint the even one`, () => {
    for (let bits = 0; bits < infinity - 1; bits++) {
      const middle = (from(bits) + from(bits + 1)) / 2;
      assert.equal(to(middle), bits + (bits & 1), `midpoint above ${bits}`);
      assert.equal(to(nudge(middle, -1n)), bits, `below the midpoint above ${bits}`);
      assert.equal(to(nudge(middle, 1n)), bits + 1, `above the midpoint above ${bits}`);
      assert.equal(to(-middle), 0x8000 | (bits + (bits & 1)), `negative midpoint above ${bits}`);
    }
  });

  test(`${name}: beyond the largest value`, () => {
    const ulp = from(infinity - 1) - from(infinity - 2);
    assert.equal(from(infinity - 1), top);
    assert.equal(to(top + ulp / 2), infinity);
    assert.equal(to(nudge(top + ulp / 2, -1n)), infinity - 1);
    assert.equal(to(Number.MAX_VALUE), infinity);
    assert.equal(to(-Infinity), 0x8000 | infinity);
    assert.equal(to(Number.MIN_VALUE), 0);
    assert.equal(to(-0), 0x8000);
    assert.ok(Object.is(from(0x8000), -0));
  });
}

test("one rounding from float64, where two through float32 would differ", () => {
  // 1 + 2^-11 is a tie of float16; a double just above it rounds to the tie in float32.
  const x = 1 + 2 ** -11 + 2 ** -40;
  assert.equal(fromFloat16Bits(toFloat16Bits(x)), 1 + 2 ** -10);
  assert.equal(fromFloat16Bits(toFloat16Bits(Math.fround(x))), 1);
});

test("bulk conversions agree with single ones", () => {
  const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
  for (const [decode, encode, from] of [
    [decodeFloat16, encodeFloat16, fromFloat16Bits],
    [decodeBfloat16, encodeBfloat16, fromBfloat16Bits],
  ] as const) {
    const values = decode(all);
    const back = new Uint16Array(all.length);
    encode(values, back);
    for (const bits of all) {
      assert.ok(Object.is(values[bits], from(bits)));
      if (!Number.isNaN(values[bits])) assert.equal(back[bits], bits);
    }
  }
});

test("bulk conversion from float32 agrees with the general one, at midpoints and beside them", () => {
  const words: number[] = [0x7f800000, 0xff800000, 0x7fc00000, 0, 1, 0x80000001, 0x007fffff];
  for (let high = 0; high < 0x7f80; high += 1) {
    for (const low of [
      0, 1, 0x0fff, 0x1000, 0x1001, 0x2fff, 0x3000, 0x7fff, 0x8000, 0x8001, 0xffff,
    ]) {
      words.push(((high << 16) | low) >>> 0, (0x80000000 | (high << 16) | low) >>> 0);
    }
  }
  const values = new Float32Array(Uint32Array.from(words).buffer);
  for (const [encode, to] of [
    [encodeFloat16, toFloat16Bits],
    [encodeBfloat16, toBfloat16Bits],
  ] as const) {
    const got = new Uint16Array(values.length);
    encode(values, got);
    values.forEach((x, i) => {
      if (!Number.isNaN(x)) assert.equal(got[i], to(x), `${x}`);
    });
  }
});

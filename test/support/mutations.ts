/** Deterministically damaged files: what a reader makes of them must be a named error or a result, never anything else. */
import assert from "node:assert/strict";
import { FormatError } from "../../src/core/errors.js";

/** How many damaged files to try per format: a few thousand at the desk, a hundred thousand (`COTANGENT_FUZZ`) in CI. */
export const mutationCount: number = Number(process.env.COTANGENT_FUZZ ?? 3000);

/** Uniform integers below `n`, the same ones for the same seed. */
type Below = (n: number) => number;

const generator = (seed: number): Below => {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
};

const extremes = [0, 1, 0x20, 0x27, 0x28, 0x2c, 0x30, 0x39, 0x7f, 0x80, 0xfe, 0xff];

/** Lengths and offsets that readers add, multiply and compare. */
const lengths: readonly bigint[] = [
  0n,
  1n,
  2n,
  0x7fn,
  0xffffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x1f_ffff_ffff_ffffn,
  0x7fff_ffff_ffff_ffffn,
  0xffff_ffff_ffff_ffffn,
];

/** A binary number of 2, 4 or 8 bytes replaced by one that is likely to matter. */
const replaceNumber = (out: Uint8Array, at: number, below: Below): void => {
  const width = [2, 4, 8][below(3)] ?? 4;
  const near = BigInt(Math.max(0, out.length - 4 + below(9)));
  const value = below(3) === 0 ? near : (lengths[below(lengths.length)] ?? 0n);
  for (let i = 0; i < width && at + i < out.length; i++) {
    out[at + i] = Number((value >> BigInt(8 * i)) & 0xffn);
  }
};

const isDigit = (byte: number | undefined): boolean =>
  byte !== undefined && byte >= 0x30 && byte <= 0x39;

/** The next number in text, at or after `at`, replaced by another as long or longer. */
const replaceDigits = (out: Uint8Array, at: number, below: Below): Uint8Array => {
  let from = at;
  while (from < out.length && !isDigit(out[from])) from++;
  let to = from;
  while (isDigit(out[to])) to++;
  const text = ["0", "1", "-1", "1e9", "999", "4294967296", "9007199254740993", "1".repeat(400)];
  const number = new TextEncoder().encode(text[below(text.length)]);
  return Uint8Array.from([...out.subarray(0, from), ...number, ...out.subarray(to)]);
};

const damageOnce = (bytes: Uint8Array, below: Below): Uint8Array => {
  const out = Uint8Array.from(bytes);
  const n = out.length;
  if (n === 0) return Uint8Array.of(below(256));
  // Half of all damage is near the start or the end, where headers and directories are.
  const place = [
    () => below(n),
    () => below(Math.min(n, 96)),
    () => n - 1 - below(Math.min(n, 96)),
  ];
  const at = place[below(3)]?.() ?? 0;
  const length = 1 + below(Math.min(16, n - at));
  switch (below(11)) {
    case 8:
    case 9:
      replaceNumber(out, below(2) === 0 ? at : at & ~3, below);
      return out;
    case 10:
      return replaceDigits(out, at, below);
    case 0:
      out[at] = (out[at] ?? 0) ^ (1 << below(8));
      return out;
    case 1:
      out[at] = extremes[below(extremes.length)] ?? 0;
      return out;
    case 2:
      return out.subarray(0, at);
    case 3:
      return Uint8Array.from([...out.subarray(0, at), ...out.subarray(at + length)]);
    case 4:
      return Uint8Array.from([...out.subarray(0, at + length), ...out.subarray(at)]);
    case 5:
      out.fill(below(2) === 0 ? 0xff : 0, at, at + length);
      return out;
    case 6:
      out.copyWithin(at, below(n), Math.min(n, below(n) + length));
      return out;
    default:
      for (let i = at; i < at + length; i++) out[i] = below(256);
      return out;
  }
};

/**
 * Damages the given files `count` times, one to three times each, and reads the results. Returns how many were refused.
 *
 * @throws AssertionError naming the seed when a reader throws anything else than a FormatError
 */
export const readDamaged = (
  files: readonly Uint8Array[],
  count: number,
  read: (bytes: Uint8Array) => void,
): number => {
  let refused = 0;
  for (let seed = 0; seed < count; seed++) {
    const below = generator(seed);
    let bytes = files[seed % files.length] ?? new Uint8Array(0);
    for (let i = below(3); i >= 0; i--) bytes = damageOnce(bytes, below);
    try {
      read(bytes);
    } catch (error) {
      assert.ok(error instanceof FormatError, `seed ${seed}: ${String(error)}`);
      assert.match(error.message, /expected .* got[ :]/s, `seed ${seed}`);
      refused++;
    }
  }
  return refused;
};

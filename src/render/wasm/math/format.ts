/** The two float formats as the expansions see them: bit layout, and the constants of argument reduction. */
import type { LaneCode } from "../lane-code.js";

export interface Format {
  /** Bits of the significand that are stored. */
  readonly significand: number;
  readonly bias: number;
  readonly minNormal: number;
  readonly largest: number;
  /** Adding it to a number of at most half as many bits leaves the nearest integer in the low bits. */
  readonly shifter: number;
  readonly shifterBits: bigint;
  /** Bits of √½. */
  readonly sqrtHalfBits: bigint;
  /** Clears the lower half of a significand. */
  readonly upperHalf: bigint;
  readonly log2e: number;
  /** So short that its product with every exponent is exact. */
  readonly ln2High: number;
  readonly ln2Low: number;
}

const single: Format = {
  significand: 23,
  bias: 127,
  minNormal: 2 ** -126,
  largest: 3.4028234663852886e38,
  shifter: 1.5 * 2 ** 23,
  shifterBits: 0x4b400000n,
  sqrtHalfBits: 0x3f3504f3n,
  upperHalf: -4096n,
  log2e: 1.4426950216293335,
  ln2High: 0.693359375,
  ln2Low: -2.1219444170128554e-4,
};

const double: Format = {
  significand: 52,
  bias: 1023,
  minNormal: 2 ** -1022,
  largest: Number.MAX_VALUE,
  shifter: 1.5 * 2 ** 52,
  shifterBits: 0x4338000000000000n,
  sqrtHalfBits: 0x3fe6a09e667f3bcdn,
  upperHalf: -(1n << 27n),
  log2e: Math.LOG2E,
  ln2High: 0.693147180559663,
  ln2Low: 2.8235290563031577e-13,
};

export const formatOf = (c: LaneCode): Format => (c.float === "f32" ? single : double);

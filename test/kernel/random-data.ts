/** Repeatable random choices and data whose sums and products are exact in every float type that holds them. */

import type { DType } from "../../src/core/dtype.js";
import type { ComputeType } from "../../src/core/scalar.js";
import { computeTypeOf } from "../../src/core/scalar.js";
import { elementBytes } from "../../src/kernel/domains.js";
import type { Kernel } from "../../src/kernel/ir.js";
import { elementsOf } from "../../src/kernel/storage-values.js";

/** A kernel with bytes for its buffers (outputs hold a pattern that must survive where nothing is stored). */
export interface Case {
  readonly kernel: Kernel;
  readonly outer: number;
  readonly buffers: readonly Uint8Array[];
  readonly params: readonly (number | bigint | boolean)[];
}

/** Repeatable random choices. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  }

  below(n: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % n;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<const T>(list: readonly [T, ...T[]]): T {
    return list[this.below(list.length)] ?? list[0];
  }
}

/** Multiples of 1/4 up to this are exact in bfloat16. */
export const narrow = 16;

/** A buffer of a random kernel. */
export interface Slot {
  readonly storage: DType;
  readonly length: number;
  readonly input: boolean;
}

/** A random number of a type: floats are small multiples of 1/4. */
export const randomNumber = (random: Random, type: ComputeType): number | bigint => {
  const n = random.below(2 * narrow + 1) - narrow;
  if (type === "bool") return random.below(2);
  if (type === "f32" || type === "f64") return n / 4;
  const wild = random.chance(30) ? Math.imul(random.below(2 ** 31), 0x85ebca6b) : n;
  if (type === "i64" || type === "u64") {
    const wide = BigInt(wild) * (random.chance(50) ? 4294967297n : 1n);
    return type === "i64" ? BigInt.asIntN(64, wide) : BigInt.asUintN(64, wide);
  }
  return type === "u32" ? wild >>> 0 : wild | 0;
};

/** Bytes of a buffer: random where it is read, a pattern that must survive where it is written. */
export const randomBytes = (random: Random, { storage, length, input }: Slot): Uint8Array => {
  const bytes = new Uint8Array(length * elementBytes(storage)).fill(0x11);
  if (!input) return bytes;
  const elements = elementsOf(storage, bytes);
  for (let i = 0; i < length; i++) elements.set(i, randomNumber(random, computeTypeOf(storage)));
  return bytes;
};

/** Packed blocks of gguf that become float16: super-blocks of 256 elements (the K types) and blocks of 32 of five bits. */
import { fromFloat16Bits, toFloat16Bits } from "../core/half.js";
import type { Conversion } from "./source.js";

/** A type whose blocks are decoded. */
export interface DecodedBlocks {
  readonly elements: number;
  readonly bytes: number;
  /** Hands the elements of the block at byte `at` to `put` in order. */
  decode(raw: Uint8Array, at: number, put: (value: number) => void): void;
}

const half = (raw: Uint8Array, at: number): number =>
  fromFloat16Bits((raw[at] ?? 0) | ((raw[at + 1] ?? 0) << 8));

const byte = (raw: Uint8Array, at: number): number => raw[at] ?? 0;
const signed = (raw: Uint8Array, at: number): number => (byte(raw, at) << 24) >> 24;
const bit = (raw: Uint8Array, at: number, i: number): number => (byte(raw, at) >> i) & 1;

/** Products of halves and small integers as float32, in which the format's own code computes. */
const product = (a: number, b: number): number => Math.fround(a * b);

/** 2 bits; scales and minima of 4 bits for every 16 elements. */
const q2k: DecodedBlocks = {
  elements: 256,
  bytes: 84,
  decode(raw, at, put) {
    const [d, least] = [half(raw, at + 80), half(raw, at + 82)];
    for (let i = 0; i < 256; i++) {
      const scale = byte(raw, at + (i >> 4));
      const from = at + 16 + 32 * (i >> 7) + (i & 31);
      const q = (byte(raw, from) >> (2 * ((i >> 5) & 3))) & 3;
      put(product(product(d, scale & 15), q) - product(least, scale >> 4));
    }
  },
};

/** 2 bits and a third one apart; scales of 6 bits for every 16 elements, low parts before high ones. */
const q3k: DecodedBlocks = {
  elements: 256,
  bytes: 110,
  decode(raw, at, put) {
    const d = half(raw, at + 108);
    const scales = at + 96;
    for (let i = 0; i < 256; i++) {
      const n = i >> 4;
      const low = (byte(raw, scales + (n & 7)) >> (n < 8 ? 0 : 4)) & 15;
      const high = (byte(raw, scales + 8 + (n & 3)) >> (2 * (n >> 2))) & 3;
      const from = at + 32 + 32 * (i >> 7) + (i & 31);
      const q = (byte(raw, from) >> (2 * ((i >> 5) & 3))) & 3;
      const missing = bit(raw, at + (i & 31), i >> 5) === 1 ? 0 : 4;
      put(product(product(d, (low | (high << 4)) - 32), q - missing));
    }
  },
};

/** Scale and minimum of group n of 8, of 6 bits each in 12 bytes. */
const pair = (raw: Uint8Array, at: number, n: number): readonly [number, number] => {
  if (n < 4) return [byte(raw, at + n) & 63, byte(raw, at + n + 4) & 63];
  const low = byte(raw, at + n + 4);
  const scale = (low & 15) | ((byte(raw, at + n - 4) >> 6) << 4);
  return [scale, (low >> 4) | ((byte(raw, at + n) >> 6) << 4)];
};

/** 4 or 5 bits; scales and minima of 6 bits for every 32 elements. */
const q45k = (five: boolean): DecodedBlocks => ({
  elements: 256,
  bytes: five ? 176 : 144,
  decode(raw, at, put) {
    const [d, least] = [half(raw, at), half(raw, at + 2)];
    for (let i = 0; i < 256; i++) {
      const n = i >> 5;
      const [scale, minimum] = pair(raw, at + 4, n);
      const from = at + (five ? 48 : 16) + 32 * (i >> 6) + (i & 31);
      const low = (byte(raw, from) >> (4 * (n & 1))) & 15;
      const q = five ? low | (bit(raw, at + 16 + (i & 31), n) << 4) : low;
      put(product(product(d, scale), q) - product(least, minimum));
    }
  },
});

/** 4 bits and 2 more apart; scales of 8 bits for every 16 elements. */
const q6k: DecodedBlocks = {
  elements: 256,
  bytes: 210,
  decode(raw, at, put) {
    const d = half(raw, at + 208);
    for (let i = 0; i < 256; i++) {
      const [part, n] = [i >> 7, (i >> 5) & 3];
      const from = at + 64 * part + 32 * (n & 1) + (i & 31);
      const low = (byte(raw, from) >> (n < 2 ? 0 : 4)) & 15;
      const high = (byte(raw, at + 128 + 32 * part + (i & 31)) >> (2 * n)) & 3;
      put(product(product(d, signed(raw, at + 192 + (i >> 4))), (low | (high << 4)) - 32));
    }
  },
};

/** 4 bits and a fifth one apart; a scale, and a minimum of its own or none, for all 32. */
const q5 = (minimum: boolean): DecodedBlocks => ({
  elements: 32,
  bytes: minimum ? 24 : 22,
  decode(raw, at, put) {
    const d = half(raw, at);
    const bits = at + (minimum ? 4 : 2);
    for (let i = 0; i < 32; i++) {
      const low = (byte(raw, bits + 4 + (i & 15)) >> (i < 16 ? 0 : 4)) & 15;
      const q = low | (bit(raw, bits + (i >> 3), i & 7) << 4);
      put(minimum ? product(d, q) + half(raw, at + 2) : product(d, q - 16));
    }
  },
});

/** Decoded types by the format's numbers. */
export const decodedTypes: ReadonlyMap<number, DecodedBlocks> = new Map<number, DecodedBlocks>([
  [6, q5(false)],
  [7, q5(true)],
  [10, q2k],
  [11, q3k],
  [12, q45k(false)],
  [13, q45k(true)],
  [14, q6k],
]);

/** `count` blocks as float16. */
export const decodedBlocks = (b: DecodedBlocks, count: number): Conversion => ({
  byteLength: count * b.elements * 2,
  apply: (raw) => {
    const out = new Uint8Array(count * b.elements * 2);
    const view = new DataView(out.buffer);
    let at = 0;
    const put = (value: number): void => {
      view.setUint16(at, toFloat16Bits(Math.fround(value)), true);
      at += 2;
    };
    for (let i = 0; i < count; i++) b.decode(raw, i * b.bytes, put);
    return out;
  },
});

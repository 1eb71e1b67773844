/** The Threefry-2x32 hash on the host: splits keys whose words are known without building a graph. */

const rotations = [13, 15, 26, 6, 17, 29, 16, 24];
const parity = 0x1bd11bda;

const rotl = (x: number, r: number): number => (x << r) | (x >>> (32 - r));

/** The two words of hashing the counter (c0, c1) with the key (k0, k1), 20 rounds. */
export const hash = (k0: number, k1: number, c0: number, c1: number): [number, number] => {
  const ks = [k0, k1, k0 ^ k1 ^ parity];
  let a = (c0 + k0) | 0;
  let b = (c1 + k1) | 0;
  for (let i = 0; i < 5; i++) {
    for (let r = 0; r < 4; r++) {
      a = (a + b) | 0;
      b = rotl(b, rotations[(i % 2) * 4 + r] ?? 0) ^ a;
    }
    a = (a + (ks[(i + 1) % 3] ?? 0)) | 0;
    b = (b + (ks[(i + 2) % 3] ?? 0) + i + 1) | 0;
  }
  return [a >>> 0, b >>> 0];
};

/** The two keys that a key splits into, each as two words. */
export const splitKey = (
  k0: number,
  k1: number,
): readonly [readonly number[], readonly number[]] => {
  const [a, c] = hash(k0, k1, 0, 2);
  const [b, d] = hash(k0, k1, 1, 3);
  return [
    [a, b],
    [c, d],
  ];
};

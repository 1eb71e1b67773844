/** The inputs of all workloads: numbers that every library, in whatever language, makes for itself alike. */

/** `n` floats in [−1, 1), decided by the seed: a mixed counter, so that Python computes them in one pass. */
export const numbers = (n: number, seed = 1): Float32Array<ArrayBuffer> => {
  const out = new Float32Array(n);
  for (let i = 0; i < n; i++) out[i] = mixed(i, seed) / 2147483648 - 1;
  return out;
};

/** `n` integers in [0, below), decided by the seed. */
export const integers = (n: number, below: number, seed = 1): Int32Array<ArrayBuffer> => {
  const out = new Int32Array(n);
  for (let i = 0; i < n; i++) out[i] = mixed(i, seed) % below;
  return out;
};

const mixed = (i: number, seed: number): number => {
  let h = Math.imul(i + Math.imul(seed, 0x9e3779b9), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
};

/** At most 64 elements, evenly spaced: enough to see that two libraries computed the same. */
export const sample = (values: ArrayLike<number | bigint>): number[] => {
  const step = Math.max(1, Math.ceil(values.length / 64));
  const out: number[] = [];
  for (let i = 0; i < values.length; i += step) out.push(Number(values[i]));
  return out;
};

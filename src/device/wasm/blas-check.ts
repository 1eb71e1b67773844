/** Whether a library's matrix products are right and fast, found by trying. */

/** Sets c (m × n) to a · b, as module `blas` does, on addresses of the process. */
export type NativeGemm = (
  transposeA: number,
  transposeB: number,
  m: number,
  n: number,
  k: number,
  a: number,
  lda: number,
  b: number,
  ldb: number,
  c: number,
  ldc: number,
) => void;

type Floats = Float32Array | Float64Array;

/** Where numbers lie in the process. */
export type AddressOf = (floats: Floats) => number;

const sizes = [
  [1, 1, 1],
  [5, 7, 3],
  [13, 34, 29],
] as const;
/** Values beyond the line of a matrix, which must be neither read nor written. */
const slack = 3;

const fill = (floats: Floats): Floats => {
  let state = 7;
  for (let i = 0; i < floats.length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    floats[i] = (((state >> 16) % 129) - 64) / 64;
  }
  return floats;
};

/** What is wrong with one product, if anything; `special` puts an infinity where a meets zeros. */
const trial = (
  gemm: NativeGemm,
  addressOf: AddressOf,
  make: (length: number) => Floats,
  [m, n, k]: readonly [number, number, number],
  [ta, tb]: readonly [number, number],
  special: boolean,
): string | null => {
  const [lda, ldb, ldc] = [(ta ? m : k) + slack, (tb ? k : n) + slack, n + slack];
  const a = fill(make((ta ? k : m) * lda));
  const b = fill(make((tb ? n : k) * ldb));
  const c = make(m * ldc).fill(Number.NaN);
  const atA = (i: number, l: number): number => (ta ? l * lda + i : i * lda + l);
  const atB = (l: number, j: number): number => (tb ? j * ldb + l : l * ldb + j);
  if (special) {
    a[atA(m - 1, k - 1)] = 0;
    b[atB(k - 1, n - 1)] = Number.POSITIVE_INFINITY;
  }
  gemm(ta, tb, m, n, k, addressOf(a), lda, addressOf(b), ldb, addressOf(c), ldc);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < ldc; j++) {
      let expected = j < n ? 0 : Number.NaN;
      for (let l = 0; j < n && l < k; l++) expected += (a[atA(i, l)] ?? 0) * (b[atB(l, j)] ?? 0);
      const got = c[i * ldc + j] ?? 0;
      // The factors are multiples of 1/64, so that sums of such few products are exact.
      if (!Object.is(got + 0, expected + 0)) return `${got} where ${expected} is right`;
    }
  }
  return null;
};

/** What is wrong with a library's function, in words, or null. */
export const faultOf = (
  gemm: NativeGemm,
  addressOf: AddressOf,
  type: "f32" | "f64",
): string | null => {
  const make = (length: number): Floats =>
    // Short arrays may live on the collected heap, and move.
    (type === "f32" ? new Float32Array(length + 4096) : new Float64Array(length + 4096)).subarray(
      0,
      length,
    );
  for (const size of sizes) {
    for (const ta of [0, 1]) {
      for (const tb of [0, 1]) {
        for (const special of size[0] < 8 ? [false, true] : [false]) {
          const wrong = trial(gemm, addressOf, make, size, [ta, tb], special);
          if (wrong !== null) return `a product of ${size.join(" × ")} gave ${wrong}`;
        }
      }
    }
  }
  return null;
};

/** Floating-point operations per nanosecond of a product of some size, the best of a few. */
export const speedOf = (gemm: NativeGemm, addressOf: AddressOf): number => {
  const n = 160;
  const [a, b, c] = [n * n, n * n, n * n].map((length) => fill(new Float32Array(length)));
  if (a === undefined || b === undefined || c === undefined) return 0;
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    gemm(0, 0, n, n, n, addressOf(a), n, addressOf(b), n, addressOf(c), n);
    best = Math.min(best, performance.now() - start);
  }
  return (2 * n ** 3) / (best * 1e6);
};

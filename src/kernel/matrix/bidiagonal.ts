/** Singular values of a real upper bidiagonal matrix by implicit shifted QR steps. */
import { length } from "./mat.js";
import type { Turns } from "./turns.js";

const epsilon = 2 ** -52;
const mostSteps = 75;

export interface Bidiagonal {
  /** Diagonal, and what stands right of it. */
  readonly d: Float64Array;
  readonly e: Float64Array;
  /** What turns with its rows, and with its columns. */
  readonly left: Turns;
  readonly right: Turns;
}

/** Element k of the diagonal is zero: moves e[k - 1] up and out of the matrix, from columns k and above. */
const clearColumn = ({ d, e, right }: Bidiagonal, l: number, k: number): void => {
  let f = e[k - 1] ?? 0;
  e[k - 1] = 0;
  for (let j = k - 1; j >= l; j--) {
    const r = length(d[j] ?? 0, f);
    if (r === 0) return;
    const c = (d[j] ?? 0) / r;
    const s = f / r;
    d[j] = r;
    if (j > l) {
      f = -s * (e[j - 1] ?? 0);
      e[j - 1] = c * (e[j - 1] ?? 0);
    }
    right.now(j, k, c, s);
  }
};

/** Element l - 1 of the diagonal is zero: moves e[l - 1] right and out of the matrix. */
const clearRow = ({ d, e, left }: Bidiagonal, l: number, k: number): void => {
  let f = e[l - 1] ?? 0;
  e[l - 1] = 0;
  for (let j = l; j <= k; j++) {
    const r = length(d[j] ?? 0, f);
    if (r === 0) return;
    const c = (d[j] ?? 0) / r;
    const s = f / r;
    d[j] = r;
    f = -s * (e[j] ?? 0);
    e[j] = c * (e[j] ?? 0);
    left.now(j, l - 1, c, s);
  }
};

/** The first column of B·Bᵀ - shift, for the shift near the last singular value of rows l..k. */
const start = (
  d: Float64Array,
  e: Float64Array,
  l: number,
  k: number,
): readonly [number, number] => {
  const [dl, el] = [d[l] ?? 0, e[l] ?? 0];
  const [dk, dp, ek, ep] = [
    d[k] ?? 0,
    d[k - 1] ?? 0,
    e[k - 1] ?? 0,
    k - 2 >= l ? (e[k - 2] ?? 0) : 0,
  ];
  const size = Math.max(
    Math.abs(dl),
    Math.abs(el),
    Math.abs(dk),
    Math.abs(dp),
    Math.abs(ek),
    Math.abs(ep),
  );
  const [a, b, x, y] = [dp / size, dk / size, ek / size, ep / size];
  // The eigenvalue of the last 2×2 block of BᵀB that is nearer to its last element.
  const [t, u, v] = [a * a + y * y, a * x, b * b + x * x];
  const half = (t - v) / 2;
  const root = length(half, u);
  const away = half < 0 ? half - root : half + root;
  const shift = away === 0 ? v : v - (u * u) / away;
  const first = dl / size;
  return [first * first - shift, first * (el / size)];
};

const chase = ({ d, e, left, right }: Bidiagonal, l: number, k: number): void => {
  right.begin(l, 1, k - l);
  left.begin(l, 1, k - l);
  let [f, g] = start(d, e, l, k);
  for (let i = l; i < k; i++) {
    let r = length(f, g);
    let c = r === 0 ? 1 : f / r;
    let s = r === 0 ? 0 : g / r;
    if (i > l) e[i - 1] = r;
    f = c * (d[i] ?? 0) + s * (e[i] ?? 0);
    e[i] = c * (e[i] ?? 0) - s * (d[i] ?? 0);
    g = s * (d[i + 1] ?? 0);
    d[i + 1] = c * (d[i + 1] ?? 0);
    right.push(c, s);
    r = length(f, g);
    c = r === 0 ? 1 : f / r;
    s = r === 0 ? 0 : g / r;
    d[i] = r;
    f = c * (e[i] ?? 0) + s * (d[i + 1] ?? 0);
    d[i + 1] = c * (d[i + 1] ?? 0) - s * (e[i] ?? 0);
    if (i + 1 < k) {
      g = s * (e[i + 1] ?? 0);
      e[i + 1] = c * (e[i + 1] ?? 0);
    }
    left.push(c, s);
  }
  e[k - 1] = f;
};

/** Makes `d` the singular values, not negative and in no order; `e` ends as zero. False where that does not converge. */
export const diagonaliseBidiagonal = (b: Bidiagonal): boolean => {
  const { d, e, left, right } = b;
  let size = 0;
  for (let i = 0; i < d.length; i++) {
    const both = Math.abs(d[i] ?? 0) + Math.abs(e[i] ?? 0);
    if (!(both <= size)) size = both;
    if (Number.isNaN(both)) return false;
  }
  if (size === Infinity) return false;
  const least = epsilon * epsilon * size;
  const flipped: number[] = [];
  for (let k = d.length - 1; k >= 0; k--) {
    for (let steps = 0; ; steps++) {
      let l = k;
      for (; l > 0; l--) {
        const near = Math.abs(d[l - 1] ?? 0) + Math.abs(d[l] ?? 0);
        if (Math.abs(e[l - 1] ?? 0) <= Math.max(epsilon * near, least)) {
          e[l - 1] = 0;
          break;
        }
        if (Math.abs(d[l - 1] ?? 0) <= least) {
          d[l - 1] = 0;
          clearRow(b, l, k);
          break;
        }
      }
      if (l === k) break;
      if (steps === mostSteps) return false;
      if (Math.abs(d[k] ?? 0) <= least) {
        d[k] = 0;
        clearColumn(b, l, k);
      } else chase(b, l, k);
    }
    if ((d[k] ?? 0) < 0) {
      d[k] = -(d[k] ?? 0);
      flipped.push(k);
    }
  }
  left.flush();
  right.flush();
  for (const k of flipped) right.negate(k);
  return true;
};

/** How a length is transformed: passes by its factors, rows and columns where it is long, a convolution where a factor is large. */
import { runStage, type Stage, stageOf, unitRoot } from "./passes.js";
import { exchange, type Parts, type Work, withWork } from "./work.js";

/** Forward transforms of `n` points without a scale. */
export interface Plan {
  readonly n: number;
  /** How many interleaved transforms it can do at once, at most and at best. */
  readonly batch: number;
  /** Elements that tables take. */
  readonly tables: number;
  /** e^(−πi·k/n) for k from 0 to n: what transforms of 2n real numbers need besides. */
  halves(): Parts;
  /** Transforms `batch` lines, element j of line q at j · batch + q of `work.now`, which has the result afterwards. */
  run(work: Work, batch: number): void;
}

/** Prime factors up to here have passes of their own. */
const largestRadix = 31;
/** Longer transforms are done as rows and columns, so that passes stay in the cache. */
const longest = 8192;
/** Lines side by side: as many elements as a cache line has. */
const side = 8;

/** Factors for passes, fours first; null where a prime factor is too large. */
const factorsOf = (n: number): number[] | null => {
  const factors: number[] = [];
  let rest = n;
  const take = (factor: number): void => {
    for (; rest % factor === 0; rest /= factor) factors.push(factor);
  };
  take(4);
  for (let p = 2; p <= largestRadix; p++) take(p);
  return rest === 1 ? factors : null;
};

/** e^(−πi·k/n) for k from 0 to n, made when first asked for. */
const halvesOf = (n: number): (() => Parts) => {
  let found: Parts | null = null;
  return () => (found ??= rootsOf(n + 1, 1, 2 * n));
};

/** e^(−2πi·k·step/n) for k below `count`. */
const rootsOf = (count: number, step: number, n: number): Parts => {
  const re = new Float64Array(count);
  const im = new Float64Array(count);
  for (let k = 0; k < count; k++) [re[k], im[k]] = unitRoot(k * step, n);
  return { re, im };
};

const direct = (n: number, factors: readonly number[]): Plan => {
  let rest = n;
  const stages = factors.map((radix): Stage => {
    rest /= radix;
    return stageOf(radix, rest);
  });
  return {
    n,
    batch: Math.max(1, Math.min(2 * side, Math.floor(longest / n))),
    tables: 4 * n,
    halves: halvesOf(n),
    run(work, batch) {
      let stride = batch;
      for (const stage of stages) {
        runStage(stage, work.now, work.next, stride);
        exchange(work);
        stride *= stage.radix;
      }
    },
  };
};

/** The divisor of n made of `factors` that is next to its square root. */
const middle = (n: number, factors: readonly number[]): number => {
  let best = 1;
  const divisors = new Set([1]);
  for (const f of factors) for (const d of [...divisors]) divisors.add(d * f);
  for (const d of divisors) if (d * d <= n && d > best) best = d;
  return best;
};

const copy = (
  from: Parts,
  at: number,
  step: number,
  to: Parts,
  rows: number,
  count: number,
): void => {
  const [xr, xi, yr, yi] = [from.re, from.im, to.re, to.im];
  for (let j = 0; j < rows; j++)
    for (let q = 0; q < count; q++) {
      yr[j * count + q] = xr[at + j * step + q] ?? 0;
      yi[j * count + q] = xi[at + j * step + q] ?? 0;
    }
};

const copyBack = (
  from: Parts,
  to: Parts,
  at: number,
  step: number,
  rows: number,
  count: number,
): void => {
  const [xr, xi, yr, yi] = [from.re, from.im, to.re, to.im];
  for (let j = 0; j < rows; j++)
    for (let q = 0; q < count; q++) {
      yr[at + j * step + q] = xr[j * count + q] ?? 0;
      yi[at + j * step + q] = xi[j * count + q] ?? 0;
    }
};

/** Rows of a row-major array as interleaved lines. */
const copyRows = (from: Parts, at: number, length: number, to: Parts, count: number): void => {
  const [xr, xi, yr, yi] = [from.re, from.im, to.re, to.im];
  for (let q = 0; q < count; q++)
    for (let j = 0; j < length; j++) {
      yr[j * count + q] = xr[at + q * length + j] ?? 0;
      yi[j * count + q] = xi[at + q * length + j] ?? 0;
    }
};

/** n = rows · columns points: columns are transformed, turned by e^(−2πi·k·j/n), then rows; the result is transposed. */
const long = (n: number, rows: Plan, columns: Plan): Plan => {
  const [high, wide] = [rows.n, columns.n];
  // e^(−2πi·t/n) for t = hi · base + lo is the product of two roots.
  const base = 2 ** Math.ceil(Math.log2(n) / 2);
  const low = rootsOf(base, 1, n);
  const coarse = rootsOf(Math.ceil(n / base), base, n);
  const mask = base - 1;
  const shift = Math.log2(base);
  const rotate = ({ re, im }: Parts, from: number, count: number): void => {
    const [lr, li, hr, hi] = [low.re, low.im, coarse.re, coarse.im];
    for (let k = 1; k < high; k++)
      for (let q = 0; q < count; q++) {
        const t = k * (from + q);
        const [a, b] = [lr[t & mask] ?? 0, li[t & mask] ?? 0];
        const [c, d] = [hr[t >>> shift] ?? 0, hi[t >>> shift] ?? 0];
        const wr = a * c - b * d;
        const wi = a * d + b * c;
        const i = k * count + q;
        const [xr, xi] = [re[i] ?? 0, im[i] ?? 0];
        re[i] = xr * wr - xi * wi;
        im[i] = xr * wi + xi * wr;
      }
  };
  return {
    n,
    batch: 1,
    tables: 4 * base + 2 * n,
    halves: halvesOf(n),
    run(work) {
      withWork(side * Math.max(high, wide), (block) => {
        for (let j = 0; j < wide; j += side) {
          const count = Math.min(side, wide - j);
          copy(work.now, j, wide, block.now, high, count);
          rows.run(block, count);
          rotate(block.now, j, count);
          copyBack(block.now, work.now, j, wide, high, count);
        }
        for (let k = 0; k < high; k += side) {
          const count = Math.min(side, high - k);
          copyRows(work.now, k * wide, wide, block.now, count);
          columns.run(block, count);
          copyBack(block.now, work.next, k, high, wide, count);
        }
      });
      exchange(work);
    },
  };
};

/** Bluestein: with j·k = (j² + k² − (k − j)²) / 2 a transform of any length is a convolution, done by a power of two. */
const convolved = (n: number): Plan => {
  const m = 2 ** Math.ceil(Math.log2(2 * n - 1));
  const plan = planOf(m);
  const chirp: Parts = { re: new Float64Array(n), im: new Float64Array(n) };
  const kernel: Work = {
    now: { re: new Float64Array(m), im: new Float64Array(m) },
    next: { re: new Float64Array(m), im: new Float64Array(m) },
  };
  for (let j = 0; j < n; j++) {
    const [c, d] = unitRoot((j * j) % (2 * n), 2 * n);
    chirp.re[j] = c;
    chirp.im[j] = d;
    for (const at of j === 0 ? [0] : [j, m - j]) {
      kernel.now.re[at] = c / m;
      kernel.now.im[at] = -d / m;
    }
  }
  plan.run(kernel, 1);
  const spectrum = kernel.now;
  return {
    n,
    batch: plan.batch,
    tables: 4 * n + 2 * m + plan.tables,
    halves: halvesOf(n),
    run(work, batch) {
      const [xr, xi] = [work.now.re, work.now.im];
      withWork(m * batch, (big) => {
        const { re: br, im: bi } = big.now;
        for (let j = 0; j < n; j++) {
          const [c, d] = [chirp.re[j] ?? 0, chirp.im[j] ?? 0];
          for (let i = j * batch; i < (j + 1) * batch; i++) {
            const [a, b] = [xr[i] ?? 0, xi[i] ?? 0];
            br[i] = a * c - b * d;
            bi[i] = a * d + b * c;
          }
        }
        br.fill(0, n * batch, m * batch);
        bi.fill(0, n * batch, m * batch);
        plan.run(big, batch);
        const { re: fr, im: fi } = big.now;
        for (let j = 0; j < m; j++) {
          const [c, d] = [spectrum.re[j] ?? 0, spectrum.im[j] ?? 0];
          for (let i = j * batch; i < (j + 1) * batch; i++) {
            const [a, b] = [fr[i] ?? 0, fi[i] ?? 0];
            // Parts exchanged: the forward transform is then the inverse one.
            fr[i] = a * d + b * c;
            fi[i] = a * c - b * d;
          }
        }
        plan.run(big, batch);
        const { re: gi, im: gr } = big.now;
        for (let j = 0; j < n; j++) {
          const [c, d] = [chirp.re[j] ?? 0, chirp.im[j] ?? 0];
          for (let i = j * batch; i < (j + 1) * batch; i++) {
            const [a, b] = [gr[i] ?? 0, gi[i] ?? 0];
            xr[i] = a * c - b * d;
            xi[i] = a * d + b * c;
          }
        }
      });
    },
  };
};

/** So many elements of tables are kept, the least recently used plans going first. */
const keptTables = 1 << 22;
const plans = new Map<number, Plan>();

const made = (n: number): Plan => {
  const factors = factorsOf(n);
  if (factors === null) return convolved(n);
  if (n <= longest) return direct(n, factors);
  // Factors are small: both are near the square root.
  const high = middle(n, factors);
  const short = (length: number): Plan => direct(length, factorsOf(length) ?? []);
  return long(n, short(high), short(n / high));
};

/** The plan of a length from 1 on. */
export const planOf = (n: number): Plan => {
  const plan = plans.get(n) ?? made(n);
  plans.delete(n);
  plans.set(n, plan);
  let total = 0;
  for (const { tables } of plans.values()) total += tables;
  for (const [key, { tables }] of plans) {
    if (total <= keptTables || key === n) break;
    plans.delete(key);
    total -= tables;
  }
  return plan;
};

/** Singular value decomposition: reduction to a real bidiagonal matrix, then implicit QR steps. */
import { type Bidiagonal, diagonaliseBidiagonal } from "./bidiagonal.js";
import { cell, copyOf, type Mat, scratch, setAt, transposed } from "./mat.js";
import {
  accumulate,
  columnOf,
  type Reflection,
  reflection,
  reflectLeft,
  reflectRight,
} from "./reflect.js";
import { scaleRow } from "./rows.js";
import { fixPhase } from "./tridiagonal.js";
import { Turns } from "./turns.js";

interface Reduced {
  readonly d: Float64Array;
  readonly e: Float64Array;
  readonly left: readonly Reflection[];
  readonly right: readonly Reflection[];
}

/** q·b·pᴴ with a real upper bidiagonal b, for m ≥ n. */
const reduce = (a: Mat, m: number, n: number): Reduced => {
  const work = copyOf(a);
  const left: Reflection[] = [];
  const right: Reflection[] = [];
  const d = scratch(n, false).re;
  const e = scratch(n, false).re;
  for (let i = 0; i < n; i++) {
    const v = columnOf(work, n, i, m - i, i);
    const tau = cell();
    d[i] = reflection(v, 0, m - i, tau);
    left.push({ v, tau });
    const rest = n - i - 1;
    if (rest === 0) continue;
    reflectLeft(
      { a: work, stride: n, row: i, rows: m - i, column: i + 1, columns: rest },
      v,
      0,
      tau,
      true,
    );
    const from = i * n + i + 1;
    const u = scratch(rest, a.im !== null);
    for (let j = 0; j < rest; j++) setAt(u, j, work.re[from + j] ?? 0, -(work.im?.[from + j] ?? 0));
    const sigma = cell();
    e[i] = reflection(u, 0, rest, sigma);
    right.push({ v: u, tau: sigma });
    const block = { a: work, stride: n, row: i + 1, rows: m - i - 1, column: i + 1, columns: rest };
    reflectRight(block, u, 0, sigma);
  }
  return { d, e, left, right };
};

const planesOf = (a: Mat | null): readonly Float64Array[] =>
  a === null ? [] : a.im === null ? [a.re] : [a.re, a.im];

interface Factors {
  readonly converged: boolean;
  readonly s: Float64Array;
  /** Positions in `s` and rows of the others, largest value first. */
  readonly order: readonly number[];
  /** The columns of U as rows, and the rows of Vᴴ; null where not wanted. */
  readonly left: Mat | null;
  readonly right: Mat | null;
}

/** For m ≥ n; `columns` is how many columns of U are wanted, 0 for the values alone. */
const decompose = (a: Mat, m: number, n: number, columns: number): Factors => {
  const { d, e, left, right } = reduce(a, m, n);
  const complex = a.im !== null;
  const wanted = columns > 0;
  const u = wanted ? transposed(accumulate(left, m, columns, 0, complex), m, columns, false) : null;
  const v = wanted ? transposed(accumulate(right, n, n, 1, complex), n, n, true) : null;
  const b: Bidiagonal = {
    d,
    e,
    left: new Turns(planesOf(u), n, m),
    right: new Turns(planesOf(v), n, n),
  };
  const converged = diagonaliseBidiagonal(b);
  const order = Array.from(d.keys()).sort((i, j) => (d[j] ?? 0) - (d[i] ?? 0) || i - j);
  if (u !== null && v !== null && complex)
    for (const i of order) {
      const { re, im } = fixPhase(u, i, m);
      scaleRow(v, i * n, re, -im, n);
    }
  return { converged, s: d, order, left: u, right: v };
};

/** Rows of `from`, those of `order` first, as the rows of `to`. */
const placeRows = (
  to: Mat,
  from: Mat,
  order: readonly number[],
  rows: number,
  width: number,
): void => {
  for (let i = 0; i < rows; i++) {
    const at = (order[i] ?? i) * width;
    to.re.set(from.re.subarray(at, at + width), i * width);
    if (to.im !== null && from.im !== null) to.im.set(from.im.subarray(at, at + width), i * width);
  }
};

const copyTransposed = (out: Mat, a: Mat, m: number, n: number, conjugate: boolean): void => {
  const t = transposed(a, m, n, conjugate);
  out.re.set(t.re);
  if (out.im !== null && t.im !== null) out.im.set(t.im);
};

/**
 * a = u·diag(s)·vt of an m×n matrix: `s` descending, `u` with m columns and `vt` with n rows where `full`, else with
 * min(m, n). Null factors are not computed. The largest element of a column that a singular value belongs to is real in
 * `u` of a complex matrix that is not wider than high, in `vt` otherwise. False where the iteration does not converge.
 */
export const svd = (
  a: Mat,
  u: Mat | null,
  s: Mat,
  vt: Mat | null,
  m: number,
  n: number,
  full: boolean,
): boolean => {
  const wide = m < n;
  const [high, low] = wide ? [n, m] : [m, n];
  const tall = wide ? transposed(a, m, n, true) : a;
  const columns = u === null ? 0 : full ? high : low;
  const f = decompose(tall, high, low, columns);
  f.order.forEach((from, i) => {
    s.re[i] = f.s[from] ?? 0;
  });
  if (u === null || vt === null || f.left === null || f.right === null) return f.converged;
  const left = scratch(columns * high, a.im !== null);
  placeRows(left, f.left, f.order, columns, high);
  const right = scratch(low * low, a.im !== null);
  placeRows(right, f.right, f.order, low, low);
  if (wide) {
    // aᴴ = l·s·r gives a = rᴴ·s·lᴴ.
    copyTransposed(u, right, low, low, true);
    for (let i = 0; i < left.re.length; i++) setAt(vt, i, left.re[i] ?? 0, -(left.im?.[i] ?? 0));
  } else {
    copyTransposed(u, left, columns, high, false);
    placeRows(vt, right, [], low, low);
  }
  return f.converged;
};

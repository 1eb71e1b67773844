/** Reduction to Hessenberg form, and where such a matrix splits. */
import { cell, copyOf, type Mat, setAt, transposed } from "./mat.js";
import {
  accumulate,
  columnOf,
  type Reflection,
  reflection,
  reflectLeft,
  reflectRight,
} from "./reflect.js";

const epsilon = 2 ** -52;
/** Steps after which an eigenvalue counts as not found. */
export const mostSteps = 60;

/** z·h·zᴴ with zeros below the subdiagonal of h; `rows` holds the columns of z as rows, unless they are not wanted. */
export const hessenberg = (a: Mat, n: number, whole: boolean): { h: Mat; rows: Mat } => {
  const h = copyOf(a);
  const list: Reflection[] = [];
  for (let i = 0; i + 2 < n; i++) {
    const rest = n - i - 1;
    const v = columnOf(h, n, i + 1, rest, i);
    const tau = cell();
    const beta = reflection(v, 0, rest, tau);
    for (let r = i + 1; r < n; r++) setAt(h, r * n + i, r === i + 1 ? beta : 0, 0);
    reflectLeft(
      { a: h, stride: n, row: i + 1, rows: rest, column: i + 1, columns: rest },
      v,
      0,
      tau,
      true,
    );
    reflectRight({ a: h, stride: n, row: 0, rows: n, column: i + 1, columns: rest }, v, 0, tau);
    list.push({ v, tau });
  }
  if (!whole) return { h, rows: h };
  return { h, rows: transposed(accumulate(list, n, n, 1, a.im !== null), n, n, false) };
};

/** The sum of the moduli of the parts of element `i`. */
export const modulus = (a: Mat, i: number): number => {
  const re = Math.abs(a.re[i] ?? 0);
  return a.im === null ? re : re + Math.abs(a.im[i] ?? 0);
};

/** The first row of the block that ends at row `hi`; what stands left of it is set to zero. */
export const blockStart = (h: Mat, n: number, hi: number, least: number): number => {
  let lo = hi;
  for (; lo > 0; lo--) {
    const at = lo * n + lo - 1;
    const near = modulus(h, at - n) + modulus(h, lo * n + lo);
    if (modulus(h, at) <= Math.max(epsilon * near, least)) {
      setAt(h, at, 0, 0);
      break;
    }
  }
  return lo;
};

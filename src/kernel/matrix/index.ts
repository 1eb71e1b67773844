/** The matrix routines on single matrices in double precision: what they take, what they give, and which loop does it. */
import { complex64, type DType, float32, uint32 } from "../../core/dtype.js";
import { InternalError } from "../../core/errors.js";
import type { Routine } from "../../core/routine.js";
import { cholesky } from "./cholesky.js";
import { eig } from "./eig.js";
import { invert, lu, solve } from "./lu.js";
import { copyInto, copyOf, largest, type Mat, resetScratch } from "./mat.js";
import { qr } from "./qr.js";
import { scaleRow } from "./rows.js";
import { svd } from "./svd.js";
import { solveTriangular } from "./triangular.js";
import { eigh } from "./tridiagonal.js";

export type Matrices = Extract<Routine, { routine: "matrix" }>;

/** Elements per matrix and dtype of one operand or result. */
export interface Item {
  readonly size: number;
  readonly dtype: DType;
}

/** The dtype of moduli: that of the parts of complex numbers. */
export const realOf = (d: DType): DType => (d === complex64 ? float32 : d);

/** What a routine reads and writes per matrix. */
export const itemsOf = (r: Matrices): { ins: readonly Item[]; outs: readonly Item[] } => {
  const { m, n, k, dtype, option } = r;
  const least = Math.min(m, n);
  const item = (size: number, d: DType = dtype): Item => ({ size, dtype: d });
  const a = item(m * n);
  switch (r.what) {
    case "cholesky":
    case "inverse":
      return { ins: [a], outs: [a] };
    case "lu":
      return { ins: [a], outs: [a, item(least, uint32), item(m, uint32)] };
    case "solve":
    case "triangular":
      return { ins: [a, item(n * k)], outs: [item(n * k)] };
    case "qr":
      return { ins: [a], outs: [item(m * least), item(least * n)] };
    case "eigh":
      return { ins: [a], outs: [item(n, realOf(dtype)), a] };
    case "eigvalsh":
      return { ins: [a], outs: [item(n, realOf(dtype))] };
    case "eig":
      return { ins: [a], outs: [item(n, complex64), item(n * n, complex64)] };
    case "eigvals":
      return { ins: [a], outs: [item(n, complex64)] };
    case "svd": {
      const [rows, columns] = option ? [m, n] : [least, least];
      return { ins: [a], outs: [item(m * rows), item(least, realOf(dtype)), item(columns * n)] };
    }
    case "svdvals":
      return { ins: [a], outs: [item(least, realOf(dtype))] };
  }
};

const pick = (list: readonly Mat[], i: number): Mat => {
  const x = list[i];
  if (x === undefined)
    throw new InternalError(`[matrix] expected an array ${i}, got ${list.length}`);
  return x;
};

/** Which result has the size of the matrix, where squares of its elements are formed on the way. */
const sized: Readonly<Partial<Record<Matrices["what"], number>>> = {
  qr: 1,
  eigh: 0,
  eigvalsh: 0,
  eig: 0,
  eigvals: 0,
  svd: 1,
  svdvals: 0,
};

/** The power of two that brings a size near to 1, where its square would leave the range of doubles. */
const leveller = (size: number): number =>
  (size > 1e100 || size < 1e-100) && size > 0 && size < Infinity
    ? 2 ** -Math.max(-1000, Math.min(1000, Math.floor(Math.log2(size))))
    : 1;

/** Runs a routine on one matrix; false where it has no result, which then is infinite or NaN in part. */
export const runMatrix = (r: Matrices, ins: readonly Mat[], outs: readonly Mat[]): boolean => {
  resetScratch();
  const which = sized[r.what];
  const [a] = ins;
  if (which === undefined || a === undefined) return run(r, ins, outs);
  const f = leveller(largest(a));
  if (f === 1) return run(r, ins, outs);
  const level = copyOf(a);
  scaleRow(level, 0, f, 0, level.re.length);
  const done = run(r, [level], outs);
  const out = pick(outs, which);
  scaleRow(out, 0, 1 / f, 0, out.re.length);
  return done;
};

const run = (r: Matrices, ins: readonly Mat[], outs: readonly Mat[]): boolean => {
  const { m, n, k, option } = r;
  const a = pick(ins, 0);
  const first = pick(outs, 0);
  switch (r.what) {
    case "cholesky":
      cholesky(a, first, n);
      return true;
    case "lu":
      lu(a, first, pick(outs, 1), pick(outs, 2), m, n);
      return true;
    case "solve":
      return solve(a, pick(ins, 1), first, n, k);
    case "inverse":
      return invert(a, first, n);
    case "triangular":
      copyInto(first, pick(ins, 1));
      solveTriangular(a, first, n, k, option, false);
      return true;
    case "qr":
      qr(a, first, pick(outs, 1), m, n);
      return true;
    case "eigh":
      return eigh(a, first, pick(outs, 1), n);
    case "eigvalsh":
      return eigh(a, first, null, n);
    case "eig":
      return eig(a, first, pick(outs, 1), n);
    case "eigvals":
      return eig(a, first, null, n);
    case "svd":
      return svd(a, first, pick(outs, 1), pick(outs, 2), m, n, option);
    case "svdvals":
      return svd(a, null, first, null, m, n, false);
  }
};

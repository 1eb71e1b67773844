/** Factorisations that are unique up to signs and phases: what has to hold of their results, matrix by matrix. */
import {
  arrayDifference,
  type Result,
  shapeAndDTypeDifference,
  type Tolerance,
} from "./compare.js";
import { type GoldenArray, type GoldenValue, isGoldenArray, isGoldenList } from "./format.js";

/** A complex matrix as rows of pairs. */
class Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly re: Float64Array;
  readonly im: Float64Array;

  constructor(rows: number, columns: number) {
    this.rows = rows;
    this.columns = columns;
    this.re = new Float64Array(rows * columns);
    this.im = new Float64Array(rows * columns);
  }

  static of(rows: number, columns: number, f: (i: number, j: number) => [number, number]): Matrix {
    const out = new Matrix(rows, columns);
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++)
        [out.re[i * columns + j], out.im[i * columns + j]] = f(i, j);
    return out;
  }

  at(i: number, j: number): [number, number] {
    return [this.re[i * this.columns + j] ?? NaN, this.im[i * this.columns + j] ?? NaN];
  }

  times(other: Matrix): Matrix {
    return Matrix.of(this.rows, other.columns, (i, j) => {
      let [re, im] = [0, 0];
      for (let k = 0; k < this.columns; k++) {
        const [a, b] = this.at(i, k);
        const [c, d] = other.at(k, j);
        re += a * c - b * d;
        im += a * d + b * c;
      }
      return [re, im];
    });
  }

  adjoint(): Matrix {
    return Matrix.of(this.columns, this.rows, (i, j) => {
      const [re, im] = this.at(j, i);
      return [re, -im];
    });
  }

  /** The largest modulus of a difference; NaN where there is one. */
  distance(other: Matrix): number {
    let most = 0;
    for (let i = 0; i < this.re.length; i++) {
      const d = Math.hypot(
        (this.re[i] ?? NaN) - (other.re[i] ?? NaN),
        (this.im[i] ?? NaN) - (other.im[i] ?? NaN),
      );
      if (!(d <= most)) most = d;
    }
    return most;
  }
}

const identity = (n: number): Matrix => Matrix.of(n, n, (i, j) => [i === j ? 1 : 0, 0]);

/** Matrix `index` of a stack with `axes` (1 or 2) axes each; vectors become diagonals of `shape`. */
function matrixAt(a: GoldenArray, index: number): Matrix {
  const [rows = 0, columns = 0] = a.shape.slice(-2);
  const step = a.dtype === "complex64" ? 2 : 1;
  return Matrix.of(rows, columns, (i, j) => {
    const at = ((index * rows + i) * columns + j) * step;
    return [Number(a.values[at]), step === 2 ? Number(a.values[at + 1]) : 0];
  });
}

function diagonalAt(a: GoldenArray, index: number, rows: number, columns: number): Matrix {
  const n = a.shape.at(-1) ?? 0;
  const step = a.dtype === "complex64" ? 2 : 1;
  return Matrix.of(rows, columns, (i, j) => {
    if (i !== j || i >= n) return [0, 0];
    const at = (index * n + i) * step;
    return [Number(a.values[at]), step === 2 ? Number(a.values[at + 1]) : 0];
  });
}

interface Claim {
  readonly what: string;
  readonly got: Matrix;
  readonly want: Matrix;
}

const orthonormal = (what: string, q: Matrix): Claim => ({
  what: `${what} has orthonormal columns`,
  got: q.adjoint().times(q),
  want: identity(q.columns),
});

/** What has to hold of matrix `i` of the stack. */
function claims(
  fn: string,
  a: Matrix,
  parts: readonly GoldenArray[],
  i: number,
  upper: boolean,
): Claim[] {
  const [first, second, third] = parts;
  if (first === undefined || second === undefined) return [];
  switch (fn) {
    case "linalg.qr": {
      const [q, r] = [matrixAt(first, i), matrixAt(second, i)];
      const triangular = Matrix.of(r.rows, r.columns, (k, j) => (k > j ? [0, 0] : r.at(k, j)));
      return [
        { what: "Q·R is A", got: q.times(r), want: a },
        orthonormal("Q", q),
        { what: "R is upper triangular", got: r, want: triangular },
      ];
    }
    case "linalg.svd": {
      if (third === undefined) return [];
      const [u, vt] = [matrixAt(first, i), matrixAt(third, i)];
      const s = diagonalAt(second, i, u.columns, vt.rows);
      return [
        { what: "U·S·Vt is A", got: u.times(s).times(vt), want: a },
        orthonormal("U", u),
        orthonormal("V", vt.adjoint()),
      ];
    }
    case "linalg.eigh": {
      // One triangle is read.
      const read = Matrix.of(a.rows, a.columns, (k, j) => {
        const [re, im] = upper === k <= j ? a.at(k, j) : a.at(j, k);
        return [re, upper === k <= j ? im : -im];
      });
      const v = matrixAt(second, i);
      const w = diagonalAt(first, i, v.columns, v.columns);
      return [{ what: "A·V is V·w", got: read.times(v), want: v.times(w) }, orthonormal("V", v)];
    }
    case "linalg.eig": {
      const v = matrixAt(second, i);
      const w = diagonalAt(first, i, v.columns, v.columns);
      const lengths = v.adjoint().times(v);
      return [
        { what: "A·V is V·w", got: a.times(v), want: v.times(w) },
        {
          what: "columns of V have unit length",
          got: Matrix.of(v.columns, v.columns, (k, j) => (k === j ? lengths.at(k, j) : [0, 0])),
          want: identity(v.columns),
        },
      ];
    }
    default:
      return [];
  }
}

/** The position of the result that has one order, which must be that of the recorded values. */
const ordered: Readonly<Record<string, number>> = { "linalg.svd": 1, "linalg.eigh": 0 };

/** Null where a factorisation is one of `operand` and its shapes and unique parts are the recorded ones. */
export function factorisationFailure(
  fn: string,
  operand: GoldenArray,
  upper: boolean,
  got: Result,
  want: GoldenValue,
  tolerance: Tolerance,
): string | null {
  if (got.kind !== "list" || !isGoldenList(want)) return "expected several results";
  const parts: GoldenArray[] = [];
  for (const [k, item] of got.items.entries()) {
    const golden = want[k];
    if (item.kind !== "array" || !isGoldenArray(golden)) return `result ${k} is not an array`;
    const form = shapeAndDTypeDifference(item.array, golden);
    if (form !== null) return `result ${k}: ${form}`;
    if (ordered[fn] === k) {
      const found = arrayDifference(item.array, golden, tolerance);
      if (found !== null) return `result ${k}: ${found}`;
    }
    parts.push(item.array);
  }
  if (parts.length !== want.length) return `expected ${want.length} results, got ${parts.length}`;
  const precise = parts.every((p) => p.dtype === "float64");
  const [rows = 0, columns = 0] = operand.shape.slice(-2);
  const count = operand.shape.slice(0, -2).reduce((n, d) => n * d, 1);
  const unit = precise ? 2 ** -52 : 2 ** -23;
  for (let i = 0; i < count; i++) {
    const a = matrixAt(operand, i);
    const size = 1 + a.distance(new Matrix(rows, columns));
    const bound = 8 * Math.max(rows, columns) * unit * size;
    const all = claims(fn, a, parts, i, upper);
    if (all.length === 0) return `nothing is known of ${fn}`;
    for (const claim of all) {
      const off = claim.got.distance(claim.want);
      if (!(off <= bound)) return `matrix ${i}: ${claim.what} up to ${off}, expected ${bound}`;
    }
  }
  return null;
}

/** What the derivatives of factorisations are written with: triangles, diagonals, adjoints and products of stacks of matrices. */
import { complex64, type DType, float32, int32 } from "../../core/dtype.js";
import { DTypeError, ShapeError } from "../../core/errors.js";
import type { MatrixRoutine } from "../../core/routine.js";
import type { KeySink, Lowering } from "../../graph/lowering.js";
import { type Aval, type Node, type Shape, sizeOf } from "../../graph/node.js";
import { define, type Primitive, type Rule } from "../../graph/primitive.js";
import { add, divide, multiply, scale, subtract } from "../arithmetic.js";
import { sum, unreduce } from "../broadcast-sum.js";
import { cast, conjugate, real } from "../cast.js";
import { equal, less, lessEqual, select } from "../compare-select.js";
import { iota, onesLike, zerosLike } from "../constant.js";
import { at, same } from "../families/operands.js";
import { matmul } from "../matmul.js";
import { transposeLast } from "../permute.js";

/** Rows and columns of a stack of matrices. */
export const sizes = ({ shape }: Aval): readonly [m: number, n: number] => [
  at(shape, shape.length - 2),
  at(shape, shape.length - 1),
];

/** The dtype of moduli: that of the parts of complex numbers. */
export const realOf = (d: DType): DType => (d === complex64 ? float32 : d);

export const adjoint = (x: Node): Node => conjugate(transposeLast(x));

/** a·b·c… of stacks of matrices. */
export const product = (first: Node, ...rest: readonly Node[]): Node => rest.reduce(matmul, first);

const rowOf = (x: Aval): Node => iota(x.shape, x.shape.length - 2, int32);
const columnOf = (x: Aval): Node => iota(x.shape, x.shape.length - 1, int32);

/** `x` where `keep`, zero elsewhere. */
const only = (keep: Node, x: Node): Node => select(keep, x, zerosLike(x));

/** On and below the diagonal. */
export const lower = (x: Node): Node => only(lessEqual(columnOf(x), rowOf(x)), x);
export const strictLower = (x: Node): Node => only(less(columnOf(x), rowOf(x)), x);
/** On and above the diagonal. */
export const upper = (x: Node): Node => only(lessEqual(rowOf(x), columnOf(x)), x);
/** The matrix of nothing but the diagonal. */
export const diagonalPart = (x: Node): Node => only(equal(rowOf(x), columnOf(x)), x);

/** `x` with ones on the diagonal. */
export const unitDiagonal = (x: Node): Node => select(equal(rowOf(x), columnOf(x)), onesLike(x), x);

/** The diagonal of square matrices as vectors. */
export const diagonal = (x: Node): Node => sum(diagonalPart(x), [x.shape.length - 1]);
export const trace = (x: Node): Node => {
  const n = x.shape.length;
  return sum(diagonalPart(x), [n - 2, n - 1]);
};

/** A vector per matrix, repeated so that its elements belong to the columns of matrices of `shape`. */
export const overColumns = (v: Node, shape: Shape): Node => unreduce(v, shape, [shape.length - 2]);
/** The same, its elements belonging to rows. */
export const overRows = (v: Node, shape: Shape): Node => unreduce(v, shape, [shape.length - 1]);

/** Column j times element j of `v`. */
export const scaleColumns = (x: Node, v: Node): Node => multiply(x, overColumns(v, x.shape));
export const scaleRows = (x: Node, v: Node): Node => multiply(x, overRows(v, x.shape));

/** 1 / x, and 0 where x is 0. */
export const safeReciprocal = (x: Node): Node => {
  const zero = equal(x, zerosLike(x));
  return select(zero, zerosLike(x), divide(onesLike(x), select(zero, onesLike(x), x)));
};

/** 1 / (w_j - w_i) at row i and column j, and 0 where the two are equal. */
export const reciprocalGaps = (w: Node): Node => {
  const n = at(w.shape, w.shape.length - 1);
  const shape = [...w.shape, n];
  return safeReciprocal(subtract(overColumns(w, shape), overRows(w, shape)));
};

/** The Hermitian matrix that has the lower triangle of `x`, and the real part of its diagonal. */
export const fromLower = (x: Node): Node => {
  const strict = strictLower(x);
  return add(add(strict, adjoint(strict)), cast(real(diagonalPart(x)), x.dtype));
};

/** The lower triangle with half of the diagonal. */
export const halfLower = (x: Node): Node => add(strictLower(x), scale(diagonalPart(x), 0.5));

/** What a primitive over stacks of matrices states. */
export interface OnMatrices<A> {
  readonly name: string;
  readonly what: MatrixRoutine;
  readonly rule: Rule<A>;
  /** Whether the matrices have to be square. */
  readonly square: boolean;
  /** The axes behind the batch, and the dtype, of every result. */
  results(m: number, n: number, dtype: DType, attrs: A): readonly Aval[];
  /** Whether the second operand, if any, has the rows of the first. */
  readonly operands?: 2;
  option?(attrs: A): boolean;
  fault?(attrs: A): number;
  key?(attrs: A, sink: KeySink): void;
}

const requireMatrices = (name: string, square: boolean, x: Aval): void => {
  const { shape, dtype } = x;
  if (shape.length < 2 || (square && shape.at(-1) !== shape.at(-2))) {
    const wanted = square ? "square matrices" : "matrices";
    throw new ShapeError(
      `[${name}] expected ${wanted} in the last two axes, got shape [${shape.join(", ")}]: reshape it`,
    );
  }
  if (dtype.size < 4 || (dtype.kind !== "float" && dtype.kind !== "complex"))
    throw new DTypeError(
      `[${name}] expected float32, float64 or complex64, got ${dtype.name}: cast it first`,
    );
};

const requireSecond = (name: string, a: Aval, b: Aval): void => {
  const lead = (x: Aval): string => x.shape.slice(0, -1).join();
  if (b.shape.length !== a.shape.length || lead(a) !== lead(b) || a.dtype !== b.dtype)
    throw new ShapeError(
      `[${name}] expected matrices of equal batch, rows and dtype, got [${a.shape.join(", ")}] of ${a.dtype.name} and [${b.shape.join(", ")}] of ${b.dtype.name}: broadcast and cast them`,
    );
};

/** A primitive whose kernel is a matrix routine; leading axes are batch, so mapping changes nothing. */
export const onMatrices = <A>(p: OnMatrices<A>): Primitive<A> => {
  const { key } = p;
  const lowering: Lowering<A> = {
    kind: "routine",
    describe(attrs, operands) {
      const a = at(operands, 0);
      const [m, n] = sizes(a);
      return {
        routine: "matrix",
        what: p.what,
        dtype: a.dtype,
        count: sizeOf(a.shape.slice(0, -2)),
        m,
        n,
        k: p.operands === 2 ? sizes(at(operands, 1))[1] : 0,
        option: p.option?.(attrs) ?? false,
        code: p.fault?.(attrs) ?? 0,
      };
    },
  };
  return define<A>({
    name: p.name,
    rule: p.rule,
    infer(ins, attrs) {
      const a = at(ins, 0);
      requireMatrices(p.name, p.square, a);
      if (p.operands === 2) {
        const b = at(ins, 1);
        requireSecond(p.name, a, b);
        return [b];
      }
      const batch = a.shape.slice(0, -2);
      const [m, n] = sizes(a);
      return p
        .results(m, n, a.dtype, attrs)
        .map(({ shape, dtype }) => ({ shape: [...batch, ...shape], dtype }));
    },
    lift: same,
    lower: lowering,
    ...(key === undefined ? {} : { key: (attrs: A, sink: KeySink) => key(attrs, sink) }),
  });
};

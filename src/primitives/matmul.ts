/** Matrix products over equal batch axes: bilinear, so that each transpose is again a product. */
import { complex64 } from "../core/dtype.js";
import { DTypeError, ShapeError } from "../core/errors.js";
import { promote } from "../core/promotion.js";
import { bind } from "../graph/bind.js";
import { type Aval, type Node, type Shape, sameShape } from "../graph/node.js";
import { define, type Primitive } from "../graph/primitive.js";
import { add, subtract } from "./arithmetic.js";
import { reshape } from "./broadcast-sum.js";
import { cast, complex, imag, real } from "./cast.js";
import { at, same } from "./families/operands.js";
import { transposeLast } from "./permute.js";

const noBatch: Shape = [];

/** [..., m, k] · [..., k, n] = [..., m, n], of real floats. */
export const matmulP: Primitive = define<undefined>({
  name: "matmul",
  rule: {
    family: "bilinear",
    transpose: [
      (ct, other) => matmul(ct, transposeLast(other)),
      (ct, other) => matmul(transposeLast(other), ct),
    ],
  },
  infer(ins): readonly Aval[] {
    const a = at(ins, 0);
    const b = at(ins, 1);
    const rank = a.shape.length;
    const batch = rank === 2 ? noBatch : a.shape.slice(0, -2);
    if (
      rank < 2 ||
      rank !== b.shape.length ||
      a.shape[rank - 1] !== b.shape[rank - 2] ||
      (rank > 2 && !sameShape(batch, b.shape.slice(0, -2)))
    ) {
      throw new ShapeError(
        `[matmul] expected shapes [..., m, k] and [..., k, n], got [${a.shape.join(", ")}] and [${b.shape.join(", ")}]: transpose or broadcast them`,
      );
    }
    if (a.dtype !== b.dtype || a.dtype.kind !== "float") {
      throw new DTypeError(
        `[matmul] expected two arrays of one floating dtype, got ${a.dtype.name} and ${b.dtype.name}: cast them`,
      );
    }
    return [{ shape: [...batch, at(a.shape, rank - 2), at(b.shape, rank - 1)], dtype: a.dtype }];
  },
  lift: same,
  batch(ins, mapped) {
    const a = at(ins, 0);
    const b = at(ins, 1);
    // An unmapped right matrix: the mapped axis joins the rows, one large product instead of many.
    if (mapped[1] === true || b.shape.length !== 2) return null;
    const [size, m, k] = [at(a.shape, 0), at(a.shape, 1), at(a.shape, 2)];
    const product = bind(matmulP, [reshape(a, [size * m, k]), b], undefined);
    return [reshape(product, [size, m, at(b.shape, 1)])];
  },
  lower: { kind: "contract" },
});

/** The product of two stacks of matrices with equal batch axes; complex ones in four real products. */
export const matmul = (a: Node, b: Node): Node => {
  if (a.dtype === b.dtype && a.dtype !== complex64) return bind(matmulP, [a, b], undefined);
  const dtype = promote(a.dtype, b.dtype);
  const x = cast(a, dtype);
  const y = cast(b, dtype);
  if (dtype !== complex64) return bind(matmulP, [x, y], undefined);
  const [ar, ai, br, bi] = [real(x), imag(x), real(y), imag(y)];
  const re = subtract(matmul(ar, br), matmul(ai, bi));
  return complex(re, add(matmul(ar, bi), matmul(ai, br)));
};

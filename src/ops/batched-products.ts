/** Matrix products of chosen matrices, masked blocks and segments of the contracted axis. */
import { bool, type DType, int32, isInexact, isInteger, uint32 } from "../core/dtype.js";
import { ArgumentError, DTypeError, ShapeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readOptions, readPositional } from "../core/options.js";
import { promote } from "../core/promotion.js";
import { broadcastPair, broadcastsTo, showShape } from "../core/shape.js";
import type { NDArray } from "../graph/array.js";
import { type Node, type Shape, sizeOf } from "../graph/node.js";
import * as p from "../primitives/index.js";
import { matmulNodes } from "./matmul.js";
import { castTo, like, nodeOf, type Operand, spread, wrap } from "./operand.js";
import { takeNode } from "./take.js";

const requireMatrices = (op: string, a: Node, b: Node): DType => {
  if (a.shape.length < 2 || b.shape.length < 2) {
    throw new ShapeError(
      `[${op}] expected arrays with at least two axes, got shapes ${showShape(a.shape)} and ${showShape(b.shape)}`,
    );
  }
  if (a.shape.at(-1) !== b.shape.at(-2)) {
    throw new ShapeError(
      `[${op}] expected the last axis of the first as long as the second-to-last of the second, got shapes ${showShape(a.shape)} and ${showShape(b.shape)}`,
    );
  }
  const dtype = promote(a.dtype, b.dtype);
  if (!isInexact(dtype)) {
    throw new DTypeError(
      `[${op}] expected floating arrays, got ${a.dtype.name} and ${b.dtype.name}: cast with x.astype(mx.float32)`,
    );
  }
  return dtype;
};

export interface GatherMmOptions {
  /** Which matrix of `a` takes part, counted over its leading axes; by default each in order. */
  readonly lhsIndices?: NDArray | null;
  readonly rhsIndices?: NDArray | null;
  /** A promise that the indices ascend. */
  readonly sortedIndices?: boolean;
}

/** The chosen matrices of a stack: one for each of the indices, which have shape `chosen`. */
export const pickMatrices = (op: string, x: Node, indices: Node | null, chosen: Shape): Node => {
  const stack = x.shape.slice(0, -2);
  const matrix = x.shape.slice(-2);
  // Without indices the stack itself is what is chosen.
  if (indices === null) return spread(x, [...chosen, ...matrix]);
  if (!isInteger(indices.dtype)) {
    throw new DTypeError(
      `[${op}] expected integer indices, got ${indices.dtype.name}: cast with x.astype(mx.uint32)`,
    );
  }
  const found = takeNode(p.reshape(x, [sizeOf(stack), ...matrix]), indices, 0);
  return spread(found, [...chosen, ...matrix]);
};

/**
 * Products of chosen matrices: `a` and `b` are stacks of matrices, and indices into either (broadcast together) say which
 * meet. The result has the indices' shape, then rows and columns.
 *
 * @throws ShapeError for shapes that do not fit, DTypeError for integers or for indices that are not
 * @example
 * const b = mx.ones([3, 4, 5]);
 * mx.gatherMm(mx.ones([2, 4]), b, { rhsIndices: mx.array([2, 0], mx.uint32) }).shape; // [2, 2, 5]
 * @see mlx.core.gather_mm
 */
export function gatherMm(a: Operand, b: Operand, options?: GatherMmOptions): NDArray {
  const op = "gatherMm";
  const { lhsIndices, rhsIndices } = readOptions<GatherMmOptions>(op, options, [
    "lhsIndices",
    "rhsIndices",
    "sortedIndices",
  ]);
  const [x, y] = [nodeOf(op, a), nodeOf(op, b)];
  const dtype = requireMatrices(op, x, y);
  const lhs = lhsIndices == null ? null : nodeOf(op, lhsIndices);
  const rhs = rhsIndices == null ? null : nodeOf(op, rhsIndices);
  if (lhs === null && rhs === null) return wrap(matmulNodes(op, x, y));
  const chosen = broadcastPair(
    op,
    (lhs ?? x).shape.slice(0, lhs === null ? -2 : undefined),
    (rhs ?? y).shape.slice(0, rhs === null ? -2 : undefined),
  );
  const left = castTo(pickMatrices(op, x, lhs, chosen), dtype);
  const right = castTo(pickMatrices(op, y, rhs, chosen), dtype);
  return wrap(p.matmul(left, right));
}

export interface BlockMaskedMmOptions {
  /** 32 or 64 rows and columns. */
  readonly blockSize?: number;
  /** One value per block of the result: true keeps it, or a factor. */
  readonly maskOut?: NDArray | null;
  readonly maskLhs?: NDArray | null;
  readonly maskRhs?: NDArray | null;
}

/** Blocks of `x` where the mask is false become zero; a mask of numbers multiplies them. */
const maskBlocks = (
  op: string,
  name: string,
  x: Node,
  mask: NDArray | null | undefined,
  block: number,
): Node => {
  if (mask === null || mask === undefined) return x;
  const m = nodeOf(op, mask);
  const [rows = 0, columns = 0] = x.shape.slice(-2);
  const [across, down] = [Math.ceil(rows / block), Math.ceil(columns / block)];
  const lead = m.shape.slice(0, -2);
  const fits = m.shape.length >= 2 && m.shape.at(-2) === across && m.shape.at(-1) === down;
  if (!fits || !broadcastsTo(lead, x.shape.slice(0, -2))) {
    throw new ShapeError(
      `[${op}] expected ${name} with a value per block, [${across}, ${down}] for shape ${showShape(x.shape)}, got ${showShape(m.shape)}`,
    );
  }
  if (m.dtype !== bool && m.dtype.kind !== "float")
    throw new DTypeError(`[${op}] expected a boolean or floating mask, got ${m.dtype.name}`);
  const n = lead.length;
  const blocks = p.broadcast(m, [...lead, across, block, down, block], [...lead.keys(), n, n + 2]);
  const whole = p.reshape(blocks, [...lead, across * block, down * block]);
  const cut = p.slice(
    whole,
    whole.shape.map(() => 0),
    [...lead, rows, columns],
  );
  const wide = spread(cut, x.shape);
  return m.dtype === bool ? p.select(wide, x, like(x, 0)) : p.multiply(x, castTo(wide, x.dtype));
};

/**
 * Matrix product in which blocks of the operands or of the result are left out or scaled.
 *
 * @param blockSize also in one options object, `{ blockSize, maskOut, maskLhs, maskRhs }`; 64 by default
 * @throws ShapeError for shapes that do not fit, ArgumentError for a block size other than 32 and 64
 * @example
 * const off = mx.array([[false]]);
 * mx.blockMaskedMm(mx.ones([2, 3]), mx.ones([3, 2]), { blockSize: 32, maskOut: off }).tolist(); // [[0, 0], [0, 0]]
 * @see mlx.core.block_masked_mm
 */
export function blockMaskedMm(
  a: Operand,
  b: Operand,
  blockSize?: number | BlockMaskedMmOptions,
  options?: BlockMaskedMmOptions,
): NDArray {
  const op = "blockMaskedMm";
  const o = readPositional<BlockMaskedMmOptions>(op, "blockSize", blockSize, options, [
    "blockSize",
    "maskOut",
    "maskLhs",
    "maskRhs",
  ]);
  const [x, y] = [nodeOf(op, a), nodeOf(op, b)];
  const dtype = requireMatrices(op, x, y);
  const block = o.blockSize ?? 64;
  const masks = [o.maskOut, o.maskLhs, o.maskRhs].some((m) => m !== null && m !== undefined);
  if (masks && block !== 32 && block !== 64)
    throw new ArgumentError(`[${op}] expected a block size of 32 or 64, got ${describe(block)}`);
  const left = maskBlocks(op, "maskLhs", castTo(x, dtype), o.maskLhs, block);
  const right = maskBlocks(op, "maskRhs", castTo(y, dtype), o.maskRhs, block);
  return wrap(maskBlocks(op, "maskOut", matmulNodes(op, left, right), o.maskOut, block));
}

/**
 * One product for each segment of the contracted axis: entry s of the result is a[:, from:to] @ b[from:to], with `from`
 * and `to` the pair s of `segments`.
 *
 * @throws ShapeError for arrays that are not matrices or segments that are no pairs, DTypeError for segments that are not integers
 * @example
 * const segments = mx.array([[0, 2], [2, 3]], mx.uint32);
 * mx.segmentedMm(mx.ones([1, 3]), mx.ones([3, 1]), segments).tolist(); // [[[2]], [[1]]]
 * @see mlx.core.segmented_mm
 */
export function segmentedMm(a: Operand, b: Operand, segments: NDArray): NDArray {
  const op = "segmentedMm";
  const [x, y, s] = [nodeOf(op, a), nodeOf(op, b), nodeOf(op, segments)];
  const dtype = requireMatrices(op, x, y);
  if (x.shape.length !== 2 || y.shape.length !== 2 || s.shape.at(-1) !== 2) {
    throw new ShapeError(
      `[${op}] expected two matrices and segments of shape […, 2], got shapes ${showShape(x.shape)}, ${showShape(y.shape)} and ${showShape(s.shape)}`,
    );
  }
  if (!isInteger(s.dtype)) {
    throw new DTypeError(
      `[${op}] expected integer segments, got ${s.dtype.name}: cast with x.astype(mx.uint32)`,
    );
  }
  const lead = s.shape.slice(0, -1);
  const [rows = 0, depth = 0] = x.shape;
  const ends = castTo(s, s.dtype === uint32 ? uint32 : int32);
  const last = lead.length;
  const shape = [...lead, rows, depth];
  const end = (k: number): Node =>
    p.broadcast(p.reshape(p.sliceAxis(ends, last, k, k + 1), lead), shape, [...lead.keys()]);
  const at = castTo(p.iota(shape, last + 1, int32), ends.dtype);
  const inside = p.bitwiseAnd(p.lessEqual(end(0), at), p.less(at, end(1)));
  const wide = spread(castTo(x, dtype), shape);
  return wrap(matmulNodes(op, p.select(inside, wide, like(wide, 0)), castTo(y, dtype)));
}

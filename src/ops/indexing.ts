/** Reading and writing parts of arrays: `get`, `set`, `at`. */
import { float32, int32 } from "../core/dtype.js";
import { IndexError, ShapeError } from "../core/errors.js";
import { broadcastsTo, showShape } from "../core/shape.js";
import { NDArray, rebind } from "../graph/array.js";
import { type Node, type Shape, sizeOf } from "../graph/node.js";
import * as p from "../primitives/index.js";
import { type Component, type Index, readIndex } from "./index-language.js";
import { plan, read, requireMask, write } from "./index-plan.js";
import { castTo, constant, nodeOf, type Operand, spread, wrap } from "./operand.js";

/** `a[index]`: the components one after another. */
export const getItem = (a: NDArray, index: readonly Index[]): NDArray => {
  const n = a.node;
  const [only] = index;
  // The commonest form, one position, without a plan.
  if (
    index.length === 1 &&
    typeof only === "number" &&
    Number.isInteger(only) &&
    n.shape.length > 0
  ) {
    const length = n.shape[0] ?? 0;
    const at = only < 0 ? only + length : only;
    if (at < 0 || at >= length) {
      throw new IndexError(
        `[get] expected an index from ${-length} to ${length - 1} on axis 0 of shape ${showShape(n.shape)}, got ${only}`,
      );
    }
    return wrap(p.reshape(p.sliceAxis(n, 0, at, at + 1), n.shape.slice(1)));
  }
  return wrap(read(n, plan("get", readIndex(index), n.shape)));
};

/** A value as a node of `dtype` in the shape of a selection; its leading axes of length 1 count for nothing. */
const fit = (op: string, value: Operand, like: Node, shape: Shape): Node => {
  let v =
    value instanceof NDArray
      ? castTo(value.node, like.dtype)
      : castTo(nodeOf(op, value), like.dtype);
  const extra = v.shape.length - shape.length;
  if (extra > 0 && v.shape.slice(0, extra).every((x) => x === 1))
    v = p.reshape(v, v.shape.slice(extra));
  if (!broadcastsTo(v.shape, shape)) {
    throw new ShapeError(
      `[${op}] expected a value that broadcasts to the selection of shape ${showShape(shape)}, got shape ${showShape(v.shape)}`,
    );
  }
  return spread(v, shape);
};

/** Rows of `v` put in order where the mask is true. */
const fillMask = (x: Node, mask: Node, v: Node, inner: Shape): Node => {
  const outer = sizeOf(mask.shape);
  const flat = p.reshape(mask, [outer]);
  const rows = v.shape[0] ?? 0;
  if (rows === 0) {
    if (Array.from<number | bigint>(new NDArray(flat).dataSync()).includes(1)) {
      throw new ShapeError("[set] expected as many values as the mask selects, got none");
    }
    return x;
  }
  const counts = p.subtract(
    p.cumsum(castTo(flat, int32), { axis: 0, reverse: false, exclusive: false }),
    constant(1, int32, [outer]),
  );
  const at = p.select(flat, counts, constant(0, int32, [outer]));
  const chosen = p.reshape(p.gather(v, [at], [0], [1, ...inner]), [outer, ...inner]);
  const wide = spread(p.reshape(flat, [outer, ...inner.map(() => 1)]), [outer, ...inner]);
  return p.reshape(p.select(wide, chosen, p.reshape(x, [outer, ...inner])), x.shape);
};

const writeMask = (x: Node, mask: Node, value: Operand): Node => {
  requireMask("set", mask, x.shape, 0);
  if (mask.shape.length > x.shape.length) requireMask("set", mask, [], 0);
  const inner = x.shape.slice(mask.shape.length);
  const v = castTo(nodeOf("set", value), x.dtype);
  if (v.shape.length > inner.length && v.shape[0] !== 1) {
    if (v.shape.length > inner.length + 1) throw misfit(v.shape, inner);
    const rows = [v.shape[0] ?? 0, ...inner];
    if (!broadcastsTo(v.shape, rows)) throw misfit(v.shape, inner);
    return fillMask(x, mask, spread(v, rows), inner);
  }
  const wide = spread(p.reshape(mask, [...mask.shape, ...inner.map(() => 1)]), x.shape);
  return p.select(wide, spread(fit("set", value, x, inner), x.shape), x);
};

const misfit = (v: Shape, inner: Shape): ShapeError =>
  new ShapeError(
    `[set] expected a value that broadcasts to ${showShape(inner)}, or rows of it, got shape ${showShape(v)}`,
  );

const isMask = (list: readonly Component[]): Node | null => {
  const [only] = list;
  return list.length === 1 && only?.kind === "mask" ? only.node : null;
};

/** `a[index] = value`: gives the handle another node; arrays made from it before keep their values. */
export const setItem = (a: NDArray, index: Index | readonly Index[], value: Operand): NDArray => {
  const n = a.node;
  const list = readIndex(isIndexList(index) ? index : [index]);
  const mask = isMask(list);
  if (mask !== null) {
    rebind(a, writeMask(n, mask, value));
    return a;
  }
  const q = plan("set", list, n.shape);
  rebind(a, write(n, q, fit("set", value, n, q.result), "replace"));
  return a;
};

const isIndexList = (x: Index | readonly Index[]): x is readonly Index[] => Array.isArray(x);

/**
 * Functional updates of the part of an array that an index selects; the same place selected several times is updated as
 * many times.
 *
 * @see mlx.core.array.at
 */
export class ArrayAt {
  readonly #array: NDArray;
  readonly #index: readonly Component[];

  constructor(a: NDArray, index: readonly Index[]) {
    this.#array = a;
    this.#index = readIndex(index);
  }

  #write(op: string, value: Operand, mode: "replace" | "add" | "prod" | "max" | "min"): NDArray {
    const n = this.#array.node;
    const q = plan(op, this.#index, n.shape);
    return wrap(write(n, q, fit(op, value, n, q.result), mode));
  }

  /** A new array with the value put there. @example mx.zeros([2]).at(0).set(1).tolist() // [1, 0] */
  set(value: Operand): NDArray {
    return this.#write("at.set", value, "replace");
  }

  /** A new array with the value added. @example mx.zeros([2]).at([0, 0]).add(1).tolist() // [2, 0] */
  add(value: Operand): NDArray {
    return this.#write("at.add", value, "add");
  }

  /** A new array with the value subtracted. @example mx.ones([2]).at(0).subtract(3).tolist() // [-2, 1] */
  subtract(value: Operand): NDArray {
    const v = castTo(nodeOf("at.subtract", value), this.#array.dtype);
    return this.add(wrap(v.dtype.kind === "bool" ? v : p.negative(v)));
  }

  /** A new array multiplied by the value. @example mx.ones([2]).at(0).multiply(3).tolist() // [3, 1] */
  multiply(value: Operand): NDArray {
    return this.#write("at.multiply", value, "prod");
  }

  /** A new array divided by the value: multiplied by its reciprocal, which for integers is 0, as in MLX. */
  divide(value: Operand): NDArray {
    const v = castTo(nodeOf("at.divide", value), this.#array.dtype);
    const float = v.dtype.kind === "float" || v.dtype.kind === "complex";
    const x = float ? v : castTo(v, float32);
    return this.multiply(wrap(castTo(p.divide(p.onesLike(x), x), this.#array.dtype)));
  }

  /** A new array with the larger of both. @example mx.zeros([2]).at(0).maximum(3).tolist() // [3, 0] */
  maximum(value: Operand): NDArray {
    return this.#write("at.maximum", value, "max");
  }

  /** A new array with the smaller of both. @example mx.zeros([2]).at(0).minimum(-3).tolist() // [-3, 0] */
  minimum(value: Operand): NDArray {
    return this.#write("at.minimum", value, "min");
  }
}

/** Reductions that are not linear: maximum, minimum, product, and the positions of extrema. */
import { bool, complex64, uint32 } from "../core/dtype.js";
import { DTypeError, ShapeError } from "../core/errors.js";
import type { Combine } from "../core/scalar.js";
import { bind } from "../graph/bind.js";
import { type Aval, type Node, sizeOf } from "../graph/node.js";
import { define, type Primitive, type Rule, type Site, type Tangents } from "../graph/primitive.js";
import { divide, multiply } from "./arithmetic.js";
import { type AxesAttrs, dropAxes, otherAxes, reshape, sum, unreduce } from "./broadcast-sum.js";
import { cast } from "./cast.js";
import { equal } from "./compare-select.js";
import { type AxisAttrs, concatenate } from "./concatenate.js";
import { constant, floatOf, onesLike } from "./constant.js";
import { at, writeList } from "./families/operands.js";
import { takeAlong } from "./gather-scatter.js";
import { sliceAxis } from "./pad-slice.js";
import { permute } from "./permute.js";
import { cumprod } from "./scan.js";

/** `x` with its reduced axes moved to the end and made one. */
const gathered = (x: Node, axes: readonly number[]): Node => {
  const kept = otherAxes(x.shape.length, axes);
  const shape = dropAxes(x.shape, axes);
  const length = sizeOf(axes.map((d) => at(x.shape, d)));
  return reshape(permute(x, [...kept, ...axes]), [...shape, length]);
};

/** Forward the first extremum moves the result; backward ties share equally. Both as in MLX. */
const extremumRule = (find: (x: Node, axis: number) => Node): Rule<AxesAttrs> => ({
  family: "routine",
  jvp([t], site) {
    if (!t) return [null];
    const { axes } = site.attrs;
    const x = gathered(at(site.ins, 0), axes);
    const axis = x.shape.length - 1;
    const index = reshape(find(x, axis), [...x.shape.slice(0, axis), 1]);
    return [reshape(takeAlong(gathered(t, axes), index, axis), at(site.outs, 0).shape)];
  },
  reverse: {
    why: "mlx-ties",
    pull: ([ct], site) => [ct ? shareTies(ct, site) : null],
  },
});

const shareTies = (ct: Node, site: Site<AxesAttrs>): Node => {
  const x = at(site.ins, 0);
  const { axes } = site.attrs;
  const tied = equal(x, unreduce(at(site.outs, 0), x.shape, axes));
  const mask = cast(tied, floatOf(ct.dtype));
  const share = divide(ct, sum(mask, axes));
  return multiply(unreduce(share, x.shape, axes), mask);
};

/** Each element's tangent times the product of all others, from products before and after it: exact with zeros. */
const productTangent = (t: Node, site: Site<AxesAttrs>): Node => {
  const x = gathered(at(site.ins, 0), site.attrs.axes);
  const axis = x.shape.length - 1;
  const before = cumprod(x, { axis, reverse: false, exclusive: true });
  const after = cumprod(x, { axis, reverse: true, exclusive: true });
  return sum(multiply(gathered(t, site.attrs.axes), multiply(before, after)), [axis]);
};

const productRule: Rule<AxesAttrs> = {
  family: "routine",
  jvp: ([t]: Tangents, site) => [t ? productTangent(t, site) : null],
};

const reduction = (name: string, how: Combine, rule: Rule<AxesAttrs>): Primitive<AxesAttrs> =>
  define<AxesAttrs>({
    name,
    rule,
    infer(ins, attrs): readonly Aval[] {
      const x = at(ins, 0);
      return [{ shape: dropAxes(x.shape, attrs.axes), dtype: x.dtype }];
    },
    lift: (attrs) => ({ axes: attrs.axes.map((d) => d + 1) }),
    lower: { kind: "reduce", how, axes: (attrs) => attrs.axes },
    key: (attrs, sink) => writeList(sink, attrs.axes),
  });

const position = (name: string, how: "argmax" | "argmin"): Primitive<AxisAttrs> =>
  define<AxisAttrs>({
    name,
    rule: { family: "flat" },
    infer(ins, { axis }): readonly Aval[] {
      return [{ shape: dropAxes(at(ins, 0).shape, [axis]), dtype: uint32 }];
    },
    lift: (attrs) => ({ axis: attrs.axis + 1 }),
    lower: { kind: "reduce", how, axes: (attrs) => [attrs.axis] },
    key: (attrs, sink) => sink.int(attrs.axis),
  });

const flat: Rule<AxesAttrs> = { family: "flat" };

export const maxP: Primitive<AxesAttrs> = reduction(
  "max",
  "max",
  extremumRule((x, d) => argmax(x, d)),
);
export const minP: Primitive<AxesAttrs> = reduction(
  "min",
  "min",
  extremumRule((x, d) => argmin(x, d)),
);
export const prodP: Primitive<AxesAttrs> = reduction("prod", "prod", productRule);
export const anyP: Primitive<AxesAttrs> = reduction("any", "max", flat);
export const allP: Primitive<AxesAttrs> = reduction("all", "min", flat);
export const argmaxP: Primitive<AxisAttrs> = position("argmax", "argmax");
export const argminP: Primitive<AxisAttrs> = position("argmin", "argmin");

const requireOrder = (name: string, x: Node, axes: readonly number[]): void => {
  if (x.dtype === complex64)
    throw new DTypeError(`[${name}] expected a real dtype, got complex64: take mx.abs or mx.real`);
  if (sizeOf(axes.map((d) => at(x.shape, d))) === 0 && x.dtype !== bool) {
    throw new ShapeError(
      `[${name}] expected at least one element along axes ${axes.join(", ")}, got shape [${x.shape.join(", ")}]: check for emptiness first`,
    );
  }
};

/** Maximum over `axes`, which disappear; of booleans whether any is true. */
export const max = (x: Node, axes: readonly number[]): Node => {
  requireOrder("max", x, axes);
  if (axes.length === 0) return x;
  return bind(x.dtype === bool ? anyP : maxP, [x], { axes });
};

/** Minimum over `axes`, which disappear; of booleans whether all are true. */
export const min = (x: Node, axes: readonly number[]): Node => {
  requireOrder("min", x, axes);
  if (axes.length === 0) return x;
  return bind(x.dtype === bool ? allP : minP, [x], { axes });
};

/** Product over `axes`, which disappear. */
export const prod = (x: Node, axes: readonly number[]): Node => {
  if (axes.length === 0) return x;
  if (x.dtype !== complex64) return bind(prodP, [x], { axes });
  // Complex numbers have no product reduction of their own: halves are multiplied until one is left.
  let y = gathered(x, axes);
  const axis = y.shape.length - 1;
  if (at(y.shape, axis) === 0) return constant(1, x.dtype, y.shape.slice(0, axis));
  for (let n = at(y.shape, axis); n > 1; n = at(y.shape, axis)) {
    if (n % 2 === 1) y = concatenate([y, onesLike(sliceAxis(y, axis, 0, 1))], axis);
    const half = (n + (n % 2)) / 2;
    y = multiply(sliceAxis(y, axis, 0, half), sliceAxis(y, axis, half, 2 * half));
  }
  return reshape(y, y.shape.slice(0, axis));
};

/** Position of the first maximum along `axis`, uint32. */
export const argmax = (x: Node, axis: number): Node => {
  requireOrder("argmax", x, [axis]);
  return bind(argmaxP, [x], { axis });
};

/** Position of the first minimum along `axis`, uint32. */
export const argmin = (x: Node, axis: number): Node => {
  requireOrder("argmin", x, [axis]);
  return bind(argminP, [x], { axis });
};

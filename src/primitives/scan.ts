/** Running sums, products and extrema along an axis. */
import { complex64, int32 } from "../core/dtype.js";
import { DTypeError } from "../core/errors.js";
import type { Routine } from "../core/routine.js";
import { bind } from "../graph/bind.js";
import { type Node, sizeOf } from "../graph/node.js";
import { define, type Primitive, type Rule } from "../graph/primitive.js";
import { add, multiply } from "./arithmetic.js";
import { complex, imag, real } from "./cast.js";
import { equal, select } from "./compare-select.js";
import { concatenate } from "./concatenate.js";
import { iota, onesLike, zerosLike } from "./constant.js";
import { at } from "./families/operands.js";
import { takeAlong } from "./gather-scatter.js";
import { flip, sliceAxis } from "./pad-slice.js";

export interface ScanAttrs {
  readonly axis: number;
  /** From the end to the start. */
  readonly reverse: boolean;
  /** Without the element itself: starts at the identity. */
  readonly exclusive: boolean;
}

type How = "sum" | "prod" | "max" | "min";

/** `x` with each element moved one place on along `axis`, `start` coming first. */
const shifted = (x: Node, axis: number, start: Node): Node => {
  const n = at(x.shape, axis);
  return n === 0 ? x : concatenate([start, sliceAxis(x, axis, 0, n - 1)], axis);
};

const edge = (x: Node, axis: number): Node => sliceAxis(x, axis, 0, Math.min(1, at(x.shape, axis)));
const along = (x: Node, axis: number): boolean[] => x.shape.map((_, d) => d === axis);

/** Runs a forward inclusive rule on two operands turned round for `reverse`, and shifts its result for `exclusive`. */
const oriented = (
  t: Node,
  x: Node,
  { axis, reverse, exclusive }: ScanAttrs,
  rule: (t: Node, x: Node) => Node,
): Node => {
  const turn = (n: Node): Node => (reverse ? flip(n, along(n, axis)) : n);
  const y = rule(turn(t), turn(x));
  return turn(exclusive ? shifted(y, axis, zerosLike(edge(y, axis))) : y);
};

/** h_k = a_k h_(k-1) + b_k along `axis`, in log2(n) doubling steps. */
export const linearRecurrence = (a: Node, b: Node, axis: number): Node => {
  const n = at(a.shape, axis);
  let [factor, value] = [a, b];
  for (let step = 1; step < n; step *= 2) {
    const head = sliceAxis(factor, axis, 0, step);
    const back = (x: Node, start: Node): Node =>
      concatenate([start, sliceAxis(x, axis, 0, n - step)], axis);
    value = add(value, multiply(factor, back(value, zerosLike(head))));
    factor = multiply(factor, back(factor, onesLike(head)));
  }
  return value;
};

/** dy_k = x_k dy_(k-1) + t_k y_(k-1): exact where factors are zero. */
const productTangent = (tangent: Node, operand: Node, attrs: ScanAttrs): Node =>
  oriented(tangent, operand, attrs, (t, x) => {
    const before = cumprod(x, { axis: attrs.axis, reverse: false, exclusive: true });
    return linearRecurrence(x, multiply(t, before), attrs.axis);
  });

type Run = (x: Node, attrs: ScanAttrs) => Node;

/** The tangent of the latest element that equals the running extremum. */
const extremumTangent = (tangent: Node, operand: Node, attrs: ScanAttrs, run: Run): Node =>
  oriented(tangent, operand, attrs, (t, x) => {
    const plain = { axis: attrs.axis, reverse: false, exclusive: false };
    const position = iota(x.shape, attrs.axis, int32);
    const latest = select(equal(x, run(x, plain)), position, zerosLike(position));
    return takeAlong(t, cummax(latest, plain), attrs.axis);
  });

const rules: Readonly<Record<How, Rule<ScanAttrs>>> = {
  sum: {
    family: "linear",
    operands: [0],
    transpose: (ct, _avals, _others, attrs) => [cumsum(ct, { ...attrs, reverse: !attrs.reverse })],
  },
  prod: {
    family: "routine",
    jvp: ([t], site) => [t ? productTangent(t, at(site.ins, 0), site.attrs) : null],
  },
  max: {
    family: "routine",
    jvp: ([t], site) => [t ? extremumTangent(t, at(site.ins, 0), site.attrs, cummax) : null],
  },
  min: {
    family: "routine",
    jvp: ([t], site) => [t ? extremumTangent(t, at(site.ins, 0), site.attrs, cummin) : null],
  },
};

const scanP = (how: How): Primitive<ScanAttrs> =>
  define<ScanAttrs>({
    name: `cum${how}`,
    rule: rules[how],
    infer: (ins) => [at(ins, 0)],
    lift: (attrs) => ({ ...attrs, axis: attrs.axis + 1 }),
    lower: {
      kind: "routine",
      describe({ axis, reverse, exclusive }, operands): Routine {
        const { shape, dtype } = at(operands, 0);
        return {
          routine: "scan",
          dtype,
          how,
          outer: sizeOf(shape.slice(0, axis)),
          length: at(shape, axis),
          inner: sizeOf(shape.slice(axis + 1)),
          reverse,
          exclusive,
        };
      },
    },
    key(attrs, sink) {
      sink.int(attrs.axis);
      sink.int((attrs.reverse ? 1 : 0) + (attrs.exclusive ? 2 : 0));
    },
  });

export const cumsumP: Primitive<ScanAttrs> = scanP("sum");
export const cumprodP: Primitive<ScanAttrs> = scanP("prod");
export const cummaxP: Primitive<ScanAttrs> = scanP("max");
export const cumminP: Primitive<ScanAttrs> = scanP("min");

/** Running sum along `attrs.axis`. */
export const cumsum = (x: Node, attrs: ScanAttrs): Node =>
  x.dtype === complex64
    ? complex(bind(cumsumP, [real(x)], attrs), bind(cumsumP, [imag(x)], attrs))
    : bind(cumsumP, [x], attrs);

/** Running product along `attrs.axis`. */
export const cumprod = (x: Node, attrs: ScanAttrs): Node => {
  if (x.dtype !== complex64) return bind(cumprodP, [x], attrs);
  const { axis, reverse, exclusive } = attrs;
  const turn = (n: Node): Node => (reverse ? flip(n, along(n, axis)) : n);
  const v = turn(x);
  if (at(v.shape, axis) === 0) return x;
  const f = shifted(v, axis, onesLike(edge(v, axis)));
  // y_k = x_k y_(k-1) with y_(-1) = 1: all weight enters at the first place.
  const start = concatenateFirst(exclusive ? onesLike(edge(v, axis)) : edge(v, axis), v, axis);
  return turn(linearRecurrence(exclusive ? f : v, start, axis));
};

/** `head` followed by zeros in the shape of `x`. */
const concatenateFirst = (head: Node, x: Node, axis: number): Node =>
  concatenate([head, zerosLike(sliceAxis(x, axis, 1, at(x.shape, axis)))], axis);

const requireOrder = (name: string, x: Node): void => {
  if (x.dtype === complex64)
    throw new DTypeError(`[${name}] expected a real dtype, got complex64: take mx.abs or mx.real`);
};

/** Running maximum along `attrs.axis`; the latest of equal elements counts as the one that gave it. */
export const cummax = (x: Node, attrs: ScanAttrs): Node => {
  requireOrder("cummax", x);
  return bind(cummaxP, [x], attrs);
};

/** Running minimum along `attrs.axis`. */
export const cummin = (x: Node, attrs: ScanAttrs): Node => {
  requireOrder("cummin", x);
  return bind(cumminP, [x], attrs);
};

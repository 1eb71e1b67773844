/** Values without operands: a repeated scalar, and the position along an axis. */

import { type DType, float32, isInexact } from "../core/dtype.js";
import { computeTypeOf } from "../core/scalar.js";
import { bind } from "../graph/bind.js";
import type { Aval, Node, Shape } from "../graph/node.js";
import { define, type Primitive } from "../graph/primitive.js";
import { writeList } from "./families/operands.js";

/** A constant's value: the kinds `item()` gives. */
export type ConstantValue =
  | number
  | bigint
  | boolean
  | { readonly re: number; readonly im: number };

/** How a constant follows from a number of elements: less `less` but not below 0, or its reciprocal. */
export interface CountRule {
  readonly less: number;
  readonly reciprocal: boolean;
}

/** How a constant follows from the lengths of axes of another value. */
export interface ElementCount extends CountRule {
  readonly of: Node;
  readonly axes: readonly number[];
}

/** The constant for so many elements. */
export const countedValue = ({ less, reciprocal }: CountRule, elements: number): number => {
  const count = Math.max(elements - less, 0);
  return reciprocal ? 1 / count : count;
};

export interface ConstantAttrs {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly value: ConstantValue;
  /** Set while a function is traced for all lengths of axes. */
  readonly count?: ElementCount;
}

const none: readonly Node[] = [];

/** A scalar repeated over a shape. The value is an argument of kernels, so it is not part of their key. */
export const constantP: Primitive<ConstantAttrs> = define<ConstantAttrs>({
  name: "constant",
  rule: { family: "flat" },
  infer: (_ins: readonly Aval[], attrs): readonly Aval[] => [attrs],
  lift: (attrs, size) => ({ ...attrs, shape: [size, ...attrs.shape] }),
  lower: { kind: "constant", value: (attrs) => attrs.value },
  key(attrs, sink) {
    writeList(sink, attrs.shape);
    sink.int(attrs.dtype.code);
  },
});

export interface IotaAttrs {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly axis: number;
}

/** The position along `axis`. */
export const iotaP: Primitive<IotaAttrs> = define<IotaAttrs>({
  name: "iota",
  rule: { family: "flat" },
  infer: (_ins: readonly Aval[], attrs): readonly Aval[] => [attrs],
  lift: (attrs, size) => ({ ...attrs, shape: [size, ...attrs.shape], axis: attrs.axis + 1 }),
  lower: {
    kind: "indexed",
    emit(s, position, attrs) {
      const re = s.cast(computeTypeOf(attrs.dtype), position.coordinate(attrs.axis));
      return { re, im: attrs.dtype.kind === "complex" ? s.constant("f32", 0) : null };
    },
  },
  key(attrs, sink) {
    writeList(sink, attrs.shape);
    sink.int(attrs.dtype.code);
    sink.int(attrs.axis);
  },
});

/** `value` of `dtype` repeated over `shape`; 0-d by default. */
export const constant = (value: ConstantValue, dtype: DType, shape: Shape = []): Node =>
  bind(constantP, none, { shape, dtype, value });

/** The position along `axis` of an array of `shape`. */
export const iota = (shape: Shape, axis: number, dtype: DType): Node =>
  bind(iotaP, none, { shape, dtype, axis });

let counting = false;

/** Runs `body` such that constants remember which lengths they follow from. */
export const keepingCounts = <T>(keep: boolean, body: () => T): T => {
  const before = counting;
  counting = keep;
  try {
    return body();
  } finally {
    counting = before;
  }
};

/** The constant that follows from the number of elements along the counted axes, in the shape and dtype of `x`. */
export const countLike = (x: Aval, count: ElementCount): Node => {
  let elements = 1;
  for (const d of count.axes) elements *= count.of.shape[d] ?? 1;
  const { shape, dtype } = x;
  const value = countedValue(count, elements);
  return bind(constantP, none, counting ? { shape, dtype, value, count } : { shape, dtype, value });
};

/** `value` in the shape and dtype of `x`. */
export const constantLike = (x: Aval, value: ConstantValue): Node =>
  constant(value, x.dtype, x.shape);

export const zerosLike = (x: Aval): Node => constantLike(x, 0);
export const onesLike = (x: Aval): Node => constantLike(x, 1);

/** The float dtype that an operation with results between whole numbers computes in. */
export const floatOf = (d: DType): DType => (isInexact(d) ? d : float32);

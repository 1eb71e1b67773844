/** Slices and zero padding: the transpose of a strided slice is padding between the elements, and back. */
import { ShapeError } from "../core/errors.js";
import { bind } from "../graph/bind.js";
import type { Aval, Node, Shape } from "../graph/node.js";
import { define, type Primitive } from "../graph/primitive.js";
import { at, writeList } from "./families/operands.js";

const first = [0] as const;

export interface SliceAttrs {
  readonly start: readonly number[];
  /** Never 0; a negative one reads backwards. */
  readonly step: readonly number[];
  readonly shape: Shape;
}

export const sliceP: Primitive<SliceAttrs> = define<SliceAttrs>({
  name: "slice",
  rule: {
    family: "linear",
    operands: first,
    transpose(ct, avals, _others, attrs) {
      const { shape } = at(avals, 0);
      // Backwards axes are turned round first, so that the padding goes forwards.
      const back = attrs.step.map((k) => k < 0);
      const low = attrs.start.map((start, d) => {
        const n = at(attrs.shape, d);
        if (n === 0) return 0;
        return at(back, d) ? start + (n - 1) * at(attrs.step, d) : start;
      });
      const interior = attrs.step.map((k, d) => (at(attrs.shape, d) > 1 ? Math.abs(k) - 1 : 0));
      return [padTo(flip(ct, back), low, interior, shape)];
    },
  },
  infer(ins, attrs): readonly Aval[] {
    const x = at(ins, 0);
    for (let d = 0; d < x.shape.length; d++) {
      const n = at(attrs.shape, d);
      const a = at(attrs.start, d);
      const b = a + (n - 1) * at(attrs.step, d);
      const length = at(x.shape, d);
      if (n > 0 && (a < 0 || a >= length || b < 0 || b >= length)) {
        throw new ShapeError(
          `[slice] expected positions below ${length} on axis ${d}, got ${a} to ${b}: clamp them first`,
        );
      }
    }
    return [{ shape: attrs.shape, dtype: x.dtype }];
  },
  lift: (attrs, size) => ({
    start: [0, ...attrs.start],
    step: [1, ...attrs.step],
    shape: [size, ...attrs.shape],
  }),
  lower: {
    kind: "view",
    view: (attrs) => ({ op: "slice", start: attrs.start, step: attrs.step }),
  },
  key(attrs, sink) {
    writeList(sink, attrs.shape);
    sink.ints(attrs.start);
    sink.ints(attrs.step);
  },
});

export interface PadAttrs {
  readonly low: readonly number[];
  /** Zeros between neighbouring elements. */
  readonly interior: readonly number[];
  /** Of the result; what is left after `low` and the elements is padding at the end. */
  readonly shape: Shape;
}

export const padP: Primitive<PadAttrs> = define<PadAttrs>({
  name: "pad",
  rule: {
    family: "linear",
    operands: first,
    transpose(ct, avals, _others, attrs) {
      const step = attrs.interior.map((k) => k + 1);
      return [slice(ct, attrs.low, at(avals, 0).shape, step)];
    },
  },
  infer(ins, attrs): readonly Aval[] {
    const x = at(ins, 0);
    for (let d = 0; d < x.shape.length; d++) {
      const n = at(x.shape, d);
      const need = n === 0 ? 0 : at(attrs.low, d) + (n - 1) * (at(attrs.interior, d) + 1) + 1;
      if (at(attrs.low, d) < 0 || need > at(attrs.shape, d)) {
        throw new ShapeError(
          `[pad] expected room for ${need} on axis ${d}, got ${at(attrs.shape, d)}: slice instead of padding by a negative width`,
        );
      }
    }
    return [{ shape: attrs.shape, dtype: x.dtype }];
  },
  lift: (attrs, size) => ({
    low: [0, ...attrs.low],
    interior: [0, ...attrs.interior],
    shape: [size, ...attrs.shape],
  }),
  lower: {
    kind: "view",
    view: (attrs) => ({ op: "pad", low: attrs.low, interior: attrs.interior }),
  },
  key(attrs, sink) {
    writeList(sink, attrs.shape);
    sink.ints(attrs.low);
    sink.ints(attrs.interior);
  },
});

/** Element `i` of the result, of `shape`, is element `start + i·step`, per axis. */
export const slice = (
  x: Node,
  start: readonly number[],
  shape: Shape,
  step: readonly number[] = shape.map(() => 1),
): Node => {
  const whole = shape.every((n, d) => n === x.shape[d] && start[d] === 0 && step[d] === 1);
  return whole ? x : bind(sliceP, [x], { start, step, shape });
};

/** Positions `from` to `to` (exclusive) along one axis. */
export const sliceAxis = (x: Node, axis: number, from: number, to: number): Node =>
  slice(
    x,
    x.shape.map((_, d) => (d === axis ? from : 0)),
    x.shape.map((n, d) => (d === axis ? to - from : n)),
  );

/** `x` backwards along the axes marked true. */
export const flip = (x: Node, along: readonly boolean[]): Node =>
  along.includes(true)
    ? slice(
        x,
        x.shape.map((n, d) => (at(along, d) && n > 0 ? n - 1 : 0)),
        x.shape,
        along.map((b) => (b ? -1 : 1)),
      )
    : x;

/** Zeros before (`low`) and between (`interior`) the elements, and after them up to `shape`. */
export const padTo = (
  x: Node,
  low: readonly number[],
  interior: readonly number[],
  shape: Shape,
): Node => {
  const whole = shape.every((n, d) => n === x.shape[d] && low[d] === 0);
  return whole ? x : bind(padP, [x], { low, interior, shape });
};

/** Zeros before, after and between the elements; all widths at least 0. */
export const pad = (
  x: Node,
  low: readonly number[],
  high: readonly number[],
  interior: readonly number[] = low.map(() => 0),
): Node => {
  const shape = x.shape.map(
    (n, d) => at(low, d) + at(high, d) + n + Math.max(n - 1, 0) * at(interior, d),
  );
  return padTo(x, low, interior, shape);
};

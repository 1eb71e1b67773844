/** Fourier transforms along one axis: complex, of real numbers to half of the coefficients, and back; closed under transposition. */
import { complex64, type DType, float32 } from "../core/dtype.js";
import { DTypeError, ShapeError } from "../core/errors.js";
import type { FourierSizes, Routine } from "../core/routine.js";
import { bind } from "../graph/bind.js";
import { type Aval, type Node, sizeOf } from "../graph/node.js";
import { define, type Primitive } from "../graph/primitive.js";
import { at } from "./families/operands.js";

/** What it computes is told by `FourierSizes`. */
export interface FftAttrs {
  readonly axis: number;
  readonly what: FourierSizes["what"];
  /** How many points. */
  readonly n: number;
  /** The sum is divided by n to this power. */
  readonly power: 0 | 0.5 | 1;
  readonly doubled: boolean;
}

const halfOf = (n: number): number => Math.floor(n / 2) + 1;

/** The adjoint of each; the weights of coefficients stay with them. */
const adjoints = { forward: "inverse", inverse: "forward", real: "half", half: "real" } as const;
const codes = { forward: 0, inverse: 1, real: 2, half: 3 } as const;

const given = ({ what, n }: FftAttrs): { length: number; dtype: DType } => ({
  length: what === "half" ? halfOf(n) : n,
  dtype: what === "real" ? float32 : complex64,
});

export const fftP: Primitive<FftAttrs> = define<FftAttrs>({
  name: "fft",
  rule: {
    family: "linear",
    operands: "all",
    transpose: (ct, _avals, _others, attrs) => [
      bind(fftP, [ct], { ...attrs, what: adjoints[attrs.what] }),
    ],
  },
  infer(ins, attrs): readonly Aval[] {
    const x = at(ins, 0);
    const { axis, what, n } = attrs;
    const { length, dtype } = given(attrs);
    if (x.dtype !== dtype)
      throw new DTypeError(`[fft] expected ${dtype.name}, got ${x.dtype.name}: cast it first`);
    if (n < 1 || x.shape[axis] !== length)
      throw new ShapeError(
        `[fft] expected ${length} elements along axis ${axis} for ${n} points, got shape [${x.shape.join(", ")}]: cut or pad it`,
      );
    const shape = x.shape.map((size, d) => {
      if (d !== axis) return size;
      return what === "real" ? halfOf(n) : n;
    });
    return [{ shape, dtype: what === "half" ? float32 : complex64 }];
  },
  lift: (attrs) => ({ ...attrs, axis: attrs.axis + 1 }),
  lower: {
    kind: "routine",
    describe({ axis, what, n, power, doubled }, operands): Routine {
      const { shape, dtype } = at(operands, 0);
      return {
        routine: "fourier",
        dtype,
        what,
        n,
        outer: sizeOf(shape.slice(0, axis)),
        inner: sizeOf(shape.slice(axis + 1)),
        scale: n ** -power,
        doubled,
      };
    },
  },
  key({ axis, what, n, power, doubled }, sink) {
    sink.ints([axis, codes[what], n, 2 * power, doubled ? 1 : 0]);
  },
});

/** Which way a complex transform goes, and what its sum is divided by. */
export interface Transform {
  readonly inverse: boolean;
  readonly power: 0 | 0.5 | 1;
}

/** The transform of all elements along `axis`. */
export const fft = (x: Node, axis: number, { inverse, power }: Transform): Node => {
  const n = at(x.shape, axis);
  const what = inverse ? "inverse" : "forward";
  return bind(fftP, [x], { axis, what, n, power, doubled: false });
};

/** The first ⌊n/2⌋ + 1 coefficients of real numbers. */
export const rfft = (x: Node, axis: number, power: Transform["power"]): Node =>
  bind(fftP, [x], { axis, what: "real", n: at(x.shape, axis), power, doubled: false });

/** `n` real numbers from their first ⌊n/2⌋ + 1 coefficients. */
export const irfft = (x: Node, axis: number, n: number, power: Transform["power"]): Node =>
  bind(fftP, [x], { axis, what: "half", n, power, doubled: true });

/** Convolutions, channels last: over one, two or three axes, transposed, general, and of plain sequences. */
import { ArgumentError, DTypeError, ShapeError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readOptions, readPositional } from "../core/options.js";
import { promote } from "../core/promotion.js";
import { showShape } from "../core/shape.js";
import type { NDArray } from "../graph/array.js";
import type { Node } from "../graph/node.js";
import * as p from "../primitives/index.js";
import { castTo, nodeOf, type Operand, wrap } from "./operand.js";

/** One number for every spatial axis, or one per axis. */
export type PerAxis = number | readonly number[];

export interface ConvOptions {
  readonly stride?: PerAxis;
  readonly padding?: PerAxis;
  readonly dilation?: PerAxis;
  readonly groups?: number;
}

export interface ConvTransposeOptions extends ConvOptions {
  /** Added at the end of each spatial axis of the result. */
  readonly outputPadding?: PerAxis;
}

export interface ConvGeneralOptions {
  readonly stride?: PerAxis;
  /** One width, one per axis, or a list of widths before and one of widths after. Negative ones leave elements out. */
  readonly padding?: PerAxis | readonly [readonly number[], readonly number[]];
  readonly kernelDilation?: PerAxis;
  readonly inputDilation?: PerAxis;
  readonly groups?: number;
  /** Weights are read backwards: convolution in the mathematical sense. */
  readonly flip?: boolean;
}

const readPerAxis = (
  op: string,
  name: string,
  given: unknown,
  axes: number,
  least: number,
): readonly number[] => {
  const list: readonly unknown[] = Array.isArray(given)
    ? given.length === 1
      ? new Array<unknown>(axes).fill(given[0])
      : given
    : new Array<unknown>(axes).fill(given);
  const out = list.filter(
    (x): x is number => typeof x === "number" && Number.isInteger(x) && x >= least,
  );
  if (list.length !== axes || out.length !== axes) {
    throw new ArgumentError(
      `[${op}] expected ${name} as a whole number${least > Number.MIN_SAFE_INTEGER ? ` from ${least}` : ""} or ${axes} of them, got ${Array.isArray(given) ? showShape(given) : describe(given)}`,
    );
  }
  return out;
};

const anyWidth = Number.MIN_SAFE_INTEGER;

interface Geometry {
  readonly stride: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly dilation: readonly number[];
  readonly spread: readonly number[];
  readonly groups: number;
  readonly flip: boolean;
}

/** Input and weight in their common dtype, their shapes checked. */
const readOperands = (
  op: string,
  input: Operand,
  weight: Operand,
  axes: number | null,
): readonly [Node, Node] => {
  const x = nodeOf(op, input);
  const w = nodeOf(op, weight);
  const dtype = promote(x.dtype, w.dtype);
  if (dtype.kind !== "float") {
    throw new DTypeError(
      `[${op}] expected floating arrays, got ${x.dtype.name} and ${w.dtype.name}: cast with x.astype(mx.float32)`,
    );
  }
  const spatial = x.shape.length - 2;
  if (axes === null ? spatial < 1 : spatial !== axes) {
    throw new ShapeError(
      `[${op}] expected an input of shape [n, ${axes === null ? "…" : "…, ".repeat(axes).slice(0, -2)}, channels], got ${showShape(x.shape)}: add an axis with mx.expandDims`,
    );
  }
  if (w.shape.length !== x.shape.length) {
    throw new ShapeError(
      `[${op}] expected a weight with ${x.shape.length} axes, outputs first and inputs last, got shape ${showShape(w.shape)}`,
    );
  }
  return [castTo(x, dtype), castTo(w, dtype)];
};

const requireChannels = (op: string, x: Node, w: Node, groups: number): void => {
  if (!Number.isInteger(groups) || groups < 1)
    throw new ArgumentError(`[${op}] expected groups from 1, got ${describe(groups)}`);
  const [inputs = 0] = x.shape.slice(-1);
  const [outputs = 0] = w.shape;
  const misfit = (what: string): ShapeError =>
    new ShapeError(
      `[${op}] expected ${what}, got input ${showShape(x.shape)}, weight ${showShape(w.shape)} and ${groups} groups: a weight is [outputs, …, inputs / groups]`,
    );
  if (inputs % groups !== 0) throw misfit("input channels that fall into the groups");
  if (outputs % groups !== 0) throw misfit("output channels that fall into the groups");
  if (w.shape.at(-1) !== inputs / groups) throw misfit("the input's channels in the weight");
};

/** Checked shapes to the primitive. */
const checked = (op: string, x: Node, w: Node, g: Geometry): NDArray => {
  requireChannels(op, x, w, g.groups);
  const kernel = w.shape.slice(1, -1);
  const out = kernel.map((size, i) => {
    const length = x.shape[i + 1] ?? 0;
    const [stride = 1, low = 0, high = 0] = [g.stride[i], g.low[i], g.high[i]];
    const [dilation = 1, spread = 1] = [g.dilation[i], g.spread[i]];
    const whole = (length > 0 ? (length - 1) * spread + 1 : 0) + low + high;
    const reach = (size - 1) * dilation + 1;
    if (size < 1 || whole < reach) {
      throw new ShapeError(
        `[${op}] expected a padded input at least as long as the weight, got ${whole} elements for ${reach} on spatial axis ${i} of input ${showShape(x.shape)} and weight ${showShape(w.shape)}: pad more`,
      );
    }
    return Math.floor((whole - reach) / stride) + 1;
  });
  const { stride, low, dilation, spread, groups, flip } = g;
  return wrap(p.convolution(x, w, { batch: 0, groups, flip, stride, low, dilation, spread, out }));
};

const ones = (axes: number): number[] => new Array<number>(axes).fill(1);

const plain = (
  op: string,
  axes: number,
  input: Operand,
  weight: Operand,
  stride: PerAxis | ConvOptions | undefined,
  options: ConvOptions | undefined,
): NDArray => {
  const o = readPositional<ConvOptions>(op, "stride", stride, options, [
    "stride",
    "padding",
    "dilation",
    "groups",
  ]);
  const [x, w] = readOperands(op, input, weight, axes);
  const padding = readPerAxis(op, "padding", o.padding ?? 0, axes, anyWidth);
  return checked(op, x, w, {
    stride: readPerAxis(op, "stride", o.stride ?? 1, axes, 1),
    low: padding,
    high: padding,
    dilation: readPerAxis(op, "dilation", o.dilation ?? 1, axes, 1),
    spread: ones(axes),
    groups: o.groups ?? 1,
    flip: false,
  });
};

const transposed = (
  op: string,
  axes: number,
  input: Operand,
  weight: Operand,
  stride: PerAxis | ConvTransposeOptions | undefined,
  options: ConvTransposeOptions | undefined,
): NDArray => {
  const o = readPositional<ConvTransposeOptions>(op, "stride", stride, options, [
    "stride",
    "padding",
    "dilation",
    "outputPadding",
    "groups",
  ]);
  const [x, w] = readOperands(op, input, weight, axes);
  const padding = readPerAxis(op, "padding", o.padding ?? 0, axes, anyWidth);
  const dilation = readPerAxis(op, "dilation", o.dilation ?? 1, axes, 1);
  const extra = readPerAxis(op, "outputPadding", o.outputPadding ?? 0, axes, anyWidth);
  const low = padding.map((width, i) => (dilation[i] ?? 1) * ((w.shape[i + 1] ?? 1) - 1) - width);
  return checked(op, x, w, {
    stride: ones(axes),
    low,
    high: low.map((width, i) => width + (extra[i] ?? 0)),
    dilation,
    spread: readPerAxis(op, "stride", o.stride ?? 1, axes, 1),
    groups: o.groups ?? 1,
    flip: true,
  });
};

/**
 * Cross-correlation along one axis: input [n, length, c], weight [outputs, k, c / groups], result [n, length', outputs].
 *
 * @param stride also in one options object, `{ stride, padding, dilation, groups }`
 * @throws DTypeError for arrays that are not floating, ShapeError for shapes that do not fit, ArgumentError for bad options
 * @example mx.conv1d(mx.ones([1, 5, 2]), mx.ones([3, 3, 2]), { padding: 1 }).shape // [1, 5, 3]
 * @see mlx.core.conv1d
 */
export function conv1d(
  input: Operand,
  weight: Operand,
  stride?: PerAxis | ConvOptions,
  options?: ConvOptions,
): NDArray {
  return plain("conv1d", 1, input, weight, stride, options);
}

/**
 * Cross-correlation over two axes: input [n, h, w, c], weight [outputs, kh, kw, c / groups], result [n, h', w', outputs].
 *
 * @param stride also in one options object, `{ stride, padding, dilation, groups }`
 * @throws DTypeError for arrays that are not floating, ShapeError for shapes that do not fit, ArgumentError for bad options
 * @example mx.conv2d(mx.ones([1, 5, 5, 2]), mx.ones([3, 3, 3, 2]), { stride: 2 }).shape // [1, 2, 2, 3]
 * @see mlx.core.conv2d
 */
export function conv2d(
  input: Operand,
  weight: Operand,
  stride?: PerAxis | ConvOptions,
  options?: ConvOptions,
): NDArray {
  return plain("conv2d", 2, input, weight, stride, options);
}

/**
 * Cross-correlation over three axes: input [n, d, h, w, c], weight [outputs, kd, kh, kw, c / groups].
 *
 * @param stride also in one options object, `{ stride, padding, dilation, groups }`
 * @throws DTypeError for arrays that are not floating, ShapeError for shapes that do not fit, ArgumentError for bad options
 * @example mx.conv3d(mx.ones([1, 4, 4, 4, 1]), mx.ones([2, 3, 3, 3, 1])).shape // [1, 2, 2, 2, 2]
 * @see mlx.core.conv3d
 */
export function conv3d(
  input: Operand,
  weight: Operand,
  stride?: PerAxis | ConvOptions,
  options?: ConvOptions,
): NDArray {
  return plain("conv3d", 3, input, weight, stride, options);
}

/**
 * Transposed convolution along one axis: input [n, length, c], weight [outputs, k, c / groups], result of length
 * (length - 1) · stride - 2 · padding + dilation · (k - 1) + outputPadding + 1.
 *
 * @param stride also in one options object, `{ stride, padding, dilation, outputPadding, groups }`
 * @throws DTypeError for arrays that are not floating, ShapeError for shapes that do not fit, ArgumentError for bad options
 * @example mx.convTranspose1d(mx.ones([1, 5, 2]), mx.ones([3, 3, 2]), { stride: 2 }).shape // [1, 11, 3]
 * @see mlx.core.conv_transpose1d
 */
export function convTranspose1d(
  input: Operand,
  weight: Operand,
  stride?: PerAxis | ConvTransposeOptions,
  options?: ConvTransposeOptions,
): NDArray {
  return transposed("convTranspose1d", 1, input, weight, stride, options);
}

/**
 * Transposed convolution over two axes: input [n, h, w, c], weight [outputs, kh, kw, c / groups].
 *
 * @param stride also in one options object, `{ stride, padding, dilation, outputPadding, groups }`
 * @throws DTypeError for arrays that are not floating, ShapeError for shapes that do not fit, ArgumentError for bad options
 * @example mx.convTranspose2d(mx.ones([1, 2, 2, 1]), mx.ones([3, 2, 2, 1]), { stride: 2 }).shape // [1, 4, 4, 3]
 * @see mlx.core.conv_transpose2d
 */
export function convTranspose2d(
  input: Operand,
  weight: Operand,
  stride?: PerAxis | ConvTransposeOptions,
  options?: ConvTransposeOptions,
): NDArray {
  return transposed("convTranspose2d", 2, input, weight, stride, options);
}

/**
 * Transposed convolution over three axes: input [n, d, h, w, c], weight [outputs, kd, kh, kw, c / groups].
 *
 * @param stride also in one options object, `{ stride, padding, dilation, outputPadding, groups }`
 * @throws DTypeError for arrays that are not floating, ShapeError for shapes that do not fit, ArgumentError for bad options
 * @example mx.convTranspose3d(mx.ones([1, 2, 2, 2, 1]), mx.ones([3, 2, 2, 2, 1])).shape // [1, 3, 3, 3, 3]
 * @see mlx.core.conv_transpose3d
 */
export function convTranspose3d(
  input: Operand,
  weight: Operand,
  stride?: PerAxis | ConvTransposeOptions,
  options?: ConvTransposeOptions,
): NDArray {
  return transposed("convTranspose3d", 3, input, weight, stride, options);
}

/**
 * Convolution over any number of axes, with dilation of both sides, uneven padding and flipped weights.
 *
 * @param stride also in one options object, `{ stride, padding, kernelDilation, inputDilation, groups, flip }`
 * @throws DTypeError for arrays that are not floating, ShapeError for shapes that do not fit, ArgumentError for bad options
 * @example mx.convGeneral(mx.ones([1, 5, 2]), mx.ones([3, 3, 2]), { padding: [[2], [0]] }).shape // [1, 5, 3]
 * @see mlx.core.conv_general
 */
export function convGeneral(
  input: Operand,
  weight: Operand,
  stride?: PerAxis | ConvGeneralOptions,
  options?: ConvGeneralOptions,
): NDArray {
  const op = "convGeneral";
  const o = readPositional<ConvGeneralOptions>(op, "stride", stride, options, [
    "stride",
    "padding",
    "kernelDilation",
    "inputDilation",
    "groups",
    "flip",
  ]);
  const [x, w] = readOperands(op, input, weight, null);
  const axes = x.shape.length - 2;
  const width: unknown = o.padding ?? 0;
  const sides: readonly unknown[] =
    Array.isArray(width) && width.length === 2 && width.every(Array.isArray)
      ? width
      : [width, width];
  return checked(op, x, w, {
    stride: readPerAxis(op, "stride", o.stride ?? 1, axes, 1),
    low: readPerAxis(op, "padding", sides[0], axes, anyWidth),
    high: readPerAxis(op, "padding", sides[1], axes, anyWidth),
    dilation: readPerAxis(op, "kernelDilation", o.kernelDilation ?? 1, axes, 1),
    spread: readPerAxis(op, "inputDilation", o.inputDilation ?? 1, axes, 1),
    groups: o.groups ?? 1,
    flip: o.flip ?? false,
  });
}

export interface ConvolveOptions {
  /** "full": all overlaps; "valid": whole ones; "same": as many as the longer sequence has elements. */
  readonly mode?: "full" | "valid" | "same";
}

/**
 * Convolution of two sequences, the second reversed.
 *
 * @throws DTypeError for arrays that are not floating, ShapeError for empty ones or more than one axis, ArgumentError for another mode
 * @example mx.convolve(mx.array([1, 2, 3]), mx.array([0, 1])).tolist() // [0, 1, 2, 3]
 * @see mlx.core.convolve
 */
export function convolve(a: Operand, v: Operand, options?: ConvolveOptions): NDArray {
  const { mode = "full" } = readOptions<ConvolveOptions>("convolve", options, ["mode"]);
  const [x, y] = [nodeOf("convolve", a), nodeOf("convolve", v)];
  const dtype = promote(x.dtype, y.dtype);
  if (dtype.kind !== "float") {
    throw new DTypeError(
      `[convolve] expected floating arrays, got ${x.dtype.name} and ${y.dtype.name}: cast with x.astype(mx.float32)`,
    );
  }
  const [n = 0, k = 0] = [x.shape[0], y.shape[0]];
  if (x.shape.length !== 1 || y.shape.length !== 1 || n === 0 || k === 0) {
    throw new ShapeError(
      `[convolve] expected two sequences with elements, got shapes ${showShape(x.shape)} and ${showShape(y.shape)}`,
    );
  }
  const [long, short] = n < k ? [y, x] : [x, y];
  const [length, size] = n < k ? [k, n] : [n, k];
  let low: number;
  let out: number;
  if (mode === "full") [low, out] = [size - 1, length + size - 1];
  else if (mode === "valid") [low, out] = [0, length - size + 1];
  else if (mode === "same") [low, out] = [Math.floor(size / 2), length];
  else {
    throw new ArgumentError(
      `[convolve] expected mode "full", "valid" or "same", got ${describe(mode)}`,
    );
  }
  const sequence = (s: Node): Node => castTo(p.reshape(s, [1, ...s.shape, 1]), dtype);
  const one = [1];
  const result = p.convolution(sequence(long), sequence(short), {
    batch: 0,
    groups: 1,
    flip: true,
    stride: one,
    low: [low],
    dilation: one,
    spread: one,
    out: [out],
  });
  return wrap(p.reshape(result, [out]));
}

/** Recurrent layers: a step repeated along the axis before the last. */
import { ArgumentError, ShapeError } from "../../core/errors.js";
import { describe } from "../../core/guards.js";
import { readOptions, readPositional } from "../../core/options.js";
import { promote } from "../../core/promotion.js";
import { showShape } from "../../core/shape.js";
import { isNDArray, type NDArray } from "../../graph/array.js";
import { add, multiply, subtract } from "../../ops/arithmetic.js";
import { astype } from "../../ops/convert.js";
import { zeros } from "../../ops/create.js";
import { addmm, matmul } from "../../ops/matmul.js";
import { broadcastTo, moveaxis, transpose } from "../../ops/shape.js";
import { sigmoid, tanh } from "../../ops/transcendental.js";
import { uniform } from "../../random/uniform.js";
import { scan } from "../../transforms/control/scan.js";
import { Module } from "../module/module.js";
import { between } from "../parts.js";
import { requireCount, shown } from "./arguments.js";
import { type BiasOptions, readBias } from "./linear.js";
import { applyLayer, isUnaryLayer, type UnaryLayer } from "./sequential.js";

/** Options of {@link RNN}. */
export interface RNNOptions extends BiasOptions {
  /** A function or module of one array; tanh by default. */
  readonly nonlinearity?: UnaryLayer | null;
}

/** Options of a call: what came before the first step. */
export interface RecurrentCallOptions {
  readonly hidden?: NDArray | null;
}

/** The same for {@link LSTM}. */
export interface LSTMCallOptions extends RecurrentCallOptions {
  readonly cell?: NDArray | null;
}

/** Arrays before the first step, by position or by name; absent is none. */
const readStart = (
  op: string,
  given: NDArray | null | undefined | LSTMCallOptions,
  cell: NDArray | null | undefined,
  names: readonly (keyof LSTMCallOptions & string)[],
): { readonly hidden: NDArray | null; readonly cell: NDArray | null } => {
  if (given === null || given === undefined || isNDArray(given))
    return { hidden: given ?? null, cell: cell ?? null };
  const o = readOptions<LSTMCallOptions>(op, given, names);
  return { hidden: o.hidden ?? null, cell: o.cell ?? null };
};

/** x · weightᵀ + bias for all steps at once. */
const project = (op: string, x: NDArray, weight: NDArray, bias: NDArray | undefined): NDArray => {
  if (x.ndim < 2 || x.shape.at(-1) !== weight.shape[1]) {
    throw new ShapeError(
      `[${op}] expected an array […, steps, ${weight.shape[1]}], got shape ${showShape(x.shape)}: check inputSize`,
    );
  }
  if (x.shape.at(-2) === 0)
    throw new ShapeError(`[${op}] expected at least one step, got shape ${showShape(x.shape)}`);
  const w = transpose(weight);
  return bias === undefined ? matmul(x, w) : addmm(bias, x, w);
};

/** A state before the first step: of shape [..., size] for rows [..., steps, n], zeros where none is given. */
const startOf = (
  rows: NDArray,
  weight: NDArray,
  size: number,
  given: readonly (NDArray | null)[],
): readonly NDArray[] => {
  const types = [weight, ...given.filter((a) => a !== null)].map((a) => a.dtype);
  const dtype = types.reduce(promote, rows.dtype);
  const shape = [...rows.shape.slice(0, -2), size];
  return given.map((a) =>
    a === null ? zeros(shape, dtype) : broadcastTo(astype(a, dtype), shape),
  );
};

/**
 * Runs a step along the axis before the last of `x`, [..., steps, n]; `start` has a state of shape [..., size] for each that the
 * step hands on. All states are kept along that axis.
 */
const recur = (
  x: NDArray,
  step: (row: NDArray, before: readonly NDArray[]) => readonly NDArray[],
  start: readonly NDArray[],
): readonly NDArray[] => {
  const [, all] = scan(
    (before: readonly NDArray[], row: NDArray) => {
      const states = step(row, before);
      return [states, states];
    },
    start,
    moveaxis(x, -2, 0),
  );
  return all.map((a) => moveaxis(a, 0, -2));
};

/**
 * An Elman network: h ← nonlinearity(x · Wxhᵀ + h · Whhᵀ + bias) along the axis before the last. Gives all hidden states.
 *
 * @param bias also in one options object, `{ bias, nonlinearity }`
 * @throws ArgumentError for sizes that are not positive and whole, ShapeError in the call for arrays that do not fit
 * @example new nn.RNN(3, 4).forward(mx.ones([2, 5, 3])).shape // [2, 5, 4]
 * @see mlx.nn.RNN
 */
export class RNN extends Module {
  readonly hiddenSize: number;
  nonlinearity: UnaryLayer;
  Wxh: NDArray;
  Whh: NDArray;
  bias?: NDArray;

  constructor(
    inputSize: number,
    hiddenSize: number,
    bias?: boolean | RNNOptions,
    options?: RNNOptions,
  ) {
    super();
    const op = "RNN";
    const o = readPositional<RNNOptions>(op, "bias", bias, options, ["bias", "nonlinearity"]);
    requireCount(op, "inputSize", inputSize);
    this.hiddenSize = requireCount(op, "hiddenSize", hiddenSize);
    this.nonlinearity = o.nonlinearity ?? tanh;
    if (!isUnaryLayer(this.nonlinearity)) {
      throw new ArgumentError(
        `[${op}] expected a function or module of one array as nonlinearity, got ${describe(o.nonlinearity)}: pass mx.tanh, say`,
      );
    }
    const random = (shape: readonly number[]): NDArray => spread(hiddenSize, shape);
    this.Wxh = random([hiddenSize, inputSize]);
    this.Whh = random([hiddenSize, hiddenSize]);
    if (o.bias ?? true) this.bias = random([hiddenSize]);
  }

  forward(x: NDArray, hidden?: NDArray | null | RecurrentCallOptions): NDArray {
    const start = readStart("RNN", hidden, null, ["hidden"]);
    const rows = project("RNN", x, this.Wxh, this.bias);
    const w = transpose(this.Whh);
    const [all = rows] = recur(
      rows,
      (row, [before = row]) => [applyLayer(this.nonlinearity, addmm(row, before, w))],
      startOf(rows, this.Whh, this.hiddenSize, [start.hidden]),
    );
    return all;
  }

  protected override extraRepr(): string {
    const { hiddenSize } = this;
    return shown({ inputSize: this.Wxh.shape[1], hiddenSize, bias: this.bias !== undefined });
  }
}

/** Uniform numbers within 1 / √size of 0. */
const spread = (size: number, shape: readonly number[]): NDArray => {
  const high = 1 / Math.sqrt(size);
  return uniform({ low: -high, high, shape });
};

/**
 * Gated recurrent units along the axis before the last: gates r, z, n in this order in `Wx`, `Wh` and `b`, a bias `bhn` of the
 * hidden part of n. Gives all hidden states.
 *
 * @param bias whether there are biases, true by default; also as `{ bias }`
 * @throws ArgumentError for sizes that are not positive and whole, ShapeError in the call for arrays that do not fit
 * @example new nn.GRU(3, 4).forward(mx.ones([2, 5, 3])).shape // [2, 5, 4]
 * @see mlx.nn.GRU
 */
export class GRU extends Module {
  readonly hiddenSize: number;
  Wx: NDArray;
  Wh: NDArray;
  b?: NDArray;
  bhn?: NDArray;

  constructor(inputSize: number, hiddenSize: number, bias?: boolean | BiasOptions) {
    super();
    requireCount("GRU", "inputSize", inputSize);
    this.hiddenSize = requireCount("GRU", "hiddenSize", hiddenSize);
    this.Wx = spread(hiddenSize, [3 * hiddenSize, inputSize]);
    this.Wh = spread(hiddenSize, [3 * hiddenSize, hiddenSize]);
    if (!readBias("GRU", bias)) return;
    this.b = spread(hiddenSize, [3 * hiddenSize]);
    this.bhn = spread(hiddenSize, [hiddenSize]);
  }

  forward(x: NDArray, hidden?: NDArray | null | RecurrentCallOptions): NDArray {
    const start = readStart("GRU", hidden, null, ["hidden"]);
    const rows = project("GRU", x, this.Wx, this.b);
    const h = this.hiddenSize;
    const w = transpose(this.Wh);
    const { bhn } = this;
    const part = (a: NDArray, k: number): NDArray => between(a, -1, k * h, (k + 1) * h);
    const step = (row: NDArray, [before = row]: readonly NDArray[]): [NDArray] => {
      const seen = matmul(before, w);
      const gate = (k: number): NDArray => sigmoid(add(part(row, k), part(seen, k)));
      const r = gate(0);
      const z = gate(1);
      const own = bhn === undefined ? part(seen, 2) : add(part(seen, 2), bhn);
      const n = tanh(add(part(row, 2), multiply(r, own)));
      return [add(multiply(subtract(1, z), n), multiply(z, before))];
    };
    const [all = rows] = recur(rows, step, startOf(rows, this.Wh, h, [start.hidden]));
    return all;
  }

  protected override extraRepr(): string {
    const { hiddenSize } = this;
    return shown({ inputSize: this.Wx.shape[1], hiddenSize, bias: this.b !== undefined });
  }
}

/**
 * Long short-term memory along the axis before the last: gates i, f, g, o in this order in `Wx`, `Wh` and `bias`.
 *
 * @param bias whether there is one, true by default; also as `{ bias }`
 * @returns from a call all hidden states and all cell states
 * @throws ArgumentError for sizes that are not positive and whole, ShapeError in the call for arrays that do not fit
 * @example
 * const [hidden, cell] = new nn.LSTM(3, 4).forward(mx.ones([2, 5, 3]));
 * hidden.shape; // [2, 5, 4]
 * @see mlx.nn.LSTM
 */
export class LSTM extends Module {
  readonly hiddenSize: number;
  Wx: NDArray;
  Wh: NDArray;
  bias?: NDArray;

  constructor(inputSize: number, hiddenSize: number, bias?: boolean | BiasOptions) {
    super();
    requireCount("LSTM", "inputSize", inputSize);
    this.hiddenSize = requireCount("LSTM", "hiddenSize", hiddenSize);
    this.Wx = spread(hiddenSize, [4 * hiddenSize, inputSize]);
    this.Wh = spread(hiddenSize, [4 * hiddenSize, hiddenSize]);
    if (readBias("LSTM", bias)) this.bias = spread(hiddenSize, [4 * hiddenSize]);
  }

  forward(
    x: NDArray,
    hidden?: NDArray | null | LSTMCallOptions,
    cell?: NDArray | null,
  ): [hidden: NDArray, cell: NDArray] {
    const start = readStart("LSTM", hidden, cell, ["hidden", "cell"]);
    const rows = project("LSTM", x, this.Wx, this.bias);
    const h = this.hiddenSize;
    const w = transpose(this.Wh);
    const step = (row: NDArray, [before = row, kept = row]: readonly NDArray[]): NDArray[] => {
      const gates = addmm(row, before, w);
      const part = (k: number): NDArray => between(gates, -1, k * h, (k + 1) * h);
      const fresh = multiply(sigmoid(part(0)), tanh(part(2)));
      const next = add(multiply(sigmoid(part(1)), kept), fresh);
      return [multiply(sigmoid(part(3)), tanh(next)), next];
    };
    const begin = startOf(rows, this.Wh, h, [start.hidden, start.cell]);
    const [all = rows, cells = rows] = recur(rows, step, begin);
    return [all, cells];
  }

  protected override extraRepr(): string {
    const { hiddenSize } = this;
    return shown({ inputSize: this.Wx.shape[1], hiddenSize, bias: this.bias !== undefined });
  }
}

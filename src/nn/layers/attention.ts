/** Attention with several heads. */
import { type DType, float32 } from "../../core/dtype.js";
import { finfo } from "../../core/dtype-info.js";
import { readOptions, readPositional } from "../../core/options.js";
import { type AttentionOptions, scaledDotProductAttention } from "../../fast/attention.js";
import { isNDArray, type NDArray } from "../../graph/array.js";
import { multiply } from "../../ops/arithmetic.js";
import { less } from "../../ops/compare.js";
import { astype } from "../../ops/convert.js";
import { arange } from "../../ops/create.js";
import { expandDims, flatten, transpose, unflatten } from "../../ops/shape.js";
import { Module } from "../module/module.js";
import { requireCount, requireMultiple, shown } from "./arguments.js";
import { Linear } from "./linear.js";

/** Options of {@link MultiHeadAttention}: sizes that are `dims` by default. */
export interface MultiHeadAttentionOptions {
  readonly queryInputDims?: number | null;
  readonly keyInputDims?: number | null;
  /** As keyInputDims by default. */
  readonly valueInputDims?: number | null;
  /** Of the values of all heads. */
  readonly valueDims?: number | null;
  readonly valueOutputDims?: number | null;
  /** Whether the four projections have biases; false by default. */
  readonly bias?: boolean;
}

/** "causal", a boolean array, true where a query sees a key, or an array that is added to the scores. */
export type AttentionMask = AttentionOptions["mask"];

/** Options of a call of {@link MultiHeadAttention}. */
export interface AttentionCallOptions {
  readonly mask?: AttentionMask;
}

const optionNames = [
  "queryInputDims",
  "keyInputDims",
  "valueInputDims",
  "valueDims",
  "valueOutputDims",
  "bias",
] as const;

/** The mask, given as such or as an option. */
const readMask = (given: AttentionMask | AttentionCallOptions | undefined): AttentionMask => {
  if (given === null || given === "causal" || isNDArray(given)) return given;
  return readOptions<AttentionCallOptions>("MultiHeadAttention", given, ["mask"]).mask ?? null;
};

/**
 * Attention with several heads: queries [batch, n, dims], keys and values [batch, m, dims] give [batch, n, dims].
 *
 * @param options `{ queryInputDims, keyInputDims, valueInputDims, valueDims, valueOutputDims, bias }`
 * @throws ArgumentError for sizes that are not positive and whole, or dims that the heads do not divide
 * @example
 * const attention = new nn.MultiHeadAttention(8, 2);
 * const x = mx.ones([1, 5, 8]);
 * attention.forward(x, x, x, { mask: "causal" }).shape; // [1, 5, 8]
 * @see mlx.nn.MultiHeadAttention
 */
export class MultiHeadAttention extends Module {
  readonly numHeads: number;
  queryProj: Linear;
  keyProj: Linear;
  valueProj: Linear;
  outProj: Linear;

  constructor(dims: number, numHeads: number, options?: MultiHeadAttentionOptions) {
    super();
    const op = "MultiHeadAttention";
    const o = readOptions<MultiHeadAttentionOptions>(op, options, optionNames);
    requireCount(op, "dims", dims);
    requireCount(op, "numHeads", numHeads);
    requireMultiple(op, "a number of dims", dims, "heads", numHeads);
    const keyInput = o.keyInputDims ?? dims;
    const valueDims = o.valueDims ?? dims;
    requireMultiple(op, "a number of valueDims", valueDims, "heads", numHeads);
    const bias = o.bias ?? false;
    this.numHeads = numHeads;
    this.queryProj = new Linear(o.queryInputDims ?? dims, dims, bias);
    this.keyProj = new Linear(keyInput, dims, bias);
    this.valueProj = new Linear(o.valueInputDims ?? keyInput, valueDims, bias);
    this.outProj = new Linear(valueDims, o.valueOutputDims ?? dims, bias);
  }

  forward(
    queries: NDArray,
    keys: NDArray,
    values: NDArray,
    mask?: AttentionMask | AttentionCallOptions,
  ): NDArray {
    const heads = (x: NDArray): NDArray =>
      transpose(unflatten(x, -1, [this.numHeads, -1]), [0, 2, 1, 3]);
    const q = heads(this.queryProj.forward(queries));
    const k = heads(this.keyProj.forward(keys));
    const v = heads(this.valueProj.forward(values));
    const scale = Math.sqrt(1 / (q.shape.at(-1) ?? 1));
    const y = scaledDotProductAttention(q, k, v, { scale, mask: readMask(mask) ?? null });
    return this.outProj.forward(flatten(transpose(y, [0, 2, 1, 3]), { startAxis: -2 }));
  }

  /**
   * The mask to be added to scores that hides later keys: 0, and the least number of the dtype above the diagonal.
   *
   * @param dtype float32 by default; also as `{ dtype }`
   * @see mlx.nn.MultiHeadAttention.create_additive_causal_mask
   */
  static createAdditiveCausalMask(n: number, dtype?: DType | { readonly dtype?: DType }): NDArray {
    const op = "createAdditiveCausalMask";
    const o = readPositional<{ readonly dtype?: DType }>(op, "dtype", dtype, undefined, ["dtype"]);
    const d = o.dtype ?? float32;
    const at = arange(n);
    return multiply(astype(less(expandDims(at, 1), at), d), finfo(d).min);
  }

  protected override extraRepr(): string {
    return shown({ numHeads: this.numHeads });
  }
}

/** The layers of transformers. */
import { ArgumentError } from "../../core/errors.js";
import { describe } from "../../core/guards.js";
import { readPositional } from "../../core/options.js";
import type { NDArray } from "../../graph/array.js";
import { add } from "../../ops/arithmetic.js";
import { relu } from "../activations.js";
import { Module } from "../module/module.js";
import { type AttentionMask, MultiHeadAttention } from "./attention.js";
import { Dropout } from "./dropout.js";
import { Linear } from "./linear.js";
import { LayerNorm } from "./normalization.js";
import { applyLayer, isUnaryLayer, type UnaryLayer } from "./sequential.js";

/** Options of one layer. */
export interface TransformerLayerOptions {
  /** Width of the hidden layer; four times dims by default. */
  readonly mlpDims?: number | null;
  /** Probability of a zero; 0 by default. */
  readonly dropout?: number;
  /** A function or module of one array; relu by default. */
  readonly activation?: UnaryLayer;
  /** Norms stand before attention and hidden layer, as by default, or after the sums. */
  readonly normFirst?: boolean;
}

export const layerNames = ["mlpDims", "dropout", "activation", "normFirst"] as const;

/** A mask as a forward call takes it: absent is none. */
export type Mask = AttentionMask | undefined;

/** What encoder and decoder layers have in common. */
abstract class TransformerLayer extends Module {
  readonly normFirst: boolean;
  activation: UnaryLayer;

  constructor(op: string, { activation = relu, normFirst = true }: TransformerLayerOptions) {
    super();
    if (!isUnaryLayer(activation)) {
      throw new ArgumentError(
        `[${op}] expected a function or module of one array as activation, got ${describe(activation)}: pass nn.relu, say`,
      );
    }
    this.activation = activation;
    this.normFirst = normFirst;
  }

  /** x and what `block` makes of it added up, with the norm on the side that was chosen. */
  protected residual(x: NDArray, norm: LayerNorm, block: (y: NDArray) => NDArray): NDArray {
    if (this.normFirst) return add(x, block(norm.forward(x)));
    return norm.forward(add(x, block(x)));
  }
}

/**
 * Attention to itself and a hidden layer, each with a residual sum, a norm and dropout: [batch, n, dims].
 *
 * @param mlpDims also in one options object, `{ mlpDims, dropout, activation, normFirst }`
 * @throws ArgumentError for sizes and options that do not fit
 * @example new nn.TransformerEncoderLayer(8, 2).forward(mx.ones([1, 5, 8]), "causal").shape // [1, 5, 8]
 * @see mlx.nn.TransformerEncoderLayer
 */
export class TransformerEncoderLayer extends TransformerLayer {
  attention: MultiHeadAttention;
  ln1: LayerNorm;
  ln2: LayerNorm;
  linear1: Linear;
  linear2: Linear;
  dropout1: Dropout;
  dropout2: Dropout;

  constructor(
    dims: number,
    numHeads: number,
    mlpDims?: number | null | TransformerLayerOptions,
    options?: TransformerLayerOptions,
  ) {
    const op = "TransformerEncoderLayer";
    const o = readPositional<TransformerLayerOptions>(
      op,
      "mlpDims",
      mlpDims ?? undefined,
      options,
      layerNames,
    );
    super(op, o);
    const hidden = o.mlpDims ?? dims * 4;
    this.attention = new MultiHeadAttention(dims, numHeads);
    this.ln1 = new LayerNorm(dims);
    this.ln2 = new LayerNorm(dims);
    this.linear1 = new Linear(dims, hidden);
    this.linear2 = new Linear(hidden, dims);
    this.dropout1 = new Dropout(o.dropout ?? 0);
    this.dropout2 = new Dropout(o.dropout ?? 0);
  }

  forward(x: NDArray, mask?: Mask): NDArray {
    const seen = this.residual(x, this.ln1, (y) =>
      this.dropout1.forward(this.attention.forward(y, y, y, mask)),
    );
    return this.residual(seen, this.ln2, (y) =>
      this.linear2.forward(
        this.dropout2.forward(applyLayer(this.activation, this.linear1.forward(y))),
      ),
    );
  }
}

/**
 * Attention to itself, attention to a memory [batch, m, dims] and a hidden layer, each with a residual sum, a norm and dropout.
 *
 * @param mlpDims also in one options object, `{ mlpDims, dropout, activation, normFirst }`
 * @throws ArgumentError for sizes and options that do not fit
 * @example
 * const layer = new nn.TransformerDecoderLayer(8, 2);
 * layer.forward(mx.ones([1, 5, 8]), mx.ones([1, 3, 8]), "causal").shape; // [1, 5, 8]
 * @see mlx.nn.TransformerDecoderLayer
 */
export class TransformerDecoderLayer extends TransformerLayer {
  selfAttention: MultiHeadAttention;
  crossAttention: MultiHeadAttention;
  ln1: LayerNorm;
  ln2: LayerNorm;
  ln3: LayerNorm;
  linear1: Linear;
  linear2: Linear;
  dropout1: Dropout;
  dropout2: Dropout;
  dropout3: Dropout;

  constructor(
    dims: number,
    numHeads: number,
    mlpDims?: number | null | TransformerLayerOptions,
    options?: TransformerLayerOptions,
  ) {
    const op = "TransformerDecoderLayer";
    const o = readPositional<TransformerLayerOptions>(
      op,
      "mlpDims",
      mlpDims ?? undefined,
      options,
      layerNames,
    );
    super(op, o);
    const hidden = o.mlpDims ?? dims * 4;
    this.selfAttention = new MultiHeadAttention(dims, numHeads);
    this.crossAttention = new MultiHeadAttention(dims, numHeads);
    this.ln1 = new LayerNorm(dims);
    this.ln2 = new LayerNorm(dims);
    this.ln3 = new LayerNorm(dims);
    this.linear1 = new Linear(dims, hidden);
    this.linear2 = new Linear(hidden, dims);
    this.dropout1 = new Dropout(o.dropout ?? 0);
    this.dropout2 = new Dropout(o.dropout ?? 0);
    this.dropout3 = new Dropout(o.dropout ?? 0);
  }

  forward(x: NDArray, memory: NDArray, xMask?: Mask, memoryMask?: Mask): NDArray {
    const own = this.residual(x, this.ln1, (y) =>
      this.dropout1.forward(this.selfAttention.forward(y, y, y, xMask)),
    );
    const seen = this.residual(own, this.ln2, (y) =>
      this.dropout2.forward(this.crossAttention.forward(y, memory, memory, memoryMask)),
    );
    return this.residual(seen, this.ln3, (y) =>
      this.linear2.forward(
        this.dropout3.forward(applyLayer(this.activation, this.linear1.forward(y))),
      ),
    );
  }
}

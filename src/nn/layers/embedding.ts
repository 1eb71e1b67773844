/** Rows of a table, by number. */
import { ArgumentError } from "../../core/errors.js";
import type { NDArray } from "../../graph/array.js";
import { matmul } from "../../ops/matmul.js";
import { transpose } from "../../ops/shape.js";
import { take } from "../../ops/take.js";
import { normal } from "../../random/distributions.js";
import { Module } from "../module/module.js";
import { requireCount, shown } from "./arguments.js";
import { QuantizedEmbedding } from "./quantized.js";
import { type QuantizableOptions, readQuantizable } from "./quantized-format.js";

/**
 * The rows of `weight`, of shape [numEmbeddings, dims], that integers name.
 *
 * @throws ArgumentError for sizes that are not positive whole numbers
 * @example new nn.Embedding(10, 4).forward(mx.array([[1, 2, 3]], mx.int32)).shape // [1, 3, 4]
 * @see mlx.nn.Embedding
 */
export class Embedding extends Module {
  weight: NDArray;

  constructor(numEmbeddings: number, dims: number) {
    super();
    requireCount("Embedding", "numEmbeddings", numEmbeddings);
    requireCount("Embedding", "dims", dims);
    this.weight = normal({ shape: [numEmbeddings, dims], scale: Math.sqrt(1 / dims) });
  }

  forward(x: NDArray): NDArray {
    return take(this.weight, x, 0);
  }

  /** x · weightᵀ: the embedding as an output layer. */
  asLinear(x: NDArray): NDArray {
    return matmul(x, transpose(this.weight));
  }

  /** The same layer with a quantized weight. */
  toQuantized(options?: QuantizableOptions): QuantizedEmbedding {
    const { quantizeInput, ...format } = readQuantizable("Embedding.toQuantized", options);
    if (!quantizeInput) return QuantizedEmbedding.fromEmbedding(this, format);
    throw new ArgumentError(
      "[Embedding.toQuantized] expected no quantizeInput, got true: the input is row numbers",
    );
  }

  protected override extraRepr(): string {
    const [numEmbeddings, dims] = this.weight.shape;
    return shown({ numEmbeddings, dims });
  }
}

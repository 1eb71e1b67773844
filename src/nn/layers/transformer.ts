/** Transformer encoders and decoders. */
import { readOptions, readPositional } from "../../core/options.js";
import type { NDArray } from "../../graph/array.js";
import { Module } from "../module/module.js";
import { checkpoint } from "../module/value-and-grad.js";
import { requireCount } from "./arguments.js";
import type { AttentionMask } from "./attention.js";
import { LayerNorm } from "./normalization.js";
import {
  layerNames,
  type Mask,
  TransformerDecoderLayer,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
} from "./transformer-layers.js";

/** Options of a stack of layers. */
export interface TransformerStackOptions extends TransformerLayerOptions {
  /** Values inside the layers are computed again for gradients; false by default. */
  readonly checkpoint?: boolean;
}

const stackNames = [...layerNames, "checkpoint"] as const;

const readStack = (
  op: string,
  numLayers: number,
  given: number | null | undefined | TransformerStackOptions,
  options: TransformerStackOptions | undefined,
): readonly [TransformerLayerOptions, boolean] => {
  requireCount(op, "numLayers", numLayers);
  const first = given ?? undefined;
  const o = readPositional<TransformerStackOptions>(op, "mlpDims", first, options, stackNames);
  const { checkpoint: again = false, ...layer } = o;
  return [layer, again];
};

/**
 * Encoder layers, and a norm at the end.
 *
 * @param mlpDims also in one options object, `{ mlpDims, dropout, activation, normFirst, checkpoint }`
 * @throws ArgumentError for sizes and options that do not fit
 * @example new nn.TransformerEncoder(2, 8, 2).forward(mx.ones([1, 5, 8])).shape // [1, 5, 8]
 * @see mlx.nn.TransformerEncoder
 */
export class TransformerEncoder extends Module {
  layers: TransformerEncoderLayer[];
  ln: LayerNorm;
  readonly checkpoint: boolean;

  constructor(
    numLayers: number,
    dims: number,
    numHeads: number,
    mlpDims?: number | null | TransformerStackOptions,
    options?: TransformerStackOptions,
  ) {
    super();
    const [o, again] = readStack("TransformerEncoder", numLayers, mlpDims, options);
    this.layers = Array.from(
      { length: numLayers },
      () => new TransformerEncoderLayer(dims, numHeads, o),
    );
    this.ln = new LayerNorm(dims);
    this.checkpoint = again;
  }

  forward(x: NDArray, mask?: Mask): NDArray {
    const y = this.layers.reduce(
      (z, layer) => (this.checkpoint ? checkpoint(layer)(z, mask) : layer.forward(z, mask)),
      x,
    );
    return this.ln.forward(y);
  }
}

/**
 * Decoder layers, and a norm at the end.
 *
 * @param mlpDims also in one options object, `{ mlpDims, dropout, activation, normFirst, checkpoint }`
 * @throws ArgumentError for sizes and options that do not fit
 * @example
 * const decoder = new nn.TransformerDecoder(2, 8, 2);
 * decoder.forward(mx.ones([1, 5, 8]), mx.ones([1, 3, 8]), "causal").shape; // [1, 5, 8]
 * @see mlx.nn.TransformerDecoder
 */
export class TransformerDecoder extends Module {
  layers: TransformerDecoderLayer[];
  ln: LayerNorm;
  readonly checkpoint: boolean;

  constructor(
    numLayers: number,
    dims: number,
    numHeads: number,
    mlpDims?: number | null | TransformerStackOptions,
    options?: TransformerStackOptions,
  ) {
    super();
    const [o, again] = readStack("TransformerDecoder", numLayers, mlpDims, options);
    this.layers = Array.from(
      { length: numLayers },
      () => new TransformerDecoderLayer(dims, numHeads, o),
    );
    this.ln = new LayerNorm(dims);
    this.checkpoint = again;
  }

  forward(x: NDArray, memory: NDArray, xMask?: Mask, memoryMask?: Mask): NDArray {
    const y = this.layers.reduce((z, layer) => {
      if (this.checkpoint) return checkpoint(layer)(z, memory, xMask, memoryMask);
      return layer.forward(z, memory, xMask, memoryMask);
    }, x);
    return this.ln.forward(y);
  }
}

/** What can stand in for the encoder of a {@link Transformer}. */
export type EncoderModule = Module & { forward(x: NDArray, mask?: AttentionMask): NDArray };

/** What can stand in for the decoder of a {@link Transformer}. */
export type DecoderModule = Module & {
  forward(x: NDArray, memory: NDArray, xMask?: AttentionMask, memoryMask?: AttentionMask): NDArray;
};

/** Options of {@link Transformer}. */
export interface TransformerOptions extends TransformerStackOptions {
  /** 512 by default. */
  readonly dims?: number;
  /** 8 by default. */
  readonly numHeads?: number;
  /** 6 by default. */
  readonly numEncoderLayers?: number;
  /** 6 by default. */
  readonly numDecoderLayers?: number;
  readonly customEncoder?: EncoderModule | null;
  readonly customDecoder?: DecoderModule | null;
}

const transformerNames = [
  "dims",
  "numHeads",
  "numEncoderLayers",
  "numDecoderLayers",
  "customEncoder",
  "customDecoder",
  ...stackNames,
] as const;

/**
 * An encoder and a decoder that attends to what it made.
 *
 * @param options `{ dims, numHeads, numEncoderLayers, numDecoderLayers, mlpDims, dropout, activation, customEncoder, customDecoder,
 *   normFirst, checkpoint }`
 * @throws ArgumentError for sizes and options that do not fit
 * @example
 * const model = new nn.Transformer({ dims: 8, numHeads: 2, numEncoderLayers: 1, numDecoderLayers: 1 });
 * model.forward(mx.ones([1, 3, 8]), mx.ones([1, 4, 8]), null, "causal").shape; // [1, 4, 8]
 * @see mlx.nn.Transformer
 */
export class Transformer extends Module {
  encoder: EncoderModule;
  decoder: DecoderModule;

  constructor(options?: TransformerOptions) {
    super();
    const o = readOptions<TransformerOptions>("Transformer", options, transformerNames);
    const {
      dims = 512,
      numHeads = 8,
      numEncoderLayers = 6,
      numDecoderLayers = 6,
      customEncoder,
      customDecoder,
      ...stack
    } = o;
    this.encoder = customEncoder ?? new TransformerEncoder(numEncoderLayers, dims, numHeads, stack);
    this.decoder = customDecoder ?? new TransformerDecoder(numDecoderLayers, dims, numHeads, stack);
  }

  forward(src: NDArray, tgt: NDArray, srcMask?: Mask, tgtMask?: Mask, memoryMask?: Mask): NDArray {
    const memory = this.encoder.forward(src, srcMask ?? null);
    return this.decoder.forward(tgt, memory, tgtMask ?? null, memoryMask ?? null);
  }
}

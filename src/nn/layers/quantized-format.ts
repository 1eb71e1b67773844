/** The options that say how layers are quantized. */
import { readOptions } from "../../core/options.js";
import type { NDArray } from "../../graph/array.js";
import { type Format, type QuantizationFormat, readFormat } from "../../quantized/format.js";
import { quantize } from "../../quantized/quantize.js";

/** Options of layers that are made quantized. */
export interface QuantizedOptions extends QuantizationFormat {
  /** Whether there is a bias; true by default. */
  readonly bias?: boolean;
}

/** Options of `toQuantized`. */
export interface QuantizableOptions extends QuantizationFormat {
  /** Quantize the input too; false by default. */
  readonly quantizeInput?: boolean;
}

const names = ["groupSize", "bits", "mode"] as const;

export const readQuantizable = (
  op: string,
  options: QuantizableOptions | undefined,
): QuantizationFormat & { readonly quantizeInput: boolean } => {
  const o = readOptions<QuantizableOptions>(op, options, [...names, "quantizeInput"]);
  return { ...o, quantizeInput: o.quantizeInput ?? false };
};

/** The complete format that options of a layer name. */
export const formatOf = (
  op: string,
  options: QuantizedOptions | undefined,
  mode: Format["mode"] = "affine",
): Format & { readonly bias: boolean } => {
  const o = readOptions<QuantizedOptions>(op, options, [...names, "bias"]);
  return { ...readFormat(op, o, mode), bias: o.bias ?? true };
};

/** What {@link quantize} gives, by name. */
export interface PackedWeight {
  readonly weight: NDArray;
  readonly scales: NDArray;
  readonly biases?: NDArray;
}

/** A matrix in a format. */
export const packedWeight = (w: NDArray, { groupSize, bits, mode }: Format): PackedWeight => {
  const [weight = w, scales = w, biases]: readonly NDArray[] = quantize(w, groupSize, {
    bits,
    mode,
  });
  return biases === undefined ? { weight, scales } : { weight, scales, biases };
};

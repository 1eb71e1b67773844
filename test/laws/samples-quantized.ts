/** Samples of products with quantized matrices: both sides, formats with scales that differentiate and without, picks. */
import {
  bfloat16,
  type DType,
  float16,
  float32,
  int32,
  uint8,
  uint32,
} from "../../src/core/dtype.js";
import type { QuantizedFormat } from "../../src/core/routine.js";
import { type QuantizedProductAttrs, quantizedProductP } from "../../src/primitives/index.js";
import { draw } from "./draw.js";
import type { Sample } from "./sample.js";

const floats = { float: [-0.9, 0.9] } as const;
const count = 2;
const rows = 2;

const product = (
  what: string,
  dtype: DType,
  format: QuantizedFormat,
  more: Partial<QuantizedProductAttrs> & { readonly matrices?: number } = {},
): Sample => {
  const { transpose = true, picks = false, matrices = count } = more;
  const length = format.groupSize;
  const own = 2;
  return {
    name: `quantizedProduct ${dtype.name} ${format.mode} ${format.bits} bits ${what}`,
    prim: quantizedProductP,
    attrs: { format, transpose, picks },
    ins: (seed) => {
      const affine = format.mode === "affine";
      const groups = [matrices, own, 1];
      const scales = affine
        ? [draw(dtype, groups, floats, seed + 2), draw(dtype, groups, floats, seed + 3)]
        : [draw(uint8, groups, { int: [120, 126] }, seed + 2)];
      return [
        draw(dtype, [count, rows, transpose ? length : own], floats, seed),
        draw(uint32, [matrices, own, (length * format.bits) / 32], { int: [0, 2 ** 31] }, seed + 1),
        ...scales,
        ...(picks ? [draw(int32, [count], { int: [0, matrices - 1] }, seed + 4)] : []),
      ];
    },
    conventional: false,
  };
};

const affine = (bits: number): QuantizedFormat => ({ mode: "affine", groupSize: 32, bits });

export const quantizedSamples: readonly Sample[] = [
  ...[float32, float16, bfloat16].map((dtype) => product("transposed", dtype, affine(2))),
  product("as it is", float32, affine(2), { transpose: false }),
  product("picked", float32, affine(2), { picks: true, matrices: 3 }),
  product("picked", float32, affine(3), { picks: true, matrices: 1, transpose: false }),
  product("transposed", float32, { mode: "mxfp4", groupSize: 32, bits: 4 }),
  product("as it is", float32, { mode: "mxfp8", groupSize: 32, bits: 8 }, { transpose: false }),
];

/** What a product with quantized matrices means, number by number in doubles: the reference that renderers are compared with. */
import { InternalError } from "../core/errors.js";
import type { QuantizedFormat, Routine } from "../core/routine.js";
import { type Cells, cellsOf } from "./cells.js";

type Quantized = Extract<Routine, { routine: "quantizedProduct" }>;
type Numbers = Pick<Cells<number>, "get" | "set">;

const pick = (buffers: readonly Uint8Array[], i: number): Uint8Array => {
  const found = buffers[i];
  if (found === undefined) throw new InternalError(`[quantizedProduct] expected a buffer ${i}`);
  return found;
};

const view = (buffers: readonly Uint8Array[], i: number): DataView => {
  const bytes = pick(buffers, i);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
};

/** The `bits` bits of a little-endian stream from bit `at` on. */
const bitsAt = (bytes: Uint8Array, at: number, bits: number): number => {
  const first = at >> 3;
  const window = (bytes[first] ?? 0) | ((bytes[first + 1] ?? 0) << 8);
  return (window >> (at & 7)) & ((1 << bits) - 1);
};

const fp4 = [0, 0.5, 1, 1.5, 2, 3, 4, 6] as const;

const fp8 = (code: number): number => {
  const [exponent, fraction] = [(code >> 3) & 15, code & 7];
  const size = exponent === 0 ? fraction / 512 : (1 + fraction / 8) * 2 ** (exponent - 7);
  return code > 127 ? -size : size;
};

/** What a code stands for before scaling. */
const elementOf = ({ mode, bits }: QuantizedFormat, code: number): number => {
  if (mode === "affine") return code;
  if (bits === 8) return fp8(code);
  return (code > 7 ? -1 : 1) * (fp4[code & 7] ?? 0);
};

const scaleOf = ({ mode }: QuantizedFormat, stored: number): number => {
  if (mode === "affine") return stored;
  if (mode === "nvfp4") return fp8(stored);
  return stored === 255 ? Number.POSITIVE_INFINITY : 2 ** (stored - 127);
};

/** Number `i` of the quantized matrices, all rows one behind the other. */
const decoder = (
  { format }: Quantized,
  words: Uint8Array,
  scales: Numbers,
  biases: Numbers | null,
): ((i: number) => number) => {
  const { bits, groupSize } = format;
  return (i) => {
    const group = Math.floor(i / groupSize);
    const scale = scaleOf(format, scales.get(group));
    const element = elementOf(format, bitsAt(words, i * bits, bits));
    return scale * element + (biases?.get(group) ?? 0);
  };
};

/** Runs the product on its buffers, as `Routine` lists them. */
export const interpretQuantized = (r: Quantized, buffers: readonly Uint8Array[]): void => {
  const affine = r.format.mode === "affine";
  const next = affine ? 4 : 3;
  const x = cellsOf.plain(r.dtype, view(buffers, 0));
  const scales = cellsOf.plain(r.scales, view(buffers, 2));
  const biases = affine ? cellsOf.plain(r.scales, view(buffers, 3)) : null;
  const out = cellsOf.plain(r.dtype, view(buffers, r.picks ? next + 1 : next));
  const numbers = decoder(r, pick(buffers, 1), scales, biases);
  const picks = r.picks ? view(buffers, next) : null;
  const { count, matrices, rows, depth, columns } = r;
  for (let product = 0; product < r.outer * count; product++) {
    const own = picks === null ? product % count : picks.getInt32(4 * product, true);
    const matrix = (Math.floor(product / count) * matrices + own) * depth * columns;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let sum = 0;
        for (let k = 0; k < depth; k++) {
          const w = r.transpose ? j * depth + k : k * columns + j;
          sum += x.get((product * rows + i) * depth + k) * numbers(matrix + w);
        }
        out.set((product * rows + i) * columns + j, sum);
      }
    }
  }
};

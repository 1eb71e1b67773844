/** Loading gguf files: plain tensors as they are, blocks of four and eight bits as MLX's packed weights, others as float16. */
import {
  bfloat16,
  type DType,
  float16,
  float32,
  int8,
  int16,
  int32,
  uint32,
} from "../core/dtype.js";
import { FormatError } from "../core/errors.js";
import { setOwn } from "../core/guards.js";
import { fromFloat16Bits, toFloat16Bits } from "../core/half.js";
import { NDArray } from "../graph/array.js";
import { Node, noNodes, sizeOf } from "../graph/node.js";
import { decodedBlocks, decodedTypes } from "./gguf-blocks.js";
import { type GgufTensor, type GgufValue, readGgufHeader } from "./gguf-header.js";
import type { ByteSource, Conversion } from "./source.js";

/** All tensors of a gguf file, and its metadata. */
export interface GgufContents {
  readonly arrays: Record<string, NDArray>;
  readonly metadata: Record<string, GgufValue>;
}

/** The plain types by the format's numbers. */
export const tensorTypes: ReadonlyMap<number, DType> = new Map<number, DType>([
  [0, float32],
  [1, float16],
  [24, int8],
  [25, int16],
  [26, int32],
  [30, bfloat16],
]);

/** Types of blocks of 32 elements that are repacked: bytes of a block, bits of an element, a minimum of its own or not. */
interface Blocks {
  readonly bytes: number;
  readonly bits: 4 | 8;
  readonly minimum: boolean;
}

const blockTypes: ReadonlyMap<number, Blocks> = new Map<number, Blocks>([
  [2, { bytes: 18, bits: 4, minimum: false }],
  [3, { bytes: 20, bits: 4, minimum: true }],
  [8, { bytes: 34, bits: 8, minimum: false }],
]);

const group = 32;
const op = "load";

const head = (b: Blocks): number => (b.minimum ? 4 : 2);

/** Elements in order, the first in the lowest bits; eight-bit ones without sign. */
const weights = (b: Blocks, count: number): Conversion => ({
  byteLength: count * 4 * b.bits,
  apply: (raw) => {
    const out = new Uint8Array(count * 4 * b.bits);
    for (let i = 0; i < count; i++) {
      const from = i * b.bytes + head(b);
      const to = i * 4 * b.bits;
      if (b.bits === 8) {
        for (let j = 0; j < group; j++) out[to + j] = (raw[from + j] ?? 0) ^ 0x80;
        continue;
      }
      // A byte of a block has element j below and element j + 16 above.
      const nibble = (j: number): number => ((raw[from + (j & 15)] ?? 0) >> (j & 16 ? 4 : 0)) & 15;
      for (let j = 0; j < group / 2; j++) out[to + j] = nibble(2 * j) | (nibble(2 * j + 1) << 4);
    }
    return out;
  },
});

const halves = (
  b: Blocks,
  count: number,
  of: (view: DataView, at: number) => number,
): Conversion => ({
  byteLength: count * 2,
  apply: (raw) => {
    const out = new Uint8Array(count * 2);
    const [from, to] = [new DataView(raw.buffer), new DataView(out.buffer)];
    for (let i = 0; i < count; i++) to.setUint16(2 * i, of(from, i * b.bytes), true);
    return out;
  },
});

const biasOf =
  (b: Blocks) =>
  (view: DataView, at: number): number =>
    b.minimum
      ? view.getUint16(at + 2, true)
      : toFloat16Bits(-(1 << (b.bits - 1)) * fromFloat16Bits(view.getUint16(at, true)));

const requireBlocks = (shape: readonly number[], length: number, what: string): void => {
  if (shape.length > 0 && (shape.at(-1) ?? 0) % length === 0) return;
  throw new FormatError(
    `[${op}] expected a last axis by multiples of ${length} of ${what}, got shape [${shape.join(", ")}]: the file is corrupt`,
  );
};

/**
 * Reads a gguf file; tensors are read when needed.
 *
 * @throws FormatError naming file, offset and cause
 */
export const readGguf = (source: ByteSource): GgufContents => {
  const { metadata, tensors, from } = readGgufHeader(source);
  const arrays: Record<string, NDArray> = {};
  const add = (
    name: string,
    shape: readonly number[],
    dtype: DType,
    at: number,
    length: number,
    how?: Conversion,
  ): void => {
    if (Object.hasOwn(arrays, name)) {
      throw new FormatError(
        `[${op}] expected each array once in ${source.name}, got ${JSON.stringify(name.slice(0, 80))} twice, at offset ${at} again: the file is corrupt`,
      );
    }
    const node = new Node(null, noNodes, undefined, shape, dtype, 0);
    node.data = source.storage(op, at, length, how);
    setOwn(arrays, name, new NDArray(node));
  };
  const check = ({ name, offset }: GgufTensor, length: number): number => {
    const at = from + offset;
    if (at + length <= source.size) return at;
    throw new FormatError(
      `[${op}] expected ${length} bytes of tensor ${JSON.stringify(name.slice(0, 80))} at offset ${at} of ${source.name}, got a file of ${source.size} bytes: it is truncated`,
    );
  };
  for (const tensor of tensors) {
    const { name, type, shape } = tensor;
    const size = sizeOf(shape);
    const dtype = tensorTypes.get(type);
    const blocks = blockTypes.get(type);
    const decoded = decodedTypes.get(type);
    const what = `tensor ${JSON.stringify(name.slice(0, 80))} (data from offset ${from}) of ${source.name}`;
    if (dtype !== undefined) {
      const length = size * dtype.size;
      add(name, shape, dtype, check(tensor, length), length);
    } else if (decoded !== undefined) {
      requireBlocks(shape, decoded.elements, what);
      const count = size / decoded.elements;
      const length = count * decoded.bytes;
      add(name, shape, float16, check(tensor, length), length, decodedBlocks(decoded, count));
    } else if (blocks !== undefined) {
      const inner = shape.at(-1) ?? 0;
      requireBlocks(shape, group, what);
      const count = size / group;
      const length = count * blocks.bytes;
      const at = check(tensor, length);
      const outer = shape.slice(0, -1);
      const stem = name.endsWith(".weight") ? name.slice(0, -".weight".length) : name;
      const few = [...outer, inner / group];
      add(name, [...outer, (inner * blocks.bits) / 32], uint32, at, length, weights(blocks, count));
      add(
        `${stem}.scales`,
        few,
        float16,
        at,
        length,
        halves(blocks, count, (v, i) => v.getUint16(i, true)),
      );
      add(`${stem}.biases`, few, float16, at, length, halves(blocks, count, biasOf(blocks)));
    } else {
      throw new FormatError(
        `[${op}] expected F32, F16, BF16, I8, I16, I32, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 or Q2_K to Q6_K as the type of ${what}, got number ${type}: convert it to one of these`,
      );
    }
  }
  return { arrays, metadata };
};

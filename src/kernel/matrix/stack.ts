/** The matrix routines on stacks of matrices in memory. */
import { complex64, type DType, float32, float64, uint32 } from "../../core/dtype.js";
import { InternalError } from "../../core/errors.js";
import { type Item, itemsOf, type Matrices, runMatrix } from "./index.js";
import { type Mat, zeros } from "./mat.js";

type Words = Float32Array | Float64Array | Uint32Array;

/** `count` elements of a buffer, from element `from` on; two words for a complex one. */
const wordsOf = (dtype: DType, bytes: Uint8Array, from: number, count: number): Words => {
  const at = bytes.byteOffset + from * dtype.size;
  if (dtype === float32) return new Float32Array(bytes.buffer, at, count);
  if (dtype === float64) return new Float64Array(bytes.buffer, at, count);
  if (dtype === complex64) return new Float32Array(bytes.buffer, at, 2 * count);
  if (dtype === uint32) return new Uint32Array(bytes.buffer, at, count);
  throw new InternalError(`[matrix] expected a floating dtype, got ${dtype.name}`);
};

const read = (item: Item, bytes: Uint8Array, index: number, to: Mat): void => {
  const words = wordsOf(item.dtype, bytes, index * item.size, item.size);
  const { re, im } = to;
  if (im === null) {
    re.set(words);
    return;
  }
  for (let i = 0; i < item.size; i++) {
    re[i] = words[2 * i] ?? 0;
    im[i] = words[2 * i + 1] ?? 0;
  }
};

const write = (item: Item, bytes: Uint8Array, index: number, from: Mat): void => {
  const words = wordsOf(item.dtype, bytes, index * item.size, item.size);
  const { re, im } = from;
  if (im === null) {
    words.set(re);
    return;
  }
  for (let i = 0; i < item.size; i++) {
    words[2 * i] = re[i] ?? 0;
    words[2 * i + 1] = im[i] ?? 0;
  }
};

const matOf = (item: Item): Mat => zeros(item.size, item.dtype === complex64);

/** Runs a routine on matrices `start` up to `end` of its buffers, inputs before outputs; gives back the fault, or 0. */
export const runStack = (
  r: Matrices,
  buffers: readonly Uint8Array[],
  start: number,
  end: number,
): number => {
  const { ins, outs } = itemsOf(r);
  const given = ins.map(matOf);
  const made = outs.map(matOf);
  const buffer = (i: number): Uint8Array => {
    const b = buffers[i];
    if (b === undefined)
      throw new InternalError(`[matrix] expected a buffer ${i}: pass inputs, then outputs`);
    return b;
  };
  let fault = 0;
  for (let i = start; i < end; i++) {
    for (const [j, item] of ins.entries()) {
      const mat = given[j];
      if (mat !== undefined) read(item, buffer(j), i, mat);
    }
    if (!runMatrix(r, given, made)) {
      fault ||= r.code;
      for (const m of made) {
        m.re.fill(NaN);
        m.im?.fill(NaN);
      }
    }
    for (const [j, item] of outs.entries()) {
      const mat = made[j];
      if (mat !== undefined) write(item, buffer(ins.length + j), i, mat);
    }
  }
  return fault;
};

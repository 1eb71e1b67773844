/** The matrix routines on stacks of matrices in memory. */
import { complex64, type DType, float32, float64, uint32 } from "../../core/dtype.js";
import { InternalError } from "../../core/errors.js";
import { type Item, itemsOf, type Matrices, runMatrix } from "./index.js";
import { type Mat, zeros } from "./mat.js";

type Words = Float32Array | Float64Array | Uint32Array;

/** `count` elements of a buffer; two words for a complex one. */
const wordsOf = (dtype: DType, bytes: Uint8Array, count: number): Words => {
  const { buffer, byteOffset } = bytes;
  if (dtype === float32) return new Float32Array(buffer, byteOffset, count);
  if (dtype === float64) return new Float64Array(buffer, byteOffset, count);
  if (dtype === complex64) return new Float32Array(buffer, byteOffset, 2 * count);
  if (dtype === uint32) return new Uint32Array(buffer, byteOffset, count);
  throw new InternalError(`[matrix] expected a floating dtype, got ${dtype.name}`);
};

const read = (words: Words, index: number, to: Mat): void => {
  const { re, im } = to;
  const n = re.length;
  if (im === null) {
    for (let i = 0, at = index * n; i < n; i++, at++) re[i] = words[at] ?? 0;
    return;
  }
  for (let i = 0, at = 2 * index * n; i < n; i++, at += 2) {
    re[i] = words[at] ?? 0;
    im[i] = words[at + 1] ?? 0;
  }
};

const write = (words: Words, index: number, from: Mat): void => {
  const { re, im } = from;
  const n = re.length;
  if (im === null) {
    for (let i = 0, at = index * n; i < n; i++, at++) words[at] = re[i] ?? 0;
    return;
  }
  for (let i = 0, at = 2 * index * n; i < n; i++, at += 2) {
    words[at] = re[i] ?? 0;
    words[at + 1] = im[i] ?? 0;
  }
};

const matOf = (item: Item): Mat => zeros(item.size, item.dtype === complex64);

/** Runs matrices `start` up to `end` of the buffers, inputs before outputs; gives back the fault, or 0. */
export type StackRun = (buffers: readonly Uint8Array[], start: number, end: number) => number;

/** Matrices of up to so many elements in all are kept between calls. */
const mostKept = 4096;

/** A matrix routine as a function of its buffers. */
export const stackRun = (r: Matrices): StackRun => {
  const { ins, outs } = itemsOf(r);
  const all = [...ins, ...outs];
  const make = (): Mat[] => all.map(matOf);
  const kept = all.reduce((n, { size }) => n + size, 0) <= mostKept ? make() : null;
  return (buffers, start, end) => {
    const mats = kept ?? make();
    const given = mats.slice(0, ins.length);
    const made = mats.slice(ins.length);
    const words = all.map(({ dtype, size }, b) => {
      const bytes = buffers[b];
      if (bytes === undefined)
        throw new InternalError(`[matrix] expected a buffer ${b}: pass inputs, then outputs`);
      return wordsOf(dtype, bytes, r.count * size);
    });
    const over = (from: number, to: number, act: typeof read, i: number): void => {
      for (let b = from; b < to; b++) {
        const [w, m] = [words[b], mats[b]];
        if (w !== undefined && m !== undefined) act(w, i, m);
      }
    };
    let fault = 0;
    for (let i = start; i < end; i++) {
      over(0, ins.length, read, i);
      if (!runMatrix(r, given, made)) {
        fault ||= r.code;
        for (const m of made) {
          m.re.fill(NaN);
          m.im?.fill(NaN);
        }
      }
      over(ins.length, all.length, write, i);
    }
    return fault;
  };
};

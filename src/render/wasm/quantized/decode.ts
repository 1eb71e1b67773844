/** Decodes blocks of quantized rows into scratch as float32, vector by vector of each chunk. */
import type { DType } from "../../../core/dtype.js";
import type { QuantizedFormat } from "../../../core/routine.js";
import type { Features } from "../../contract.js";
import type { Func, Module } from "../encoder.js";
import { Frame } from "../routines/frame.js";
import { Chunks, loadScale } from "./chunk.js";

/** Rows as they are in memory. */
export interface QuantizedRows {
  readonly format: QuantizedFormat;
  /** Of scales and biases. */
  readonly scales: DType;
  /** Numbers of a row. */
  readonly length: number;
}

export const groupsOf = ({ format, length }: QuantizedRows): number => length / format.groupSize;
export const wordBytes = ({ format, length }: QuantizedRows): number => (length * format.bits) / 8;

/** Where decoded vectors go. */
export interface Target {
  /** Bytes from row to row, and from chunk to chunk. */
  readonly row: number;
  readonly chunk: number;
  /** Byte of vector j of a chunk. */
  vector(j: number): number;
}

/** Chunks of a group that are written one behind the other without a loop. */
const unrolled = 2;

/** A function (words, scales, biases, to, rows, groups): decodes the first groups of rows from these addresses on. */
export const emitDecode = (
  module: Module,
  features: Features,
  rows: QuantizedRows,
  target: Target,
): Func => {
  const { format, scales: dtype } = rows;
  const func = module.func(["i32", "i32", "i32", "i32", "i32", "i32"]);
  const f = new Frame(func, features);
  const { code, four } = f;
  const [words = 0, scales = 0, biases = 0, to = 0, count = 0, groups = 0] = [0, 1, 2, 3, 4, 5].map(
    (i) => code.param(i),
  );
  const chunks = new Chunks(f, format, features);
  const { perGroup } = chunks;
  const zero = f.constant(0);
  code.loop(zero, count, 1, (r) => {
    const wordRow = f.at(words, r, wordBytes(rows));
    const scaleRow = f.at(scales, r, groupsOf(rows) * dtype.size);
    const biasRow = f.at(biases, r, groupsOf(rows) * dtype.size);
    const toRow = f.at(to, r, target.row);
    code.loop(zero, groups, 1, (g) => {
      const scale = four.splat("f32", loadScale(f, format, dtype, f.at(scaleRow, g, dtype.size)));
      const bias =
        format.mode === "affine"
          ? four.splat("f32", loadScale(f, format, dtype, f.at(biasRow, g, dtype.size)))
          : null;
      const from = f.at(wordRow, g, perGroup * chunks.bytes);
      const into = f.at(toRow, g, perGroup * target.chunk);
      const some = (q: number, fromChunk: number, intoChunk: number): void => {
        const word = chunks.load(fromChunk, q * chunks.bytes);
        for (let j = 0; j < chunks.codes; j++) {
          const value = chunks.decoded(word, j, scale, bias);
          code.store("v128.store", intoChunk, value, q * target.chunk + target.vector(j));
        }
      };
      if (perGroup <= unrolled) for (let q = 0; q < perGroup; q++) some(q, from, into);
      else {
        code.loop(zero, f.constant(perGroup), 1, (q) =>
          some(0, f.at(from, q, chunks.bytes), f.at(into, q, target.chunk)),
        );
      }
    });
  });
  code.finish();
  return func;
};

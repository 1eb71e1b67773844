/** Saving and loading npy files: one array each, in NumPy's and MLX's layout. */
import { complex64, type DType } from "../core/dtype.js";
import { ArgumentError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { evaluateNodes, NDArray } from "../graph/array.js";
import { Node, noNodes, sizeOf } from "../graph/node.js";
import { transpose } from "../ops/shape.js";
import { writeAtomically } from "./files.js";
import { readNpyHeader, writeNpyHeader } from "./npy-header.js";
import { pathToSave } from "./saving.js";
import type { ByteSource, Conversion } from "./source.js";

/** Turns big-endian elements into little-endian ones; each half of a complex number is one. */
const swapping = (dtype: DType, byteLength: number): Conversion => ({
  byteLength,
  apply: (bytes) => {
    const size = dtype === complex64 ? 4 : dtype.size;
    for (let i = 0; i < bytes.length; i += size) bytes.subarray(i, i + size).reverse();
    return bytes;
  },
});

/** The array of an npy file. */
export const readNpy = (source: ByteSource): NDArray => {
  const { dtype, bigEndian, fortranOrder, shape, from } = readNpyHeader(source);
  const size = sizeOf(shape);
  // Where both orders are the same there is nothing to transpose.
  const turned = fortranOrder && size > 1 && !shape.includes(size);
  const stored = turned ? [...shape].reverse() : shape;
  const node = new Node(null, noNodes, undefined, stored, dtype, 0);
  const length = size * dtype.size;
  const swap = bigEndian && dtype.size > 1 ? swapping(dtype, length) : undefined;
  node.data = source.storage("load", from, length, swap);
  const array = new NDArray(node);
  return turned ? transpose(array) : array;
};

const op = "save";

/**
 * Writes one array to an npy file, computing it first. `.npy` is added to a name that lacks it. The file is replaced in one
 * step: on any failure it is as it was.
 *
 * @param file path of the file
 * @param array the array, of any dtype; bfloat16 is stored as `<V2`
 * @throws ArgumentError for another value and where the file cannot be written
 * @example
 * mx.save("grid.npy", mx.arange(6).reshape(2, 3));
 * mx.load("grid.npy").shape; // [2, 3]
 * @see mlx.core.save
 */
export const save = (file: string, array: NDArray): void => {
  const path = pathToSave(op, file, ".npy");
  const given: unknown = array;
  if (!(given instanceof NDArray)) {
    throw new ArgumentError(
      `[${op}] expected an array, got ${describe(given)}: make it one with array, or save several with savez`,
    );
  }
  const { node } = given;
  evaluateNodes(op, [node]);
  const parts = [writeNpyHeader(node.shape, node.dtype)];
  writeAtomically(
    op,
    path,
    (function* () {
      yield* parts;
      if (node.data !== null) yield node.data.read();
    })(),
  );
};

/** Saving and loading safetensors files, in MLX's and Hugging Face's layout. */
import { ArgumentError, DTypeError, FormatError } from "../core/errors.js";
import { describe, isPlainObject, setOwn } from "../core/guards.js";
import { evaluateNodes, NDArray } from "../graph/array.js";
import { Node, noNodes } from "../graph/node.js";
import { writeAtomically } from "./files.js";
import { headerLimit, nameOfDtype, readHeader, writeHeader } from "./safetensors-header.js";
import { type Named, namedArrays, pathToSave } from "./saving.js";
import type { ByteSource } from "./source.js";

/** Options of {@link saveSafetensors}. */
export interface SaveSafetensorsOptions {
  /** Strings to keep beside the tensors. */
  readonly metadata?: Readonly<Record<string, string>> | null;
}

type Strings = Readonly<Record<string, string>>;

const isStrings = (x: unknown): x is Strings =>
  isPlainObject(x) && Object.values(x).every((v) => typeof v === "string");

const op = "saveSafetensors";

/** The metadata, given as such or as the one option. */
const readMetadata = (given: unknown): Strings => {
  if (given === undefined || given === null) return {};
  if (isStrings(given)) return given;
  if (isPlainObject(given) && Object.keys(given).every((k) => k === "metadata")) {
    const { metadata } = given;
    if (metadata === undefined || metadata === null) return {};
    if (isStrings(metadata)) return metadata;
  }
  throw new ArgumentError(
    `[${op}] expected metadata of strings, got ${describe(given)}: pass { metadata: { name: "text" } }`,
  );
};

const readArrays = (arrays: unknown): Named[] => {
  const named = namedArrays(op, arrays);
  for (const { name, node } of named) {
    if (name === "__metadata__") {
      throw new ArgumentError(
        `[${op}] expected names of tensors, got "__metadata__", which the format reserves: rename it`,
      );
    }
    if (nameOfDtype(node.dtype) === null) {
      throw new DTypeError(
        `[${op}] expected a dtype that MLX writes to safetensors, got ${node.dtype.name} under ${JSON.stringify(name)}: cast it to float32`,
      );
    }
  }
  return named;
};

/** Wide dtypes first, so that every tensor starts on a multiple of its element size; then by name. */
const order = (a: Named, b: Named): number =>
  b.node.dtype.size - a.node.dtype.size || (a.name < b.name ? -1 : 1);

function* contents(named: readonly Named[], metadata: Strings): Generator<Uint8Array> {
  const outlines = named.map(({ name, node }) => ({ name, dtype: node.dtype, shape: node.shape }));
  const header = writeHeader(outlines, metadata);
  if (header.length - 8 > headerLimit) {
    throw new FormatError(
      `[${op}] expected a header of at most ${headerLimit} bytes, got ${header.length - 8}: shorten names or metadata`,
    );
  }
  yield header;
  for (const { node } of named) if (node.data !== null) yield node.data.read();
}

/**
 * Writes arrays to a safetensors file, computing them first. `.safetensors` is added to a name that lacks it. The file is
 * replaced in one step: on any failure it is as it was.
 *
 * @param file path of the file
 * @param arrays the arrays by name
 * @param metadata strings to keep beside them, as such or as `{ metadata }`
 * @throws DTypeError for float64 arrays, ArgumentError for other values and where the file cannot be written
 * @example
 * const [w, b] = [mx.ones([2, 3]), mx.zeros([3])];
 * mx.saveSafetensors("model.safetensors", { w, b }, { metadata: { format: "mlx" } });
 * @see mlx.core.save_safetensors
 */
export const saveSafetensors = (
  file: string,
  arrays: Readonly<Record<string, NDArray>>,
  metadata?: SaveSafetensorsOptions | Strings | null,
): void => {
  const path = pathToSave(op, file, ".safetensors");
  const strings = readMetadata(metadata);
  const named = readArrays(arrays).sort(order);
  evaluateNodes(
    op,
    named.map((n) => n.node),
  );
  writeAtomically(op, path, contents(named, strings));
};

/** Arrays by name, and the strings kept beside them. */
export interface Contents {
  readonly arrays: Record<string, NDArray>;
  readonly metadata: Record<string, string>;
}

/** All tensors of a safetensors file; their bytes are read when needed. */
export const readSafetensors = (source: ByteSource): Contents => {
  const { entries, metadata } = readHeader(source);
  const arrays: Record<string, NDArray> = {};
  for (const { name, dtype, shape, from, length } of entries) {
    const node = new Node(null, noNodes, undefined, shape, dtype, 0);
    node.data = source.storage("load", from, length);
    setOwn(arrays, name, new NDArray(node));
  }
  return { arrays, metadata };
};

/** Saving and loading npz files: zip archives of one npy file per array. */
import { ArgumentError, FormatError } from "../core/errors.js";
import { isPlainObject, setOwn } from "../core/guards.js";
import { evaluateNodes, type NDArray } from "../graph/array.js";
import { deflater, writeAtomically } from "./files.js";
import { readNpy } from "./npy.js";
import { writeNpyHeader } from "./npy-header.js";
import { type Named, namedArrays, pathToSave } from "./saving.js";
import type { ByteSource } from "./source.js";
import { readZip } from "./zip.js";
import { type ToWrite, writeZip } from "./zip-writer.js";

/** All arrays of an npz file. */
export const readNpz = (source: ByteSource): Record<string, NDArray> => {
  const arrays: Record<string, NDArray> = {};
  for (const [member, bytes] of readZip(source)) {
    const name = member.endsWith(".npy") ? member.slice(0, -4) : member;
    if (Object.hasOwn(arrays, name)) {
      throw new FormatError(
        `[load] expected each array once in ${source.name}, got ${JSON.stringify(name)} twice in the directory at its end (offsets up to ${source.size}): the archive is corrupt`,
      );
    }
    setOwn(arrays, name, readNpy(bytes));
  }
  return arrays;
};

/** Arrays by position, then some by name. */
type Arguments = readonly (NDArray | Readonly<Record<string, NDArray>>)[];

const readArguments = (op: string, given: readonly unknown[]): Named[] => {
  const last = given.at(-1);
  const byName = isPlainObject(last);
  const positional = byName ? given.slice(0, -1) : given;
  const list = namedArrays(op, Object.fromEntries(positional.map((a, i) => [`arr_${i}`, a])));
  const named = [...list, ...(byName ? namedArrays(op, last) : [])];
  const seen = new Set<string>();
  for (const { name } of named) {
    if (seen.has(name)) {
      throw new ArgumentError(
        `[${op}] expected names that no array by position has, got ${JSON.stringify(name)}: rename it`,
      );
    }
    seen.add(name);
    if (new TextEncoder().encode(name).length > 0xffff - 4) {
      throw new ArgumentError(
        `[${op}] expected names of at most 65531 bytes, got one of ${name.length} characters: shorten it`,
      );
    }
  }
  return named;
};

const toWrite = ({ name, node }: Named): ToWrite => ({
  name: `${name}.npy`,
  bytes: () => {
    const header = writeNpyHeader(node.shape, node.dtype);
    const data = node.data?.read() ?? new Uint8Array(0);
    const bytes = new Uint8Array(header.length + data.length);
    bytes.set(header);
    bytes.set(data, header.length);
    return bytes;
  },
});

const write = (op: string, file: string, given: Arguments, compressed: boolean): void => {
  const path = pathToSave(op, file, ".npz");
  const named = readArguments(op, given);
  const deflate = compressed ? deflater(op) : null;
  evaluateNodes(
    op,
    named.map((n) => n.node),
  );
  writeAtomically(op, path, writeZip(named.map(toWrite), deflate));
};

/**
 * Writes arrays to an npz file, computing them first. `.npz` is added to a name that lacks it. The file is replaced in one
 * step: on any failure it is as it was.
 *
 * @param file path of the file
 * @param arrays arrays, which get the names `arr_0`, `arr_1`, …; last an object of arrays by name
 * @throws ArgumentError for other values, a name given twice, and where the file cannot be written
 * @example
 * mx.savez("pair.npz", mx.zeros([2]), { w: mx.ones([2, 3]) });
 * Object.keys(mx.load("pair.npz")); // ["arr_0", "w"]
 * @see mlx.core.savez
 */
export const savez = (file: string, ...arrays: Arguments): void =>
  write("savez", file, arrays, false);

/**
 * The same as {@link savez}, deflated.
 *
 * @param file path of the file
 * @param arrays arrays, which get the names `arr_0`, `arr_1`, …; last an object of arrays by name
 * @throws ArgumentError for other values, a name given twice, and where the file cannot be written
 * @example
 * mx.savezCompressed("zeros.npz", { zeros: mx.zeros([1000]) });
 * mx.load("zeros.npz").zeros?.shape; // [1000]
 * @see mlx.core.savez_compressed
 */
export const savezCompressed = (file: string, ...arrays: Arguments): void =>
  write("savezCompressed", file, arrays, true);

/** Importing functions from files of this library or of MLX. */
import { readOptions } from "../core/options.js";
import { type AtOnce, type InTime, isInTime, sourceInTime, sourceOf } from "../io/open.js";
import type { ByteSource } from "../io/source.js";
import { type ImportedFunction, importedFunction } from "./imported.js";
import { readMlxFormat } from "./mlx/tape.js";
import { isOwnFormat, op, readOwnFormat } from "./read-file.js";

/** Options of {@link importFunction}. */
export interface ImportFunctionOptions {
  /** Return the text beside the function as well. */
  readonly returnMetadata?: boolean;
}

type WithMetadata = { readonly returnMetadata: true };

const read = (source: ByteSource): [ImportedFunction, string] => {
  const contents = isOwnFormat(source) ? readOwnFormat(source) : readMlxFormat(source);
  const { functions, shapeless, metadata } = contents;
  return [importedFunction(source.name, functions, shapeless), metadata];
};

/**
 * Reads a function that {@link exportFunction}, {@link exporter} or MLX wrote. It is called with arrays as those it was exported
 * for, by position and, in an object behind them, by name, and gives a list of arrays. It can be differentiated, mapped and
 * compiled as any other.
 *
 * @param file a path, bytes, a `URL`, a `Blob` or a `ReadableStream` of bytes; the latter three give a promise
 * @throws FormatError naming file, offset and cause when the content is not what it claims to be, or uses a primitive of MLX
 * that is not there; ArgumentError for a file that cannot be read
 * @example
 * mx.exportFunction("f.fn", (x: mx.NDArray, { y }: { y: mx.NDArray }) => x.add(y), mx.array(1), { y: mx.array(2) });
 * const [f, metadata] = mx.importFunction("f.fn", { returnMetadata: true });
 * f(mx.array(3), { y: mx.array(4) })[0]?.item(); // 7
 * metadata.length; // 0
 * @see mlx.core.import_function
 */
export function importFunction(
  file: AtOnce,
  options: ImportFunctionOptions & WithMetadata,
): [ImportedFunction, string];
export function importFunction(
  file: InTime,
  options: ImportFunctionOptions & WithMetadata,
): Promise<[ImportedFunction, string]>;
export function importFunction(file: AtOnce, options?: ImportFunctionOptions): ImportedFunction;
export function importFunction(
  file: InTime,
  options?: ImportFunctionOptions,
): Promise<ImportedFunction>;
export function importFunction(file: AtOnce | InTime, options?: ImportFunctionOptions): unknown {
  const { returnMetadata = false } = readOptions<ImportFunctionOptions>(op, options, [
    "returnMetadata",
  ]);
  const result = (source: ByteSource): unknown => {
    const [f, metadata] = read(source);
    return returnMetadata ? [f, metadata] : f;
  };
  return isInTime(file) ? sourceInTime(op, file).then(result) : result(sourceOf(op, file));
}

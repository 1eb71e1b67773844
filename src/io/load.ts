/** Loading arrays from files, URLs, blobs and bytes; the format follows from the name or is stated. */
import { ArgumentError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readPositional } from "../core/options.js";
import type { NDArray } from "../graph/array.js";
import { readGguf } from "./gguf.js";
import type { GgufValue } from "./gguf-header.js";
import { readNpy } from "./npy.js";
import { readNpz } from "./npz.js";
import { type AtOnce, type InTime, isInTime, nameOfBlob, sourceInTime, sourceOf } from "./open.js";
import { readSafetensors } from "./safetensors.js";
import type { ByteSource } from "./source.js";

/** The formats {@link load} knows. */
export type FileFormat = "npy" | "npz" | "safetensors" | "gguf";

/** Options of {@link load}. */
export interface LoadOptions<F extends FileFormat | null = FileFormat | null> {
  /** The format, when the name does not tell it. */
  readonly format?: F;
  /** Return the metadata as well, of formats that have some. */
  readonly returnMetadata?: boolean;
}

type Arrays = Record<string, NDArray>;
type Strings = Record<string, string>;
type WithMetadata = { readonly returnMetadata: true };

/** One array, or arrays by name. */
interface Loaded {
  readonly npy: NDArray;
  readonly npz: Arrays;
  readonly safetensors: Arrays;
  readonly gguf: Arrays;
}

/** The metadata of each format. */
interface MetadataBy {
  readonly npy: never;
  readonly npz: never;
  readonly safetensors: Strings;
  readonly gguf: Record<string, GgufValue>;
}

/** The format that a name tells, where the type of the name tells the name. */
type FormatOf<N> = {
  [F in FileFormat]: N extends `${string}.${F}` ? F : never;
}[FileFormat];

/** The stated format, else the one of the name, else any. */
type Format<N, F> = [F] extends [FileFormat]
  ? F
  : [FormatOf<N>] extends [never]
    ? FileFormat
    : FormatOf<N>;

/** What {@link load} gives: one array from npy, else arrays by name. Either, where neither format nor name is known to the compiler. */
export type LoadedFrom<N, F> = Loaded[Format<N, F>];

/** The arrays and the metadata that {@link load} gives with `returnMetadata`. */
export type LoadedPair<N, F> = [Arrays, MetadataBy[Format<N, F>]];

const op = "load";

/** What a reader finds; null where the format has no metadata. */
interface Result {
  readonly value: NDArray | Arrays;
  readonly metadata: Record<string, GgufValue> | null;
}

type Reader = (source: ByteSource) => Result;

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["npy", (source) => ({ value: readNpy(source), metadata: null })],
  ["npz", (source) => ({ value: readNpz(source), metadata: null })],
  [
    "safetensors",
    (source) => {
      const { arrays, metadata } = readSafetensors(source);
      return { value: arrays, metadata };
    },
  ],
  [
    "gguf",
    (source) => {
      const { arrays, metadata } = readGguf(source);
      return { value: arrays, metadata };
    },
  ],
]);

const readerFor = (name: string | null, format: unknown): Reader => {
  const known = [...readers.keys()].join(", ");
  if (format !== undefined && format !== null) {
    const reader = typeof format === "string" ? readers.get(format) : undefined;
    if (reader !== undefined) return reader;
    throw new ArgumentError(
      `[${op}] expected a format among ${known}, got ${describe(format)}: pass one of these`,
    );
  }
  if (name === null) {
    throw new ArgumentError(
      `[${op}] expected a format for data without a name, got none: pass { format } with one of ${known}`,
    );
  }
  const reader = readers.get(name.slice(name.lastIndexOf(".") + 1).toLowerCase());
  if (reader !== undefined) return reader;
  throw new ArgumentError(
    `[${op}] expected a file name ending in one of ${known}, got ${JSON.stringify(name)}: pass { format } when the name does not tell it`,
  );
};

/** The name that tells the format. */
const nameOf = (file: unknown): string | null => {
  if (typeof file === "string") return file;
  if (file instanceof URL) return file.pathname;
  return file instanceof Blob ? nameOfBlob(file) : null;
};

/**
 * Loads what a file holds: one array from npy, arrays by name from npz, safetensors and gguf. Of a large file each array is read when it
 * is first needed. From a `URL`, a `Blob` or a stream it gives a promise.
 *
 * @param file a path, bytes, a `URL`, a `Blob` or a `ReadableStream` of bytes
 * @param options the format where the name does not tell it, as such or as `{ format }`; `{ returnMetadata: true }`
 * @returns the array or the arrays by name; with `returnMetadata` a pair of them and the metadata
 * @throws FormatError naming file, offset and cause when the content is not what it claims to be, ArgumentError for a
 * file that cannot be read, an unknown format, or metadata asked of npy or npz
 * @example
 * mx.saveSafetensors("linear.safetensors", { w: mx.ones([2, 3]), b: mx.zeros([3]) }, { note: "tiny" });
 * const [arrays, metadata] = mx.load("linear.safetensors", { returnMetadata: true });
 * arrays.w?.shape; // [2, 3]
 * metadata.note; // tiny
 * @see mlx.core.load
 */
export function load<const N extends AtOnce, F extends FileFormat | null = null>(
  file: N,
  options: LoadOptions<F> & WithMetadata,
): LoadedPair<N, F>;
export function load<F extends FileFormat | null = null>(
  file: InTime,
  options: LoadOptions<F> & WithMetadata,
): Promise<LoadedPair<InTime, F>>;
export function load<const N extends AtOnce, F extends FileFormat | null = null>(
  file: N,
  options?: LoadOptions<F> | F,
): LoadedFrom<N, F>;
export function load<F extends FileFormat | null = null>(
  file: InTime,
  options?: LoadOptions<F> | F,
): Promise<LoadedFrom<InTime, F>>;
export function load(file: AtOnce | InTime, first?: LoadOptions | FileFormat | null): unknown {
  const options = readPositional<LoadOptions>(op, "format", first ?? undefined, undefined, [
    "format",
    "returnMetadata",
  ]);
  const { format, returnMetadata = false } = options;
  const result = ({ value, metadata }: Result): unknown => {
    if (!returnMetadata) return value;
    if (metadata !== null) return [value, metadata];
    throw new ArgumentError(
      `[${op}] expected a format with metadata, got npy or npz with returnMetadata: leave it out`,
    );
  };
  if (isInTime(file)) {
    // A wrong format fails before anything is fetched, as a rejected promise like every other failure.
    const start = async (): Promise<Result> => {
      const reader = readerFor(nameOf(file), format);
      return reader(await sourceInTime(op, file));
    };
    return start().then(result);
  }
  return result(readerFor(nameOf(file), format)(sourceOf(op, file)));
}

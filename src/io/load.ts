/** Loading arrays from files, URLs, blobs and bytes; the format follows from the name or is stated. */
import { ArgumentError, FormatError } from "../core/errors.js";
import { describe } from "../core/guards.js";
import { readPositional } from "../core/options.js";
import type { NDArray } from "../graph/array.js";
import { OpenFile, pathOf } from "./files.js";
import { type Contents, readSafetensors } from "./safetensors.js";
import { type ByteSource, fileSource, memorySource } from "./source.js";

/** Options of {@link load}. */
export interface LoadOptions {
  /** The format, when the name does not tell it. */
  readonly format?: "safetensors" | null;
  /** Return the metadata as well. */
  readonly returnMetadata?: boolean;
}

type WithMetadata = LoadOptions & { readonly returnMetadata: true };
type Arrays = Record<string, NDArray>;
type Strings = Record<string, string>;

const op = "load";

const readers: ReadonlyMap<string, (source: ByteSource) => Contents> = new Map([
  ["safetensors", readSafetensors],
]);

const readerFor = (name: string | null, format: unknown): ((source: ByteSource) => Contents) => {
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

const fetched = async (url: URL): Promise<ByteSource> => {
  const response = await fetch(url);
  if (!response.ok) {
    throw new FormatError(
      `[${op}] expected the file at ${url.href}, got HTTP status ${response.status}: check the address`,
    );
  }
  return memorySource(url.href, new Uint8Array(await response.arrayBuffer()));
};

const nameOfBlob = (blob: Blob): string | null =>
  "name" in blob && typeof blob.name === "string" ? blob.name : null;

const fromUrl = async (url: URL, format: unknown): Promise<Contents> => {
  const reader = readerFor(url.pathname, format);
  if (url.protocol !== "file:") return reader(await fetched(url));
  return reader(fileSource(op, new OpenFile(op, pathOf(op, url))));
};

const fromBlob = async (blob: Blob, format: unknown): Promise<Contents> => {
  const name = nameOfBlob(blob);
  const reader = readerFor(name, format);
  return reader(memorySource(name ?? "the blob", new Uint8Array(await blob.arrayBuffer())));
};

/**
 * Loads arrays by name from a path, or from bytes. Of a large file each array is read when it is first needed.
 * From a `URL` or a `Blob` it gives a promise.
 *
 * @param file a path, bytes, a `URL` or a `Blob`
 * @returns the arrays by name; with `returnMetadata` a pair of them and the metadata
 * @throws FormatError naming file, offset and cause when the content is not what it claims to be, ArgumentError for a
 * file that cannot be read or an unknown format
 * @example
 * mx.saveSafetensors("linear.safetensors", { w: mx.ones([2, 3]), b: mx.zeros([3]) }, { note: "tiny" });
 * const [arrays, metadata] = mx.load("linear.safetensors", { returnMetadata: true });
 * arrays.w?.shape; // [2, 3]
 * metadata.note; // tiny
 * @see mlx.core.load
 */
export function load(
  file: string | ArrayBuffer | Uint8Array,
  options: WithMetadata,
): [Arrays, Strings];
export function load(file: URL | Blob, options: WithMetadata): Promise<[Arrays, Strings]>;
export function load(
  file: string | ArrayBuffer | Uint8Array,
  options?: LoadOptions | LoadOptions["format"],
): Arrays;
export function load(
  file: URL | Blob,
  options?: LoadOptions | LoadOptions["format"],
): Promise<Arrays>;
export function load(
  file: string | ArrayBuffer | Uint8Array | URL | Blob,
  first?: LoadOptions | LoadOptions["format"],
): Arrays | [Arrays, Strings] | Promise<Arrays | [Arrays, Strings]> {
  const options = readPositional<LoadOptions>(op, "format", first ?? undefined, undefined, [
    "format",
    "returnMetadata",
  ]);
  const { format, returnMetadata = false } = options;
  const result = ({ arrays, metadata }: Contents): Arrays | [Arrays, Strings] =>
    returnMetadata ? [arrays, metadata] : arrays;
  if (typeof file === "string") {
    const reader = readerFor(file, format);
    return result(reader(fileSource(op, new OpenFile(op, file))));
  }
  if (file instanceof URL) return fromUrl(file, format).then(result);
  if (file instanceof Blob) return fromBlob(file, format).then(result);
  const given: unknown = file;
  if (given instanceof Uint8Array || given instanceof ArrayBuffer) {
    const bytes = given instanceof ArrayBuffer ? new Uint8Array(given) : given;
    return result(readerFor(null, format)(memorySource("the given bytes", bytes)));
  }
  throw new ArgumentError(
    `[${op}] expected a path, bytes, a URL or a Blob, got ${describe(given)}: pass one of these`,
  );
}
